// Runs a merge plan: bodies send their statement to shards and merge what comes back, steps ship their rows into the
// statements of later bodies. Everything is pulled from the end: a step runs when a body needs its table, a shard sends
// what the client has room for. The first error stops all shards.
//
//   body:  shards ──(in any order | in order)──► aggregate ──► distinct ──► sort ──► limit
//          union: one part after the other, then the same

import { assert } from "../base/assert.ts";
import { interrupted } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { Value } from "../mysql/values.ts";
import type { Body, MergePlan, RowsStep, ShardBody, UnionBody } from "../plan/merge-plan.ts";
import type { Routing } from "../plan/plan.ts";
import { aggregatedRows } from "./aggregate.ts";
import type { Definitions } from "./describe.ts";
import { distinctRows, sortedRows } from "./distinct.ts";
import { type ComparisonRules, RowKeys } from "./merge-keys.ts";
import { NeedsGather } from "./needs-gather.ts";
import type { ShardPort, ShardRequest, ShardTarget } from "./ports.ts";
import { rendersAlike } from "./renders-alike.ts";
import type { ReplyEnd } from "./reply.ts";
import { type RowBatch, sliceRows } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";
import { carriageOf, type LiteralRules } from "./row-literals.ts";
import { routedColumns, rowsByShard, withRowValues } from "./rows-routing.ts";
import { type RowsShape, type RowsTable, someRows, withRowsTables } from "./rows-table.ts";
import { ShardRows, type ShardRowsEnd } from "./shard-rows.ts";
import { inAnyOrder, inOrder, type OnRows } from "./shard-streams.ts";
import {
  noRows,
  type ShippedRows,
  shippedAtOnce,
  shippedInBatches,
  type ShippingLimits,
  type ShippingOptions,
} from "./shipped-rows.ts";
import { Sorter } from "./sorter.ts";
import { SpillArea } from "./spill.ts";

type Query = ShardBody["statement"];

/** LIMIT of one execution. */
export interface RowLimit {
  readonly count: bigint;
  readonly offset: bigint;
}

export interface MergeRules extends ComparisonRules, LiteralRules {
  /** @@div_precision_increment. */
  readonly divisionDecimals: number;
}

/** What of the session and the cluster a merge needs. */
export interface MergeContext {
  readonly port: ShardPort;
  readonly dialect: "mysql" | "mariadb";
  readonly rules: MergeRules;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Connections are held for the session: each takes one statement at a time. */
  readonly isSequential: boolean;
  /** Statements leave locks behind, so those that have begun are not cancelled. */
  readonly locks: boolean;
  readonly limits?: MergeLimits;
  targetsOf(keyspace: string, routing: Routing): readonly ShardTarget[];
  /** `sql` as the session's statement on that shard. */
  requestFor(target: ShardTarget, sql: Buffer): ShardRequest;
  /** Told of every statement that was sent. `answers`: its rows, and warnings, are of the answer. */
  ended(end: ShardRowsEnd, answers: boolean): void;
  /** SQL of a query with this execution's values; `rowsMax` is put as its LIMIT. */
  print(query: Query, rowsMax: bigint | undefined): Buffer;
  /** SQL of a typing query: without rows, locks and INTO. */
  printTyping(query: Query): Buffer;
  /** Column definitions of a typing query. */
  describe(query: Query, keyspace: string): Promise<Definitions>;
  /** Collations of the columns that the SQL of a typing query gives, by its columns' names. */
  collations(typing: Buffer, names: readonly string[], keyspace: string): Promise<readonly string[]>;
  /** Undefined when a value of it is no count of rows. */
  limitOf(limit: NonNullable<Body["merge"]["limit"]>): RowLimit | undefined;
}

/** Bounds that tests make smaller. */
export interface MergeLimits extends Partial<ShippingLimits> {
  readonly memoryBytesMax?: number;
  readonly spillBytesMax?: number;
}

/** A body's own column definitions, as packets and read. */
interface Typing {
  readonly definitions: Definitions;
  readonly columns: readonly ColumnDefinition[];
}

