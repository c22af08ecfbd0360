// A statement of the gateway's own that runs as the session's would: through the plan cache, in the session's transaction,
// with its rights and settings, over as many shards as it takes. Its answer is kept instead of being sent to the client.

import { interrupted, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { CLIENT, HEADER_ERR } from "../../mysql/constants.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { comQuery } from "../client/com-query.ts";
import { CursorRows } from "../prepared/cursor-rows.ts";
import type { Executor } from "../executor.ts";
import type { ExecutorClient } from "../client/executor-client.ts";
import { readTextResult, type TextResult } from "./text-rows.ts";

/** The rows of a SELECT. Throws MysqlError for what it is answered, LIMIT_REACHED for an answer too large to be kept. */
export async function queryInside(executor: Executor, sql: string): Promise<TextResult> {
  const reply = await replyInside(executor, sql);
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply);
  for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
    if (payload[0] === HEADER_ERR) throw decodeErr(payload);
  }
  return readTextResult(reply);
}

/** The whole answer to a statement, which may be the client's own, framed. Throws LIMIT_REACHED for one too large to be kept; an ERR is an answer. */
export function replyInside(executor: Executor, sql: string | Buffer, isClients = false): Promise<Buffer> {
  return new InnerClient(executor, isClients).query(sql);
}

/** The whole answer, of any length: beyond a bound it is on disk. The caller closes it. Throws as `replyInside`. */
export async function keptInside(executor: Executor, sql: string): Promise<CursorRows> {
  const kept = new CursorRows();
  try {
    await new InnerClient(executor, false, kept).query(sql);
    await kept.drained();
    return kept;
  } catch (error) {
    await kept.close();
    throw error;
  }
}

/** Takes the place of the client of `outer` for one statement. */
class InnerClient implements ExecutorClient {
  readonly capabilities: number;
  readonly #executor: Executor;
  readonly #signal: AbortSignal;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #done: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  readonly #kept: CursorRows | undefined;

  constructor(outer: Executor, isClients: boolean, kept?: CursorRows) {
    this.#kept = kept;
    this.capabilities = outer.client.capabilities & ~CLIENT.DEPRECATE_EOF;
    this.#signal = outer.signal;
    this.#executor = outer.forClient(this, isClients);
  }

  async query(sql: string | Buffer): Promise<Buffer> {
    const cancel = (): void => this.#executor.interrupt(interrupted());
    this.#signal.addEventListener("abort", cancel, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#done = resolve;
        this.#failed = reject;
        this.#executor.query(comQuery(sql), 0);
      });
    } finally {
      this.#signal.removeEventListener("abort", cancel);
    }
    if (this.#bytes > LIMITS.bufferedReplyBytesMax) throw tooLarge();
    return Buffer.concat(this.#parts);
  }

  write(bytes: Buffer): boolean {
    if (this.#kept !== undefined) return this.#keep(this.#kept, bytes);
    this.#bytes += bytes.length;
    if (this.#bytes <= LIMITS.bufferedReplyBytesMax) this.#parts.push(bytes);
    return true;
  }

  #keep(kept: CursorRows, bytes: Buffer): boolean {
    try {
      return kept.add(bytes);
    } catch (error) {
      this.#executor.interrupt(tooLarge());
      this.#failed?.(error instanceof Error ? error : tooLarge());
      return true;
    }
  }

  onDrain(resume: () => void): void {
    if (this.#kept === undefined) resume();
    else this.#kept.drained().then(resume, (error: Error) => this.#failed?.(error));
  }

  commandDone(): void {
    this.#done?.();
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.#failed?.(new ShardgateError("SHARD_CONNECTION_LOST", "lost connection to a shard during the query"));
  }
}

function tooLarge(): ShardgateError {
  return new ShardgateError(
    "LIMIT_REACHED",
    `a reply that has to be held in memory is larger than ${LIMITS.bufferedReplyBytesMax} bytes`,
  );
}
