// A connection that a session holds on one shard, and the statements that open and end a transaction there: a plain one, a
// branch that can be prepared, or one under locked tables.

import { TAKE_SNAPSHOT } from "../../base/distributed-transaction.ts";
import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { joinStatements, splitStatementList } from "../../base/statement-list.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { ShardSavepoint } from "../transaction/savepoints.ts";

/** What a statement may do to rows. */
export type ShardUse = "reads" | "locks" | "writes";

export interface Held {
  readonly target: ShardTarget;
  holdId: number;
  inTransaction: boolean;
  /** Kept after the transaction, until the session ends. */
  reserved: boolean;
  /** Set there in the transaction, oldest first. */
  savepoints: readonly ShardSavepoint[];
  /** The most that a statement of the transaction may have done there. */
  use: ShardUse;
  /** The transaction is an XA transaction there. */
  branch: Branch | undefined;
}

export interface Branch {
  readonly xid: string;
  /** Or may be. */
  isPrepared: boolean;
}

/** The manual: "The proper way to use LOCK TABLES and UNLOCK TABLES with transactional tables". */
export const OPEN_UNDER_LOCKS = "SET autocommit = 0";
export const CLOSED_UNDER_LOCKS = "SET autocommit = 1";

const USES: readonly ShardUse[] = ["reads", "locks", "writes"];
export const NOTHING = "DO 0";

export function moreOf(a: ShardUse, b: ShardUse): ShardUse {
  return USES.indexOf(a) < USES.indexOf(b) ? b : a;
}

/** `readers` have written nothing, `lockers` are those among them that hold locks. */
export function byUse(participants: readonly Held[]): {
  readonly writers: readonly Held[];
  readonly readers: readonly Held[];
  readonly lockers: readonly Held[];
} {
  return {
    writers: participants.filter(({ use }) => use === "writes"),
    readers: participants.filter(({ use }) => use !== "writes"),
    lockers: participants.filter(({ use }) => use === "locks"),
  };
}

/** Whatever completion_type says. */
const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";
const ROLLBACK = "ROLLBACK AND NO CHAIN NO RELEASE";

/** As `begin` opens a plain transaction, opens one that can be prepared. */
export function branchStart(begin: string, xid: string): string {
  const statements = splitStatementList(begin);
  const start = statements.at(-1) ?? "";
  return joinStatements([
    ...statements.slice(0, -1),
    ...(start.endsWith("READ WRITE") ? ["SET TRANSACTION READ WRITE"] : []),
    `XA START ${xid}`,
    ...(start.includes("WITH CONSISTENT SNAPSHOT") ? [TAKE_SNAPSHOT] : []),
  ]);
}

/** Nothing for what the tablet does by itself. */
export function plainEnd(op: "commit" | "rollback", { reserved }: Held): readonly string[] {
  if (!reserved) return [];
  return [op === "commit" ? COMMIT : ROLLBACK];
}

export function branchEnd(op: "commit" | "rollback", { xid, isPrepared }: Branch): readonly string[] {
  if (isPrepared) return [op === "commit" ? `XA COMMIT ${xid}` : `XA ROLLBACK ${xid}`];
  return [`XA END ${xid}`, op === "commit" ? `XA COMMIT ${xid} ONE PHASE` : `XA ROLLBACK ${xid}`];
}

/** What is told of a commit that failed before it was decided. */
export function notCommitted(error: Error): Error {
  const isOfPath = error instanceof ShardgateError || (error instanceof MysqlError && error.errno === ER_DUP_ENTRY);
  if (!isOfPath) return error;
  const text = `transaction rolled back on all its shards: ${error.message}; try restarting it`;
  return new ShardgateError("TRANSACTION_LOST", text, error);
}

const ER_DUP_ENTRY = 1062;

export function sameShard(a: ShardTarget, b: ShardTarget): boolean {
  return a === b || (a.shard === b.shard && a.keyspace === b.keyspace && a.tabletType === b.tabletType);
}

export function nameOf(target: ShardTarget): string {
  return `${target.keyspace}:${target.shard}`;
}
