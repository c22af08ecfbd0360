// TPC-C's terminals: each takes one transaction after the other from a deck of its own (clause 5.2.4), without think times.

import type { Connection } from "mysql2/promise";
import { delay } from "../../src/local/process.ts";
import { connectTo, type Server } from "./load.ts";
import { TpccRandom } from "./random.ts";
import type { Scale } from "./schema.ts";
import { type Kind, KINDS, run, SHARES } from "./transactions.ts";

const RECONNECT_MS = 100;

/** What all terminals together have done. */
export class Terminals {
  readonly done = new Map<Kind, number>();
  /** Milliseconds of each New-Order. */
  readonly newOrderMs: number[] = [];
  readonly errors = new Map<string, number>();
  readonly #workers: Promise<void>[];
  readonly #startMs = performance.now();
  #isStopped = false;

  constructor(server: Server, scale: Scale, count: number, seed: number) {
    this.#workers = Array.from({ length: count }, (_, i) =>
      this.#work(server, scale, 1 + (i % scale.warehouses), seed + i),
    );
  }

  get seconds(): number {
    return (performance.now() - this.#startMs) / 1_000;
  }

  get transactions(): number {
    return [...this.done.values()].reduce((sum, each) => sum + each, 0);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
  }

  async #work(server: Server, scale: Scale, home: number, seed: number): Promise<void> {
    const random = new TpccRandom(seed, scale);
    let connection: Connection | undefined;
    let deck: readonly Kind[] = [];
    while (!this.#isStopped) {
      if (deck.length === 0) deck = shuffledDeck(random);
      const [kind = "newOrder", ...rest] = deck;
      deck = rest;
      const startMs = performance.now();
      try {
        connection ??= await connectTo(server);
        await run(kind, { connection, random, scale, home });
        this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
        if (kind === "newOrder") this.newOrderMs.push(performance.now() - startMs);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith("no row")) throw error;
        await this.#failed(error, connection);
        if (!isAnswer(error)) connection = undefined;
      }
    }
    connection?.destroy();
  }

  async #failed(error: unknown, connection: Connection | undefined): Promise<void> {
    const key = isAnswer(error) ? `${error.errno} ${error.sqlState}` : "connection";
    this.errors.set(key, (this.errors.get(key) ?? 0) + 1);
    if (isAnswer(error)) await connection?.query("ROLLBACK").catch(() => undefined);
    else {
      connection?.destroy();
      await delay(RECONNECT_MS);
    }
  }
}

function shuffledDeck(random: TpccRandom): readonly Kind[] {
  const cards = KINDS.flatMap((kind) => Array.from({ length: SHARES[kind] }, () => kind));
  return random.shuffled(cards.length).flatMap((at) => cards[at - 1] ?? []);
}

function isAnswer(error: unknown): error is { readonly errno: number; readonly sqlState: string } {
  return typeof error === "object" && error !== null && "errno" in error && "sqlState" in error;
}
