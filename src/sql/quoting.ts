// Names and strings as SQL text: names in backquotes only where they need them, strings escaped for the sql_mode of the
// session that will read them.

import { isReservedSomewhere } from "./words.ts";

/** Words that are free to be names but would be read as something else in some place, or under sql_mode ORACLE. */
const AMBIGUOUS: ReadonlySet<string> = new Set([
  "any",
  "body",
  "dual",
  "elsif",
  "goto",
  "lateral",
  "minus",
  "next",
  "others",
  "package",
  "previous",
  "raise",
  "rollup",
  "rownum",
  "rowtype",
  "some",
  "sql_buffer_result",
  "sql_cache",
  "sql_no_cache",
  "window",
]);

/** `name` as an identifier. */
export function quoteName(name: string): string {
  return isPlain(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

export function backquote(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** A name that needs no quotes: ASCII letters, digits and underscores, no digit first, no word of the grammar's own. */
function isPlain(name: string): boolean {
  if (name.length === 0) return false;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    const letter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
    if (!letter && !(at > 0 && code >= 48 && code <= 57)) return false;
  }
  // `_utf8` alone is an introducer.
  const lower = name.toLowerCase();
  return name.charCodeAt(0) !== 95 && !isReservedSomewhere(lower) && !AMBIGUOUS.has(lower);
}

/** What letters stand for behind a backslash: `\0`, `\b`, `\n`, `\r`, `\t`, `\Z`. */
export const ESCAPED_BYTES: ReadonlyMap<number, number> = new Map([
  [0x30, 0],
  [0x62, 8],
  [0x6e, 10],
  [0x72, 13],
  [0x74, 9],
  [0x5a, 26],
]);

/** `value` as a quoted string. */
export function quoteString(value: string, noBackslashEscapes: boolean): string {
  if (!/['\\\0\n\r\x1a]/.test(value)) return `'${value}'`;
  if (noBackslashEscapes) return `'${value.replaceAll("'", "''")}'`;
  let out = "'";
  let from = 0;
  for (let at = 0; at < value.length; at++) {
    const replacement = escapeOf(value.charCodeAt(at));
    if (replacement === "") continue;
    out += value.slice(from, at) + replacement;
    from = at + 1;
  }
  return `${out + value.slice(from)}'`;
}

function escapeOf(code: number): string {
  switch (code) {
    case 0:
      return "\\0";
    case 10:
      return "\\n";
    case 13:
      return "\\r";
    case 26:
      return "\\Z";
    case 39:
      return "''";
    case 92:
      return "\\\\";
    default:
      return "";
  }
}
