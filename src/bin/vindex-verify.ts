// Compares a lookup vindex's table with the rows of its owner, through a gateway, and puts right what has drifted: rows that
// the table does not lead to, leads elsewhere for, or has although they are gone. Reads in batches without locks; what looks
// wrong is looked at again, alone and locked, before it is told or changed, so that writes may go on meanwhile.

import { ShardgateError } from "../base/errors.ts";
import type { ServerConnection } from "../local/server-connection.ts";
import type { Value } from "../mysql/values.ts";
import { keyspaceIdOfStored, storedKeyspaceId } from "../vschema/lookup.ts";
import type { ColumnVindex, KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";
import { quoteName } from "../engine/quote-name.ts";
import type { LookupVindex } from "../vschema/vindex.ts";

export interface VindexFault {
  /** `missing`: a row is not found by its value; `stale`: the table leads to a row that is not there. */
  readonly kind: "missing" | "stale";
  /** The values as MySQL shows them, joined by commas. */
  readonly value: string;
  /** In hexadecimal digits. */
  readonly keyspaceId: string;
  readonly repaired: boolean;
}

export interface VindexVerification {
  readonly vindex: string;
  readonly owner: string;
  readonly rows: number;
  readonly lookupRows: number;
  readonly faults: readonly VindexFault[];
}

const BATCH_ROWS = 500;
const FAULTS_MAX = 1_000;
/** Types of vindexes that read numbers. */
const NUMBERS: ReadonlySet<string> = new Set(["hash", "numeric", "reverse_bits", "numeric_static_map"]);

/** Throws VSCHEMA_BAD for a vindex that is no lookup with an owner. `name` is the vindex's in the keyspace. */
export async function verifyVindex(
  server: ServerConnection,
  keyspace: KeyspaceVSchema,
  name: string,
  repairs: boolean,
): Promise<VindexVerification> {
  const check = new VindexCheck(server, keyspace, name, repairs);
  await check.owners();
  await check.lookups();
  return check.result;
}

type Row = Record<string, string | undefined>;

class VindexCheck {
  readonly #server: ServerConnection;
  readonly #repairs: boolean;
  readonly #vindex: LookupVindex;
  readonly #own: ColumnVindex;
  readonly #primary: ColumnVindex;
  readonly #owner: string;
  readonly #lookup: string;
  readonly #faults: VindexFault[] = [];
  #rows = 0;
  #lookupRows = 0;

  constructor(server: ServerConnection, keyspace: KeyspaceVSchema, name: string, repairs: boolean) {
    this.#server = server;
    this.#repairs = repairs;
    const definition = keyspace.vindexes.get(name);
    const table: TableVSchema | undefined = keyspace.tables.get(definition?.owner ?? "");
    const own = table?.columnVindexes.find((each) => each.name === name);
    const [primary] = table?.columnVindexes ?? [];
    if (definition?.vindex.kind !== "lookup" || table === undefined || own === undefined || primary === undefined) {
      throw new ShardgateError("VSCHEMA_BAD", `${keyspace.keyspace}.${name} is no lookup vindex with an owner`);
    }
    this.#vindex = definition.vindex;
    this.#own = own;
    this.#primary = primary;
    this.#owner = `${quoteName(keyspace.keyspace)}.${quoteName(table.name)}`;
    const [schema = "", lookup = schema] = definition.vindex.table.split(".");
    this.#lookup = `${quoteName(lookup === schema ? keyspace.keyspace : schema)}.${quoteName(lookup)}`;
  }

  get result(): VindexVerification {
    const { name } = this.#vindex;
    return {
      vindex: name,
      owner: this.#owner.replaceAll("`", ""),
      rows: this.#rows,
      lookupRows: this.#lookupRows,
      faults: this.#faults,
    };
  }

  /** Each row of the owner is in the lookup table. */
  async owners(): Promise<void> {
    const { columns } = this.#own;
    const items = [...columns.map((column, i) => item(column, `v${i}`)), ...this.#placing()].join(", ");
    const some = columns.map((column) => `${quoteName(column)} IS NOT NULL`).join(" AND ");
    for await (const rows of this.#batches(this.#owner, items, [...columns, ...this.#primary.columns], some)) {
      this.#rows += rows.length;
      const kept = await this.#lookedUp(rows);
      for (const row of rows) {
        const id = this.#keyspaceIdOf(row).toString("hex");
        if (kept.has(`${this.#valueOf(row)} ${id}`)) continue;
        await this.#settle("missing", row, id);
      }
    }
  }

  /** Each lookup row has a row of the owner. */
  async lookups(): Promise<void> {
    const { from, to } = this.#vindex;
    const items = [...from.map((column, i) => item(column, `v${i}`)), toItem(this.#vindex)].join(", ");
    for await (const rows of this.#batches(this.#lookup, items, [...from, to], "1 = 1")) {
      this.#lookupRows += rows.length;
      if (this.#vindex.form === "loose-md5-hash") continue;
      const found = await this.#owned(rows);
      for (const row of rows) {
        const id = this.#storedId(row);
        if (id === undefined || found.has(`${this.#textOf(row)} ${id}`)) continue;
        await this.#settle("stale", row, id);
      }
    }
  }

  /** Looks again, locked, and repairs. */
  async #settle(kind: VindexFault["kind"], row: Row, id: string): Promise<void> {
    if (this.#faults.length >= FAULTS_MAX) return;
    await this.#server.run("BEGIN");
    try {
      const isOwned = (await this.#owned([row], " FOR UPDATE")).has(`${this.#textOf(row)} ${id}`);
      const isKept = (await this.#lookedUp([row], " FOR UPDATE")).has(`${this.#valueOf(row)} ${id}`);
      const isFault = kind === "missing" ? isOwned && !isKept : isKept && !isOwned;
      if (isFault && this.#repairs) await this.#repair(kind, row, id);
      await this.#server.run("COMMIT");
      if (!isFault) return;
      const value = this.#own.columns.map((_, i) => row[`v${i}`] ?? "NULL").join(",");
      this.#faults.push({ kind, value, keyspaceId: id, repaired: this.#repairs });
    } catch (error) {
      await this.#server.run("ROLLBACK");
      throw error;
    }
  }

  async #repair(kind: VindexFault["kind"], row: Row, id: string): Promise<void> {
    const { from, to } = this.#vindex;
    const stored = storedKeyspaceId(this.#vindex, Buffer.from(id, "hex"));
    const idSql = stored.type === "VARBINARY" ? `x'${id}'` : stored.raw.toString("latin1");
    const values = from.map((_, i) => this.#literalOf(row, i));
    if (kind === "stale") {
      const where = from.map((column, i) => `${quoteName(column)} = ${values[i]}`).join(" AND ");
      await this.#server.run(`DELETE FROM ${this.#lookup} WHERE ${where} AND ${quoteName(to)} = ${idSql}`);
      return;
    }
    const names = [...from, to].map(quoteName).join(", ");
    await this.#server.run(
      `INSERT INTO ${this.#lookup} (${names}) VALUES (${[...values, idSql].join(", ")}) ` +
        `ON DUPLICATE KEY UPDATE ${quoteName(to)} = VALUES(${quoteName(to)})`,
    );
  }

  /** What the lookup table has for the rows' values: `value id`. */
  async #lookedUp(rows: readonly Row[], locking = ""): Promise<ReadonlySet<string>> {
    const { from } = this.#vindex;
    const items = [...from.map((column, i) => item(column, `v${i}`)), toItem(this.#vindex)].join(", ");
    const sql = `SELECT ${items} FROM ${this.#lookup} WHERE ${this.#matching(from, rows)}${locking}`;
    const found = await this.#server.rows(sql);
    return new Set(found.map((row) => `${this.#textOf(row)} ${this.#storedId(row) ?? ""}`));
  }

  /** The owner's rows with these values: `value id`. */
  async #owned(rows: readonly Row[], locking = ""): Promise<ReadonlySet<string>> {
    const { columns } = this.#own;
    const items = [...columns.map((column, i) => item(column, `v${i}`)), ...this.#placing()].join(", ");
    const literals = rows.map((row) => columns.map((_, i) => row[`v${i}`] ?? "NULL"));
    // Conditions joined by OR are not looked up in the table that is in doubt.
    const where = `${anyOf(columns, literals)} OR ${anyOf(columns, literals.slice(0, 1))}`;
    const found = await this.#server.rows(`SELECT ${items} FROM ${this.#owner} WHERE ${where}${locking}`);
    return new Set(found.map((row) => `${this.#textOf(row)} ${this.#keyspaceIdOf(row).toString("hex")}`));
  }

  #matching(columns: readonly string[], rows: readonly Row[]): string {
    return anyOf(
      columns,
      rows.map((row) => columns.map((_, i) => this.#literalOf(row, i))),
    );
  }

  /** As the lookup table has it: values are told as literals by QUOTE(). */
  #literalOf(row: Row, at: number): string {
    const quoted = row[`v${at}`] ?? "NULL";
    if (at > 0 || this.#vindex.form !== "loose-md5-hash" || row["k"] !== undefined) return quoted;
    const stored = this.#vindex.stored({ type: "VARCHAR", raw: Buffer.from(unquoted(quoted)) });
    return stored === undefined ? "NULL" : stored.raw.toString("latin1");
  }

  /** The row's values as the lookup table has them, for comparing: texts without case, as most collations do. */
  #valueOf(row: Row): string {
    return this.#vindex.from.map((_, i) => unquoted(this.#literalOf(row, i)).toLowerCase()).join(",");
  }

  #textOf(row: Row): string {
    return this.#vindex.from.map((_, i) => unquoted(row[`v${i}`] ?? "NULL").toLowerCase()).join(",");
  }

  #storedId(row: Row): string | undefined {
    const text = row["k"];
    if (text === undefined) return undefined;
    const raw = this.#vindex.form === "keyspace-id" ? Buffer.from(text, "hex") : Buffer.from(text);
    return keyspaceIdOfStored(this.#vindex, raw)?.toString("hex");
  }

  #placing(): string[] {
    return this.#primary.columns.map((column, i) => `${quoteName(column)} AS p${i}`);
  }

  #keyspaceIdOf(row: Row): Buffer {
    const { vindex, columns } = this.#primary;
    const values = columns.map((_, i): Value => {
      const text = row[`p${i}`];
      const isNumber = vindex.kind === "multi-column" || NUMBERS.has(vindex.type) || /^-?\d+$/.test(text ?? "");
      return text === undefined
        ? { type: "NULL_TYPE", raw: Buffer.alloc(0) }
        : { type: isNumber ? "INT64" : "VARCHAR", raw: Buffer.from(text) };
    });
    const [first] = values;
    const destination =
      vindex.kind === "multi-column"
        ? vindex.map(values)
        : vindex.kind === "single-column" && first !== undefined
          ? vindex.map(first)
          : undefined;
    if (destination?.kind === "keyspace-id") return destination.id;
    throw new ShardgateError("VINDEX_VALUE_BAD", `a row of ${this.#owner} has no keyspace id by ${vindex.name}`);
  }

  /** All rows, ordered by `keys`, which go on from the last batch's end. */
  async *#batches(
    table: string,
    items: string,
    keys: readonly string[],
    where: string,
  ): AsyncGenerator<readonly Row[]> {
    const names = [...new Set(keys)];
    const marks = names.map((column, i) => `QUOTE(${quoteName(column)}) AS m${i}`).join(", ");
    const order = names.map(quoteName).join(", ");
    let after = "";
    for (;;) {
      const sql = `SELECT ${items}, ${marks} FROM ${table} WHERE ${where}${after} ORDER BY ${order} LIMIT ${BATCH_ROWS}`;
      const rows = await this.#server.rows(sql);
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < BATCH_ROWS) return;
      const literals = names.map((_, i) => last[`m${i}`] ?? "NULL");
      // Rows equal to the last one in all of these have been seen, or count once.
      after = ` AND (${names.map((column, i) => later(names, literals, column, i)).join(" OR ")})`;
    }
  }
}

function later(names: readonly string[], literals: readonly string[], column: string, at: number): string {
  const equal = names.slice(0, at).map((name, i) => `${quoteName(name)} = ${literals[i]}`);
  return `(${[...equal, `${quoteName(column)} > ${literals[at]}`].join(" AND ")})`;
}

function anyOf(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const [only] = columns;
  if (columns.length === 1 && only !== undefined)
    return `${quoteName(only)} IN (${rows.map(([value]) => value).join(", ")})`;
  const each = rows.map((row) => `(${columns.map((column, i) => `${quoteName(column)} = ${row[i]}`).join(" AND ")})`);
  return each.join(" OR ");
}

function item(column: string, alias: string): string {
  return `QUOTE(${quoteName(column)}) AS ${alias}`;
}

function toItem({ to, form }: LookupVindex): string {
  return form === "keyspace-id" ? `LOWER(HEX(${quoteName(to)})) AS k` : `CONCAT(${quoteName(to)}) AS k`;
}

/** The text that a literal of QUOTE() stands for. */
function unquoted(literal: string): string {
  if (!literal.startsWith("'")) return literal;
  return literal
    .slice(1, -1)
    .replaceAll(/\\(.)/gs, (_, char: string) => (char === "0" ? "\0" : char === "Z" ? "\x1a" : char));
}
