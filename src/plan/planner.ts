// From a statement to its plan: resolve the tables, find the keyspace, find the shards, and say what their answers cannot
// simply be put together for. Pure: the same statement and VSchema give the same plan. What cannot be planned is refused
// with 1235 and the construct's name, never sent to a wrong or partial set of shards.

import { notSupported } from "../base/errors.ts";
import type { Admin, Ddl, Query, SetStatementFor, Statement } from "../sql/tree.ts";
import { isQuery } from "../sql/walk.ts";
import { planOnAllShards } from "./all-shards.ts";
import { planCatalog, refuseCatalogs } from "./catalog.ts";
import { planChange } from "./change.ts";
import {
  compoundEffect,
  DEFINITION,
  keyspaceOfLocks,
  LOCK_TABLES,
  locksElsewhere,
  NO_EFFECT,
  READ,
  refuseReserved,
  unreadEffect,
  usesLocks,
  withReserved,
  WRITE,
  writesFile,
  withoutTables,
} from "./effects.ts";
import { keyspaceOfRoutine } from "./definition.ts";
import { planDropNowhere, refuseMakingNowhere } from "./drop-nowhere.ts";
import { planDescribe, planExplain } from "./explain.ts";
import { planInsertStatement } from "./insert-statement.ts";
import type { Plan, Routing } from "./plan.ts";
import { planQuery } from "./query.ts";
import { keyspaceForAny, keyspaceOf, send } from "./send.ts";
import { followRules, type PlanContext, type ResolvedTable, tablesOf } from "./tables.ts";
import { namedInSystem, planTemporary } from "./temporary.ts";
import { planWriteOfViews } from "./view-writes.ts";
import { expandViews, withColumnsOf } from "./views.ts";

/** Throws ShardgateError: 1046, 1049, 1146 for names, 1235 for what is not supported. */
export function planStatement(statement: Statement, context: PlanContext): Plan {
  const named = namedInSystem(statement, context);
  if (named !== statement) return printedAnew(planStatement(named, context), named);
  if (statement.kind === "insert" || statement.kind === "update" || statement.kind === "delete") {
    const ofViews = planWriteOfViews(statement, context, planStatement);
    if (ofViews !== undefined) return ofViews;
  }
  const followed = followRules(statement, context);
  const plan = planFollowed(followed.statement, followed.context);
  return followed.statement === statement ? plan : printedAnew(plan, followed.statement);
}

/** What was named by a routing rule's name has to be sent by its own. */
function printedAnew(plan: Plan, statement: Statement): Plan {
  if (plan.kind === "send") return { ...plan, substitute: plan.substitute ?? statement };
  return plan.kind === "insert" ? { ...plan, printed: true } : plan;
}

function planFollowed(statement: Statement, context: PlanContext): Plan {
  refuseCatalogs(statement, context);
  if (statement.kind === "ddl" && statement.object === "database") return { kind: "session", statement };
  switch (statement.kind) {
    case "set":
    case "setTransaction":
    case "show":
    case "use":
    case "begin":
    case "commit":
    case "rollback":
    case "savepoint":
    case "release":
    case "kill":
      return { kind: "session", statement };
    case "select":
    case "union":
    case "values":
    case "table":
      return planSelect(statement, context);
    case "insert":
      return withTriggers(planInsertStatement(statement, context), statement, context);
    case "update":
    case "delete":
      return withTriggers(planChange(statement, context), statement, context);
    case "explain":
      if (statement.verb === "vexplain") return { kind: "session", statement };
      return planExplain(statement, context, planStatement);
    case "setFor":
      return planStatementFor(statement, context);
    case "describe":
      return planDescribe(statement, context);
    case "load":
      if (statement.local) return { kind: "session", statement };
      return planOnAllShards(statement, context) ?? planUnshardedOnly(statement, context);
    case "ddl":
      return (
        planDropNowhere(statement, context) ??
        planTemporary(statement, context) ??
        planOtherDefinition(statement, context)
      );
    case "do":
    case "callProcedure":
    case "lock":
    case "unlock":
    case "admin":
      if (statement.kind === "admin" && isOfGateway(statement)) return { kind: "session", statement };
      return planOnAllShards(statement, context) ?? planUnshardedOnly(statement, context);
    case "xa":
      return { kind: "session", statement };
    case "prepare":
    case "execute":
    case "deallocate":
      return { kind: "session", statement };
    case "alterVschema":
      throw notSupported("ALTER VSCHEMA", "use shardgate ctl ApplyVSchema");
  }
}

