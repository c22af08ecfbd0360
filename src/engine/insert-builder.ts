// Rows of a text result as INSERT statements for a temporary table of the same columns, one statement after the other.

import { BufferReader } from "../mysql/codec.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import { literalFor } from "./gather-values.ts";
import { quoteName } from "./quote-name.ts";

export class InsertBuilder {
  readonly #columns: readonly ColumnDefinition[];
  readonly #head: Buffer;
  #parts: Buffer[] = [];
  bytes = 0;

  constructor(table: string, columns: readonly ColumnDefinition[]) {
    this.#columns = columns;
    this.#head = Buffer.from(`INSERT INTO ${quoteName(table)} VALUES `);
  }

  add(row: Buffer): void {
    const reader = new BufferReader(row);
    this.#push(this.#parts.length === 0 ? OPEN : NEXT);
    for (const [i, column] of this.#columns.entries()) {
      if (i > 0) this.#push(COMMA);
      if (reader.peek() === 0xfb) {
        reader.skip(1);
        this.#push(NULL);
        continue;
      }
      const literal = literalFor(column, reader.lenencBytes());
      this.#push(typeof literal === "string" ? Buffer.from(literal, "latin1") : literal);
    }
  }

  take(): Buffer {
    const sql = Buffer.concat([this.#head, ...this.#parts, CLOSE]);
    this.#parts = [];
    this.bytes = 0;
    return sql;
  }

  #push(part: Buffer): void {
    this.#parts.push(part);
    this.bytes += part.length;
  }
}

const OPEN = Buffer.from("(");
const NEXT = Buffer.from("), (");
const CLOSE = Buffer.from(")");
const COMMA = Buffer.from(", ");
const NULL = Buffer.from("NULL");
