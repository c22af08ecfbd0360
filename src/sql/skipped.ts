// Parts of statements that are carried as text: stepped over, parentheses matched.

import type { Cursor } from "./cursor.ts";

/** Steps over `( … )`. */
export function skipParentheses(c: Cursor): void {
  if (c.w !== "(") throw c.error();
  let depth = 0;
  do {
    if (c.atEnd() || c.atFault()) throw c.error();
    if (c.is("(")) depth++;
    else if (c.is(")")) depth--;
    c.next();
  } while (depth > 0);
}

/** Steps over what is left of the statement, which must be something. */
export function needRest(c: Cursor): void {
  if (c.atEnd()) throw c.error();
  skipRest(c);
}

/** Steps over what is left of the statement; parentheses must match. */
export function skipRest(c: Cursor): void {
  let depth = 0;
  while (!c.atEnd()) {
    if (c.atFault()) throw c.error();
    if (c.w === "(") depth++;
    else if (c.w === ")" && --depth < 0) throw c.error();
    c.next();
  }
  if (depth > 0) throw c.error();
}
