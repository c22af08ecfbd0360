// The ids that an INSERT's rows get from a sequence or a snowflake generator, and what is told of them.

import { notSupported, ShardgateError } from "../../base/errors.ts";
import { givenIds, rowsToGenerate } from "../../engine/insert.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { type Value, valueOf } from "../../mysql/values.ts";
import type { GeneratedColumn, InsertPlan, SequenceTable } from "../../plan/plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { columnNode, literalNode } from "../../sql/new-nodes.ts";
import type { Insert } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import type { DuplicateRule } from "./write-answer.ts";

/** The insert ids of a statement, as far as they are not the shards' business. */
export interface InsertIds {
  /** First of the ids made for this statement. */
  readonly generated: bigint | undefined;
  /** What the last row gives itself. */
  readonly given: bigint | undefined;
  /** The gateway makes the table's ids: what shards tell was given to them. */
  readonly isOwn: boolean;
  /** By LAST_INSERT_ID(expression). */
  readonly isSet: boolean;
  /** Of a single row: whether it was inserted shows in the affected rows. */
  readonly mayUpdate: boolean;
  readonly rule: DuplicateRule;
}

/** Throws 1235 for rows that each shard would number for itself: ids would be given twice. */
export function refuseShardIds(plan: InsertPlan, binds: readonly BindValue[], onZero: boolean): void {
  const { statement, definition, generate, keyspace, table } = plan;
  const auto = generate === undefined ? definition?.columns.find(({ autoIncrement }) => autoIncrement) : undefined;
  if (auto === undefined) return;
  const listed = statement.columns.findIndex(({ name }) => name.toLowerCase() === auto.lower);
  const position = listed < 0 ? statement.columns.length : listed;
  const column = { column: auto.name, position, sequence: undefined };
  if (rowsToGenerate({ ...plan, generate: column }, binds, onZero).length === 0) return;
  const entry = `"auto_increment": {"column": ${JSON.stringify(auto.name)}, "sequence": "…"}`;
  throw notSupported(
    `a generated id in sharded table ${keyspace}.${table}, which every shard would number for itself`,
    `add ${entry} to the table's entry in the VSchema, or "generator": "snowflake" for "sequence", or give ${auto.name} a value`,
  );
}

/** Ids for the rows that ask for one, by their positions. */
export async function generateIds(
  executor: Executor,
  plan: InsertPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<ReadonlyMap<number, Value>> {
  const { generate } = plan;
  const rows = rowsToGenerate(plan, binds, executor.state.autoValueOnZero);
  const ids = new Map<number, Value>();
  if (generate === undefined) return ids;
  const given = generate.sequence?.followsGiven === true ? givenIds(plan, binds) : undefined;
  if (given !== undefined && given.size > 0) return idsBesideGiven(executor, plan, new Set(rows), given, cluster);
  if (rows.length === 0) return ids;
  const taken = await takeIds(executor, plan.table, generate, rows.length, cluster);
  for (const [i, row] of rows.entries()) ids.set(row, valueOf("INT64", String(taken[i] ?? 0n)));
  return ids;
}

async function takeIds(
  { context }: Executor,
  table: string,
  { sequence }: GeneratedColumn,
  count: number,
  cluster: ClusterView,
): Promise<bigint[]> {
  if (sequence === undefined) return context.snowflakes.take(count);
  return context.sequences.take(homeOf(sequence, table, cluster), sequence.table, count);
}

/** Row by row, as AUTO_INCREMENT counts: what a row gives is behind all that is made for the rows after it. */
async function idsBesideGiven(
  executor: Executor,
  plan: InsertPlan,
  wanted: ReadonlySet<number>,
  given: ReadonlyMap<number, bigint>,
  cluster: ClusterView,
): Promise<ReadonlyMap<number, Value>> {
  const { generate, table, statement } = plan;
  const ids = new Map<number, Value>();
  const sequence = generate?.sequence;
  if (sequence === undefined) return ids;
  const home = homeOf(sequence, table, cluster);
  const { sequences } = executor.context;
  let greatest = 0n;
  for (const row of statement.rows.keys()) {
    const id = given.get(row) ?? 0n;
    if (id > greatest) greatest = id;
    if (!wanted.has(row)) continue;
    if (greatest > 0n) await sequences.pass(home, sequence.table, greatest);
    const [made = 0n] = await sequences.take(home, sequence.table, 1);
    ids.set(row, valueOf("INT64", String(made)));
  }
  await sequences.pass(home, sequence.table, greatest);
  return ids;
}

function homeOf(sequence: SequenceTable, table: string, cluster: ClusterView): ShardTarget {
  const home = cluster.targets.primary.get(sequence.keyspace);
  const at = sequence.pinned === undefined ? 0 : (home?.shardMap?.indexOf(sequence.pinned) ?? 0);
  const target = home?.targets[at];
  if (target !== undefined) return target;
  throw new ShardgateError(
    "SHARD_UNAVAILABLE",
    `no ids for ${table}: keyspace ${sequence.keyspace} of sequence ${sequence.table} is not available`,
  );
}

/** The statement with the generated ids in place, the column added if it was not listed. */
export function withGenerated(plan: InsertPlan, generated: ReadonlyMap<number, Value>): Insert {
  const { statement, generate } = plan;
  if (generate === undefined) return statement;
  const { position } = generate;
  const isListed = position < (statement.rows[0]?.values.length ?? 0);
  const pos = statement.pos;
  const rows = statement.rows.map((row, i) => {
    const id = generated.get(i);
    if (id === undefined) return row;
    const literal = literalNode("int", id.raw.toString("latin1"), pos);
    const values = isListed ? row.values.with(position, literal) : [...row.values, literal];
    return { ...row, values };
  });
  if (isListed) return { ...statement, rows };
  return {
    ...statement,
    rows,
    columns: [...statement.columns, columnNode(generate.column, undefined, pos)],
    columnList: true,
  };
}
