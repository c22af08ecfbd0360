// The columns that a shard's statement sends: those of the answer, then hidden ones that rows are compared by. Says for
// each key how its values are compared, as far as the type is known; the engine looks at the types that really come.

import type { ColumnSchema } from "../schema/model.ts";
import { callNode, castNode, columnNode, literalNode } from "../sql/new-nodes.ts";
import type { Expr, SelectItem } from "../sql/tree.ts";
import { sameTree } from "../sql/walk.ts";
import { CannotMerge } from "./cannot-merge.ts";
import { isAggregate } from "./colocation.ts";
import type { MergeKey } from "./merge-plan.ts";
import { type Block, columnsOfStar, definitionOf, resolveColumn } from "./scope.ts";

/** What is known of an expression's type. */
type Comparison =
  /** Numbers, temporal values, bytes. */
  | { readonly kind: "plain" }
  | { readonly kind: "text"; readonly collation: string }
  /** Sorted by number, sent as text. */
  | { readonly kind: "enum" }
  | { readonly kind: "float" }
  | { readonly kind: "unknown" };

const PLAIN: Comparison = { kind: "plain" };

/** Collects columns; positions count from 0. */
export class MergeColumns {
  readonly #block: Block;
  readonly #items: SelectItem[] = [];
  readonly #exprs: (Expr | undefined)[] = [];

  constructor(block: Block) {
    this.#block = block;
  }

  get items(): readonly SelectItem[] {
    return this.#items;
  }

  get width(): number {
    return this.#exprs.length;
  }

  /** A select item as it is; `*` counts for its columns. Throws CannotMerge when they are not known. */
  addItem(item: SelectItem): void {
    this.#items.push(item);
    if (item.kind === "expr") this.#exprs.push(item.expr);
    else if (item.kind === "star") {
      const columns = columnsOfStar(item, this.#block);
      if (columns === undefined) throw new CannotMerge("the columns of * are not known");
      for (const { source, column } of columns) {
        const { shownAlias } = source;
        this.#exprs.push(columnNode(column.name, shownAlias, item.pos));
      }
    } else throw new CannotMerge("SELECT NEXT VALUES");
  }

  /** Known to be no text. */
  isPlain(expr: Expr): boolean {
    return comparisonOf(expr, this.#block).kind === "plain";
  }

  exprAt(index: number): Expr | undefined {
    return this.#exprs[index];
  }

  /** Position of a column with this very expression; added when there is none. */
  indexOf(expr: Expr): number {
    const found = this.#exprs.findIndex((each) => each !== undefined && sameTree(each, expr));
    return found >= 0 ? found : this.add(expr);
  }

  add(expr: Expr): number {
    const index = this.#exprs.length;
    this.#items.push({ kind: "expr", expr, alias: `shardgate_${index}`, text: "", pos: expr.pos });
    this.#exprs.push(expr);
    return index;
  }

  /**
   * A key for the value of `expr`, which stands at `column` if it does already. `isGrouped`: it is grouped by, so that what
   * is made of it has to be an aggregate where ONLY_FULL_GROUP_BY does not see through expressions.
   */
  keyOf(expr: Expr, column: number | undefined, descending: boolean, isGrouped = false): MergeKey {
    const hidden = (made: Expr): number =>
      this.indexOf(isGrouped && expr.kind !== "column" ? callNode("min", [made], made.pos) : made);
    const comparison = comparisonOf(expr, this.#block);
    const { pos } = expr;
    if (comparison.kind === "enum") {
      const zero: Expr = literalNode("int", "0", pos);
      const number: Expr = { kind: "binary", op: "+", left: expr, right: zero, pos };
      return plainKey(hidden(number), descending);
    }
    if (comparison.kind === "float") {
      return plainKey(hidden(castNode(expr, "double")), descending);
    }
    const at = column ?? this.indexOf(expr);
    if (comparison.kind === "plain") return plainKey(at, descending);
    const weight = hidden({
      kind: "weightString",
      expr,
      as: undefined,
      length: undefined,
      level: undefined,
      pos,
    });
    if (comparison.kind === "text") {
      return { column: at, weight, collation: comparison.collation, collationColumn: undefined, descending };
    }
    const collationColumn = hidden(callNode("collation", [expr], pos));
    return { column: at, weight, collation: undefined, collationColumn, descending };
  }
}

function plainKey(column: number, descending: boolean): MergeKey {
  return { column, weight: undefined, collation: undefined, collationColumn: undefined, descending };
}

/** Functions whose value is a number whatever they are given. */
const NUMBER_FUNCTIONS: ReadonlySet<string> = new Set([
  "count",
  "sum",
  "avg",
  "length",
  "char_length",
  "character_length",
  "octet_length",
  "bit_length",
  "year",
  "month",
  "day",
  "dayofmonth",
  "dayofweek",
  "dayofyear",
  "hour",
  "minute",
  "second",
  "quarter",
  "week",
  "weekday",
  "yearweek",
  "datediff",
  "to_days",
  "unix_timestamp",
  "ascii",
  "ord",
  "locate",
  "instr",
  "floor",
  "ceil",
  "ceiling",
  "round",
  "truncate",
  "sqrt",
  "mod",
  "sign",
  "crc32",
  "bit_and",
  "bit_or",
  "bit_xor",
  "bit_count",
]);

const ARITHMETIC: ReadonlySet<string> = new Set(["*", "/", "div", "%", "^", "|", "&", "<<", ">>"]);

function comparisonOf(expr: Expr, block: Block): Comparison {
  switch (expr.kind) {
    case "column": {
      const resolved = resolveColumn(expr, block);
      const definition = resolved === undefined ? undefined : definitionOf(resolved);
      return definition === undefined ? { kind: "unknown" } : ofDefinition(definition);
    }
    case "literal":
      return expr.type === "int" || expr.type === "decimal" || expr.type === "float" ? PLAIN : { kind: "unknown" };
    case "call": {
      if (expr.stored || expr.schema !== undefined) return { kind: "unknown" };
      if (NUMBER_FUNCTIONS.has(expr.name)) return PLAIN;
      const [argument] = expr.args;
      if (isAggregate(expr) && (expr.name === "min" || expr.name === "max") && argument !== undefined) {
        const inner = comparisonOf(argument, block);
        if (inner.kind === "enum")
          throw new CannotMerge(`${expr.name.toUpperCase()}() of an ENUM or SET over several shards`);
        return inner;
      }
      return { kind: "unknown" };
    }
    case "binary":
      return ARITHMETIC.has(expr.op) ? PLAIN : { kind: "unknown" };
    case "is":
    case "in":
    case "between":
    case "like":
    case "and":
    case "or":
    case "exists":
    case "extract":
    case "position":
      return PLAIN;
    default:
      return { kind: "unknown" };
  }
}

function ofDefinition({ dataType, collation }: ColumnSchema): Comparison {
  switch (dataType) {
    case "enum":
    case "set":
      return { kind: "enum" };
    case "float":
      return { kind: "float" };
    case "json":
      throw new CannotMerge("a JSON value compared over several shards");
    default:
      return collation === undefined || collation === "binary" ? PLAIN : { kind: "text", collation };
  }
}
