// What gateways ask each other, both ends: the client connections each has, and ending them. Rare calls, so plain unary
// ones. Knows nothing of sessions: what is answered comes through the ports below.

import { Client, Server, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData } from "@grpc/grpc-js";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { CHANNEL_OPTIONS, channelCredentials, type GrpcTls, loadService, serverCredentials } from "./service.ts";
import { unaryCall } from "./unary.ts";

export interface PeerProcess {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly keyspace: string;
  readonly command: string;
  readonly seconds: number;
  readonly statement: string;
}

export interface PeerKill {
  readonly what: "connection" | "query";
  /** 0: all of `user`. */
  readonly id: number;
  readonly user: string;
  /** Pattern as in LIKE; empty: any host. */
  readonly host: string;
  readonly askingUser: string;
  readonly askedByAdmin: boolean;
}

export interface PeerKilled {
  readonly found: number;
  readonly killed: number;
}

export interface PeerPorts {
  processes(statementBytesMax: number): readonly PeerProcess[];
  kill(request: PeerKill): PeerKilled;
}

export interface PeerServer {
  /** host:port as bound. */
  readonly address: string;
  close(): void;
}

const PATH = "shardgate.gateway.v1.Gateway";

/** Listens on `listen` (host:port, port 0: any free one). Throws CONFIG_BAD when the port cannot be had. */
export async function startPeerServer(
  listen: string,
  tls: GrpcTls | undefined,
  ports: PeerPorts,
  log: Log,
): Promise<PeerServer> {
  const server = new Server(CHANNEL_OPTIONS);
  server.addService(peerService(), {
    Processes(call: ServerUnaryCall<{ readonly statementBytesMax: number }, object>, reply: sendUnaryData<object>) {
      answer(() => ({ processes: ports.processes(call.request.statementBytesMax) }), reply, log);
    },
    Kill(call: ServerUnaryCall<PeerKill, object>, reply: sendUnaryData<object>) {
      answer(() => ports.kill(call.request), reply, log);
    },
  });
  const port = await bind(server, listen, tls);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(":"))}:${port}`,
    close: () => server.forceShutdown(),
  };
}

/** Calls to other gateways, by their address; connections are made on first use and closed together. */
export class PeerClient {
  readonly #tls: GrpcTls | undefined;
  readonly #clients = new Map<string, Client>();

  constructor(tls: GrpcTls | undefined) {
    this.#tls = tls;
  }

  /** Rejects with SHARD_UNAVAILABLE when the gateway does not answer in `timeoutMs`; so does `kill`. */
  async processes(address: string, statementBytesMax: number, timeoutMs: number): Promise<readonly PeerProcess[]> {
    const reply = await this.#call<{ readonly processes: readonly PeerProcess[] }>(
      address,
      "Processes",
      { statementBytesMax },
      timeoutMs,
    );
    return reply.processes;
  }

  kill(address: string, request: PeerKill, timeoutMs: number): Promise<PeerKilled> {
    return this.#call(address, "Kill", request, timeoutMs);
  }

  /** Forgets the connections to all addresses but these. */
  keep(addresses: ReadonlySet<string>): void {
    for (const [address, client] of this.#clients) {
      if (addresses.has(address)) continue;
      client.close();
      this.#clients.delete(address);
    }
  }

  close(): void {
    this.keep(new Set());
  }

  #call<Reply>(address: string, name: string, request: object, timeoutMs: number): Promise<Reply> {
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = new Client(address, channelCredentials(this.#tls), CHANNEL_OPTIONS);
      this.#clients.set(address, client);
    }
    const method = peerService()[name];
    if (method === undefined) throw new Error(`the Gateway service has ${name}`);
    return unaryCall<Reply>(
      client,
      method,
      request,
      timeoutMs,
      (error) => new ShardgateError("SHARD_UNAVAILABLE", `gateway at ${address}: ${error?.details}`, error),
    );
  }
}

let service: ServiceDefinition | undefined;

function peerService(): ServiceDefinition {
  return (service ??= loadService("gateway.proto", PATH));
}

function answer(result: () => object, reply: sendUnaryData<object>, log: Log): void {
  try {
    reply(null, result());
  } catch (error) {
    log.error({ error }, "bug: a call of another gateway failed");
    reply({ code: 13, details: "internal error in the gateway; see its log" });
  }
}

function bind(server: Server, listen: string, tls: GrpcTls | undefined): Promise<number> {
  const port = Number(/.:(\d{1,5})$/.exec(listen)?.[1] ?? Number.NaN);
  if (!(port <= 65_535)) throw new ShardgateError("CONFIG_BAD", `--peer-listen wants HOST:PORT, not "${listen}"`);
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, serverCredentials(tls), (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else {
        const text = `cannot listen on ${listen} for other gateways: ${messageOf(error)}; --peer-listen HOST:PORT chooses another`;
        reject(new ShardgateError("CONFIG_BAD", text));
      }
    });
  });
}
