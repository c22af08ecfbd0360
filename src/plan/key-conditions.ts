// What conditions say of single columns: equal to a value, to one of several, between two, like a pattern, NULL. Conditions
// joined by AND are one `KeyConditions`; an OR among them has one for each of its branches. Only what every row that
// satisfies the conditions fulfils is taken, in the words of the condition: which shards that leaves is for routing.ts.

import { evaluateCondition, mayBeEvaluable } from "../eval/evaluate.ts";
import type { BinaryOp, Column, Expr, Row } from "../sql/tree.ts";
import { keyRefOf } from "./key-ref.ts";
import type { RangeBound } from "./key-routing.ts";
import type { ValueRef } from "./value-ref.ts";

/** Conditions that hold all at once. */
export interface KeyConditions {
  /** By column, as `keyOf` names it. */
  readonly facts: ReadonlyMap<string, readonly KeyFact[]>;
  /** Lists of rows: of each, one of the rows is equal. */
  readonly lists: readonly RowList[];
  /** ORs: of each, one of the branches holds. */
  readonly alternatives: readonly (readonly KeyConditions[])[];
  /** Conditions without columns that decide with the values of an execution. */
  readonly constants: readonly Expr[];
  /** They are true for no row at all. */
  readonly never: boolean;
}

/** `(a, b) IN ((1, 2), (3, 4))`: undefined where there is no column of the tables, or no value that can be known. */
export interface RowList {
  readonly keys: readonly (string | undefined)[];
  readonly rows: readonly (readonly (ValueRef | undefined)[])[];
}

export type KeyFact =
  | { readonly kind: "value"; readonly value: ValueRef }
  | { readonly kind: "values"; readonly values: readonly ValueRef[] }
  | { readonly kind: "range"; readonly low: RangeBound | undefined; readonly high: RangeBound | undefined }
  | { readonly kind: "like"; readonly pattern: ValueRef }
  /** NULL; with `when`, only if that is NULL. */
  | { readonly kind: "null"; readonly when: ValueRef | undefined };

/** Names the column for `facts`; undefined when it is not one of the tables', or not sure. */
export type KeyOf = (column: Column) => string | undefined;

export function keyConditionsOf(conditions: readonly Expr[], keyOf: KeyOf): KeyConditions {
  const found = new Conjunction(keyOf);
  for (const condition of conditions) found.add(condition);
  return found;
}

/** Each comparison with its sides exchanged. */
const MIRRORED: Readonly<Partial<Record<BinaryOp, BinaryOp>>> = {
  "=": "=",
  "<=>": "<=>",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "!=": "!=",
};

/** Each comparison for which the other one is false, both being NULL for the same values. */
const OPPOSITE: Readonly<Partial<Record<BinaryOp, BinaryOp>>> = {
  "=": "!=",
  "!=": "=",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
};

class Conjunction implements KeyConditions {
  readonly facts = new Map<string, KeyFact[]>();
  readonly lists: RowList[] = [];
  readonly alternatives: (readonly KeyConditions[])[] = [];
  readonly constants: Expr[] = [];
  never = false;
  readonly #keyOf: KeyOf;

  constructor(keyOf: KeyOf) {
    this.#keyOf = keyOf;
  }

  add(expr: Expr): void {
    switch (expr.kind) {
      case "and":
        for (const operand of expr.operands) this.add(operand);
        return;
      case "or":
        this.#addAlternatives(expr.operands.map((operand) => [operand]));
        return;
      case "unary":
        if (expr.op === "not" || expr.op === "!") this.#addNegated(expr.expr, expr);
        else this.#addConstant(expr);
        return;
      case "binary":
        if (expr.op in MIRRORED) this.#addComparison(expr.op, expr.left, expr.right, expr);
        else this.#addConstant(expr);
        return;
      case "in":
        this.#addIn(expr);
        return;
      case "between":
        this.#addBetween(expr);
        return;
      case "like":
        this.#addLike(expr);
        return;
      case "is":
        this.#addIs(expr);
        return;
      default:
        this.#addConstant(expr);
    }
  }

