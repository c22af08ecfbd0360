// What a primary process and its workers may ask of each other, whatever they serve.

import type { Socket } from "node:net";
import type { AdminPage, AdminRequest } from "../base/admin-server.ts";
import type { LogLevel } from "../base/log.ts";
import type { MetricsSnapshot } from "../base/process-metrics.ts";

/** A connection that the primary has accepted. */
export interface HandedConnection {
  /** Of the primary. */
  readonly number: number;
  readonly isUnixSocket: boolean;
  /** Of all workers, with this one. */
  readonly connections: number;
}

/** Methods of a worker. */
export interface WorkerPort {
  /** `socket` is paused, nothing has been read from it; undefined when its client has gone meanwhile. */
  accept(connection: HandedConnection, socket: Socket | undefined): void;
  /** One of its admin pages as data; undefined: it has no such page. */
  page(request: AdminRequest): Promise<AdminPage | undefined>;
  /** Paths of its admin pages. */
  paths(nothing: undefined): readonly string[];
  metrics(nothing: undefined): Promise<MetricsSnapshot | undefined>;
  /** What it logs from now on. */
  logLevel(level: LogLevel): void;
  /** Reads the files again that may change while it runs. */
  reload(nothing: undefined): void;
  /** Lets what is under way end, and ends. */
  stop(nothing: undefined): void;
}

/** Methods of the primary. */
export interface PrimaryPort {
  ready(nothing: undefined): void;
  /** It could not start, and ends. */
  failed(reason: string): void;
  /** It takes no more connections, and ends when those it has have ended. */
  leaving(nothing: undefined): void;
  /** The connection with this number has arrived: the primary closes its end. */
  taken(number: number): void;
  /** So many of its connections are closed. */
  closed(connections: number): void;
  /** A sign of life. */
  alive(nothing: undefined): void;
}
