// Puts the session's own values (LAST_INSERT_ID(), DATABASE(), @@autocommit, …) into a statement before it is sent, and
// prints it. The columns keep the names they would have had.

import { notSupported } from "../../base/errors.ts";
import {
  isGlobalVariable,
  isOfServersLog,
  isUsedLock,
  literalOf,
  mixesInsertIds,
  type SessionFunction,
  sessionFunctionOf,
  type SessionVariable,
  sessionVariableOf,
} from "../../plan/session-functions.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import { castNode, literalNode } from "../../sql/new-nodes.ts";
import type { Call, Expr, Node, Query, Statement, SystemVariable } from "../../sql/tree.ts";
import { rewrite } from "../../sql/walk.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { printedQuery } from "../client/com-query.ts";
import { trackedGtids } from "./session-gtids.ts";
import type { SessionState } from "./session-state.ts";
import { warningsOfSession } from "../show/show-warnings.ts";
import { textOfValue } from "./variable-values.ts";

/** COM_QUERY with the statement as a shard of `keyspace` has to run it; undefined: of whichever. */
export function substituted(
  statement: Statement,
  binds: readonly BindValue[],
  state: SessionState,
  context: GatewayContext,
  keyspace?: string,
): Buffer {
  const replaced = withSessionValues(statement, state, context, {
    insertId: mixesInsertIds(statement),
    // A shard's database is its keyspace.
    database: keyspace !== undefined && keyspace === state.target.keyspace,
  });
  const named = replaced.kind === "select" ? namedAsWritten(replaced) : replaced;
  return printedQuery(named, binds, state.sqlMode);
}

/** COM_QUERY with the statement as any shard has to run it, all that asks for the session's state answered. */
export function filledQuery(
  statement: Statement,
  binds: readonly BindValue[],
  state: SessionState,
  context: GatewayContext,
): Buffer {
  return printedQuery(withSessionValues(statement, state, context), binds, state.sqlMode);
}

/** Functions that are left to the shard. */
interface Kept {
  readonly insertId: boolean;
  readonly database: boolean;
}

const NONE_KEPT: Kept = { insertId: false, database: false };

/** The tree with the session's values in it, typed as MySQL's functions are. */
export function withSessionValues<N extends Node>(
  node: N,
  state: SessionState,
  context: GatewayContext,
  kept = NONE_KEPT,
): N {
  const { shard, tabletType } = state.target;
  // Who reads one shard, replicas or rows is told which server that is.
  const isOfServer =
    shard !== undefined || tabletType !== "primary" || (node.kind === "select" && node.from.length > 0);
  const changes = {
    expr(expr: Expr): Expr {
      const wanted = sessionFunctionOf(expr);
      if (wanted === "last_insert_id" && kept.insertId) return expr;
      if (wanted === "database" && kept.database) return expr;
      if (isUsedLock(expr)) return lockHolder(expr, state);
      if (isOfServersLog(expr)) return ofOneServer(expr, state, context);
      if (wanted !== undefined) return functionValue(wanted, expr.pos, state, context);
      if (isGlobalVariable(expr)) return globalValue(expr, state, context);
      const variable = sessionVariableOf(expr);
      // The shards' connections have it on.
      if (variable === undefined || (variable === "autocommit" && state.autocommit)) return expr;
      if (variable === "character_set_client" && state.settings.transcodedFrom === undefined) return expr;
      if (variable === "pseudo_thread_id" && state.settings.variables.has(variable)) return expr;
      if (variable === "resultset_metadata" && state.sqlMode.dialect === "mariadb") return expr;
      if (variable === "last_gtid" && state.sqlMode.dialect === "mysql") return expr;
      if ((variable === "port" || variable === "hostname") && isOfServer) return expr;
      if (variable === "max_allowed_packet") return leastOf(expr, state.packetBytesMax);
      return variableValue(variable, expr.pos, state, context);
    },
    query: namedAsWritten,
  };
  return rewrite(node, changes);
}

/** The session's own id where its connection to the shard has the lock. */
function lockHolder(holder: Call, { connectionId }: SessionState): Expr {
  const { pos } = holder;
  const own: Expr = { ...holder, name: "connection_id", args: [] };
  const isOwn: Expr = { kind: "binary", op: "=", left: holder, right: own, pos };
  return { ...holder, name: "if", args: [isOwn, literalOf(connectionId, pos), holder] };
}

/** What is left to a server. Throws 1235 where it would be one of several. */
function ofOneServer(expr: Expr, state: SessionState, context: GatewayContext): Expr {
  const { keyspace, shard } = state.target;
  const { keyspaces } = context.cluster().snapshot;
  const selected = keyspace === undefined ? undefined : keyspaces.get(keyspace);
  const shards = selected?.shards ?? [...keyspaces.values()].flatMap((each) => each.shards);
  if (shards.length <= 1 || shard !== undefined) return expr;
  const name = expr.kind === "systemVariable" ? `@@${expr.name}` : expr.kind === "call" ? `${expr.name}()` : "";
  throw notSupported(`${name} of ${shards.length} servers`, "USE one shard, as in USE `ks:-80`");
}

