// What the log says of statements: one line for each that was slow or failed, as far as a second has room for them. What a
// client has written into its statement (literals, and errors that quote them) is left out unless it is asked for.

import type { Clock } from "../../base/clock.ts";
import { type ErrorId, type MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Log, LogLevel } from "../../base/log.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { decodeSql } from "../../sql/encoding.ts";
import type { Digest } from "./query-stats.ts";
import type { LastStatement } from "../session/session-state.ts";

export interface StatementLogOptions {
  /** Statements that take longer are slow; Infinity: none is. */
  readonly slowMs: number;
  /** Statements and errors as they were, with their literals. */
  readonly showsLiterals: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AnsweredStatement {
  readonly connectionId: number;
  readonly user: string;
  readonly digest: Digest;
  readonly last: LastStatement;
  readonly ms: number;
  /** As the client sent it, without the command byte; undefined when it is not known any more. */
  readonly sql: Buffer | undefined;
  readonly traceId: string | undefined;
}

/** Faults of the cluster, or bounds of it: for operators. Their texts quote no statement. */
const OURS: ReadonlySet<ErrorId> = new Set<ErrorId>([
  "SHARD_UNAVAILABLE",
  "SHARD_CONNECTION_LOST",
  "TRANSACTION_LOST",
  "POOL_EXHAUSTED",
  "LIMIT_REACHED",
  "TOPO_UNAVAILABLE",
  "ER_QUERY_TIMEOUT",
  "CANCELLED",
  "INTERNAL",
]);
const SECOND_MS = 1_000;

export class StatementLog {
  readonly slowMs: number;
  readonly #options: StatementLogOptions;
  #secondSinceMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  /** Lines that the last second had no room for. */
  #leftOut = 0;

  constructor(options: StatementLogOptions) {
    this.slowMs = options.slowMs;
    this.#options = options;
  }

  failed(statement: AnsweredStatement): void {
    const { error } = statement.last;
    const level = error !== undefined && isOurs(error) ? "warn" : "info";
    this.#say(level, statement, "statement failed");
  }

  slow(statement: AnsweredStatement): void {
    this.#say("warn", statement, "slow query");
  }

  #say(level: LogLevel & ("info" | "warn"), statement: AnsweredStatement, message: string): void {
    const { log } = this.#options;
    if (log.threshold?.lets(level) === false || !this.#hasRoom()) return;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    log[level]({ ...this.#fields(statement), ...(leftOut === 0 ? {} : { leftOut }) }, message);
  }

  #fields({ connectionId, user, digest, last, ms, sql, traceId }: AnsweredStatement): object {
    const { showsLiterals } = this.#options;
    const { tier, rows, error, targets } = last;
    const text = showsLiterals && sql !== undefined ? shortened(sql) : digest.text;
    return {
      connection: connectionId,
      user,
      keyspace: digest.keyspace,
      shards: targets.map(nameOf),
      type: digest.type,
      tier,
      ms: Math.round(ms),
      rows,
      errno: last.errno,
      ...(error !== undefined && (showsLiterals || isOurs(error)) ? { error: error.message } : {}),
      statement: text,
      ...(traceId === undefined ? {} : { trace: traceId }),
    };
  }

  #hasRoom(): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#secondSinceMs >= SECOND_MS) {
      this.#secondSinceMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines < LIMITS.statementLinesPerSecondMax) {
      this.#lines++;
      return true;
    }
    this.#leftOut++;
    return false;
  }
}

function isOurs(error: ShardgateError | MysqlError): boolean {
  return error instanceof ShardgateError && OURS.has(error.id);
}

function nameOf({ keyspace, shard, tabletType }: ShardTarget): string {
  return tabletType === "primary" ? `${keyspace}/${shard}` : `${keyspace}/${shard}@${tabletType}`;
}

function shortened(sql: Buffer): string {
  const { digestTextBytesMax } = LIMITS;
  return sql.length <= digestTextBytesMax ? decodeSql(sql) : `${decodeSql(sql.subarray(0, digestTextBytesMax))} …`;
}
