// Plans a query for the merge tier. What every shard can compute over its own rows goes to the shards as it is; inner
// queries that need rows of other shards run before and their rows are shipped (`RowsStep`); tables that do not lie
// together are joined stage by stage, the rows of one stage shipped in batches to the shards of the next. Each rewriting
// gives a new SELECT that names a rows table in place of what it replaced, and is planned again from the start.
//
// Throws CannotMerge for what only the gather tier answers.

import { EMPTY_SELECT } from "../sql/empty-select.ts";
import { columnNode, literalNode } from "../sql/new-nodes.ts";
import type { Cte, Expr, Node, OrderItem, Query, Select, SelectItem, TableName, Union, With } from "../sql/tree.ts";
import { children, isQuery, mapChildren, walk } from "../sql/walk.ts";
import { CannotMerge } from "./cannot-merge.ts";
import {
  comparesExactly,
  fromTableOf,
  hasAggregate,
  type Obstacle,
  type Placed,
  type Placement,
  placeBlock,
  shardWorkOf,
} from "./colocation.ts";
import { aggregateBody } from "./merge-aggregate.ts";
import { columnKindOf } from "./column-kind.ts";
import { originsOf } from "./column-origins.ts";
import { foreignTyping } from "./foreign-typing.ts";
import { MergeColumns } from "./merge-columns.ts";
import { splitJoin } from "./merge-join.ts";
import type { Body, Merge, MergeKey, MergeLimit, MergePlan, RowsStep, ShardBody, UnionBody } from "./merge-plan.ts";
import { orderKeys } from "./merge-order.ts";
import type { Effect, GatherPlan, Routing } from "./plan.ts";
import { routeTogether } from "./routing.ts";
import {
  type Block,
  isCorrelated,
  nameOfItem,
  plainColumn,
  type QueryScope,
  type ScopeContext,
  scopeOf,
  type Source,
  type SourceColumn,
} from "./scope.ts";
import type { PlanContext } from "./tables.ts";
import { valueRefOf } from "./value-ref.ts";

export const NO_MERGE: Merge = {
  aggregate: undefined,
  distinct: undefined,
  order: [],
  sorted: false,
  limit: undefined,
  pushLimit: false,
};

/** Rewritings of one SELECT: each ships something, so a statement has only so many. */
const REWRITINGS_MAX = 64;

/** `typing` is the statement as it was written, `query` what is planned of it. */
export function planMerge(
  query: Query,
  typing: Query,
  context: PlanContext,
  keyspace: string,
  effect: Effect,
  reason: string,
  gather: (() => GatherPlan) | undefined,
  isOverKeyspaces = false,
): MergePlan {
  // No server has the tables to say what is wrong with it.
  if (isOverKeyspaces && hasUnused(query)) throw new CannotMerge("a common table expression that nothing names");
  const planner = new MergePlanner(context, keyspace, isOverKeyspaces);
  const body = planner.body(query, typing, []);
  let made: GatherPlan | undefined;
  return {
    kind: "merge",
    steps: planner.steps,
    body,
    origins: isOverKeyspaces ? originsOf(typing, planner.scope(typing, [])) : [],
    reason,
    // Most merges never need it: made when it is asked for.
    get gather() {
      made ??= gather?.();
      return made;
    },
    effect,
  };
}

export class MergePlanner {
  readonly steps: RowsStep[] = [];
  /** Where what needs no table of its own runs. */
  readonly keyspace: string;
  readonly #isOverKeyspaces: boolean;
  readonly #context: PlanContext;
  readonly #rows = new Map<string, readonly SourceColumn[]>();
  readonly #stepsOfCtes = new Map<Cte, string>();

  constructor(context: PlanContext, keyspace: string, isOverKeyspaces: boolean) {
    this.#context = context;
    this.keyspace = keyspace;
    this.#isOverKeyspaces = isOverKeyspaces;
  }

