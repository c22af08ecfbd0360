// Values a plan needs when it runs: literals that stand in the statement, bind variables looked up by index, expressions
// of them. All end up as a Value (type and raw text), which is what vindexes take. Anything else is "not evaluable".

import { assertNever } from "../base/assert.ts";
import { evaluate } from "../eval/evaluate.ts";
import { bindValue, literalValue, negated } from "../eval/literal-value.ts";
import type { Value } from "../mysql/values.ts";
import type { BindValue } from "../sql/bind-value.ts";
import type { Expr } from "../sql/tree.ts";

export type ValueRef =
  | { readonly kind: "constant"; readonly value: Value }
  | { readonly kind: "bind"; readonly index: number; readonly negate: boolean }
  /** All items of a list bind variable. */
  | { readonly kind: "bind-list"; readonly index: number }
  /** What the exact evaluator computes. */
  | { readonly kind: "expression"; readonly expr: Expr }
  /** A constant that a mysqld has to compute; not evaluable until it was asked (see asked-values.ts). */
  | AskedRef;

export interface AskedRef {
  readonly kind: "asked";
  readonly expr: Expr;
}

/** Literals and bind variables: what stands in the statement as a value. */
export type PlainRef = Exclude<ValueRef, { readonly kind: "expression" | "asked" }>;

/** Undefined when `expr` is not a plain value. */
export function valueRefOf(expr: Expr): PlainRef | undefined {
  if (expr.kind === "bind" && expr.index >= 0) {
    return expr.list ? { kind: "bind-list", index: expr.index } : { kind: "bind", index: expr.index, negate: false };
  }
  if (expr.kind === "literal") {
    const value = literalValue(expr);
    return value === undefined ? undefined : { kind: "constant", value };
  }
  if (expr.kind === "unary" && expr.op === "-") {
    const inner = valueRefOf(expr.expr);
    if (inner?.kind === "bind") return { ...inner, negate: !inner.negate };
    const value = inner?.kind === "constant" ? negated(inner.value) : undefined;
    return value === undefined ? undefined : { kind: "constant", value };
  }
  return undefined;
}

/** The value of a single reference; undefined when it is none that a vindex can take. */
export function resolveValue(ref: ValueRef, binds: readonly BindValue[]): Value | undefined {
  switch (ref.kind) {
    case "constant":
      return ref.value;
    case "bind": {
      const bind = binds[ref.index];
      if (bind === undefined || bind.kind === "list") return undefined;
      const value = bindValue(bind);
      return value === undefined || !ref.negate ? value : negated(value);
    }
    case "expression":
      return evaluate(ref.expr, binds);
    case "bind-list":
    case "asked":
      return undefined;
    default:
      return assertNever(ref);
  }
}

/** The values of references, lists opened; undefined when one of them is none that a vindex can take. */
export function resolveValues(refs: readonly ValueRef[], binds: readonly BindValue[]): Value[] | undefined {
  const values: Value[] = [];
  for (const ref of refs) {
    if (ref.kind === "bind-list") {
      const list = binds[ref.index];
      if (list?.kind !== "list") return undefined;
      for (const item of list.items) {
        const value = bindValue(item);
        if (value === undefined) return undefined;
        values.push(value);
      }
    } else {
      const value = resolveValue(ref, binds);
      if (value === undefined) return undefined;
      values.push(value);
    }
  }
  return values;
}
