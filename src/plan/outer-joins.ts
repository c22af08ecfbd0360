// Outer joins that are inner ones: when WHERE, or the ON of a join around it, cannot be true for a row without a match, such
// rows are not in the result anyway, and tables that need not be kept can be joined and routed more freely. MySQL's
// optimizer applies the same rule (manual: "Outer Join Optimization"), so the answer is the same.

import type { Column, Join, Select, TableRef } from "../sql/tree.ts";
import { rejectedBy, type TableOf } from "./null-rejection.ts";

/** The same select, with LEFT and RIGHT JOINs made inner where that changes nothing. Queries inside stay as they are. */
export function simplifyOuterJoins(select: Select): Select {
  if (!select.from.some(hasOuterJoin)) return select;
  const tables = select.from.flatMap(tablesOf);
  const names = new Map<TableRef, string>();
  for (const [index, table] of tables.entries()) names.set(table, String(index));
  const tableOf: TableOf = (column) => {
    const meant = tables.filter((table) => isNamed(table, column));
    const [only] = meant;
    return only === undefined || meant.length > 1 ? undefined : names.get(only);
  };
  const simplify = new Simplifier(names, tableOf);
  const rejected = select.where === undefined ? NONE : rejectedBy(select.where, tableOf);
  const from = select.from.map((ref) => simplify.ref(ref, rejected));
  return from.every((ref, index) => ref === select.from[index]) ? select : { ...select, from };
}

const NONE: ReadonlySet<string> = new Set();

class Simplifier {
  readonly #names: ReadonlyMap<TableRef, string>;
  readonly #tableOf: TableOf;

  constructor(names: ReadonlyMap<TableRef, string>, tableOf: TableOf) {
    this.#names = names;
    this.#tableOf = tableOf;
  }

  /** `rejected`: tables that every row of the result has to have. */
  ref(ref: TableRef, rejected: ReadonlySet<string>): TableRef {
    if (ref.kind === "tableList") {
      const tables = ref.tables.map((table) => this.ref(table, rejected));
      return tables.every((table, index) => table === ref.tables[index]) ? ref : { ...ref, tables };
    }
    if (ref.kind !== "join") return ref;
    switch (ref.type) {
      case "left":
        return this.#has(ref.right, rejected) ? this.#inner(asInner(ref), rejected) : this.#outer(ref, rejected);
      case "right":
        // The columns that USING joins are the right table's, and would become the left one's.
        return this.#has(ref.left, rejected) && !ref.natural && ref.using.length === 0
          ? this.#inner(asInner(ref), rejected)
          : this.#outer(ref, rejected);
      default:
        return this.#inner(ref, rejected);
    }
  }

  #inner(join: Join, rejected: ReadonlySet<string>): Join {
    const all = new Set([...rejected, ...this.#rejectedByOn(join)]);
    return withSides(join, this.ref(join.left, all), this.ref(join.right, all));
  }

  /** What is preserved keeps all its rows; the other side has only those that ON takes. */
  #outer(join: Join, rejected: ReadonlySet<string>): Join {
    const taken = this.#rejectedByOn(join);
    return join.type === "left"
      ? withSides(join, this.ref(join.left, rejected), this.ref(join.right, taken))
      : withSides(join, this.ref(join.left, taken), this.ref(join.right, rejected));
  }

  #rejectedByOn(join: Join): ReadonlySet<string> {
    return join.on === undefined ? NONE : rejectedBy(join.on, this.#tableOf);
  }

  #has(ref: TableRef, names: ReadonlySet<string>): boolean {
    return tablesOf(ref).some((table) => names.has(this.#names.get(table) ?? ""));
  }
}

function asInner(join: Join): Join {
  return { ...join, type: "inner" };
}

function withSides(join: Join, left: TableRef, right: TableRef): Join {
  return left === join.left && right === join.right ? join : { ...join, left, right };
}

function hasOuterJoin(ref: TableRef): boolean {
  if (ref.kind === "tableList") return ref.tables.some(hasOuterJoin);
  if (ref.kind !== "join") return false;
  return ref.type === "left" || ref.type === "right" || hasOuterJoin(ref.left) || hasOuterJoin(ref.right);
}

/** The tables of a reference that are no joins. */
function tablesOf(ref: TableRef): readonly TableRef[] {
  switch (ref.kind) {
    case "join":
      return [...tablesOf(ref.left), ...tablesOf(ref.right)];
    case "tableList":
      return ref.tables.flatMap(tablesOf);
    case "tableName":
    case "derived":
    case "jsonTable":
      return [ref];
  }
}

/** Only qualified columns are sure: which table has another one takes its definition. */
function isNamed(table: TableRef, column: Column): boolean {
  if (column.table === undefined || table.kind === "join" || table.kind === "tableList") return false;
  const alias = table.kind === "tableName" ? (table.alias ?? table.name) : table.alias;
  if (alias?.toLowerCase() !== column.table.toLowerCase()) return false;
  if (column.schema === undefined) return true;
  if (table.kind !== "tableName" || table.alias !== undefined) return false;
  return table.schema === undefined || table.schema === column.schema;
}
