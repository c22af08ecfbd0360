// Which columns the conditions of a statement say to be equal. Columns are nodes of equality classes made of conditions that
// hold for every row.

import type { Column } from "../sql/tree.ts";
import type { ColumnVindex } from "../vschema/model.ts";
import { type ColumnKind, columnKindOf } from "./column-kind.ts";
import { EqualKeys } from "./equal-keys.ts";
import type { Condition, FromClause, FromTable } from "./from-clause.ts";

/** Which columns WHERE and ON say to be equal. */
export class EqualityClasses {
  readonly #tables: readonly FromTable[];
  readonly #keys = new EqualKeys();

  constructor(from: FromClause) {
    this.#tables = from.tables;
    for (const condition of from.conditions) this.#addEquality(condition);
  }

  equal(a: FromTable, columnA: string, b: FromTable, columnB: string): boolean {
    return this.#keys.equal(this.key(a, columnA), this.key(b, columnB));
  }

  /**
   * The column and the vindex columns that equal it and hold the same. Not any equal column: MySQL compares a YEAR, an ENUM
   * or a text with a literal in another way than with the column.
   */
  sameAs(table: FromTable, column: string, holds: ColumnKind): readonly string[] {
    const key = this.key(table, column);
    const same = [key];
    for (const other of this.#tables) {
      const { table: vschema, definition } = other.resolved;
      for (const { columnsLower } of vindexesOf(other)) {
        for (const name of columnsLower) {
          const otherKey = this.key(other, name);
          if (otherKey === key || !this.#keys.same(otherKey, key)) continue;
          if (columnKindOf(vschema, name, definition) === holds) same.push(otherKey);
        }
      }
    }
    return same;
  }

  key(table: FromTable, column: string): string {
    return `${this.#tables.indexOf(table)}.${column}`;
  }

  columnKey(column: Column): string | undefined {
    const table = this.#tableOf(column);
    return table === undefined ? undefined : this.key(table, column.name.toLowerCase());
  }

  #addEquality({ expr, scope }: Condition): void {
    if (expr.kind !== "binary" || expr.op !== "=" || expr.left.kind !== "column" || expr.right.kind !== "column")
      return;
    const leftTable = this.#tableOf(expr.left);
    const rightTable = this.#tableOf(expr.right);
    if (leftTable === undefined || rightTable === undefined) return;
    const left = this.key(leftTable, expr.left.name.toLowerCase());
    const right = this.key(rightTable, expr.right.name.toLowerCase());
    if (scope.kind !== "outer") this.#keys.add(left, right);
    // Between two preserved tables it decides about matches only: both rows are in the result in any case.
    else if (scope.nullSide.has(leftTable) || scope.nullSide.has(rightTable)) this.#keys.addOuter(left, right);
  }

  /**
   * The table a column belongs to. An unqualified one is known if there is one table only, or if just one table has it as
   * a vindex column: did another one have it too, MySQL would refuse it as ambiguous.
   */
  #tableOf(column: Column): FromTable | undefined {
    if (column.table === undefined) {
      if (this.#tables.length === 1) return this.#tables[0];
      const name = column.name.toLowerCase();
      const having = this.#tables.filter((table) => vindexesOf(table).some((v) => v.columnsLower.includes(name)));
      return having.length === 1 ? having[0] : undefined;
    }
    const qualifier = column.table.toLowerCase();
    const matching = this.#tables.filter((table) => {
      if (table.alias !== qualifier) return false;
      return column.schema === undefined || column.schema === table.resolved.keyspace.keyspace;
    });
    return matching.length === 1 ? matching[0] : undefined;
  }
}

/** Vindexes that place rows by a function of unique result: the primary one and others that agree with it. */
export function vindexesOf(table: FromTable): readonly ColumnVindex[] {
  const all = table.resolved.table?.columnVindexes ?? [];
  return all.filter(({ vindex }) => vindex.unique && vindex.kind !== "lookup");
}
