// Definitions in sharded keyspaces: whether every shard can run the statement for itself, and what has to be true of the
// VSchema first. A table that the VSchema does not list would have rows that nobody finds, so it is not made; a foreign key
// that could lead to another shard would be checked against the wrong rows.

import { noDatabase, notSupported } from "../base/errors.ts";
import type { Ddl, ObjectName, Query, Statement } from "../sql/tree.ts";
import { enteredEntry, formatTableEntry, type ProposedEntry, proposeEntry } from "./propose-entry.ts";
import { tableJson } from "../vschema/format-vschema.ts";
import type { KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";
import { refuseForeignKeys } from "./foreign-keys.ts";
import { refuseFunctionOverShards } from "./function-body.ts";
import type { SessionPlan } from "./plan.ts";
import { type PlanContext, resolveTable, SYSTEM_SCHEMAS, tablesOf } from "./tables.ts";
import { missingTable, unknownDatabase } from "./unknown-database.ts";

/** What a keyspace's shards can each have for themselves. */
const OBJECTS: ReadonlySet<string> = new Set(["table", "index", "trigger", "procedure", "function", "event"]);
const ROUTINES: ReadonlySet<string> = new Set(["procedure", "function", "event", "package", "package body"]);

/** Undefined for what is planned as in an unsharded keyspace. Throws 1235 for what shards cannot each do for themselves. */
export function planDefinition(statement: Ddl, context: PlanContext): SessionPlan | undefined {
  const { object, temporary } = statement;
  if (temporary || (!OBJECTS.has(object) && object !== "sequence")) return undefined;
  const keyspace = shardedKeyspaceOf(statement, context);
  if (keyspace === undefined) return undefined;
  if (object === "sequence") {
    const hint = "each shard would give the same numbers: make it in an unsharded keyspace";
    throw notSupported(`${statement.verb.toUpperCase()} SEQUENCE in sharded keyspace ${keyspace.keyspace}`, hint);
  }
  if (statement.object === "table") checkTable(statement, keyspace, context);
  refuseFunctionOverShards(statement, keyspace);
  return { kind: "session", statement };
}

/** The sharded keyspace of what is defined; undefined for an unsharded one. Throws 1235 when it is not in one keyspace. */
export function shardedKeyspaceOf(statement: Ddl, context: PlanContext): KeyspaceVSchema | undefined {
  const keyspaces = new Set<KeyspaceVSchema>();
  for (const name of placedNames(statement)) {
    const keyspace = keyspaceOfName(name, ROUTINES.has(statement.object), context);
    if (keyspace !== undefined) keyspaces.add(keyspace);
  }
  const sharded = [...keyspaces].find((keyspace) => keyspace.sharded);
  if (sharded === undefined || keyspaces.size === 1) return sharded;
  const names = [...keyspaces].map(({ keyspace }) => keyspace).join(" and ");
  throw notSupported(
    `${statement.verb} ${statement.object}`.toUpperCase() + ` over keyspaces ${names}`,
    "a shard has the tables of its own keyspace only",
  );
}

/** The keyspace of the routine or event that is defined or called; undefined for other statements. */
export function keyspaceOfRoutine(statement: Statement, context: PlanContext): KeyspaceVSchema | undefined {
  if (statement.kind === "callProcedure") {
    const { procedure, mayBePackaged } = statement;
    const isPackaged = mayBePackaged === true && !context.vschema.keyspaces.has(procedure.schema ?? "");
    return keyspaceOfName(isPackaged ? { ...procedure, schema: undefined } : procedure, true, context);
  }
  if (statement.kind !== "ddl" || !ROUTINES.has(statement.object)) return undefined;
  const [name] = statement.names;
  return name === undefined ? undefined : keyspaceOfName(name, true, context);
}

/** Names whose keyspace is where the statement runs. An index and a trigger are where their table is. */
function placedNames({ object, names, references }: Ddl): readonly ObjectName[] {
  if (object === "index") return references;
  if (object === "trigger" && references.length > 0) return references;
  return object === "table" || object === "view" || object === "sequence" ? [...names, ...references] : names;
}

function keyspaceOfName(name: ObjectName, isRoutine: boolean, context: PlanContext): KeyspaceVSchema | undefined {
  const schema = name.schema ?? context.keyspace;
  if (schema === undefined) {
    if (isRoutine) throw noDatabase();
    return resolveTable(name, context).keyspace;
  }
  if (SYSTEM_SCHEMAS.has(schema.toLowerCase())) return undefined;
  const keyspace = context.vschema.keyspaces.get(schema);
  if (keyspace === undefined) {
    throw isRoutine || name.schema === undefined ? unknownDatabase(schema) : missingTable(schema, name.name, context);
  }
  return keyspace;
}

function checkTable(statement: Ddl, keyspace: KeyspaceVSchema, context: PlanContext): void {
  const [name] = statement.names;
  const table = name === undefined ? undefined : keyspace.tables.get(name.name);
  if (statement.verb === "create" && statement.query !== undefined) {
    refuseQueryElsewhere(statement.query, keyspace, context);
  }
  const isEntering = context.autoVSchema === true;
  for (const { what, name: unlisted, entry } of unlistedTables(statement, keyspace, isEntering)) {
    if (isEntering && entry.table !== undefined) continue;
    throw notSupported(
      `${what}, which the VSchema of sharded keyspace ${keyspace.keyspace} does not list`,
      `add it with shardgate ctl ApplyVSchema: ${formatTableEntry(unlisted, entry)}`,
    );
  }
  for (const [from, to] of renamesOf(statement)) refuseRename(from, to, keyspace);
  if (table === undefined) return;
  if (statement.verb === "alter") refuseKeyChange(statement, table, context);
  refuseForeignKeys(statement.definition, table, keyspace);
  if (statement.verb === "truncate" && table.columnVindexes.some(({ owned }) => owned)) {
    throw notSupported(
      `TRUNCATE of table ${table.name}, which owns a lookup vindex`,
      "DELETE FROM it, so that the lookup rows go with it",
    );
  }
}

/** Every shard makes the table from the query's columns, so it has to have what the query names. */
function refuseQueryElsewhere(query: Query, keyspace: KeyspaceVSchema, context: PlanContext): void {
  const { tables, system } = tablesOf(query, context);
  if (!system && tables.every((table) => table.keyspace === keyspace)) return;
  throw notSupported(
    `CREATE TABLE … SELECT in sharded keyspace ${keyspace.keyspace} from tables of others`,
    "create the table, then INSERT … SELECT",
  );
}

/** It makes a table with rows, which are not all on every shard. */
export function copiesRows({ verb, object, query }: Ddl): boolean {
  if (verb !== "create" || object !== "table" || query === undefined) return false;
  const count = query.limit?.count;
  return count?.kind !== "literal" || count.value !== "0";
}

/** The tables that the statement makes, by whatever name, and the VSchema does not know yet. `isEntering`: by itself. */
export function unlistedTables(
  statement: Ddl,
  keyspace: KeyspaceVSchema,
  isEntering: boolean,
): readonly { readonly what: string; readonly name: string; readonly entry: ProposedEntry }[] {
  if (statement.object !== "table") return [];
  const { verb, names, references, definition } = statement;
  const [made] = names;
  if (verb === "create") {
    if (made === undefined || keyspace.tables.has(made.name)) return [];
    const [from] = references;
    const like = definition.changes.length === 0 && from !== undefined ? keyspace.tables.get(from.name) : undefined;
    const entry = isEntering
      ? enteredEntry(keyspace, made.name, definition, like)
      : proposeEntry(keyspace, definition, like);
    return [{ what: `CREATE TABLE ${made.name}`, name: made.name, entry }];
  }
  return renamesOf(statement).flatMap(([from, to]) => {
    const old = keyspace.tables.get(from);
    if (old === undefined || keyspace.tables.has(to)) return [];
    const kept = { vindexes: {}, table: tableJson(old) };
    const entry = isEntering && old.isEntered === true ? kept : proposeEntry(keyspace, undefined, old);
    return [{ what: `RENAME TABLE ${from} TO ${to}`, name: to, entry }];
  });
}

/** Entries that gateways have made and whose tables the statement takes away. A renamed one's sequence goes along. */
export function leftTables(statement: Ddl, keyspace: KeyspaceVSchema): readonly TableVSchema[] {
  if (statement.object !== "table") return [];
  const renames = renamesOf(statement);
  const dropped = statement.verb === "drop" ? statement.names.map(({ name }) => name) : [];
  const kept = new Set(renames.map(([, to]) => to));
  const left = new Set([...dropped, ...renames.flatMap(([from]) => (kept.has(from) ? [] : [from]))]);
  return [...left].flatMap((name) => keyspace.tables.get(name) ?? []).filter(({ isEntered }) => isEntered === true);
}

/** Old names and new ones, of RENAME TABLE and of ALTER TABLE … RENAME. */
function renamesOf({ verb, object, names }: Ddl): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [];
  if (object !== "table" || (verb !== "rename" && verb !== "alter")) return pairs;
  for (let at = 0; at + 1 < names.length; at += 2) pairs.push([names[at]?.name ?? "", names[at + 1]?.name ?? ""]);
  return pairs;
}