  /** `typing` is the query as one MySQL would run it, in terms of the keyspace's own tables; `ctes` are in scope. */
  body(query: Query, typing: Query, ctes: readonly Cte[]): Body {
    switch (query.kind) {
      case "select":
        return this.#select(query, typing, ctes);
      case "union":
        return this.#union(query, typing, ctes);
      case "table":
      case "values":
        throw new CannotMerge(`${query.kind.toUpperCase()} over several shards`);
    }
  }

  scope(query: Query, ctes: readonly Cte[]): QueryScope {
    const context: ScopeContext = { ...this.#context, rows: this.#rows };
    return scopeOf(withCtes(query, ctes), context);
  }

  /** Makes a step of a body and gives the name of its rows table. */
  addStep(body: Body, columns: readonly SourceColumn[], batched: boolean, numbered: boolean): string {
    const name = `shardgate_rows_${this.steps.length + 1}`;
    this.steps.push({
      name,
      columns: columns.map((column) => column.name),
      body,
      typing: body.typing,
      batched,
      numbered,
    });
    this.#rows.set(name, columns);
    return name;
  }

  changeLastStep(change: (body: Body) => Body): void {
    const step = this.steps.pop();
    if (step !== undefined) this.steps.push({ ...step, body: change(step.body) });
  }

  /** Names of the rows tables that `query` reads. */
  usesOf(query: Query): string[] {
    const names = new Set<string>();
    const visit = (node: Node): void => {
      if (node.kind === "tableName" && node.schema === undefined && this.#rows.has(node.name)) names.add(node.name);
      children(node, visit);
    };
    visit(query);
    return [...names];
  }

  /** A query in terms of the keyspace's own tables: what types a rows table stands for it. */
  #typed(query: Query): Query {
    const uses = this.usesOf(query);
    if (uses.length === 0) return query;
    const ctes = this.steps.flatMap(({ name, columns, typing }): Cte[] =>
      uses.includes(name) ? [{ kind: "cte", name, columns, query: typing, cycle: [], pos: query.pos }] : [],
    );
    return withCtes(query, ctes);
  }

  /** Rows of a source's table on a shard, as far as known. */
  rowsOf({ resolved }: Source): number | undefined {
    if (resolved === undefined) return undefined;
    return this.#context.schema.table(resolved.keyspace.keyspace, resolved.name)?.rows;
  }

  isRows(name: string): boolean {
    return this.#rows.has(name);
  }

  isBatched(uses: readonly string[]): boolean {
    return this.steps.some(({ name, batched }) => batched && uses.includes(name));
  }

  /** `typing` is the statement's own when no single keyspace has all tables of the query. */
  shardBody(
    statement: Query,
    typing: Query,
    width: number,
    merge: Merge,
    routing: Routing,
    keyspace = this.keyspace,
  ): ShardBody {
    const uses = this.usesOf(statement);
    for (const name of uses) this.#typeFor(name, keyspace);
    const typed = this.#typed(typing);
    return { kind: "shards", keyspace, routing, statement, uses, typing: typed, width, merge, outer: undefined };
  }

  /** What gives the columns of the answer that `select`, in terms of rows tables, stands for. */
  typingOf(select: Query, typing: Query): Query {
    return this.#isOverKeyspaces ? select : typing;
  }

  /** Rows of another keyspace are typed without its tables: they are not there. */
  #typeFor(name: string, keyspace: string): void {
    const at = this.steps.findIndex((step) => step.name === name);
    const step = this.steps[at];
    if (step === undefined || step.body.keyspace === keyspace) return;
    this.steps[at] = { ...step, typing: typesOf(this.#rows.get(name) ?? []) };
  }

  #select(original: Select, typing: Query, ctes: readonly Cte[]): Body {
    let select = original;
    for (let count = 0; count < REWRITINGS_MAX; count++) {
      const scope = this.scope(select, ctes);
      const { block } = scope;
      if (block === undefined) throw new CannotMerge("a query without a SELECT");
      const placement = placeBlock(block);
      const inScope = [...ctes, ...(select.with?.ctes ?? [])];
      const { obstacle, groups } = placement;
      if (obstacle?.source !== undefined || obstacle?.subquery !== undefined) {
        select = this.#shipObstacle(obstacle, select, inScope);
      } else if (groups.length > 1 || obstacle?.isOuterJoin === true) {
        const pulled = this.#shipUncorrelated(select, block, inScope);
        if (pulled !== undefined) {
          select = pulled;
          continue;
        }
        const split = splitJoin(this, select, block, placement, inScope, typing);
        if (split.kind !== "select") return split;
        select = split;
      } else if (obstacle !== undefined) {
        throw new CannotMerge(obstacle.reason);
      } else return this.#together(pruned(withCtes(select, ctes)), typing, ctes);
    }
    throw new CannotMerge("a query with very many parts over several shards");
  }

  #together(select: Select, typing: Query, ctes: readonly Cte[]): Body {
    const { block } = this.scope(select, ctes);
    if (block === undefined) throw new CannotMerge("a query without a SELECT");
    const placement = placeBlock(block);
    const [group] = placement.groups;
    const keyspace = group?.[0]?.keyspace;
    refuseOthers(block, keyspace?.keyspace ?? this.keyspace);
    const ownTyping = this.typingOf(select, typing);
    if (group === undefined || keyspace === undefined) {
      const any: Routing = { kind: "any" };
      if (this.isBatched(this.usesOf(select))) return this.groupBody(select, block, placement, [], any, ownTyping);
      return this.shardBody(select, ownTyping, this.#widthOf(block), NO_MERGE, any);
    }
    if (!keyspace.sharded && !this.isBatched(this.usesOf(select))) {
      const unsharded: Routing = { kind: "unsharded" };
      return this.shardBody(select, ownTyping, this.#widthOf(block), NO_MERGE, unsharded, keyspace.keyspace);
    }
    const routing = routingOf(group, placement, block, this);
    return this.groupBody(select, block, placement, group, routing, ownTyping);
  }

  /** A SELECT whose tables lie together, over several shards. */
  groupBody(
    select: Select,
    block: Block,
    placement: Placement,
    group: readonly Placed[],
    routing: Routing,
    typing: Query,
  ): Body {
    const isBatched = this.isBatched(this.usesOf(select));
    const plain: Select = { ...select, limit: undefined };
    const work = isBatched
      ? shardWorkOf({ ...block, select: plain }, [], placement.classes)
      : shardWorkOf({ ...block, select: plain }, group, placement.classes);
    const limit = limitOf(select);
    if (work !== undefined) {
      const isDistinct = work.startsWith("DISTINCT");
      if (!isDistinct && select.groupBy.length === 0 && !hasAggregate(select)) throw new CannotMerge(work);
      if (!isDistinct) {
        const keyspace = group[0]?.keyspace.keyspace ?? this.keyspace;
        return aggregateBody(this, select, block, routing, typing, keyspace);
      }
    }
    const columns = new MergeColumns(block);
    for (const item of select.items) columns.addItem(item);
    const { width } = columns;
    const isDistinct = work !== undefined;
    const order = orderKeys(select, block, columns, isDistinct || select.options.includes("distinct"));
    let distinct: MergeKey[] | undefined;
    // 'a' and 'a ' are one value, but have two weights: a shard's DISTINCT would tell them apart.
    if (isDistinct || (select.options.includes("distinct") && columns.items.length > width)) {
      distinct = [];
      for (let index = 0; index < width; index++) {
        const expr = columns.exprAt(index);
        if (expr === undefined) throw new CannotMerge("DISTINCT over several shards");
        distinct.push(columns.keyOf(expr, index, false));
      }
    }
    const statement: Select = {
      ...select,
      items: columns.items,
      // Without a limit, rows of batches are sorted here anyway. By position: a name could mean a hidden column as well.
      orderBy: isBatched && limit === undefined ? [] : order.map((key) => orderOf(key, select.pos)),
      limit: undefined,
      into: undefined,
    };
    const merge: Merge = {
      aggregate: undefined,
      distinct,
      order,
      sorted: order.length > 0 && !isBatched,
      limit,
      // For the same reason a shard's first rows may be fewer different ones.
      pushLimit: limit !== undefined && distinct?.some(({ weight }) => weight !== undefined) !== true,
    };
    return this.shardBody(statement, typing, width, merge, routing, group[0]?.keyspace.keyspace);
  }

  #widthOf(block: Block): number {
    const columns = new MergeColumns(block);
    for (const item of block.select.items) columns.addItem(item);
    return columns.width;
  }

  // Unions

  #union(query: Union, typing: Query, ctes: readonly Cte[]): Body {
    const inScope = [...ctes, ...(query.with?.ctes ?? [])];
    if (query.locking.length > 0) throw new CannotMerge("a locking UNION over several shards");
    const parts = [query.first, ...query.rest.map((part) => part.query)].map((part) => pruned(withCtes(part, inScope)));
    const isConcatenation = query.rest.every(({ op, quantifier }) => op === "union" && quantifier === "all");
    if (isConcatenation && query.orderBy.length === 0 && !this.#isOverKeyspaces) {
      const bodies = parts.map((part) => this.body(part, part, []));
      const width = bodies[0]?.width ?? 0;
      const merge: Merge = { ...NO_MERGE, limit: limitOf(query) };
      return { kind: "union", keyspace: this.keyspace, parts: bodies, typing, width, merge } satisfies UnionBody;
    }
    // A MySQL makes one answer of the parts' rows: what is equal, in which order and of which type is for it to say.
    const shipped = parts.map((part) => this.#shipQuery(part));
    const [first, ...rest] = shipped;
    if (first === undefined) throw new CannotMerge("a set operation without parts");
    const statement: Union = {
      ...query,
      with: undefined,
      into: undefined,
      first: withNamesOf(query.first, first),
      rest: query.rest.map((part, index) => ({ ...part, query: rest[index] ?? part.query })),
    };
    const ownTyping = this.typingOf(statement, typing);
    return this.shardBody(statement, ownTyping, first.items.length, NO_MERGE, { kind: "any" });
  }

  /** Rows of a query as a rows table; gives the SELECT that reads it. */
  #shipQuery(query: Query): Select {
    const scope = this.scope(query, []);
    const wanted = named(query, scope);
    const columns = columnsForSubquery(wanted, scope);
    const name = this.addStep(this.body(wanted, wanted, []), columns, false, false);
    const select = selectFrom(name, columns, query.pos);
    // A NULL takes the type of what it stands beside; a column of NULLs has one of its own.
    const items = select.items.map((item, at) => {
      const from = wanted.kind === "select" ? wanted.items[at] : undefined;
      return item.kind === "expr" && from?.kind === "expr" && isNull(from.expr) ? { ...item, expr: from.expr } : item;
    });
    return { ...select, items };
  }

