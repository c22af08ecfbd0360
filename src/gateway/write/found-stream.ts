// Rows that a statement's own query computes for it, however many: kept on disk beyond a bound, so that none is written
// before all are known, and handed out in batches.

import { ShardgateError } from "../../base/errors.ts";
import { BufferReader } from "../../mysql/codec.ts";
import { HEADER_EOF, HEADER_ERR } from "../../mysql/constants.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import type { BindValue } from "../../plan/statement.ts";
import type { Query } from "../../sql/tree.ts";
import type { CursorRows } from "../prepared/cursor-rows.ts";
import type { Executor } from "../executor.ts";
import { floatsOf, textOfQuery, widened } from "./found-rows.ts";
import { keptInside } from "../read/inner-query.ts";
import { readTextRow } from "../read/text-rows.ts";

export type FoundBatch = readonly (readonly (Buffer | null)[])[];

export interface FoundStream {
  readonly columns: readonly ColumnDefinition[];
  /** To be taken once: so many rows at a time, or fewer when they are large. */
  batches(rowsMax: number, bytesMax: number): AsyncGenerator<FoundBatch>;
  close(): Promise<void>;
}

/** Runs the query as the session; FLOAT columns are read with all their digits. Throws what it is answered. */
export async function streamFound(executor: Executor, query: Query, binds: readonly BindValue[]): Promise<FoundStream> {
  const stream = await open(await keptInside(executor, textOfQuery(executor, query, binds)));
  const floats = floatsOf(stream.columns);
  if (!floats.includes(true)) return stream;
  await stream.close();
  return open(await keptInside(executor, textOfQuery(executor, widened(query, floats), binds)));
}

async function open(kept: CursorRows): Promise<FoundStream> {
  const packets = kept.packets();
  const next = async (): Promise<Buffer> => {
    const { value, done } = await packets.next();
    if (done === true) throw new ShardgateError("ER_MALFORMED_PACKET", "an answer without its end");
    if (value[0] === HEADER_ERR) throw decodeErr(value);
    return value;
  };
  try {
    const count = new BufferReader(await next()).lenenc();
    const columns: ColumnDefinition[] = [];
    for (let i = 0; i < count; i++) columns.push(decodeColumnDefinition(await next()));
    await next();
    return {
      columns,
      batches: (rowsMax, bytesMax) => batches(next, count, rowsMax, bytesMax),
      close: () => kept.close(),
    };
  } catch (error) {
    await kept.close();
    throw error;
  }
}

async function* batches(
  next: () => Promise<Buffer>,
  width: number,
  rowsMax: number,
  bytesMax: number,
): AsyncGenerator<FoundBatch> {
  let batch: (Buffer | null)[][] = [];
  let bytes = 0;
  for (;;) {
    const packet = await next();
    if (packet[0] === HEADER_EOF && packet.length < 9) break;
    batch.push(readTextRow(packet, width));
    bytes += packet.length;
    if (batch.length < rowsMax && bytes < bytesMax) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
