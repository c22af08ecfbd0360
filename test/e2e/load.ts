// Steady load for tests of faults: each worker is one client connection that runs one statement after the other, notes
// errors and the longest answer, and connects anew when its connection is gone, as a pool of an application does.

import { type Connection, createConnection, type ConnectionOptions } from "mysql2/promise";
import { delay } from "../../src/local/process.ts";

export interface LoadError {
  readonly errno: number | undefined;
  readonly sqlState: string | undefined;
  readonly message: string;
  readonly afterMs: number;
}

/** What drivers and ORMs answer with another try: errno and SQLSTATE. */
export const RETRYABLE: ReadonlySet<string> = new Set(["1053 08S01", "2013 08S01", "1213 40001", "1040 08004"]);

const PAUSE_MS = 5;

export class Load {
  readonly errors: LoadError[] = [];
  done = 0;
  longestMs = 0;
  readonly #target: ConnectionOptions;
  readonly #statement: () => string;
  readonly #workers: Promise<void>[];
  #stopped = false;

  constructor(target: ConnectionOptions, workers: number, statement: () => string) {
    this.#target = { user: "root", host: "127.0.0.1", connectTimeout: 20_000, ...target };
    this.#statement = statement;
    this.#workers = Array.from({ length: workers }, () => this.#work());
  }

  /** Errors that no driver would answer with another try. Connections that broke have no SQLSTATE and count as retryable. */
  get fatal(): LoadError[] {
    return this.errors.filter(
      ({ errno, sqlState, message }) =>
        !RETRYABLE.has(`${errno} ${sqlState}`) && !/ECONNRE|closed state|Connection lost/.test(message),
    );
  }

  /** Resolves when `count` more statements have been answered without an error. */
  async answered(count: number, withinMs: number): Promise<void> {
    const wanted = this.done + count;
    for (const startMs = performance.now(); this.done < wanted; await delay(20)) {
      if (performance.now() - startMs < withinMs) continue;
      throw new Error(`${this.done - wanted + count} of ${count} answers in ${withinMs} ms; last error: ${this.last}`);
    }
  }

  get last(): string {
    return JSON.stringify(this.errors.at(-1));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    let connection: Connection | undefined;
    while (!this.#stopped) {
      const startMs = performance.now();
      try {
        connection ??= await this.#connect();
        await connection.query(this.#statement());
        this.done++;
      } catch (error) {
        const noted = noteOf(error, performance.now() - startMs);
        this.errors.push(noted);
        if (noted.sqlState === undefined) {
          connection?.destroy();
          connection = undefined;
        }
        await delay(20);
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      await delay(PAUSE_MS);
    }
    connection?.destroy();
  }

  async #connect(): Promise<Connection> {
    const connection = await createConnection(this.#target);
    connection.on("error", () => {});
    return connection;
  }
}

/** errno and SQLSTATE as the server sent them; undefined for what the driver made up. */
export function noteOf(error: unknown, afterMs = 0): LoadError {
  const message = error instanceof Error ? error.message : String(error);
  if (typeof error !== "object" || error === null) return { errno: undefined, sqlState: undefined, message, afterMs };
  const errno = "errno" in error && typeof error.errno === "number" ? error.errno : undefined;
  const sqlState = "sqlState" in error && typeof error.sqlState === "string" ? error.sqlState : undefined;
  return { errno, sqlState, message, afterMs };
}

/** Runs `work`, which must fail, and gives what it failed with. */
export async function failureOf(work: Promise<unknown>): Promise<LoadError> {
  const startMs = performance.now();
  try {
    await work;
  } catch (error) {
    return noteOf(error, performance.now() - startMs);
  }
  throw new Error("no error came");
}
