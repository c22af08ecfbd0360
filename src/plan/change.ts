// UPDATE and DELETE. Sent as they are where each shard can do its rows for itself: tables that lie together, also with
// joins and inner queries. What looks beyond a shard (LIMIT, rows of other shards or keyspaces) or moves rows between them
// finds the rows first and writes them by key (ChangePlan): both by MySQL's own evaluation, nothing by the gateway's.

import { MysqlError, noDatabase, notSupported, ShardgateError } from "../base/errors.ts";
import type { ColumnSchema, TableSchema } from "../schema/model.ts";
import { FOR_UPDATE, itemNode, literalNode } from "../sql/new-nodes.ts";
import type { Assignment, Column, Delete, Expr, Node, Select, SelectItem, Update } from "../sql/tree.ts";
import { isQuery, walk } from "../sql/walk.ts";
import { showTableName, type TableVSchema } from "../vschema/model.ts";
import type { ChangeAssignment, ChangePlan, ChangeTarget, FoundColumn, Placing } from "./change-plan.ts";
import { placeBlock, shardWorkOf } from "./colocation.ts";
import { refuseReserved, withReserved, WRITE } from "./effects.ts";
import { planGather } from "./gather.ts";
import { routingOf } from "./merge.ts";
import type { Effect, Plan, Routing, SendPlan } from "./plan.ts";
import { isPure } from "./pure.ts";
import { type Block, resolveColumn, scopeOf, type Source, sourceNamed } from "./scope.ts";
import { homeOnOneMysqld, keyspaceOf, send } from "./send.ts";
import { setsLastInsertId } from "./session-functions.ts";
import { type PlanContext, tablesOf } from "./tables.ts";

/** Throws ShardgateError: 1046, 1049, 1146 for names, 1235 for what is not supported. */
export function planChange(statement: Update | Delete, context: PlanContext): Plan {
  const tables = tablesOf(statement, context);
  if (statement.kind === "delete" && namesTargetNowhere(statement, tables.bare, context)) throw noDatabase();
  const keyspaces = new Set(tables.tables.map(({ keyspace }) => keyspace));
  const effect = withReserved(statement, WRITE);
  const [only, ...others] = keyspaces;
  if (only === undefined) throw noDatabase();
  if (others.length === 0 && !only.sharded) {
    return send(statement, only.keyspace, { kind: "unsharded" }, undefined, effect);
  }
  const home = homeOnOneMysqld(tables, context);
  if (home !== undefined) return send(statement, home.keyspace, { kind: "unsharded" }, undefined, effect);
  if (tables.system) keyspaceOf(tables, context);
  for (const keyspace of keyspaces) refuseReserved(effect, keyspace);
  const select = selectOf(statement);
  const { block } = scopeOf(select, { ...context, rows: new Map() });
  if (block === undefined) throw new ShardgateError("INTERNAL", "a change without a FROM clause");
  const targets = targetsOf(statement, block, context);
  const copied = targets.find(({ source }) => source.resolved?.table?.source !== undefined)?.source.resolved;
  if (copied?.table?.source !== undefined) {
    const from = showTableName(copied.table.source);
    throw notSupported(
      `a change of reference table ${copied.name} by a join`,
      `its rows come from ${from}: change them there`,
    );
  }
  const byKey = (reason: string): ChangePlan => changePlan(statement, block, targets, reason, effect);
  if (others.length > 0) return byKey(`tables of ${keyspaces.size} keyspaces`);
  const moved = targets.find((target) => changesVindex(target) || (statement.kind === "delete" && hasOwned(target)));
  if (moved !== undefined) return byKey(`vindexes of table ${moved.source.resolved?.name}`);
  const { groups, obstacle, classes } = placeBlock(block);
  const [group] = groups;
  const name = only.keyspace;
  if (groups.length > 1 || obstacle !== undefined) {
    const reason = obstacle?.reason ?? "tables that need not have their rows on the same shards";
    const { sources } = planGather(select, context, reason);
    const parts = sources.map(({ routing }) => routing);
    const plan = send(statement, name, { kind: "all-of", parts }, reason, effect);
    return { ...plan, severalShards: unlessRefused(() => byKey(reason)) };
  }
  if (group === undefined) return everywhere(statement, name, effect);
  if (targets.some(({ source }) => placingOf(source) === "everywhere")) {
    return byKey("a reference table changed by what a shard has");
  }
  const routing = routingOf(group, placeBlock(block));
  const crossShard = wholeWork(statement, effect) ?? shardWorkOf(block, group, classes);
  const plan: SendPlan = send(statement, name, routing, crossShard, effect);
  if (crossShard === undefined || !isFound(crossShard)) return plan;
  return { ...plan, severalShards: unlessRefused(() => byKey(crossShard)) };
}

