// Fills the temporary tables of a gather: describes each table on a shard, makes it on the scratch connection, and streams
// the rows over as INSERT statements. Tables are filled in parallel, the scratch connection takes one statement at a time,
// and a shard is never further ahead than a call's credit. Bounded in rows and bytes.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import { decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import { BufferReader } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { collect, type CollectedReply, errorOfReply } from "./collect.ts";
import { selectItem } from "./gather-values.ts";
import { InsertBuilder } from "./insert-builder.ts";
import { plainRequest, type ShardPort, type ShardRequest, type ShardTarget } from "./ports.ts";
import { quoteName } from "./quote-name.ts";
import { replyChunks } from "./row-stream.ts";
import { Scratch } from "./scratch.ts";

export interface GatherTable {
  readonly temporaryTable: string;
  readonly table: string;
  readonly partitions: readonly string[];
  readonly alias: string;
  /** Lower-case names, or all. */
  readonly columns: ReadonlySet<string> | "all";
  /** WHERE condition as SQL with literals; empty: none. */
  readonly where: string;
  readonly locks: boolean;
  readonly targets: readonly ShardTarget[];
}

export interface GatherLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export interface GatherContext {
  readonly port: ShardPort;
  /** What the session's statement on that shard has to carry: its settings and its transaction. */
  requestFor(target: ShardTarget, payload: Buffer): ShardRequest;
  /** A statement of the session left this connection held. */
  joined(target: ShardTarget, holdId: number): void;
  /** Connections are held for the session: each takes one statement at a time, so tables are filled one by one. */
  readonly isSequential: boolean;
  readonly limits: GatherLimits;
  readonly signal: AbortSignal;
}

const COM_QUERY = Buffer.of(3);

/** Settings under which rows are loaded: nothing is refused, changed or converted. */
export const LOADER_SETTINGS = Buffer.from(
  "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0",
);
export const LOADER_RESET = Buffer.from(
  "SET sql_mode = DEFAULT, time_zone = DEFAULT, foreign_key_checks = DEFAULT, unique_checks = DEFAULT",
);

/** Makes and fills the tables. Throws the first error; the caller releases the scratch connection in any case. */
export async function fillTables(
  context: GatherContext,
  scratch: Scratch,
  tables: readonly GatherTable[],
  budget = new Budget(context.limits),
): Promise<void> {
  await scratch.run(LOADER_SETTINGS);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const fill = async (table: GatherTable): Promise<void> => {
    const columns = await makeTable({ ...context, signal }, scratch, table);
    const copies = table.targets.map((target) =>
      copyRows({ ...context, signal }, scratch, table, columns, target, budget),
    );
    await firstError(copies, stop);
  };
  if (context.isSequential) for (const table of tables) await fill(table);
  else await firstError(tables.map(fill), stop);
  await scratch.run(LOADER_RESET);
}

/** Waits for all; the first error stops the others and is the one that is thrown. */
export async function firstError(work: readonly Promise<void>[], stop: AbortController): Promise<void> {
  let first: { readonly error: unknown } | undefined;
  await Promise.all(
    work.map((one) =>
      one.catch((error: unknown) => {
        first ??= { error };
        stop.abort(error);
      }),
    ),
  );
  if (first !== undefined) throw first.error;
}

/** Learns the columns on a shard, makes the temporary table, returns the columns it has. */
async function makeTable(
  context: GatherContext,
  scratch: Scratch,
  table: GatherTable,
): Promise<readonly ColumnDefinition[]> {
  const [origin] = table.targets;
  if (origin === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `table ${table.table} has no shard`);
  const describe = new Scratch(context.port, origin, context.signal);
  try {
    const all = columnsOf(await query(context, origin, `SELECT * FROM ${quoteName(table.table)} LIMIT 0`));
    const { columns } = table;
    const wanted = columns === "all" ? all : all.filter(({ name }) => columns.has(name.toLowerCase()));
    // COUNT(*) needs rows, not values.
    const used = wanted.length > 0 ? wanted : all.slice(0, 1);
    const names = used.map(({ name }) => quoteName(name)).join(", ");
    const temporary = quoteName(table.temporaryTable);
    // The definition without keys and constraints: rows of several shards may break those, which are not the query's.
    await describe.run(
      Buffer.from(`CREATE TEMPORARY TABLE ${temporary} AS SELECT ${names} FROM ${quoteName(table.table)} LIMIT 0`),
    );
    const shown = await collect(
      context.port,
      origin,
      { ...plainRequest(comQuery(`SHOW CREATE TABLE ${temporary}`)), holdId: describe.holdId },
      context.signal,
    );
    if (shown.info.kind === "err") throw errorOfReply(shown);
    const [, definition] = firstRow(shown.bytes);
    await scratch.run(definition ?? Buffer.alloc(0));
    return used;
  } finally {
    await describe.release();
  }
}

