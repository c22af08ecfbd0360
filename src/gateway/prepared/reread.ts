// A prepared statement means what it meant when it was prepared, also under an sql_mode that would read its text otherwise.

import { encodeSql } from "../../sql/encoding.ts";
import { parse } from "../../sql/parse.ts";
import { print } from "../../sql/print.ts";
import type { SqlMode } from "../../sql/tree.ts";

export function readAlike(one: SqlMode, other: SqlMode): boolean {
  return (
    one === other ||
    (one.ansiQuotes === other.ansiQuotes &&
      one.noBackslashEscapes === other.noBackslashEscapes &&
      one.pipesAsConcat === other.pipesAsConcat &&
      one.highNotPrecedence === other.highNotPrecedence &&
      one.oracle === other.oracle &&
      one.ignoreSpace === other.ignoreSpace)
  );
}

/** The text that means under `to` what `sql` means under `from`; its columns have the same names. */
export function reread(sql: Buffer, from: SqlMode, to: SqlMode): Buffer {
  return encodeSql(print(parse(sql, from), [], { mode: to, columnNames: true }));
}
