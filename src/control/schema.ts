// Commands on table definitions, through the primaries' tablets. MySQL's DDL cannot be rolled back, so ApplySchema first
// asks every shard whether it is there and agrees with the others, then runs on all at once and tells how each fared.

import { messageOf, MysqlError, ShardgateError } from "../base/errors.ts";
import type { TabletAlias, TabletRecord } from "../topo/records.ts";
import { parseTabletAlias } from "../topo/records.ts";
import type { ControlContext, TableDefinition } from "./context.ts";
import { lockKeyspace, requireKeyspace, TABLET_READ_TIMEOUT_MS } from "./context.ts";
import type { ShardPrimary } from "./tablets.ts";
import { primariesOf } from "./tablets.ts";

export interface ShardSchema {
  readonly keyspace: string;
  readonly shard: string;
  readonly tablet: TabletAlias;
  readonly tables: readonly TableDefinition[];
}

export interface GetSchemaResult {
  /** In the order of the shards' key ranges. */
  readonly shards: readonly ShardSchema[];
  /** One sentence for each table that is not the same on all of them. */
  readonly differences: readonly string[];
}

/**
 * Definitions as the mysqlds have them. `target` is a keyspace, `keyspace/shard`, or a tablet alias; a keyspace or shard
 * is asked through its primaries. `tables`: only these.
 */
export async function getSchema(
  context: ControlContext,
  target: string,
  tables: readonly string[] = [],
): Promise<GetSchemaResult> {
  const tablets = await resolveTarget(context, target);
  const shards = await Promise.all(
    tablets.map(async (tablet): Promise<ShardSchema> => {
      const found = await context.tablets.getSchema(tablet, tables, TABLET_READ_TIMEOUT_MS);
      const sorted = found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return { keyspace: tablet.keyspace, shard: tablet.shard, tablet: tablet.alias, tables: sorted };
    }),
  );
  return { shards, differences: schemaDifferences(shards) };
}

export interface ShardOutcome {
  readonly shard: string;
  readonly tablet: TabletAlias;
  readonly ok: boolean;
  /** Statements that ran; unknown after an error. */
  readonly statements: number | undefined;
  readonly error: string | undefined;
  /** MySQL's error number, when a mysqld refused. */
  readonly errno: number | undefined;
  readonly elapsedMs: number;
}

export interface ApplySchemaResult {
  readonly keyspace: string;
  readonly outcome: "applied" | "partial" | "failed";
  readonly shards: readonly ShardOutcome[];
}

export interface ApplySchemaOptions {
  /** Bound of the DDL on each shard; default an hour. */
  readonly timeoutMs?: number;
  /** Run even when the shards' definitions differ from each other now, to bring them together. */
  readonly allowDifferences?: boolean;
}

const APPLY_TIMEOUT_MS = 3_600_000;
const DDL = /^(?:alter|analyze|create|drop|optimize|rename|truncate)\b/i;

/**
 * Runs DDL on the primary of every serving shard. Throws before anything has run when a shard has no primary, cannot be
 * asked, or differs from the others (SHARD_UNAVAILABLE, CONFIG_BAD); what happens after that is in the result.
 */
export async function applySchema(
  context: ControlContext,
  keyspace: string,
  sql: string,
  options: ApplySchemaOptions = {},
): Promise<ApplySchemaResult> {
  checkDdl(sql);
  await requireKeyspace(context, keyspace);
  await using lock = await lockKeyspace(context, keyspace);
  const primaries = await primariesOf(context, keyspace);
  await checkBefore(context, keyspace, primaries, options.allowDifferences === true);
  if (lock.lost.aborted)
    throw new ShardgateError("TOPO_LOCKED", `the lock on keyspace ${keyspace} was lost; nothing was run`);
  const timeoutMs = options.timeoutMs ?? APPLY_TIMEOUT_MS;
  const shards = await Promise.all(primaries.map((each) => applyOn(context, each, sql, timeoutMs)));
  const succeeded = shards.filter((shard) => shard.ok).length;
  const outcome = succeeded === shards.length ? "applied" : succeeded > 0 ? "partial" : "failed";
  return { keyspace, outcome, shards };
}

