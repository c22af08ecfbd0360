// SHOW DATABASES, PROCESSLIST and GRANTS: keyspaces for databases, the gateway's connections for threads, the users file
// for grants. Column definitions are those of MariaDB 10.11.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { COLLATION_BINARY } from "../../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../../mysql/constants.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { type ResultSet, textColumn } from "../../mysql/result-writer.ts";
import type { Executor } from "../executor.ts";
import { createUserLine, grantLines } from "../access/grants.ts";
import { STATEMENT_BYTES_MAX, visibleProcesses } from "../cluster/processes.ts";
import type { SessionWarning } from "../session/session-state.ts";
import { isAdmin } from "../access/users.ts";

/** Decimals of a column of text that a server computes. */
const NO_DECIMALS = 39;

/** Of `databases` and information_schema, sorted as MariaDB does; the column is named after the pattern, as there. */
export function showDatabases(databases: readonly string[], like: string | undefined): ResultSet {
  const column: ColumnDefinition = {
    ...textColumn(like === undefined ? "Database" : `Database (${like})`, 64),
    schema: "information_schema",
    table: "SCHEMATA",
    orgTable: "SCHEMATA",
    orgName: "SCHEMA_NAME",
    flags: COLUMN_FLAG.NOT_NULL | COLUMN_FLAG.NO_DEFAULT_VALUE,
    decimals: 0,
  };
  return { columns: [column], rows: ["information_schema", ...databases].toSorted().map((name) => [name]) };
}

const INFO_CHARS = 100;

/** Threads of all gateways; those that did not answer are told in the warnings. */
export async function showProcesslist(
  { state, context }: Executor,
  full: boolean,
): Promise<{ readonly result: ResultSet; readonly warnings: readonly SessionWarning[] }> {
  const isMariadb = state.sqlMode.dialect === "mariadb";
  const columns = [
    numberColumn("Id", MYSQL_TYPE.LONGLONG, 11),
    required(textColumn("User", 128)),
    required(textColumn("Host", 64)),
    textColumn("db", 64),
    required(textColumn("Command", 16)),
    numberColumn("Time", MYSQL_TYPE.LONG, 7),
    textColumn("State", 30),
    textColumn("Info", full ? INFO_FULL_CHARS : INFO_CHARS),
    ...(isMariadb ? [{ ...numberColumn("Progress", MYSQL_TYPE.DOUBLE, 7), decimals: 3 }] : []),
  ];
  const listed = await visibleProcesses(context, state, full ? STATEMENT_BYTES_MAX : INFO_BYTES);
  const rows = listed.processes.map((process) => [
    String(process.id),
    process.user,
    process.host,
    process.keyspace ?? null,
    process.command,
    String(process.seconds),
    "",
    (full ? process.statement : process.statement?.slice(0, INFO_CHARS)) ?? null,
    ...(isMariadb ? ["0.000"] : []),
  ]);
  return { result: { columns, rows }, warnings: listed.warnings };
}

const INFO_BYTES = 4 * INFO_CHARS;
const INFO_FULL_CHARS = 65_535;

/** Of the session's user, or (for administrators) of another one. */
export function showGrants({ state, context }: Executor, name: string | undefined): ResultSet {
  if (name !== undefined && name !== state.user.user && !isAdmin(state.user)) {
    const text = `Access denied for user '${state.user.user}'@'%' to database 'mysql'`;
    throw new ShardgateError("ER_DBACCESS_DENIED", text);
  }
  const user = name === undefined ? state.user : context.userNamed(name);
  if (user === undefined) {
    throw new MysqlError(1141, "42000", `There is no such grant defined for user '${name}' on host '%'`);
  }
  const column = required(textColumn(`Grants for ${user.user}@%`, 1024));
  return { columns: [{ ...column, decimals: NO_DECIMALS }], rows: grantLines(user).map((line) => [line]) };
}

/** Of the session's user, or (for administrators) of another one: what the users file says of the login. */
export function showCreateUser({ state, context }: Executor, name: string | undefined): ResultSet {
  if (name !== undefined && name !== state.user.user && !isAdmin(state.user)) {
    const text = `Access denied for user '${state.user.user}'@'%' to database 'mysql'`;
    throw new ShardgateError("ER_DBACCESS_DENIED", text);
  }
  const user = name === undefined ? state.user : context.userNamed(name);
  if (user === undefined) throw new MysqlError(1133, "28000", "Can't find any matching row in the user table");
  const column = required(textColumn(`CREATE USER for ${user.user}@%`, 1024));
  return { columns: [{ ...column, decimals: NO_DECIMALS }], rows: [[createUserLine(user, state.sqlMode.dialect)]] };
}

function required(column: ColumnDefinition): ColumnDefinition {
  return { ...column, flags: COLUMN_FLAG.NOT_NULL };
}

function numberColumn(name: string, type: number, columnLength: number): ColumnDefinition {
  const flags = COLUMN_FLAG.NOT_NULL | COLUMN_FLAG.BINARY;
  return { ...textColumn(name), type, columnLength, collation: COLLATION_BINARY, flags, decimals: 0 };
}
