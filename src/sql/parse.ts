// From text to tree: the entry of the reader. Errors are MySQL's 1064, see syntax-error.ts.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { Cursor } from "./cursor.ts";
import { decodeSql } from "./encoding.ts";
import { T, tokenize } from "./lexer.ts";
import { statement } from "./parse-statement.ts";
import { DEFAULT_SQL_MODE, type SqlMode, type Statement } from "./tree.ts";

/**
 * The first and only statement of `text` (a Buffer is borrowed until return), with any number of `;` behind it. Throws
 * ER_PARSE with MySQL's wording, ER_EMPTY_QUERY when there is no statement.
 */
export function parse(text: string | Buffer, mode: SqlMode = DEFAULT_SQL_MODE): Statement {
  const c = cursorOf(text, mode);
  const tree = first(c);
  while (c.w === ";" && c.k !== T.quoted) c.next();
  if (c.k !== T.eof) throw c.error();
  return tree;
}

export interface ParsedStatement {
  readonly statement: Statement;
  /** Offsets in the decoded text: from the first token to the end of the last one, the `;` left out. */
  readonly start: number;
  readonly end: number;
}

/** All statements of `text`, separated by `;`. Throws at the first that cannot be read. */
export function parseMany(text: string | Buffer, mode: SqlMode = DEFAULT_SQL_MODE): ParsedStatement[] {
  const c = cursorOf(text, mode);
  const list: ParsedStatement[] = [];
  for (;;) {
    while (c.w === ";") c.next();
    if (c.k === T.eof) break;
    const start = c.pos;
    const tree = statement(c);
    list.push({ statement: tree, start, end: c.lastEnd() });
    if (!c.atEnd()) throw c.error();
  }
  if (list.length === 0) throw emptyQuery();
  return list;
}

function first(c: Cursor): Statement {
  if (c.k === T.eof) throw emptyQuery();
  const tree = statement(c);
  if (!c.atEnd()) throw c.error();
  return tree;
}

function emptyQuery(): ShardgateError {
  return new ShardgateError("ER_EMPTY_QUERY", "Query was empty");
}

function cursorOf(text: string | Buffer, mode: SqlMode): Cursor {
  if (text.length > LIMITS.statementBytesMax)
    throw new ShardgateError("ER_NET_PACKET_TOO_LARGE", "Got a packet bigger than 'max_allowed_packet' bytes");
  return new Cursor(tokenize(typeof text === "string" ? text : decodeSql(text), mode), mode);
}