/** Rows tables for some shards. */
interface Part {
  readonly targets: readonly ShardTarget[];
  readonly tables: readonly RowsTable[];
}

interface Sent {
  readonly target: ShardTarget;
  readonly sql: Buffer;
}

/** What the answer has of a shard's rows. */
export interface ShardShare {
  readonly target: ShardTarget;
  /** Rows before those that OFFSET leaves out, and how many the answer has; undefined: all. */
  readonly range: { skipped: number; sent: number } | undefined;
}

/** One execution of a plan. */
export class MergeRun {
  readonly #plan: MergePlan;
  readonly #context: MergeContext;
  readonly #spill: SpillArea;
  readonly #steps: ReadonlyMap<string, RowsStep>;
  readonly #typings = new Map<Body, Promise<Typing>>();
  readonly #tables = new Map<RowsStep, Promise<ShippedRows>>();
  /** Statements that a shard is not done with. */
  readonly #running = new Set<ShardRows>();
  /** When the connection to a shard is free again, by shard. */
  readonly #turns = new Map<string, Promise<void>>();
  #failure: Error | undefined;
  #rowsSkipped = 0;
  #shares: readonly ShardShare[] = [];

  constructor(plan: MergePlan, context: MergeContext) {
    this.#plan = plan;
    this.#context = context;
    this.#spill = new SpillArea(context.limits?.spillBytesMax);
    this.#steps = new Map(plan.steps.map((step) => [step.name, step]));
    if (context.signal.aborted) this.#aborted();
    else context.signal.addEventListener("abort", this.#aborted, { once: true });
  }

  /** Rows of the answer that its OFFSET has left out. */
  get rowsSkipped(): number {
    return this.#rowsSkipped;
  }

  /** Of the answer. Throws what a mysqld says is wrong with the statement. */
  async definitions(): Promise<Definitions> {
    return (await this.#typing(this.#plan.body)).definitions;
  }

  /** The answer's rows, hidden columns behind. Throws NeedsGather for what cannot be merged. */
  rows(): AsyncGenerator<RowBatch> {
    // Types that only later steps need are asked for meanwhile; whoever needs them meets their error.
    for (const { body } of this.#plan.steps) this.#typing(body).catch(() => undefined);
    return this.#rowsOf(this.#plan.body);
  }

  /**
   * Once the rows are out: runs `sqlOf` of each shard that the answer comes from, only for the ends of the replies. Throws a
   * shard's error.
   */
  async endsOf(sqlOf: (share: ShardShare) => Buffer | undefined): Promise<readonly ReplyEnd[]> {
    const ends: ReplyEnd[] = [];
    const shards: ShardRows[] = [];
    for (const share of this.#shares) {
      const sql = sqlOf(share);
      if (sql === undefined) continue;
      const onEnd = ({ info }: ShardRowsEnd): void => void (info !== undefined && ends.push(info));
      shards.push(this.#shard(share.target, sql, () => {}, false, onEnd));
    }
    const start = (shard: ShardRows): void => this.#start(shard);
    for await (const _ of inAnyOrder(shards, LIMITS.scatterConcurrencyMax, start));
    return ends;
  }

  /** Stops what still runs. Resolves when connections held for the session are free and nothing is left on disk. */
  async close(): Promise<void> {
    this.#context.signal.removeEventListener("abort", this.#aborted);
    const running = [...this.#running];
    for (const shard of running) this.#stop(shard);
    // Rows that were asked for before the statement turned out to be wrong begin nothing more: on a connection of the session
    // that would be a transaction nobody ends.
    this.#failure ??= interrupted();
    if (this.#context.isSequential) await Promise.all(running.map(({ finished }) => finished));
    await this.#spill.close();
  }

  readonly #aborted = (): void => {
    const reason: unknown = this.#context.signal.reason;
    this.#fail(reason instanceof Error ? reason : interrupted());
  };

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const shard of this.#running) shard.fail(error);
  }

  // Bodies

  async *#rowsOf(body: Body): AsyncGenerator<RowBatch> {
    const { aggregate, distinct, order } = body.merge;
    const { rules, limits } = this.#context;
    const memory = limits?.memoryBytesMax === undefined ? {} : { memoryBytesMax: limits.memoryBytesMax };
    const spill = this.#spill;
    const limit = this.#limitOf(body);
    if (limit?.count === 0n) {
      // Also without rows the statement has to be right.
      await this.#typing(body);
      return;
    }
    let rows = body.kind === "union" ? this.#unionRows(body) : this.#shardRows(body);
    if (aggregate !== undefined) {
      const { columns: typing } = await this.#typing(body);
      rows = aggregatedRows(rows, {
        aggregation: aggregate,
        typing,
        rules,
        spill,
        ...memory,
        divisionDecimals: rules.divisionDecimals,
      });
    }
    const isSorted = body.kind === "shards" && this.#givesSorted(body);
    if (distinct !== undefined) {
      const keys = new RowKeys(distinct, "equal", rules);
      const kept = isSorted ? new RowKeys(order, "order", rules) : undefined;
      rows = distinctRows(rows, { keys, order: kept, spill, ...memory });
    }
    if (order.length > 0 && !isSorted) {
      const keys = new RowKeys(order, "order", rules);
      const rowsMax = limit === undefined ? {} : { rowsMax: Number(limit.count + limit.offset) };
      rows = sortedRows(rows, { keys, spill, ...memory, ...rowsMax });
    }
    const isAnswer = body === this.#plan.body;
    yield* limit === undefined ? rows : limited(rows, limit, (count) => (this.#rowsSkipped += isAnswer ? count : 0));
  }

  #limitOf({ merge }: Body): RowLimit | undefined {
    if (merge.limit === undefined) return undefined;
    const limit = this.#context.limitOf(merge.limit);
    if (limit === undefined) throw new NeedsGather("a LIMIT that is no plain number");
    return limit;
  }

  /** The shards' rows come in the body's order. */
  #givesSorted({ merge, uses, outer }: ShardBody): boolean {
    const isBatched = uses.some((name) => this.#steps.get(name)?.batched === true);
    return merge.sorted && merge.order.length > 0 && merge.aggregate === undefined && !isBatched && outer === undefined;
  }

  async *#unionRows(body: UnionBody): AsyncGenerator<RowBatch> {
    const typings = await Promise.all([body, ...body.parts].map((each) => this.#typing(each)));
    const [shown, ...parts] = typings.map(({ columns }) => columns);
    for (const columns of parts) {
      for (const [index, column] of columns.entries()) {
        const wanted = shown?.[index];
        if (wanted === undefined || columns.length !== shown?.length || !rendersAlike(column, wanted)) {
          throw new NeedsGather("a UNION whose parts have different types");
        }
      }
    }
    for (const part of body.parts) yield* this.#rowsOf(part);
  }

  async *#shardRows(body: ShardBody): AsyncGenerator<RowBatch> {
    const steps = body.uses.map((name) => this.#stepNamed(name));
    const batched = steps.find((step) => step.batched);
    const whole = await Promise.all(steps.filter((step) => step !== batched).map((step) => this.#table(step)));
    if (batched === undefined) {
      yield* this.#statementRows(body, whole);
      return;
    }
    const options = await this.#shipping(batched);
    const source = this.#rowsOf(batched.body);
    const rows = this.#context.isSequential ? this.#spooled(source) : source;
    let hasBatch = false;
    for await (const batch of shippedInBatches(rows, options)) {
      hasBatch = true;
      yield* this.#statementRows(body, [...whole, batch]);
    }
    // An aggregate over nothing still has a row, with what beside it does not depend on rows.
    if (!hasBatch && body.merge.aggregate?.keys.length === 0) {
      yield* this.#statementRows({ ...body, outer: undefined }, [...whole, noRows(options)], body);
    }
  }

  /** One statement with its rows tables, on the shards it is for. `typed` is the body as it stands in the plan. */
  async *#statementRows(
    body: ShardBody,
    shipped: readonly ShippedRows[],
    typed: ShardBody = body,
  ): AsyncGenerator<RowBatch> {
    const { keyspace, merge, outer, width } = body;
    const tables = shipped.map(({ table }) => table);
    const parts = this.#parts(body, shipped, tables);
    const limit = merge.pushLimit ? this.#limitOf(body) : undefined;
    const rowsMax = limit === undefined ? undefined : limit.count + limit.offset;
    const typing = this.#typing(typed);
    let shown: readonly ColumnDefinition[] = [];
    // What is shipped is looked at when it is written.
    const isShown = merge.aggregate === undefined && !this.#plan.steps.some((step) => step.body === typed);
    const check = (columns: readonly ColumnDefinition[]): void => {
      if (isShown) checkColumns(columns, shown, width);
    };
    const matched = outer === undefined ? undefined : this.#numbersOf(outer.matched, parts);
    // Whoever needs them meets the error.
    matched?.catch(() => undefined);
    const sent = this.#sentTo(parts, this.#context.print(body.statement, rowsMax));
    if (this.#context.isSequential) await matched;
    yield* this.#streamed(sent, body, check, async () => {
      shown = (await typing).columns;
    });
    if (outer === undefined || matched === undefined) return;
    const numbers = await matched;
    const left = tables.map((table) => (table.shape.numbered ? withoutNumbers(table, numbers) : table));
    if (left.some(({ shape, rows }) => shape.numbered && rows.length === 0)) return;
    const print = this.#context.print(outer.unmatched, undefined);
    const rest = { targets: this.#context.targetsOf(keyspace, { kind: "any" }), tables: left };
    yield* this.#streamed(this.#sentTo([rest], print), body, check, async () => {});
  }

  /** Where a body's statement goes, and with which rows: each shard gets those that it can have something for. */
  #parts(body: ShardBody, shipped: readonly ShippedRows[], tables: readonly RowsTable[]): readonly Part[] {
    const { keyspace, routing } = body;
    const rowsOf = (step: string): ShippedRows | undefined => shipped.find(({ table }) => table.shape.name === step);
    const split = routing.kind === "in-rows" && routing.alone ? rowsOf(routing.step) : undefined;
    if (routing.kind === "in-rows" && split !== undefined) {
      const { vindex, holds } = routing;
      const values = split.valueOfEach(routing.column);
      if (values !== undefined && values.length > 0) {
        const targetsOf = (value: Value): readonly ShardTarget[] =>
          this.#context.targetsOf(keyspace, { kind: "in", vindex, holds, values: [{ kind: "constant", value }] });
        return rowsByShard(values, targetsOf).map(({ target, rows }) => ({
          targets: [target],
          tables: tables.map((table) => (table === split.table ? someRows(table, rows) : table)),
        }));
      }
    }
    const routed = withRowValues(routing, (step, column) => rowsOf(step)?.valuesOf(column));
    return [{ targets: this.#context.targetsOf(keyspace, routed), tables }];
  }

  #sentTo(parts: readonly Part[], statement: Buffer): readonly Sent[] {
    return parts.flatMap(({ targets, tables }) => {
      const sql = withRowsTables(statement, tables, this.#context.dialect);
      return targets.map((target) => ({ target, sql }));
    });
  }

  /** Rows from several shards; `ready` is waited for once the shards have been asked. */
  async *#streamed(
    sent: readonly Sent[],
    body: ShardBody,
    check: (columns: readonly ColumnDefinition[]) => void,
    ready: () => Promise<void>,
  ): AsyncGenerator<RowBatch> {
    const shards = sent.map(({ target, sql }) => this.#shard(target, sql, check, true));
    const started = new Set<ShardRows>();
    const start = (shard: ShardRows): void => {
      if (started.has(shard)) return;
      started.add(shard);
      this.#start(shard);
    };
    const concurrencyMax = LIMITS.scatterConcurrencyMax;
    const isMerged = this.#givesSorted(body) && shards.length > 1;
    const onRows = body === this.#plan.body ? this.#shareOut(shards, body) : undefined;
    try {
      for (const shard of isMerged ? shards : shards.slice(0, concurrencyMax)) start(shard);
      await ready();
      if (isMerged) yield* inOrder(shards, new RowKeys(body.merge.order, "order", this.#context.rules), start, onRows);
      else yield* inAnyOrder(shards, concurrencyMax, start, onRows);
    } finally {
      for (const shard of shards) this.#stop(shard);
    }
  }

  /** Begins to count what the answer has of each shard, if LIMIT takes some of their rows only. */
  #shareOut(shards: readonly ShardRows[], body: ShardBody): OnRows | undefined {
    const limit = body.merge.pushLimit ? this.#limitOf(body) : undefined;
    const shares = new Map(
      shards.map((shard) => {
        const range = limit === undefined ? undefined : { skipped: 0, sent: 0 };
        return [shard, { target: shard.target, range }];
      }),
    );
    this.#shares = [...shares.values()];
    if (limit === undefined) return undefined;
    let skip = Number(limit.offset);
    let left = Number(limit.count);
    return (shard, rows) => {
      const range = shares.get(shard)?.range;
      if (range === undefined || skip + left === 0) return;
      const skipped = Math.min(rows, skip);
      const sent = Math.min(rows - skipped, left);
      skip -= skipped;
      left -= sent;
      range.skipped += skipped;
      range.sent += sent;
    };
  }

  /** The numbers of rows that some shard has a match for. */
  async #numbersOf(query: Query, parts: readonly Part[]): Promise<ReadonlySet<number>> {
    const numbers = new Set<number>();
    const sent = this.#sentTo(parts, this.#context.print(query, undefined));
    const shards = sent.map(({ target, sql }) => this.#shard(target, sql, () => {}, false));
    const view = new RowColumns(1);
    try {
      const start = (shard: ShardRows): void => this.#start(shard);
      for await (const { buffers, starts, ends } of inAnyOrder(shards, LIMITS.scatterConcurrencyMax, start)) {
        for (let at = 0; at < ends.length; at++) {
          view.read(buffers[at] as Buffer, starts[at] as number, ends[at] as number);
          numbers.add(Number(view.ascii(0)));
        }
      }
    } finally {
      for (const shard of shards) this.#stop(shard);
    }
    return numbers;
  }

  // Steps

  #stepNamed(name: string): RowsStep {
    const step = this.#steps.get(name);
    assert(step !== undefined, `a statement reads ${name}, which is a step of its plan`);
    return step;
  }

  #table(step: RowsStep): Promise<ShippedRows> {
    let table = this.#tables.get(step);
    if (table === undefined) {
      table = this.#shipping(step).then((options) => shippedAtOnce(this.#rowsOf(step.body), options));
      this.#tables.set(step, table);
    }
    return table;
  }

  async #shipping(step: RowsStep): Promise<ShippingOptions> {
    const { rules, limits } = this.#context;
    const { name, numbered } = step;
    const { keyspace } = this.#readerOf(step);
    const { columns } = await (step.typing === step.body.typing
      ? this.#typing(step.body)
      : this.#describe(step.typing, keyspace));
    assert(columns.length === step.columns.length, `${name} has a name for each of its columns`);
    const carriages = columns.map((column) => carriageOf(column, rules));
    const typing = this.#context.printTyping(step.typing);
    const names = columns.map((column) => column.name);
    const shape: RowsShape = {
      name,
      columns: step.columns,
      numbered,
      carriage: carriages.includes("stored") ? "stored" : "union",
      typing,
    };
    return {
      shape,
      columns,
      rules,
      routed: routedColumns(this.#plan, name),
      collations: () => this.#context.collations(typing, names, keyspace),
      ...(limits === undefined ? {} : { limits }),
    };
  }

  /** A body whose statement reads a step's table; all of them are on shards that can read the step's typing query. */
  #readerOf({ name }: RowsStep): ShardBody {
    const readers: ShardBody[] = [];
    const visit = (body: Body): void => {
      if (body.kind === "union") body.parts.forEach(visit);
      else if (body.uses.includes(name)) readers.push(body);
    };
    visit(this.#plan.body);
    for (const { body } of this.#plan.steps) visit(body);
    const [first] = readers;
    assert(first !== undefined, `${name} is read by a body`);
    return first;
  }

  /** All rows, before the first one is given out: their shards' connections are free then. */
  async *#spooled(source: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch> {
    const { limits } = this.#context;
    const sorter = new Sorter({
      spill: this.#spill,
      ...(limits?.memoryBytesMax === undefined ? {} : { memoryBytesMax: limits.memoryBytesMax }),
    });
    let columns: readonly ColumnDefinition[] = [];
    for await (const batch of source) {
      columns = batch.columns;
      const { buffers, starts, ends } = batch;
      for (let at = 0; at < ends.length; at++) {
        sorter.add("", buffers[at] as Buffer, starts[at] as number, ends[at] as number);
      }
      await sorter.relieve();
    }
    for await (const { buffers, starts, ends } of sorter.sorted()) yield { columns, buffers, starts, ends };
  }

  #typing(body: Body): Promise<Typing> {
    let typing = this.#typings.get(body);
    if (typing === undefined) {
      typing = this.#describe(body.typing, body.keyspace);
      this.#typings.set(body, typing);
    }
    return typing;
  }

  async #describe(query: Query, keyspace: string): Promise<Typing> {
    const definitions = await this.#context.describe(query, keyspace);
    return { definitions, columns: definitions.map((definition) => decodeColumnDefinition(definition)) };
  }

  // Shards

  #shard(
    target: ShardTarget,
    sql: Buffer,
    check: (columns: readonly ColumnDefinition[]) => void,
    answers: boolean,
    onEnd?: (end: ShardRowsEnd) => void,
  ): ShardRows {
    const request = (): ShardRequest => this.#context.requestFor(target, sql);
    const shard: ShardRows = new ShardRows(target, request, check, (end) => {
      this.#running.delete(shard);
      onEnd?.(end);
      this.#context.ended(end, answers);
      if (end.error !== undefined) this.#fail(end.error);
    });
    return shard;
  }

  #start(shard: ShardRows): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#running.add(shard);
    if (!this.#context.isSequential) {
      shard.start(this.#context.port);
      return;
    }
    const { keyspace, shard: name } = shard.target;
    const key = `${keyspace}/${name}`;
    const before = this.#turns.get(key) ?? Promise.resolve();
    this.#turns.set(
      key,
      before.then(() => shard.finished),
    );
    void before.then(() => shard.start(this.#context.port));
  }

  #stop(shard: ShardRows): void {
    shard.stop(!this.#context.locks || this.#failure !== undefined);
  }
}

/** Values sent under `columns` must read as those of the answer. */
function checkColumns(columns: readonly ColumnDefinition[], shown: readonly ColumnDefinition[], width: number): void {
  for (let at = 0; at < width; at++) {
    const sent = columns[at];
    const wanted = shown[at];
    if (sent === undefined || wanted === undefined || !rendersAlike(sent, wanted)) {
      const types = `type ${sent?.type} with ${sent?.decimals} decimals, not ${wanted?.type} with ${wanted?.decimals}`;
      throw new NeedsGather(`column ${at + 1} comes as ${types}`);
    }
  }
}

function withoutNumbers(table: RowsTable, numbers: ReadonlySet<number>): RowsTable {
  const kept: number[] = [];
  const rows = table.rows.filter((_, index) => {
    const number = table.firstNumber + index;
    if (numbers.has(number)) return false;
    kept.push(number);
    return true;
  });
  return { ...table, rows, numbers: kept };
}

async function* limited(
  source: AsyncIterable<RowBatch>,
  { count, offset }: RowLimit,
  onSkipped: (rows: number) => void,
): AsyncGenerator<RowBatch> {
  let skip = offset;
  let left = count;
  for await (const batch of source) {
    const rows = batch.ends.length;
    const from = Number(skip < BigInt(rows) ? skip : BigInt(rows));
    skip -= BigInt(from);
    onSkipped(from);
    const wanted = left < BigInt(rows - from) ? Number(left) : rows - from;
    left -= BigInt(wanted);
    if (wanted > 0) yield { columns: batch.columns, ...sliceRows(batch, from, from + wanted) };
    if (left === 0n) return;
  }
}
