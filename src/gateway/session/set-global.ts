// SET GLOBAL and SET PERSIST. A variable that sessions have, too, gets a global value of the cluster's (global-variables.ts),
// once a mysqld has taken it as a session's: so what can be set, and what comes of it, is MySQL's word. A variable of
// servers alone is theirs to be configured; setting it to the value that it has everywhere is no change.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import { MYSQL_TYPE } from "../../mysql/constants.ts";
import { quoteString } from "../../sql/quoting.ts";
import type { SqlMode } from "../../sql/tree.ts";
import type { GlobalVariable } from "../../topo/records.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { readAfterReply, readTextResult, type TextResult } from "../read/text-rows.ts";
import { warningsOf, warningsOfSession } from "../show/show-warnings.ts";
import { isFlagList } from "./flag-list.ts";
import { type GlobalChanges, settingsFrom } from "./global-variables.ts";
import type { SessionWarning } from "./session-state.ts";
import { Settings } from "./settings.ts";
import { quotedText, textOfValue } from "./variable-values.ts";
import { isOfServers, serverVariableHint } from "./variable-rules.ts";

export interface GlobalChange {
  /** Empty when nothing changes. */
  readonly changes: GlobalChanges;
  readonly warnings: readonly SessionWarning[];
}

/**
 * What SET GLOBAL name = value does; `value` is SQL text, or DEFAULT for what the servers are configured with. `target` is
 * any shard. Throws MySQL's errors, and 1235 for what only a server's operator can change.
 */
export async function globalChange(
  executor: Executor,
  name: string,
  value: string,
  target: ShardTarget,
  cluster: ClusterView,
): Promise<GlobalChange> {
  const known = await globalValueOn(executor, name, target);
  if (name === PACKET) {
    const buffer = await globalValueOn(executor, BUFFER, target);
    return packetChange(executor, value, Number(known.text), Number(buffer.text));
  }
  if (name === PREPARED) return preparedChange(executor, value);
  if (isOfServers(name)) return changeOfServers(executor, name, value, cluster);
  const { state, context, signal } = executor;
  const settings = settingsFor(name, value, executor);
  const names = [name, ...pairOf(name)];
  const assignment = `SET ${settings.told(`${name} = ${value}`)}`;
  const columns = names.map((each) => `@@session.${each}, ${described(each, "session", state.sqlMode)}`);
  const request = {
    ...plainRequest(comQuery(assignment)),
    settings: settings.sql,
    after: `SELECT ${columns.join(", ")} LIMIT 1`,
    leavesState: true,
  };
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") {
    const error = errorOfReply(reply);
    if (!(error instanceof MysqlError) || !OF_SERVERS_ALONE.has(error.errno)) throw error;
    return changeOfServers(executor, name, value, cluster);
  }
  const warnings = warningsOfSession({ lastWarnings: warningsOf([reply.info]) });
  const told = readAfterReply(reply.info);
  const changes = new Map<string, GlobalVariable | undefined>();
  for (const [i, each] of names.entries()) {
    changes.set(each, value === "DEFAULT" ? undefined : variableOf(told, i * COLUMNS_EACH));
  }
  return { changes, warnings };
}

/** What the value is tried out under. Going back has to be possible also where a global value keeps sessions from working. */
function settingsFor(name: string, value: string, { state, context }: Executor): Settings {
  if (value === "DEFAULT") return Settings.atLogin();
  return isFlagList(name) ? settingsFrom(context.globals.current, Settings.atLogin()) : state.settings;
}

/** "is a GLOBAL variable and should be set with SET GLOBAL", "SESSION variable is read-only. Use SET GLOBAL". */
const OF_SERVERS_ALONE: ReadonlySet<number> = new Set([1229, 1621]);

const ER_INCORRECT_GLOBAL_LOCAL_VAR = 1238;

/** A character set and its collation are set together. */
function pairOf(name: string): readonly string[] {
  const [, what, of] = /^(character_set|collation)_(connection|database|server)$/.exec(name) ?? [];
  if (what === undefined || of === undefined) return [];
  return [what === "collation" ? `character_set_${of}` : `collation_${of}`];
}

