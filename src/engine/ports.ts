// What the engine needs from below: a way to run a command on one shard and to receive the raw reply. Replies are MySQL
// packets as a mysqld wrote them (classic framing, sequence ids from 1); nothing here decodes them.

import { ShardgateError } from "../base/errors.ts";
import type { TraceContext } from "../base/tracing.ts";
import type { ReplyEnd } from "./reply.ts";

/** The shard and the kind of tablet a statement is for. */
export interface ShardTarget {
  readonly keyspace: string;
  readonly shard: string;
  readonly tabletType: "primary" | "replica" | "rdonly";
  /** The keyspace that is meant, where `keyspace` is the one whose tablets serve it as another database. */
  readonly database?: string | undefined;
}

/** The keyspace that statements to the target are about; also the name of its database. */
export function keyspaceOfTarget({ keyspace, database }: ShardTarget): string {
  return database ?? keyspace;
}

export interface ShardRequest {
  /** Keep the connection for the session after this statement. */
  readonly hold: boolean;
  /** The client connection that it is kept for, an id that all gateways know; 0 or undefined with `hold` false. */
  readonly owner?: number | undefined;
  /** Count found rows, not changed rows, as affected (CLIENT_FOUND_ROWS). */
  readonly foundRows: boolean;
  /** Take a connection from the pool for long replies. */
  readonly streaming: boolean;
  /** 0: the tablet's default. */
  readonly timeoutMs: number;
  /** Connection held on this shard for the session; 0: a pooled one. */
  readonly holdId: number;
  /** SET statement that gives a connection the session's settings; empty: defaults. */
  readonly settings: string;
  /** What is run first on the same connection, as what opens a transaction: statements with \0 between; empty: none. */
  readonly begin: string;
  /** What NOW() and its like give, in microseconds since 1970-01-01 UTC; 0: the shard's own time. */
  readonly nowUs: number;
  /** SELECT run right after the statement on its connection, whose reply comes with the end; empty: none. */
  readonly after: string;
  /** `after` is run only if the answer is a result set without rows. */
  readonly afterIfEmpty: boolean;
  /** It sets user variables, which nobody else may see; `after` is run also when it has failed. */
  readonly leavesState: boolean;
  /** Text of the statement that a COM_STMT_EXECUTE is for, whose id the shard fills in; empty for other commands. */
  readonly prepared: Buffer;
  /** Under which span it is traced; undefined: it is not. */
  readonly trace?: TraceContext | undefined;
  /** That of the target, which is put in where it is missing. */
  readonly database?: string | undefined;
  /** COM_* byte and argument; borrowed until the call returns. */
  readonly payload: Buffer;
}

/** Receives one shard's reply; exactly one `end` or `fail` comes last. Chunks may be kept. */
export interface ReplySink {
  data(chunk: Buffer): void;
  end(info: ReplyEnd, chunk: Buffer): void;
  fail(error: Error, holdLost: boolean): void;
}

/** `prepared` of commands that are no COM_STMT_EXECUTE. */
export const NOTHING_PREPARED = Buffer.alloc(0);

const PLAIN: Omit<ShardRequest, "payload"> = {
  hold: false,
  foundRows: false,
  streaming: false,
  timeoutMs: 0,
  holdId: 0,
  settings: "",
  begin: "",
  nowUs: 0,
  after: "",
  afterIfEmpty: false,
  leavesState: false,
  prepared: NOTHING_PREPARED,
};

/** A request on any pooled connection with default settings. */
export function plainRequest(payload: Buffer): ShardRequest {
  return { ...PLAIN, payload };
}

/**
 * Whether a failed call has cost the session its connection on the shard: the one it held, or the one on which the call
 * was to open its part of a transaction. `holdLost` is what the call's sink was told, which counts for held ones only.
 */
export function losesHold(request: ShardRequest, error: Error, holdLost: boolean): boolean {
  if (request.holdId !== 0) return holdLost;
  return request.begin !== "" && error instanceof ShardgateError && error.id === "SHARD_CONNECTION_LOST";
}

export type HoldOp = "commit" | "rollback" | "release" | "control";

export interface ShardCall {
  /** Bytes of the reply that are no longer held in memory here: lets the shard send as many more. */
  consumed(bytes: number): void;
  /** Stops the statement on the shard; the sink still gets its end or fail. */
  cancel(): void;
}

export interface ShardPort {
  /** Throws SHARD_UNAVAILABLE at once when no tablet can take it. */
  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall;
  /**
   * Commits, rolls back or releases a held connection; `control` leaves it held. `statements` are run for it, without
   * the session's settings, the answer is the last one's; none: COMMIT or ROLLBACK.
   */
  conclude(target: ShardTarget, op: HoldOp, holdId: number, sink: ReplySink, statements?: readonly string[]): ShardCall;
}
