// What merge plans are tried on: databases s0, s1, … of one mariadbd as shards, and `whole` with all rows in one place.
// Plans are made by hand from SQL; answers are compared with what `whole` gives for the original statement.

import { expect } from "vitest";
import { describe as describeOn } from "../../../src/engine/describe.ts";
import { type MergeContext, type MergeLimits, MergeRun } from "../../../src/engine/merge.ts";
import { MergeOutput } from "../../../src/engine/merge-output.ts";
import type { Output } from "../../../src/engine/output.ts";
import { plainRequest, type ShardPort, type ShardRequest, type ShardTarget } from "../../../src/engine/ports.ts";
import type { Padding } from "../../../src/engine/merge-keys.ts";
import { rowAt, rowsOf as allRows, type RowBatch } from "../../../src/engine/row-batch.ts";
import { paddingFrom } from "../../../src/gateway/cluster/comparison-facts.ts";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { describing } from "../../../src/plan/describing.ts";
import type {
  AggregateOutput,
  Body,
  Merge,
  MergeKey,
  MergePlan,
  RowsStep,
  ShardBody,
} from "../../../src/plan/merge-plan.ts";
import type { Routing } from "../../../src/plan/plan.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import type { Query } from "../../../src/sql/tree.ts";
import { type Outcome, TwinClient } from "../../e2e/twin.ts";
import { startMysqld } from "../../fixture/cluster.ts";
import { DirectPort } from "./direct-port.ts";

export const KEYSPACE = "s";

export interface Bed {
  readonly server: Mysqld;
  readonly whole: TwinClient;
  /** Asks the first shard what a gateway asks on the side; one question after the other. */
  ask(sql: string): Promise<readonly string[]>;
  readonly port: DirectPort;
  readonly shards: readonly ShardTarget[];
  /** Runs DDL in every database. */
  everywhere(sql: string): Promise<void>;
  /** Inserts rows into `whole` and, in turn, into the shards; a row is the text between the parentheses. */
  insert(table: string, rows: readonly string[], shardOf?: (index: number) => number): Promise<void>;
  stop(): Promise<void>;
}