/** After the value itself: its bytes, and what SHOW VARIABLES says. */
function described(name: string, scope: "session" | "global", mode: SqlMode): string {
  // Under a small one the lists cannot be asked.
  if (name === "max_join_size") return `CAST(@@${scope}.${name} AS BINARY), CAST(@@${scope}.${name} AS BINARY)`;
  const lists = mode.dialect === "mariadb" ? "information_schema" : "performance_schema";
  const shown = `SELECT VARIABLE_VALUE FROM ${lists}.${scope}_variables WHERE VARIABLE_NAME = ${quotedText(name)}`;
  return `CAST(@@${scope}.${name} AS BINARY), CAST((${shown}) AS BINARY)`;
}

const COLUMNS_EACH = 3;

/** From column `at` on. */
function variableOf({ columns, rows }: TextResult, at: number): GlobalVariable {
  const [value, bytes, shown] = (rows[0] ?? []).slice(at, at + COLUMNS_EACH);
  const isNumber = NUMBER_TYPES.has(columns[at]?.type ?? MYSQL_TYPE.VAR_STRING);
  // MariaDB's switches are words as bytes.
  const text = (isNumber ? value : bytes)?.toString("utf8");
  const sql = text === undefined ? "NULL" : isNumber ? text : quotedText(text);
  return { sql, shown: shown?.toString("utf8") ?? text ?? "" };
}

const NUMBER_TYPES: ReadonlySet<number> = new Set<number>([
  MYSQL_TYPE.TINY,
  MYSQL_TYPE.SHORT,
  MYSQL_TYPE.LONG,
  MYSQL_TYPE.INT24,
  MYSQL_TYPE.LONGLONG,
  MYSQL_TYPE.FLOAT,
  MYSQL_TYPE.DOUBLE,
  MYSQL_TYPE.NEWDECIMAL,
]);

interface ServerValue {
  /** Undefined: NULL. */
  readonly text: string | undefined;
  readonly shown: string | undefined;
  /** Undefined: not known. */
  readonly default: string | undefined;
}

/** Throws 1193 for a variable that there is not, 1228 for one of sessions. */
async function globalValueOn(
  { state, context, signal }: Executor,
  name: string,
  target: ShardTarget,
): Promise<ServerValue> {
  const mode = state.sqlMode;
  const isMariadb = mode.dialect === "mariadb";
  const lists = "information_schema.SYSTEM_VARIABLES";
  const defaults = isMariadb
    ? `SELECT DEFAULT_VALUE FROM ${lists} WHERE VARIABLE_NAME = ${quoteString(name, mode.noBackslashEscapes)}`
    : "NULL";
  const sql = `SELECT ${described(name, "global", mode)}, CAST((${defaults}) AS BINARY) LIMIT 1`;
  const reply = await collect(context.tablets, target, plainRequest(comQuery(sql)), signal);
  if (reply.info.kind === "err") {
    const error = errorOfReply(reply);
    if (error instanceof MysqlError && error.errno === ER_INCORRECT_GLOBAL_LOCAL_VAR) {
      const text = `Variable '${name}' is a SESSION variable and can't be used with SET GLOBAL`;
      throw new MysqlError(1228, "HY000", text);
    }
    throw error;
  }
  const [text, shown, byDefault] = (readTextResult(reply.bytes).rows[0] ?? []).map((cell) => cell?.toString("utf8"));
  return { text, shown, default: byDefault };
}

async function changeOfServers(
  executor: Executor,
  name: string,
  value: string,
  cluster: ClusterView,
): Promise<GlobalChange> {
  const targets = [...cluster.targets.primary.values()].flatMap((keyspace) => keyspace.targets);
  const values = await Promise.all(targets.map((target) => globalValueOn(executor, name, target)));
  const wanted = value === "DEFAULT" ? undefined : textOfValue(value);
  const isSame = values.every((known) => {
    if (value === "DEFAULT") return known.default !== undefined && isAlike(known.default, known.shown);
    return isAlike(wanted, known.text) || isAlike(wanted, known.shown);
  });
  if (isSame) return { changes: new Map(), warnings: [] };
  throw notSupported(`SET GLOBAL ${name}`, serverVariableHint(name));
}

