// Aggregates over several shards: each shard groups its own rows, the gateway adds up the groups' partial values. What is
// computed from them (an expression of aggregates, HAVING, DISTINCT, windows over groups) a MySQL computes: the groups are
// shipped, and the rest of the statement runs over them.

import { assertNever } from "../base/assert.ts";
import { EMPTY_SELECT } from "../sql/empty-select.ts";
import { callNode, columnNode, literalNode } from "../sql/new-nodes.ts";
import type { Expr, Select, SelectItem } from "../sql/tree.ts";
import { sameTree } from "../sql/walk.ts";
import { CannotMerge } from "./cannot-merge.ts";
import { groupExpr, hasWindow, isAggregate } from "./colocation.ts";
import { type MergePlanner, limitOf, NO_MERGE, pruned, rowsTable, shippedName } from "./merge.ts";
import { MergeColumns } from "./merge-columns.ts";
import type { AggregateOutput, Body, Merge, MergeKey } from "./merge-plan.ts";
import { withoutAliases } from "./merge-order.ts";
import { holdsQuery, mapOwn } from "./own-expressions.ts";
import type { Routing } from "./plan.ts";
import {
  type Block,
  definitionOf,
  isCorrelated,
  nameOfItem,
  plainColumn,
  resolveColumn,
  type SourceColumn,
} from "./scope.ts";

/** What the shards compute for each group. */
interface Leaf {
  readonly kind: "group" | "aggregate" | "bare";
  readonly expr: Expr;
}

export function aggregateBody(
  planner: MergePlanner,
  select: Select,
  block: Block,
  routing: Routing,
  typing: Query,
  keyspace: string,
): Body {
  if (select.rollup) throw new CannotMerge("ROLLUP over several shards");
  if (select.procedure !== undefined) throw new CannotMerge("PROCEDURE over several shards");
  if (select.items.some(({ kind }) => kind !== "expr"))
    throw new CannotMerge("* beside aggregates over several shards");
  const groups = select.groupBy.map(({ expr }) => groupExpr(expr, block));
  for (const group of groups)
    if (holdsQuery(group)) throw new CannotMerge("GROUP BY of a subquery over several shards");
  const leaves = new Leaves(block, groups);
  const direct = directBody(planner, select, block, routing, typing, leaves, keyspace);
  return direct ?? finalBody(planner, select, block, routing, typing, leaves, keyspace);
}

type Query = Body["typing"];

class Leaves {
  readonly block: Block;
  readonly groups: readonly Expr[];
  readonly #canonicalGroups: readonly Expr[];

  constructor(block: Block, groups: readonly Expr[]) {
    this.block = block;
    this.groups = groups;
    this.#canonicalGroups = groups.map((group) => canonical(group, block));
  }

