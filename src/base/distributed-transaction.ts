// What gateways and tablets have in common about transactions over several shards (mode `twopc`): how they and their
// branches are called, and the table that says how they ended. How they are committed is told in
// gateway/transaction/two-phase.ts, how what is left of one is cleaned up in tablet/xa-resolver.ts.
//
// A transaction's name is that of the gateway process and a counter. A branch is an XA transaction of one mysqld; its xid
// also says which shard decides, so that whoever finds it prepared knows whom to ask:
//
//   9f1c06d2a47be853.1a.2.customer/-80
//   └─ gateway ────┘ │  │ └─ coordinator: keyspace and shard
//          counter ──┘  └─ which branch: several may be on one mysqld

import { ShardgateError } from "./errors.ts";

export interface ShardName {
  readonly keyspace: string;
  readonly shard: string;
}

export interface BranchName {
  /** Name of the whole transaction. */
  readonly transaction: string;
  readonly number: number;
  readonly coordinator: ShardName;
}

export type Decision = "commit" | "abort";

/** Tells our xids from those of others: "SG". */
export const XID_FORMAT = 0x5347;
/** Bytes of each of the two parts of an xid. */
const XID_PART_BYTES_MAX = 64;

const DATABASE = "`_shardgate`";
const TABLE = `${DATABASE}.\`decisions\``;

/** Run by tablets of primaries: on their mysqlds alone transactions are decided. */
export const CREATE_DECISIONS: readonly string[] = [
  `CREATE DATABASE IF NOT EXISTS ${DATABASE}`,
  `CREATE TABLE IF NOT EXISTS ${TABLE} (
    transaction VARBINARY(64) NOT NULL PRIMARY KEY,
    decision ENUM('commit', 'abort') NOT NULL,
    participants TEXT CHARACTER SET utf8mb4 NOT NULL,
    decided_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
  ) ENGINE = InnoDB`,
];

export const HAS_DECISIONS =
  "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = '_shardgate' AND TABLE_NAME = 'decisions'";

/** A read that takes a transaction's snapshot, and nothing else. */
export const TAKE_SNAPSHOT = `SELECT 1 FROM ${TABLE} WHERE transaction = ''`;

export function branchName(name: BranchName): string {
  const { transaction, number, coordinator } = name;
  const text = `${transaction}.${number}.${coordinator.keyspace}/${coordinator.shard}`;
  if (Buffer.byteLength(text) > 2 * XID_PART_BYTES_MAX) {
    throw new ShardgateError(
      "LIMIT_REACHED",
      `names of keyspace and shard are too long for an XA transaction: ${text}`,
    );
  }
  return text;
}

/** Undefined for what is none of ours. */
export function parseBranchName(text: string): BranchName | undefined {
  const parts = /^([0-9a-f]+\.[0-9a-z]+)\.(\d+)\.([^/]+)\/(.+)$/s.exec(text);
  if (parts === null) return undefined;
  const [, transaction = "", number = "", keyspace = "", shard = ""] = parts;
  return { transaction, number: Number(number), coordinator: { keyspace, shard } };
}

/** The xid as XA statements take it. */
export function xidOf(branch: string): string {
  const bytes = Buffer.from(branch);
  const hex = (from: number): string => `X'${bytes.toString("hex", from, from + XID_PART_BYTES_MAX)}'`;
  return `${hex(0)},${hex(XID_PART_BYTES_MAX)},${XID_FORMAT}`;
}

/**
 * A row that always stays: InnoDB locks a table that is empty as a whole for an INSERT by a session with unique_checks = 0
 * and foreign_key_checks = 0 (MariaDB since 10.6), as those that load a dump, and other sessions' commits would wait for it.
 */
export const KEEP_NEVER_EMPTY = `INSERT IGNORE INTO ${TABLE} (transaction, decision, participants) VALUES ('', 'abort', '')`;
export const IS_NEVER_EMPTY = `SELECT 1 FROM ${TABLE} WHERE transaction = ''`;

/** Fails with 1062 when it has been decided already. */
export function recordCommit(transaction: string, participants: readonly ShardName[]): string {
  const names = participants.map(({ keyspace, shard }) => `${keyspace}/${shard}`).join(" ");
  return `INSERT INTO ${TABLE} (transaction, decision, participants) VALUES (${quoted(transaction)}, 'commit', ${quoted(names)})`;
}

/**
 * Decides for `abort` unless it has been decided. It waits for a coordinator that is about to commit: 1205 when that takes
 * too long.
 */
export function decideAbort(transaction: string): string {
  return (
    `INSERT INTO ${TABLE} (transaction, decision, participants) VALUES (${quoted(transaction)}, 'abort', '') ` +
    "ON DUPLICATE KEY UPDATE decision = decision"
  );
}

export function readDecision(transaction: string): string {
  return `SELECT decision FROM ${TABLE} WHERE transaction = ${quoted(transaction)}`;
}

export function forgetDecisions(transactions: readonly string[]): string {
  // By the key, or it would wait for the records of others that are being made.
  return `DELETE d FROM ${TABLE} d FORCE INDEX (PRIMARY) WHERE d.transaction IN (${transactions.map(quoted).join(", ")})`;
}

/** Name, decision, participants and age in seconds. */
export function listDecisions(): string {
  return `SELECT transaction, decision, participants, TIMESTAMPDIFF(SECOND, decided_at, NOW()) FROM ${TABLE} WHERE transaction <> '' ORDER BY decided_at`;
}

/** The participants of a record. */
export function parseShardNames(text: string): readonly ShardName[] {
  return text.split(" ").flatMap((name) => {
    const slash = name.indexOf("/");
    return slash < 0 ? [] : [{ keyspace: name.slice(0, slash), shard: name.slice(slash + 1) }];
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