  /** Before a join is taken apart, inner queries that stand for themselves are shipped; the first of them. */
  #shipUncorrelated(select: Select, block: Block, ctes: readonly Cte[]): Select | undefined {
    const subquery = block.subqueries.find(({ scope }) => isCorrelated(scope) === false && !this.#isShipped(scope));
    if (subquery === undefined) return undefined;
    const obstacle: Obstacle = { reason: "a subquery", subquery, source: undefined, isOuterJoin: false };
    return this.#shipObstacle(obstacle, select, ctes);
  }

  #isShipped({ block }: QueryScope): boolean {
    return (
      block !== undefined && block.sources.every(({ ref }) => ref.kind === "tableName" && this.#rows.has(ref.name))
    );
  }

  // Shipping

  #shipObstacle(obstacle: Obstacle, select: Select, ctes: readonly Cte[]): Select {
    const { source, subquery, reason } = obstacle;
    if (source !== undefined) return this.#shipSource(source, select, ctes, reason);
    if (subquery === undefined) throw new CannotMerge(reason);
    const isOuter = isCorrelated(subquery.scope);
    if (isOuter !== false) throw new CannotMerge(isOuter === true ? `a correlated subquery: ${reason}` : reason);
    const { query } = subquery.node;
    const wanted = subquery.node.kind === "exists" ? existsQuery(query) : query;
    const inner = this.#shipQuery(pruned(withCtes(wanted, ctes)));
    return replaceNode(select, subquery.node, { ...subquery.node, query: inner });
  }

  #shipSource(source: Source, select: Select, ctes: readonly Cte[], reason: string): Select {
    const { inner, ref, cte } = source;
    if (inner === undefined) throw new CannotMerge(reason);
    if (ref.kind === "derived" && ref.lateral) throw new CannotMerge("LATERAL over several shards");
    if (inner.recursive) throw new CannotMerge("a recursive common table expression over several shards");
    if (!source.complete || source.columns.length === 0)
      throw new CannotMerge("the columns of a derived table are not known");
    const names = new Set(source.columns.map(({ lower }) => lower));
    if (names.size < source.columns.length) throw new CannotMerge("a derived table with two columns of one name");
    let name = cte === undefined ? undefined : this.#stepsOfCtes.get(cte);
    if (name === undefined) {
      // A common table expression sees those before it.
      const at = cte === undefined ? -1 : ctes.indexOf(cte);
      const query = pruned(withCtes(inner.query, at < 0 ? ctes : ctes.slice(0, at)));
      const columns = source.columns.map((column) => ({ ...column, origin: undefined, invisible: false }));
      name = this.addStep(this.body(query, query, []), columns, false, false);
      if (cte !== undefined) this.#stepsOfCtes.set(cte, name);
    }
    const table = rowsTable(name, source.shownAlias, ref.pos);
    return replaceNode(select, ref, table);
  }
}

