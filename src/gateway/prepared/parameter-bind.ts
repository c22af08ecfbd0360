// A prepared statement's parameter as a bind variable: of which kind its value is, which is what a statement's normalized form
// may depend on, and the value as literals have it.

import { MYSQL_TYPE } from "../../mysql/constants.ts";
import { type ExecuteParameters, TYPE_UNSIGNED } from "../../mysql/packets/stmt-execute.ts";
import type { LiteralBind } from "../../sql/bind-value.ts";
import type { LiteralType } from "../../sql/tree.ts";
import { limitLiteral, parameterLiteral, typedLiteral } from "./parameter-literals.ts";

// Kinds of values.
const K_NULL = 0;
export const K_INT = 1;
const K_FLOAT = 2;
const K_STRING = 3;
const K_BINARY = 4;
const K_DECIMAL = 5;
/** One of its own, which nothing is kept for. */
export const K_OTHER = 7;

/** The value of a parameter; its text is made when asked for, with its type, which `raw` says nothing of. */
export class ParameterBind implements LiteralBind {
  readonly kind = "literal";
  readonly type: LiteralType;
  readonly introducer: string | undefined;
  readonly #type: number;
  readonly #value: Buffer | null;
  readonly #isLimit: boolean;
  readonly #noBackslashEscapes: boolean;
  #source: Buffer | undefined;

  constructor(kind: number, type: number, value: Buffer | null, isLimit: boolean, noBackslashEscapes: boolean) {
    this.type = kind === K_INT ? "int" : kind === K_FLOAT ? "float" : kind === K_DECIMAL ? "decimal" : "string";
    this.introducer = kind === K_BINARY ? "binary" : undefined;
    this.#type = type;
    this.#value = value;
    this.#isLimit = isLimit;
    this.#noBackslashEscapes = noBackslashEscapes;
  }

  get source(): Buffer {
    this.#source ??= withoutSpaces(
      this.#isLimit
        ? limitLiteral(this.#type, this.#value)
        : typedLiteral(this.#type, this.#value, this.#noBackslashEscapes),
    );
    return this.#source;
  }

  get raw(): Buffer {
    if (this.#isLimit || this.#value === null) return this.source;
    const type = this.#type & 0xff;
    if (this.type !== "string") return this.type === "int" && isDecimal(type) ? this.#value : this.source;
    if (!isTime(type)) return this.#value;
    const literal = parameterLiteral(this.#type, this.#value, this.#noBackslashEscapes);
    return literal.subarray(2, literal.length - 2);
  }
}

/** `index` is the parameter's. */
export function kindOf({ types, values }: ExecuteParameters, index: number): number {
  const value = values[index] ?? null;
  if (value === null) return K_NULL;
  const type = types[index] as number;
  const isNegative = (type & TYPE_UNSIGNED) === 0 && ((value[value.length - 1] ?? 0) & 0x80) !== 0;
  switch (type & 0xff) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONGLONG:
      return isNegative ? K_OTHER : K_INT;
    case MYSQL_TYPE.FLOAT:
      return ((value[3] ?? 0) & 0x80) === 0 && Number.isFinite(value.readFloatLE()) ? K_FLOAT : K_OTHER;
    case MYSQL_TYPE.DOUBLE:
      return ((value[7] ?? 0) & 0x80) === 0 && Number.isFinite(value.readDoubleLE()) ? K_FLOAT : K_OTHER;
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return decimalKind(value);
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
    case MYSQL_TYPE.BLOB:
    case MYSQL_TYPE.GEOMETRY:
      return K_BINARY;
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return DATE_LENGTHS.has(value.length) ? K_STRING : K_OTHER;
    case MYSQL_TYPE.TIME:
      return TIME_LENGTHS.has(value.length) ? K_STRING : K_OTHER;
    default:
      return K_STRING;
  }
}

/** Bytes of times that can be read, with that of their length. */
const DATE_LENGTHS: ReadonlySet<number> = new Set([1, 5, 8, 12]);
const TIME_LENGTHS: ReadonlySet<number> = new Set([1, 9, 13]);

function decimalKind(value: Buffer): number {
  const text = value.latin1Slice(0, value.length);
  if (/^\d+$/.test(text)) return K_INT;
  return /^\d+\.\d*$/.test(text) ? K_DECIMAL : K_OTHER;
}

function isDecimal(kind: number): boolean {
  return kind === MYSQL_TYPE.DECIMAL || kind === MYSQL_TYPE.NEWDECIMAL;
}

function isTime(kind: number): boolean {
  switch (kind) {
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
    case MYSQL_TYPE.TIME:
      return true;
    default:
      return false;
  }
}

/** Literals have one on each side. */
function withoutSpaces(literal: Buffer): Buffer {
  return literal.subarray(1, literal.length - 1);
}
