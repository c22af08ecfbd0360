// Fills the temporary tables of a gather: asks a shard what each table looks like, makes it on the scratch connection, and
// streams the rows over as INSERT statements. Tables are filled in parallel, the scratch connection takes one statement at a
// time, and a shard is never further ahead than a call's credit. Bounded in rows, bytes and shards read at once.
//
// A source's conditions only save rows: the statement has them, too. When a shard says that one of them fails, or warns of
// it, the source is read again without them, so that what MySQL says of rows is said of the rows it looks at.

import { forManyListeners } from "../base/abort.ts";
import { MysqlError, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { BufferReader } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import { collect, type CollectedReply, errorOfReply } from "./collect.ts";
import { definitionsOf } from "./describe.ts";
import {
  computedColumn,
  createStatement,
  type DescribedTable,
  describedTable,
  describingStatements,
  itemOf,
  type Likeness,
  neededColumns,
  type TableColumn,
} from "./gather-definition.ts";
import { InsertBuilder } from "./insert-builder.ts";
import type { ShardPort, ShardRequest, ShardTarget } from "./ports.ts";
import { quoteName } from "./quote-name.ts";
import type { ReplyEnd } from "./reply.ts";
import { replyChunks } from "./row-stream.ts";
import type { Scratch } from "./scratch.ts";
import { Slots } from "./slots.ts";

export interface GatherTable {
  readonly temporaryTable: string;
  readonly table: string;
  /** What the reading statements call the table. */
  readonly alias: string;
  /** Lower-case names, or all. */
  readonly columns: ReadonlySet<string> | "all";
  /** Lower-case names of columns that rows are looked up by. */
  readonly lookups: ReadonlySet<string>;
  /** Columns beside the table's own: numbers that the shards compute. */
  readonly computed: readonly { readonly name: string; readonly sql: Buffer }[];
  /** What follows the select list: FROM, maybe WHERE and a lock. */
  readonly from: Buffer;
  /** The same without WHERE; undefined when there is none. */
  readonly unfiltered: Buffer | undefined;
  readonly targets: readonly ShardTarget[];
}

export interface GatherLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export interface GatherContext {
  readonly port: ShardPort;
  /** What the session's statement on that shard has to carry: its settings and its transaction. Text comes in UTF-8. */
  requestFor(target: ShardTarget, payload: Buffer): ShardRequest;
  /** The same for what is no part of a transaction. */
  requestAbout(target: ShardTarget, payload: Buffer): ShardRequest;
  /** A statement of the session left this connection held. */
  joined(target: ShardTarget, holdId: number): void;
  /** Connections are held for the session: each takes one statement at a time, so tables are filled one by one. */
  readonly isSequential: boolean;
  readonly limits: GatherLimits;
  readonly signal: AbortSignal;
}

const COM_QUERY = Buffer.of(3);
const SELECT = Buffer.from("SELECT ");
const COMMA = Buffer.from(", ");

/**
 * Settings under which rows are loaded: nothing is refused, changed or converted. MySQL reads what it does not have as a
 * comment.
 */
const LOADER_SETTINGS =
  "sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', foreign_key_checks = 0 " +
  "/*M!100201 , check_constraint_checks = 0, innodb_strict_mode = 0 */";
/** MariaDB 10.11 loses rows of a grouped derived table in a correlated subquery when it computes that group by group. */
export const LOADER_RESET = Buffer.from(
  "SET sql_mode = DEFAULT, time_zone = DEFAULT, foreign_key_checks = DEFAULT " +
    "/*M!100201 , check_constraint_checks = DEFAULT, innodb_strict_mode = DEFAULT */" +
    "/*M!100303 , optimizer_switch = 'split_materialized=off' */",
);

/** Makes and fills the tables. Throws the first error; the caller releases the scratch connection in any case. */
export async function fillTables(
  context: GatherContext,
  scratch: Scratch,
  tables: readonly GatherTable[],
  budget = new Budget(context.limits),
): Promise<void> {
  const described = await describeTables(context, tables);
  await beginLoading(scratch);
  const slots = new Slots(LIMITS.gatherReadsMax);
  const stop = new AbortController();
  const signal = forManyListeners(AbortSignal.any([context.signal, stop.signal]));
  const fill = async (table: GatherTable): Promise<void> => {
    const definition = described.get(keyOf(table)) ?? { columns: [], keys: [] };
    await fillTable({ ...context, signal }, scratch, table, definition, budget, slots);
  };
  if (context.isSequential) for (const table of tables) await fill(table);
  else await firstError(tables.map(fill), stop);
  await scratch.run(LOADER_RESET);
}

/**
 * Sets what rows are loaded under. Temporary tables are no business of replicas, but only a primary that logs rows keeps
 * them to itself; not every login may set that.
 */
export async function beginLoading(scratch: Scratch): Promise<void> {
  try {
    await scratch.run(Buffer.from(`SET SESSION binlog_format = 'ROW', ${LOADER_SETTINGS}`));
  } catch (error) {
    if (!(error instanceof MysqlError)) throw error;
    await scratch.run(Buffer.from(`SET ${LOADER_SETTINGS}`));
  }
}

/** Waits for all; the first error of all that share `stop` stops the others and is the one that is thrown. */
export async function firstError(work: readonly Promise<void>[], stop: AbortController): Promise<void> {
  await Promise.all(work.map((one) => one.catch((error: unknown) => stop.abort(error))));
  stop.signal.throwIfAborted();
}

/** What each table looks like, by `keyOf`; each is asked for once. */
async function describeTables(
  context: GatherContext,
  tables: readonly GatherTable[],
): Promise<ReadonlyMap<string, DescribedTable>> {
  const described = new Map<string, DescribedTable>();
  const describeTable = async (table: GatherTable): Promise<void> => {
    const [origin] = table.targets;
    if (origin === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `table ${table.table} has no shard`);
    const ask = (sql: string): Promise<CollectedReply> => {
      const payload = Buffer.concat([COM_QUERY, Buffer.from(sql, "utf8")]);
      return collect(context.port, origin, context.requestAbout(origin, payload), context.signal);
    };
    const statements = describingStatements(table.table);
    const columns = await ask(statements.columns);
    if (columns.info.kind === "err") throw errorOfReply(columns);
    const definition = await ask(statements.definition);
    if (definition.info.kind === "err") throw errorOfReply(definition);
    described.set(keyOf(table), describedTable(columns.bytes, definition.bytes));
  };
  const different = [...new Map(tables.map((table) => [keyOf(table), table])).values()];
  if (context.isSequential) for (const table of different) await describeTable(table);
  else await Promise.all(different.map(describeTable));
  return described;
}

function keyOf({ table, targets }: GatherTable): string {
  return `${targets[0]?.keyspace ?? ""}.${table}`;
}

async function fillTable(
  context: GatherContext,
  scratch: Scratch,
  table: GatherTable,
  definition: DescribedTable,
  budget: Budget,
  slots: Slots,
): Promise<void> {
  const own = new BudgetPart(budget);
  const isComputedVisible = table.columns !== "all";
  const columns = [
    ...neededColumns(definition, table.columns),
    ...table.computed.map(({ name, sql }) => computedColumn(name, sql, isComputedVisible)),
  ];
  const { temporaryTable, unfiltered } = table;
  const create = (likeness: Likeness): Promise<void> => {
    const sql = createStatement(temporaryTable, columns, definition.keys, table.lookups, likeness);
    return scratch.run(Buffer.from(sql, "utf8"));
  };
  const again = async (sql: string): Promise<void> => {
    own.giveBack();
    await scratch.run(Buffer.from(`${sql} ${quoteName(temporaryTable)}`, "utf8"));
  };
  let from = table.from;
  await create("same keys").catch((error: unknown) => {
    if (error instanceof MysqlError) return create("bare");
    throw error;
  });
  // Each reason to read the table again comes once.
  for (;;) {
    try {
      const warnings = await readTable(context, scratch, table, columns, from, own, slots);
      if (warnings === 0 || unfiltered === undefined || from === unfiltered) return;
      from = unfiltered;
      await again("TRUNCATE TABLE");
    } catch (error) {
      if (error instanceof MysqlError && error.errno === ER_DUP_ENTRY) {
        await again("DROP TEMPORARY TABLE");
        await create("no unique keys");
      } else if (unfiltered !== undefined && from !== unfiltered && isOfConditions(error)) {
        from = unfiltered;
        await again("TRUNCATE TABLE");
      } else throw error;
    }
  }
}

const ER_DUP_ENTRY = 1062;

/** Data exceptions, and what a name or a type is said to be wrong for. */
function isOfConditions(error: unknown): boolean {
  return error instanceof MysqlError && (error.sqlState.startsWith("22") || error.sqlState.startsWith("42"));
}

/** Reads a table from all its shards; gives the number of warnings they had. */
async function readTable(
  context: GatherContext,
  scratch: Scratch,
  table: GatherTable,
  columns: readonly TableColumn[],
  from: Buffer,
  budget: Pick<Budget, "take">,
  slots: Slots,
): Promise<number> {
  const items = columns.flatMap((column, i) => [i === 0 ? SELECT : COMMA, itemOf(column, quoteName(table.alias))]);
  const payload = Buffer.concat([COM_QUERY, ...items, from]);
  const kinds = columns.map(({ kind }) => kind);
  const names = columns.some(({ invisible }) => invisible) ? columns.map(({ name }) => name) : undefined;
  const stop = new AbortController();
  const signal = forManyListeners(AbortSignal.any([context.signal, stop.signal]));
  let warnings = 0;
  await firstError(
    table.targets.map((target) =>
      slots.run(async () => {
        signal.throwIfAborted();
        const request = context.requestFor(target, payload);
        const insert = new InsertBuilder(table.temporaryTable, kinds, names);
        const end = await loadRows({ ...context, signal }, scratch, { target, request }, insert, budget);
        warnings += end.warnings;
      }),
    ),
    stop,
  );
  return warnings;
}

/** Streams the rows of a SELECT on a shard into a temporary table of the scratch connection. */
export async function loadRows(
  { port, joined, signal }: Pick<GatherContext, "port" | "joined" | "signal">,
  scratch: Scratch,
  { target, request }: { readonly target: ShardTarget; readonly request: ShardRequest },
  insert: InsertBuilder,
  budget: Pick<Budget, "take">,
): Promise<Pick<ReplyEnd, "warnings">> {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  let definitionsLeft = -1;
  let warnings = 0;
  const onEnd = (info: ReplyEnd): void => {
    joined(target, info.holdId);
    warnings = info.warnings;
  };
  for await (const chunk of replyChunks(port, target, request, onEnd, signal)) {
    reader.push(chunk);
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
      // Column count, as many definitions, an EOF; then rows up to the last EOF.
      if (definitionsLeft === -1) definitionsLeft = new BufferReader(payload).lenenc() + 1;
      else if (definitionsLeft > 0) definitionsLeft--;
      else if (payload[0] !== 0xfe || payload.length >= 9) {
        budget.take(1, payload.length);
        insert.add(payload);
        if (insert.bytes >= LIMITS.gatherInsertBytes) await scratch.runAll(insert.take());
      }
    }
  }
  await scratch.runAll(insert.take());
  return { warnings };
}

/** What one query may still move to its scratch connection. */
export class Budget {
  readonly #limits: GatherLimits;
  #rows = 0;
  #bytes = 0;

  constructor(limits: GatherLimits) {
    this.#limits = limits;
  }

  /** What has been gathered. */
  get taken(): { readonly rows: number; readonly bytes: number } {
    return { rows: this.#rows, bytes: this.#bytes };
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

/** What one table has taken of it, to be given back when its rows are thrown away. */
class BudgetPart {
  readonly #budget: Budget;
  #rows = 0;
  #bytes = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  take(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    this.#budget.take(rows, bytes);
  }

  giveBack(): void {
    this.#budget.take(-this.#rows, -this.#bytes);
    this.#rows = 0;
    this.#bytes = 0;
  }
}

export function columnsOf({ bytes }: CollectedReply): ColumnDefinition[] {
  return definitionsOf(bytes).map((definition) => decodeColumnDefinition(definition));
}
