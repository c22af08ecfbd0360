// What columns of each table a gathered statement can need, and which of them rows are looked up by. By names alone: a name
// without a qualifier may mean a column of any table, so each table that has such a column keeps it, and every name in the
// statement goes on meaning what it meant.

import type { Expr, Join, Node, Query, TableName, TableRef } from "../sql/tree.ts";
import { children, walk } from "../sql/walk.ts";

export interface ColumnUse {
  /** Lower-case names; all for `*` and NATURAL JOIN. */
  columns(table: TableName): ReadonlySet<string> | "all";
  /** Lower-case names of columns that are compared for equality with something of another row. */
  lookups(table: TableName): ReadonlySet<string>;
}

/** `natural` gives the names that a NATURAL JOIN makes equal; undefined when they are not known. */
export function columnUseOf(statement: Query, natural: (join: Join) => readonly string[] | undefined): ColumnUse {
  const use = new Use();
  const visit = (node: Node, ignoresStars: boolean): void => {
    switch (node.kind) {
      case "column":
        use.name(node.table, node.name);
        return;
      case "select":
        for (const item of node.items) {
          if (item.kind === "star" && !ignoresStars) use.star(item.table, node.from);
        }
        break;
      case "table":
        use.star(undefined, [node.table]);
        break;
      case "join": {
        const names = node.natural ? natural(node) : node.using;
        if (names === undefined) use.star(undefined, [node]);
        for (const name of names ?? []) {
          use.name(undefined, name);
          use.lookup(undefined, name);
        }
        break;
      }
      case "exists":
        // EXISTS (SELECT * …) asks for rows only.
        visit(node.query, node.query.kind === "select");
        return;
      case "binary":
        if (node.op === "=" || node.op === "<=>") compared([node.left, node.right], use);
        break;
      case "in":
        if ("kind" in node.list && node.list.kind === "subquery") compared([node.expr, node.list], use);
        break;
      case "quantified":
        if (node.op === "=") compared([node.left, { kind: "subquery", query: node.query, pos: node.pos }], use);
        break;
      default:
    }
    children(node, (child) => visit(child, false));
  };
  visit(statement, false);
  return use;
}

/** Both sides of an equality, if both have columns or come from a subquery. */
function compared(sides: readonly Expr[], use: Use): void {
  if (!sides.every(hasRows)) return;
  for (const side of sides) {
    const exprs = side.kind === "row" ? side.items : side.kind === "subquery" ? itemsOf(side.query) : [side];
    for (const expr of exprs) if (expr.kind === "column") use.lookup(expr.table, expr.name);
  }
}

function hasRows(expr: Expr): boolean {
  let found = false;
  walk(expr, (node) => {
    found ||= node.kind === "column" || node.kind === "subquery";
    return !found;
  });
  return found;
}

function itemsOf(query: Query): readonly Expr[] {
  return query.kind === "select" ? query.items.flatMap((item) => (item.kind === "expr" ? [item.expr] : [])) : [];
}

class Use implements ColumnUse {
  readonly #stars = new Set<TableName>();
  readonly #starAliases = new Set<string>();
  readonly #names = new Names();
  readonly #lookups = new Names();

  name(qualifier: string | undefined, name: string): void {
    this.#names.add(qualifier, name);
  }

  lookup(qualifier: string | undefined, name: string): void {
    this.#lookups.add(qualifier, name);
  }

  /** `*` of these tables, or `qualifier.*`. */
  star(qualifier: string | undefined, from: readonly TableRef[]): void {
    if (qualifier === undefined) for (const ref of from) this.#starOf(ref);
    else this.#starAliases.add(qualifier.toLowerCase());
  }

  columns(table: TableName): ReadonlySet<string> | "all" {
    const isAll = this.#stars.has(table) || this.#starAliases.has(aliasOf(table));
    return isAll ? "all" : this.#names.of(aliasOf(table));
  }

  lookups(table: TableName): ReadonlySet<string> {
    return this.#lookups.of(aliasOf(table));
  }

  #starOf(ref: TableRef): void {
    if (ref.kind === "tableName") this.#stars.add(ref);
    else if (ref.kind === "tableList") for (const table of ref.tables) this.#starOf(table);
    else if (ref.kind === "join") {
      this.#starOf(ref.left);
      this.#starOf(ref.right);
    }
  }
}

/** Names by what they are qualified with. */
class Names {
  readonly #plain = new Set<string>();
  readonly #qualified = new Map<string, Set<string>>();

  add(qualifier: string | undefined, name: string): void {
    const lower = name.toLowerCase();
    if (qualifier === undefined) {
      this.#plain.add(lower);
      return;
    }
    const key = qualifier.toLowerCase();
    const known = this.#qualified.get(key);
    if (known === undefined) this.#qualified.set(key, new Set([lower]));
    else known.add(lower);
  }

  of(qualifier: string): ReadonlySet<string> {
    return new Set([...this.#plain, ...(this.#qualified.get(qualifier) ?? [])]);
  }
}

function aliasOf(table: TableName): string {
  return (table.alias ?? table.name).toLowerCase();
}
