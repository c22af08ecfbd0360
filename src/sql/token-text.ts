// Canonical text of a run of tokens, for the statements that are carried as text: comments gone, single spaces, reserved
// words in lower case, everything else as it was written. Reading it again gives the same tokens.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";

/** Text of the tokens from index `from` up to `to` (not included). */
export function canonicalText(c: Cursor, from: number, to: number): string {
  const { kinds, starts, ends, words, text } = c.tokens;
  let out = "";
  for (let index = from; index < to; index++) {
    const kind = kinds[index] ?? 0;
    const word = words[index] ?? "";
    const start = starts[index] ?? 0;
    const raw = text.slice(start, ends[index] ?? 0);
    const token = kind === T.keyword ? word : raw;
    if (out !== "" && spaced(index)) out += " ";
    out += token;
  }
  return out;

  function spaced(index: number): boolean {
    const word = words[index] ?? "";
    const before = words[index - 1] ?? "";
    const kind = kinds[index] ?? 0;
    const adjacent = starts[index] === ends[index - 1];
    switch (word) {
      case ",":
      case ")":
      case ";":
        return false;
      case ".":
        // With a dot right behind it a word is a name, and a number has a fraction.
        return !adjacent;
      case "(":
        // A name and its parenthesis stay as they were written: a space there may change what a name is.
        return !adjacent;
    }
    // A label's colon with a word right behind it is read as one.
    if (before === ":") return false;
    if (before === "." || before === "(" || before === "@@") return kind === T.string && before === ".";
    if (kind === T.userVariable) return !adjacent;
    // `- -1`: two minus signs and a space would be a comment.
    if (word.startsWith("-") && before === "-") return true;
    return !adjacent || before === "," || !isOp(index) || !isOp(index - 1);
  }

  function isOp(index: number): boolean {
    return kinds[index] === T.op;
  }
}
