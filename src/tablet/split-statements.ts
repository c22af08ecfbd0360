// Cuts a text of several statements at its semicolons, with the lexer's rules for strings and comments. Statements are not
// parsed: what a mysqld makes of them is its business.

import { T, tokenize } from "../sql/lexer.ts";
import { DEFAULT_SQL_MODE } from "../sql/tree.ts";

/** Statements without their semicolons, empty ones left out. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  for (let from = 0; from < sql.length; ) {
    const { kinds, starts, ends, words } = tokenize(sql, DEFAULT_SQL_MODE, from);
    let end = sql.length;
    let next = sql.length;
    let isEmpty = true;
    for (const [i, kind] of kinds.entries()) {
      if (kind === T.eof) break;
      if (words[i] === ";") {
        end = starts[i] ?? sql.length;
        next = ends[i] ?? sql.length;
        break;
      }
      isEmpty = false;
    }
    if (!isEmpty) statements.push(sql.slice(from, end).trim());
    from = next;
  }
  return statements;
}
