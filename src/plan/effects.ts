// What running a statement means for the session: whether it writes, commits, or leaves something behind on its
// connection (locks), what the session has to learn from it (user variables, FOUND_ROWS(), LAST_INSERT_ID(expression)),
// and where the locks of GET_LOCK() are kept. Knows no routing.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { AGGREGATE_FUNCTIONS } from "../sql/aggregate-functions.ts";
import type { Node, Query, Select, Show, Statement } from "../sql/tree.ts";
import { isQuery, walk } from "../sql/walk.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import type { Effect, FoundRows } from "./plan.ts";
import { PURE_FUNCTIONS } from "./pure.ts";
import { isInsertIdSetter, isNow, mixesInsertIds } from "./session-functions.ts";
import type { PlanContext } from "./tables.ts";
import { valueRefOf } from "./value-ref.ts";

export const READ: Effect = { writes: false, commits: false, touchesTables: true, reserves: undefined };
export const WRITE: Effect = { writes: true, changes: true, commits: false, touchesTables: true, reserves: undefined };
export const DEFINITION: Effect = { writes: true, commits: true, touchesTables: false, reserves: undefined };

export function queryEffect(statement: Query): Effect {
  return withReserved(statement, READ);
}

/** ANALYZE of a query runs it, but answers with something else. */
export function analyzedEffect(query: Statement): Effect {
  return { ...withReserved(query, READ), foundRows: ASKED };
}

/**
 * MySQL commits before it looks at what the statement is about, so also where that is not there (manual: "Statements That
 * Cause an Implicit Commit").
 */
export function commitsFirst(statement: Statement): boolean {
  if (statement.kind === "ddl") return !statement.temporary;
  if (statement.kind === "admin") return COMMITTING.test(statement.verb);
  return statement.kind === "lock";
}

const COMMITTING = /^(?:(?:analyze|check|optimize|repair) table|cache index|load index|flush.*)$/;

/** What LOCK TABLES leaves on a connection. */
export const LOCK_TABLES = "LOCK TABLES";

/** Nothing at all. */
export const NO_EFFECT: Effect = { ...READ, touchesTables: false };

/** SHOW statements that MySQL answers out of information_schema count their rows for FOUND_ROWS(). */
const LISTS: Effect = { ...NO_EFFECT, foundRows: { kind: "sent" } };

const SHOWN_AS_LISTS: ReadonlySet<string> = new Set([
  "charset",
  "collation",
  "columns",
  "databases",
  "engines",
  "events",
  "function status",
  "index",
  "open tables",
  "plugins",
  "procedure status",
  "status",
  "table status",
  "tables",
  "triggers",
  "variables",
]);

export function showEffect({ what }: Show): Effect {
  return SHOWN_AS_LISTS.has(what) || what.startsWith("count(*)") ? LISTS : NO_EFFECT;
}

/** Of a statement that is left to the server as a whole: it may do what a stored procedure may, and set all it names. */
export function compoundEffect(text: string): Effect {
  const insertIds = { setsInsertId: true, mixesInsertIds: true };
  return {
    ...WRITE,
    reserves: "a compound statement",
    callsStored: true,
    ...insertIds,
    foundRows: BY_ACCIDENT,
    ...assignsOf(text),
  };
}

/** All user variables named in it. */
function assignsOf(text: string): Pick<Effect, "assigns"> {
  const names = text.matchAll(USER_VARIABLE);
  const assigns = new Set(Array.from(names, ([, plain, quoted]) => (plain ?? quoted ?? "").toLowerCase()));
  return assigns.size === 0 ? {} : { assigns: [...assigns] };
}

/** Verbs of statements that only the server reads, of an unsharded keyspace: they may do what their first words say. */
export const UNREAD_QUERY = "unread query";
export const UNREAD_CHANGE = "unread change";
export const UNREAD_DEFINITION = "unread definition";

/** Undefined for all other verbs. */
export function unreadEffect(verb: string, text: string): Effect | undefined {
  if (verb === UNREAD_DEFINITION) return DEFINITION;
  if (verb !== UNREAD_QUERY && verb !== UNREAD_CHANGE) return undefined;
  const own = verb === UNREAD_QUERY ? { ...READ, foundRows: ASKED } : { ...WRITE, foundRows: BY_ACCIDENT };
  return { ...own, callsStored: true, ...assignsOf(text) };
}

