// COM_QUERY payloads.

import type { BindValue } from "../../plan/statement.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { print } from "../../sql/print.ts";
import type { Normalized } from "../../sql/normalize.ts";
import type { SqlMode, Statement } from "../../sql/tree.ts";

const COM_QUERY = Buffer.of(3);

export function comQuery(sql: string | Buffer): Buffer {
  return Buffer.concat([COM_QUERY, typeof sql === "string" ? encodeSql(sql) : sql]);
}

/** The statement with its values in place, as a server in this mode reads it; columns are called as it was written. */
export function printedQuery(statement: Statement, binds: readonly BindValue[], mode: SqlMode): Buffer {
  return comQuery(print(statement, binds, { mode, columnNames: true }));
}

/** A statement to be run. */
export interface StatementCommand {
  /** COM_QUERY. */
  readonly payload: Buffer;
  /** What normalize() makes of all of its text; undefined: it is to be asked. */
  readonly normalized: Normalized | undefined;
}