/** What is not supported over several shards is no matter on one. */
function unlessRefused(plan: () => ChangePlan): ChangePlan | undefined {
  try {
    return plan();
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "ER_NOT_SUPPORTED_YET") return undefined;
    throw error;
  }
}

/** The rows that the statement reads, as a query; its expressions stand in the select list. */
function selectOf(statement: Update | Delete): Select {
  const values = statement.kind === "update" ? statement.set.map(({ value }) => value) : [];
  const { pos } = statement;
  return {
    kind: "select",
    hints: undefined,
    options: [],
    items: [ONE, ...values.filter(({ kind }) => kind !== "default")].map((expr) => itemNode(expr)),
    from: statement.tables,
    dual: false,
    where: statement.where,
    groupBy: [],
    rollup: false,
    having: undefined,
    windows: [],
    procedure: undefined,
    with: statement.with,
    orderBy: statement.orderBy,
    limit: statement.limit,
    into: undefined,
    locking: [],
    pos,
  };
}

/** Without a selected database MySQL wants the tables that rows are deleted from to be named in full, also by an alias. */
function namesTargetNowhere({ form, targets }: Delete, bare: boolean, { keyspace }: PlanContext): boolean {
  return keyspace === undefined && form !== "single" && !bare && targets.some(({ schema }) => schema === undefined);
}

const ONE: Expr = literalNode("int", "1");

interface Target {
  readonly source: Source;
  readonly set: readonly Assignment[];
}

function targetsOf(statement: Update | Delete, block: Block, context: PlanContext): readonly Target[] {
  if (statement.kind === "delete") {
    if (statement.form === "single")
      return block.sources.map((source) => ({ source: writable(source, "DELETE"), set: [] }));
    return statement.targets.map(({ schema, name }) => {
      const source = sourceNamed(block, schema, name);
      if (source === undefined) throw unknownTarget(name);
      return { source: writable(source, "DELETE"), set: [] };
    });
  }
  const bySource = new Map<Source, Assignment[]>();
  for (const assignment of statement.set) {
    const resolved = resolveColumn(assignment.column, block);
    const [only, ...others] = block.sources;
    const source = resolved?.source ?? (others.length === 0 ? only : undefined);
    if (source === undefined || lacks(source, assignment.column))
      throw unknownColumn(assignment.column, block, context);
    const list = bySource.get(writable(source, "UPDATE"));
    if (list === undefined) bySource.set(source, [assignment]);
    else list.push(assignment);
  }
  return [...bySource].map(([source, set]) => ({ source, set }));
}

/** No shard would say so where no rows are found. */
function lacks({ complete, columns }: Source, { name }: Column): boolean {
  return complete && !columns.some(({ lower }) => lower === name.toLowerCase());
}

function unknownColumn({ table, name }: Column, block: Block, { dialect }: PlanContext): MysqlError {
  const [clause, quoted] = dialect === "mariadb" ? ["SET", "'SET'"] : ["field list", "'field list'"];
  const having = block.sources.filter(({ columns }) => columns.some(({ lower }) => lower === name.toLowerCase()));
  if (table === undefined && having.length > 1) {
    return new MysqlError(1052, "23000", `Column '${name}' in ${clause} is ambiguous`);
  }
  const shown = table === undefined ? name : `${table}.${name}`;
  return new MysqlError(1054, "42S22", `Unknown column '${shown}' in ${quoted}`);
}

function unknownTarget(name: string): MysqlError {
  return new MysqlError(1109, "42S02", `Unknown table '${name}' in MULTI DELETE`);
}

