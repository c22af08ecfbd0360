// LOAD DATA LOCAL INFILE: the client sends the file, its lines become rows of INSERT IGNORE (or REPLACE) statements that
// run as the session's own, so that each row goes to its shard, ids come from sequences and lookup tables are kept. What
// one statement would be is one transaction. Warnings are those of the inserts; lines with too few or too many fields warn
// as MySQL does (manual: "LOAD DATA Statement").

import { isAscii } from "node:buffer";
import { MysqlError, noDatabase, notSupported, ShardgateError } from "../../base/errors.ts";
import { CLIENT, HEADER_ERR } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { encodeLocalInfile } from "../../mysql/packets/local-infile.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { decodeText } from "../../mysql/text-encodings.ts";
import type { ColumnSchema } from "../../schema/model.ts";
import { backquote } from "../../sql/quoting.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr, LoadData, SqlMode } from "../../sql/tree.ts";
import { rewrite } from "../../sql/walk.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { queryInside, replyInside } from "../read/inner-query.ts";
import { type Field, LoadDataReader } from "./load-data-reader.ts";
import type { SessionWarning } from "../session/session-state.ts";
import { warningsOfSession } from "../show/show-warnings.ts";

const BATCH_ROWS_MAX = 2_000;
const BATCH_BYTES_MAX = 1024 * 1024;
const WARNINGS_KEPT_MAX = 64;
const PROGRESS_ROWS = 1_000_000;
const HEADER_BYTES = 4;
const ER_WARN_TOO_FEW_RECORDS = 1261;
const ER_WARN_TOO_MANY_RECORDS = 1262;
const ER_TRUNCATED_WRONG_VALUE_FOR_FIELD = 1366;
const UTF8: ReadonlySet<string> = new Set(["utf8mb4", "utf8mb3", "utf8"]);
/** Sets whose ASCII is not one byte a character. */
const WIDE = /^(?:ucs2|utf16|utf32)/;

/** Where the values of a row come from. */
interface RowShape {
  /** Column names, and the expression that gives each: of fields by `field`, or of SET. */
  readonly columns: readonly { readonly name: string; readonly value: Source }[];
  readonly fieldCount: number;
  /** Lower-case user variable to the field it stands for. */
  readonly variables: ReadonlyMap<string, number>;
  /** Field of the column whose ids the gateway makes, `keyspace`.`table`.`column` for errors. */
  readonly id: { readonly index: number; readonly shown: string } | undefined;
}

type Source = { readonly kind: "field"; readonly index: number } | { readonly kind: "set"; readonly value: Expr };

interface Totals {
  records: number;
  affected: number;
  warnings: number;
  /** Rows that inserts have taken. */
  inserted: number;
  /** Of the batch under way. */
  readonly ofLines: LineWarning[];
  readonly kept: SessionWarning[];
}

interface LineWarning {
  /** From 1, as the client counts them. */
  readonly line: number;
  /** What is said of a line: 0 as values are converted, 1 of the number of its fields, 2 as the row is written. */
  readonly stage: 0 | 1 | 2;
  readonly warning: SessionWarning;
}

