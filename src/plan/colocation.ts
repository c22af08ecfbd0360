// Which tables of a statement provably have the rows that belong together on the same shard, so that every shard can run
// the statement, or a query inside it, over its own rows and miss nothing.
//
// Columns are nodes of equality classes made of conditions that hold for every row; the ON of an outer join says something
// about matches only and is not carried further. A query inside an expression may use the equalities around it; what holds
// inside it says nothing about the rows outside.

import { AGGREGATE_FUNCTIONS } from "../sql/aggregate-functions.ts";
import type { Expr, Join, Node, Select, SelectItem, TableRef } from "../sql/tree.ts";
import { children, isExpr, isQuery, mapChildren } from "../sql/walk.ts";
import type { ColumnVindex, KeyspaceVSchema } from "../vschema/model.ts";
import { type ColumnKind, columnKindOf } from "./column-kind.ts";
import { EqualKeys } from "./equal-keys.ts";
import type { Condition, FromTable } from "./from-clause.ts";
import {
  type Block,
  definitionOf,
  joinedColumns,
  nameOfItem,
  type QueryScope,
  type Resolved,
  resolveColumn,
  type Source,
  sourcesIn,
  type Subquery,
} from "./scope.ts";

/** A table, or a derived table, whose rows are spread over the shards. */
export interface Placed {
  readonly source: Source;
  readonly keyspace: KeyspaceVSchema;
  readonly keys: readonly PlacedKey[];
  readonly pinned: Buffer | undefined;
}

/** `columns` of the source decide by `vindex` where its rows are. */
export interface PlacedKey {
  readonly vindex: ColumnVindex["vindex"];
  readonly columns: readonly string[];
}

/** What the sources of a block, and of derived tables in it, need of the shards. */
export interface Placement {
  /** Sources that lie together, group by group; none when any shard will do. */
  readonly groups: readonly (readonly Placed[])[];
  readonly classes: EqualityClasses;
  /** Conditions between the base tables, columns qualified by `tableAlias`. */
  readonly conditions: readonly Condition[];
  /** NULL in a column is a row's: no outer join puts it there. */
  readonly nullsAreRows: boolean;
  /** Why the block cannot run shard by shard although its sources may lie together: an inner query, an outer join. */
  readonly obstacle: Obstacle | undefined;
}

export interface Obstacle {
  readonly reason: string;
  /** What could be run before and its rows shipped. */
  readonly subquery: Subquery | undefined;
  readonly source: Source | undefined;
  /** What an outer join keeps is on every shard, or on others than what it is joined with. */
  readonly isOuterJoin: boolean;
}

export function tableAlias(source: Source): string {
  return `s${source.id}`;
}

export class EqualityClasses {
  readonly #keys: EqualKeys;
  readonly #filled: Set<Source>;

  constructor(from?: EqualityClasses) {
    this.#keys = new EqualKeys(from === undefined ? undefined : from.#keys);
    this.#filled = new Set(from === undefined ? [] : from.#filled);
  }

  add(a: Resolved, b: Resolved): void {
    this.#keys.add(keyOf(a), keyOf(b));
  }

