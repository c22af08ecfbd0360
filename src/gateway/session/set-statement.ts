// SET. What the gateway keeps itself (autocommit, the character sets it has to know) is checked here; every other session
// variable becomes part of the session's settings once a mysqld has accepted it, so that its rules are MySQL's. Values
// that are no literals are computed by a mysqld.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { collationByName, defaultCollation } from "../../mysql/charsets.ts";
import { parse } from "../../sql/parse.ts";
import { printExpr } from "../../sql/print.ts";
import { isQuery, walk } from "../../sql/walk.ts";
import type { SendPlan } from "../../plan/plan.ts";
import type { Expr, SetItem, SetStatement, SetTransaction } from "../../sql/tree.ts";
import type { GlobalVariable } from "../../topo/records.ts";
import { checkAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import { keepCharacteristics } from "../transaction/transaction-start.ts";
import { commitOpen, transactionMode } from "../transaction/run-transaction.ts";
import { trackGtidsIfNamed } from "./session-gtids.ts";
import { type LastWarnings, NO_WARNINGS, type SessionState, type SessionWarning } from "./session-state.ts";
import { withSessionValues } from "./session-values.ts";
import {
  type CharacterSet,
  isOfClient,
  namesSql,
  type Settings,
  SETTINGS_BYTES_MAX,
  userVariable,
} from "./settings.ts";
import { warningsOf, warningsOfSession } from "../show/show-warnings.ts";
import { tellVariables } from "./tell-variables.ts";
import { readAfterReply, readTextResult } from "../read/text-rows.ts";
import { globalChange } from "./set-global.ts";
import { type GlobalChanges, isOnAtLogin } from "./global-variables.ts";
import { assign, assignedBy } from "./aftermath.ts";
import { described, describedValues, PLAIN_TEXT, quotedText } from "./variable-values.ts";
import {
  checkSettable,
  checkTracking,
  checkValue,
  isGlobal,
  isOfNextTransaction,
  resultsetMetadataOf,
} from "./variable-rules.ts";

/** Client character sets in which statements cannot be cut; those of Settings.transcodedFrom are not a server's. */
const UNREADABLE: ReadonlySet<string> = new Set(["big5", "cp932", "gb18030", "gbk", "sjis", "swe7"]);

/** What an item of a SET does to the settings, and the same as text for a server. */
interface Change {
  readonly sql: string;
  apply(settings: Settings): Settings;
}

type NextTransaction = Partial<Pick<SessionState, "nextIsolation" | "nextReadOnly">>;

/** Answers the client, or throws; then no item has had an effect. All values are computed before any item takes effect. */
export async function runSet(executor: Executor, statement: SetStatement, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  const changes: Change[] = [];
  /** How the computing of values has ended. */
  const told: ReplyEnd[] = [];
  let { autocommit } = state;
  let mode = state.holds.mode;
  let lastInsertId: bigint | undefined;
  let { resultsetMetadata } = state;
  let next: NextTransaction = {};
  const globals = new Map<string, GlobalVariable | undefined>();
  const ownWarnings: SessionWarning[] = [];
  for (const item of statement.items) {
    if (item.kind === "setVariable") {
      checkSettable(item, state.user);
      switch (isGlobal(item) ? undefined : item.name) {
        case undefined: {
          const value = await valueSql(executor, item.value, cluster, false, told);
          checkValue(item.name, value);
          const { changes: set, warnings } = await globalChange(
            executor,
            item.name,
            value,
            anyTarget(executor, cluster),
            cluster,
          );
          for (const [name, variable] of set) globals.set(name, variable);
          ownWarnings.push(...warnings);
          break;
        }
        case "autocommit":
          autocommit =
            item.value.kind === "default"
              ? isOnAtLogin(executor.context.globals.current)
              : await booleanValue(executor, item.value, cluster);
          break;
        case "transaction_mode":
          mode = transactionMode(executor, await valueSql(executor, item.value, cluster, false));
          break;
        case "resultset_metadata":
          if (state.sqlMode.dialect === "mysql") {
            const value = await valueSql(executor, item.value, cluster, false);
            resultsetMetadata = resultsetMetadataOf(value, state.metadataIsOptional);
          } else changes.push(variableChange(item.name, "DEFAULT"));
          break;
        case "identity":
        case "last_insert_id":
          lastInsertId = await idValue(executor, item.name, item.value, cluster, ownWarnings);
          break;
        default: {
          const value = await variableValue(executor, item.name, item.value, cluster, told);
          checkValue(item.name, value);
          checkTracking(item.name, value, state.sqlMode.dialect);
          if (isOfNextTransaction(item))
            next = { ...next, ...(await ofNextTransaction(executor, item.name, value, cluster)) };
          else {
            changes.push(variableChange(item.name, value));
            if (!state.inTransaction) next = { ...next, ...overruled(item.name) };
          }
        }
      }
    } else if (item.kind === "setUser") {
      const value = await valueSql(executor, item.value, cluster, true, told);
      changes.push(variableChange(userVariable(item.name), value));
    } else if (item.kind === "setNames") {
      const names = await namesOf(executor, item, cluster);
      changes.push({ sql: namesSql(names), apply: (settings) => settings.withNames(names) });
    } else changes.push(...(await charsetChanges(executor, item.charset, cluster)));
  }
  // A value may have set variables while it was computed.
  const settings = changes.reduce((before, change) => change.apply(before), state.settings);
  const sql = statement.items.some(isOfServer) ? changes.map((change) => change.sql).join(", ") : undefined;
  const warnings = await adopt(executor, settings, cluster, sql, globals);
  if (lastInsertId !== undefined) state.lastInsertId = lastInsertId;
  state.holds.mode = mode;
  state.resultsetMetadata = resultsetMetadata;
  Object.assign(state, next);
  if (autocommit && !state.autocommit) await commitOpen(executor);
  state.autocommit = autocommit;
  trackGtidsIfNamed(state, executor.context);
  await tellVariables(executor, statement);
  const ofValues = told.flatMap((reply) => warningsOfSession({ lastWarnings: warningsOf([reply]) }));
  const all = [...ofValues, ...ownWarnings, ...warningsOfSession({ lastWarnings: warnings })];
  if (all.length === 0) {
    // As of any statement that reads tables.
    if (hasQuery(statement)) state.lastWarnings = NO_WARNINGS;
    executor.ok();
    return;
  }
  state.lastWarnings = { kind: "list", warnings: all };
  state.rowCount = 0;
  executor.ok({ statusFlags: state.statusFlags, warnings: all.length });
}

function hasQuery(statement: SetStatement | Expr): boolean {
  let has = false;
  walk(statement, (node) => {
    has ||= isQuery(node);
    return !has;
  });
  return has;
}

function variableChange(name: string, value: string): Change {
  return { sql: `${name} = ${value}`, apply: (settings) => settings.withVariable(name, value) };
}

/** User variables take any value. */
function isOfServer(item: SetItem): boolean {
  return item.kind !== "setUser" && !(item.kind === "setVariable" && isGlobal(item));
}

/**
 * Makes settings the session's, once they are tried out, and `globals` the cluster's; gives what a server warns of. `sql` is
 * what changes in the settings; undefined: nothing that a server has a say in.
 */
async function adopt(
  executor: Executor,
  settings: Settings,
  cluster: ClusterView,
  sql: string | undefined,
  globals: GlobalChanges = new Map(),
): Promise<LastWarnings> {
  const { state, context } = executor;
  checkSize(settings);
  const isTried = sql !== undefined && settings !== state.settings;
  const tried = isTried
    ? await tryOut(executor, settings, cluster, sql)
    : { sqlMode: undefined, warnings: NO_WARNINGS };
  if (globals.size > 0) await context.globals.change(globals);
  if (tried.sqlMode !== undefined) state.readSqlMode(tried.sqlMode);
  keepCharacteristics(state, settings);
  state.settings = settings;
  return tried.warnings;
}

function checkSize({ sql }: Settings): void {
  if (sql.length <= SETTINGS_BYTES_MAX) return;
  throw new ShardgateError("LIMIT_REACHED", `the session's settings are larger than ${SETTINGS_BYTES_MAX} bytes`);
}

interface Tried {
  /** Under the settings; undefined: nobody was asked. */
  readonly sqlMode: string | undefined;
  readonly warnings: LastWarnings;
}

/**
 * Throws what is wrong with settings, in MySQL's words. A connection that has them already is told `sql`, what is new in
 * them, once more: so what it warns of is known, and the connection is as its settings say.
 */
export async function tryOut(
  executor: Executor,
  settings: Settings,
  cluster: ClusterView,
  sql?: string,
): Promise<Tried> {
  checkSize(settings);
  const target = anyTarget(executor, cluster);
  const names = ["@@session.sql_mode", "@@session.character_set_client"];
  // Bytes come as they are, whatever character_set_results is.
  const look = `SELECT ${names.map((name) => `CAST(${name} AS BINARY)`).join(", ")} LIMIT 1`;
  const request = {
    ...plainRequest(comQuery(sql === undefined ? look : `SET ${settings.told(sql)}`)),
    settings: settings.sql,
    holdId: executor.state.holds.idOf(target),
    after: sql === undefined ? "" : look,
    // The pool's connections do not have what is about the client's.
    leavesState: [...settings.variables.keys()].some(isOfClient),
  };
  const reply = await collect(executor.context.tablets, target, request, executor.signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const { rows } = sql === undefined ? readTextResult(reply.bytes) : readAfterReply(reply.info);
  const [mode, charset] = (rows[0] ?? []).map((cell) => cell?.toString("latin1"));
  refuseUnreadable(charset ?? "");
  return { sqlMode: mode, warnings: warningsOf([reply.info]) };
}

/** What SET @@tx_isolation and its like mean for the next transaction, once a server has found the value good. */
async function ofNextTransaction(
  executor: Executor,
  name: string,
  value: string,
  cluster: ClusterView,
): Promise<NextTransaction> {
  const { state } = executor;
  if (state.inTransaction) throw transactionUnderWay();
  const settings = state.settings.withVariable(name, value);
  const [text] = await selectRow(
    executor,
    anyTarget(executor, cluster),
    `SELECT CAST(@@session.${name} AS BINARY) LIMIT 1`,
    settings,
  );
  if (name.endsWith("read_only")) return { nextReadOnly: text === "1" };
  return { nextIsolation: (text ?? "").replace("-", " ") };
}

/**
 * SET CHARACTER SET: what the client sends and gets is in the set, literals are in the selected database's (manual: "SET
 * CHARACTER SET").
 */
async function charsetChanges(
  executor: Executor,
  named: string | undefined,
  cluster: ClusterView,
): Promise<readonly Change[]> {
  const { charset } = await namesOf(executor, { charset: named, collation: undefined }, cluster);
  const { state } = executor;
  const settings = state.settings.ofParts;
  const { keyspace } = state.target;
  const isOwn = keyspace !== undefined && cluster.targets.primary.has(keyspace);
  const asked = isOwn ? "@@collation_database" : "@@collation_server";
  const [collation] = await selectRow(
    executor,
    anyTarget(executor, cluster),
    `SELECT CAST(${asked} AS BINARY) LIMIT 1`,
    settings,
  );
  return [
    variableChange("character_set_client", `'${charset}'`),
    variableChange("character_set_results", `'${charset}'`),
    variableChange("collation_connection", `'${collation}'`),
  ];
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
    checkSettable(item, executor.state.user);
    settings = settings.withVariable(item.name, await variableValue(executor, item.name, item.value, cluster));
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
  if (statement.scope === undefined) {
    if (state.inTransaction) throw transactionUnderWay();
    if (statement.isolation !== undefined) state.nextIsolation = statement.isolation.toUpperCase();
    if (statement.access !== undefined) state.nextReadOnly = statement.access === "read only";
    executor.ok();
    return;
  }
  // MySQL 8 and MariaDB 11.1 name them transaction_*; before that MariaDB knew tx_* only.
  const prefix = state.sqlMode.dialect === "mariadb" ? "tx" : "transaction";
  const values: (readonly [name: string, value: string])[] = [];
  if (statement.isolation !== undefined) {
    values.push([`${prefix}_isolation`, `'${statement.isolation.toUpperCase().replace(" ", "-")}'`]);
  }
  if (statement.access !== undefined) {
    values.push([`${prefix}_read_only`, statement.access === "read only" ? "1" : "0"]);
  }
  if (statement.scope !== "session" && statement.scope !== "local") {
    await runSet(executor, parseSet(values, statement.scope, state), cluster);
    return;
  }
  const changes = values.map(([name, value]) => variableChange(name, value));
  const settings = changes.reduce((before, change) => change.apply(before), state.settings);
  await adopt(executor, settings, cluster, changes.map(({ sql }) => sql).join(", "));
  if (!state.inTransaction) for (const [name] of values) Object.assign(state, overruled(name));
  await tellVariables(executor, parseSet(values, "session", state));
  executor.ok();
}

/** What was said of the next transaction alone no longer counts once the session's variable `name` is set. */
function overruled(name: string): NextTransaction {
  if (name === "tx_isolation" || name === "transaction_isolation") return { nextIsolation: undefined };
  if (name === "tx_read_only" || name === "transaction_read_only") return { nextReadOnly: undefined };
  return {};
}

function parseSet(
  values: readonly (readonly [name: string, value: string])[],
  scope: string,
  { sqlMode }: SessionState,
): SetStatement {
  const statement = parse(`SET ${values.map(([name, value]) => `${scope} ${name} = ${value}`).join(", ")}`, sqlMode);
  if (statement.kind !== "set") throw new Error("a SET is a SET");
  return statement;
}

function transactionUnderWay(): ShardgateError {
  return new ShardgateError(
    "ER_CANT_CHANGE_TX_CHARACTERISTICS",
    "Transaction characteristics can't be changed while a transaction is in progress",
  );
}

/** DEFAULT is the character set that the server gives its clients. */
async function namesOf(
  executor: Executor,
  item: { readonly charset: string | undefined; readonly collation: string | undefined },
  cluster: ClusterView,
): Promise<CharacterSet> {
  const named = item.charset?.toLowerCase() ?? (await charsetOfServer(executor, cluster));
  const charset = named === "utf8" ? utf8Of(executor.state.settings) : named;
  const collation = item.collation === undefined ? undefined : collationIn(charset, item.collation.toLowerCase());
  const known = collation === undefined ? defaultCollation(charset) : collationByName(collation);
  if (collation !== undefined && known === undefined) {
    throw new ShardgateError("ER_UNKNOWN_COLLATION", `Unknown collation: '${item.collation}'`);
  }
  if (known === undefined || defaultCollation(charset) === undefined) {
    throw new ShardgateError("ER_UNKNOWN_CHARACTER_SET", `Unknown character set: '${item.charset ?? charset}'`);
  }
  return { charset, collation };
}

/** Which of two sets a server takes `utf8` for: by MariaDB's old_mode, unless the session has set that as everywhere else. */
function utf8Of({ variables }: Settings): string {
  const oldMode = variables.get("old_mode")?.toUpperCase();
  const isNew = oldMode !== undefined && oldMode !== "DEFAULT" && !oldMode.includes("UTF8_IS_UTF8MB3");
  return isNew ? "utf8mb4" : "utf8";
}

/** MariaDB's collations of Unicode may be named without the character set. Throws 1253 for a set without them. */
function collationIn(charset: string, name: string): string {
  if (!name.startsWith("uca1400_")) return name;
  const full = `${charset === "utf8" ? "utf8mb3" : charset}_${name}`;
  if (collationByName(full) !== undefined) return full;
  if (collationByName(`utf8mb4_${name}`) === undefined) return name;
  throw new MysqlError(1253, "42000", `COLLATION '${name}' is not valid for CHARACTER SET '${charset}'`);
}

async function charsetOfServer(executor: Executor, cluster: ClusterView): Promise<string> {
  const ofCluster = executor.context.globals.current.get("character_set_client");
  if (ofCluster !== undefined) return ofCluster.shown;
  const sql = "SELECT CAST(@@global.character_set_client AS BINARY) LIMIT 1";
  const [charset] = await selectRow(executor, anyTarget(executor, cluster), sql, executor.state.settings.ofParts);
  return String(charset);
}

async function booleanValue(executor: Executor, value: Expr, cluster: ClusterView): Promise<boolean> {
  const sql = await valueSql(executor, value, cluster, false);
  const text = sql.toLowerCase().replaceAll("'", "");
  if (text === "1" || text === "on" || text === "true" || text === "default") return true;
  if (text === "0" || text === "off" || text === "false") return false;
  if (/^-?[\d.]+(e[-+]?\d+)?$/i.test(sql) && !/^-?\d+$/.test(sql)) throw wrongType("autocommit");
  const shown = text === "null" ? "NULL" : sql.replaceAll("'", "");
  throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", `Variable 'autocommit' can't be set to the value of '${shown}'`);
}

/** A negative one is 0, which adds to `warnings`. */
async function idValue(
  executor: Executor,
  name: string,
  value: Expr,
  cluster: ClusterView,
  warnings: SessionWarning[],
): Promise<bigint> {
  if (value.kind === "default") {
    throw new MysqlError(1230, "42000", `Variable '${name}' doesn't have a default value`);
  }
  const text = await valueSql(executor, value, cluster, false);
  if (/^\d{1,20}$/.test(text)) return BigInt.asUintN(64, BigInt(text));
  if (/^true$/i.test(text)) return 1n;
  if (/^false$/i.test(text)) return 0n;
  if (!/^-\d+$/.test(text)) throw wrongType(name);
  if (executor.state.sqlMode.dialect === "mariadb") {
    warnings.push({ level: "Warning", code: 1292, message: `Truncated incorrect ${name} value: '${text}'` });
  }
  return 0n;
}

function wrongType(name: string): ShardgateError {
  return new ShardgateError("ER_WRONG_TYPE_FOR_VAR", `Incorrect argument type to variable '${name}'`);
}

/** What a system variable is set to. MySQL looks at the variable before it looks at the value. */
async function variableValue(
  executor: Executor,
  name: string,
  value: Expr,
  cluster: ClusterView,
  told: ReplyEnd[] = [],
): Promise<string> {
  // A session's default is the global value.
  if (value.kind === "default") return executor.context.globals.current.get(name)?.sql ?? "DEFAULT";
  try {
    return await valueSql(executor, value, cluster, false, told);
  } catch (error) {
    if (error instanceof MysqlError && error.errno === ER_INCORRECT_GLOBAL_LOCAL_VAR) {
      await tryOut(executor, executor.state.settings.withVariable(name, "DEFAULT"), cluster);
    }
    throw error;
  }
}

const ER_INCORRECT_GLOBAL_LOCAL_VAR = 1238;

/** The value as SQL text that means the same on every connection, whatever is set there. */
async function valueSql(
  executor: Executor,
  value: Expr,
  cluster: ClusterView,
  ofUser: boolean,
  told: ReplyEnd[] = [],
): Promise<string> {
  switch (value.kind) {
    case "literal": {
      if (value.type !== "string" && value.type !== "nstring") return printExpr(value);
      // A user variable has the collation that the literal has in this session.
      const isPlain = value.type === "string" && value.introducer === undefined && PLAIN_TEXT.test(value.value);
      if (isPlain && !(ofUser && executor.state.settings.changesLiterals)) return quotedText(value.value);
      break;
    }
    case "default":
      if (!ofUser) return "DEFAULT";
      break;
    case "column":
      // A bare word: ON, OFF, utf8mb4, TRADITIONAL.
      if (!ofUser && value.table === undefined && value.schema === undefined) {
        // A string would have the connection's character set, which may have no ASCII.
        return executor.state.settings.literalsHaveAscii || !WORD.test(value.name)
          ? quotedText(value.name)
          : value.name;
      }
      break;
    case "unary":
      if (value.op === "-" && value.expr.kind === "literal") return printExpr(value);
      break;
    default:
      break;
  }
  const [known] = await computed(executor, value, cluster, told);
  return ofUser ? (known ?? "NULL") : (known ?? "NULL").replace(/^CAST\((\d+) AS UNSIGNED\)$/, "$1");
}

const WORD = /^[a-z_][a-z0-9_]*$/i;

/** The value, computed by a mysqld in the session's transaction, with the session's rights; as SQL text. */
async function computed(
  executor: Executor,
  value: Expr,
  cluster: ClusterView,
  told: ReplyEnd[],
): Promise<readonly string[]> {
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
  // As a variable keeps it: all decimals that are computed with, and text where a date would be one.
  const payload = comQuery(`SET ${COMPUTED} = ${printExpr(item.expr, [], { mode: state.sqlMode })}`);
  const assigned = assignedBy(plan.effect, state) ?? [];
  const asked = [COMPUTED, ...assigned].map((variable) => described(variable)).join(", ");
  const request = {
    ...executor.requestFor(target, payload, touchesTables, false),
    after: `SELECT FOUND_ROWS(), ${asked} LIMIT 1`,
    leavesState: true,
  };
  const reply = await collect(context.tablets, target, request, signal);
  state.holds.joined(target, reply.info.holdId, state.inTransaction, false);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  told.push(reply.info);
  const answer = readAfterReply(reply.info);
  if (touchesTables || hasQuery(value)) state.foundRowsCount = Number(answer.rows[0]?.[0]?.toString("latin1") ?? 0);
  const [known = "NULL", ...others] = describedValues(answer, 1);
  assign(assigned, others, state);
  return [known];
}

/** None of a client's: a held connection keeps it. */
const COMPUTED = userVariable("shardgate.computed");

/** The one shard that can compute a value without leaving anything behind there. */
function targetOf(executor: Executor, plan: SendPlan, cluster: ClusterView): ShardTarget | undefined {
  const { touchesTables, reserves, assigns, setsInsertId = false, writes } = plan.effect;
  if (reserves !== undefined || assigns !== undefined || setsInsertId || writes) return undefined;
  if (!touchesTables) return anyTarget(executor, cluster);
  const [target, ...others] = executor.shards.of(plan, [], cluster);
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
