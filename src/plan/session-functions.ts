// Functions and system variables whose value is the client session's, not the shard connection's: the gateway puts their
// values in as literals before a statement is sent.

import { literalNode } from "../sql/new-nodes.ts";
import type { Call, Expr, Node, Statement, SystemVariable } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";

/** Names as in the tree: lower case. */
export type SessionFunction =
  | "last_insert_id"
  | "row_count"
  | "found_rows"
  | "connection_id"
  | "user"
  | "current_user"
  | "database"
  | "version";

const CALLS: Readonly<Record<string, SessionFunction>> = {
  last_insert_id: "last_insert_id",
  row_count: "row_count",
  found_rows: "found_rows",
  connection_id: "connection_id",
  user: "user",
  session_user: "user",
  system_user: "user",
  current_user: "current_user",
  database: "database",
  schema: "database",
  version: "version",
};

/** System variables the gateway keeps itself. */
export type SessionVariable =
  | "autocommit"
  | "last_insert_id"
  | "identity"
  | "version"
  | "version_comment"
  | "warning_count"
  | "error_count"
  | "in_transaction"
  | "transaction_mode"
  | "character_set_client"
  | "interactive_timeout"
  | "max_allowed_packet"
  | "wait_timeout"
  | "pseudo_thread_id"
  /** The gateway's: clients that find a server's would go past the gateway. */
  | "socket"
  | "port"
  | "hostname"
  /** MariaDB's, of a server's connection. */
  | "last_gtid"
  /** MySQL's; MariaDB's servers do not know it. */
  | "resultset_metadata";

const VARIABLES: ReadonlySet<string> = new Set<SessionVariable>([
  "autocommit",
  "last_insert_id",
  "identity",
  "version",
  "version_comment",
  "warning_count",
  "error_count",
  "in_transaction",
  "transaction_mode",
  "character_set_client",
  "interactive_timeout",
  "max_allowed_packet",
  "wait_timeout",
  "pseudo_thread_id",
  "socket",
  "port",
  "hostname",
  "last_gtid",
  "resultset_metadata",
]);

/** Those that have one value for all sessions. */
const OF_SERVER: ReadonlySet<string> = new Set<SessionVariable>([
  "version",
  "version_comment",
  "socket",
  "port",
  "hostname",
]);

/** Undefined when the shard computes it. LAST_INSERT_ID(expr) sets a value on the connection that OK then reports. */
export function sessionFunctionOf(node: Node): SessionFunction | undefined {
  if (node.kind !== "call" || node.stored || node.schema !== undefined || node.args.length > 0) return undefined;
  return Object.hasOwn(CALLS, node.name) ? CALLS[node.name] : undefined;
}

export function sessionVariableOf(node: Node): SessionVariable | undefined {
  if (node.kind !== "systemVariable" || !isSessionVariable(node.name)) return undefined;
  const { scope, name } = node;
  // With another scope than the variable's a server says what is wrong.
  if (scope === undefined || (scope === "global") === OF_SERVER.has(name)) return name;
  return undefined;
}

/** A variable's value for all of the cluster, which SET GLOBAL may have set. */
export function isGlobalVariable(node: Node): node is SystemVariable {
  if (node.kind !== "systemVariable" || OF_SERVER.has(node.name)) return false;
  return node.scope === "global" || (node.scope === undefined && GLOBAL_ONLY.has(node.name));
}

/** Sessions have none, and gateways keep them. */
const GLOBAL_ONLY: ReadonlySet<string> = new Set(["max_prepared_stmt_count"]);

function isSessionVariable(name: string): name is SessionVariable {
  return VARIABLES.has(name);
}

/** What is of one server's log, and would be taken for all servers': a variable, or a function that waits. */
export function isOfServersLog(node: Node): boolean {
  if (node.kind === "systemVariable") return OF_LOG.has(node.name);
  return node.kind === "call" && !node.stored && node.schema === undefined && WAITS_FOR_LOG.has(node.name);
}

const OF_LOG: ReadonlySet<string> = new Set([
  "gtid_binlog_pos",
  "gtid_binlog_state",
  "gtid_current_pos",
  "gtid_executed",
  "gtid_purged",
  "gtid_slave_pos",
]);

const WAITS_FOR_LOG: ReadonlySet<string> = new Set([
  "master_gtid_wait",
  "master_pos_wait",
  "source_pos_wait",
  "wait_for_executed_gtid_set",
  "wait_until_sql_thread_after_gtids",
]);

/** The statement asks for a value that the gateway has to put in. */
export function asksForSessionValues(statement: Statement): boolean {
  let asks = false;
  walk(statement, (node) => {
    asks ||= isOfSession(node);
    return !asks;
  });
  return asks;
}

/** The gateway may put in another value for the node than a server would. */
export function isOfSession(node: Node): boolean {
  if (isOfServersLog(node)) return true;
  if (node.kind === "systemVariable") return sessionVariableOf(node) !== undefined || isGlobalVariable(node);
  return sessionFunctionOf(node) !== undefined || isUsedLock(node);
}

/** IS_USED_LOCK(), which tells the id of a mysqld's connection. */
export function isUsedLock(node: Node): node is Call {
  return node.kind === "call" && node.name === "is_used_lock" && !node.stored && node.schema === undefined;
}

/** LAST_INSERT_ID(expr) is in it, which leaves the value on the connection. */
export function setsLastInsertId(statement: Statement): boolean {
  let sets = false;
  walk(statement, (node) => {
    sets ||= isInsertIdSetter(node);
    return !sets;
  });
  return sets;
}

/** Functions of the statement's time. SYSDATE() is none: it has the time of the moment, row by row. */
const NOW_FUNCTIONS: ReadonlySet<string> = new Set([
  "now",
  "current_timestamp",
  "localtime",
  "localtimestamp",
  "curdate",
  "current_date",
  "curtime",
  "current_time",
  "utc_date",
  "utc_time",
  "utc_timestamp",
]);

/** The node's value is the statement's time. */
export function isNow(node: Node): boolean {
  if (node.kind === "systemVariable") return node.name === "timestamp";
  if (node.kind !== "call" || node.stored || node.schema !== undefined) return false;
  return NOW_FUNCTIONS.has(node.name) || (node.name === "unix_timestamp" && node.args.length === 0);
}

/** LAST_INSERT_ID(expression), which leaves its value on the connection. */
export function isInsertIdSetter(node: Node): boolean {
  return node.kind === "call" && node.name === "last_insert_id" && node.args.length > 0 && !node.stored;
}

/** LAST_INSERT_ID(expression) stands beside LAST_INSERT_ID(): what that gives changes while the statement runs. */
export function mixesInsertIds(statement: Statement): boolean {
  let reads = false;
  walk(statement, (node) => {
    reads ||= sessionFunctionOf(node) === "last_insert_id";
    return !reads;
  });
  return reads && setsLastInsertId(statement);
}

/** A literal node that stands for `value`. */
export function literalOf(value: string | number | bigint | null, pos: number): Expr {
  if (value === null) return literalNode("null", "null", pos);
  const type = typeof value === "string" ? "string" : "int";
  return literalNode(type, String(value), pos);
}