  /** Takes over all that `inner`, which was made from this, knows. */
  absorb(inner: EqualityClasses): void {
    this.#keys.absorb(inner.#keys);
    for (const source of inner.#filled) this.#filled.add(source);
  }

  /** An outer join may put NULLs in place of the source's rows: those are where the other side's rows are. */
  fill(source: Source): void {
    this.#filled.add(source);
  }

  isFilled(source: Source): boolean {
    return this.#filled.has(source);
  }

  /** Holds for matches of an outer join. */
  addOuter(a: Resolved, b: Resolved): void {
    this.#keys.addOuter(keyOf(a), keyOf(b));
  }

  /** Equal in every row. */
  same(a: Resolved, b: Resolved): boolean {
    return this.#keys.same(keyOf(a), keyOf(b));
  }

  /** Equal in every row, or in every match of an outer join. */
  equal(a: Resolved, b: Resolved): boolean {
    return this.#keys.equal(keyOf(a), keyOf(b));
  }
}

/** The base column behind one that derived tables pass on. */
export function leafOf(resolved: Resolved): Resolved {
  let at = resolved;
  for (;;) {
    if (at.source.inner?.block === undefined) return at;
    const origin = at.source.columns.find((column) => column.lower === at.lower)?.origin;
    if (origin === undefined) return at;
    at = origin;
  }
}

function keyOf(resolved: Resolved): string {
  const { source, lower } = leafOf(resolved);
  return `${source.id}.${lower}`;
}

const APART = "tables that need not have their rows on the same shards";

/** Where the rows of a block's FROM clause are, and whether its inner queries go with them. */
export function placeBlock(block: Block, around?: EqualityClasses): Placement {
  const classes = new EqualityClasses(around);
  const placed: Placed[] = [];
  const conditions: Condition[] = [];
  const groups: (readonly Placed[])[] = [];
  const innerConditions: (readonly [Source, readonly Condition[]])[] = [];
  let obstacle: Obstacle | undefined;
  const note = (reason: string, subquery?: Subquery, source?: Source, isOuterJoin = false): void => {
    obstacle ??= { reason, subquery, source, isOuterJoin };
  };
  for (const source of block.sources) {
    const base = placedTable(source);
    if (base !== undefined) placed.push(base);
    else if (source.inner !== undefined) {
      const inner = placeQuery(source.inner, source, classes);
      if (inner.reason !== undefined) note(inner.reason, undefined, source);
      else {
        placed.push(...inner.placed);
        if (inner.placed.length > 1) groups.push(inner.placed);
        innerConditions.push([source, inner.conditions]);
      }
    } else if (source.resolved === undefined && source.ref.kind === "tableName" && !source.complete) {
      note("a table of a system schema");
    }
  }
  const outerJoins = addConditions(block, classes, conditions);
  if (outerJoins === undefined) note("NATURAL JOIN or USING of tables whose columns are not known");
  for (const [source, list] of innerConditions) {
    // Rows that an outer join keeps without a match do not pass the conditions inside.
    const isFilled = outerJoins?.some(({ nullSide }) => nullSide.includes(source)) !== false;
    const nested = list.map((condition): Condition => ({ ...condition, scope: { kind: "nested" } }));
    conditions.push(...(isFilled ? nested : list));
  }
  for (const { nullSide } of outerJoins ?? []) {
    for (const { source } of placed) if (within(source, nullSide)) classes.fill(source);
  }
  const joined = groupPlaced(placed, groups, classes);
  if (obstacle === undefined) {
    for (const { preserved, nullSide } of outerJoins ?? []) {
      const kept = placed.filter((each) => within(each.source, preserved));
      const filled = placed.filter((each) => within(each.source, nullSide));
      if (kept.length === 0 && filled.length > 0) {
        note("an outer join that keeps all rows of what every shard has", undefined, undefined, true);
      } else if (groupPlaced(kept, groups, classes).length > 1) note(APART, undefined, undefined, true);
    }
    if (joined.length <= 1)
      for (const subquery of block.subqueries) placeSubquery(subquery, block, joined[0], classes, note);
  }
  const nullsAreRows = outerJoins?.length === 0 && block.sources.every(({ inner }) => inner === undefined);
  return { groups: joined, classes, conditions, nullsAreRows, obstacle };
}

function within(source: Source, sources: readonly Source[]): boolean {
  return sources.some((each) => each === source || containsSource(each, source));
}

function containsSource(outer: Source, inner: Source): boolean {
  return outer.inner !== undefined && scopeContains(outer.inner, inner);
}

function scopeContains(scope: QueryScope, inner: Source): boolean {
  if (scope.block?.sources.some((source) => source === inner || containsSource(source, inner)) === true) return true;
  return scope.parts.some((part) => scopeContains(part, inner));
}

type Note = (reason: string, subquery?: Subquery) => void;

/** An inner query is right on each shard when all rows it may see there for a row outside are on that row's shard. */
function placeSubquery(
  subquery: Subquery,
  block: Block,
  outside: readonly Placed[] | undefined,
  classes: EqualityClasses,
  note: Note,
): void {
  const parts = subquery.scope.parts.length > 0 ? leafParts(subquery.scope) : [subquery.scope];
  for (const part of parts) {
    if (part.recursive) return note("a recursive common table expression over shards", subquery);
    if (part.block === undefined) continue;
    const inner = new EqualityClasses(classes);
    const compared = comparedColumns(subquery, part.block, block);
    if (compared !== undefined) inner.add(compared[0], compared[1]);
    const placement = placeBlock(part.block, inner);
    if (placement.obstacle !== undefined) return note(placement.obstacle.reason, subquery);
    if (placement.groups.length === 0) continue;
    const [group] = placement.groups;
    if (placement.groups.length > 1 || group === undefined) return note(`a subquery over ${APART}`, subquery);
    const isTogether = outside?.some((a) => group.some((b) => lieTogether(a, b, placement.classes))) === true;
    if (!isTogether) return note("a subquery over rows of other shards", subquery);
  }
}

function leafParts(scope: QueryScope): QueryScope[] {
  return scope.parts.length === 0 ? [scope] : scope.parts.flatMap(leafParts);
}

/**
 * `a IN (SELECT b FROM …)`: the rows with b = a are all that can make it true. Nothing is told when the select may give
 * other rows for the same b on another shard (an aggregate, LIMIT), or when a NULL elsewhere would matter.
 */
function comparedColumns(subquery: Subquery, inner: Block, outer: Block): readonly [Resolved, Resolved] | undefined {
  const { comparedWith } = subquery;
  const [item] = inner.select.items;
  if (comparedWith?.kind !== "column" || inner.select.items.length !== 1) return undefined;
  if (item?.kind !== "expr" || item.expr.kind !== "column") return undefined;
  const { select } = inner;
  if (select.limit !== undefined || select.rollup) return undefined;
  const a = resolveColumn(comparedWith, outer);
  const b = resolveColumn(item.expr, inner);
  if (a === undefined || b === undefined || b.source.block !== inner) return undefined;
  if (select.groupBy.length > 0) {
    const isGrouped = select.groupBy.some(({ expr }) => {
      const column = expr.kind === "column" ? resolveColumn(expr, inner) : undefined;
      return column?.source === b.source && column.lower === b.lower;
    });
    if (!isGrouped) return undefined;
  } else if (hasAggregate(select) || hasWindow(select)) return undefined;
  const isFilter = conjunctsOf(outer.select.where).some(
    (expr) =>
      (expr.kind === "in" && !expr.not && "kind" in expr.list && expr.list === subquery.node) || expr === subquery.node,
  );
  const isNever = (resolved: Resolved): boolean => definitionOf(resolved)?.nullable === false;
  const hasOuterJoin = outer.select.from.some(isOuter);
  return isFilter || (isNever(a) && isNever(b) && !hasOuterJoin) ? [a, b] : undefined;
}

function isOuter(ref: TableRef): boolean {
  if (ref.kind === "tableList") return ref.tables.some(isOuter);
  return (
    ref.kind === "join" && (ref.type === "left" || ref.type === "right" || isOuter(ref.left) || isOuter(ref.right))
  );
}

export function conjunctsOf(expr: Expr | undefined): readonly Expr[] {
  if (expr === undefined) return [];
  return expr.kind === "and" ? expr.operands : [expr];
}

interface PlacedQuery {
  readonly placed: readonly Placed[];
  readonly conditions: readonly Condition[];
  /** Why the query's rows are not those of all shards put together. */
  readonly reason: string | undefined;
}

/** A derived table or common table expression as a source: does every shard have its own part of the rows? */
function placeQuery(scope: QueryScope, as: Source, classes: EqualityClasses): PlacedQuery {
  const apart = (reason: string): PlacedQuery => ({ placed: [], conditions: [], reason });
  if (scope.recursive) return apart("a recursive common table expression over shards");
  if (scope.parts.length > 0) return placeUnion(scope, as, classes);
  const { block } = scope;
  if (block === undefined) return { placed: [], conditions: [], reason: undefined };
  const inner = placeBlock(block, classes);
  if (inner.obstacle !== undefined) return apart(inner.obstacle.reason);
  if (inner.groups.length === 0) return { placed: [], conditions: [], reason: undefined };
  const [group] = inner.groups;
  if (group === undefined || inner.groups.length > 1) return apart(APART);
  const work = shardWorkOf(block, group, inner.classes);
  if (work !== undefined) return apart(work);
  // What holds inside holds for every row it gives.
  classes.absorb(inner.classes);
  return { placed: group, conditions: inner.conditions, reason: undefined };
}

function placeUnion(scope: QueryScope, as: Source, classes: EqualityClasses): PlacedQuery {
  const apart = (reason: string): PlacedQuery => ({ placed: [], conditions: [], reason });
  const { query } = scope;
  if (query.kind !== "union") return apart("a set operation");
  const parts = leafParts(scope);
  const placements = parts.map((part) => (part.block === undefined ? undefined : placeBlock(part.block, classes)));
  if (placements.every((placement) => placement === undefined || isAnywhere(placement))) {
    return { placed: [], conditions: [], reason: undefined };
  }
  if (query.limit !== undefined) return apart("LIMIT over several shards");
  const keys: PlacedKey[][] = [];
  let keyspace: KeyspaceVSchema | undefined;
  for (const [index, placement] of placements.entries()) {
    const block = parts[index]?.block;
    const group = placement?.groups[0];
    if (placement?.obstacle !== undefined) return apart(placement.obstacle.reason);
    if (placement === undefined || block === undefined || group === undefined || placement.groups.length > 1) {
      return apart("a set operation of what is on some shards and what is on all");
    }
    const work = shardWorkOf(block, group, placement.classes);
    if (work !== undefined) return apart(work);
    keyspace = group[0]?.keyspace;
    keys.push(outputKeys(block, group, placement.classes, as));
  }
  const [first, ...rest] = keys;
  const common = (first ?? []).filter((key) =>
    rest.every((others) =>
      others.some((other) => other.vindex === key.vindex && other.columns.join() === key.columns.join()),
    ),
  );
  const isAll = query.rest.every((part) => part.op === "union" && part.quantifier === "all");
  if (!isAll && common.length === 0) return apart("a set operation over several shards");
  if (keyspace === undefined) return apart("a set operation over several shards");
  return { placed: [{ source: as, keyspace, keys: common, pinned: undefined }], conditions: [], reason: undefined };
}

function isAnywhere(placement: Placement): boolean {
  return placement.groups.length === 0 && placement.obstacle === undefined;
}

/** The vindex columns among a block's output, by the names that `as` gives its columns. */
function outputKeys(block: Block, group: readonly Placed[], classes: EqualityClasses, as: Source): PlacedKey[] {
  const outputs = block.select.items.map((item): Resolved | undefined =>
    item.kind === "expr" && item.expr.kind === "column" ? resolveColumn(item.expr, block) : undefined,
  );
  const keys: PlacedKey[] = [];
  for (const placed of group) {
    if (classes.isFilled(placed.source)) continue;
    for (const key of placed.keys) {
      const names = key.columns.map((lower) => {
        const at = outputs.findIndex(
          (output) => output !== undefined && classes.same(output, { source: placed.source, lower }),
        );
        return at < 0 ? undefined : as.columns[at]?.lower;
      });
      if (names.every((name) => name !== undefined)) keys.push({ vindex: key.vindex, columns: names });
    }
  }
  return keys;
}

/** What makes a block's answer more than the sum of its shards' answers; undefined when it is just that. */
export function shardWorkOf(block: Block, group: readonly Placed[], classes: EqualityClasses): string | undefined {
  const { select } = block;
  if (group[0]?.keyspace.sharded === false) return undefined;
  const covers = (exprs: readonly Expr[]): boolean => coversKey(exprs, block, group, classes);
  if (select.groupBy.length > 0) {
    if (select.rollup) return "ROLLUP over several shards";
    if (!covers(select.groupBy.map(({ expr }) => groupExpr(expr, block)))) return "GROUP BY over several shards";
  } else if (hasAggregate(select)) return "an aggregate over several shards";
  for (const over of windowsOf(select)) {
    if (over === "unknown" || !covers(over)) return "a window over several shards";
  }
  if (select.groupBy.length === 0 && select.having !== undefined && hasAggregate(select))
    return "HAVING over several shards";
  if (select.options.includes("distinct")) {
    const exprs = select.items.flatMap((item) => (item.kind === "expr" ? [item.expr] : []));
    const hasStar = select.items.some(({ kind }) => kind === "star");
    if (!hasStar && !covers(exprs)) return "DISTINCT over several shards";
    if (hasStar && !starCovers(block, group, classes)) return "DISTINCT over several shards";
  }
  if (select.procedure !== undefined) return "PROCEDURE over several shards";
  if (hasStoredCall(select)) return "a stored function over several shards";
  if (select.limit !== undefined) return "LIMIT over several shards";
  return undefined;
}

function starCovers(block: Block, group: readonly Placed[], classes: EqualityClasses): boolean {
  return block.select.items.some((item) => {
    if (item.kind !== "star") return false;
    return group.some(({ source, keys }) => {
      if (keys.length === 0 || source.block !== block || classes.isFilled(source)) return false;
      return item.table === undefined || item.table.toLowerCase() === source.alias;
    });
  });
}

/** Rows that are equal in these are on one shard: some vindex's columns are all among them. */
export function coversKey(
  exprs: readonly Expr[],
  block: Block,
  group: readonly Placed[],
  classes: EqualityClasses,
): boolean {
  if (group.some(({ pinned }) => pinned !== undefined)) return true;
  const resolved = exprs.flatMap((expr) => {
    const column = expr.kind === "column" ? resolveColumn(expr, block) : undefined;
    return column === undefined ? [] : [column];
  });
  return group.some(
    ({ source, keys }) =>
      !classes.isFilled(source) &&
      keys.some((key) =>
        key.columns.every((lower) => resolved.some((column) => classes.same(column, { source, lower }))),
      ),
  );
}

/** A GROUP BY item: a position or an alias stands for its select item. */
export function groupExpr(expr: Expr, block: Block): Expr {
  const { items } = block.select;
  if (expr.kind === "literal" && expr.type === "int") {
    const item = items[Number(expr.value) - 1];
    return item?.kind === "expr" ? item.expr : expr;
  }
  if (expr.kind !== "column" || expr.table !== undefined) return expr;
  const lower = expr.name.toLowerCase();
  const resolved = resolveColumn(expr, block);
  // MySQL prefers a column of the tables to a select item here, but not one that USING has made of several.
  const holders = block.sources.filter(({ columns }) => columns.some((column) => column.lower === lower));
  const isOne = holders.length < 2;
  if (isOne && resolved !== undefined && resolved.source.block === block) return expr;
  const nameOf = (each: SelectItem & { kind: "expr" }): string | undefined => (isOne ? each.alias : nameOfItem(each));
  const item = items.find((each) => each.kind === "expr" && nameOf(each)?.toLowerCase() === lower);
  return item?.kind === "expr" ? item.expr : expr;
}

/** Expressions of a SELECT itself, queries inside left out. */
export function visitOwn(select: Select, visit: (node: Node) => boolean | void): void {
  const at = (node: Node): void => {
    if (node.kind === "subquery" || node.kind === "exists" || node.kind === "derived" || node.kind === "with") return;
    if (visit(node) === false) return;
    if (node.kind === "quantified") at(node.left);
    else children(node, at);
  };
  children(select, at);
}

export function isAggregate(node: Node): boolean {
  if (node.kind === "groupConcat" || node.kind === "withinGroup") return node.over === undefined;
  return node.kind === "call" && node.over === undefined && !node.stored && AGGREGATE_FUNCTIONS.has(node.name);
}

export function hasAggregate(select: Select): boolean {
  let found = false;
  visitOwn(select, (node) => {
    found ||= isAggregate(node);
  });
  return found;
}

export function hasWindow(select: Select): boolean {
  return windowsOf(select).length > 0;
}

function hasStoredCall(select: Select): boolean {
  let found = false;
  visitOwn(select, (node) => {
    // A stored aggregate function (MariaDB) cannot be told from a plain one.
    found ||= node.kind === "call" && (node.stored || node.schema !== undefined);
  });
  return found;
}

/** PARTITION BY of each window function. */
function windowsOf(select: Select): readonly (readonly Expr[] | "unknown")[] {
  const found: (readonly Expr[] | "unknown")[] = [];
  const named = new Map(select.windows.map((window) => [window.name.toLowerCase(), window.spec]));
  const partitionOf = (base: string | undefined, depth: number): readonly Expr[] | "unknown" => {
    const spec = base === undefined ? undefined : named.get(base.toLowerCase());
    if (spec === undefined || depth > named.size) return "unknown";
    return spec.base === undefined ? spec.partitionBy : partitionOf(spec.base, depth + 1);
  };
  visitOwn(select, (node) => {
    if (node.kind === "namedWindow") return false;
    if (node.kind === "windowName") found.push(partitionOf(node.name, 0));
    else if (node.kind === "windowSpec") {
      found.push(node.base === undefined ? node.partitionBy : partitionOf(node.base, 0));
    }
    return true;
  });
  return found;
}

// Tables

function placedTable(source: Source): Placed | undefined {
  const { resolved } = source;
  if (resolved === undefined || (resolved.keyspace.sharded && resolved.table?.type === "reference")) return undefined;
  if (!resolved.keyspace.sharded) return { source, keyspace: resolved.keyspace, keys: [], pinned: undefined };
  const vindexes = resolved.table?.columnVindexes ?? [];
  const keys = vindexes.flatMap(({ vindex, columnsLower }): PlacedKey[] => {
    if (!vindex.unique || vindex.kind === "lookup") return [];
    return columnsLower.every((lower) => isExactKey(vindex.type, { source, lower }))
      ? [{ vindex, columns: columnsLower }]
      : [];
  });
  return { source, keyspace: resolved.keyspace, keys, pinned: resolved.table?.pinned };
}

/**
 * Equal values of the column have the same place by the vindex; text of a collation without case may not. Even the loose
 * vindexes tell letters apart that such a collation does not (ß and s of general_ci), but for ASCII.
 */
function isExactKey(vindexType: string, column: Resolved): boolean {
  const definition = definitionOf(column);
  // 0 and -0 are equal, and are written otherwise.
  if (definition?.dataType === "double" || definition?.dataType === "float") return false;
  if (definition?.collation === undefined) return true;
  if (!vindexType.startsWith("unicode_loose_")) return definition.collation === "binary";
  const { resolved } = column.source;
  return LOOSELY_PLACED.has(columnKindOf(resolved?.table, column.lower, resolved?.definition));
}

/** What the loose vindexes place alike when it is equal. */
const LOOSELY_PLACED: ReadonlySet<ColumnKind> = new Set(["ascii-ci", "binary", "char-bin", "text-bin"]);

function lieTogether(a: Placed, b: Placed, classes: EqualityClasses): boolean {
  if (a.source === b.source) return true;
  if (a.keyspace.keyspace !== b.keyspace.keyspace) return false;
  if (!a.keyspace.sharded) return true;
  if (a.pinned !== undefined || b.pinned !== undefined) {
    return a.pinned !== undefined && b.pinned !== undefined && a.pinned.equals(b.pinned);
  }
  return a.keys.some((ka) =>
    b.keys.some(
      (kb) =>
        ka.vindex === kb.vindex &&
        ka.columns.length === kb.columns.length &&
        ka.columns.every((lower, index) => {
          const left: Resolved = { source: a.source, lower };
          const right: Resolved = { source: b.source, lower: kb.columns[index] ?? "" };
          return classes.equal(left, right) && comparesExactly(left, right);
        }),
    ),
  );
}

/** An integer and a text, or 1.0 and 1.00, are equal in more ways than their vindex values are. */
export function comparesExactly(a: Resolved, b: Resolved): boolean {
  const left = definitionOf(a);
  const right = definitionOf(b);
  if (left === undefined || right === undefined) return true;
  if (isInteger(left.dataType) || isInteger(right.dataType)) {
    return isInteger(left.dataType) && isInteger(right.dataType);
  }
  if (left.collation !== undefined || right.collation !== undefined) {
    return left.collation !== undefined && right.collation !== undefined;
  }
  return left.columnType === right.columnType;
}

export function isInteger(dataType: string): boolean {
  return dataType.endsWith("int") || dataType === "integer";
}

function groupPlaced(
  placed: readonly Placed[],
  known: readonly (readonly Placed[])[],
  classes: EqualityClasses,
): readonly (readonly Placed[])[] {
  const groups: Placed[][] = [];
  const areKnown = (a: Placed, b: Placed): boolean => known.some((group) => group.includes(a) && group.includes(b));
  for (const each of placed) {
    const together = groups.filter((group) =>
      group.some((other) => areKnown(each, other) || lieTogether(each, other, classes)),
    );
    const merged = [each, ...together.flat()];
    for (const group of together) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups;
}

// Conditions

interface OuterSides {
  readonly preserved: readonly Source[];
  readonly nullSide: readonly Source[];
}

/** Adds what WHERE and ON say; undefined when a USING or NATURAL cannot be read. */
function addConditions(block: Block, classes: EqualityClasses, conditions: Condition[]): OuterSides[] | undefined {
  const outerJoins: OuterSides[] = [];
  let sure = true;
  const add = (expr: Expr, scope: "filter" | "nested" | ReadonlySet<Source>): void => {
    if (expr.kind === "and") {
      for (const operand of expr.operands) add(operand, scope);
      return;
    }
    if (scope === "filter" || scope === "nested")
      conditions.push({ expr: qualified(expr, block), scope: { kind: scope } });
    if (expr.kind !== "binary" || expr.op !== "=" || expr.left.kind !== "column" || expr.right.kind !== "column")
      return;
    const left = resolveColumn(expr.left, block);
    const right = resolveColumn(expr.right, block);
    if (left !== undefined && right !== undefined) equate(left, right, scope);
  };
  const equate = (left: Resolved, right: Resolved, scope: "filter" | "nested" | ReadonlySet<Source>): void => {
    if (scope === "filter" || scope === "nested") classes.add(left, right);
    else if (scope.has(left.source) || scope.has(right.source)) classes.addOuter(left, right);
  };
  const visit = (ref: TableRef, scope: "filter" | "nested"): void => {
    if (ref.kind === "tableList") for (const table of ref.tables) visit(table, scope);
    if (ref.kind !== "join") return;
    visit(ref.left, ref.type === "right" ? "nested" : scope);
    visit(ref.right, ref.type === "left" ? "nested" : scope);
    const sides = sidesOf(ref, block);
    if (sides !== undefined) outerJoins.push(sides);
    const onScope = sides === undefined ? scope : new Set(sides.nullSide);
    if (ref.on !== undefined) add(ref.on, onScope);
    const pairs = joinedColumns(ref, block);
    if (pairs === undefined) sure = false;
    else for (const [left, right] of pairs) equate(left, right, onScope);
  };
  for (const ref of block.select.from) visit(ref, "filter");
  if (block.select.where !== undefined) add(block.select.where, "filter");
  return sure ? outerJoins : undefined;
}

function sidesOf(join: Join, block: Block): OuterSides | undefined {
  if (join.type !== "left" && join.type !== "right") return undefined;
  const left = sourcesIn(join.left, block);
  const right = sourcesIn(join.right, block);
  return join.type === "left" ? { preserved: left, nullSide: right } : { preserved: right, nullSide: left };
}

/** Columns by the base table they belong to, so that conditions of several blocks can stand together. */
function qualified(expr: Expr, block: Block): Expr {
  if (expr.kind === "column") {
    const resolved = resolveColumn(expr, block);
    if (resolved === undefined) return { ...expr, schema: undefined, table: "?" };
    const leaf = leafOf(resolved);
    return { ...expr, schema: undefined, table: tableAlias(leaf.source), name: leaf.lower };
  }
  // Columns inside a query are another block's.
  const inside = (node: Node): Node =>
    isExpr(node) ? qualified(node, block) : isQuery(node) ? node : mapChildren(node, inside);
  return mapChildren(expr, inside);
}

/** The base tables of a placement for `routeTables`. */
export function fromTableOf({ source }: Placed): FromTable | undefined {
  if (source.resolved === undefined || source.ref.kind !== "tableName") return undefined;
  return { alias: tableAlias(source), schema: undefined, resolved: source.resolved, node: source.ref };
}
