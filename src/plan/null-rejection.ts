// Which tables' columns cannot all be NULL when a condition is true: what decides whether an outer join's rows without a
// match can be in the result. Only what is sure is said; tables are named as `tableOf` names them.
//
//   isNull(e)    e is NULL whenever all columns of the table are
//   isNotTrue(e) e is NULL or false then; isNotFalse(e): NULL or true

import type { BinaryOp, Column, Expr } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";

/** Undefined for a column of no table here, or of one that is not sure. */
export type TableOf = (column: Column) => string | undefined;

type Tables = ReadonlySet<string>;

const NONE: Tables = new Set();

/** Tables without whose rows `condition` is not true. */
export function rejectedBy(condition: Expr, tableOf: TableOf): ReadonlySet<string> {
  return isNotTrue(condition, tableOf);
}

/**
 * Tables of a comparison of rows that MySQL takes to be without whose rows `condition` is not true. It says so of any item
 * that is NULL, though (1, NULL) < (2, 0) is true, and makes outer joins inner by that: its answer is the one that counts.
 * Only of the plainest conditions it is sure that MySQL reads them so.
 */
export function rejectedByRows(condition: Expr, tableOf: TableOf): ReadonlySet<string> {
  const conjuncts = condition.kind === "and" ? condition.operands : [condition];
  return union(conjuncts.map((conjunct) => plainlyRejected(conjunct, tableOf)));
}

/** `rejectedByRows` may say more of the condition than `rejectedBy`. */
export function comparesRows(condition: Expr): boolean {
  let found = false;
  walk(condition, (node) => {
    found ||= node.kind === "row";
    return !found && node.kind !== "subquery";
  });
  return found;
}

function plainlyRejected(expr: Expr, tableOf: TableOf): Tables {
  const columns = (items: readonly Expr[]): Tables =>
    union(items.map((item) => (item.kind === "column" ? isNull(item, tableOf) : NONE)));
  const parts = (side: Expr): readonly Expr[] => (side.kind === "row" ? side.items : [side]);
  switch (expr.kind) {
    case "binary":
      if (COMPARISONS[expr.op] !== true) return NONE;
      return columns([...parts(expr.left), ...parts(expr.right)]);
    case "in":
      return "kind" in expr.list ? NONE : columns(parts(expr.expr));
    case "is":
      if (expr.test === "null" && expr.not) return columns([expr.expr]);
      return expr.test === "true" && !expr.not && expr.expr.kind !== "is" ? plainlyRejected(expr.expr, tableOf) : NONE;
    default:
      return NONE;
  }
}

const COMPARISONS: Readonly<Partial<Record<BinaryOp, true>>> = {
  "=": true,
  "!=": true,
  "<": true,
  "<=": true,
  ">": true,
  ">=": true,
};

function isNotTrue(expr: Expr, tableOf: TableOf): Tables {
  switch (expr.kind) {
    case "binary":
      if (expr.op === "=" && expr.left.kind === "row" && expr.right.kind === "row") {
        return union([...expr.left.items, ...expr.right.items].map((item) => isNull(item, tableOf)));
      }
      return isNull(expr, tableOf);
    case "and":
      return union(expr.operands.map((operand) => isNotTrue(operand, tableOf)));
    case "or":
      return intersection(expr.operands.map((operand) => isNotTrue(operand, tableOf)));
    case "unary":
      return expr.op === "not" || expr.op === "!" ? isNotFalse(expr.expr, tableOf) : isNull(expr, tableOf);
    case "is":
      return isTestNotTrue(expr, tableOf);
    case "between":
      // NULL in any place makes it NULL or false.
      return expr.not
        ? isNull(expr, tableOf)
        : union([expr.expr, expr.low, expr.high].map((operand) => isNull(operand, tableOf)));
    case "in":
      // NULL IN (nothing) is false, NULL NOT IN (nothing) is true.
      if ("kind" in expr.list && expr.list.kind === "subquery") return expr.not ? NONE : isNull(expr.expr, tableOf);
      return isNull(expr, tableOf);
    case "quantified":
      return expr.quantifier === "any" && expr.op !== "<=>" ? isNull(expr.left, tableOf) : NONE;
    default:
      return isNull(expr, tableOf);
  }
}

