// Whether a user may run a statement: each table asks for a right of the users file's grants. Worked out once a plan.

import { ShardgateError } from "../base/errors.ts";
import type { Plan } from "../plan/plan.ts";
import { isSystemSchema, systemTableOf } from "../plan/system-tables.ts";
import { type PlanContext, tablesOf } from "../plan/tables.ts";
import type { Statement } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";
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
  const found = tablesOf(statement, context);
  const tables = found.tables.map(({ keyspace, name }) => ({ keyspace: keyspace.keyspace, table: name }));
  const system = found.system && readsClosedTables(statement, context);
  if (tables.length === 0 && !system) return undefined;
  return { right: rightOf(statement, plan), command: commandOf(statement), tables, system };
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

function commandOf(statement: Statement): string {
  switch (statement.kind) {
    case "insert":
    case "update":
    case "delete":
      return statement.kind.toUpperCase();
    case "ddl":
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
    case "load":
      return "admin";
    case "insert":
    case "update":
    case "delete":
    case "callProcedure":
      return "write";
    default:
      return plan.kind === "send" && plan.effect.writes ? "write" : "read";
  }
}

function readsClosedTables(statement: Statement, { keyspace }: PlanContext): boolean {
  let reads = false;
  walk(statement, (node) => {
    if (node.kind !== "tableName") return;
    const schema = node.schema ?? keyspace ?? "";
    if (!isSystemSchema(schema)) return;
    const table = systemTableOf(schema, node.name);
    reads ||= schema.toLowerCase() !== "information_schema" || (table.kind === "server" && !table.open);
  });
  return reads;
}