function planSelect(statement: Query, context: PlanContext): Plan {
  const query = expandViews(statement, context);
  const planned = planCatalog(query, context) ?? planQuery(query, context);
  const plan = withTriggers(writesFile(query) ? intoFile(planned) : planned, query, context);
  return query === statement ? plan : withColumnsOf(statement, plan, context);
}

/** Only where one shard has all the rows, whose server then has the file. */
function intoFile(plan: Plan): Plan {
  const what = "SELECT … INTO OUTFILE over several shards";
  if (plan.kind !== "send")
    throw notSupported(what, "each would write a file of its own; write the rows on the client");
  const isOfOne = plan.routing.kind === "unsharded" || plan.routing.kind === "any";
  return isOfOne ? plan : { ...plan, crossShard: what, severalShards: undefined };
}

/** A write's triggers, or functions that a view calls, may set variables. */
function withTriggers(plan: Plan, statement: Statement, context: PlanContext): Plan {
  if (!("effect" in plan) && plan.kind !== "insert") return plan;
  const { tables } = tablesOf(statement, context);
  const definitions = tables.flatMap(({ definition }) => definition ?? []);
  const running = isQuery(statement) ? definitions.filter(({ kind }) => kind === "view") : definitions;
  const names = new Set(running.flatMap(({ triggerVariables }) => triggerVariables ?? []));
  if (names.size === 0) return plan;
  const triggerVariables = [...names];
  return "effect" in plan ? { ...plan, effect: { ...plan.effect, triggerVariables } } : { ...plan, triggerVariables };
}

/** SET STATEMENT … FOR goes as it is where the statement goes, if that is one shard for sure. */
function planStatementFor(statement: SetStatementFor, context: PlanContext): Plan {
  const plan = planStatement(statement.statement, context);
  const isPlain = plan.kind === "send" && plan.crossShard === undefined && plan.severalShards === undefined;
  if (!isPlain || (plan.routing.kind !== "unsharded" && plan.routing.kind !== "any")) {
    return { kind: "session", statement };
  }
  return send(statement, plan.keyspace, plan.routing, undefined, plan.effect);
}

function planOtherDefinition(statement: Ddl, context: PlanContext): Plan {
  refuseAssignments(statement);
  refuseMakingNowhere(statement, context);
  refuseTemporary(statement, context);
  return planOnAllShards(statement, context) ?? planUnshardedOnly(statement, context);
}