function orderOf({ column, descending }: MergeKey, pos: number): OrderItem {
  const expr: Expr = literalNode("int", String(column + 1), pos);
  return { kind: "order", expr, direction: descending ? "desc" : undefined, pos };
}

/** Where the rows of tables that lie together are. */
export function routingOf(
  group: readonly Placed[],
  placement: Placement,
  block?: Block,
  planner?: MergePlanner,
): Routing {
  if (group[0]?.keyspace.sharded === false) return { kind: "unsharded" };
  const tables = group.flatMap((placed) => fromTableOf(placed) ?? []);
  if (tables.length === 0) return { kind: "scatter" };
  const { conditions, nullsAreRows } = placement;
  const best = routeTogether({ tables, conditions, outerJoins: [], listsOuterJoins: nullsAreRows });
  if (best.kind !== "scatter" || block === undefined || planner === undefined) return best;
  return routingByRows(group, placement, block, planner) ?? best;
}

/** The shards of the values that shipped rows have for a sharding key. */
function routingByRows(
  group: readonly Placed[],
  placement: Placement,
  block: Block,
  planner: MergePlanner,
): Routing | undefined {
  const rows = block.sources.filter(({ ref }) => ref.kind === "tableName" && planner.isRows(ref.name));
  for (const { source, keys } of group) {
    for (const { vindex, columns } of keys) {
      const [lower] = columns;
      if (vindex.kind !== "single-column" || lower === undefined) continue;
      for (const each of rows) {
        const column = each.columns.find((one) =>
          placement.classes.same({ source: each, lower: one.lower }, { source, lower }),
        );
        if (column === undefined || each.ref.kind !== "tableName") continue;
        if (!comparesExactly({ source: each, lower: column.lower }, { source, lower })) continue;
        const holds = columnKindOf(source.resolved?.table, lower, source.resolved?.definition);
        const alone = timesNamed(each.ref.name, block.select) === 1;
        return { kind: "in-rows", vindex, holds, step: each.ref.name, column: column.name, alone };
      }
    }
  }
  return undefined;
}

