// Statements that are neither queries nor changes of rows and that all shards of a sharded keyspace have to run: definitions,
// and what mysqldump asks for before it reads. The gateway runs them shard by shard.

import { notSupported } from "../base/errors.ts";
import type { Admin, Ddl, LockTables, ObjectName, Statement, TableName } from "../sql/tree.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import { keyspaceOfRoutine, planDefinition } from "./definition.ts";
import type { SessionPlan } from "./plan.ts";
import { isSystemSchema } from "./system-tables.ts";
import { type PlanContext, tableNamesOf } from "./tables.ts";

/** Undefined for statements that are planned as others are. Throws 1235 for what shards cannot each do for themselves. */
export function planOnAllShards(statement: Statement, context: PlanContext): SessionPlan | undefined {
  const plan: SessionPlan = { kind: "session", statement };
  switch (statement.kind) {
    case "ddl":
      if (statement.object !== "view") return planDefinition(statement, context);
      return isOfShards(statement, context) ? plan : undefined;
    case "callProcedure":
      return keyspaceOfRoutine(statement, context)?.sharded === true ? plan : undefined;
    case "lock":
      return statement.what === "tables" && (locksSystem(statement, context) || locksShards(statement, context))
        ? plan
        : undefined;
    case "unlock":
      return statement.what === "tables" ? plan : undefined;
    case "admin":
      return isOfServers(statement) || isMaintenance(statement, context) ? plan : undefined;
    default:
      return undefined;
  }
}

/** The keyspace of the views that are made, changed or dropped, or of the tables that are locked. */
export function keyspaceOfNames(
  names: readonly (ObjectName | TableName)[],
  context: Pick<PlanContext, "vschema" | "keyspace">,
): KeyspaceVSchema | undefined {
  const [first] = names;
  const schema = first?.schema ?? context.keyspace;
  return schema === undefined ? undefined : context.vschema.keyspaces.get(schema);
}

/** The system schema to be selected where all the tables are of system schemas; undefined where they are not. */
export function systemSchemaOf(
  names: readonly (ObjectName | TableName)[],
  selected: string | undefined,
): string | undefined {
  const schemas = names.map(({ schema = selected }) => schema ?? "");
  if (schemas.length === 0 || !schemas.every(isSystemSchema)) return undefined;
  return selected !== undefined && isSystemSchema(selected) ? selected : schemas[0];
}

function locksSystem({ locks }: LockTables, { keyspace }: PlanContext): boolean {
  const names = locks.map(({ table }) => table);
  return systemSchemaOf(names, keyspace) !== undefined;
}

function isOfShards(statement: Ddl, context: PlanContext): boolean {
  const keyspace = keyspaceOfNames(statement.names, context);
  if (keyspace === undefined || !keyspace.sharded) return false;
  for (const { schema = context.keyspace } of tableNamesOf(statement)) {
    if (schema === keyspace.keyspace) continue;
    const what = `${statement.verb} view`.toUpperCase();
    throw notSupported(
      `${what} over keyspaces ${keyspace.keyspace} and ${schema}`,
      "a shard has the tables of its own keyspace only",
    );
  }
  return true;
}

function locksShards(statement: LockTables, context: PlanContext): boolean {
  const names = statement.locks.map(({ table }) => table);
  const keyspaces = names.map((name) => keyspaceOfNames([name], context));
  if (!keyspaces.some((keyspace) => keyspace?.sharded === true)) return false;
  const [keyspace] = keyspaces;
  if (keyspaces.some((other) => other !== keyspace)) throw notSupported("LOCK TABLES of several keyspaces at once");
  return true;
}

/** FLUSH and RESET of what each server has for itself, and what the gateway answers of accounts. */
function isOfServers({ verb, text }: Admin): boolean {
  switch (verb) {
    case "flush tables":
      return !/ for export$| checkpoint$/i.test(text);
    case "flush":
      return !/\b(master|slave|replica|relay|ssl|des_key_file|optimizer_costs)\b/i.test(text);
    case "reset":
      return /^reset query cache$/i.test(text);
    case "set role":
    case "set default role":
    case "set password":
      return true;
    default:
      return false;
  }
}

const MAINTENANCE = /^(analyze|check|checksum|optimize|repair) table$|^cache index$|^load index$/;

/** Of tables that several shards have rows of, or each server its own. */
function isMaintenance({ verb, tables }: Admin, { vschema, keyspace }: PlanContext): boolean {
  if (!MAINTENANCE.test(verb)) return false;
  if (systemSchemaOf(tables, keyspace) !== undefined) return true;
  return tables.some(
    ({ schema = keyspace }) => schema !== undefined && vschema.keyspaces.get(schema)?.sharded === true,
  );
}
