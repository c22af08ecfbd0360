// Rows of a text result as INSERT statements for a temporary table, one statement after the other. A value so large that
// its statement might be above the server's max_allowed_packet is put into user variables first, in pieces.

import { BufferReader } from "../mysql/codec.ts";
import { LIMITS } from "../base/limits.ts";
import { type ValueKind, binaryItem, writeLiteral } from "./gather-values.ts";
import { quoteName } from "./quote-name.ts";
import { SqlBytes } from "./sql-bytes.ts";

export class InsertBuilder {
  readonly #kinds: readonly ValueKind[];
  readonly #head: Buffer;
  readonly #sql = new SqlBytes();
  /** Statements that have to run before the next INSERT. */
  #before: Buffer[] = [];
  #variables = 0;
  /** Rows of the next INSERT. */
  rows = 0;

  /** Rows have values of these kinds, in this order, for all columns of `table` or for those of `names`. */
  constructor(table: string, kinds: readonly ValueKind[], names?: readonly string[]) {
    this.#kinds = kinds;
    const columns = names === undefined ? "" : ` (${names.map(quoteName).join(", ")})`;
    this.#head = Buffer.from(`INSERT INTO ${quoteName(table)}${columns} VALUES (`, "utf8");
  }

  /** Bytes of the next INSERT. */
  get bytes(): number {
    return this.#sql.length;
  }

  /** Adds the payload of a row packet, borrowed until return. */
  add(row: Buffer): void {
    const reader = new BufferReader(row);
    const sql = this.#sql;
    const kinds = this.#kinds;
    if (this.rows === 0) sql.bytes(this.#head, 0, this.#head.length);
    else sql.text("), (");
    for (let i = 0; i < kinds.length; i++) {
      if (i > 0) sql.text(", ");
      if (reader.peek() === NULL_BYTE) {
        reader.skip(1);
        sql.text("NULL");
        continue;
      }
      const length = reader.lenenc();
      const start = reader.pos;
      reader.skip(length);
      const kind = kinds[i] as ValueKind;
      if (length > LIMITS.gatherPieceBytes) sql.text(this.#pieces(kind, row.subarray(start, start + length)));
      else writeLiteral(kind, row, start, start + length, sql);
    }
    this.rows++;
  }

  /** The statements that load the rows added since the last call; none without rows. */
  take(): readonly Buffer[] {
    if (this.rows === 0) return [];
    this.#sql.text(")");
    const statements = [...this.#before, this.#sql.take()];
    this.#before = [];
    this.#variables = 0;
    this.rows = 0;
    return statements;
  }

  /** SQL for a value whose pieces are user variables. */
  #pieces(kind: ValueKind, value: Buffer): string {
    const names: string[] = [];
    for (let from = 0; from < value.length; from += LIMITS.gatherPieceBytes) {
      const name = `@shardgate_${++this.#variables}`;
      const sql = new SqlBytes();
      sql.text(`SET ${name} = _binary`);
      sql.quoted(value, from, Math.min(from + LIMITS.gatherPieceBytes, value.length));
      this.#before.push(sql.take());
      names.push(name);
    }
    return binaryItem(kind, names.length === 1 ? (names[0] ?? "") : `CONCAT(${names.join(", ")})`);
  }
}

const NULL_BYTE = 0xfb;