function timesNamed(name: string, select: Select): number {
  let times = 0;
  walk(select, (node) => {
    if (node.kind === "tableName" && node.name === name) times++;
  });
  return times;
}

/** Every table must be where the statement goes: of the keyspace, or a reference table that it has. */
export function refuseOthers(block: Block, keyspace: string): void {
  const visit = (scope: QueryScope): void => {
    if (scope.block !== undefined) visitBlock(scope.block);
    scope.parts.forEach(visit);
  };
  const visitBlock = (at: Block): void => {
    for (const { resolved, inner } of at.sources) {
      if (resolved !== undefined && resolved.keyspace.keyspace !== keyspace) {
        throw new CannotMerge(`tables of keyspaces ${keyspace} and ${resolved.keyspace.keyspace}`);
      }
      if (inner !== undefined) visit(inner);
    }
    for (const subquery of at.subqueries) visit(subquery.scope);
  };
  visitBlock(block);
}

export function limitOf(query: Query): MergeLimit | undefined {
  const { limit } = query;
  if (limit === undefined) return undefined;
  if (limit.withTies || limit.rowsExamined !== undefined || limit.count === undefined) {
    throw new CannotMerge("this form of LIMIT over several shards");
  }
  const count = valueRefOf(limit.count);
  const offset = limit.offset === undefined ? undefined : valueRefOf(limit.offset);
  if (count === undefined || (limit.offset !== undefined && offset === undefined)) {
    throw new CannotMerge("LIMIT by an expression over several shards");
  }
  return { count, offset };
}