function writable(source: Source, verb: "UPDATE" | "DELETE"): Source {
  if (source.resolved !== undefined) return source;
  throw new MysqlError(1288, "HY000", `The target table ${source.shownAlias} of the ${verb} is not updatable`);
}

function placingOf({ resolved }: Source): Placing {
  if (resolved === undefined || !resolved.keyspace.sharded) return "unsharded";
  return resolved.table?.type === "reference" ? "everywhere" : "sharded";
}

function vindexColumns(table: TableVSchema | undefined): ReadonlySet<string> {
  const used = table?.columnVindexes.filter(({ vindex, owned }, i) => i === 0 || owned || vindex.kind !== "lookup");
  return new Set(used?.flatMap(({ columnsLower }) => columnsLower) ?? []);
}

function changesVindex({ source, set }: Target): boolean {
  if (placingOf(source) !== "sharded") return false;
  const vindexed = vindexColumns(source.resolved?.table);
  return set.some(({ column }) => vindexed.has(column.name.toLowerCase()));
}

function hasOwned({ source }: Target): boolean {
  return source.resolved?.table?.columnVindexes.some(({ owned, vindex }) => owned && vindex.kind === "lookup") === true;
}

/** What several shards cannot each do for themselves. */
function wholeWork(statement: Update | Delete, effect: Effect): string | undefined {
  const verb = statement.kind.toUpperCase();
  if (statement.limit !== undefined) return `${verb} with LIMIT`;
  if (statement.kind === "delete" && statement.returning.length > 0) return "DELETE with RETURNING";
  return effect.assigns === undefined ? undefined : ASSIGNED;
}

const INSERT_ID = "LAST_INSERT_ID(expression)";
const ASSIGNED = "a user variable set inside a statement";

/** Its rows can be found first. */
function isFound(work: string): boolean {
  return work !== ASSIGNED;
}

/** Tables that all shards have alike stay so only if the statement does the same on each. */
function everywhere(statement: Update | Delete, keyspace: string, effect: Effect): SendPlan {
  refuseChance(statement, "a reference table");
  if (statement.limit !== undefined && statement.orderBy.length === 0) {
    throw notSupported(`${statement.kind.toUpperCase()} of a reference table with LIMIT and no ORDER BY`);
  }
  const routing: Routing = { kind: "scatter" };
  return { ...send(statement, keyspace, routing, undefined, effect), everywhere: true };
}

/** Throws 1235 for what need not give the same on every shard. */
export function refuseChance(statement: Node, where: string): void {
  walk(statement, (node) => {
    if (node.kind !== "call" || isPure(node) || STATEMENT_TIME.has(node.name)) return;
    throw notSupported(`${node.name.toUpperCase()}() in a change of ${where}`, "give its value");
  });
}

/** Calls that are the same on all shards, and aggregates. */
const STATEMENT_TIME: ReadonlySet<string> = new Set(
  (
    "now current_timestamp localtime localtimestamp curdate current_date curtime current_time utc_date utc_time " +
    "utc_timestamp unix_timestamp count sum min max avg database last_insert_id user current_user version connection_id"
  ).split(" "),
);

class FindItems {
  readonly items: SelectItem[] = [];

  add(expr: Expr): number {
    this.items.push(itemNode(expr, `shardgate_${this.items.length}`));
    return this.items.length - 1;
  }
}

function changePlan(
  statement: Update | Delete,
  block: Block,
  targets: readonly Target[],
  reason: string,
  effect: Effect,
): ChangePlan {
  if (effect.assigns !== undefined) throw notSupported(ASSIGNED, "over several shards");
  const items = new FindItems();
  const planned = targets.map((target) => changeTarget(target, block, items, statement.limit !== undefined));
  const find: Select = { ...selectOf(statement), items: items.items, locking: [FOR_UPDATE] };
  const [first] = planned;
  if (first === undefined) throw new ShardgateError("INTERNAL", "a change of no table");
  // Only what the shards compute row by row tells the last value.
  if (setsLastInsertId(find)) throw notSupported(INSERT_ID, "computed from rows of several shards");
  return { kind: "change", keyspace: first.keyspace, statement, find, targets: planned, reason, effect };
}

