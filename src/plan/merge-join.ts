// Joins of tables that do not lie together: stage by stage, the rows of what was joined so far are shipped in batches to
// the shards of the next table, where a MySQL joins them. Every stage is a SELECT of its own; conditions move to the first
// stage that has all their columns, which changes no row: a condition on what an outer join preserves may come before it.

import { EMPTY_SELECT } from "../sql/empty-select.ts";
import { columnNode, literalNode } from "../sql/new-nodes.ts";
import type { Column, Cte, Expr, Join, Node, OrderItem, Query, Select, SelectItem, TableRef } from "../sql/tree.ts";
import { mapChildren } from "../sql/walk.ts";
import { CannotMerge } from "./cannot-merge.ts";
import { conjunctsOf, groupExpr, type Placed, type Placement, placeBlock } from "./colocation.ts";
import { type MergePlanner, pruned, refuseOthers, rowsTable, routingOf, shippedName, withCtes } from "./merge.ts";
import type { Body, ShardBody } from "./merge-plan.ts";
import {
  type Block,
  columnsIn,
  columnsOfStar,
  definitionOf,
  joinedColumns,
  nameOfItem,
  plainColumn,
  type Resolved,
  resolveColumn,
  type Source,
  type SourceColumn,
  sourcesIn,
} from "./scope.ts";

/** A table, or tables in parentheses that lie together, with how it is joined to all before it. */
interface Element {
  readonly ref: TableRef;
  readonly sources: readonly Source[];
  readonly type: "inner" | "left";
  readonly on: readonly Expr[];
}

/**
 * Takes the first stage off: a SELECT over its rows and the rest. When the rest is one outer join, the body that ends the
 * statement. Throws CannotMerge for forms of FROM that cannot be taken apart.
 */
export function splitJoin(
  planner: MergePlanner,
  original: Select,
  block: Block,
  placement: Placement,
  ctes: readonly Cte[],
  typing: Query,
): Select | Body {
  if (block.subqueries.some(({ node }) => isInJoin(original.from, node))) {
    throw new CannotMerge("a subquery in the ON of a join over several shards");
  }
  const meanings = new Map<Column, Resolved>();
  const select = qualify(original, block, meanings);
  const columnOf: ColumnOf = (node) => meanings.get(node);
  const written = chainOf(select.from, block, meanings);
  const isInnerOnly = written.every(({ type }) => type === "inner");
  // Inner joins are taken in any order: their conditions stand with those of WHERE.
  const chain = isInnerOnly ? written.map((element) => ({ ...element, on: [] })) : written;
  const groupOf = (element: Element): number =>
    placement.groups.findIndex((group) => group.some((placed) => holds(element, placed)));
  for (const element of chain) {
    const own = placement.groups.filter((group) => group.some((placed) => holds(element, placed)));
    if (own.length > 1) throw new CannotMerge("an outer join inside a join, of tables that lie apart");
  }
  const rows = chain.filter(({ ref }) => isRows(ref, planner));
  const where = [...conjunctsOf(select.where), ...(isInnerOnly ? written.flatMap(({ on }) => on) : [])];
  const first = isInnerOnly
    ? startOf(chain, rows, placement, groupOf, planner, (a, b) => areLinked(where, columnOf, a, b))
    : prefixOf(chain, groupOf);
  const rest = chain.filter((element) => !first.includes(element));
  const [next] = rest;
  if (next === undefined) throw new CannotMerge("a join over several shards");
  const hasOuter = rest.some(({ type }) => type === "left");
  if (hasOuter && block.subqueries.length > 0)
    throw new CannotMerge("a subquery beside an outer join over several shards");
  const stage = new Stage(planner, select, block, columnOf, ctes);
  // Rows that were shipped for an earlier join may be what the next one begins with.
  const isShipped = first.length === 1 && rows.length === 1 && first[0] === rows[0];
  const implied = (isInnerOnly ? impliedEqualities(first, placement, meanings) : []).filter(
    (expr) => !where.some((known) => isSameEquality(known, expr, columnOf)),
  );
  const after = isShipped
    ? { select, chain, where, columnOf }
    : stage.ship(first, rest, [...where, ...implied], hasOuter);
  const [left, right, ...others] = after.chain;
  if (left === undefined || right === undefined) throw new CannotMerge("a join over several shards");
  if (right.type === "inner") {
    return { ...after.select, from: [joined(after.chain)], where: andOf(after.where) };
  }
  if (others.length === 0) return outerBody(planner, after.select, left, right, after.where, ctes, typing);
  // An outer join with more to come: its rows are shipped as well.
  const inner = new Stage(planner, after.select, block, after.columnOf, ctes);
  return inner.shipOuter(left, right, others, after.where);
}

