// What a mysqld says of the definitions of one database, asked so that it costs little for any number of tables: counters
// of DDL statements tell whether anything can have changed at all, a checksum a table (made by the server, of everything a
// definition has) tells what has, and only those tables are read. The checksums need no more than the servers' dictionaries;
// CREATE_TIME would have every table opened, is of whole seconds, and misses instant changes of some engines.

import { LIMITS } from "../base/limits.ts";
import {
  COLUMN_FIELDS,
  COLUMN_ORDER,
  KEY_FIELDS,
  KEY_ORDER,
  TableMaker,
  type TextRow,
} from "../schema/information-schema.ts";
import type { TableSchema } from "../schema/model.ts";
import type { TrackedRows } from "./control-connection.ts";
import { programVariables } from "./program-variables.ts";

export type Ask = (sql: string, values: readonly unknown[]) => Promise<TrackedRows>;

/** Statements that may change a definition, as Com_* of SHOW GLOBAL STATUS counts them when they begin. */
const COUNTED = [
  "create_table",
  "create_view",
  "create_index",
  "create_sequence",
  "create_trigger",
  "create_function",
  "create_procedure",
  "create_db",
  "alter_table",
  "alter_sequence",
  "alter_db",
  "alter_tablespace",
  "drop_table",
  "drop_view",
  "drop_index",
  "drop_sequence",
  "drop_trigger",
  "drop_function",
  "drop_procedure",
  "drop_db",
  "rename_table",
  "repair",
];

const DDL_WORDS = "(^|[^a-z0-9_$])(create|alter|drop|rename|repair)[^a-z0-9_$]";

export class SchemaSource {
  readonly #database: string;
  readonly #ask: Ask;
  readonly #maker = new TableMaker();
  #connectionId: number | undefined;

  /** All answers are about `database`. */
  constructor(database: string, ask: Ask) {
    this.#database = database;
    this.#ask = ask;
  }

  /** Changes when a statement that may change definitions has begun, and when the mysqld is another one. */
  async activity(): Promise<string> {
    const names = COUNTED.map((name) => `'Com_${name}'`).join(", ");
    const rows = await this.#asked(`SHOW GLOBAL STATUS WHERE Variable_name IN (${names})`);
    return `${this.#connectionId} ${rows.map(([name, count]) => `${name}=${count}`).join(" ")}`;
  }

