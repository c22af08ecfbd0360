// Finds the tables of a statement and the keyspace each belongs to. Knows MySQL's and Vitess's naming rules, not routing.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Node, ObjectName, Statement, TableName, With } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";
import type { ClusterSchema } from "../schema/model.ts";
import type { ClusterVSchema, KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";

export interface PlanContext {
  /** What the shards' tables look like, as far as it is known. */
  readonly schema: ClusterSchema;
  readonly vschema: ClusterVSchema;
  /** The session's keyspace; undefined when none is selected. */
  readonly keyspace: string | undefined;
}

/** A table of a statement. `table` is undefined for tables an unsharded keyspace's VSchema does not list. */
export interface ResolvedTable {
  readonly keyspace: KeyspaceVSchema;
  readonly name: string;
  readonly table: TableVSchema | undefined;
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
}

/** Throws 1046, 1049, 1146 as MySQL would for names that do not resolve. */
export function tablesOf(statement: Statement, context: PlanContext): StatementTables {
  const cteNames = new Set<string>();
  const named: (TableName | ObjectName)[] = [];
  walk(statement, (node) => {
    const withClause = withOf(node);
    if (withClause !== undefined) for (const cte of withClause.ctes) cteNames.add(cte.name.toLowerCase());
    if (node.kind === "tableName") named.push(node);
    else if (node.kind === "insert") named.push(node.table);
    else if (node.kind === "load") named.push(node.table);
    else if (node.kind === "ddl" && isTableObject(node.object)) named.push(...node.names, ...node.references);
    else if (node.kind === "admin") named.push(...node.tables);
    else if (node.kind === "lock") named.push(...node.locks.map((lock) => lock.table));
    else if (node.kind === "describe") named.push(node.table);
    return true;
  });
  const tables: ResolvedTable[] = [];
  let system = false;
  for (const name of named) {
    if (name.schema === undefined && (cteNames.has(name.name.toLowerCase()) || isDual(name.name))) continue;
    if (name.schema !== undefined && SYSTEM_SCHEMAS.has(name.schema.toLowerCase())) system = true;
    else if (name.schema === undefined && context.keyspace !== undefined && SYSTEM_SCHEMAS.has(context.keyspace)) {
      system = true;
    } else tables.push(resolveTable(name, context));
  }
  return { tables, system };
}

export function resolveTable(
  name: { readonly schema: string | undefined; readonly name: string },
  context: PlanContext,
): ResolvedTable {
  const { keyspaces } = context.vschema;
  const schema = name.schema ?? context.keyspace;
  if (schema === undefined) return resolveAnywhere(name.name, context);
  const keyspace = keyspaces.get(schema);
  if (keyspace === undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${schema}'`);
  const table = keyspace.tables.get(name.name);
  if (table === undefined && keyspace.sharded) {
    throw new ShardgateError(
      "ER_NO_SUCH_TABLE",
      `Table '${schema}.${name.name}' doesn't exist in the VSchema of sharded keyspace '${schema}'; ` +
        "if the shards have it, add it there with ApplyVSchema",
    );
  }
  return { keyspace, name: name.name, table };
}

/** Without a selected keyspace a table is found if just one keyspace lists it and does not ask to be named. */
function resolveAnywhere(name: string, context: PlanContext): ResolvedTable {
  const found: ResolvedTable[] = [];
  for (const keyspace of context.vschema.keyspaces.values()) {
    const table = keyspace.tables.get(name);
    if (table !== undefined && !keyspace.requireExplicitRouting) found.push({ keyspace, name, table });
  }
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) throw new ShardgateError("ER_NO_DB", "No database selected");
  const places = found.map(({ keyspace }) => keyspace.keyspace).join(", ");
  throw new ShardgateError("ER_NO_DB", `Table '${name}' is in several keyspaces (${places}): select one with USE`);
}

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

function withOf(node: Node): With | undefined {
  return "with" in node && typeof node.with === "object" ? node.with : undefined;
}

function isDual(name: string): boolean {
  return name.toLowerCase() === "dual";
}

function isTableObject(object: string): boolean {
  return object === "table" || object === "view" || object === "index" || object === "trigger" || object === "sequence";
}
