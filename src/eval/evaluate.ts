// The exact evaluator: literals, bind variables, integer and decimal arithmetic, comparisons of numbers, AND, OR, NOT, IN,
// IS, CASE and its like. It gives the value and the type that MySQL gives, or nothing: what depends on a collation, on
// floating point, on the session or on a warning is "not evaluable" and for a mysqld to compute.

import { NULL_VALUE, type Value } from "../mysql/values.ts";
import type { BindValue } from "../sql/bind-value.ts";
import type { BinaryOp, Case, Expr, In } from "../sql/tree.ts";
import {
  type ArithmeticOp,
  arithmetic,
  compareNumbers,
  type ExactNumber,
  integer,
  negative,
  numberOf,
  valueOfNumber,
  widened,
} from "./exact-number.ts";
import { bindValue, literalValue, negated } from "./literal-value.ts";

/** Undefined when it is not evaluable. */
export function evaluate(expr: Expr, binds: readonly BindValue[]): Value | undefined {
  const result = valueOf(expr, binds);
  if (result === undefined) return undefined;
  switch (result.kind) {
    case "null":
    case "null of some type":
      return NULL_VALUE;
    case "text":
      return { type: "VARCHAR", raw: result.bytes };
    case "number":
      return valueOfNumber(result);
  }
}

/** What a condition is; undefined when that is not evaluable. */
export function evaluateCondition(expr: Expr, binds: readonly BindValue[]): boolean | "null" | undefined {
  return truthOf(valueOf(expr, binds));
}

/** Whether `evaluate` may know the value once the bind variables are given. */
export function mayBeEvaluable(expr: Expr): boolean {
  const all = (exprs: readonly Expr[]): boolean => exprs.every(mayBeEvaluable);
  switch (expr.kind) {
    case "literal":
      return true;
    case "bind":
      return !expr.list;
    case "unary":
      return expr.op !== "~" && expr.op !== "binary" && mayBeEvaluable(expr.expr);
    case "binary":
      return (expr.op in ARITHMETIC || expr.op in COMPARISONS || expr.op === "xor") && all([expr.left, expr.right]);
    case "and":
    case "or":
      return all(expr.operands);
    case "is":
      return mayBeEvaluable(expr.expr);
    case "in":
      return mayBeEvaluable(expr.expr) && ("kind" in expr.list ? expr.list.kind === "bind" : all(expr.list));
    case "between":
      return all([expr.expr, expr.low, expr.high]);
    case "case":
      return (
        (expr.operand === undefined || mayBeEvaluable(expr.operand)) &&
        expr.whens.every(({ when, then }) => all([when, then])) &&
        (expr.otherwise === undefined || mayBeEvaluable(expr.otherwise))
      );
    case "cast":
      return (expr.type.name === "signed" || expr.type.name === "unsigned") && mayBeEvaluable(expr.expr);
    case "call":
      return !expr.stored && expr.schema === undefined && CALLS.has(expr.name) && all(expr.args);
    default:
      return false;
  }
}

type Result =
  | ExactNumber
  | { readonly kind: "text"; readonly bytes: Buffer }
  /** The literal NULL, which gives way to any type. */
  | { readonly kind: "null" }
  | { readonly kind: "null of some type" };

const NULL: Result = { kind: "null" };
const TYPED_NULL: Result = { kind: "null of some type" };

const ARITHMETIC: Readonly<Partial<Record<BinaryOp, ArithmeticOp>>> = {
  "+": "+",
  "-": "-",
  "*": "*",
  div: "div",
  "%": "%",
};

/** What each says of a three-way comparison. */
const COMPARISONS: Readonly<Partial<Record<BinaryOp, (order: number) => boolean>>> = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
  "<=>": (order) => order === 0,
};

const CALLS: ReadonlySet<string> = new Set(["if", "ifnull", "nullif", "coalesce", "mod", "isnull"]);

function valueOf(expr: Expr, binds: readonly BindValue[]): Result | undefined {
  switch (expr.kind) {
    case "literal":
    case "bind":
      return resultOf(plainValue(expr, binds));
    case "unary":
      return unary(expr, binds);
    case "binary":
      return binary(expr.op, expr.left, expr.right, binds);
    case "and":
      return junction(expr.operands, false, binds);
    case "or":
      return junction(expr.operands, true, binds);
    case "is":
      return is(expr, binds);
    case "in":
      return inList(expr, binds);
    case "between": {
      const value = valueOf(expr.expr, binds);
      const above = compared(">=", value, valueOf(expr.low, binds));
      const below = compared("<=", value, valueOf(expr.high, binds));
      if (above === undefined || below === undefined) return undefined;
      const inside = above === false || below === false ? false : above === "null" ? "null" : below;
      return fromTruth(expr.not ? not(inside) : inside);
    }
    case "case":
      return caseOf(expr, binds);
    case "cast":
      return cast(expr.type.name, valueOf(expr.expr, binds));
    case "call":
      return !expr.stored && expr.schema === undefined ? call(expr.name, expr.args, binds) : undefined;
    default:
      return undefined;
  }
}