  /** Some statement that runs now looks as if it changed definitions: its effect may be still to come. */
  async isChanging(): Promise<boolean> {
    const rows = await this.#asked(
      "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Sleep' " +
        "AND INFO NOT LIKE '%PROCESSLIST%' AND LOWER(LEFT(INFO, 1000)) REGEXP ?",
      [DDL_WORDS],
    );
    return rows[0]?.[0] !== "0";
  }

  /** A checksum of the definition of each table and view, or of those of `names`. Names compare exactly. */
  async signatures(names?: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const part of names === undefined ? [undefined] : parts(names, LIMITS.schemaReadTables)) {
      const types = await this.#rows(`SELECT ${NAME}, TABLE_TYPE FROM information_schema.TABLES`, part);
      const columns = await this.#rows(
        `SELECT ${NAME}, ${COLUMN_SIGNATURE} FROM information_schema.COLUMNS`,
        part,
        GROUPED,
      );
      const keys = await this.#rows(
        `SELECT ${NAME}, ${KEY_SIGNATURE} FROM information_schema.STATISTICS`,
        part,
        GROUPED,
      );
      const hasViews = types.some(([, type]) => type?.endsWith("VIEW") === true);
      const views = hasViews
        ? await this.#rows(
            `SELECT ${NAME}, CONCAT(MD5(VIEW_DEFINITION), CHECK_OPTION) FROM information_schema.VIEWS`,
            part,
          )
        : [];
      const programs = [...(await this.#programs(part, hasViews))];
      for (const [name, type] of types) if (name !== null && name !== undefined) found.set(name, type ?? "");
      for (const rows of [columns, keys, views, programs]) {
        for (const [name, signature] of rows) {
          const before = found.get(name ?? "");
          if (before !== undefined) found.set(name ?? "", `${before} ${String(signature)}`);
        }
      }
    }
    return found;
  }

  /**
   * Those of `names` that are there and can be read; a view over what is gone cannot. Without estimated rows, and nothing
   * else for which a server has to open the tables themselves.
   */
  async definitions(names: readonly string[]): Promise<readonly TableSchema[]> {
    const found: TableSchema[] = [];
    for (const part of parts(names, LIMITS.schemaReadTables)) found.push(...(await this.#read(part)));
    return found;
  }

  /** Estimated rows of those of `names` that have any. */
  async rowCounts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#rows(`SELECT ${NAME}, TABLE_ROWS FROM information_schema.TABLES`, names);
    const counts = new Map<string, number>();
    for (const [name, count] of rows) if (name && count) counts.set(name, Number(count));
    return counts;
  }

  async #read(names: readonly string[]): Promise<readonly TableSchema[]> {
    const facts = await this.#rows(`SELECT ${NAME}, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES`, names);
    const columns = byTable(
      await this.#rows(`SELECT ${COLUMN_FIELDS} FROM information_schema.COLUMNS`, names, `ORDER BY ${COLUMN_ORDER}`),
    );
    const keys = byTable(
      await this.#rows(`SELECT ${KEY_FIELDS} FROM information_schema.STATISTICS`, names, `ORDER BY ${KEY_ORDER}`),
    );
    const hasViews = facts.some(([, type]) => type?.endsWith("VIEW") === true);
    const views = hasViews
      ? await this.#rows(`SELECT ${NAME}, VIEW_DEFINITION, CHECK_OPTION FROM information_schema.VIEWS`, names)
      : [];
    const programs = await this.#programs(names, hasViews);
    const definitions = new Map(views.map(([name, query, check]) => [name, { query, check }]));
    return facts.flatMap(([name, type, comment]) => {
      const own = columns.get(name ?? "");
      if (name === null || name === undefined || own === undefined) return [];
      const about = {
        name,
        type: type ?? "",
        comment: comment ?? "",
        viewQuery: definitions.get(name)?.query ?? undefined,
        viewCheck: definitions.get(name)?.check ?? undefined,
        triggerVariables: programs.get(name),
      };
      return [this.#maker.table(about, own, keys.get(name) ?? [])];
    });
  }

  async #rows(select: string, names: readonly string[] | undefined, tail = ""): Promise<readonly TextRow[]> {
    const where = names === undefined ? "" : " AND TABLE_NAME IN (?)";
    const values = names === undefined ? [this.#database] : [this.#database, names];
    const rows = await this.#asked(`${select} WHERE TABLE_SCHEMA = ?${where} ${tail}`, values);
    if (names === undefined) return rows;
    // Servers may compare names more loosely than they tell them apart.
    const wanted = new Set(names);
    return rows.filter(([name]) => wanted.has(name ?? ""));
  }

  #programs(names: readonly string[] | undefined, hasViews: boolean): Promise<ReadonlyMap<string, readonly string[]>> {
    return programVariables((sql, values) => this.#asked(sql, values), { database: this.#database, names, hasViews });
  }

  async #asked(sql: string, values: readonly unknown[] = []): Promise<readonly TextRow[]> {
    const { connectionId, rows } = await this.#ask(sql, values);
    if (connectionId !== this.#connectionId) {
      this.#connectionId = connectionId;
      await this.#setUp();
    }
    return rows;
  }

  /** Settings of a new connection. */
  async #setUp(): Promise<void> {
    await this.#ask("SET SESSION sql_mode = ''", []);
    // What holds a table's lock must not hold the tracking for long.
    await this.#ask(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_S}`, []);
    // MySQL keeps estimates for a day.
    const { rows } = await this.#ask("SHOW VARIABLES LIKE 'information_schema_stats_expiry'", []);
    if (rows.length > 0) await this.#ask("SET SESSION information_schema_stats_expiry = 0", []);
  }
}

const LOCK_WAIT_S = 10;

/** Names that differ in case only are different tables. */
const NAME = "CONVERT(TABLE_NAME USING utf8mb4) COLLATE utf8mb4_bin AS name";
const GROUPED = "GROUP BY name";
const COLUMN_SIGNATURE = signatureOf(
  "ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, IFNULL(COLLATION_NAME, ''), EXTRA",
);
const KEY_SIGNATURE = signatureOf("INDEX_NAME, SEQ_IN_INDEX, IFNULL(COLUMN_NAME, ''), NON_UNIQUE");

/** The same for the same rows in any order; 64 bits of each row's MD5. */
function signatureOf(fields: string): string {
  const row = `CAST(CONV(LEFT(MD5(CONCAT_WS('/', ${fields})), 16), 16, 10) AS UNSIGNED)`;
  return `CONCAT(COUNT(*), ':', BIT_XOR(${row}))`;
}

function byTable(rows: readonly TextRow[]): ReadonlyMap<string, readonly TextRow[]> {
  const tables = new Map<string, TextRow[]>();
  for (const row of rows) {
    const name = row[0] ?? "";
    const own = tables.get(name);
    if (own === undefined) tables.set(name, [row]);
    else own.push(row);
  }
  return tables;
}

function parts<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let at = 0; at < list.length; at += size) found.push(list.slice(at, at + size));
  return found;
}