const USER_VARIABLE = /(?<![@\w])@(?:([\w$.]+)|[`'"]([^`'"]+)[`'"])/g;

const LOCK_FUNCTIONS: ReadonlySet<string> = new Set([
  "get_lock",
  "release_lock",
  "release_all_locks",
  "is_free_lock",
  "is_used_lock",
]);

/** Adds what the statement's parts make of it. */
export function withReserved(statement: Statement, effect: Effect): Effect {
  let reserves: string | undefined;
  let { writes } = effect;
  let readsNow = false;
  let hasInsertIdSetter = false;
  let hasQueries = false;
  let callsStored = false;
  const storedCalls = new Set<string>();
  const assigns = new Set<string>();
  const assign = (variable: Node): void => {
    if (variable.kind === "userVariable") assigns.add(variable.name.toLowerCase());
  };
  walk(statement, (node) => {
    switch (node.kind) {
      case "assign":
        assigns.add(node.name.toLowerCase());
        break;
      case "intoVariables":
        for (const target of node.targets) assign(target);
        break;
      case "callProcedure":
        reserves = "a stored procedure";
        callsStored = true;
        for (const arg of node.args) assign(arg);
        break;
      case "locking":
        writes = true;
        break;
      case "call":
        if (LOCK_FUNCTIONS.has(node.name)) reserves = `${node.name.toUpperCase()}()`;
        hasInsertIdSetter ||= isInsertIdSetter(node);
        readsNow ||= isNow(node);
        if (node.stored || node.schema !== undefined || !isNative(node.name)) {
          callsStored = true;
          storedCalls.add(node.name.toLowerCase());
        }
        break;
      case "systemVariable":
        readsNow ||= isNow(node);
        break;
      default:
        hasQueries ||= isQuery(node);
    }
    return true;
  });
  // The OK of a statement that writes tells it. A procedure's does not, and rows come without one.
  const isUntold =
    statement.kind === "callProcedure" || (statement.kind === "insert" && statement.returning.length > 0);
  const setsInsertId = isUntold || (hasInsertIdSetter && effect.changes !== true);
  const foundRows = foundRowsAfter(statement, hasQueries);
  return {
    ...effect,
    writes,
    reserves,
    readsNow,
    setsInsertId,
    mixesInsertIds: isUntold || (hasInsertIdSetter && mixesInsertIds(statement)),
    ...(callsStored ? { callsStored } : {}),
    ...(storedCalls.size === 0 ? {} : { storedCalls: [...storedCalls] }),
    ...(assigns.size === 0 ? {} : { assigns: [...assigns] }),
    ...(foundRows === undefined ? {} : { foundRows }),
  };
}

/** Of a statement that names no table: a stored function may read and change some. */
export function withoutTables(effect: Effect): Effect {
  return { ...effect, touchesTables: effect.callsStored === true };
}

/** A function of MySQL's own that changes no rows. Of any other nothing is known: it may be a stored one. */
function isNative(name: string): boolean {
  return PURE_FUNCTIONS.has(name) || AGGREGATE_FUNCTIONS.has(name) || LOCK_FUNCTIONS.has(name) || NATIVE.has(name);
}

/** Other functions that many statements call. */
const NATIVE: ReadonlySet<string> = new Set(
  (
    "now sysdate curdate current_date curtime current_time current_timestamp localtime localtimestamp utc_date utc_time " +
    "utc_timestamp rand uuid uuid_short sleep version database schema user current_user session_user system_user " +
    "connection_id last_insert_id row_count found_rows values default any_value json_arrayagg json_objectagg " +
    "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value " +
    "benchmark get_format random_bytes sformat aes_encrypt aes_decrypt encrypt des_encrypt des_decrypt encode decode " +
    "password old_password load_file name_const master_pos_wait master_gtid_wait wait_for_executed_gtid_set " +
    "icu_version ps_current_thread_id ps_thread_id format_bytes format_pico_time extractvalue updatexml " +
    "column_create column_add column_get column_delete column_exists column_list column_check column_json " +
    "point linestring polygon multipoint multilinestring multipolygon geometrycollection st_area st_asbinary " +
    "st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses st_difference st_disjoint " +
    "st_distance st_distance_sphere st_equals st_geomfromgeojson st_geomfromtext st_geomfromwkb st_intersection " +
    "st_intersects st_isvalid st_latitude st_length st_linefromtext st_longitude st_makeenvelope st_overlaps " +
    "st_pointfromtext st_pointfromwkb st_polyfromtext st_simplify st_srid st_touches st_transform st_union st_within " +
    "st_x st_y st_convexhull st_envelope st_dimension st_geometrytype st_numpoints st_pointn st_startpoint st_endpoint " +
    "st_isempty st_issimple st_exteriorring st_numinteriorrings st_interiorringn st_numgeometries st_geometryn " +
    "st_symdifference mbrcontains mbrcoveredby mbrwithin mbrintersects mbrequals mbroverlaps mbrtouches mbrdisjoint " +
    "coercibility current_role grouping median percentile_cont percentile_disc"
  ).split(" "),
);

const SENT: FoundRows = { kind: "sent" };
const ASKED: FoundRows = { kind: "asked", isLikely: true, offset: undefined };
const BY_ACCIDENT: FoundRows = { kind: "asked", isLikely: false, offset: undefined };

/** How FOUND_ROWS() is known after the statement (manual: "FOUND_ROWS()"). */
function foundRowsAfter(statement: Statement, hasQueries: boolean): FoundRows | undefined {
  switch (statement.kind) {
    case "select":
      return foundRowsOfSelect(statement);
    case "union":
      return statement.limit === undefined && !countsAll(statement) ? SENT : ASKED;
    case "values":
    case "table":
      return ASKED;
    case "describe":
      return SENT;
    case "insert":
    case "do":
      return hasQueries ? BY_ACCIDENT : undefined;
    case "update":
      return hasQueries || statement.tables[0]?.kind !== "tableName" ? BY_ACCIDENT : undefined;
    case "delete":
      return hasQueries || statement.form !== "single" ? BY_ACCIDENT : undefined;
    case "ddl":
      return statement.object === "table" && statement.query !== undefined ? ASKED : undefined;
    case "callProcedure":
      return BY_ACCIDENT;
    default:
      return undefined;
  }
}

function foundRowsOfSelect(select: Select): FoundRows {
  const { limit } = select;
  if (countsAll(select) || select.into !== undefined || select.procedure !== undefined) return ASKED;
  if (limit === undefined) return SENT;
  if (select.rollup || limit.withTies || limit.rowsExamined !== undefined) return ASKED;
  if (limit.offset === undefined) return SENT;
  const offset = valueRefOf(limit.offset);
  const isPlain = select.groupBy.length === 0 && !select.options.includes("distinct");
  return offset !== undefined && isPlain ? { kind: "offset", offset } : { kind: "asked", isLikely: true, offset };
}

function countsAll(query: Query): boolean {
  let counts = false;
  walk(query, (node) => {
    counts ||= node.kind === "select" && node.options.includes("sql_calc_found_rows");
    return !counts;
  });
  return counts;
}

/** A query that writes a file, which is one server's. */
export function writesFile(query: Query): boolean {
  const { into } = query;
  return into?.kind === "intoOutfile" || into?.kind === "intoDumpfile";
}

export function usesLocks(statement: Statement): boolean {
  let uses = false;
  walk(statement, (node) => {
    uses ||= node.kind === "call" && LOCK_FUNCTIONS.has(node.name);
    return !uses;
  });
  return uses;
}

/** All clients' locks of GET_LOCK() are kept in one place, whatever keyspace they have selected. */
export function keyspaceOfLocks({ vschema }: PlanContext): KeyspaceVSchema {
  const byName = [...vschema.keyspaces.values()].toSorted((a, b) => (a.keyspace < b.keyspace ? -1 : 1));
  const keyspace = byName.find(({ sharded }) => !sharded) ?? byName[0];
  if (keyspace === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "there is no keyspace yet");
  return keyspace;
}

/** Why a statement with GET_LOCK() or its like cannot run where the locks are; undefined when it can, or has none. */
export function locksElsewhere(
  statement: Statement,
  used: ReadonlySet<KeyspaceVSchema>,
  context: PlanContext,
): string | undefined {
  if (used.size === 0 || !usesLocks(statement)) return undefined;
  const home = keyspaceOfLocks(context);
  const other = [...used].find(({ keyspace, sharded }) => keyspace !== home.keyspace || sharded);
  return other === undefined ? undefined : `GET_LOCK() and its like with tables of keyspace ${other.keyspace}`;
}

export function refuseReserved(effect: Effect, keyspace: KeyspaceVSchema): void {
  if (effect.reserves !== undefined) throw notSupported(`${effect.reserves} in sharded keyspace ${keyspace.keyspace}`);
}
