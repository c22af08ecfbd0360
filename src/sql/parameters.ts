// The `?` of prepared statements, by their places in the bytes of the statement, so that an execution can put its values
// there.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeSql, encodeSql } from "./encoding.ts";
import { T, tokenize } from "./lexer.ts";
import { parse } from "./parse.ts";
import type { SqlMode } from "./tree.ts";
import { walk } from "./walk.ts";

/**
 * Offsets of the parameter markers in `sql` (borrowed until return), ascending. Throws ER_PS_MANY_PARAM. What cannot be
 * read has none: the parser says why.
 */
export function parameterOffsets(sql: Buffer, mode: SqlMode): readonly number[] {
  if (!sql.includes(MARKER)) return NONE;
  const text = decodeSql(sql);
  const { kinds, starts } = tokenize(text, mode);
  const isPlain = text.length === sql.length;
  const offsets: number[] = [];
  let chars = 0;
  let bytes = 0;
  for (let token = 0; token < kinds.length && kinds[token] !== T.eof; token++) {
    if (kinds[token] !== T.param) continue;
    const start = starts[token] ?? 0;
    bytes += isPlain ? start - chars : encodeSql(text.slice(chars, start)).length;
    chars = start;
    offsets.push(bytes);
  }
  if (offsets.length > LIMITS.parametersMax) {
    throw new ShardgateError("ER_PS_MANY_PARAM", "Prepared statement contains too many placeholders");
  }
  return offsets;
}

/** Indexes of the parameters that say how many rows: those take whole numbers only. Throws what parse() throws. */
export function limitParameters(sql: Buffer, mode: SqlMode): ReadonlySet<number> {
  const found = new Set<number>();
  if (!sql.includes(MARKER) || !/limit|fetch|offset/i.test(sql.latin1Slice(0, sql.length))) return found;
  const { kinds, starts } = tokenize(decodeSql(sql), mode);
  const places: number[] = [];
  for (const [token, start] of starts.entries()) if (kinds[token] === T.param) places.push(start);
  walk(parse(sql, mode), (node) => {
    if (node.kind !== "limit") return;
    for (const count of [node.offset, node.count, node.rowsExamined]) {
      if (count?.kind === "param") found.add(places.indexOf(count.pos));
    }
  });
  return found;
}

const MARKER = 0x3f;
const NONE: readonly number[] = [];

/** `sql` with `values` in the places of its markers. */
export function withParameters(sql: Buffer, offsets: readonly number[], values: readonly Buffer[]): Buffer {
  let bytes = sql.length - offsets.length;
  for (const value of values) bytes += value.length;
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  let from = 0;
  for (const [index, offset] of offsets.entries()) {
    at += sql.copy(out, at, from, offset);
    const value = values[index];
    if (value !== undefined) at += value.copy(out, at);
    from = offset + 1;
  }
  sql.copy(out, at, from);
  return out;
}