// Trees

/** `query` with the common table expressions that it may name put before its own. */
export function withCtes<Q extends Query>(query: Q, ctes: readonly Cte[]): Q {
  if (ctes.length === 0) return query;
  const own = query.with?.ctes ?? [];
  const all = [...ctes.filter((cte) => !own.includes(cte)), ...own];
  const clause: With = { kind: "with", recursive: query.with?.recursive ?? false, ctes: all, pos: query.pos };
  return { ...query, with: clause };
}

function hasUnused(query: Query): boolean {
  let found = false;
  walk(query, (node) => {
    found ||= isQuery(node) && pruned(node) !== node;
    return !found;
  });
  return found;
}

/** Without the common table expressions that nothing names. */
export function pruned<Q extends Query>(query: Q): Q {
  const clause = query.with;
  if (clause === undefined) return query;
  const needed = new Set<Cte>();
  const need = (node: Node, before: readonly Cte[]): void => {
    if (node.kind === "tableName" && node.schema === undefined) {
      const lower = node.name.toLowerCase();
      const at = before.findLastIndex((cte) => cte.name.toLowerCase() === lower);
      const cte = before[at];
      if (cte !== undefined && !needed.has(cte)) {
        needed.add(cte);
        need(cte.query, clause.recursive ? before.slice(0, at + 1) : before.slice(0, at));
      }
    }
    children(node, (child) => {
      if (child !== clause) need(child, before);
    });
  };
  need({ ...query, with: undefined }, clause.ctes);
  const ctes = clause.ctes.filter((cte) => needed.has(cte));
  if (ctes.length === clause.ctes.length) return query;
  return { ...query, with: ctes.length === 0 ? undefined : { ...clause, ctes } };
}

export function rowsTable(name: string, alias: string, pos: number): TableName {
  return {
    kind: "tableName",
    schema: undefined,
    name,
    alias,
    partitions: [],
    indexHints: [],
    systemTime: undefined,
    pos,
  };
}

function selectFrom(name: string, columns: readonly SourceColumn[], pos: number): Select {
  return {
    ...EMPTY_SELECT,
    items: columns.map((column) => columnItem(name, column.name, pos)),
    from: [rowsTable(name, name, pos)],
    pos,
  };
}

function isNull(expr: Expr): boolean {
  return expr.kind === "literal" && expr.type === "null";
}

