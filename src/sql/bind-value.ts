// Values of bind variables: literals that normalize() took out of a statement, and lists of them for IN. They keep the
// bytes as the client wrote them, so that putting them back needs no quoting, and give the plain value when asked.

import type { LiteralType } from "./tree.ts";

export interface LiteralBind {
  readonly kind: "literal";
  readonly type: LiteralType;
  /**
   * The value: digits of numbers, unescaped bytes of strings, digits of hex and bit literals; empty for null. A slice of
   * the statement's buffer where nothing had to be unescaped.
   */
  readonly raw: Buffer;
  /** Character set introducer without its underscore, lower case. */
  readonly introducer: string | undefined;
  /** The literal as SQL text that means the same under the statement's sql_mode; undefined: made from `raw`. */
  readonly source: Buffer | undefined;
}

export interface ListBind {
  readonly kind: "list";
  readonly items: readonly LiteralBind[];
}

export type BindValue = LiteralBind | ListBind;

/** A bind of a value that did not come out of a statement's text (a parameter, a computed value). */
export function literalBind(type: LiteralType, raw: Buffer): LiteralBind {
  return { kind: "literal", type, raw, introducer: undefined, source: undefined };
}
