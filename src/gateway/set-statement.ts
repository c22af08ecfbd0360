// SET. What the gateway keeps itself (autocommit, the character sets it has to know) is checked here; every other session
// variable becomes part of the session's settings once a mysqld has accepted it, so that its rules are MySQL's. Values
// that are no literals are computed by a mysqld.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { collect, errorOfReply } from "../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../engine/ports.ts";
import { collationByName, defaultCollation } from "../mysql/charsets.ts";
import { encodeSql } from "../sql/encoding.ts";
import { parse } from "../sql/parse.ts";
import { printExpr } from "../sql/print.ts";
import type { SendPlan } from "../plan/plan.ts";
import type { Expr, SetItem, SetStatement, SetTransaction } from "../sql/tree.ts";
import { checkAccess } from "./access.ts";
import type { ClusterView } from "./cluster-view.ts";
import { comQuery } from "./com-query.ts";
import type { Executor } from "./executor.ts";
import { queryInside } from "./inner-query.ts";
import { commitOpen } from "./run-session-statement.ts";
import type { SessionState } from "./session-state.ts";
import { withSessionValues } from "./session-values.ts";
import { type CharacterSet, type Settings, SETTINGS_BYTES_MAX } from "./settings.ts";
import { readTextResult } from "./text-rows.ts";
import { described, describedValues } from "./variable-values.ts";

/** Session variables that only administrators may set on a server: they change what the server logs or replicates. */
const PRIVILEGED: ReadonlySet<string> = new Set([
  "binlog_format",
  "gtid_domain_id",
  "gtid_next",
  "gtid_seq_no",
  "pseudo_slave_mode",
  "pseudo_thread_id",
  "server_id",
  "sql_log_bin",
  "sql_log_off",
]);

/** Variables that are not of the connection, or that one statement uses up: the pool cannot keep them. */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set(["insert_id", "rand_seed1", "rand_seed2"]);

/** Written with @@ and without a scope they mean the next transaction only (manual: "SET TRANSACTION"). */
const OF_NEXT_TRANSACTION: ReadonlySet<string> = new Set([
  "transaction_isolation",
  "transaction_read_only",
  "tx_isolation",
  "tx_read_only",
]);

/** Client character sets with the bytes of quotes and backslashes inside characters: statements in them cannot be cut. */
const UNREADABLE: ReadonlySet<string> = new Set(["big5", "cp932", "gb18030", "gbk", "sjis", "swe7"]);

/** Answers the client, or throws; then no item has had an effect. All values are computed before any item takes effect. */
export async function runSet(executor: Executor, statement: SetStatement, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  const changes: ((settings: Settings) => Settings)[] = [];
  let { autocommit } = state;
  let lastInsertId: bigint | undefined;
  let modeChanged = false;
  for (const item of statement.items) {
    if (item.kind === "setVariable") {
      refuseScope(item);
      switch (item.name) {
        case "autocommit":
          autocommit = await booleanValue(executor, item.value, cluster);
          break;
        case "identity":
        case "last_insert_id":
          lastInsertId = await idValue(executor, item.name, item.value, cluster);
          break;
        default: {
          refuseVariable(item);
          if (item.name === "sql_mode") modeChanged = true;
          const value = await valueSql(executor, item.value, cluster, false);
          changes.push((settings) => settings.withVariable(item.name, value));
        }
      }
    } else if (item.kind === "setUser") {
      const value = await valueSql(executor, item.value, cluster, true);
      changes.push((settings) => settings.withUserVariable(item.name, value));
    } else {
      const names = namesOf(item);
      changes.push((settings) => settings.withNames(names));
    }
  }
  // A value may have set variables while it was computed.
  const settings = changes.reduce((before, change) => change(before), state.settings);
  await adopt(executor, settings, cluster, modeChanged);
  if (lastInsertId !== undefined) state.lastInsertId = lastInsertId;
  if (autocommit && !state.autocommit) await commitOpen(executor);
  state.autocommit = autocommit;
  executor.ok();
}

/** Tries the settings out and makes them the session's. */
async function adopt(
  executor: Executor,
  settings: Settings,
  cluster: ClusterView,
  modeChanged: boolean,
): Promise<void> {
  const { state } = executor;
  if (settings === state.settings) return;
  const mode = await tryOut(executor, settings, cluster);
  if (modeChanged) state.readSqlMode(mode);
  state.settings = settings;
}

/** Throws what is wrong with settings, in MySQL's words; gives sql_mode under them. */
export async function tryOut(executor: Executor, settings: Settings, cluster: ClusterView): Promise<string> {
  if (settings.sql.length > SETTINGS_BYTES_MAX) {
    throw new ShardgateError("LIMIT_REACHED", `the session's settings are larger than ${SETTINGS_BYTES_MAX} bytes`);
  }
  if (settings.sql === "") return "";
  // What MySQL refuses is refused with its own error.
  const tried = "SELECT @@session.sql_mode, @@session.character_set_client LIMIT 1";
  const [mode, charset] = await selectRow(executor, anyTarget(executor, cluster), tried, settings);
  refuseUnreadable(charset ?? "");
  return mode ?? "";
}

