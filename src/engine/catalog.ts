// Fills temporary tables with rows of information_schema and such: for each, the rows of one keyspace from one server, of
// the next one from the next, and what the gateway knows itself. Columns are those of the scratch server's own table.

import { forManyListeners } from "../base/abort.ts";
import { collect, errorOfReply } from "./collect.ts";
import { beginLoading, type Budget, columnsOf, firstError, LOADER_RESET, loadRows } from "./gather.ts";
import { kindOfDefinition, selectItem } from "./gather-values.ts";
import { InsertBuilder } from "./insert-builder.ts";
import { plainRequest, type ShardPort, type ShardTarget } from "./ports.ts";
import { quoteName } from "./quote-name.ts";
import type { Scratch } from "./scratch.ts";

export interface CatalogTable {
  readonly temporaryTable: string;
  readonly schema: string;
  readonly table: string;
  /** What conditions qualify its columns with. */
  readonly alias: string;
  /** Lower-case names, or all. */
  readonly columns: ReadonlySet<string> | "all";
  /** What each server is asked for; WHERE conditions as SQL. */
  readonly parts: readonly CatalogPart[];
  /** Several parts may describe one table, each with its share of rows and bytes. */
  readonly summed: boolean;
  /** Rows that no server has, by column. */
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
}

export interface CatalogPart {
  readonly target: ShardTarget;
  readonly where: string;
}

export interface CatalogContext {
  readonly port: ShardPort;
  /** SET statement of the session, with text in utf8mb4 and no limit on rows. */
  readonly settings: string;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

const COM_QUERY = Buffer.of(3);

/** Makes and fills the tables. Throws the first error; the caller releases the scratch connection in any case. */
export async function fillCatalogs(
  context: CatalogContext,
  scratch: Scratch,
  tables: readonly CatalogTable[],
): Promise<void> {
  await beginLoading(scratch);
  const stop = new AbortController();
  const signal = forManyListeners(AbortSignal.any([context.signal, stop.signal]));
  await firstError(
    tables.map((table) => fillTable({ ...context, signal }, scratch, table, stop)),
    stop,
  );
  await scratch.run(LOADER_RESET);
}

async function fillTable(
  context: CatalogContext,
  scratch: Scratch,
  table: CatalogTable,
  stop: AbortController,
): Promise<void> {
  const from = `${quoteName(table.schema)}.${quoteName(table.table)}`;
  const described = await collect(
    context.port,
    scratch.target,
    plainRequest(comQuery(`SELECT * FROM ${from} LIMIT 0`)),
    context.signal,
  );
  if (described.info.kind === "err") throw errorOfReply(described);
  const all = columnsOf(described);
  const wanted = all.filter(({ name }) => isWanted(name.toLowerCase(), table));
  // COUNT(*) needs rows, not values.
  const columns = wanted.length > 0 ? wanted : all.slice(0, 1);
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const loaded = table.summed ? `${table.temporaryTable}_parts` : table.temporaryTable;
  const create = (name: string): Promise<void> =>
    scratch.run(Buffer.from(`CREATE TEMPORARY TABLE ${quoteName(name)} AS SELECT ${names} FROM ${from} LIMIT 0`));
  await create(loaded);
  const select = columns.map((column) => selectItem(kindOfDefinition(column), quoteName(column.name))).join(", ");
  await firstError(
    table.parts.map(async ({ target, where }) => {
      const payload = comQuery(`SELECT ${select} FROM ${from} AS ${quoteName(table.alias)} WHERE ${where}`);
      const request = { ...plainRequest(payload), settings: context.settings };
      const insert = new InsertBuilder(loaded, columns.map(kindOfDefinition));
      await loadRows({ ...context, joined: () => undefined }, scratch, { target, request }, insert, context.budget);
    }),
    stop,
  );
  if (table.summed) {
    await create(table.temporaryTable);
    const items = columns.map(({ name }) => summedItem(name)).join(", ");
    await scratch.run(
      Buffer.from(
        `INSERT INTO ${quoteName(table.temporaryTable)} SELECT ${items} FROM ${quoteName(loaded)} ` +
          "GROUP BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME",
      ),
    );
  }
  if (table.rows.length > 0) await insertRows(scratch, table, new Set(all.map(({ name }) => name.toLowerCase())));
}

/** What sums are made of is needed with them. */
function isWanted(lower: string, { columns, summed }: CatalogTable): boolean {
  return columns === "all" || columns.has(lower) || (summed && SUM_NEEDS.has(lower));
}

const SUM_NEEDS: ReadonlySet<string> = new Set(["table_schema", "table_name", "table_rows", "data_length"]);

/** Of a table on several shards: what is counted is added, of times the widest span, of the rest any, as they are equal. */
function summedItem(name: string): string {
  switch (name.toLowerCase()) {
    case "table_rows":
    case "data_length":
    case "index_length":
    case "data_free":
      return `SUM(${quoteName(name)})`;
    case "avg_row_length":
      return "IF(SUM(TABLE_ROWS) = 0, 0, SUM(DATA_LENGTH) DIV SUM(TABLE_ROWS))";
    case "max_data_length":
    case "auto_increment":
    case "update_time":
    case "check_time":
      return `MAX(${quoteName(name)})`;
    default:
      return `MIN(${quoteName(name)})`;
  }
}

/** Columns that nothing is given for get their type's empty value. */
async function insertRows(
  scratch: Scratch,
  { temporaryTable, rows }: CatalogTable,
  has: ReadonlySet<string>,
): Promise<void> {
  const names = Object.keys(rows[0] ?? {}).filter((name) => has.has(name));
  const values = rows.map((row) => `(${names.map((name) => literalOf(row[name] ?? null)).join(", ")})`);
  const columns = names.map((name) => quoteName(name)).join(", ");
  await scratch.run(Buffer.from(`INSERT INTO ${quoteName(temporaryTable)} (${columns}) VALUES ${values.join(", ")}`));
}

function literalOf(value: string | number | null): string {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `_utf8mb4 x'${Buffer.from(value, "utf8").toString("hex")}'`;
}

function comQuery(sql: string): Buffer {
  return Buffer.concat([COM_QUERY, Buffer.from(sql, "utf8")]);
}