  /** NOT `expr` is true: `expr` is false. */
  #addNegated(expr: Expr, whole: Expr): void {
    switch (expr.kind) {
      case "and":
        this.#addAlternatives(expr.operands.map((operand) => [negated(operand)]));
        return;
      case "or":
        for (const operand of expr.operands) this.#addNegated(operand, negated(operand));
        return;
      case "unary":
        if (expr.op === "not" || expr.op === "!") this.add(expr.expr);
        else this.#addConstant(whole);
        return;
      case "binary": {
        const op = OPPOSITE[expr.op];
        // Not of rows: the opposite of (a, b) = (1, 2) says nothing of a alone.
        if (op === undefined || expr.left.kind === "row") this.#addConstant(whole);
        else this.add({ ...expr, op });
        return;
      }
      case "in":
      case "between":
      case "like":
      case "is":
        this.add({ ...expr, not: !expr.not });
        return;
      default:
        this.#addConstant(whole);
    }
  }

  #addAlternatives(branches: readonly (readonly Expr[])[]): void {
    this.alternatives.push(branches.map((branch) => keyConditionsOf(branch, this.#keyOf)));
  }

  #addComparison(op: BinaryOp, left: Expr, right: Expr, whole: Expr): void {
    if (left.kind === "row" && right.kind === "row") this.#addRows(op, left, right, whole);
    else if (op !== "<=>" && (isNull(left) || isNull(right))) this.never = true;
    else {
      const key = this.#columnKey(left);
      if (key !== undefined) this.#addFact(key, op, right);
      const mirrored = MIRRORED[op];
      const otherKey = this.#columnKey(right);
      if (otherKey !== undefined && mirrored !== undefined) this.#addFact(otherKey, mirrored, left);
      if (key === undefined && otherKey === undefined) this.#addConstant(whole);
    }
  }

  /** What a comparison of rows says of their items: all are equal, or the first ones are in order or equal. */
  #addRows(op: BinaryOp, left: Row, right: Row, whole: Expr): void {
    if (left.items.length !== right.items.length) return;
    const [first] = left.items;
    const [other] = right.items;
    if (first === undefined || other === undefined) return;
    if (op === "=" || op === "<=>") {
      for (const [i, item] of left.items.entries()) {
        const against = right.items[i];
        if (against !== undefined) this.#addComparison(op, item, against, whole);
      }
    } else if (op === "<" || op === "<=") this.#addComparison("<=", first, other, whole);
    else if (op === ">" || op === ">=") this.#addComparison(">=", first, other, whole);
  }

  #addFact(key: string, op: BinaryOp, other: Expr): void {
    const value = keyRefOf(other);
    if (value === undefined || value.kind === "bind-list") return;
    switch (op) {
      case "=":
        this.#push(key, { kind: "value", value });
        return;
      case "<=>":
        if (isNull(other)) this.#push(key, { kind: "null", when: undefined });
        else if (value.kind === "constant") this.#push(key, { kind: "value", value });
        else this.alternatives.push([only(key, { kind: "value", value }), only(key, { kind: "null", when: value })]);
        return;
      case "<":
      case "<=":
        this.#push(key, { kind: "range", low: undefined, high: { value, inclusive: op === "<=" } });
        return;
      case ">":
      case ">=":
        this.#push(key, { kind: "range", low: { value, inclusive: op === ">=" }, high: undefined });
        return;
      default:
    }
  }

  #addIn(expr: Expr & { kind: "in" }): void {
    const items = "kind" in expr.list ? [expr.list] : expr.list;
    if (expr.not) {
      if (items.some(isNull)) this.never = true;
      else this.#addConstant(expr);
      return;
    }
    if (expr.expr.kind === "row") {
      this.#addRowList(expr.expr, items);
      return;
    }
    const key = this.#columnKey(expr.expr);
    if (key === undefined) {
      this.#addConstant(expr);
      return;
    }
    const values: ValueRef[] = [];
    for (const item of items) {
      const value = keyRefOf(item);
      if (value === undefined) return;
      values.push(value);
    }
    this.#push(key, { kind: "values", values });
  }

  #addRowList(left: Row, items: readonly Expr[]): void {
    const [only] = items;
    if (items.length === 1 && only?.kind === "row") this.#addRows("=", left, only, left);
    else {
      const keys = flattened(left).map((item) => this.#columnKey(item));
      const values: (readonly (ValueRef | undefined)[])[] = [];
      for (const item of items) {
        if (!isLike(left, item)) return;
        values.push(flattened(item).map((each, i) => (keys[i] === undefined ? undefined : keyRefOf(each))));
      }
      this.lists.push({ keys, rows: values });
    }
  }

  #addBetween(expr: Expr & { kind: "between" }): void {
    const key = this.#columnKey(expr.expr);
    if (expr.not || key === undefined) {
      this.#addConstant(expr);
      return;
    }
    if (isNull(expr.low) || isNull(expr.high)) this.never = true;
    const low = keyRefOf(expr.low);
    const high = keyRefOf(expr.high);
    // One bound alone decides how the other one is compared, too.
    if (low === undefined || high === undefined) return;
    const bounds = { low: { value: low, inclusive: true }, high: { value: high, inclusive: true } };
    this.#push(key, { kind: "range", ...bounds });
  }

  #addLike(expr: Expr & { kind: "like" }): void {
    if (isNull(expr.pattern)) {
      this.never = true;
      return;
    }
    const key = this.#columnKey(expr.expr);
    if (expr.not || expr.escape !== undefined || key === undefined) return;
    const pattern = keyRefOf(expr.pattern);
    if (pattern !== undefined) this.#push(key, { kind: "like", pattern });
  }

  #addIs(expr: Expr & { kind: "is" }): void {
    const { test } = expr;
    if (!expr.not && test === "true") this.add(expr.expr);
    else if (!expr.not && test === "false") this.#addNegated(expr.expr, negated(expr.expr));
    else {
      const key = test === "null" && !expr.not ? this.#columnKey(expr.expr) : undefined;
      if (key === undefined) this.#addConstant(expr);
      else this.#push(key, { kind: "null", when: undefined });
    }
  }

  #addConstant(expr: Expr): void {
    if (!mayBeEvaluable(expr)) return;
    const truth = evaluateCondition(expr, []);
    if (truth === undefined) this.constants.push(expr);
    else if (truth !== true) this.never = true;
  }

  #columnKey(expr: Expr): string | undefined {
    return expr.kind === "column" ? this.#keyOf(expr) : undefined;
  }

  #push(key: string, fact: KeyFact): void {
    const facts = this.facts.get(key);
    if (facts === undefined) this.facts.set(key, [fact]);
    else facts.push(fact);
  }
}

function only(key: string, fact: KeyFact): KeyConditions {
  return { facts: new Map([[key, [fact]]]), lists: [], alternatives: [], constants: [], never: false };
}

/** The items of a row, and of rows in it. */
function flattened(expr: Expr): readonly Expr[] {
  return expr.kind === "row" ? expr.items.flatMap(flattened) : [expr];
}

/** Both are rows of the same shape. */
function isLike(a: Expr, b: Expr): boolean {
  if (a.kind !== "row" || b.kind !== "row") return a.kind !== "row" && b.kind !== "row";
  return a.items.length === b.items.length && a.items.every((item, i) => isLike(item, b.items[i] ?? item));
}

function negated(expr: Expr): Expr {
  return { kind: "unary", op: "not", expr, pos: expr.pos };
}

function isNull(expr: Expr): boolean {
  return expr.kind === "literal" && expr.type === "null";
}
