// Which system variables a client may set through the gateway, and how: what MySQL reserves for administrators, what one
// statement uses up, what is about the next transaction only, what is of a whole server.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import type { ResultsetMetadata } from "../../mysql/optional-metadata.ts";
import type { SetItem, SqlMode } from "../../sql/tree.ts";
import { isAdmin, type User } from "../access/users.ts";

type SetVariable = SetItem & { readonly kind: "setVariable" };

/** Session variables that change what a server logs or replicates: administrators only, with MariaDB's privilege for it. */
const PRIVILEGED: Readonly<Record<string, string>> = {
  binlog_direct_non_transactional_updates: "BINLOG ADMIN",
  binlog_format: "BINLOG ADMIN",
  binlog_row_image: "BINLOG ADMIN",
  gtid_domain_id: "BINLOG REPLAY",
  gtid_next: "BINLOG REPLAY",
  gtid_seq_no: "BINLOG REPLAY",
  pseudo_slave_mode: "BINLOG REPLAY",
  pseudo_thread_id: "BINLOG REPLAY",
  server_id: "BINLOG REPLAY",
  skip_parallel_replication: "BINLOG REPLAY",
  skip_replication: "BINLOG REPLAY",
  sql_log_bin: "BINLOG ADMIN",
  sql_log_off: "CONNECTION ADMIN",
};

/** Variables that one statement on one server uses up. */
const OF_ONE_STATEMENT: ReadonlySet<string> = new Set([
  "gtid_next",
  "gtid_seq_no",
  "insert_id",
  "rand_seed1",
  "rand_seed2",
]);

/** Written with @@ and without a scope they mean the next transaction only (manual: "SET TRANSACTION"). */
const OF_NEXT_TRANSACTION: ReadonlySet<string> = new Set([
  "transaction_isolation",
  "transaction_read_only",
  "tx_isolation",
  "tx_read_only",
]);

/** The item sets the value that new sessions begin with. */
export function isGlobal({ scope }: SetVariable): boolean {
  return scope === "global" || scope === "persist";
}

/** Variables of whole servers that a session can change for itself, but a gateway must not for all of them. */
export function isOfServers(name: string): boolean {
  return Object.hasOwn(PRIVILEGED, name) || /^(gtid|binlog|wsrep|replicate|slave|replica|rpl)_/.test(name);
}

/** Where a variable is set that SET GLOBAL does not set. */
export function serverVariableHint(name: string): string {
  const flag = GATEWAY_FLAGS[name];
  const ofGateway = flag === undefined ? "" : `; what gateways do is their flag ${flag}`;
  return `it is of each server: set it in the configuration of the mysqlds${ofGateway}`;
}

const GATEWAY_FLAGS: Readonly<Record<string, string>> = {
  connect_timeout: "--connect-timeout",
  max_connections: "--connections-max",
  max_user_connections: "--max-user-connections",
  slow_query_log: "--slow-query-ms",
};

/** Throws 1227 for what administrators only may set, 1235 for what a pool of connections cannot keep. */
export function checkSettable(item: SetVariable, user: User): void {
  const { name, scope } = item;
  if (scope === "persist_only") {
    throw notSupported("SET PERSIST_ONLY", "SET PERSIST sets the value at once, and it is kept");
  }
  if (isGlobal(item)) {
    if (!isAdmin(user)) throw denied("SUPER, SYSTEM_VARIABLES_ADMIN");
    return;
  }
  const privilege = PRIVILEGED[name];
  if (privilege !== undefined && !isAdmin(user)) throw denied(`SUPER, ${privilege}`);
  if (OF_ONE_STATEMENT.has(name)) throw notSupported(`SET ${name}`);
}

/**
 * Throws 1235 for MySQL's session_track_gtids: only the OK of a shard's own connection tells a statement's GTID there, and
 * all that a server has executed are other sessions', too. `value` is SQL text.
 */
export function checkTracking(name: string, value: string, dialect: SqlMode["dialect"]): void {
  if (name !== "session_track_gtids" || dialect !== "mysql" || !/^'?(1|2|own_gtid|all_gtids)'?$/i.test(value)) return;
  throw notSupported(`SET session_track_gtids = ${value.replaceAll("'", "")}`, "sessions share connections to servers");
}

/**
 * Throws 1235 for `IS NULL` as a question for the last row with a generated id: a server answers it from what its own
 * connection has done, and sessions share those. `value` is SQL text.
 */
export function checkValue(name: string, value: string): void {
  if (name !== "sql_auto_is_null" || !/^'?(on|true|1)'?$/i.test(value)) return;
  throw notSupported("SET sql_auto_is_null = 1", "name the row by LAST_INSERT_ID()");
}

/** The item is about the next transaction only. */
export function isOfNextTransaction({ name, at, scope }: SetVariable): boolean {
  return at && scope === undefined && OF_NEXT_TRANSACTION.has(name);
}

/**
 * What MySQL's resultset_metadata is set to by `sql`, a value as SQL text. Throws 1231 for what it cannot be, NONE for a
 * client that has not agreed to do without definitions included.
 */
export function resultsetMetadataOf(sql: string, isOptional: boolean): ResultsetMetadata {
  const text = sql.replaceAll("'", "");
  const name = text.toUpperCase();
  if (name === "FULL" || name === "1" || name === "DEFAULT") return "FULL";
  if ((name === "NONE" || name === "0") && isOptional) return "NONE";
  const why = `Variable 'resultset_metadata' can't be set to the value of '${text}'`;
  throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", why);
}

function denied(privileges: string): MysqlError {
  const text = `Access denied; you need (at least one of) the ${privileges} privilege(s) for this operation`;
  return new MysqlError(1227, "42000", text);
}
