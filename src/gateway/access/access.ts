// Whether a user may run a statement: each table asks for a right of the users file's grants. Worked out once a plan.

import { ShardgateError } from "../../base/errors.ts";
import { keyspaceOfName } from "../../plan/explain.ts";
import type { Plan } from "../../plan/plan.ts";
import { isSystemSchema, systemTableOf } from "../../plan/system-tables.ts";
import { type PlanContext, resolveTable, tableNamesOf } from "../../plan/tables.ts";
import { isOfTemporaries } from "../../plan/temporary.ts";
import { viewOf } from "../../plan/views.ts";
import type { ObjectName, Statement, TableName } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import { allows, isAdmin, type Right, RIGHTS, seesKeyspace, type User } from "./users.ts";

export interface Access {
  readonly right: Right;
  /** What MySQL's error calls the statement: SELECT, INSERT, CREATE, …. */
  readonly command: string;
  readonly tables: readonly { readonly keyspace: string; readonly table: string }[];
  /** Tables of system schemas that only administrators may see. */
  readonly system: boolean;
}

/** Plans are shared by users, so a plan always carries what it asks for. */
export function accessOf(statement: Statement, plan: Plan, context: PlanContext): Access | undefined {
  if (plan.kind === "session") return undefined;
  const sent = plan.kind === "send" ? (plan.substitute ?? statement) : statement;
  if (sent.kind === "ddl" && plan.kind === "send" && isOfTemporaries(sent, plan.routing)) {
    // To make one takes a right, as in MySQL; it is its session's alone then.
    const [made] = sent.verb === "create" && sent.object === "table" ? sent.names : [];
    const tables = made === undefined ? [] : [{ keyspace: plan.keyspace, table: made.name }];
    return { right: "ddl", command: commandOf(statement), tables, system: false };
  }
  const named = tableNamesOf(statement).flatMap((name) => accessedTable(name, statement, context));
  const reaches = reachesBeyondTables(statement);
  const keyspace = "keyspace" in plan ? plan.keyspace : (context.keyspace ?? "");
  const tables = reaches ? [...named, { keyspace, table: "*" }] : named;
  const system = readsClosedTables(statement, context);
  if (tables.length === 0 && !system) return undefined;
  const right = reaches ? "admin" : rightOf(statement, plan);
  return { right, command: commandOf(statement), tables, system };
}

/** Compound and unread statements are not looked into, and files are the server's: both take the right to do anything there. */
function reachesBeyondTables(statement: Statement): boolean {
  let reaches = statement.kind === "admin" && /^compound statement$|^unread /.test(statement.verb);
  walk(statement, (node) => {
    reaches ||= node.kind === "intoOutfile" || node.kind === "intoDumpfile";
    reaches ||= node.kind === "call" && node.name === "load_file";
    return !reaches;
  });
  return reaches;
}

/** Throws ER_TABLEACCESS_DENIED, in MySQL's words. */
export function checkAccess(user: User, access: Access): void {
  if (isAdmin(user)) return;
  const { command } = access;
  if (access.system) {
    throw new ShardgateError(
      "ER_TABLEACCESS_DENIED",
      `${command} command denied to user '${user.user}' for system tables`,
    );
  }
  for (const { keyspace, table } of access.tables) {
    if (allows(user, access.right, keyspace, table)) continue;
    throw new ShardgateError(
      "ER_TABLEACCESS_DENIED",
      `${command} command denied to user '${user.user}' for table '${keyspace}.${table}'; it needs the right "${access.right}"`,
    );
  }
}

/** Throws ER_DBACCESS_DENIED unless the user has any right in the keyspace. */
export function checkKeyspaceAccess(user: User, keyspace: string): void {
  if (isAdmin(user) || seesKeyspace(user, keyspace)) return;
  throw new ShardgateError("ER_DBACCESS_DENIED", `Access denied for user '${user.user}'@'%' to database '${keyspace}'`);
}

/** Throws ER_TABLEACCESS_DENIED unless the user has any right on the table. */
export function checkTableSeen(user: User, keyspace: string, table: string): void {
  if (isAdmin(user) || RIGHTS.some((right) => allows(user, right, keyspace, table))) return;
  throw new ShardgateError(
    "ER_TABLEACCESS_DENIED",
    `SELECT command denied to user '${user.user}' for table '${keyspace}.${table}'`,
  );
}

/** A view is a table of its own here, as in MySQL: who may read it need not be let at the tables behind it. */
function accessedTable(
  name: TableName | ObjectName,
  statement: Statement,
  context: PlanContext,
): readonly { readonly keyspace: string; readonly table: string }[] {
  const view = viewOf(name, context);
  if (view !== undefined) return [{ keyspace: view.keyspace, table: name.name }];
  const schema = name.schema ?? context.keyspace;
  if (schema !== undefined && isSystemSchema(schema)) return [];
  if (schema !== undefined && context.temporaries?.has(schema, name.name) === true) return [];
  // Those show what a shard has, whatever the VSchema lists.
  const { kind } = statement;
  if (kind === "describe" || kind === "explain") {
    const keyspace = keyspaceOfName(name, context);
    return keyspace === undefined ? [] : [{ keyspace: keyspace.keyspace, table: name.name }];
  }
  const resolved = resolveTable(name, context);
  return [{ keyspace: resolved.keyspace.keyspace, table: resolved.name }];
}

function commandOf(statement: Statement): string {
  switch (statement.kind) {
    case "insert":
    case "update":
    case "delete":
      return statement.kind.toUpperCase();
    case "ddl":
      return statement.verb.toUpperCase();
    case "admin":
      return statement.verb.toUpperCase();
    case "lock":
      return "LOCK TABLES";
    case "callProcedure":
      return "EXECUTE";
    default:
      return "SELECT";
  }
}

function rightOf(statement: Statement, plan: Plan): Right {
  switch (statement.kind) {
    case "ddl":
      return "ddl";
    case "admin":
    case "lock":
      return "admin";
    case "load":
      return statement.local ? "write" : "admin";
    case "insert":
    case "update":
    case "delete":
    case "callProcedure":
      return "write";
    default:
      return plan.kind === "send" && plan.effect.writes ? "write" : "read";
  }
}

function readsClosedTables(statement: Statement, { keyspace, temporaries }: PlanContext): boolean {
  let reads = false;
  walk(statement, (node) => {
    if (node.kind !== "tableName") return;
    const schema = node.schema ?? keyspace ?? "";
    if (!isSystemSchema(schema) || temporaries?.has(schema, node.name) === true) return;
    const table = systemTableOf(schema, node.name);
    reads ||= schema.toLowerCase() !== "information_schema" || (table.kind === "server" && !table.open);
  });
  return reads;
}