/**
 * Keys of tables that lie together only by way of a table of a later stage (a = c AND b = c): without a condition of their
 * own the stage would join every row with every other one.
 */
function impliedEqualities(
  first: readonly Element[],
  placement: Placement,
  meanings: Map<Column, Resolved>,
): readonly Expr[] {
  const own = first.flatMap(({ sources }) => sources);
  const conditions: Expr[] = [];
  for (const group of placement.groups) {
    const [base, ...others] = group.filter(({ source }) => own.includes(source));
    if (base === undefined) continue;
    for (const other of others) {
      for (const { vindex, columns } of base.keys) {
        const key = other.keys.find((each) => each.vindex === vindex && each.columns.length === columns.length);
        const pairs = columns.map((lower, index): readonly [Resolved, Resolved] => [
          { source: base.source, lower },
          { source: other.source, lower: key?.columns[index] ?? "" },
        ]);
        if (!pairs.every(([a, b]) => placement.classes.same(a, b) && haveOneType(a, b))) continue;
        for (const [a, b] of pairs) {
          const left = meantColumn(a, meanings);
          conditions.push({ kind: "binary", op: "=", left, right: meantColumn(b, meanings), pos: left.pos });
        }
      }
    }
  }
  return conditions;
}

function isSameEquality(a: Expr, b: Expr, columnOf: ColumnOf): boolean {
  if (a.kind !== "binary" || b.kind !== "binary" || a.op !== "=" || b.op !== "=") return false;
  const areSame = (x: Expr, y: Expr): boolean => {
    const left = x.kind === "column" ? columnOf(x) : undefined;
    const right = y.kind === "column" ? columnOf(y) : undefined;
    return left !== undefined && left.source === right?.source && left.lower === right.lower;
  };
  return (
    (areSame(a.left, b.left) && areSame(a.right, b.right)) || (areSame(a.left, b.right) && areSame(a.right, b.left))
  );
}

function haveOneType(a: Resolved, b: Resolved): boolean {
  const left = definitionOf(a);
  const right = definitionOf(b);
  return left !== undefined && left.dataType === right?.dataType && left.collation === right.collation;
}

function meantColumn(resolved: Resolved, meanings: Map<Column, Resolved>): Column {
  const { source, lower } = resolved;
  const { pos } = source.ref;
  const made: Column = columnNode(lower, source.shownAlias, pos);
  meanings.set(made, resolved);
  return made;
}

interface Remaining {
  readonly select: Select;
  readonly chain: readonly Element[];
  readonly where: readonly Expr[];
  readonly columnOf: ColumnOf;
}

type ColumnOf = (node: Column) => Resolved | undefined;

class Stage {
  readonly #planner: MergePlanner;
  readonly #select: Select;
  readonly #block: Block;
  readonly #columnOf: ColumnOf;
  readonly #ctes: readonly Cte[];

  constructor(planner: MergePlanner, select: Select, block: Block, columnOf: ColumnOf, ctes: readonly Cte[]) {
    this.#planner = planner;
    this.#select = select;
    this.#block = block;
    this.#columnOf = columnOf;
    this.#ctes = ctes;
  }