export async function startBed(shardCount = 3): Promise<Bed> {
  const server = await startMysqld();
  const whole = await TwinClient.connect(server.port);
  const names = Array.from({ length: shardCount }, (_, index) => `s${index}`);
  await must(whole, "SET NAMES utf8mb4");
  for (const name of ["whole", ...names]) await must(whole, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await must(whole, "USE whole");
  const side = await TwinClient.connect(server.port);
  await must(side, "SET NAMES utf8mb4");
  await must(side, "USE s0");
  let asked: Promise<unknown> = Promise.resolve();
  const port = new DirectPort(server.port);
  return {
    server,
    whole,
    ask(sql) {
      const rows = asked.then(() => side.rows(sql));
      asked = rows.catch(() => undefined);
      return rows;
    },
    port,
    shards: names.map((shard) => ({ keyspace: KEYSPACE, shard, tabletType: "primary" })),
    async everywhere(sql) {
      for (const name of [...names, "whole"]) {
        await must(whole, `USE ${name}`);
        await must(whole, sql);
      }
    },
    async insert(table, rows, shardOf = (index) => index % shardCount) {
      for (let from = 0; from < rows.length; from += 500) {
        const part = rows.slice(from, from + 500);
        await must(whole, `INSERT INTO whole.${table} VALUES ${part.map((row) => `(${row})`).join(",")}`);
        for (const [shard, name] of names.entries()) {
          const own = part.filter((_, index) => shardOf(from + index) === shard);
          if (own.length > 0)
            await must(whole, `INSERT INTO ${name}.${table} VALUES ${own.map((row) => `(${row})`).join(",")}`);
        }
      }
    },
    async stop() {
      whole.close();
      side.close();
      port.close();
      await server.stop();
    },
  };
}

export async function must(client: TwinClient, sql: string): Promise<Outcome> {
  const outcome = await client.query(sql);
  if (outcome.kind === "error") throw new Error(`${sql.slice(0, 300)}: ${outcome.message}`);
  return outcome;
}

// Plans

export function query(sql: string): Query {
  const statement = parse(sql);
  if (statement.kind !== "select" && statement.kind !== "union") throw new Error(`no query: ${sql}`);
  return statement;
}

export const NO_MERGE: Merge = {
  aggregate: undefined,
  distinct: undefined,
  order: [],
  sorted: false,
  limit: undefined,
  pushLimit: false,
};

export function key(column: number, more: Partial<MergeKey> = {}): MergeKey {
  return { column, weight: undefined, collation: undefined, collationColumn: undefined, descending: false, ...more };
}

export function limit(count: number, offset?: number): Merge["limit"] {
  const value = (rows: number) =>
    ({ kind: "constant", value: { type: "INT64", raw: Buffer.from(String(rows)) } }) as const;
  return { count: value(count), offset: offset === undefined ? undefined : value(offset) };
}

export interface BodyOptions {
  readonly statement: string;
  /** Default: the statement. */
  readonly typing?: string;
  readonly width: number;
  readonly merge?: Partial<Merge>;
  readonly uses?: readonly string[];
  readonly routing?: Routing;
  readonly outer?: { readonly matched: string; readonly unmatched: string };
  readonly keyspace?: string;
}

export function body(options: BodyOptions): ShardBody {
  const { statement, typing = statement, width, merge = {}, uses = [], outer } = options;
  return {
    kind: "shards",
    keyspace: options.keyspace ?? KEYSPACE,
    routing: options.routing ?? { kind: "scatter" },
    statement: query(statement),
    uses,
    typing: query(typing),
    width,
    merge: { ...NO_MERGE, ...merge },
    outer: outer === undefined ? undefined : { matched: query(outer.matched), unmatched: query(outer.unmatched) },
  };
}

export function union(parts: readonly Body[], typing: string, width: number, merge: Partial<Merge> = {}): Body {
  return { kind: "union", keyspace: KEYSPACE, parts, typing: query(typing), width, merge: { ...NO_MERGE, ...merge } };
}

export function step(name: string, columns: readonly string[], from: Body, more: Partial<RowsStep> = {}): RowsStep {
  return { name, columns, body: from, typing: from.typing, batched: false, numbered: false, ...more };
}

export function plan(from: Body, ...steps: readonly RowsStep[]): MergePlan {
  const effect = { writes: false, commits: false, touchesTables: true, reserves: undefined };
  return { kind: "merge", steps, body: from, origins: [], reason: "a test", gather: undefined, effect };
}

export function aggregate(keys: readonly MergeKey[], outputs: readonly AggregateOutput[]): Partial<Merge> {
  return { aggregate: { keys, outputs } };
}

// Runs

export interface RunOptions {
  readonly limits?: MergeLimits;
  readonly port?: ShardPort;
  readonly context?: Partial<MergeContext>;
}

export function contextOf(bed: Bed, options: RunOptions = {}): MergeContext {
  const { port = bed.port } = options;
  const signal = new AbortController().signal;
  const text = (sql: Query): Buffer => Buffer.from(print(sql, [], { columnNames: true }));
  const requestFor = (_target: ShardTarget, sql: Buffer): ShardRequest =>
    plainRequest(Buffer.concat([Buffer.of(3), sql]));
  const [any] = bed.shards;
  if (any === undefined) throw new Error("a bed has shards");
  return {
    port,
    dialect: "mariadb",
    rules: {
      timestampsAreDistinct: true,
      allowsZeroDates: true,
      divisionDecimals: 4,
      paddingOf: (collation) => paddingOf(bed, collation),
    },
    signal,
    isSequential: false,
    locks: false,
    targetsOf: (_keyspace, routing) => (routing.kind === "any" ? [any] : bed.shards),
    requestFor,
    ended() {},
    print: (each, rowsMax) =>
      rowsMax === undefined ? text(each) : Buffer.from(`${text(each).toString()} limit ${rowsMax}`),
    printTyping: (each) => text(describing(each)),
    describe: (each) => describeOn(bed.port, any, requestFor(any, text(describing(each))), signal),
    async collations(typing, names) {
      const columns = names.map((name) => `COLLATION(t.\`${name}\`)`).join(", ");
      const rows = await bed.ask(`SELECT ${columns} FROM (SELECT 1) o LEFT JOIN (${typing.toString()}) t ON FALSE`);
      return rows[0]?.split("|") ?? [];
    },
    limitOf: (wanted) => ({
      count: numberOf(wanted.count),
      offset: wanted.offset === undefined ? 0n : numberOf(wanted.offset),
    }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...options.context,
  };
}

function numberOf(ref: NonNullable<Merge["limit"]>["count"]): bigint {
  if (ref.kind !== "constant") throw new Error("tests give plain limits");
  return BigInt(ref.value.raw.toString());
}

const paddings = new Map<string, Promise<Padding>>();

function paddingOf(bed: Bed, collation: string): Promise<Padding> {
  let padding = paddings.get(collation);
  if (padding === undefined) {
    padding = askPadding(bed, collation);
    paddings.set(collation, padding);
  }
  return padding;
}

async function askPadding(bed: Bed, collation: string): Promise<Padding> {
  if (collation === "binary") return { kind: "none" };
  const charset = collation.split("_")[0];
  const weights = [" ", "  "].map(
    (spaces) => `HEX(WEIGHT_STRING(CONVERT('${spaces}' USING ${charset}) COLLATE ${collation}))`,
  );
  const [row = ""] = await bed.ask(`SELECT ${weights.join(", ")}`);
  const [one = "", two = ""] = row.split("|");
  return paddingFrom(collation, Buffer.from(one, "hex"), Buffer.from(two, "hex"));
}

/** Collects what is written; `holds` makes it a client that does not read. An idle one has it all at once. */
export class TestOutput implements Output {
  readonly parts: Buffer[] = [];
  readonly isIdle: boolean;
  holds = false;
  #resume: (() => void)[] = [];

  constructor(isIdle = false) {
    this.isIdle = isIdle;
  }

  get bytes(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }

  write(bytes: Buffer): boolean {
    this.parts.push(this.isIdle ? Buffer.from(bytes) : bytes);
    return !this.holds;
  }

  onDrain(resume: () => void): void {
    if (this.holds) this.#resume.push(resume);
    else resume();
  }

  release(): void {
    this.holds = false;
    const waiting = this.#resume;
    this.#resume = [];
    for (const resume of waiting) resume();
  }
}

/** Runs a plan and gives its rows as text; \N is NULL. */
export async function rowsOf(bed: Bed, wanted: MergePlan, options: RunOptions = {}): Promise<string[]> {
  const run = new MergeRun(wanted, contextOf(bed, options));
  const rows: string[] = [];
  try {
    for await (const batch of run.rows()) for (const row of rowsIn(batch)) rows.push(textOf(row, wanted.body.width));
  } finally {
    await run.close();
  }
  return rows;
}

/** Runs a plan into a client and reads the packets back. */
export async function outcomeOf(
  bed: Bed,
  wanted: MergePlan,
  options: RunOptions & { readonly isIdle?: boolean } = {},
): Promise<Buffer> {
  const run = new MergeRun(wanted, contextOf(bed, options));
  const client = new TestOutput(options.isIdle);
  const output = new MergeOutput(client, 1, wanted.body.width);
  try {
    await output.head(await run.definitions(), 2);
    for await (const batch of run.rows()) await output.rows(batch, wanted.body.width);
    output.finish({ warnings: 0, statusFlags: 2 });
  } finally {
    await run.close();
  }
  return Buffer.concat(client.parts);
}

/** The plan answers as `whole` does: same rows, in the same order when `ordered`. */
export async function expectSame(
  bed: Bed,
  original: string,
  wanted: MergePlan,
  options: RunOptions & { readonly ordered?: boolean } = {},
): Promise<string[]> {
  const expected = [...(await bed.whole.rows(original))];
  const actual = await rowsOf(bed, wanted, options);
  if (options.ordered !== true) {
    expected.sort();
    expect([...actual].sort()).toEqual(expected);
  } else expect(actual).toEqual(expected);
  return actual;
}

/** Copies of a batch's rows. */
export function rowsIn(batch: RowBatch): Buffer[] {
  return batch.ends.map((_, index) => Buffer.from(rowAt(batch, index)));
}

/** A stream's only row. */
export function batchOf(columns: RowBatch["columns"], row: Buffer): RowBatch {
  return { columns, ...allRows([row]) };
}

export function textOf(row: Buffer, width: number): string {
  const values: string[] = [];
  let pos = 0;
  for (let at = 0; at < width; at++) {
    let length = row[pos++] ?? 0;
    if (length === 0xfb) {
      values.push("\\N");
      continue;
    }
    if (length > 0xfb) {
      const bytes = length === 0xfc ? 2 : length === 0xfd ? 3 : 8;
      length = bytes === 8 ? Number(row.readBigUInt64LE(pos)) : row.readUIntLE(pos, bytes);
      pos += bytes;
    }
    values.push(row.toString("latin1", pos, pos + length));
    pos += length;
  }
  return values.join("|");
}
