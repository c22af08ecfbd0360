// Tables that a gateway enters in a VSchema by itself, and takes out when they are dropped: their entries, and the sequence
// tables of AUTO_INCREMENT columns that have no room for snowflake ids. A sequence lies in the keyspace that clients' own
// databases are made on (--create-database-on), under a name that is never used twice: what other gateways hold in memory
// of a dropped one's ids does not matter.

import { ShardgateError } from "../../base/errors.ts";

import { quoteName } from "../../engine/quote-name.ts";
import type { ProposedEntry } from "../../plan/propose-entry.ts";
import type { TableVSchema } from "../../vschema/model.ts";

import type { Executor } from "../executor.ts";
import { runPlain } from "../read/run-pooled.ts";

/** What a gateway takes at once; the rest of it is lost when the gateway ends. */
const BLOCK_IDS = 1000;
const NAME_CHARACTERS_MAX = 64;

/** Resolves when this gateway plans with the entry. */
export async function enterTable(
  executor: Executor,
  keyspace: string,
  table: string,
  entry: ProposedEntry,
): Promise<void> {
  const { autoVSchema, databases } = executor.context;
  const { numbered } = entry;
  if (numbered === undefined || databases.on === undefined) {
    await autoVSchema.add(keyspace, table, entry);
    return;
  }
  const sequence = await makeSequence(executor, databases.on, `${keyspace}_${table}`);
  const ids = { column: numbered, sequence: `${databases.on}.${sequence}` };
  await autoVSchema.add(keyspace, table, { ...entry, table: { ...entry.table, auto_increment: ids } });
}

/** The tables are on no shard any more, by this name. Their sequences go with those that are dropped. */
export async function leaveTables(
  executor: Executor,
  keyspace: string,
  tables: readonly TableVSchema[],
  areDropped: boolean,
): Promise<void> {
  const { autoVSchema, databases } = executor.context;
  const names = tables.map(({ name }) => name);
  await autoVSchema.remove(keyspace, names);
  const sequences = tables.flatMap(({ autoIncrement }) => {
    const from = autoIncrement?.sequence;
    return areDropped && from !== undefined && from.keyspace === databases.on ? [from.table] : [];
  });
  const { on } = databases;
  if (on === undefined || sequences.length === 0) return;
  await run(executor, on, `DROP TABLE IF EXISTS ${sequences.map(quoteName).join(", ")}`);
  await autoVSchema.remove(on, sequences);
}

/** The name of the new table, from which ids begin with 1. */
async function makeSequence(executor: Executor, on: string, of: string): Promise<string> {
  const { autoVSchema, clock } = executor.context;
  const unique = `_${Math.floor(clock.wallMs()).toString(36)}`;
  const name = `seq_${of}`.slice(0, NAME_CHARACTERS_MAX - unique.length) + unique;
  const columns = "(id INT PRIMARY KEY, next_id BIGINT NOT NULL, cache BIGINT NOT NULL)";
  await run(executor, on, `CREATE TABLE ${quoteName(name)} ${columns} COMMENT 'vitess_sequence'`);
  await run(executor, on, `INSERT INTO ${quoteName(name)} (id, next_id, cache) VALUES (0, 1, ${BLOCK_IDS})`);
  await autoVSchema.add(on, name, { vindexes: {}, table: { type: "sequence", auto_vschema: true } });
  return name;
}

/** On the one shard of unsharded keyspace `on`, as no client's session. Throws the mysqld's error. */
async function run(executor: Executor, on: string, sql: string): Promise<void> {
  const { targets, problem } = executor.shards.ofKeyspace(on, executor.context.cluster());
  const [target] = targets;
  if (target === undefined) {
    throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${on} is not available: ${problem ?? "no shards"}`);
  }
  await runPlain(executor.context.tablets, target, sql);
}