  /** Makes a step of the first elements' join. */
  ship(first: readonly Element[], rest: readonly Element[], where: readonly Expr[], numbered: boolean): Remaining {
    const sources = first.flatMap((element) => element.sources);
    const isOwn = (expr: Expr): boolean => this.#areWithin(expr, sources);
    const own = where.filter(isOwn);
    const others = where.filter((expr) => !own.includes(expr));
    const body = (items: readonly SelectItem[]): Select => ({
      ...EMPTY_SELECT,
      items,
      from: [joined(first)],
      where: andOf(own),
      locking: this.#select.locking,
      with: this.#select.with,
      pos: this.#select.pos,
    });
    return this.#shipRows(sources, body, rest, others, numbered, (select) =>
      this.#planner.body(select, select, this.#ctes),
    );
  }

  /** The same for the rows that an outer join with `right` gives. */
  shipOuter(left: Element, right: Element, others: readonly Element[], where: readonly Expr[]): Select {
    const sources = [...left.sources, ...right.sources];
    const own = where.filter((expr) => this.#areWithin(expr, sources));
    const rest = where.filter((expr) => !own.includes(expr));
    const body = (items: readonly SelectItem[]): Select => ({
      ...EMPTY_SELECT,
      items,
      from: [joined([left, right])],
      where: andOf(own),
      locking: this.#select.locking,
      with: this.#select.with,
      pos: this.#select.pos,
    });
    const hasOuter = others.some(({ type }) => type === "left");
    const after = this.#shipRows(sources, body, others, rest, hasOuter, (select) =>
      outerBody(this.#planner, select, left, right, own, this.#ctes, select),
    );
    return { ...after.select, from: [joined(after.chain)], where: andOf(after.where) };
  }

  #shipRows(
    sources: readonly Source[],
    bodyOf: (items: readonly SelectItem[]) => Select,
    rest: readonly Element[],
    where: readonly Expr[],
    numbered: boolean,
    plan: (select: Select) => Body,
  ): Remaining {
    const needed: Resolved[] = [];
    const columns: SourceColumn[] = [];
    const { pos } = this.#select;
    const indexOf = (resolved: Resolved): number => {
      const at = needed.findIndex(({ source, lower }) => source === resolved.source && lower === resolved.lower);
      if (at >= 0) return at;
      const definition = definitionOf(resolved);
      columns.push({
        ...plainColumn(shippedName(needed.length)),
        definition: definition === undefined ? undefined : { ...definition, nullable: true },
      });
      return needed.push(resolved) - 1;
    };
    const positions = new Map<Column, number>();
    const mark = (node: Node): void => {
      const visit = (at: Node): Node => {
        if (at.kind === "column") {
          const resolved = this.#columnOf(at);
          if (resolved !== undefined && sources.includes(resolved.source)) positions.set(at, indexOf(resolved));
        }
        return mapChildren(at, visit);
      };
      visit(node);
    };
    const remaining: Select = { ...this.#select, from: [], where: undefined };
    mark(remaining);
    for (const expr of where) mark(expr);
    for (const { on } of rest) for (const expr of on) mark(expr);
    const items = needed.map(({ source, lower }, index): SelectItem => {
      const column = source.columns.find((each) => each.lower === lower)?.name ?? lower;
      const expr: Expr = columnNode(column, source.shownAlias, pos);
      return { kind: "expr", expr, alias: shippedName(index), text: column, pos };
    });
    if (items.length === 0) {
      const expr: Expr = literalNode("int", "1", pos);
      items.push({ kind: "expr", expr, alias: shippedName(0), text: "1", pos });
      columns.push(plainColumn(shippedName(0)));
    }
    const name = this.#planner.addStep(plan(bodyOf(items)), columns, true, numbered);
    return this.#remaining(name, columns, positions, rest, where, remaining);
  }

  #remaining(
    name: string,
    columns: readonly SourceColumn[],
    positions: ReadonlyMap<Column, number>,
    rest: readonly Element[],
    where: readonly Expr[],
    remaining: Select,
  ): Remaining {
    const { pos } = this.#select;
    const source = rowsSource(name, columns, this.#block, pos);
    const moved = new Map<Column, Resolved | undefined>();
    const replace = <N extends Node>(node: N): N => {
      const change = (at: Node): Node => {
        if (at.kind === "column") {
          const index = positions.get(at);
          const next: Column = index === undefined ? at : columnNode(shippedName(index), name, pos);
          moved.set(next, index === undefined ? this.#columnOf(at) : { source, lower: shippedName(index) });
          return next;
        }
        return mapChildren(at, change);
      };
      return change(node) as N;
    };
    const ref = rowsTable(name, name, pos);
    const rows: Element = { ref, sources: [source], type: "inner", on: [] };
    const chain = [rows, ...rest.map((element) => ({ ...element, on: element.on.map(replace) }))];
    return {
      select: replace(remaining),
      chain,
      where: where.map(replace),
      columnOf: (node) => moved.get(node),
    };
  }

  #areWithin(expr: Expr, sources: readonly Source[]): boolean {
    let isWithin = true;
    let isPlain = true;
    let count = 0;
    const visit = (node: Node): Node => {
      if (node.kind === "column") {
        count++;
        const resolved = this.#columnOf(node);
        if (resolved === undefined || !sources.includes(resolved.source)) isWithin = false;
      } else if (node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified") isPlain = false;
      else if (node.kind === "assign" || (node.kind === "call" && (node.stored || UNSTEADY.has(node.name))))
        isPlain = false;
      return mapChildren(node, visit);
    };
    visit(expr);
    return isWithin && isPlain && count > 0;
  }
}

/** Functions whose value is another one each time. */
const UNSTEADY: ReadonlySet<string> = new Set([
  "rand",
  "uuid",
  "uuid_short",
  "sys_guid",
  "random_bytes",
  "sleep",
  "benchmark",
]);

/** The shards give the matches; rows without one on any shard get theirs, all NULL, on one of them. */
function outerBody(
  planner: MergePlanner,
  select: Select,
  left: Element,
  right: Element,
  where: readonly Expr[],
  ctes: readonly Cte[],
  typing: Query,
): Body {
  const { pos } = select;
  if (left.ref.kind !== "tableName") throw new CannotMerge("an outer join over several shards");
  const matches = [joined([left, { ...right, type: "inner" }])];
  const inner: Select = pruned(withCtes({ ...select, from: matches, where: andOf(where) }, ctes));
  const { block } = planner.scope(inner, []);
  // Where the matches are is for ON alone to say: WHERE may ask for rows that have none.
  const joinedBlock = planner.scope({ ...inner, where: undefined }, []).block;
  if (block === undefined || joinedBlock === undefined) throw new CannotMerge("an outer join over several shards");
  const placement = placeBlock(joinedBlock);
  const [group] = placement.groups;
  if (group === undefined || placement.groups.length > 1 || placement.obstacle !== undefined) {
    throw new CannotMerge("an outer join over several shards");
  }
  refuseOthers(joinedBlock, group[0]?.keyspace.keyspace ?? planner.keyspace);
  const routing = routingOf(group, placement, joinedBlock, planner);
  const number: Expr = {
    kind: "column",
    schema: undefined,
    table: left.ref.alias ?? left.ref.name,
    name: "shardgate_n",
    pos,
  };
  const matched: Select = pruned({
    ...EMPTY_SELECT,
    options: ["distinct"],
    items: [{ kind: "expr", expr: number, alias: undefined, text: "shardgate_n", pos }],
    from: matches,
    with: inner.with,
    pos,
  });
  const no: Expr = literalNode("false", "false", pos);
  const alone = [joined([left, { ...right, on: [no], type: "left" }])];
  const whole: Select = { ...inner, from: [joined([left, { ...right, type: "left" }])] };
  const withOuter = (body: Body): ShardBody => {
    if (body.kind !== "shards" || body.statement.kind !== "select") {
      throw new CannotMerge("an outer join over several shards");
    }
    return { ...body, outer: { matched, unmatched: { ...body.statement, from: alone } } };
  };
  const stepsBefore = planner.steps.length;
  const made = planner.groupBody(inner, block, placement, group, routing, planner.typingOf(whole, typing));
  // Groups of the join may be shipped on, and the statement run over them.
  if (planner.steps.length === stepsBefore) return withOuter(made);
  planner.changeLastStep(withOuter);
  return made;
}

function rowsSource(name: string, columns: readonly SourceColumn[], block: Block, pos: number): Source {
  return {
    id: -1,
    alias: name,
    shownAlias: name,
    ref: rowsTable(name, name, pos),
    block,
    resolved: undefined,
    inner: undefined,
    cte: undefined,
    columns,
    complete: true,
  };
}

// FROM

function chainOf(refs: readonly TableRef[], block: Block, meanings: Map<Column, Resolved>): Element[] {
  const chain: Element[] = [];
  const unit = (ref: TableRef, type: "inner" | "left", on: readonly Expr[]): void => {
    chain.push({ ref, sources: sourcesIn(ref, block), type, on });
  };
  const add = (ref: TableRef): void => {
    if (ref.kind === "tableList") ref.tables.forEach(add);
    else if (ref.kind !== "join") unit(ref, "inner", []);
    else {
      const isRight = ref.type === "right";
      const on = [...conjunctsOf(ref.on), ...usingOf(ref, block, meanings)];
      if (isRight) {
        if (chain.length > 0) throw new CannotMerge("a RIGHT JOIN after other tables over several shards");
        add(ref.right);
        unit(ref.left, "left", on);
        return;
      }
      if (chain.length > 0 && ref.type === "left")
        throw new CannotMerge("an outer join beside other tables over several shards");
      add(ref.left);
      const isInner = ref.type !== "left";
      if (isInner && ref.right.kind === "join" && !hasOuterJoin(ref.right)) {
        const before = chain.length;
        add(ref.right);
        const last = chain[chain.length - 1];
        if (last !== undefined && chain.length > before) chain[chain.length - 1] = { ...last, on: [...last.on, ...on] };
      } else unit(ref.right, isInner ? "inner" : "left", on);
    }
  };
  for (const ref of refs) add(ref);
  return chain;
}

function hasOuterJoin(ref: TableRef): boolean {
  if (ref.kind === "tableList") return ref.tables.some(hasOuterJoin);
  return (
    ref.kind === "join" &&
    (ref.type === "left" || ref.type === "right" || hasOuterJoin(ref.left) || hasOuterJoin(ref.right))
  );
}

function usingOf(join: Join, block: Block, meanings: Map<Column, Resolved>): Expr[] {
  const pairs = joinedColumns(join, block);
  if (pairs === undefined) throw new CannotMerge("USING or NATURAL JOIN of tables whose columns are not known");
  const column = (resolved: Resolved): Column => {
    const table = resolved.source.shownAlias;
    const made: Column = columnNode(resolved.lower, table, join.pos);
    meanings.set(made, resolved);
    return made;
  };
  return pairs.map(([a, b]) => ({ kind: "binary", op: "=", left: column(a), right: column(b), pos: join.pos }));
}

function joined(chain: readonly Element[]): TableRef {
  const [first, ...rest] = chain;
  if (first === undefined) throw new CannotMerge("a join without tables");
  let ref = first.ref;
  for (const element of rest) {
    ref = {
      kind: "join",
      type: element.type === "left" ? "left" : "inner",
      natural: false,
      left: ref,
      right: element.ref,
      on: andOf(element.on),
      using: [],
      pos: element.ref.pos,
    };
  }
  return ref;
}

function andOf(conjuncts: readonly Expr[]): Expr | undefined {
  const [first] = conjuncts;
  if (first === undefined || conjuncts.length === 1) return first;
  const operands = conjuncts.flatMap((each) => (each.kind === "and" ? each.operands : [each]));
  return { kind: "and", operands, pos: first.pos };
}

function holds({ sources }: Element, { source }: Placed): boolean {
  return sources.some((each) => each === source || contains(each, source));
}

function contains(outer: Source, inner: Source): boolean {
  const { block, parts } = outer.inner ?? {};
  if (block?.sources.some((source) => source === inner || contains(source, inner)) === true) return true;
  return (
    parts?.some((part) => part.block?.sources.some((source) => source === inner || contains(source, inner))) === true
  );
}

function isRows(ref: TableRef, planner: MergePlanner): boolean {
  return ref.kind === "tableName" && planner.isBatched([ref.name]);
}

/**
 * Shipped rows and the tables to join them with first: those that a condition links to the rows, with a value to look for,
 * then the smaller ones; and what every shard has, where a condition links it to these.
 */
function startOf(
  chain: readonly Element[],
  rows: readonly Element[],
  placement: Placement,
  groupOf: (element: Element) => number,
  planner: MergePlanner,
  linked: (a: readonly Element[], b: Element) => boolean,
): Element[] {
  const size = (group: readonly Placed[]): number =>
    group.reduce((sum, { source }) => sum + (planner.rowsOf(source) ?? 0), 0);
  const ranked = placement.groups
    .map((group, index) => ({
      index,
      isLinked: chain.some((element) => groupOf(element) === index && linked(rows, element)),
      isNarrow: routingOf(group, placement).kind !== "scatter",
      size: size(group),
    }))
    .toSorted(
      (a, b) =>
        Number(b.isLinked) - Number(a.isLinked) ||
        Number(b.isNarrow) - Number(a.isNarrow) ||
        a.size - b.size ||
        a.index - b.index,
    );
  const start = ranked[0]?.index;
  const first = chain.filter((element) => rows.includes(element) || groupOf(element) === start);
  for (;;) {
    const more = chain.find((element) => !first.includes(element) && groupOf(element) < 0 && linked(first, element));
    if (more === undefined) return first;
    first.push(more);
  }
}

/** A condition has columns of `b` and of some of `a`, and of nothing else. */
function areLinked(
  where: readonly Expr[],
  columnOf: ColumnOf,
  a: readonly Element[],
  { sources: own }: Element,
): boolean {
  const others = a.flatMap(({ sources }) => sources);
  return where.some((expr) => {
    let hasOwn = false;
    let hasOthers = false;
    let isOnly = true;
    const visit = (node: Node): Node => {
      if (node.kind !== "column") return mapChildren(node, visit);
      const source = columnOf(node)?.source;
      if (source !== undefined && own.includes(source)) hasOwn = true;
      else if (source !== undefined && others.includes(source)) hasOthers = true;
      else isOnly = false;
      return node;
    };
    visit(expr);
    return hasOwn && hasOthers && isOnly;
  });
}

/** With outer joins the order stays: as many elements as lie together. */
function prefixOf(chain: readonly Element[], groupOf: (element: Element) => number): Element[] {
  const prefix: Element[] = [];
  let group = -1;
  for (const element of chain) {
    const own = groupOf(element);
    if (own >= 0 && group >= 0 && own !== group) break;
    if (own < 0 && element.type === "left" && prefix.length === 0) break;
    if (own >= 0 && group < 0 && element.type === "left" && prefix.length > 0) break;
    if (own >= 0) group = own;
    prefix.push(element);
  }
  return prefix;
}

function isInJoin(refs: readonly TableRef[], node: Node): boolean {
  const inExpr = (at: Node): boolean => {
    let found = at === node;
    const visit = (each: Node): Node => {
      found ||= each === node;
      return mapChildren(each, visit);
    };
    visit(at);
    return found;
  };
  return refs.some((ref) => {
    if (ref.kind === "tableList") return isInJoin(ref.tables, node);
    if (ref.kind !== "join") return false;
    return (ref.on !== undefined && inExpr(ref.on)) || isInJoin([ref.left, ref.right], node);
  });
}

// Names

/** GROUP BY of a name that is a select item's, not the column's that USING has made. */
function withMeaning(item: OrderItem, block: Block): OrderItem {
  if (item.expr.kind !== "column") return item;
  const expr = groupExpr(item.expr, block);
  // A constant would be taken for a position.
  if (expr.kind === "literal" || expr.kind === "bind") throw new CannotMerge("GROUP BY of a constant's name");
  return expr === item.expr ? item : { ...item, expr };
}

/** Stars written out and every column qualified, with the source that each one means. */
function qualify(select: Select, block: Block, meanings: Map<Column, Resolved>): Select {
  const known = new Map(columnsIn(select, block).map(({ column, block: at }) => [column, at] as const));
  const aliases = new Set(
    select.items.flatMap((item) =>
      item.kind === "expr" && item.alias !== undefined ? [item.alias.toLowerCase()] : [],
    ),
  );
  /** ORDER BY means a select item first; inside an expression it does not. */
  const isNameOfItem = (expr: Expr): boolean =>
    expr.kind === "column" &&
    expr.table === undefined &&
    select.items.some((item) => item.kind === "expr" && nameOfItem(item).toLowerCase() === expr.name.toLowerCase());
  const qualified = <N extends Node>(node: N, keepsAliases: boolean): N => {
    const change = (at: Node): Node => {
      if (at.kind !== "column") return mapChildren(at, change);
      if (keepsAliases && at.table === undefined && aliases.has(at.name.toLowerCase())) return at;
      const inBlock = known.get(at);
      const resolved = inBlock === undefined ? undefined : resolveColumn(at, inBlock);
      if (resolved === undefined) {
        if (at.table === undefined && aliases.has(at.name.toLowerCase())) return at;
        throw new CannotMerge(`it is not known which table column ${at.name} belongs to`);
      }
      if (resolved.source.block !== block) return at;
      const next: Column = { ...at, schema: undefined, table: resolved.source.shownAlias };
      meanings.set(next, resolved);
      return next;
    };
    return change(node) as N;
  };
  const items = select.items.flatMap((item): SelectItem[] => {
    if (item.kind === "expr") return [{ ...qualified(item, false), alias: nameOfItem(item) }];
    const columns = item.kind === "star" ? columnsOfStar(item, block) : undefined;
    if (columns === undefined) throw new CannotMerge("the columns of * are not known");
    return columns.map(({ source, column }): SelectItem => {
      const expr: Column = {
        kind: "column",
        schema: undefined,
        table: source.shownAlias,
        name: column.name,
        pos: item.pos,
      };
      meanings.set(expr, { source, lower: column.lower });
      return { kind: "expr", expr, alias: column.name, text: column.name, pos: item.pos };
    });
  });
  return {
    ...select,
    items,
    from: select.from.map((ref) => qualified(ref, false)),
    where: select.where === undefined ? undefined : qualified(select.where, false),
    groupBy: select.groupBy.map((item) => qualified(withMeaning(item, block), false)),
    having: select.having === undefined ? undefined : qualified(select.having, true),
    windows: select.windows.map((window) => qualified(window, false)),
    orderBy: select.orderBy.map((item) => (isNameOfItem(item.expr) ? item : qualified(item, false))),
  };
}