/** Two texts are one value of a variable; undefined is NULL. */
function isAlike(left: string | undefined, right: string | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  const [a, b] = [left, right].map((text) => SWITCH.get(text.toUpperCase()) ?? text.toUpperCase());
  if (a === b) return true;
  return NUMBER.test(a ?? "") && NUMBER.test(b ?? "") && Number(a) === Number(b);
}

const SWITCH: ReadonlyMap<string, string> = new Map([
  ["ON", "1"],
  ["TRUE", "1"],
  ["OFF", "0"],
  ["FALSE", "0"],
]);
const NUMBER = /^-?\d+(\.\d+)?(e-?\d+)?$/i;

/** How much of a statement clients may send; what servers do not take would not help (manual: "max_allowed_packet"). */
function packetChange({ state }: Executor, value: string, serverBytesMax: number, bufferBytes: number): GlobalChange {
  if (value === "DEFAULT") return { changes: new Map([[PACKET, undefined]]), warnings: [] };
  const wanted = wholeNumber(PACKET, value);
  const bounded = within(wanted, PACKET_BLOCK, BigInt(Math.min(PACKET_BYTES_MAX, serverBytesMax)));
  const bytes = bounded - (bounded % PACKET_BLOCK);
  const warnings: SessionWarning[] = [];
  if (bytes < bufferBytes) {
    const message = `The value of '${PACKET}' should be no less than the value of '${BUFFER}'`;
    warnings.push({ level: "Warning", code: 1708, message });
  }
  return numberChange(state, PACKET, { wanted, taken: bytes }, warnings);
}

/** How many statements a gateway's clients may have prepared together; servers' own are shared by all clients. */
function preparedChange({ state }: Executor, value: string): GlobalChange {
  if (value === "DEFAULT") return { changes: new Map([[PREPARED, undefined]]), warnings: [] };
  const wanted = wholeNumber(PREPARED, value);
  const most = state.sqlMode.dialect === "mariadb" ? PREPARED_MAX_MARIADB : PREPARED_MAX_MYSQL;
  return numberChange(state, PREPARED, { wanted, taken: within(wanted, 0n, most) }, []);
}

function wholeNumber(name: string, value: string): bigint {
  if (/^-?\d+$/.test(value)) return BigInt(value);
  throw new ShardgateError("ER_WRONG_TYPE_FOR_VAR", `Incorrect argument type to variable '${name}'`);
}

function within(wanted: bigint, least: bigint, most: bigint): bigint {
  return wanted < least ? least : wanted > most ? most : wanted;
}

function numberChange(
  { settings }: Executor["state"],
  name: string,
  { wanted, taken }: { readonly wanted: bigint; readonly taken: bigint },
  warnings: readonly SessionWarning[],
): GlobalChange {
  const changes = new Map([[name, { sql: String(taken), shown: String(taken) }]]);
  if (taken === wanted) return { changes, warnings };
  if (/\bSTRICT_ALL_TABLES\b/.test(settings.variables.get("sql_mode")?.toUpperCase() ?? "")) {
    throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", `Variable '${name}' can't be set to the value of '${wanted}'`);
  }
  const message = `Truncated incorrect ${name} value: '${wanted}'`;
  return { changes, warnings: [{ level: "Warning", code: 1292, message }, ...warnings] };
}

const PREPARED = "max_prepared_stmt_count";
const PREPARED_MAX_MARIADB = 4_294_967_295n;
const PREPARED_MAX_MYSQL = 4_194_304n;
const PACKET = "max_allowed_packet";
const BUFFER = "net_buffer_length";
const PACKET_BLOCK = 1024n;
const PACKET_BYTES_MAX = 1024 * 1024 * 1024;
