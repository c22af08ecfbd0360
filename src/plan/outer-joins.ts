// Outer joins that are inner ones: when WHERE, or the ON of a join around it, cannot be true for a row without a match, such
// rows are not in the result anyway, and tables that need not be kept can be joined and routed more freely. MySQL's
// optimizer applies the same rule (manual: "Outer Join Optimization"), so the answer is the same. What it makes inner by a
// comparison of rows, although rows without a match could be in the result, comes first: so is its answer.

import type { Expr, Join, Query, TableRef } from "../sql/tree.ts";
import { mapChildren } from "../sql/walk.ts";
import { comparesRows, rejectedBy, rejectedByRows, type TableOf } from "./null-rejection.ts";
import { type Block, blocksOf, type QueryScope, resolveColumn, sourcesIn } from "./scope.ts";

/** The same query, with LEFT and RIGHT JOINs made inner where that changes nothing; `scope` is the query's own. */
export function simplifyOuterJoins<Q extends Query>(query: Q, scope: QueryScope): Q {
  const inner = new Set<TableRef>();
  for (const block of blocksOf(scope)) {
    const { from, where } = block.select;
    if (!from.some(hasOuterJoin)) continue;
    const conditions = [...(where === undefined ? [] : [where]), ...from.flatMap(onConditions)];
    if (conditions.some(comparesRows)) new Simplifier(block, inner, rejectedByRows, false).block();
    new Simplifier(block, inner, rejectedBy, true).block();
  }
  if (inner.size === 0) return query;
  const change = <N extends Parameters<typeof mapChildren>[0]>(node: N): N => {
    const changed = mapChildren(node, change);
    return node.kind === "join" && inner.has(node) ? { ...changed, type: "inner" } : changed;
  };
  return change(query);
}

const NONE: ReadonlySet<string> = new Set();

class Simplifier {
  readonly #block: Block;
  readonly #inner: Set<TableRef>;
  /** A comparison of rows in the ON of an inner join would say more to the MySQL that runs it than it does now. */
  readonly #sparesRows: boolean;
  readonly #rejected: (condition: Expr | undefined) => ReadonlySet<string>;

  /** Adds to `inner`, whose joins are inner ones, those that are by what conditions reject. */
  constructor(block: Block, inner: Set<TableRef>, rejected: typeof rejectedBy, sparesRows: boolean) {
    this.#block = block;
    this.#inner = inner;
    this.#sparesRows = sparesRows;
    const tableOf: TableOf = (column) => {
      const id = resolveColumn(column, block)?.source.id;
      return id === undefined ? undefined : String(id);
    };
    this.#rejected = (condition) => (condition === undefined ? NONE : rejected(condition, tableOf));
  }

  block(): void {
    const { where, from } = this.#block.select;
    const rejected = this.#rejected(where);
    for (const ref of from) this.#ref(ref, rejected);
  }

  /** `rejected`: tables that every row of the result has to have. */
  #ref(ref: TableRef, rejected: ReadonlySet<string>): void {
    if (ref.kind === "tableList") {
      for (const table of ref.tables) this.#ref(table, rejected);
      return;
    }
    if (ref.kind !== "join") return;
    const on = this.#rejected(ref.on);
    const isOuter = (ref.type === "left" || ref.type === "right") && !this.#inner.has(ref);
    if (!isOuter || this.#isInner(ref, rejected)) {
      if (isOuter) this.#inner.add(ref);
      const all = new Set([...rejected, ...on]);
      this.#sides(ref, all, all);
      // What is preserved keeps all its rows; the other side has only those that ON takes.
    } else if (ref.type === "left") this.#sides(ref, rejected, on);
    else this.#sides(ref, on, rejected);
  }

  #sides(join: Join, left: ReadonlySet<string>, right: ReadonlySet<string>): void {
    this.#ref(join.left, left);
    this.#ref(join.right, right);
  }

  #isInner(join: Join, rejected: ReadonlySet<string>): boolean {
    if (this.#sparesRows && onConditions(join).some(comparesRows)) return false;
    if (join.type === "left") return this.#has(join.right, rejected);
    // The columns that USING joins are the right table's, and would become the left one's.
    return !join.natural && join.using.length === 0 && this.#has(join.left, rejected);
  }

  #has(ref: TableRef, names: ReadonlySet<string>): boolean {
    return sourcesIn(ref, this.#block).some(({ id }) => names.has(String(id)));
  }
}

function onConditions(ref: TableRef): readonly Expr[] {
  if (ref.kind === "tableList") return ref.tables.flatMap(onConditions);
  if (ref.kind !== "join") return [];
  return [...(ref.on === undefined ? [] : [ref.on]), ...onConditions(ref.left), ...onConditions(ref.right)];
}

function hasOuterJoin(ref: TableRef): boolean {
  if (ref.kind === "tableList") return ref.tables.some(hasOuterJoin);
  if (ref.kind !== "join") return false;
  return ref.type === "left" || ref.type === "right" || hasOuterJoin(ref.left) || hasOuterJoin(ref.right);
}