/** Answers the client, or throws; then nothing is loaded. */
export async function runLoadData(executor: Executor, statement: LoadData, cluster: ClusterView): Promise<void> {
  const { client, state, context } = executor;
  if (statement.what === "xml") throw notSupported("LOAD XML LOCAL", "use LOAD DATA LOCAL INFILE");
  if (client.nextPacket === undefined || (client.capabilities & CLIENT.LOCAL_FILES) === 0) {
    throw localFilesDisabled(state.sqlMode.dialect);
  }
  const { format } = statement;
  if (format.fieldsTerminatedBy === "" && format.enclosedBy === "") {
    throw notSupported("LOAD DATA with fields of fixed size", "give FIELDS TERMINATED BY");
  }
  const shape = await shapeOf(executor, statement, cluster);
  const head = encodeSql(headOf(statement, shape));
  client.write(writeFrame(encodeLocalInfile(statement.file), executor.sequenceId));
  const own = !state.inTransaction && state.autocommit;
  const reader = new LoadDataReader(format);
  const totals: Totals = { records: 0, affected: 0, warnings: 0, inserted: 0, ofLines: [], kept: [] };
  let batch: Buffer[] = [];
  let batchBytes = 0;
  let skips = statement.skippedLines;
  let failed: unknown;
  let sequenceId = executor.sequenceId;

  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const sql = Buffer.concat([head, ...batch]);
    const { length } = batch;
    batch = [];
    batchBytes = 0;
    await insert(executor, sql, totals);
    keep(totals);
    totals.inserted += length;
  };
  const take = async (): Promise<void> => {
    while (skips > 0) {
      if (!reader.skipLine()) return;
      skips--;
    }
    for (let fields = reader.next(); fields !== undefined; fields = reader.next()) {
      totals.records++;
      // Behind the last column a separator may stand before the line's end.
      const isCut = fields.length - (reader.endsBare ? 1 : 0) > shape.fieldCount;
      const row = rowOf(executor, shape, fields, isCut, format.charset, totals);
      batch.push(batch.length === 0 ? row : Buffer.concat([COMMA, row]));
      batchBytes += row.length;
      if (batch.length >= BATCH_ROWS_MAX || batchBytes >= BATCH_BYTES_MAX) await flush();
      if (totals.records % PROGRESS_ROWS === 0) {
        const { connectionId } = state;
        context.log.info(
          { connection: connectionId, rows: totals.records, table: statement.table.name },
          "loading data",
        );
      }
    }
  };

  const { timeLimitMs } = state.settings;
  // MySQL's limit is about queries alone.
  const isLimited = timeLimitMs > 0 && state.sqlMode.dialect === "mariadb";
  const endMs = isLimited ? context.clock.nowMs() + timeLimitMs : Number.POSITIVE_INFINITY;
  const checkTime = (): void => {
    if (context.clock.nowMs() > endMs) throw new ShardgateError("ER_QUERY_TIMEOUT", "max_statement_time exceeded");
  };

  try {
    if (own) await must(executor, "BEGIN");
  } catch (error) {
    failed = error;
  }
  // The client sends its file whatever becomes of it here; only the empty packet ends it.
  for (;;) {
    const packet = await client.nextPacket();
    if (packet === undefined) throw new ShardgateError("CANCELLED", "the client has disconnected");
    ({ sequenceId } = packet);
    if (packet.payload.length === 0) break;
    if (failed !== undefined) continue;
    try {
      checkTime();
      reader.push(Buffer.from(packet.payload));
      await take();
    } catch (error) {
      failed = error;
    }
  }
  executor.goesOnFrom(sequenceId + 1);
  if (failed === undefined) {
    try {
      checkTime();
      reader.end();
      await take();
      await flush();
      if (own) await must(executor, "COMMIT");
    } catch (error) {
      failed = error;
    }
  }
  if (failed !== undefined) {
    if (own) await must(executor, "ROLLBACK").catch(() => undefined);
    throw failed;
  }
  const deleted = statement.duplicates === "replace" ? Math.max(0, totals.affected - totals.records) : 0;
  const skipped = Math.max(0, totals.records - (totals.affected - deleted));
  const info = `Records: ${totals.records}  Deleted: ${deleted}  Skipped: ${skipped}  Warnings: ${totals.warnings}`;
  const { statusFlags } = state;
  executor.ok({ statusFlags, affectedRows: totals.affected, warnings: Math.min(totals.warnings, 0xffff), info });
  state.lastWarnings = { kind: "list", warnings: totals.kept };
}

/** Throws 1146, 1054 and what is not known of the table. */
async function shapeOf(executor: Executor, { table, targets, set }: LoadData, cluster: ClusterView): Promise<RowShape> {
  const keyspace = table.schema ?? executor.state.target.keyspace;
  if (keyspace === undefined) throw noDatabase();
  const columns: { name: string; value: Source }[] = [];
  const variables = new Map<string, number>();
  if (targets.length > 0) {
    for (const [index, target] of targets.entries()) {
      if (target.kind === "userVariable") variables.set(target.name.toLowerCase(), index);
      else columns.push({ name: target.name, value: { kind: "field", index } });
    }
  } else {
    const fields = (await columnsOf(executor, keyspace, table.name, cluster)).filter(({ invisible }) => !invisible);
    // Fields for generated columns are read and left out.
    for (const [index, { name, generated }] of fields.entries()) {
      if (!generated) columns.push({ name, value: { kind: "field", index } });
    }
    const fieldCount = fields.length;
    return { columns, fieldCount, variables, id: idOf(columns, keyspace, table.name, cluster) };
  }
  for (const { column, value } of set) {
    const source: Source = { kind: "set", value };
    const at = columns.findIndex(({ name }) => name.toLowerCase() === column.name.toLowerCase());
    if (at >= 0) columns[at] = { name: column.name, value: source };
    else columns.push({ name: column.name, value: source });
  }
  return { columns, fieldCount: targets.length, variables, id: idOf(columns, keyspace, table.name, cluster) };
}

