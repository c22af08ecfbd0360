// MySQL's syntax error: 1064 (42000) with the text from the offending token on and its line, worded as the server of the
// dialect words it.

import { ShardgateError } from "../base/errors.ts";
import type { SqlMode } from "./tree.ts";

const NEAR_CHARACTERS_MAX = 80;

/** The error for a token that stands at `offset` of `text`. */
export function syntaxError(text: string, offset: number, mode: SqlMode): ShardgateError {
  const server = mode.dialect === "mysql" ? "MySQL" : "MariaDB";
  return new ShardgateError(
    "ER_PARSE",
    `You have an error in your SQL syntax; check the manual that corresponds to your ${server} server version for the right syntax to use ${place(text, offset, mode.dialect === "mysql" ? "" : "...")}`,
  );
}

/** The error for a statement that is nested more deeply than LIMITS.statementDepthMax, as a full parser stack words it. */
export function nestingError(text: string, offset: number): ShardgateError {
  return new ShardgateError("ER_PARSE", `memory exhausted ${place(text, offset, "")}`);
}

/** `cut` stands for what is left out. */
function place(text: string, offset: number, cut: string): string {
  // The servers take white space off the start of a statement first, and count lines from there.
  const start = text.search(/[^ \t\n\v\f\r]/);
  let line = 1;
  for (let at = text.indexOf("\n", Math.max(start, 0)); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  const rest = text.slice(offset, trimmedEnd(text));
  if (rest.length <= NEAR_CHARACTERS_MAX) return `near '${rest}' at line ${line}`;
  let near = rest.slice(0, NEAR_CHARACTERS_MAX - cut.length);
  // Not half of a surrogate pair.
  const last = near.charCodeAt(near.length - 1);
  if (last >= 0xd800 && last <= 0xdbff) near = near.slice(0, -1);
  return `near '${near}${cut}' at line ${line}`;
}

/** They also take semicolons and white space off the end. */
function trimmedEnd(text: string): number {
  let end = text.length;
  while (end > 0 && "; \t\n\v\f\r".includes(text.charAt(end - 1))) end--;
  return end;
}