  /** Undefined when the expression is made of several. */
  leafOf(expr: Expr): Leaf | undefined {
    const form = canonical(expr, this.block);
    if (this.#canonicalGroups.some((group) => sameTree(group, form))) return { kind: "group", expr };
    if (isAggregate(expr)) return { kind: "aggregate", expr };
    if (expr.kind !== "column") return undefined;
    const resolved = resolveColumn(expr, this.block);
    // A column of an enclosing query would be one of every shard's; there is none at the top.
    if (resolved === undefined || resolved.source.block !== this.block) return undefined;
    if (this.groups.length === 0)
      throw new CannotMerge("a column beside aggregates without GROUP BY over several shards");
    return { kind: "bare", expr };
  }

  same(a: Leaf, b: Leaf): boolean {
    return sameTree(canonical(a.expr, this.block), canonical(b.expr, this.block));
  }
}

/** Columns by source and lower-case name, so that `id` and `t.ID` are the same. */
function canonical(expr: Expr, block: Block): Expr {
  return mapOwn(expr, (node) => {
    if (node.kind !== "column") return undefined;
    const resolved = resolveColumn(node, block);
    if (resolved === undefined) return undefined;
    return { ...node, schema: undefined, table: `s${resolved.source.id}`, name: resolved.lower };
  });
}

/** All that is asked for are groups and plain aggregates: the merged rows are the answer. */
function directBody(
  planner: MergePlanner,
  select: Select,
  block: Block,
  routing: Routing,
  typing: Query,
  leaves: Leaves,
  keyspace: string,
): Body | undefined {
  if (select.having !== undefined || select.options.includes("distinct") || hasWindow(select)) return undefined;
  const items: Leaf[] = [];
  for (const item of select.items) {
    const leaf = item.kind === "expr" ? leaves.leafOf(item.expr) : undefined;
    if (leaf === undefined) return undefined;
    items.push(leaf);
  }
  const order: { readonly index: number; readonly descending: boolean }[] = [];
  const hidden: Leaf[] = [];
  for (const { expr, direction } of select.orderBy) {
    const at = itemOf(expr, select, leaves);
    const descending = direction === "desc";
    if (at !== undefined) order.push({ index: at, descending });
    else {
      const leaf = leaves.leafOf(expr);
      if (leaf === undefined) return undefined;
      order.push({ index: items.length + hidden.length, descending });
      hidden.push(leaf);
    }
  }
  const partial = new Partial(block, leaves);
  const all = [...items, ...hidden];
  const outputs = all.map((leaf) => partial.outputOf(leaf));
  const keys = order.map(({ index, descending }): MergeKey => {
    const leaf = all[index];
    if (leaf === undefined) throw new CannotMerge("ORDER BY over several shards");
    return partial.orderKey(leaf, index, descending, outputs);
  });
  const merge: Merge = {
    aggregate: { keys: partial.groupKeys(), outputs },
    distinct: undefined,
    order: keys,
    sorted: false,
    limit: limitOf(select),
    pushLimit: false,
  };
  const statement = partial.statement(select);
  return planner.shardBody(statement, typing, items.length, merge, routing, keyspace);
}

/** The groups are shipped; the statement, with columns in place of what they are, runs over them. */
function finalBody(
  planner: MergePlanner,
  select: Select,
  block: Block,
  routing: Routing,
  typing: Query,
  leaves: Leaves,
  keyspace: string,
): Body {
  const found: Leaf[] = [];
  const table = `shardgate_rows_${planner.steps.length + 1}`;
  const columnFor = (leaf: Leaf): Expr => {
    let at = found.findIndex((each) => leaves.same(each, leaf));
    if (at < 0) at = found.push(leaf) - 1;
    return columnNode(shippedName(at), table, leaf.expr.pos);
  };
  const mapped = (expr: Expr): Expr =>
    mapOwn(expr, (node) => {
      if (node.kind === "subquery" || node.kind === "exists") {
        refuseCorrelated(node, block);
        return node;
      }
      const leaf = leaves.leafOf(node);
      if (leaf !== undefined) return averageOf(leaf.expr, columnFor) ?? columnFor(leaf);
      if (node.kind === "column") throw new CannotMerge(`column ${node.name} beside aggregates over several shards`);
      return undefined;
    });
  const items = select.items.map((item): SelectItem => {
    if (item.kind !== "expr") throw new CannotMerge("* beside aggregates over several shards");
    return { ...item, alias: nameOfItem(item), expr: mapped(item.expr) };
  });
  const aliased = (expr: Expr, keepPlain: boolean): Expr => {
    if (keepPlain && expr.kind === "literal" && expr.type === "int") return expr;
    if (keepPlain && expr.kind === "column" && expr.table === undefined) {
      const lower = expr.name.toLowerCase();
      if (select.items.some((item) => item.kind === "expr" && item.alias?.toLowerCase() === lower)) return expr;
    }
    return mapped(keepPlain ? withoutAliases(expr, select, block) : withAliases(expr, select, leaves));
  };
  const orderBy = select.orderBy.map((item) => ({ ...item, expr: aliased(item.expr, true) }));
  const having = select.having === undefined ? undefined : aliased(select.having, false);
  const windows = select.windows.map((window) => ({ ...window, spec: mapWindow(window.spec, mapped) }));
  const partial = new Partial(block, leaves);
  const outputs = found.map((leaf) => partial.outputOf(leaf));
  const columns = found.map((leaf, index): SourceColumn => {
    const resolved =
      leaf.kind !== "aggregate" && leaf.expr.kind === "column" ? resolveColumn(leaf.expr, block) : undefined;
    return {
      ...plainColumn(shippedName(index)),
      definition: resolved === undefined ? undefined : definitionOf(resolved),
    };
  });
  // Grouping without any value asked for: one row a group still.
  const merge: Merge = { ...NO_MERGE, aggregate: { keys: partial.groupKeys(), outputs } };
  const groupsTyping = pruned({
    ...select,
    options: [],
    items: found.map(
      (leaf, index): SelectItem => ({
        kind: "expr",
        expr: leaf.expr,
        alias: shippedName(index),
        text: "",
        pos: leaf.expr.pos,
      }),
    ),
    // Without aliases of the items that are gone; a constant would be taken for a position.
    groupBy: leaves.groups
      .filter(({ kind }) => kind !== "literal" && kind !== "bind")
      .map((expr) => ({ kind: "order", expr, direction: undefined, pos: expr.pos })),
    having: undefined,
    windows: [],
    orderBy: [],
    limit: undefined,
    into: undefined,
    locking: [],
  } satisfies Select);
  if (found.length === 0) throw new CannotMerge("groups of which nothing is asked over several shards");
  const step = planner.shardBody(partial.statement(select), groupsTyping, outputs.length, merge, routing);
  const name = planner.addStep(step, columns, false, false);
  const statement: Select = {
    ...EMPTY_SELECT,
    hints: select.hints,
    options: select.options,
    items,
    from: [rowsTable(name, name, select.pos)],
    where: having,
    windows,
    with: select.with,
    orderBy,
    limit: select.limit,
    pos: select.pos,
  };
  const needed = pruned(statement);
  return planner.shardBody(needed, typing, items.length, NO_MERGE, { kind: "any" }, keyspace);
}

/** AVG(x) as SUM(x) / COUNT(x): what is computed from it must see the digits that its column does not show. */
function averageOf(expr: Expr, columnFor: (leaf: Leaf) => Expr): Expr | undefined {
  if (expr.kind !== "call" || expr.name !== "avg" || expr.over !== undefined) return undefined;
  if (expr.distinct) throw new CannotMerge("AVG(DISTINCT) in an expression over several shards");
  const { args, pos } = expr;
  const sum = columnFor({ kind: "aggregate", expr: callNode("sum", args, pos) });
  const count = columnFor({ kind: "aggregate", expr: callNode("count", args, pos) });
  const zero: Expr = literalNode("int", "0", pos);
  // No rows: NULL, and no warning of a division.
  return { kind: "binary", op: "/", left: sum, right: callNode("nullif", [count, zero], pos), pos };
}

/** A quotient has more digits than it shows, and so has a FLOAT(7,2), which sums of partial sums would lose. */
function refuseHiddenDigits(args: readonly Expr[], name: string, block: Block): void {
  for (const arg of args) {
    mapOwn(arg, (node) => {
      const column = node.kind === "column" ? resolveColumn(node, block) : undefined;
      if (column !== undefined && /^float\(\d+,/.test(definitionOf(column)?.columnType ?? "")) {
        throw new CannotMerge(`${name.toUpperCase()}() of a FLOAT with a scale over several shards`);
      }
      if (node.kind === "cast" || (node.kind === "call" && CUT_DIGITS.has(node.name))) return node;
      if (node.kind === "binary" && node.op === "/") {
        throw new CannotMerge(`${name.toUpperCase()}() of a quotient over several shards`);
      }
      return undefined;
    });
  }
}

const CUT_DIGITS: ReadonlySet<string> = new Set(["round", "truncate", "floor", "ceil", "ceiling"]);

function mapWindow<S extends Select["windows"][number]["spec"]>(spec: S, mapped: (expr: Expr) => Expr): S {
  return {
    ...spec,
    partitionBy: spec.partitionBy.map(mapped),
    orderBy: spec.orderBy.map((item) => ({ ...item, expr: mapped(item.expr) })),
  };
}

/** In HAVING and ORDER BY a name may be that of a select item; a column that is grouped by goes first. */
function withAliases(expr: Expr, select: Select, leaves: Leaves): Expr {
  return mapOwn(expr, (node) => {
    if (node.kind !== "column" || node.table !== undefined) return undefined;
    const lower = node.name.toLowerCase();
    const item = select.items.find((each) => each.kind === "expr" && each.alias?.toLowerCase() === lower);
    if (item?.kind !== "expr") return undefined;
    const resolved = resolveColumn(node, leaves.block);
    const isOwn = resolved !== undefined && resolved.source.block === leaves.block;
    return isOwn && leaves.leafOf(node)?.kind === "group" ? undefined : item.expr;
  });
}

function itemOf(expr: Expr, select: Select, leaves: Leaves): number | undefined {
  if (expr.kind === "literal" && expr.type === "int") {
    const position = Number(expr.value);
    if (position < 1 || position > select.items.length) throw new CannotMerge("ORDER BY of a position that is none");
    return position - 1;
  }
  if (expr.kind === "column" && expr.table === undefined) {
    const lower = expr.name.toLowerCase();
    const at = select.items.findIndex((item) => item.kind === "expr" && item.alias?.toLowerCase() === lower);
    if (at >= 0) return at;
  }
  const form = canonical(expr, leaves.block);
  const at = select.items.findIndex(
    (item) => item.kind === "expr" && sameTree(canonical(item.expr, leaves.block), form),
  );
  return at < 0 ? undefined : at;
}

function refuseCorrelated(node: Expr, block: Block): void {
  const subquery = block.subqueries.find((each) => each.node === node);
  if (subquery === undefined || isCorrelated(subquery.scope) !== false) {
    throw new CannotMerge("a correlated subquery beside aggregates over several shards");
  }
}

/** The partial statement: its columns, and how they make the merged ones. */
class Partial {
  readonly #block: Block;
  readonly #leaves: Leaves;
  readonly #columns: MergeColumns;
  readonly #groupKeys: MergeKey[] = [];
  /** Positions of what the shards group by. */
  readonly #grouped: number[] = [];

  constructor(block: Block, leaves: Leaves) {
    this.#block = block;
    this.#leaves = leaves;
    this.#columns = new MergeColumns(block);
    for (const group of leaves.groups) {
      const at = this.#columns.indexOf(group);
      if (this.#grouped.includes(at)) continue;
      this.#grouped.push(at);
      this.#groupKeys.push(this.#columns.keyOf(group, at, false, true));
    }
  }

  groupKeys(): readonly MergeKey[] {
    return this.#groupKeys;
  }

  outputOf(leaf: Leaf): AggregateOutput {
    switch (leaf.kind) {
      case "group":
        return { kind: "value", column: this.#groupColumn(leaf.expr) };
      case "bare":
        return { kind: "value", column: this.#columns.indexOf(leaf.expr) };
      case "aggregate":
        return this.#aggregate(leaf.expr);
      default:
        return assertNever(leaf.kind);
    }
  }

  /** A key over the merged row; a text's weight becomes one more output. */
  orderKey(leaf: Leaf, at: number, descending: boolean, outputs: AggregateOutput[]): MergeKey {
    const value = outputs[at];
    if (value === undefined) throw new CannotMerge("ORDER BY over several shards");
    const add = (column: number): number => {
      const output: AggregateOutput =
        value.kind === "min" || value.kind === "max" ? { ...value, take: column } : { kind: "value", column };
      return outputs.push(output) - 1;
    };
    let key: MergeKey;
    if (value.kind === "min" || value.kind === "max") key = value.key;
    else if (value.kind === "value") key = this.#columns.keyOf(leaf.expr, value.column, false, leaf.kind === "group");
    else return { column: at, weight: undefined, collation: undefined, collationColumn: undefined, descending };
    const column = value.kind === "value" && key.column !== value.column ? add(key.column) : at;
    return {
      column: value.kind === "value" ? column : at,
      weight: key.weight === undefined ? undefined : add(key.weight),
      collation: key.collation,
      collationColumn: key.collationColumn === undefined ? undefined : add(key.collationColumn),
      descending,
    };
  }

  statement(select: Select): Select {
    const { pos } = select;
    if (this.#columns.width === 0) {
      this.#columns.add(literalNode("int", "1", pos));
    }
    return {
      ...select,
      options: select.options.filter((option) => option !== "distinct" && option !== "sql_calc_found_rows"),
      items: this.#columns.items,
      groupBy: this.#grouped.map((at) => ({
        kind: "order",
        expr: literalNode("int", String(at + 1), pos),
        direction: undefined,
        pos,
      })),
      having: undefined,
      windows: [],
      orderBy: [],
      limit: undefined,
      into: undefined,
    };
  }

  #groupColumn(expr: Expr): number {
    const form = canonical(expr, this.#block);
    const at = this.#leaves.groups.findIndex((group) => sameTree(canonical(group, this.#block), form));
    const group = this.#leaves.groups[at];
    if (group === undefined) throw new CannotMerge("GROUP BY over several shards");
    return this.#columns.indexOf(group);
  }

  #aggregate(expr: Expr): AggregateOutput {
    if (expr.kind !== "call") {
      throw new CannotMerge(
        `${"name" in expr ? String(expr.name).toUpperCase() : "an aggregate"}() over several shards`,
      );
    }
    const { name, args, distinct, pos } = expr;
    const [argument] = args;
    if (distinct && name !== "min" && name !== "max" && !name.startsWith("bit_")) {
      if (name !== "count" && name !== "sum" && name !== "avg")
        throw new CannotMerge(`${name.toUpperCase()}(DISTINCT) over several shards`);
      // A text is added up as the number it begins with, which is not what makes texts different.
      if (name !== "count" && !args.every((arg) => this.#columns.isPlain(arg))) {
        throw new CannotMerge(`${name.toUpperCase()}(DISTINCT) of what may be a text over several shards`);
      }
      const keys = args.map((arg) => {
        const at = this.#columns.indexOf(arg);
        if (!this.#grouped.includes(at)) this.#grouped.push(at);
        return this.#columns.keyOf(arg, at, false, true);
      });
      return { kind: `${name}-distinct`, keys };
    }
    switch (name) {
      case "count":
        return { kind: "count", column: this.#columns.indexOf(expr) };
      case "sum":
        refuseHiddenDigits(args, name, this.#block);
        return { kind: "sum", column: this.#columns.indexOf(expr) };
      case "avg": {
        refuseHiddenDigits(args, name, this.#block);
        const sum = this.#columns.indexOf(callNode("sum", args, pos));
        return { kind: "avg", sum, count: this.#columns.indexOf(callNode("count", args, pos)) };
      }
      case "min":
      case "max": {
        if (argument === undefined) throw new CannotMerge(`${name.toUpperCase()}() without an argument`);
        const plain = callNode(name, [argument], pos);
        const column = this.#columns.indexOf(plain);
        return { kind: name, key: this.#columns.keyOf(plain, column, false), take: column };
      }
      case "bit_and":
      case "bit_or":
      case "bit_xor":
        return { kind: name, column: this.#columns.indexOf(expr) };
      default:
        throw new CannotMerge(`${name.toUpperCase()}() over several shards`);
    }
  }
}