function resultOf(value: Value | undefined): Result | undefined {
  if (value === undefined) return undefined;
  if (value.type === "NULL_TYPE") return NULL;
  if (value.type === "VARCHAR") return { kind: "text", bytes: value.raw };
  return numberOf(value);
}

function unary(expr: Expr & { kind: "unary" }, binds: readonly BindValue[]): Result | undefined {
  if (expr.op === "not" || expr.op === "!") {
    const truth = truthOf(valueOf(expr.expr, binds));
    return truth === undefined ? undefined : fromTruth(not(truth));
  }
  const { expr: operand } = expr;
  if (expr.op === "-" && (operand.kind === "literal" || operand.kind === "bind")) {
    // The sign belongs to the number: -9223372036854775808 is a BIGINT.
    const value = plainValue(operand, binds);
    if (value === undefined) return undefined;
    return value.type === "NULL_TYPE" ? TYPED_NULL : resultOf(negated(value));
  }
  if (expr.op !== "-" && expr.op !== "+") return undefined;
  const value = valueOf(operand, binds);
  if (value === undefined || value.kind === "text") return undefined;
  if (value.kind !== "number") return TYPED_NULL;
  if (expr.op === "+") return value;
  // MariaDB makes a DECIMAL of some integers that are not written as such.
  return value.type === "DECIMAL" || isSigned(operand) ? negative(value) : undefined;
}

/** A literal with signs. */
function isSigned(expr: Expr): boolean {
  if (expr.kind === "unary") return (expr.op === "-" || expr.op === "+") && isSigned(expr.expr);
  return expr.kind === "literal" || expr.kind === "bind";
}

function plainValue(expr: Expr, binds: readonly BindValue[]): Value | undefined {
  if (expr.kind === "literal") return literalValue(expr);
  const bind = expr.kind === "bind" ? binds[expr.index] : undefined;
  return bind?.kind === "literal" ? bindValue(bind) : undefined;
}

function binary(op: BinaryOp, left: Expr, right: Expr, binds: readonly BindValue[]): Result | undefined {
  const a = valueOf(left, binds);
  const b = valueOf(right, binds);
  if (a === undefined || b === undefined) return undefined;
  if (op === "xor") {
    const x = truthOf(a);
    const y = truthOf(b);
    if (x === undefined || y === undefined) return undefined;
    return fromTruth(x === "null" || y === "null" ? "null" : x !== y);
  }
  if (op in COMPARISONS) {
    const truth = compared(op, a, b);
    return truth === undefined ? undefined : fromTruth(truth);
  }
  const arithmeticOp = ARITHMETIC[op];
  return arithmeticOp === undefined ? undefined : calculated(arithmeticOp, a, b);
}

function calculated(op: ArithmeticOp, a: Result, b: Result): Result | undefined {
  if (a.kind === "text" || b.kind === "text") return undefined;
  if (a.kind !== "number" || b.kind !== "number") return TYPED_NULL;
  const result = arithmetic(op, a, b);
  return result === "null" ? TYPED_NULL : result;
}

function compared(op: BinaryOp, a: Result | undefined, b: Result | undefined): boolean | "null" | undefined {
  const test = COMPARISONS[op];
  if (a === undefined || b === undefined || test === undefined) return undefined;
  const isNullA = a.kind === "null" || a.kind === "null of some type";
  const isNullB = b.kind === "null" || b.kind === "null of some type";
  if (isNullA || isNullB) return op === "<=>" ? isNullA && isNullB : "null";
  if (a.kind === "number" && b.kind === "number") return test(compareNumbers(a, b));
  // Whatever the collation, equal bytes are equal.
  if (a.kind === "text" && b.kind === "text" && a.bytes.equals(b.bytes)) return test(0);
  return undefined;
}

/** AND (`decisive` false) and OR (`decisive` true): what decides ends it, as in MySQL. */
function junction(operands: readonly Expr[], decisive: boolean, binds: readonly BindValue[]): Result | undefined {
  let hasNull = false;
  for (const operand of operands) {
    const truth = truthOf(valueOf(operand, binds));
    if (truth === undefined) return undefined;
    if (truth === decisive) return fromTruth(decisive);
    hasNull ||= truth === "null";
  }
  return fromTruth(hasNull ? "null" : !decisive);
}

function is(expr: Expr & { kind: "is" }, binds: readonly BindValue[]): Result | undefined {
  const value = valueOf(expr.expr, binds);
  if (value === undefined) return undefined;
  if (expr.test === "null") {
    const isNull = value.kind === "null" || value.kind === "null of some type";
    return fromTruth(isNull !== expr.not);
  }
  const truth = truthOf(value);
  if (truth === undefined) return undefined;
  const wanted = expr.test === "unknown" ? "null" : expr.test === "true";
  return fromTruth((truth === wanted) !== expr.not);
}