/** Its rows stay where they are, so the new name has to find them there. */
function refuseRename(from: string, to: string, keyspace: KeyspaceVSchema): void {
  const old = keyspace.tables.get(from);
  const next = keyspace.tables.get(to);
  if (old === undefined || next === undefined || placementOf(old) === placementOf(next)) return;
  throw notSupported(
    `RENAME TABLE ${from} TO ${to}`,
    `the VSchema of ${keyspace.keyspace} places rows of ${to} in another way than those of ${from}`,
  );
}

function placementOf({ type, pinned, columnVindexes }: TableVSchema): string {
  const [primary] = columnVindexes;
  return JSON.stringify([type, pinned?.toString("hex"), primary?.columnsLower, primary?.vindex.name]);
}

/** Rows are where the values of these columns have put them. */
function refuseKeyChange({ definition, names }: Ddl, table: TableVSchema, context: PlanContext): void {
  const keys = new Set(table.columnVindexes.flatMap(({ columnsLower }) => columnsLower));
  const refuse = (what: string, column: string): never => {
    throw notSupported(
      `ALTER TABLE ${names[0]?.name} that ${what} vindex column ${column}`,
      "take it out of the VSchema first, or copy the rows to a new table",
    );
  };
  for (const change of definition.changes) {
    if (change.kind === "drop-column" && keys.has(change.name.toLowerCase())) refuse("drops", change.name);
    if (change.kind === "rename-column" && keys.has(change.from.toLowerCase())) refuse("renames", change.from);
    if (change.kind !== "change-column" || !keys.has(change.name.toLowerCase())) continue;
    if (change.column.name.toLowerCase() !== change.name.toLowerCase()) refuse("renames", change.name);
    const known = context.schema.table(table.keyspace, table.name);
    const before = known?.columns.find(({ lower }) => lower === change.name.toLowerCase());
    const isSame = before === undefined || isInteger(before.dataType) === isInteger(change.column.type.name);
    if (!isSame) refuse("changes the type of", change.name);
  }
}

function isInteger(type: string): boolean {
  return /^(?:(?:tiny|small|medium|middle|big)?int|integer|int[12348]|bool|boolean)\b/.test(type);
}
