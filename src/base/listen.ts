// Listeners: TCP, and Unix sockets. A socket's file that a dead process has left is removed,
// one that somebody listens on is not.

import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { messageOf, ShardgateError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface Listener {
  /** host:port as bound, or the socket's path. */
  readonly address: string;
  /** Takes no new connections; resolves when those there were are closed. */
  close(): Promise<void>;
}

const BACKLOG = 1024;

/** Listens on HOST:PORT; port 0: any free one. `paused`: sockets whose bytes another process will read. Throws CONFIG_BAD. */
export async function listenTcp(
  listen: string,
  accept: (socket: Socket) => void,
  log: Log,
  paused = false,
): Promise<Listener> {
  const separator = listen.lastIndexOf(":");
  const host = listen.slice(0, separator);
  const port = Number(listen.slice(separator + 1));
  if (separator < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ShardgateError("CONFIG_BAD", `--listen wants HOST:PORT, not "${listen}"`);
  }
  const server = createServer({ noDelay: true, pauseOnConnect: paused }, accept);
  await started(server, { host, port, backlog: BACKLOG }, (error) => {
    const text = `cannot listen on ${listen}: ${error.message}; --listen HOST:PORT chooses another`;
    return new ShardgateError("CONFIG_BAD", text, error);
  });
  tell(server, log);
  const bound = server.address();
  return listenerOf(server, `${host}:${bound !== null && typeof bound === "object" ? bound.port : port}`);
}

/** Listens on a Unix socket whose file gets `mode`. Throws CONFIG_BAD. */
export async function listenUnix(
  path: string,
  mode: number,
  accept: (socket: Socket) => void,
  log: Log,
  paused = false,
): Promise<Listener> {
  await removeStale(path);
  const server = createServer({ pauseOnConnect: paused }, accept);
  await started(server, { path, backlog: BACKLOG }, (error) => {
    return new ShardgateError("CONFIG_BAD", `cannot listen on the Unix socket ${path}: ${error.message}`, error);
  });
  tell(server, log);
  try {
    chmodSync(path, mode);
  } catch (error) {
    server.close();
    throw new ShardgateError("CONFIG_BAD", `cannot set the mode of ${path}: ${messageOf(error)}`, error);
  }
  return listenerOf(server, path);
}

function started(server: Server, where: object, refusal: (error: Error) => ShardgateError): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(refusal(error));
    server.once("error", failed);
    server.listen(where, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

/** A connection that cannot be had (no file descriptor is left) is no reason to end. */
function tell(server: Server, log: Log): void {
  server.on("error", (error) => log.error({ error: error.message }, "a connection could not be accepted"));
}

function listenerOf(server: Server, address: string): Listener {
  return {
    address,
    // Node removes the file of a Unix socket.
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new ShardgateError("CONFIG_BAD", `--socket ${path}: there is a file that is no socket`);
  if (await isListening(path)) {
    throw new ShardgateError("CONFIG_BAD", `--socket ${path}: another process listens there`);
  }
  unlinkSync(path);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Full, not allowed: somebody is there. Only a refusal says that nobody listens.
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