/** The session's settings with other values of plain variables. */
export async function settingsWith(
  executor: Executor,
  items: readonly SetItem[],
  cluster: ClusterView,
): Promise<Settings> {
  let { settings } = executor.state;
  for (const item of items) {
    if (item.kind !== "setVariable") continue;
    refuseScope(item);
    refuseVariable(item);
    settings = settings.withVariable(item.name, await valueSql(executor, item.value, cluster, false));
  }
  return settings;
}

/** Throws 1235 for client character sets in which the gateway would misread statements. */
export function refuseUnreadable(charset: string): void {
  if (UNREADABLE.has(charset)) throw notSupported(`${charset} as character set of a client`, "SET NAMES utf8mb4");
}

/** SET [SESSION] TRANSACTION. */
export async function runSetTransaction(
  executor: Executor,
  statement: SetTransaction,
  cluster: ClusterView,
): Promise<void> {
  const { state } = executor;
  if (statement.scope !== undefined && statement.scope !== "session" && statement.scope !== "local") {
    throw notSupported(`SET ${statement.scope.toUpperCase()} TRANSACTION`);
  }
  if (statement.scope === undefined) {
    if (state.inTransaction) {
      throw new ShardgateError(
        "ER_CANT_CHANGE_TX_CHARACTERISTICS",
        "Transaction characteristics can't be changed while a transaction is in progress",
      );
    }
    if (statement.isolation !== undefined) {
      throw notSupported("SET TRANSACTION ISOLATION LEVEL", "use SET SESSION TRANSACTION ISOLATION LEVEL");
    }
    state.nextReadOnly = statement.access === "read only";
    executor.ok();
    return;
  }
  // MySQL 8 and MariaDB 11.1 name them transaction_*; before that MariaDB knew tx_* only.
  const prefix = state.sqlMode.dialect === "mariadb" ? "tx" : "transaction";
  let { settings } = state;
  if (statement.isolation !== undefined) {
    const level = statement.isolation.toUpperCase().replace(" ", "-");
    settings = settings.withVariable(`${prefix}_isolation`, `'${level}'`);
  }
  if (statement.access !== undefined) {
    settings = settings.withVariable(`${prefix}_read_only`, statement.access === "read only" ? "1" : "0");
  }
  await adopt(executor, settings, cluster, false);
  executor.ok();
}

function refuseScope(item: SetItem & { kind: "setVariable" }): void {
  const { scope } = item;
  if (scope === undefined || scope === "session" || scope === "local") return;
  throw notSupported(`SET ${scope.toUpperCase()}`, "set it on the mysqlds themselves");
}

function namesOf(item: SetItem & { kind: "setNames" | "setCharset" }): CharacterSet {
  const charset = item.charset?.toLowerCase() ?? "utf8mb4";
  if (item.kind === "setCharset") throw notSupported("SET CHARACTER SET", "use SET NAMES");
  const collation = item.collation?.toLowerCase();
  const known = collation === undefined ? defaultCollation(charset) : collationByName(collation);
  if (collation !== undefined && known === undefined) {
    throw new ShardgateError("ER_UNKNOWN_COLLATION", `Unknown collation: '${item.collation}'`);
  }
  if (known === undefined || defaultCollation(charset) === undefined) {
    throw new ShardgateError("ER_UNKNOWN_CHARACTER_SET", `Unknown character set: '${charset}'`);
  }
  return { charset, collation };
}

function refuseVariable({ name, at, scope }: SetItem & { kind: "setVariable" }): void {
  if (PRIVILEGED.has(name)) {
    throw new ShardgateError(
      "ER_OPTION_PREVENTS_STATEMENT",
      `Access denied; variable ${name} cannot be set through Shardgate`,
    );
  }
  if (OF_ONE_CONNECTION.has(name)) throw notSupported(`SET ${name}`);
  if (at && scope === undefined && OF_NEXT_TRANSACTION.has(name)) {
    throw notSupported(`SET @@${name} for the next transaction only`, `use SET SESSION ${name}`);
  }
}

async function booleanValue(executor: Executor, value: Expr, cluster: ClusterView): Promise<boolean> {
  const text = (await valueSql(executor, value, cluster, false)).toLowerCase().replaceAll("'", "");
  if (text === "1" || text === "on" || text === "true" || text === "default") return true;
  if (text === "0" || text === "off" || text === "false") return false;
  throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", `Variable 'autocommit' can't be set to the value of '${text}'`);
}

async function idValue(executor: Executor, name: string, value: Expr, cluster: ClusterView): Promise<bigint> {
  const text = await valueSql(executor, value, cluster, false);
  if (/^\d{1,20}$/.test(text)) return BigInt.asUintN(64, BigInt(text));
  throw new ShardgateError("ER_WRONG_TYPE_FOR_VAR", `Incorrect argument type to variable '${name}'`);
}

