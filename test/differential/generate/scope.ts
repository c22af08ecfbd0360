// What the generator knows while it writes a statement: the columns in reach, the randomness, and how deep it is already.

import type { Random } from "../../fuzz/random.ts";
import type { Family } from "../schema.ts";

/** Any expression: a column, or what was made of some. */
export interface Value {
  readonly sql: string;
  readonly family: Family;
  /** Of text: undefined when it takes any, as a literal does. */
  readonly collation?: string | undefined;
  /** Arithmetic with it may overflow. */
  readonly big?: boolean | undefined;
}

export interface Source {
  readonly sql: string;
  readonly fields: readonly Value[];
  /** Expressions that together tell every row from every other. */
  readonly key: readonly string[];
  /** About how many rows. */
  readonly rows: number;
}

/** Aliases are counted over the whole statement. */
export interface Names {
  next: number;
}

export interface Scope {
  readonly random: Random;
  readonly names: Names;
  /** How many queries are around. */
  readonly depth: number;
  readonly fields: readonly Value[];
  readonly key: readonly string[];
  /** Columns of the queries around, for correlation. */
  readonly outer: readonly Value[];
  /** Common table expressions that may be read. */
  readonly ctes: readonly Source[];
}

export function freshName(scope: { readonly names: Names }, prefix: string): string {
  return `${prefix}${scope.names.next++}`;
}

export function fieldsOf(scope: Scope, family: Family): readonly Value[] {
  return scope.fields.filter((field) => field.family === family);
}

/** Text of which only equality under its collation is known, in a form that is the same for all equal ones. */
export function exact(value: Value): Value {
  return isLoose(value) ? { ...value, sql: `UPPER(RTRIM(${value.sql}))` } : value;
}

/** Values that are told apart byte by byte may still be equal. */
export function isLoose(value: Value): boolean {
  return value.family === "str" && value.collation?.endsWith("_ci") === true;
}

/** ORDER BY and GROUP BY would take it for a position, or sort by nothing. */
export function isConstant(sql: string): boolean {
  return /^(NULL|[-+]?\d|'|[xb]'|(DATE|TIME|TIMESTAMP)'|CAST\('[^']*' AS \w+\)$)/.test(sql);
}
