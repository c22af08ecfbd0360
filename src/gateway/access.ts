// Whether a user may run a statement: each table asks for a right of the users file's grants. Worked out once a plan.

import { ShardgateError } from "../base/errors.ts";
import type { Plan } from "../plan/plan.ts";
import { type PlanContext, tablesOf } from "../plan/tables.ts";
import type { Statement } from "../sql/tree.ts";
import { allows, isAdmin, type Right, seesKeyspace, type User } from "./users.ts";

export interface Access {
  readonly right: Right;
  /** What MySQL's error calls the statement: SELECT, INSERT, CREATE, …. */
  readonly command: string;
  readonly tables: readonly { readonly keyspace: string; readonly table: string }[];
  /** System schemas other than information_schema hold what only administrators may see. */
  readonly system: boolean;
}

/** Plans are shared by users, so a plan always carries what it asks for. */
export function accessOf(statement: Statement, plan: Plan, context: PlanContext): Access | undefined {
  if (plan.kind === "session") return undefined;
  const found = tablesOf(statement, context);
  const tables = found.tables.map(({ keyspace, name }) => ({ keyspace: keyspace.keyspace, table: name }));
  const system = found.system && !readsInformationSchemaOnly(statement);
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

function readsInformationSchemaOnly(statement: Statement): boolean {
  if (statement.kind !== "select") return false;
  return statement.from.every(
    (ref) => ref.kind === "tableName" && ref.schema !== undefined && ref.schema.toLowerCase() === "information_schema",
  );
}
