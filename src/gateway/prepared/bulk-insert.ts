// COM_STMT_BULK_EXECUTE of an INSERT or REPLACE: MariaDB runs it as one statement with all its rows, so that a row that
// fails leaves none. Here its list of rows is written once for each execution, as few statements as bounds allow.
// Parameters may have no value there, but say that a column is to have its default, or to be left alone. Knows texts only; who runs them sees to it that several are one.

import { ShardgateError } from "../../base/errors.ts";
import { encodeSql, decodeSql } from "../../sql/encoding.ts";
import { T, tokenize } from "../../sql/lexer.ts";
import { filled, type Template } from "../../sql/parameters.ts";
import { parse } from "../../sql/parse.ts";
import { printExpr } from "../../sql/print.ts";
import { walk } from "../../sql/walk.ts";
import type { SqlMode } from "../../sql/tree.ts";

/** How the executions of an INSERT become one statement. */
export interface BulkInsert {
  /** It answers with rows. */
  readonly returns: boolean;
  /** Its list of rows, with the markers; undefined where some are elsewhere: then each execution is its own statement. */
  readonly rows: Pick<Template, "text" | "offsets"> | undefined;
  readonly before: Buffer;
  readonly behind: Buffer;
}

const COMMA = Buffer.from(",");

/** Undefined for statements that are none, or have no rows of their own: those run one after the other. */
export function bulkInsertOf({ text, offsets }: Template, mode: SqlMode): BulkInsert | undefined {
  const sql = decodeSql(text);
  const statement = parse(sql, mode);
  if (statement.kind !== "insert" || statement.form === "query") return undefined;
  const returns = statement.returning.length > 0;
  const range = rowsIn(sql, mode);
  const [from, to] = range === undefined ? [0, 0] : [bytesOf(sql, range.from), bytesOf(sql, range.to)];
  const rows =
    range !== undefined && offsets.every((offset) => offset > from && offset < to)
      ? { text: text.subarray(from, to), offsets: offsets.map((offset) => offset - from) }
      : undefined;
  return { returns, rows, before: text.subarray(0, from), behind: text.subarray(to) };
}

/** Statements with the rows of all `executions`, each its literals; the last rows of one of `bytesMax` may exceed it. */
export function* bulkTexts(
  { rows, before, behind }: BulkInsert & { readonly rows: NonNullable<BulkInsert["rows"]> },
  executions: Iterable<readonly Buffer[]>,
  bytesMax: number,
): Generator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const whole = (): Buffer => Buffer.concat([before, ...parts, behind]);
  for (const literals of executions) {
    if (bytes >= bytesMax) {
      yield whole();
      parts = [];
      bytes = 0;
    }
    const list = filled(rows, literals);
    if (parts.length > 0) parts.push(COMMA);
    parts.push(list);
    bytes += list.length + 1;
  }
  if (parts.length > 0) yield whole();
}

/** Where the list of rows behind VALUES begins and ends, in characters. */
function rowsIn(sql: string, mode: SqlMode): { readonly from: number; readonly to: number } | undefined {
  const { kinds, words, starts, ends } = tokenize(sql, mode);
  const is = (token: number, word: string): boolean => kinds[token] === T.op && words[token] === word;
  let depth = 0;
  let from: number | undefined;
  for (let token = 0; token < kinds.length && kinds[token] !== T.eof; token++) {
    if (is(token, "(")) {
      depth++;
      from ??= words[token - 1] === "values" && depth === 1 ? starts[token] : undefined;
    } else if (is(token, ")")) {
      depth--;
      const to = ends[token];
      if (from !== undefined && to !== undefined && depth === 0 && !is(token + 1, ",")) return { from, to };
    }
  }
  return undefined;
}

/**
 * What stands for parameters that a bulk execution has no value for: a column that is to stay as it is is its own value in
 * an UPDATE, and its default in an INSERT. Throws ER_UNSUPPORTED_PS where there is no such column.
 */
export function indicatedLiterals(
  { text }: Pick<Template, "text">,
  indicated: ReadonlyMap<number, "default" | "ignore">,
  mode: SqlMode,
): ReadonlyMap<number, Buffer> {
  if (indicated.size === 0) return NONE;
  const statement = parse(text, mode);
  const places: number[] = [];
  walk(statement, (node) => {
    if (node.kind === "param") places.push(node.pos);
  });
  places.sort((one, other) => one - other);
  const columns = new Map<number, string>();
  if (statement.kind === "update") {
    for (const { column, value } of statement.set) {
      if (value.kind === "param") columns.set(places.indexOf(value.pos), printExpr(column, [], { mode }));
    }
  }
  const literals = new Map<number, Buffer>();
  for (const [index, what] of indicated) {
    const own = columns.get(index);
    if (what === "default" || statement.kind === "insert") literals.set(index, DEFAULT);
    else if (own !== undefined) literals.set(index, encodeSql(own));
    else throw unsupportedInBulk();
  }
  return literals;
}

export function unsupportedInBulk(): ShardgateError {
  const text = "This command is not supported in the prepared statement protocol yet";
  return new ShardgateError("ER_UNSUPPORTED_PS", text);
}

const DEFAULT = Buffer.from("DEFAULT");
const NONE: ReadonlyMap<number, Buffer> = new Map();

function bytesOf(sql: string, chars: number): number {
  return encodeSql(sql.slice(0, chars)).length;
}
