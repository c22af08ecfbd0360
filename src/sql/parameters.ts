// The `?` of prepared statements, by their places in the bytes of the statement, so that an execution can put its values
// there.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeSql, encodeSql } from "./encoding.ts";
import { T, tokenize } from "./lexer.ts";
import { parse } from "./parse.ts";
import { backquote } from "./quoting.ts";
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

/** A statement whose parameter markers wait for values. */
export interface Template {
  /** With the markers, at `offsets`. */
  readonly text: Buffer;
  readonly offsets: readonly number[];
  /** Parameters that say how many rows, by index: those take whole numbers only. */
  readonly limits: ReadonlySet<number>;
  /** Parameters in select lists, whose types are those of columns, and a CALL's, which may be its results. */
  readonly shown: ReadonlySet<number>;
}

/**
 * What values are put into: `sql` (kept) itself, or, where a column is named by an expression with a marker in it, with that
 * name as its alias. Throws what parse() throws for statements with parameters.
 */
export function templateOf(sql: Buffer, mode: SqlMode): Template {
  const offsets = parameterOffsets(sql, mode);
  if (offsets.length === 0) return { text: sql, offsets, limits: NONE_SET, shown: NONE_SET };
  const text = decodeSql(sql);
  const { kinds, starts } = tokenize(text, mode);
  const places: number[] = [];
  for (const [token, start] of starts.entries()) if (kinds[token] === T.param) places.push(start);
  const limits = new Set<number>();
  const shown = new Set<number>();
  const names: { readonly end: number; readonly alias: string }[] = [];
  walk(parse(text, mode), (node) => {
    if (node.kind === "limit") {
      for (const count of [node.offset, node.count, node.rowsExamined]) {
        if (count?.kind === "param") limits.add(firstFrom(places, count.pos));
      }
    } else if (node.kind === "callProcedure") {
      for (const arg of node.args) if (arg.kind === "param") shown.add(firstFrom(places, arg.pos));
    } else if (node.kind === "select") {
      for (const item of node.items) {
        if (item.kind !== "expr") continue;
        const end = item.pos + item.text.length;
        const first = firstFrom(places, item.pos);
        let index = first;
        while ((places[index] ?? end) < end) shown.add(index++);
        const isNamed = index > first && item.alias === undefined && text.slice(item.pos, end) === item.text;
        if (isNamed) names.push({ end, alias: item.text });
      }
    }
  });
  const sets = { limits: limits.size === 0 ? NONE_SET : limits, shown: shown.size === 0 ? NONE_SET : shown };
  if (names.length === 0) return { text: sql, offsets, ...sets };
  let named = "";
  let from = 0;
  for (const { end, alias } of names.sort((one, other) => one.end - other.end)) {
    named += `${text.slice(from, end)} AS ${backquote(alias)}`;
    from = end;
  }
  const bytes = encodeSql(named + text.slice(from));
  return { text: bytes, offsets: parameterOffsets(bytes, mode), ...sets };
}

/** Index of the first place at or behind `pos`; `places` ascend. */
function firstFrom(places: readonly number[], pos: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 0) < pos) low = middle + 1;
    else high = middle;
  }
  return low;
}

const NONE_SET: ReadonlySet<number> = new Set();
const MARKER = 0x3f;
const NONE: readonly number[] = [];

/**
 * The statement with `values` in the places of its markers. A byte in front of it, as packets have one for their command,
 * saves packets the copy.
 */
export function filled(
  { text, offsets }: Pick<Template, "text" | "offsets">,
  values: readonly Buffer[],
  front?: number,
): Buffer {
  let at = front === undefined ? 0 : 1;
  let bytes = at + text.length - offsets.length;
  for (const value of values) bytes += value.length;
  const out = Buffer.allocUnsafe(bytes);
  if (front !== undefined) out[0] = front;
  let from = 0;
  for (let index = 0; index < offsets.length; index++) {
    const offset = offsets[index] as number;
    at += text.copy(out, at, from, offset);
    const value = values[index];
    if (value !== undefined) at += value.copy(out, at);
    from = offset + 1;
  }
  text.copy(out, at, from);
  return out;
}