async function copyRows(
  context: GatherContext,
  scratch: Scratch,
  table: GatherTable,
  columns: readonly ColumnDefinition[],
  target: ShardTarget,
  budget: Budget,
): Promise<void> {
  const items = columns.map((column) => selectItem(column, `${quoteName(table.alias)}.${quoteName(column.name)}`));
  const partitions = table.partitions.length === 0 ? "" : ` PARTITION (${table.partitions.map(quoteName).join(", ")})`;
  const where = table.where === "" ? "" : ` WHERE ${table.where}`;
  const locks = table.locks ? " FOR UPDATE" : "";
  const sql = `SELECT ${items.join(", ")} FROM ${quoteName(table.table)}${partitions} AS ${quoteName(table.alias)}${where}${locks}`;
  const request = context.requestFor(target, comQuery(sql));
  const insert = new InsertBuilder(table.temporaryTable, columns);
  await loadRows(context, scratch, { target, request }, insert, budget);
}

/** Streams the rows of a SELECT on a shard into a temporary table of the scratch connection. */
export async function loadRows(
  { port, joined, signal }: Pick<GatherContext, "port" | "joined" | "signal">,
  scratch: Scratch,
  { target, request }: { readonly target: ShardTarget; readonly request: ShardRequest },
  insert: InsertBuilder,
  budget: Budget,
): Promise<void> {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  let definitionsLeft = -1;
  const onHold = (holdId: number): void => joined(target, holdId);
  for await (const chunk of replyChunks(port, target, request, onHold, signal)) {
    reader.push(chunk);
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
      // Column count, as many definitions, an EOF; then rows up to the last EOF.
      if (definitionsLeft === -1) definitionsLeft = new BufferReader(payload).lenenc() + 1;
      else if (definitionsLeft > 0) definitionsLeft--;
      else if (payload[0] !== 0xfe || payload.length >= 9) {
        budget.take(1, payload.length);
        insert.add(payload);
        if (insert.bytes >= LIMITS.gatherInsertBytes) await scratch.run(insert.take());
      }
    }
  }
  if (insert.bytes > 0) await scratch.run(insert.take());
}

/** What one query may still move to its scratch connection. */
export class Budget {
  readonly #limits: GatherLimits;
  #rows = 0;
  #bytes = 0;

  constructor(limits: GatherLimits) {
    this.#limits = limits;
  }

  take(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    const { rowsMax, bytesMax } = this.#limits;
    if (this.#rows <= rowsMax && this.#bytes <= bytesMax) return;
    throw new ShardgateError(
      "LIMIT_REACHED",
      `this query has to gather more than ${rowsMax} rows or ${bytesMax} bytes from the shards; ` +
        "narrow it by its sharding key, or raise --gather-max-rows and --gather-max-bytes",
    );
  }
}

async function query(context: GatherContext, target: ShardTarget, sql: string): Promise<CollectedReply> {
  const reply = await collect(context.port, target, plainRequest(comQuery(sql)), context.signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return reply;
}

export function columnsOf({ bytes }: CollectedReply): ColumnDefinition[] {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(bytes);
  const count = new BufferReader(reader.next() ?? EMPTY).lenenc();
  return Array.from({ length: count }, () => decodeColumnDefinition(reader.next() ?? EMPTY));
}

function firstRow(reply: Buffer): Buffer[] {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply);
  const count = new BufferReader(reader.next() ?? EMPTY).lenenc();
  for (let i = 0; i <= count; i++) reader.next();
  const row = new BufferReader(reader.next() ?? EMPTY);
  return Array.from({ length: count }, () => row.lenencBytes());
}

const EMPTY = Buffer.alloc(0);

function comQuery(sql: string): Buffer {
  return Buffer.concat([COM_QUERY, Buffer.from(sql, "utf8")]);
}