/** The session's temporary tables are known to their connection only, and hide others of their names. */
async function columnsOf(
  executor: Executor,
  keyspace: string,
  table: string,
  { schema }: ClusterView,
): Promise<readonly Pick<ColumnSchema, "name" | "generated" | "invisible">[]> {
  const defined = schema.table(keyspace, table);
  if (defined !== undefined && !executor.state.kept.hasTables) return defined.columns;
  const { rows } = await queryInside(executor, `SHOW COLUMNS FROM ${backquote(keyspace)}.${backquote(table)}`);
  return rows.map((row) => {
    const extra = row[SHOWN_EXTRA]?.toString("latin1").toUpperCase() ?? "";
    return {
      name: row[0]?.toString("utf8") ?? "",
      generated: extra.includes("GENERATED"),
      invisible: extra.includes("INVISIBLE"),
    };
  });
}

/** Column of SHOW COLUMNS. */
const SHOWN_EXTRA = 5;

function idOf(columns: RowShape["columns"], keyspace: string, table: string, { vschema }: ClusterView): RowShape["id"] {
  const auto = vschema.keyspaces.get(keyspace)?.tables.get(table)?.autoIncrement;
  const value = columns.find(({ name }) => name.toLowerCase() === auto?.columnLower)?.value;
  if (auto === undefined || value?.kind !== "field") return undefined;
  return { index: value.index, shown: `\`${keyspace}\`.\`${table}\`.\`${auto.column}\`` };
}

function headOf({ table, duplicates, partitions }: LoadData, { columns }: RowShape): string {
  const name =
    table.schema === undefined ? backquote(table.name) : `${backquote(table.schema)}.${backquote(table.name)}`;
  const verb = duplicates === "replace" ? "REPLACE" : "INSERT IGNORE";
  const partition = partitions.length === 0 ? "" : ` PARTITION (${partitions.map(backquote).join(", ")})`;
  return `${verb} INTO ${name}${partition} (${columns.map((column) => backquote(column.name)).join(", ")}) VALUES `;
}

function rowOf(
  executor: Executor,
  shape: RowShape,
  fields: readonly Field[],
  isCut: boolean,
  charset: string | undefined,
  totals: Totals,
): Buffer {
  const { records } = totals;
  if (fields.length < shape.fieldCount) {
    // Once for each column; what a variable lacks is not told.
    for (const { value } of shape.columns) {
      if (value.kind === "set" || value.index < fields.length) continue;
      warn(totals, ER_WARN_TOO_FEW_RECORDS, `Row ${records} doesn't contain data for all columns`);
    }
  } else if (isCut) {
    const text = `Row ${records} was truncated; it contained more data than there were input columns`;
    warn(totals, ER_WARN_TOO_MANY_RECORDS, text);
  }
  const parts: Buffer[] = [OPEN];
  for (const [index, { value }] of shape.columns.entries()) {
    if (index > 0) parts.push(COMMA);
    if (value.kind === "field" && value.index === shape.id?.index && fields[value.index]?.length === 0) {
      // 0 asks for an id where it does.
      parts.push(ZERO);
      const text = `Incorrect integer value: '' for column ${shape.id.shown} at row ${records}`;
      warn(totals, ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, text);
    } else if (value.kind === "field") parts.push(literalOf(executor, fields[value.index], charset));
    else parts.push(encodeSql(setValue(executor, shape, fields, charset, value.value)));
  }
  parts.push(CLOSE);
  return Buffer.concat(parts);
}

