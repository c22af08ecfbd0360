// Validate: whether the cluster is what its topology says. Asks everything and tells all problems, not just the first.

import { messageOf, ShardgateError } from "../base/errors.ts";
import { readRulesJson } from "../rules/read-rules.ts";
import { partitionProblem } from "../topo/key-range.ts";
import type { ShardRecord, TabletRecord } from "../topo/records.ts";
import { checkVSchemas } from "../vschema/check-cluster.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import { checkVSchema } from "../vschema/parse-vschema.ts";
import type { ControlContext } from "./context.ts";
import { requireKeyspace, TABLET_READ_TIMEOUT_MS } from "./context.ts";
import { foreignKeyFaults } from "./foreign-keys.ts";
import type { ShardSchema } from "./schema.ts";
import { schemaDifferences } from "./schema.ts";
import { primaryOf } from "./tablets.ts";
import { goodVSchemas } from "./vschema.ts";

export interface Problem {
  /** `error`: queries fail or may go wrong; `warning`: probably not meant. */
  readonly severity: "error" | "warning";
  /** `customer`, `customer/-80`, `customer.tables.corder…`, `zone1-0000000100`. */
  readonly place: string;
  readonly message: string;
}

export interface ValidateOptions {
  /** Only this keyspace; default all. */
  readonly keyspace?: string;
}

export async function validate(context: ControlContext, options: ValidateOptions = {}): Promise<Problem[]> {
  const { topology } = context;
  if (options.keyspace !== undefined) await requireKeyspace(context, options.keyspace);
  const names = options.keyspace === undefined ? await topology.getKeyspaceNames() : [options.keyspace];
  const [tablets, cells, bad] = await Promise.all([
    topology.getTablets(undefined, { skipBad: true }),
    topology.getCellNames(),
    topology.findBadRecords(),
  ]);
  const perKeyspace = await Promise.all(names.map((name) => validateKeyspace(context, name, tablets)));
  return [
    ...bad.map(({ key, reason }) => problem("error", key, reason)),
    ...perKeyspace.flat(),
    ...validateTablets(tablets, cells, names, options.keyspace),
    ...(await validateReferences(context, options.keyspace)),
    ...(options.keyspace === undefined ? await validateQueryRules(context) : []),
  ];
}

/** Gateways that start now have none of those that are bad. */
async function validateQueryRules({ topology }: ControlContext): Promise<Problem[]> {
  const { rules } = await topology.getQueryRules();
  const read = readRulesJson({ rules: rules ?? [] });
  if (read.kind === "good") return [];
  return read.faults.map(({ path, message }) => problem("error", `query rules: ${path}`, message));
}