function columnItem(table: string, name: string, pos: number): SelectItem {
  return {
    kind: "expr",
    expr: columnNode(name, table, pos),
    alias: undefined,
    text: name,
    pos,
  };
}

/** One row tells that there is one. */
function existsQuery(query: Query): Query {
  if (query.kind !== "select") throw new CannotMerge("EXISTS of a set operation over several shards");
  const one: Expr = literalNode("int", "1", query.pos);
  if (query.having !== undefined || query.limit !== undefined || hasAggregate(query)) return query;
  const count = one;
  const limit = {
    kind: "limit",
    offset: undefined,
    count,
    withTies: false,
    rowsExamined: undefined,
    pos: query.pos,
  } as const;
  const items: SelectItem[] = [{ kind: "expr", expr: one, alias: undefined, text: "1", pos: query.pos }];
  return { ...query, options: [], items, groupBy: [], windows: [], orderBy: [], limit };
}

/** No rows with the columns' types. Throws CannotMerge when one is not known. */
function typesOf(columns: readonly SourceColumn[]): Select {
  const table = foreignTyping(columns);
  if (table === undefined) throw new CannotMerge("rows of another keyspace, of a type that is not known");
  const alias = table.alias ?? "";
  return { ...EMPTY_SELECT, items: columns.map(({ name }) => columnItem(alias, name, 0)), from: [table] };
}

/** The query with columns named c0, c1, … */
function named(query: Query, scope: QueryScope | undefined): Query {
  if (query.kind === "union") return { ...query, first: named(query.first, scope?.parts[0]) };
  if (query.kind !== "select") throw new CannotMerge(`a subquery of the form ${query.kind.toUpperCase()}`);
  const items = query.items.flatMap((item, index): SelectItem[] => {
    if (item.kind === "expr") return [{ ...item, alias: shippedName(index) }];
    const columns = scope?.columns;
    const only = query.items.length === 1 ? columns : undefined;
    if (only === undefined) throw new CannotMerge("the columns of a subquery are not known");
    return only.map((column, at) => {
      const { origin } = column;
      if (origin === undefined) throw new CannotMerge("the columns of a subquery are not known");
      const expr: Expr = {
        kind: "column",
        schema: undefined,
        table: origin.source.shownAlias,
        name: column.name,
        pos: item.pos,
      };
      return { kind: "expr", expr, alias: shippedName(at), text: column.name, pos: item.pos };
    });
  });
  return { ...query, items };
}

function columnsForSubquery(query: Query, scope: QueryScope): SourceColumn[] {
  const first = leftmost(query);
  const known = scope.columns;
  return first.items.map((item, index) => {
    const column = known?.length === first.items.length ? known[index] : undefined;
    const name = item.kind === "expr" ? (item.alias ?? shippedName(index)) : shippedName(index);
    return { ...plainColumn(name), definition: column?.definition };
  });
}

/** Not the name of any table's column, so that no ORDER BY or HAVING takes it for one. */
export function shippedName(index: number): string {
  return `shardgate_c${index}`;
}

/** The names that a set operation's ORDER BY may use are those of its first part. */
function withNamesOf(first: Query, select: Select): Select {
  const names = leftmost(first).items;
  if (names.length !== select.items.length) return select;
  const items = select.items.map((item, index): SelectItem => {
    const named = names[index];
    return item.kind === "expr" && named?.kind === "expr" ? { ...item, alias: nameOfItem(named) } : item;
  });
  return { ...select, items };
}

function leftmost(query: Query): Select {
  if (query.kind === "union") return leftmost(query.first);
  if (query.kind !== "select") throw new CannotMerge(`a subquery of the form ${query.kind.toUpperCase()}`);
  return query;
}

/** The tree with one node exchanged. */
function replaceNode<N extends Node>(tree: N, old: Node, by: Node): N {
  const change = (node: Node): Node => (node === old ? by : mapChildren(node, change));
  return mapChildren(tree, change);
}