function inList(expr: In, binds: readonly BindValue[]): Result | undefined {
  const value = valueOf(expr.expr, binds);
  const items = listOf(expr.list, binds);
  if (value === undefined || items === undefined) return undefined;
  let truth: boolean | "null" = false;
  for (const item of items) {
    const equal = compared("=", value, item);
    if (equal === undefined) return undefined;
    if (equal === true) truth = true;
    else if (equal === "null" && truth === false) truth = "null";
  }
  return fromTruth(expr.not ? not(truth) : truth);
}

function listOf(list: In["list"], binds: readonly BindValue[]): readonly (Result | undefined)[] | undefined {
  if (!("kind" in list)) return list.map((item) => valueOf(item, binds));
  if (list.kind !== "bind") return undefined;
  const bind = binds[list.index];
  return bind?.kind === "list" ? bind.items.map((item) => resultOf(bindValue(item))) : undefined;
}

function caseOf(expr: Case, binds: readonly BindValue[]): Result | undefined {
  const operand = expr.operand === undefined ? undefined : valueOf(expr.operand, binds);
  if (expr.operand !== undefined && operand === undefined) return undefined;
  const otherwise = expr.otherwise === undefined ? NULL : valueOf(expr.otherwise, binds);
  const branches = [...expr.whens.map(({ then }) => valueOf(then, binds)), otherwise];
  for (const [i, { when }] of expr.whens.entries()) {
    const value = valueOf(when, binds);
    const truth = operand === undefined ? truthOf(value) : compared("=", operand, value);
    if (truth === undefined) return undefined;
    if (truth === true) return oneOf(branches[i], branches);
  }
  return oneOf(otherwise, branches);
}

function call(name: string, args: readonly Expr[], binds: readonly BindValue[]): Result | undefined {
  const values = args.map((arg) => valueOf(arg, binds));
  const [first, second, third] = values;
  switch (name) {
    case "if": {
      const truth = truthOf(first);
      if (truth === undefined || args.length !== 3) return undefined;
      return oneOf(truth === true ? second : third, [second, third]);
    }
    case "ifnull":
    case "coalesce": {
      if (name === "ifnull" ? args.length !== 2 : args.length === 0) return undefined;
      return oneOf(values.find((value) => value === undefined || value.kind !== "null") ?? NULL, values);
    }
    case "nullif": {
      const truth = args.length === 2 ? compared("=", first, second) : undefined;
      if (truth === undefined || first === undefined) return undefined;
      return truth === true ? TYPED_NULL : first;
    }
    case "mod":
      if (first === undefined || second === undefined || args.length !== 2) return undefined;
      return calculated("%", first, second);
    case "isnull":
      if (first === undefined || args.length !== 1) return undefined;
      return fromTruth(first.kind === "null" || first.kind === "null of some type");
    default:
      return undefined;
  }
}

/** `chosen` as the type that all of `branches` together have; undefined where that takes more than scales. */
function oneOf(chosen: Result | undefined, branches: readonly (Result | undefined)[]): Result | undefined {
  let type: Value["type"] | "text" | undefined;
  let scale = 0;
  let hasNull = false;
  for (const branch of branches) {
    if (branch === undefined || branch.kind === "null of some type") return undefined;
    hasNull ||= branch.kind === "null";
    if (branch.kind === "null") continue;
    const own = branch.kind === "text" ? "text" : branch.type;
    if (branch.kind === "number") scale = Math.max(scale, branch.scale);
    if (type === undefined || type === own) type = own;
    else if ((type === "DECIMAL" && own === "INT64") || (type === "INT64" && own === "DECIMAL")) type = "DECIMAL";
    else return undefined;
  }
  // MariaDB takes NULL for signed, and a DECIMAL for what holds signed and unsigned.
  if (type === "UINT64" && hasNull) return undefined;
  if (chosen?.kind === "null" && type !== undefined) return TYPED_NULL;
  return chosen?.kind === "number" && type === "DECIMAL" ? widened(chosen, scale) : chosen;
}

function cast(to: string, value: Result | undefined): Result | undefined {
  if (value === undefined || (to !== "signed" && to !== "unsigned")) return undefined;
  if (value.kind === "null" || value.kind === "null of some type") return TYPED_NULL;
  let units: bigint;
  if (value.kind === "text") {
    const text = value.bytes.toString("latin1");
    if (!/^-?\d{1,30}$/.test(text)) return undefined;
    units = BigInt(text);
  } else if (value.type === "DECIMAL") return undefined;
  else units = value.units;
  // Beyond its range a cast wraps or warns.
  if (units < (to === "signed" ? -(2n ** 63n) : 0n) || units > 2n ** (to === "signed" ? 63n : 64n) - 1n)
    return undefined;
  return { ...integer(units), type: to === "signed" ? "INT64" : "UINT64" };
}

function truthOf(value: Result | undefined): boolean | "null" | undefined {
  if (value === undefined || value.kind === "text") return undefined;
  return value.kind === "number" ? value.units !== 0n : "null";
}

function not(truth: boolean | "null"): boolean | "null" {
  return truth === "null" ? truth : !truth;
}

function fromTruth(truth: boolean | "null"): Result {
  return truth === "null" ? TYPED_NULL : integer(truth ? 1n : 0n);
}