async function validateKeyspace(
  context: ControlContext,
  keyspace: string,
  tablets: readonly TabletRecord[],
): Promise<Problem[]> {
  let shards: ShardRecord[];
  try {
    const { servedFrom } = (await context.topology.getKeyspace(keyspace)).record;
    if (servedFrom !== undefined) return await validateServed(context, keyspace, servedFrom);
    shards = (await context.topology.getShards(keyspace)).map((shard) => shard.record);
  } catch (error) {
    if (isBadRecord(error)) return [];
    throw error;
  }
  const serving = shards.filter((shard) => shard.isServing);
  const problems: Problem[] = [];
  const gap = partitionProblem(serving);
  if (gap !== undefined) problems.push(problem("error", keyspace, `the serving shards do not cover every row: ${gap}`));

  const schemas: ShardSchema[] = [];
  await Promise.all(
    shards.map(async (shard) => {
      const place = `${keyspace}/${shard.name}`;
      const primary = primaryOf(shard, tablets);
      if (primary === undefined) {
        const why =
          shard.primaryAlias === undefined
            ? "no primary tablet"
            : `primary tablet ${shard.primaryAlias} is not registered`;
        problems.push(problem(shard.isServing ? "error" : "warning", place, why));
      }
      const own = tablets.filter((tablet) => tablet.keyspace === keyspace && tablet.shard === shard.name);
      await Promise.all(
        own.map(async (tablet) => {
          try {
            const tables = await context.tablets.getSchema(tablet, [], TABLET_READ_TIMEOUT_MS);
            if (tablet === primary && shard.isServing) {
              schemas.push({ keyspace, shard: shard.name, tablet: tablet.alias, tables });
            }
          } catch (error) {
            problems.push(
              problem("error", tablet.alias, `${tablet.type} of ${place} does not answer: ${messageOf(error)}`),
            );
          }
        }),
      );
    }),
  );
  // Answers came in any order; an operator reads them in the order of the shards.
  const order = new Map(shards.map((shard, index) => [shard.name, index]));
  schemas.sort((a, b) => (order.get(a.shard) ?? 0) - (order.get(b.shard) ?? 0));
  for (const difference of schemaDifferences(schemas)) problems.push(problem("error", keyspace, difference));
  problems.push(...(await validateVSchema(context, keyspace, serving.length, schemas)));
  return problems.toSorted((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
}

/** A database of another keyspace's mysqld has no shards of its own. */
async function validateServed(context: ControlContext, keyspace: string, from: string): Promise<Problem[]> {
  const shards = await context.topology.getShards(from);
  if (shards.length === 1) return [];
  return [problem("error", keyspace, `is served from keyspace ${from}, which has ${shards.length} shards and not one`)];
}

async function validateVSchema(
  context: ControlContext,
  keyspace: string,
  servingShards: number,
  schemas: readonly ShardSchema[],
): Promise<Problem[]> {
  let json: unknown;
  try {
    const stored = await context.topology.getVSchema(keyspace);
    if (stored === undefined) {
      return servingShards > 1
        ? [problem("error", keyspace, "has several shards but no VSchema, so no query can be routed")]
        : [];
    }
    json = stored.record.json;
  } catch (error) {
    if (isBadRecord(error)) return [];
    throw error;
  }
  const result = checkVSchema(keyspace, json);
  if (result.kind === "bad") return result.faults.map((fault) => problem("error", fault.path, fault.message));
  const { vschema } = result;
  const problems = vschema.warnings.map((fault) => problem("warning", fault.path, fault.message));
  if (!vschema.sharded && servingShards > 1) {
    problems.push(problem("error", `${keyspace}.sharded`, `is false, but there are ${servingShards} serving shards`));
  }
  for (const schema of schemas) problems.push(...compareTables(vschema, schema));
  const [first] = schemas;
  const crossing = first === undefined ? [] : foreignKeyFaults(vschema, first.tables);
  problems.push(...crossing.map(({ path, message }) => problem("error", path, message)));
  return problems;
}

function compareTables(vschema: KeyspaceVSchema, schema: ShardSchema): Problem[] {
  const problems: Problem[] = [];
  const { keyspace } = vschema;
  const found = new Map(schema.tables.map((table) => [table.name, table]));
  for (const table of vschema.tables.values()) {
    const definition = found.get(table.name);
    const place = `${keyspace}.tables.${table.name}`;
    if (definition === undefined) {
      problems.push(problem("error", place, `is in the VSchema, but there is no such table on shard ${schema.shard}`));
      continue;
    }
    const text = definition.createStatement.toLowerCase();
    const columns = [
      ...table.columnVindexes.flatMap((vindex) => vindex.columnsLower),
      ...(table.autoIncrement === undefined ? [] : [table.autoIncrement.columnLower]),
    ];
    for (const column of new Set(columns)) {
      // The mysqld quotes every name of a definition; views are shown by their SELECT and are not judged.
      if (definition.type === "VIEW" || text.includes(`\`${column}\``)) continue;
      problems.push(problem("error", place, `has no column ${column} on shard ${schema.shard}`));
    }
  }
  if (vschema.sharded) {
    for (const name of found.keys()) {
      if (vschema.tables.has(name)) continue;
      const message = `exists on shard ${schema.shard}, but is not in the VSchema, so no query can use it`;
      problems.push(problem("warning", `${keyspace}.tables.${name}`, message));
    }
  }
  return problems;
}

function validateTablets(
  tablets: readonly TabletRecord[],
  cells: readonly string[],
  keyspaces: readonly string[],
  only: string | undefined,
): Problem[] {
  return tablets.flatMap((tablet) => {
    if (only !== undefined && tablet.keyspace !== only) return [];
    const problems: Problem[] = [];
    if (!cells.includes(tablet.cell))
      problems.push(problem("warning", tablet.alias, `its cell ${tablet.cell} is not defined`));
    if (!keyspaces.includes(tablet.keyspace)) {
      problems.push(problem("error", tablet.alias, `its keyspace ${tablet.keyspace} does not exist`));
    }
    return problems;
  });
}

async function validateReferences(context: ControlContext, only: string | undefined): Promise<Problem[]> {
  try {
    const [keyspaces, { rules }] = await Promise.all([goodVSchemas(context), context.topology.getRoutingRules()]);
    return checkVSchemas({ keyspaces, routingRules: rules })
      .filter((fault) => only === undefined || fault.path.startsWith(`${only}.`))
      .map((fault) => problem("error", fault.path, fault.message));
  } catch (error) {
    if (isBadRecord(error)) return [];
    throw error;
  }
}

/** Told once, by `findBadRecords`; what depends on the record cannot be judged. */
function isBadRecord(error: unknown): boolean {
  return error instanceof ShardgateError && error.id === "TOPO_BAD_RECORD";
}

function problem(severity: "error" | "warning", place: string, message: string): Problem {
  return { severity, place, message };
}