/** MariaDB takes user variables in columns' expressions, which every reader of the table would set. */
function refuseAssignments({ object, query, text }: Ddl): void {
  if (object !== "table" || query !== undefined || !text.includes(":=")) return;
  if (!/@[\w$.`]+\s*:=/.test(text.replaceAll(TEXTS_AND_COMMENTS, " "))) return;
  throw notSupported(
    "a user variable that is set in a table's definition",
    "each statement that reads it would set it",
  );
}

const TEXTS_AND_COMMENTS = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|\/\*.*?\*\//gs;

/** A temporary table is one connection's, and rows of a sharded keyspace's table belong to several. */
function refuseTemporary({ verb, object, temporary, names }: Ddl, { vschema, keyspace }: PlanContext): void {
  if (!temporary || verb !== "create" || object !== "table") return;
  const named = names[0]?.schema ?? keyspace;
  if (named === undefined || vschema.keyspaces.get(named)?.sharded !== true) return;
  throw notSupported(
    `CREATE TEMPORARY TABLE in sharded keyspace ${named}`,
    "make it in an unsharded keyspace, as in CREATE TEMPORARY TABLE unsharded.name, or on one shard with USE `keyspace:shard`",
  );
}

/** Statements that an unsharded keyspace passes through and a sharded one does not have yet. */
function planUnshardedOnly(statement: Statement, context: PlanContext): Plan {
  if (statement.kind === "admin" && OF_ANY_SERVER.has(statement.verb)) {
    return send(statement, keyspaceForAny(undefined, context).keyspace, { kind: "any" }, undefined, NO_EFFECT);
  }
  const tables = tablesOf(statement, context);
  if (statement.kind === "do") {
    const used = new Set(tables.tables.map(({ keyspace: each }) => each));
    const isElsewhere = locksElsewhere(statement, used, context) !== undefined;
    if (isElsewhere || !isOfOneShard(tables.tables)) return { kind: "session", statement };
  }
  const keyspace =
    keyspaceOfRoutine(statement, context) ?? keyspaceOf(tables, context) ?? keyspaceForAny(undefined, context);
  const name = keyspace.keyspace;
  if (statement.kind === "do") {
    const routing: Routing = keyspace.sharded ? { kind: "any" } : { kind: "unsharded" };
    const isPlain = tables.tables.length === 0;
    const effect = { ...withoutTables(withReserved(statement, READ)), keepsWarnings: isPlain };
    if (usesLocks(statement)) {
      return send(statement, keyspaceOfLocks(context).keyspace, { kind: "any" }, undefined, effect);
    }
    if (keyspace.sharded) refuseReserved(effect, keyspace);
    return send(statement, name, routing, undefined, effect);
  }
  const what = nameOf(statement);
  if (statement.kind === "ddl") {
    if (statement.object === "user" || statement.object === "role") throw notSupported(what, ACCOUNTS_HINT);
    if (keyspace.sharded) {
      throw notSupported(
        `${statement.temporary ? "TEMPORARY " : ""}${what} in a sharded keyspace`,
        "USE one shard of it, or an unsharded keyspace",
      );
    }
    const definition = withReserved(statement, DEFINITION);
    const temporary = { ...definition, commits: false, reserves: "a temporary table" };
    const effect = statement.temporary ? temporary : definition;
    return send(statement, name, { kind: "unsharded" }, undefined, effect);
  }
  if (keyspace.sharded) {
    throw notSupported(`${what} in a sharded keyspace`, statement.kind === "load" ? "use LOAD DATA LOCAL" : undefined);
  }
  const unsharded: Routing = { kind: "unsharded" };
  switch (statement.kind) {
    case "lock":
      return send(statement, name, unsharded, undefined, { ...DEFINITION, reserves: LOCK_TABLES });
    case "unlock":
      return send(statement, name, unsharded, undefined, DEFINITION);
    case "callProcedure":
      return send(statement, name, unsharded, undefined, withReserved(statement, WRITE));
    case "load":
      return send(statement, name, unsharded, undefined, withReserved(statement, WRITE));
    case "admin":
      if (statement.verb === "compound statement") {
        return send(statement, name, unsharded, undefined, compoundEffect(statement.text));
      }
      {
        const effect = unreadEffect(statement.verb, statement.text);
        if (effect !== undefined) return send(statement, name, unsharded, undefined, effect);
      }
      if (statement.verb.startsWith("handler ")) {
        return send(statement, name, unsharded, undefined, { ...READ, reserves: "HANDLER" });
      }
      // Maintenance of named tables; what acts on a server as a whole is not for a gateway to pass to one of many.
      if (tables.tables.length === 0 || !MAINTENANCE.has(statement.verb)) {
        throw notSupported(what, OF_ACCOUNTS.test(statement.verb) ? ACCOUNTS_HINT : undefined);
      }
      return send(statement, name, unsharded, undefined, statement.verb === "checksum table" ? READ : DEFINITION);
    default:
      throw notSupported(what);
  }
}

/** One shard has all their rows, whichever rows are asked for. */
function isOfOneShard(tables: readonly ResolvedTable[]): boolean {
  return tables.every(({ keyspace }) => !keyspace.sharded && keyspace === tables[0]?.keyspace);
}

/** About the session's own conditions, or the gateway's counters. */
function isOfGateway({ verb, text }: Admin): boolean {
  return verb === "get diagnostics" || /^reset query digests$/i.test(text);
}

/** What any server answers alike. */
const OF_ANY_SERVER: ReadonlySet<string> = new Set(["help", "resignal", "signal"]);

const OF_ACCOUNTS = / (user|role|password)$|^(grant|revoke)/;
const ACCOUNTS_HINT = "accounts, passwords and rights are kept in the gateways' users file";

/** Statements on named tables that leave nothing behind on the connection. */
const MAINTENANCE: ReadonlySet<string> = new Set([
  "analyze table",
  "cache index",
  "check table",
  "checksum table",
  "load index",
  "optimize table",
  "repair table",
]);

function nameOf(statement: Statement): string {
  if (statement.kind === "ddl") return `${statement.verb} ${statement.object}`.toUpperCase();
  if (statement.kind === "admin") return statement.verb.toUpperCase();
  if (statement.kind === "lock" || statement.kind === "unlock") return `${statement.kind} tables`.toUpperCase();
  if (statement.kind === "load") return `LOAD ${statement.what.toUpperCase()}`;
  return statement.kind === "callProcedure" ? "CALL" : statement.kind.toUpperCase();
}
