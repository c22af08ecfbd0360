// ORDER BY of a SELECT as keys that rows of several shards are merged by.

import type { Expr, Select } from "../sql/tree.ts";
import { sameTree } from "../sql/walk.ts";
import { CannotMerge } from "./cannot-merge.ts";
import type { MergeColumns } from "./merge-columns.ts";
import type { MergeKey } from "./merge-plan.ts";
import { holdsQuery, mapOwn } from "./own-expressions.ts";
import { type Block, nameOfItem, resolveColumn } from "./scope.ts";

/**
 * Adds the hidden columns that comparing takes. With `isDistinct` only what the select list has can be ordered by: another
 * column would make rows different.
 */
export function orderKeys(select: Select, block: Block, columns: MergeColumns, isDistinct: boolean): MergeKey[] {
  const { width } = columns;
  return select.orderBy.map(({ expr, direction }) => {
    const at = positionOf(expr, select, columns, width);
    const value = at === undefined ? withoutAliases(expr, select, block) : columns.exprAt(at);
    if (value === undefined) throw new CannotMerge("ORDER BY over several shards");
    if (isDistinct && at === undefined) throw new CannotMerge("ORDER BY of what DISTINCT leaves out");
    if (holdsQuery(value)) throw new CannotMerge("ORDER BY of a subquery over several shards");
    return columns.keyOf(value, at, direction === "desc");
  });
}

/** The column of the answer that an ORDER BY item names: by position, by its name, or by being the same expression. */
function positionOf(expr: Expr, select: Select, columns: MergeColumns, width: number): number | undefined {
  if (expr.kind === "literal" && expr.type === "int") {
    const position = Number(expr.value);
    if (position < 1 || position > width) throw new CannotMerge("ORDER BY of a position that is none");
    return position - 1;
  }
  const hasStar = select.items.some(({ kind }) => kind === "star");
  if (expr.kind === "column" && expr.table === undefined && !hasStar) {
    const lower = expr.name.toLowerCase();
    const at = select.items.findIndex((item) => item.kind === "expr" && nameOfItem(item).toLowerCase() === lower);
    if (at >= 0) return at;
  }
  for (let index = 0; index < width; index++) {
    const each = columns.exprAt(index);
    if (each !== undefined && sameTree(each, expr)) return index;
  }
  return undefined;
}

/**
 * Aliases stand for their expressions: as a column of its own the expression cannot name them. Inside an expression a name
 * is that of a table's column first.
 */
export function withoutAliases(expr: Expr, select: Select, block: Block): Expr {
  return mapOwn(expr, (node) => {
    if (node.kind !== "column" || node.table !== undefined) return undefined;
    if (node !== expr && resolveColumn(node, block)?.source.block === block) return undefined;
    const lower = node.name.toLowerCase();
    const item = select.items.find((each) => each.kind === "expr" && each.alias?.toLowerCase() === lower);
    return item?.kind === "expr" ? item.expr : undefined;
  });
}