/** A literal put in for a function would name its column; the function's own text has to. */
function namedAsWritten(query: Query): Query {
  if (query.kind !== "select") return query;
  const items = query.items.map((item) => {
    if (item.kind !== "expr" || item.alias !== undefined || item.text === "") return item;
    const { expr } = item;
    if (expr.kind !== "literal" || expr.value === item.text || !/^[a-z@]/i.test(item.text)) return item;
    const chars = LENGTHS.find(([start]) => item.text.toLowerCase().startsWith(start))?.[1];
    if (chars === undefined || (expr.type !== "string" && expr.type !== "null")) return { ...item, alias: item.text };
    const width = expr.type === "null" ? chars : Math.max(chars, expr.value.length);
    return { ...item, expr: castNode(expr, "char", String(width)), alias: item.text };
  });
  return { ...query, items };
}

/** How functions that give a text begin, and how long a text usually may be. */
const LENGTHS: readonly (readonly [string, number])[] = [
  ["database", 64],
  ["schema", 64],
  ["user", 384],
  ["session_user", 384],
  ["system_user", 384],
  ["current_user", 384],
  ["version", 60],
  ["@@", 60],
];

function functionValue(name: SessionFunction, pos: number, state: SessionState, context: GatewayContext): Expr {
  switch (name) {
    case "last_insert_id":
      return integer(state.lastInsertId, "unsigned", pos);
    case "row_count":
      return integer(state.rowCount, "signed", pos);
    case "found_rows":
      state.usesFoundRows = true;
      return integer(state.foundRowsCount, "signed", pos);
    case "connection_id":
      return castNode(literalOf(state.connectionId, pos), "unsigned");
    case "user":
      return systemText(`${state.user.user}@${state.clientHost}`, pos);
    case "current_user":
      return systemText(`${state.user.user}@%`, pos);
    case "database":
      return systemText(state.target.keyspace ?? null, pos);
    case "version":
      return systemText(context.serverVersion, pos);
  }
}

/** Text in the character set of MySQL's own names, whatever the client speaks. */
function systemText(value: string | null, pos: number): Expr {
  const literal = literalOf(value, pos);
  return literal.kind === "literal" && literal.type === "string" ? { ...literal, introducer: "utf8mb3" } : literal;
}

/** The same as something that is no literal, which would never be NULL: servers say of variables that they may be. */
function computedText(value: string, pos: number): Expr {
  return computed("concat", [systemText(value, pos)], pos);
}

/** A number of a variable's. */
function count(value: number | bigint, pos: number): Expr {
  return computed("nullif", [integer(value, "unsigned", pos), literalOf(null, pos)], pos);
}

function computed(name: string, args: readonly Expr[], pos: number): Expr {
  const plain = { schema: undefined, stored: false, distinct: false, star: false, fromLast: false } as const;
  return { kind: "call", ...plain, name, args, nulls: undefined, over: undefined, pos };
}

/** As SET GLOBAL has left it; what it has not set is a server's, or the gateway's own. */
function globalValue(variable: SystemVariable, state: SessionState, context: GatewayContext): Expr {
  const { name, pos } = variable;
  const set = context.globals.current.get(name);
  if (name === "max_allowed_packet") return leastOf(variable, Number(set?.sql ?? context.packetBytesMax));
  const own = name === "wait_timeout" || name === "interactive_timeout" ? globalText(name, context) : undefined;
  const sql = set?.sql ?? own;
  if (set === undefined || sql === undefined)
    return sql === undefined ? variable : integer(BigInt(sql), "unsigned", pos);
  if (/^-?\d+$/.test(sql)) {
    const isSwitch = set.shown === "ON" || set.shown === "OFF";
    return integer(BigInt(sql), sql.startsWith("-") || isSwitch ? "signed" : "unsigned", pos);
  }
  const decimals = /^-?\d+\.(\d+)$/.exec(sql)?.[1]?.length;
  if (decimals !== undefined) return seconds(sql, decimals, variable, state);
  return systemText(textOfValue(sql) ?? null, pos);
}

/** A DOUBLE with decimals, which MySQL has no literal of. */
function seconds(sql: string, decimals: number, { pos }: SystemVariable, { sqlMode }: SessionState): Expr {
  const literal = literalNode("float", `${sql}e0`, pos);
  return sqlMode.dialect === "mariadb" ? castNode(literal, "double", `${DOUBLE_DIGITS},${decimals}`) : literal;
}

const DOUBLE_DIGITS = 20;

