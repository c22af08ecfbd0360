// Finds the tables of a statement and the keyspace each belongs to. Knows MySQL's and Vitess's naming rules, not routing.

import { noDatabase, notSupported, ShardgateError } from "../base/errors.ts";
import type { ObjectName, SqlMode, Statement, TableName } from "../sql/tree.ts";
import { cteReferences, sequenceOf } from "../sql/tables.ts";
import { walk } from "../sql/walk.ts";
import type { ClusterSchema, TableSchema } from "../schema/model.ts";
import type { TabletType } from "../topo/records.ts";
import type { ClusterVSchema, KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";
import type { SessionTemporaries } from "./temporary.ts";
import { type NameOf, ruleTarget, withTargets } from "./routing-rules.ts";
import { missingTable, unknownDatabase } from "./unknown-database.ts";

export interface PlanContext {
  /** What the shards' tables look like, as far as it is known. */
  readonly schema: ClusterSchema;
  readonly vschema: ClusterVSchema;
  /** The session's keyspace; undefined when none is selected. */
  readonly keyspace: string | undefined;
  /** What the session reads from, as routing rules ask; default: primaries. */
  readonly tabletType?: TabletType;
  /** Of the session, in sharded keyspaces; they are in `vschema` and `schema`. Undefined: it cannot have any. */
  readonly temporaries?: SessionTemporaries;
  /** Tables that are made in sharded keyspaces are entered in the VSchema then. */
  readonly autoVSchema?: boolean;
  /** What the mysqlds are, as far as it shows in errors; default: MySQL 8. */
  readonly dialect?: SqlMode["dialect"];
}

/** A table of a statement. `table` is undefined for tables an unsharded keyspace's VSchema does not list. */
export interface ResolvedTable {
  readonly keyspace: KeyspaceVSchema;
  readonly name: string;
  readonly table: TableVSchema | undefined;
  /** As the shards have it, as far as it is known. */
  readonly definition?: TableSchema | undefined;
}

/** Schemas every mysqld has for itself. */
export const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set([
  "information_schema",
  "mysql",
  "performance_schema",
  "sys",
]);

export interface StatementTables {
  /** In order of appearance, subqueries included, common table expressions left out. */
  readonly tables: readonly ResolvedTable[];
  /** Some table belongs to a system schema. */
  readonly system: boolean;
  /** Some table stands without its schema. */
  readonly bare: boolean;
}

/** Names of tables as they stand in the statement, in order of appearance; those of common table expressions left out. */
export function tableNamesOf(statement: Statement): readonly (TableName | ObjectName)[] {
  const ctes = cteReferences(statement);
  const named: (TableName | ObjectName)[] = [];
  walk(statement, (node) => {
    if (node.kind === "tableName") {
      if (!ctes.has(node)) named.push(node);
    } else if (node.kind === "insert") named.push(node.table);
    else if (node.kind === "load") named.push(node.table);
    else if (node.kind === "ddl" && isTableObject(node.object)) {
      // The name of an index, or of a trigger, is none of a table; a trigger is dropped by its name alone.
      const isOfTable = node.object === "index" || (node.object === "trigger" && node.references.length > 0);
      if (!isOfTable) named.push(...node.names);
      named.push(...node.references);
    } else if (node.kind === "admin") named.push(...node.tables);
    else if (node.kind === "lock") named.push(...node.locks.map((lock) => lock.table));
    else if (node.kind === "describe") named.push(node.table);
    else {
      const sequence = sequenceOf(node);
      if (sequence !== undefined) named.push(sequence);
    }
    return true;
  });
  return named.filter(({ schema, name }) => schema !== undefined || !isDual(name));
}

/** Throws 1046, 1049, 1146 as MySQL would for names that do not resolve. */
export function tablesOf(statement: Statement, context: PlanContext): StatementTables {
  const tables: ResolvedTable[] = [];
  let system = false;
  let bare = false;
  for (const name of tableNamesOf(statement)) {
    bare ||= name.schema === undefined;
    if (systemTemporary(name, context) !== undefined) tables.push(resolveTable(name, context));
    else if (name.schema !== undefined && SYSTEM_SCHEMAS.has(name.schema.toLowerCase())) system = true;
    else if (name.schema === undefined && context.keyspace !== undefined && SYSTEM_SCHEMAS.has(context.keyspace)) {
      system = true;
    } else tables.push(resolveTable(name, context));
  }
  return { tables, system, bare };
}

/**
 * The table a name means: that of its routing rule if there is one, else that of the query's or session's keyspace, else
 * the only one of that name that keyspaces let be found without theirs.
 */
export function resolveTable(
  name: { readonly schema: string | undefined; readonly name: string },
  context: PlanContext,
): ResolvedTable {
  const own = systemTemporary(name, context);
  if (own !== undefined) return own;
  const schema = name.schema ?? context.keyspace;
  const target = ruleTarget(context.vschema.routingRules, schema, name.name, context.tabletType ?? "primary");
  const resolved =
    target !== undefined
      ? resolveIn(target.keyspace, target.table, context)
      : schema === undefined
        ? resolveAnywhere(name.name, context)
        : resolveIn(schema, name.name, context, name.schema !== undefined);
  return { ...resolved, definition: context.schema.table(resolved.keyspace.keyspace, resolved.name) };
}

/** The session's own table of that name in a system schema; undefined: there is none. */
function systemTemporary(
  { schema, name }: { readonly schema: string | undefined; readonly name: string },
  { temporaries, vschema, schema: known }: PlanContext,
): ResolvedTable | undefined {
  if (temporaries?.systemHome === undefined || schema === undefined || !SYSTEM_SCHEMAS.has(schema)) return undefined;
  const keyspace = vschema.keyspaces.get(temporaries.systemHome);
  if (keyspace === undefined || !temporaries.has(schema, name)) return undefined;
  return { keyspace, name, table: undefined, definition: known.table(schema, name) };
}

function resolveIn(schema: string, name: string, context: PlanContext, isNamed = false): ResolvedTable {
  const keyspace = context.vschema.keyspaces.get(schema);
  if (keyspace === undefined) throw isNamed ? missingTable(schema, name, context) : unknownDatabase(schema);
  const table = keyspace.tables.get(name);
  if (table === undefined && keyspace.sharded) {
    // Queries have none left when they are planned.
    if (context.schema.table(schema, name)?.kind === "view") {
      throw notSupported(`view \`${schema}\`.\`${name}\` in a statement that is no query`, "name its tables");
    }
    throw new ShardgateError(
      "ER_NO_SUCH_TABLE",
      `Table '${schema}.${name}' doesn't exist in the VSchema of sharded keyspace '${schema}'; ` +
        "if the shards have it, add it there with ApplyVSchema",
    );
  }
  return { keyspace, name, table };
}

/**
 * Without a selected keyspace a table is found if just one keyspace lists it and does not ask to be named; of a reference
 * table and its source of the same name the source is meant. Tables that no VSchema lists are those the shards of unsharded
 * keyspaces have. With a single keyspace that is the one.
 */
function resolveAnywhere(name: string, context: PlanContext): ResolvedTable {
  const { keyspaces } = context.vschema;
  const found: ResolvedTable[] = [];
  for (const keyspace of keyspaces.values()) {
    const table = keyspace.tables.get(name);
    if (table !== undefined && !keyspace.requireExplicitRouting) found.push({ keyspace, name, table });
  }
  const sources = found.length > 1 ? found.filter((each) => !found.some((other) => isSource(other, each))) : found;
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  if (only === undefined) return resolveUnlisted(name, context);
  const places = found.map(({ keyspace }) => keyspace.keyspace).join(", ");
  throw new ShardgateError("ER_NO_DB", `Table '${name}' is in several keyspaces (${places}): select one with USE`);
}

/** `copy` is a reference table with the rows of `table`. */
function isSource(table: ResolvedTable, copy: ResolvedTable): boolean {
  const source = copy.table?.source;
  if (source === undefined || table === copy || source.table !== table.name) return false;
  return source.keyspace === undefined || source.keyspace === table.keyspace.keyspace;
}

function resolveUnlisted(name: string, context: PlanContext): ResolvedTable {
  // Databases that clients have made are theirs: nobody else's names come to mean something in them.
  const keyspaces = [...context.vschema.keyspaces.values()].filter(({ servedFrom }) => servedFrom === undefined);
  const open = keyspaces.filter(({ requireExplicitRouting }) => !requireExplicitRouting);
  const having = open.filter(({ sharded, keyspace }) => !sharded && context.schema.table(keyspace, name) !== undefined);
  const [only] = keyspaces.length === 1 ? open : having;
  if (only !== undefined && having.length <= 1) return resolveIn(only.keyspace, name, context);
  throw noDatabase();
}

/**
 * The statement with routing rules followed, and the context it is planned in then. Writes to a reference table that has a
 * source go to the source.
 */
export function followRules(
  statement: Statement,
  context: PlanContext,
): { readonly statement: Statement; readonly context: PlanContext } {
  const { vschema, tabletType = "primary" } = context;
  const rules = vschema.routingRules;
  const targetOf: NameOf = (name) => {
    const schema = name.schema ?? context.keyspace;
    if (schema !== undefined && SYSTEM_SCHEMAS.has(schema.toLowerCase())) return undefined;
    const target = ruleTarget(rules, schema, name.name, tabletType);
    return target?.keyspace === schema && target?.table === name.name ? undefined : target;
  };
  const writeTargetOf: NameOf = (name) => {
    const target = targetOf(name);
    const schema = name.schema ?? context.keyspace;
    if (schema !== undefined && SYSTEM_SCHEMAS.has(schema.toLowerCase())) return undefined;
    const { keyspace, table } = resolveTable(name, context);
    const source = table?.type === "reference" ? table.source : undefined;
    if (source === undefined) return target;
    const others = new Map([...vschema.keyspaces].filter(([other]) => other !== keyspace.keyspace));
    const without = { ...context, keyspace: undefined, vschema: { ...vschema, keyspaces: others, routingRules: [] } };
    const resolved = resolveTable({ schema: source.keyspace, name: source.table }, without);
    return { keyspace: resolved.keyspace.keyspace, table: resolved.name };
  };
  const writes = statement.kind === "insert" || statement.kind === "update" || statement.kind === "delete";
  if (rules.length === 0 && !writes) return { statement, context };
  const followed = withTargets(statement, rules.length === 0 ? NO_TARGET : targetOf, writeTargetOf);
  const unruled = rules.length === 0 ? context : { ...context, vschema: { ...vschema, routingRules: [] } };
  return { statement: followed, context: unruled };
}

const NO_TARGET: NameOf = () => undefined;

/** The one keyspace of all tables; refuses statements over several. Undefined without tables. */
export function commonKeyspace(tables: readonly ResolvedTable[]): KeyspaceVSchema | undefined {
  const first = tables[0]?.keyspace;
  for (const { keyspace } of tables) {
    if (keyspace.keyspace !== first?.keyspace) {
      throw notSupported(
        `statement over keyspaces ${first?.keyspace} and ${keyspace.keyspace}`,
        "query them one after the other",
      );
    }
  }
  return first;
}

function isDual(name: string): boolean {
  return name.toLowerCase() === "dual";
}

function isTableObject(object: string): boolean {
  return object === "table" || object === "view" || object === "index" || object === "trigger" || object === "sequence";
}
