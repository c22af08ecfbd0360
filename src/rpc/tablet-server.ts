// The tablet's server: gateways' call streams, and by gRPC the Tablet service and the standard health service
// (grpc.health.v1), on one port. Turns messages into plain calls of the ports below. Knows nothing of mysqlds.

import { Metadata, Server, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { listenTcp } from "../base/listen.ts";
import type { LockWait } from "../base/lock-wait.ts";
import type { Log } from "../base/log.ts";
import type { TabletType } from "../topo/records.ts";
import { acceptConnections } from "./accept-connections.ts";
import { type CallHandler, CallServer } from "./call-server.ts";
import { failDetailsOf } from "./fail-details.ts";
import { messageOf, type SchemaChange, type SchemaChangeMessage } from "./schema-message.ts";
import { CHANNEL_OPTIONS, type GrpcTls, serverCredentials, tabletService } from "./service.ts";

export type { TabletType };

export interface TabletHealth {
  readonly alias: string;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  readonly serving: boolean;
  /** Why it does not serve; empty while serving. */
  readonly reason: string;
  /** Seconds behind the primary; 0 on a primary, -1 unknown. */
  readonly lagS: number;
  readonly calls: number;
  readonly poolInUse: number;
  readonly poolWaiting: number;
  readonly mysqlVersion: string;
}

export interface TableSchema {
  readonly name: string;
  readonly type: string;
  readonly createStatement: string;
  readonly rows: number;
  readonly dataBytes: number;
}

/** A branch of a transaction over several shards that is prepared. */
export interface PreparedBranch {
  readonly transaction: string;
  readonly coordinatorKeyspace: string;
  readonly coordinatorShard: string;
  /** Since the tablet has first seen it. */
  readonly ageMs: number;
}

/** How such a transaction has ended; kept by its coordinator. */
export interface TransactionDecision {
  readonly transaction: string;
  readonly decision: string;
  /** `keyspace/shard`. */
  readonly participants: readonly string[];
  readonly ageS: number;
}

export interface TabletTransactions {
  readonly prepared: readonly PreparedBranch[];
  readonly decisions: readonly TransactionDecision[];
}

export interface TabletPorts {
  acceptCalls(server: CallServer): CallHandler;
  /** Calls `push` with the health now and whenever it changes or is due, until the returned function is called. */
  watchHealth(push: (health: TabletHealth) => void): () => void;
  /** Resolves to the number of statements run. */
  applySchema(keyspace: string, sql: string, timeoutMs: number): Promise<number>;
  getSchema(keyspace: string, tables: readonly string[]): Promise<readonly TableSchema[]>;
  /**
   * `wake` is called, never at once, when the reader has something after it had nothing; `end` when it never will again.
   * An empty `keyspace` is the tablet's own.
   */
  watchSchema(wake: () => void, end: () => void, keyspace: string): SchemaReader;
  /** Looks at the definitions of `tables`, all when empty; resolves to the version that has what was there at the call. */
  refreshSchema(tables: readonly string[], keyspace: string): Promise<number>;
  /** How a transaction that this shard coordinates has ended: `commit` or `abort`, by now if not before. */
  decideTransaction(transaction: string): Promise<string>;
  /** Those between client connections for which connections to the mysqld are held. */
  lockWaits(): Promise<readonly LockWait[]>;
  transactions(): Promise<TabletTransactions>;
  /** Ends its branches here, as `decision` says; empty: as its coordinator does. Resolves to how many. */
  resolveTransaction(transaction: string, decision: string): Promise<number>;
}

/** What one watcher of the definitions has not been told yet, in parts of bounded size. */
export interface SchemaReader {
  next(): SchemaChange | undefined;
  close(): void;
}

export interface TabletServer {
  /** host:port as bound. */
  readonly address: string;
  setServing(serving: boolean): void;
  /** Lets calls under way finish for `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

interface ApplySchemaMessage {
  readonly keyspace: string;
  readonly sql: string;
  readonly timeoutMs: number;
}

interface WatchSchemaMessage {
  readonly keyspace: string;
}

interface RefreshSchemaMessage {
  readonly keyspace: string;
  readonly tables: readonly string[];
}

interface TransactionMessage {
  readonly transaction: string;
}

interface ResolveTransactionMessage extends TransactionMessage {
  readonly decision: string;
}

interface GetSchemaMessage {
  readonly keyspace: string;
  readonly tables: readonly string[];
}

export interface TabletServerOptions {
  readonly tls: GrpcTls | undefined;
  readonly ports: TabletPorts;
  /** How long a gateway may say nothing before its calls are ended. */
  readonly silenceMaxS: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Listens on `listen` (host:port, port 0: any free one). Throws CONFIG_BAD when the port cannot be had. */
export async function startTabletServer(listen: string, options: TabletServerOptions): Promise<TabletServer> {
  const connections = serveTabletConnections(options);
  const listener = await listenTcp(listen, connections.take, options.log);
  return {
    address: listener.address,
    setServing: connections.setServing,
    async stop(graceMs) {
      void listener.close();
      await connections.stop(graceMs);
    },
  };
}

/** Serves connections that have been accepted, maybe by another process. `isGrpc`: called for one that is no call stream. */
export function serveTabletConnections({ tls, ports, silenceMaxS, clock, log }: TabletServerOptions): Omit<
  TabletServer,
  "address"
> & {
  readonly take: (socket: Socket, isGrpc?: () => void) => void;
} {
  const { server, setServing } = makeServer(ports, log);
  const injector = server.createConnectionInjector(serverCredentials(tls));
  const streams = new Set<CallServer>();
  const accept = acceptConnections(tls, {
    grpc: (socket) => injector.injectConnection(socket),
    calls(socket) {
      const accept = (callServer: CallServer): CallHandler => ports.acceptCalls(callServer);
      const ended = (callServer: CallServer): boolean => streams.delete(callServer);
      streams.add(new CallServer({ socket, accept, ended, silenceMaxS, clock, log }));
    },
    clock,
    log,
  });
  return {
    setServing,
    take: accept,
    async stop(graceMs) {
      for (const stream of streams) stream.close();
      await stopServer(server, graceMs);
      for (const stream of streams) stream.destroy();
    },
  };
}

function makeServer(ports: TabletPorts, log: Log): { readonly server: Server } & Pick<TabletServer, "setServing"> {
  const server = new Server(CHANNEL_OPTIONS);
  const health = new HealthImplementation({ "": "NOT_SERVING", "shardgate.tablet.v1.Tablet": "NOT_SERVING" });
  health.addToServer(server);
  server.addService(tabletService(), {
    Health(stream: ServerWritableStream<object, TabletHealth>) {
      const unwatch = ports.watchHealth((now) => stream.write(now));
      stream.on("cancelled", unwatch);
      stream.on("error", unwatch);
      stream.on("close", unwatch);
    },
    ApplySchema(call: ServerUnaryCall<ApplySchemaMessage, object>, reply: sendUnaryData<object>) {
      const { keyspace, sql, timeoutMs } = call.request;
      answer(
        ports.applySchema(keyspace, sql, timeoutMs).then((statements) => ({ statements })),
        reply,
        log,
      );
    },
    GetSchema(call: ServerUnaryCall<GetSchemaMessage, object>, reply: sendUnaryData<object>) {
      const { keyspace, tables } = call.request;
      answer(
        ports.getSchema(keyspace, tables).then((found) => ({ tables: found })),
        reply,
        log,
      );
    },
    WatchSchema(stream: ServerWritableStream<WatchSchemaMessage, SchemaChangeMessage>) {
      serveSchema(stream, ports);
    },
    RefreshSchema(call: ServerUnaryCall<RefreshSchemaMessage, object>, reply: sendUnaryData<object>) {
      const { tables, keyspace } = call.request;
      answer(
        ports.refreshSchema(tables, keyspace).then((version) => ({ version })),
        reply,
        log,
      );
    },
    DecideTransaction(call: ServerUnaryCall<TransactionMessage, object>, reply: sendUnaryData<object>) {
      answer(
        ports.decideTransaction(call.request.transaction).then((decision) => ({ decision })),
        reply,
        log,
      );
    },
    GetLockWaits(_call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) {
      answer(
        ports.lockWaits().then((waits) => ({ waits })),
        reply,
        log,
      );
    },
    GetTransactions(_call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) {
      answer(ports.transactions(), reply, log);
    },
    ResolveTransaction(call: ServerUnaryCall<ResolveTransactionMessage, object>, reply: sendUnaryData<object>) {
      const { transaction, decision } = call.request;
      answer(
        ports.resolveTransaction(transaction, decision).then((resolved) => ({ resolved })),
        reply,
        log,
      );
    },
  });
  return {
    server,
    setServing(serving) {
      const status = serving ? "SERVING" : "NOT_SERVING";
      health.setStatus("", status);
      health.setStatus("shardgate.tablet.v1.Tablet", status);
    },
  };
}

/** Writes what the reader has, at the pace of the stream. */
function serveSchema(stream: ServerWritableStream<WatchSchemaMessage, SchemaChangeMessage>, ports: TabletPorts): void {
  let writable = true;
  const pump = (): void => {
    while (writable) {
      const change = reader.next();
      if (change === undefined) return;
      writable = stream.write(messageOf(change));
    }
  };
  const reader = ports.watchSchema(pump, () => stream.end(), stream.request.keyspace);
  stream.on("drain", () => {
    writable = true;
    pump();
  });
  const close = (): void => {
    writable = false;
    reader.close();
  };
  stream.on("cancelled", close);
  stream.on("error", close);
  stream.on("close", close);
  pump();
}

function stopServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

/** Name of the metadata key that carries an error's details as JSON. */
export const ERROR_DETAILS_KEY = "shardgate-error-bin";

function answer(result: Promise<object>, reply: sendUnaryData<object>, log: Log): void {
  result.then(
    (value) => reply(null, value),
    (error: unknown) => {
      const details = failDetailsOf(error, false);
      if (details.id === "INTERNAL") log.error({ error }, "unary call failed");
      const metadata = new Metadata();
      metadata.set(ERROR_DETAILS_KEY, Buffer.from(JSON.stringify(details)));
      const code = error instanceof ShardgateError ? error.grpc : 2;
      reply({ code, details: details.message, metadata });
    },
  );
}
