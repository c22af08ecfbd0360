// A worker's end of the channel to its primary process. The primary is found by the environment that it starts workers
// with; when it ends, so does the worker, at once: nobody would restart it, and its port is another process's soon.

import type { Socket } from "node:net";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { Channel } from "./channel.ts";
import type { WorkerPlace } from "./place.ts";
import type { HandedConnection, PrimaryPort, WorkerPort } from "./ports.ts";

/** `closed` is to be called once, when the connection is closed: listeners of the socket may be taken from it (by TLS). */
export type Accept = (socket: Socket, connection: HandedConnection, closed: () => void) => void;

/** `Primary` are the methods that the primary has for workers of its kind. */
export class WorkerLink<Primary extends PrimaryPort = PrimaryPort> {
  readonly place: WorkerPlace;
  readonly channel: Channel<Primary>;
  #accept: Accept | undefined;
  #closed = 0;

  /** `local`: methods for the primary beside those for connections. */
  constructor(place: WorkerPlace, local: Omit<WorkerPort, "accept">, log: Log) {
    this.place = place;
    const send = process.send?.bind(process);
    const wire = {
      send(message: object): void {
        // When it cannot be sent, the primary has gone, and the process ends.
        if (process.connected) send?.(message, undefined, {}, () => undefined);
      },
    };
    const accept: WorkerPort["accept"] = (connection, socket) => this.#take(connection, socket);
    this.channel = new Channel<Primary>(wire, { ...local, accept }, log);
    process.on("message", (message: Parameters<Channel<Primary>["received"]>[0], handle: unknown) => {
      this.channel.received(message, handle as Socket | undefined);
    });
    // Not by exit(): the log's reader was the primary, and what is left of the log would be written for ever (sonic-boom
    // tries again after EPIPE).
    process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
    const beat = setInterval(() => this.#primary.tell("alive", undefined), LIMITS.workerBeatMs);
    beat.unref();
  }

  /** Takes connections from now on. */
  listen(accept: Accept): void {
    this.#accept = accept;
  }

  ready(): void {
    this.#primary.tell("ready", undefined);
  }

  /** Resolves when no more connections are on their way. */
  async leave(): Promise<void> {
    await this.#primary.call("leaving", undefined).catch(() => undefined);
  }

  /** Resolves when it has been told, so that the process may end. */
  async failed(reason: string): Promise<void> {
    await this.#primary.call("failed", reason).catch(() => undefined);
  }

  get #primary(): Channel<PrimaryPort> {
    return this.channel;
  }

  #take(connection: HandedConnection, socket: Socket | undefined): void {
    this.#primary.tell("taken", connection.number);
    if (socket === undefined || this.#accept === undefined) {
      socket?.destroy();
      this.#tellClosed();
      return;
    }
    this.#accept(socket, connection, () => this.#tellClosed());
  }

  /** All that close in one turn of the event loop are told together. */
  #tellClosed(): void {
    if (this.#closed++ > 0) return;
    setImmediate(() => {
      this.#primary.tell("closed", this.#closed);
      this.#closed = 0;
    });
  }
}