/** A SET expression with the line's values in the places of its variables. */
function setValue(
  executor: Executor,
  { variables }: RowShape,
  fields: readonly Field[],
  charset: string | undefined,
  value: Expr,
): string {
  const texts: string[] = [];
  const marking = (expr: Expr): Expr => {
    const index = expr.kind === "userVariable" ? variables.get(expr.name.toLowerCase()) : undefined;
    if (index === undefined) return expr;
    texts.push(literalOf(executor, fields[index] ?? null, charset).toString("latin1"));
    return { kind: "column", schema: undefined, table: undefined, name: `${MARK}${texts.length - 1}`, pos: expr.pos };
  };
  const marked = marking(rewrite(value, { expr: marking }));
  const printed = encodeSql(printExpr(marked, [], { mode: executor.state.sqlMode })).toString("latin1");
  const filled = printed.replace(MARKED, (_, index: string) => texts[Number(index)] ?? "NULL");
  return Buffer.from(filled, "latin1").toString("utf8");
}

const MARK = "shardgate_loaded_field_";
const MARKED = new RegExp(`\`?${MARK}(\\d+)\`?`, "g");

function literalOf({ state }: Executor, field: Field | undefined, charset: string | undefined): Buffer {
  if (field === undefined) return DEFAULT;
  if (field === null) return NULL;
  const isUtf8 = charset === undefined || UTF8.has(charset) || (!WIDE.test(charset) && isAscii(field));
  const told = isUtf8 || charset === "binary" ? undefined : decodeText(charset, field);
  const isRead = isUtf8 || (told !== undefined && state.settings.textIsUtf8);
  const introducer = !isRead ? `_${charset}` : state.settings.textIsUtf8 ? "" : "_utf8mb4";
  const bytes = isRead && told !== undefined ? encodeSql(told) : field;
  const text = bytes.latin1Slice(0, bytes.length);
  const escaped = state.sqlMode.noBackslashEscapes
    ? text.replaceAll("'", "''")
    : text.replaceAll("\\", "\\\\").replaceAll("'", "''");
  return Buffer.from(`${introducer}'${escaped}'`, "latin1");
}

async function insert(executor: Executor, sql: Buffer, totals: Totals): Promise<void> {
  const packet = (await replyInside(executor, sql)).subarray(HEADER_BYTES);
  if (packet[0] === HEADER_ERR) throw decodeErr(packet);
  const { affectedRows, warnings } = decodeOk(packet, 0);
  totals.affected += affectedRows;
  totals.warnings += warnings;
  if (warnings === 0) return;
  // The statement counts its own rows, the client those of the file.
  const ofFile = (_: string, row: string): string => ` at row ${Number(row) + totals.inserted}`;
  let line = totals.inserted + 1;
  const told: LineWarning[] = [];
  for (const warning of warningsOfSession(executor.state)) {
    const message = warning.message.replace(ROW, ofFile);
    const row = ROW.exec(message)?.[1];
    // What names no row is said of a row once its values are read.
    line = row === undefined ? line : Number(row);
    told.push({ line, stage: row === undefined ? 2 : 0, warning: { ...warning, message } });
  }
  totals.ofLines.push(...told);
}

/** What a batch's lines have warned of, in the lines' order. */
function keep(totals: Totals): void {
  const ordered = totals.ofLines.toSorted((a, b) => a.line - b.line || a.stage - b.stage);
  totals.ofLines.length = 0;
  totals.kept.push(...ordered.slice(0, WARNINGS_KEPT_MAX - totals.kept.length).map(({ warning }) => warning));
}

const ROW = / at row (\d+)$/;

async function must(executor: Executor, sql: string): Promise<void> {
  const packet = (await replyInside(executor, sql)).subarray(HEADER_BYTES);
  if (packet[0] === HEADER_ERR) throw decodeErr(packet);
}

function localFilesDisabled(dialect: SqlMode["dialect"]): Error {
  if (dialect === "mariadb") {
    const text =
      "The used command is not allowed because the MariaDB server or client has disabled the local infile capability";
    return new MysqlError(4166, "HY000", text);
  }
  const text = "Loading local data is disabled; this must be enabled on both the client and server sides";
  return new ShardgateError("ER_CLIENT_LOCAL_FILES_DISABLED", text);
}

function warn(totals: Totals, code: number, message: string): void {
  totals.warnings++;
  if (totals.ofLines.length >= WARNINGS_KEPT_MAX) return;
  totals.ofLines.push({ line: totals.records, stage: 1, warning: { level: "Warning", code, message } });
}

const OPEN = Buffer.from("(");
const CLOSE = Buffer.from(")");
const COMMA = Buffer.from(",");
const NULL = Buffer.from("NULL");
const ZERO = Buffer.from("0");
const DEFAULT = Buffer.from("DEFAULT");
