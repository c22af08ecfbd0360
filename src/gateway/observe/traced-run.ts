// Runs a statement as the session's, on the tablets that note what they are asked, and drops its rows.

import { interrupted, type MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { CLIENT } from "../../mysql/constants.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { RowCutter } from "../../mysql/row-cutter.ts";
import { comQuery } from "../client/com-query.ts";
import type { ExecutorClient } from "../client/executor-client.ts";
import { Executor } from "../executor.ts";
import { type TracedCall, TracedTablets } from "./traced-tablets.ts";

export interface TracedRun {
  readonly sql: string;
  readonly calls: readonly TracedCall[];
  /** Calls that are not in `calls`. */
  readonly omitted: number;
  /** Of the answer. */
  readonly rows: number;
  readonly ms: number;
}

/** Throws what the statement is answered. */
export async function runTraced(outer: Executor, sql: string): Promise<TracedRun> {
  const { context, signal } = outer;
  const tablets = new TracedTablets(context.tablets, context.clock);
  const client = new DroppingClient(outer.client.capabilities & ~CLIENT.DEPRECATE_EOF);
  const inner = new Executor({ ...context, tablets }, outer.state, client, outer.options);
  const cancel = (): void => inner.interrupt(interrupted());
  signal.addEventListener("abort", cancel, { once: true });
  const startMs = context.clock.nowMs();
  try {
    inner.query(comQuery(sql), 0);
    const rows = await client.answered;
    return { sql, calls: tablets.calls, omitted: tablets.omitted, rows, ms: context.clock.nowMs() - startMs };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Counts the rows of one answer. */
class DroppingClient implements ExecutorClient {
  readonly capabilities: number;
  /** Resolves to the number of rows, rejects with what was answered instead. */
  readonly answered: Promise<number>;
  readonly #cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
  #resolve: (rows: number) => void = () => {};
  #reject: (error: MysqlError | ShardgateError) => void = () => {};

  constructor(capabilities: number) {
    this.capabilities = capabilities;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  write(chunk: Buffer): boolean {
    this.#cutter.push(chunk, 0, chunk.length, []);
    return true;
  }

  onDrain(resume: () => void): void {
    resume();
  }

  commandDone(): void {
    const { scanner, tail } = this.#cutter;
    if (scanner.failed) this.#reject(decodeErr(tail.subarray(4)));
    else this.#resolve(scanner.rowCount);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.#reject(new ShardgateError("SHARD_CONNECTION_LOST", "lost connection to a shard during the query"));
  }
}
