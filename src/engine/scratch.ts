// A connection held on one shard for the time of a query: what a gather fills its temporary tables on. It may be the session's
// own, which has locks that the query asks about, and is kept then. One statement at a time, in the order they were asked for.

import { collect, conclude, errorOfReply, ShardCallError } from "./collect.ts";
import { plainRequest, type ShardPort, type ShardTarget } from "./ports.ts";

const COM_QUERY = Buffer.of(3);

export class Scratch {
  readonly target: ShardTarget;
  readonly #port: ShardPort;
  readonly #signal: AbortSignal;
  #holdId: number;
  #last: Promise<unknown> = Promise.resolve();
  /** Once the connection is gone, so is what was made on it: whoever asks later is told the same, not what became of the hold. */
  #lost: ShardCallError | undefined;

  /** `holdId`: a connection that is held already; 0: a new one. */
  constructor(port: ShardPort, target: ShardTarget, signal: AbortSignal, holdId = 0) {
    this.#port = port;
    this.#holdId = holdId;
    this.target = target;
    this.#signal = signal;
  }

  /** 0 before the first statement. */
  get holdId(): number {
    return this.#holdId;
  }

  run(sql: Buffer): Promise<void> {
    return this.runAll([sql]);
  }

  /** The statements one after the other, no other between them. */
  runAll(statements: readonly Buffer[]): Promise<void> {
    const next = this.#last.then(async () => {
      for (const sql of statements) await this.#run(sql);
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Waits for what is under way, then gives the connection back, reset: its temporary tables are gone. */
  async release(): Promise<void> {
    await this.#last;
    if (this.#holdId !== 0) await conclude(this.#port, this.target, "release", this.#holdId).catch(() => undefined);
    this.#holdId = 0;
  }

  async #run(sql: Buffer): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#lost !== undefined) throw this.#lost;
    const request = {
      ...plainRequest(Buffer.concat([COM_QUERY, sql])),
      hold: this.#holdId === 0,
      holdId: this.#holdId,
    };
    const reply = await collect(this.#port, this.target, request, this.#signal).catch((error: unknown) => {
      if (!(error instanceof ShardCallError)) throw error;
      // The session's own connections are not affected.
      const shown = new ShardCallError(error.error, false, error.target);
      if (error.holdLost) this.#lost = shown;
      throw shown;
    });
    if (reply.info.holdId !== 0) this.#holdId = reply.info.holdId;
    if (reply.info.kind === "err") throw errorOfReply(reply);
  }
}