/** What SHOW GLOBAL VARIABLES says of it; undefined: what the server says. `ofServer` is that. */
export function globalText(name: string, context: GatewayContext, ofServer?: string): string | undefined {
  const set = context.globals.current.get(name)?.shown;
  switch (name) {
    case "max_allowed_packet":
      return String(Math.min(Number(ofServer), Number(set ?? context.packetBytesMax)));
    case "version":
      return context.serverVersion;
    case "version_comment":
      return "Shardgate";
    case "socket":
      return context.socketPath;
    case "port":
      return String(context.port());
    case "hostname":
      return context.hostname;
    case "wait_timeout":
      return set ?? String(context.waitTimeoutS);
    case "interactive_timeout":
      return set ?? String(context.interactiveTimeoutS);
    default:
      return set;
  }
}

/** A statement has to pass the gateway and the shard's server. */
function leastOf(ofServer: Expr, bytes: number): Expr {
  const { pos } = ofServer;
  return computed("least", [ofServer, castNode(literalOf(bytes, pos), "unsigned")], pos);
}

type KnownVariable = Exclude<SessionVariable, "max_allowed_packet">;

function variableValue(name: KnownVariable, pos: number, state: SessionState, context: GatewayContext): Expr {
  switch (name) {
    case "autocommit":
      return integer(state.autocommit ? 1 : 0, "signed", pos);
    case "last_insert_id":
    case "identity":
      return count(state.lastInsertId, pos);
    case "version":
      return systemText(context.serverVersion, pos);
    case "version_comment":
      return systemText("Shardgate", pos);
    case "socket":
      return systemText(context.socketPath, pos);
    case "port":
      return count(context.port(), pos);
    case "hostname":
      return computedText(context.hostname, pos);
    case "warning_count":
      return count(warningsOfSession(state).length, pos);
    case "error_count":
      return count(warningsOfSession(state).filter(({ level }) => level === "Error").length, pos);
    case "pseudo_thread_id":
      return count(state.connectionId, pos);
    case "in_transaction":
      return count(state.inTransaction ? 1 : 0, pos);
    case "transaction_mode":
      return systemText(state.holds.mode, pos);
    case "character_set_client":
      return systemText(state.settings.transcodedFrom ?? "", pos);
    case "interactive_timeout":
      return count(state.interactiveTimeoutS, pos);
    case "wait_timeout":
      return count(state.waitTimeoutS, pos);
    case "last_gtid":
      return computedText(trackedGtids(state, context).text, pos);
    case "resultset_metadata":
      return systemText(state.resultsetMetadata, pos);
  }
}

/** What SHOW VARIABLES says of a variable that the gateway keeps; undefined for the others. `ofServer` is a server's value. */
export function variableText(
  name: string,
  state: SessionState,
  context: GatewayContext,
  ofServer?: string,
): string | undefined {
  switch (name) {
    case "max_allowed_packet":
      return String(Math.min(Number(ofServer), state.packetBytesMax));
    case "max_prepared_stmt_count":
      return globalText(name, context);
    case "autocommit":
      return state.autocommit ? "ON" : "OFF";
    case "last_insert_id":
    case "identity":
      return String(state.lastInsertId);
    case "version":
      return context.serverVersion;
    case "version_comment":
      return "Shardgate";
    case "socket":
    case "port":
    case "hostname":
      return globalText(name, context);
    case "warning_count":
    case "error_count":
      // The list itself is a statement that has begun without any.
      return "0";
    case "pseudo_thread_id":
      return state.settings.variables.has(name) ? undefined : String(state.connectionId);
    case "in_transaction":
      return state.inTransaction ? "1" : "0";
    case "character_set_client":
      return state.settings.transcodedFrom;
    case "character_set_results":
      // The list is read in a set of the gateway's.
      return state.settings.results.charset ?? "";
    case "sql_select_limit":
      // The list itself is not held to it.
      return state.settings.selectLimit;
    case "transaction_mode":
      return state.holds.mode;
    case "interactive_timeout":
      return String(state.interactiveTimeoutS);
    case "wait_timeout":
      return String(state.waitTimeoutS);
    case "last_gtid":
      return state.gtids?.shown ?? "";
    case "resultset_metadata":
      return state.resultsetMetadata;
    default:
      return undefined;
  }
}

/** BIGINT, as the functions give it: a literal, or a cast of a short one, would be narrower, and signed. */
function integer(value: number | bigint, name: "signed" | "unsigned", pos: number): Expr {
  const digits = String(value < 0 ? -value : value).padStart(BIGINT_DIGITS, "0");
  if (name === "unsigned") return castNode(literalNode("int", digits, pos), name);
  return castNode(literalOf(value < 0 ? `-${digits}` : digits, pos), name);
}

const BIGINT_DIGITS = 21;