/** What differs between shards that should be alike: one sentence a table. Counters of AUTO_INCREMENT do not count. */
export function schemaDifferences(shards: readonly ShardSchema[]): string[] {
  const names = new Set(shards.flatMap((shard) => shard.tables.map((table) => table.name)));
  const differences: string[] = [];
  for (const name of [...names].toSorted()) {
    const variants = new Map<string, string[]>();
    for (const shard of shards) {
      const table = shard.tables.find((each) => each.name === name);
      const text = table === undefined ? "" : comparable(table);
      variants.set(text, [...(variants.get(text) ?? []), shard.shard]);
    }
    if (variants.size < 2) continue;
    const missing = variants.get("");
    differences.push(
      missing === undefined
        ? `table ${name} differs between shards ${[...variants.values()].map((each) => each.join(", ")).join(" and ")}`
        : `table ${name} is missing on shard ${missing.join(", ")}`,
    );
  }
  return differences;
}

async function resolveTarget(context: ControlContext, target: string): Promise<readonly TabletRecord[]> {
  const [keyspace = "", shard, ...rest] = target.split("/");
  if (rest.length > 0)
    throw new ShardgateError("CONFIG_BAD", `"${target}" is no keyspace, keyspace/shard or tablet alias`);
  const names = await context.topology.getKeyspaceNames();
  if (shard === undefined && !names.includes(keyspace) && /-\d{10}$/.test(target)) {
    return [await context.topology.getTablet(parseTabletAlias(target))];
  }
  await requireKeyspace(context, keyspace);
  if (shard !== undefined) await context.topology.getShard(keyspace, shard);
  const primaries = await primariesOf(context, keyspace);
  const wanted = primaries.filter((each) => shard === undefined || each.shard.name === shard);
  if (wanted.length === 0) throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${target} is not serving`);
  return wanted.map((each) => each.primary);
}

function checkDdl(sql: string): void {
  const start = sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*[^!][\s\S]*?\*\/)+/, "");
  if (start === "") throw new ShardgateError("CONFIG_BAD", "there is no statement to apply");
  if (DDL.test(start)) return;
  const word = /^\S{1,20}/.exec(start)?.[0] ?? "";
  throw new ShardgateError(
    "CONFIG_BAD",
    `ApplySchema takes table definitions (CREATE, ALTER, DROP, …), not "${word}…"`,
  );
}

async function checkBefore(
  context: ControlContext,
  keyspace: string,
  primaries: readonly ShardPrimary[],
  allowDifferences: boolean,
): Promise<void> {
  const asked = await Promise.allSettled(
    primaries.map((each) => context.tablets.getSchema(each.primary, [], TABLET_READ_TIMEOUT_MS)),
  );
  const shards: ShardSchema[] = [];
  const silent: string[] = [];
  primaries.forEach(({ shard, primary }, index) => {
    const answer = asked[index];
    if (answer?.status === "fulfilled") {
      shards.push({ keyspace, shard: shard.name, tablet: primary.alias, tables: answer.value });
    } else {
      silent.push(`${shard.name} (tablet ${primary.alias}): ${messageOf(answer?.reason)}`);
    }
  });
  if (silent.length > 0) {
    throw new ShardgateError("SHARD_UNAVAILABLE", `nothing was run, as not every shard answers: ${silent.join("; ")}`);
  }
  const differences = schemaDifferences(shards);
  if (differences.length === 0 || allowDifferences) return;
  throw new ShardgateError(
    "CONFIG_BAD",
    `nothing was run, as the shards of ${keyspace} are not alike: ${differences.join("; ")}`,
  );
}

async function applyOn(
  context: ControlContext,
  { shard, primary }: ShardPrimary,
  sql: string,
  timeoutMs: number,
): Promise<ShardOutcome> {
  const startMs = context.clock.nowMs();
  const base = { shard: shard.name, tablet: primary.alias };
  try {
    const statements = await context.tablets.applySchema(primary, sql, timeoutMs);
    const elapsedMs = context.clock.nowMs() - startMs;
    return { ...base, ok: true, statements, error: undefined, errno: undefined, elapsedMs };
  } catch (error) {
    const errno = error instanceof MysqlError ? error.errno : undefined;
    const elapsedMs = context.clock.nowMs() - startMs;
    return { ...base, ok: false, statements: undefined, error: messageOf(error), errno, elapsedMs };
  }
}

function comparable(table: TableDefinition): string {
  return `${table.type}\n${table.createStatement.replace(/ AUTO_INCREMENT=\d+/, "")}`;
}