function changeTarget(target: Target, block: Block, items: FindItems, hasLimit: boolean): ChangeTarget {
  const { source, set } = target;
  const { resolved, ref } = source;
  if (resolved === undefined || ref.kind !== "tableName") throw unknownTarget(source.shownAlias);
  if (ref.systemTime !== undefined) throw notSupported("FOR PORTION OF over several shards", "name rows of one shard");
  const { definition, table, keyspace } = resolved;
  const where = `${keyspace.keyspace}.${resolved.name}`;
  if (definition === undefined) {
    throw notSupported(`a change over shards of table ${where}, whose definition is not known yet`, "try again");
  }
  const uniqueKey = keyOf(definition);
  const isKeyless = uniqueKey === undefined;
  // Rows that are alike are all met by a join; one of NULLs only cannot be told from none.
  const isCounted = block.sources.length > 1 && (hasLimit || definition.columns.every(({ nullable }) => nullable));
  if (isKeyless && (isCounted || changesVindex(target))) {
    const what = isCounted ? "by rows of other tables" : "of vindex columns";
    throw notSupported(`a change over shards ${what} of table ${where}, which has no key`, "give it a primary key");
  }
  const keyColumns = uniqueKey ?? definition.columns;
  const read = (column: ColumnSchema): FoundColumn => {
    const name: Column = {
      kind: "column",
      schema: ref.alias === undefined ? ref.schema : undefined,
      table: source.shownAlias,
      name: column.name,
      pos: 0,
    };
    return { column, position: items.add(name) };
  };
  const key = keyColumns.map(read);
  const placed = placingOf(source);
  const vindexed = placed === "sharded" ? columnsNamed(definition, vindexColumns(table)).map(read) : [];
  const moves = changesVindex(target);
  const newKey: FoundColumn[] = [];
  const assignments = set.map(({ column, value }, at): ChangeAssignment => {
    const name = column.name;
    const own = isOwn(value, source, block);
    const assigned = keyColumns.find(({ lower }) => lower === name.toLowerCase());
    if (moves && assigned !== undefined) {
      const [earlier] = set.slice(0, at).filter((each) => readsColumn(value, each.column.name));
      if (earlier !== undefined) {
        throw notSupported(
          `key column ${name} computed from ${earlier.column.name}, which the statement changes as well`,
        );
      }
      if (value.kind === "default") throw notSupported(`DEFAULT as new value of key column ${name}`);
      newKey.push({ column: assigned, position: items.add(value) });
    }
    if (own) return { column: name, value: { kind: "own", expr: value } };
    return { column: name, value: { kind: "found", position: items.add(value) } };
  });
  return {
    keyspace: keyspace.keyspace,
    table: resolved.name,
    ref,
    vschema: table,
    definition,
    placed,
    key,
    isKeyless,
    vindexed,
    set: assignments,
    newKey,
    changesVindex: moves,
  };
}

/** Assignments see those before them. */
export function readsColumn(value: Expr, name: string): boolean {
  let reads = false;
  walk(value, (node) => {
    reads ||= node.kind === "column" && node.name.toLowerCase() === name.toLowerCase();
    return !reads;
  });
  return reads;
}

function columnsNamed({ columns }: TableSchema, names: ReadonlySet<string>): readonly ColumnSchema[] {
  return columns.filter(({ lower }) => names.has(lower));
}

/** The columns of a key without NULLs, the primary one first. */
export function keyOf({ keys, columns }: TableSchema): readonly ColumnSchema[] | undefined {
  for (const { unique, columns: names } of keys) {
    if (!unique) continue;
    const found = names.flatMap((name) => columns.find(({ lower }) => lower === name) ?? []);
    if (found.length === names.length && found.every(({ nullable }) => !nullable)) return found;
  }
  return undefined;
}

/** The shard can compute it out of the row. */
function isOwn(value: Expr, source: Source, block: Block): boolean {
  let own = true;
  walk(value, (node) => {
    if (isQuery(node)) own = false;
    if (node.kind === "column" && own) {
      const resolved = resolveColumn(node, block);
      own = resolved === undefined ? block.sources.length === 1 : resolved.source === source;
    }
    return own;
  });
  return own;
}
