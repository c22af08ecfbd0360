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
/** What a record says. `prepared`: the client that has named the transaction decides. */
export type Outcome = Decision | "prepared";

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
    decision ENUM('commit', 'abort', 'prepared') NOT NULL,
    participants TEXT CHARACTER SET utf8mb4 NOT NULL,
    decided_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    client_xid VARBINARY(300)
  ) ENGINE = InnoDB`,
];

/** Its columns. */
export const HAS_DECISIONS =
  "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '_shardgate' AND TABLE_NAME = 'decisions'";

/** For a table that does not know transactions that clients have named. */
export const ADD_CLIENT_XIDS = `ALTER TABLE ${TABLE}
  MODIFY decision ENUM('commit', 'abort', 'prepared') NOT NULL, ADD client_xid VARBINARY(300)`;

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
 * A transaction that a client has named, prepared on all participants. Fails with 1062 when it has been undone already.
 * `xid` is its key (`clientXidKey`).
 */
export function recordPrepared(transaction: string, participants: readonly ShardName[], xid: string): string {
  const names = participants.map(({ keyspace, shard }) => `${keyspace}/${shard}`).join(" ");
  return (
    `INSERT INTO ${TABLE} (transaction, decision, participants, client_xid) ` +
    `VALUES (${quoted(transaction)}, 'prepared', ${quoted(names)}, ${quoted(xid)})`
  );
}

/** What the client has said of one that is prepared. Changes nothing where that was said already. */
export function decidePrepared(transaction: string, decision: Decision): string {
  return (
    `UPDATE ${TABLE} SET decision = '${decision}', decided_at = CURRENT_TIMESTAMP ` +
    `WHERE transaction = ${quoted(transaction)} AND decision = 'prepared'`
  );
}

/** Key, name, outcome and participants of those that clients have named, or of one of them, but for undone ones. */
export function listNamed(xid?: string): string {
  const which = xid === undefined ? "client_xid IS NOT NULL" : `client_xid = ${quoted(xid)}`;
  return `SELECT client_xid, transaction, decision, participants FROM ${TABLE} WHERE ${which} AND decision <> 'abort'`;
}

/** An xid of a client, with its parts in hexadecimal digits. */
export interface ClientXid {
  readonly gtrid: string;
  readonly bqual: string;
  readonly format: number;
}

export function clientXidKey({ format, gtrid, bqual }: ClientXid): string {
  return `${format}.${gtrid}.${bqual}`;
}

export function parseClientXidKey(key: string): ClientXid {
  const [format = "", gtrid = "", bqual = ""] = key.split(".");
  return { format: Number(format), gtrid, bqual };
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
