// Which column of a table of an unsharded keyspace numbers its rows, when an INSERT answers with an insert id and the
// question is whether the id was generated or given. Its definition says, if tablets have told it; else the mysqld is asked,
// once in a while.

import type { Clock } from "../../base/clock.ts";
import { type ShardPort, type ShardTarget } from "../../engine/ports.ts";
import type { OkPacket } from "../../mysql/packets/ok.ts";
import { setsLastInsertId } from "../../plan/session-functions.ts";
import { isZero } from "../../engine/insert.ts";
import { resolveValue, valueRefOf } from "../../plan/value-ref.ts";
import type { ClusterSchema, TableSchema } from "../../schema/model.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { Insert } from "../../sql/tree.ts";

import { readTextRows } from "../read/text-rows.ts";
import { runPlain } from "../read/run-pooled.ts";

/** `position` counts the columns a row has without a column list, from 0; undefined when the table has no such column, or is none of the schema. */
export type AutoIncrementColumn = { readonly name: string; readonly position: number } | "none";

const KEPT_MS = 60_000;
const TABLES_MAX = 10_000;

export class AutoIncrements {
  readonly #port: ShardPort;
  readonly #clock: Clock;
  readonly #schema: () => ClusterSchema;
  readonly #known = new Map<string, { readonly column: AutoIncrementColumn; readonly atMs: number }>();

  constructor(port: ShardPort, clock: Clock, schema: () => ClusterSchema) {
    this.#port = port;
    this.#clock = clock;
    this.#schema = schema;
  }

  /** Undefined when it has to be asked for. */
  known(schema: string, table: string): AutoIncrementColumn | undefined {
    const definition = this.#schema().table(schema, table);
    if (definition !== undefined && definition.kind === "table") return autoIncrementOf(definition);
    const found = this.#known.get(`${schema}.${table}`);
    return found === undefined || this.#clock.nowMs() - found.atMs > KEPT_MS ? undefined : found.column;
  }

  /** Never rejects: the statement that raises the question has been done. */
  async ask(target: ShardTarget, schema: string, table: string): Promise<void> {
    const column = await this.#ask(target, schema, table).catch((): AutoIncrementColumn => "none");
    if (this.#known.size >= TABLES_MAX) this.#known.clear();
    this.#known.set(`${schema}.${table}`, { column, atMs: this.#clock.nowMs() });
  }

  async #ask(target: ShardTarget, schema: string, table: string): Promise<AutoIncrementColumn> {
    const sql =
      "SELECT COLUMN_NAME, ORDINAL_POSITION FROM information_schema.COLUMNS " +
      `WHERE TABLE_SCHEMA = ${text(schema)} AND TABLE_NAME = ${text(table)} AND EXTRA LIKE '%auto_increment%'`;
    const reply = await runPlain(this.#port, target, sql);
    const [name, position] = (readTextRows(reply.bytes)[0] ?? []).map((cell) => cell?.toString("utf8") ?? "");
    return name === undefined ? "none" : { name: name.toLowerCase(), position: Number(position) - 1 };
  }
}

function autoIncrementOf({ columns }: TableSchema): AutoIncrementColumn {
  const visible = columns.filter(({ invisible }) => !invisible);
  const column = columns.find(({ autoIncrement }) => autoIncrement);
  return column === undefined ? "none" : { name: column.lower, position: visible.indexOf(column) };
}

/** Whether the insert id of this answer is one LAST_INSERT_ID() gives from now on (manual: "LAST_INSERT_ID()"). */
export function givesGeneratedId(
  statement: Insert,
  binds: readonly BindValue[],
  column: AutoIncrementColumn,
  { affectedRows }: OkPacket,
  onZero: boolean,
): boolean {
  if (column === "none" || setsLastInsertId(statement)) return true;
  // A single row that was changed, or left alone, got no id: MySQL tells the one it has.
  if (statement.rows.length === 1 && statement.onDuplicate.length > 0 && affectedRows !== 1) return false;
  const listed = statement.columnList || statement.columns.length > 0;
  const position = listed
    ? statement.columns.findIndex(({ name }) => name.toLowerCase() === column.name)
    : column.position;
  if (position < 0) return true;
  if (statement.form === "query") return false;
  return statement.rows.some(({ values }) => {
    const expr = values[position];
    if (expr === undefined || expr.kind === "default") return true;
    const ref = valueRefOf(expr);
    const value = ref === undefined ? undefined : resolveValue(ref, binds);
    return value !== undefined && (value.type === "NULL_TYPE" || (onZero && isZero(value)));
  });
}

function text(name: string): string {
  return `_utf8mb4 x'${Buffer.from(name, "utf8").toString("hex")}'`;
}