/** The value as SQL text that means the same on every connection, whatever is set there. */
async function valueSql(executor: Executor, value: Expr, cluster: ClusterView, ofUser: boolean): Promise<string> {
  switch (value.kind) {
    case "literal": {
      if (value.type !== "string" && value.type !== "nstring") return printExpr(value);
      // A user variable has the collation that the literal has in this session.
      const isPlain = value.type === "string" && value.introducer === undefined && PLAIN_TEXT.test(value.value);
      if (isPlain && !(ofUser && executor.state.settings.changesLiterals)) return quoted(value.value);
      break;
    }
    case "default":
      if (!ofUser) return "DEFAULT";
      break;
    case "column":
      // A bare word: ON, OFF, utf8mb4, TRADITIONAL.
      if (!ofUser && value.table === undefined && value.schema === undefined) return quoted(value.name);
      break;
    case "unary":
      if (value.op === "-" && value.expr.kind === "literal") return printExpr(value);
      break;
    default:
      break;
  }
  const [known] = await computed(executor, value, cluster);
  return ofUser ? (known ?? "NULL") : (known ?? "NULL").replace(/^CAST\((\d+) AS UNSIGNED\)$/, "$1");
}

/** Text that reads the same under every sql_mode and character set. */
const PLAIN_TEXT = /^[ -~]*$/;

function quoted(text: string): string {
  if (PLAIN_TEXT.test(text) && !text.includes("\\")) return `'${text.replaceAll("'", "''")}'`;
  return `_utf8mb4 x'${encodeSql(text).toString("hex")}'`;
}

/** The value, computed by a mysqld in the session's transaction, with the session's rights; as SQL text. */
async function computed(executor: Executor, value: Expr, cluster: ClusterView): Promise<readonly string[]> {
  const { state, context, signal } = executor;
  const blank = parse("SELECT 1", state.sqlMode);
  if (blank.kind !== "select") throw new Error("a SELECT is a SELECT");
  const items = blank.items.map((item) => (item.kind === "expr" ? { ...item, expr: value } : item));
  const { plan, access } = executor.planFor({ ...blank, items }, cluster);
  const target = plan.kind === "send" ? targetOf(executor, plan, cluster) : undefined;
  if (plan.kind !== "send" || target === undefined) {
    const { rowCount, lastWarnings } = state;
    const result = await queryInside(executor, describing(value, state));
    state.rowCount = rowCount;
    state.lastWarnings = lastWarnings;
    return describedValues(result);
  }
  if (access !== undefined) checkAccess(state.user, access);
  const { touchesTables } = plan.effect;
  executor.openTransaction(touchesTables);
  if (state.inTransaction && touchesTables) state.holds.checkParticipants([target]);
  const [item] = withSessionValues({ ...blank, items }, state, context).items;
  if (item?.kind !== "expr") throw new Error("the SELECT has one expression");
  const payload = comQuery(describing(item.expr, state));
  const request = executor.requestFor(target, payload, touchesTables, false);
  const reply = await collect(context.tablets, target, request, signal);
  state.holds.joined(target, reply.info.holdId, state.inTransaction, false);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return describedValues(readTextResult(reply.bytes));
}

/** The one shard that can compute a value without leaving anything behind there. */
function targetOf(executor: Executor, plan: SendPlan, cluster: ClusterView): ShardTarget | undefined {
  const { touchesTables, reserves, assigns, setsInsertId = false, writes } = plan.effect;
  if (reserves !== undefined || assigns !== undefined || setsInsertId || writes) return undefined;
  if (!touchesTables) return anyTarget(executor, cluster);
  const [target, ...others] = executor.targetsOf(plan, [], cluster);
  return others.length === 0 ? target : undefined;
}

/** LIMIT has the expression computed once, however often the outer query names it. */
function describing(value: Expr, { sqlMode }: SessionState): string {
  return `SELECT ${described("v")} FROM (SELECT ${printExpr(value, [], { mode: sqlMode })} AS v LIMIT 1) AS d LIMIT 1`;
}

/** The first row of a statement that runs under `settings`. */
async function selectRow(
  executor: Executor,
  target: ShardTarget,
  sql: string,
  settings: Settings,
): Promise<(string | undefined)[]> {
  const { holds } = executor.state;
  const request = { ...plainRequest(comQuery(sql)), settings: settings.sql, holdId: holds.idOf(target) };
  const reply = await collect(executor.context.tablets, target, request, executor.signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return (readTextResult(reply.bytes).rows[0] ?? []).map((cell) => cell?.toString("latin1"));
}

/** A shard of the session's keyspace that is up, else one of any keyspace. */
function anyTarget(executor: Executor, cluster: ClusterView): ShardTarget {
  const { target } = executor.state;
  const own = target.keyspace === undefined ? undefined : cluster.targets.primary.get(target.keyspace);
  const all = [...(own?.targets ?? []), ...[...cluster.targets.primary.values()].flatMap(({ targets }) => targets)];
  const { tablets } = executor.context;
  const up = all.find(({ keyspace, shard }) => tablets.primaryProblem(keyspace, shard) === undefined) ?? all[0];
  if (up === undefined)
    throw new ShardgateError("SHARD_UNAVAILABLE", "there is no shard to check the value on; try again");
  return up;
}