function isNotFalse(expr: Expr, tableOf: TableOf): Tables {
  switch (expr.kind) {
    case "and":
      return intersection(expr.operands.map((operand) => isNotFalse(operand, tableOf)));
    case "or":
      return union(expr.operands.map((operand) => isNotFalse(operand, tableOf)));
    case "unary":
      return expr.op === "not" || expr.op === "!" ? isNotTrue(expr.expr, tableOf) : isNull(expr, tableOf);
    case "between":
      return expr.not ? isNotTrue({ ...expr, not: false }, tableOf) : isNull(expr, tableOf);
    case "is":
      return isTestNotTrue({ ...expr, not: !expr.not }, tableOf);
    default:
      return isNull(expr, tableOf);
  }
}

/** IS NOT NULL, IS TRUE and IS FALSE are false for NULL. */
function isTestNotTrue(expr: Expr & { kind: "is" }, tableOf: TableOf): Tables {
  switch (expr.test) {
    case "null":
    case "unknown":
      return expr.not ? isNull(expr.expr, tableOf) : NONE;
    case "true":
      return expr.not ? NONE : isNotTrue(expr.expr, tableOf);
    case "false":
      return expr.not ? NONE : isNotFalse(expr.expr, tableOf);
  }
}

/** Operators whose value is NULL when one of the operands is. */
const STRICT: Readonly<Partial<Record<BinaryOp, true>>> = {
  ...COMPARISONS,
  "+": true,
  "-": true,
  "*": true,
  "/": true,
  div: true,
  "%": true,
  "^": true,
  "|": true,
  "&": true,
  "<<": true,
  ">>": true,
  xor: true,
  regexp: true,
  "not regexp": true,
};

/** Functions whose value is NULL when one of the arguments is, in every sql_mode. */
const STRICT_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "abs ceil ceiling floor round truncate mod sign sqrt pow power " +
    "lower lcase upper ucase length octet_length char_length character_length bit_length left right substr substring mid " +
    "reverse ltrim rtrim ascii locate instr hex " +
    "date year month day dayofmonth dayofyear dayofweek weekday hour minute second datediff to_days last_day date_format"
  ).split(" "),
);

function isNull(expr: Expr, tableOf: TableOf): Tables {
  const all = (operands: readonly Expr[]): Tables => union(operands.map((operand) => isNull(operand, tableOf)));
  switch (expr.kind) {
    case "column": {
      const table = tableOf(expr);
      return table === undefined ? NONE : new Set([table]);
    }
    case "unary":
      return expr.op === "binary" ? NONE : isNull(expr.expr, tableOf);
    case "binary":
      if (STRICT[expr.op] !== true) return NONE;
      // (a, b) = (1, 2) is false, not NULL, when one pair differs; what comes first decides the order of rows.
      return expr.left.kind === "row" || expr.right.kind === "row" ? NONE : all([expr.left, expr.right]);
    case "between":
      return isNull(expr.expr, tableOf);
    case "in":
      if (expr.expr.kind === "row" || ("kind" in expr.list && expr.list.kind === "subquery")) return NONE;
      return isNull(expr.expr, tableOf);
    case "like":
      return all([expr.expr, expr.pattern]);
    case "collate":
    case "cast":
    case "convertUsing":
      return isNull(expr.expr, tableOf);
    case "call":
      if (expr.stored || expr.schema !== undefined || expr.over !== undefined || !STRICT_FUNCTIONS.has(expr.name)) {
        return NONE;
      }
      return all(expr.args);
    default:
      return NONE;
  }
}

function union(parts: readonly Tables[]): Tables {
  const all = new Set<string>();
  for (const part of parts) for (const table of part) all.add(table);
  return all;
}

function intersection([first, ...rest]: readonly Tables[]): Tables {
  const common = [...(first ?? NONE)].filter((table) => rest.every((part) => part.has(table)));
  return new Set(common);
}
