// Connects gateways with each other: the gateway's own idea of its peers over the gRPC service between them.

import { hostname } from "node:os";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { PeerNetwork, PeerPorts } from "../gateway/cluster/peers.ts";
import type { Process } from "../gateway/cluster/processes.ts";
import type { KillRequest } from "../gateway/cluster/run-kill.ts";
import {
  PeerClient,
  type PeerKill,
  type PeerPorts as RpcPorts,
  type PeerProcess,
  startPeerServer,
} from "../rpc/gateway-service.ts";
import type { GrpcTls } from "../rpc/service.ts";
import type { GatewayRecord } from "../topo/gateway-record.ts";

/** `listen` is host:port, port 0: any free one; `advertiseHost` what others reach it by, undefined: the host of `listen`. */
export function peerNetwork(
  listen: string,
  advertiseHost: string | undefined,
  tls: GrpcTls | undefined,
  log: Log,
): PeerNetwork {
  const client = new PeerClient(tls);
  const addressOf = (peer: GatewayRecord): string => `${peer.hostname}:${peer.grpcPort}`;
  return {
    async listen(ports) {
      const server = await startPeerServer(listen, tls, rpcPorts(ports), log);
      const separator = server.address.lastIndexOf(":");
      const host = server.address.slice(0, separator);
      return {
        hostname: advertiseHost ?? (host === "0.0.0.0" || host === "[::]" ? hostname() : host),
        port: Number(server.address.slice(separator + 1)),
        close: () => server.close(),
      };
    },
    async processes(peer, statementBytesMax, timeoutMs) {
      const listed = await client.processes(addressOf(peer), statementBytesMax, timeoutMs);
      return listed.map((process) => ({
        ...process,
        keyspace: process.keyspace === "" ? undefined : process.keyspace,
        statement: process.statement === "" ? undefined : process.statement,
      }));
    },
    kill: (peer, request, timeoutMs) => client.kill(addressOf(peer), killMessage(request), timeoutMs),
    close: () => client.close(),
  };
}

function rpcPorts(ports: PeerPorts): RpcPorts {
  return {
    processes: (statementBytesMax) => processMessages(ports.processes(), statementBytesMax),
    kill: (message) => ports.kill(killRequest(message)),
  };
}

function processMessages(processes: readonly Process[], statementBytesMax: number): readonly PeerProcess[] {
  // All statements together must fit a message.
  const chars = Math.min(statementBytesMax, Math.floor(LIMITS.peerStatementsBytesMax / Math.max(1, processes.length)));
  return processes.map(({ keyspace = "", statement = "", ...rest }) => ({
    ...rest,
    keyspace,
    statement: statement.slice(0, chars),
  }));
}

function killMessage({ what, whom, by }: KillRequest): PeerKill {
  const asking = { what, askingUser: by.user, askedByAdmin: by.isAdmin };
  if (whom.kind === "id") return { ...asking, id: whom.id, user: "", host: "" };
  return { ...asking, id: 0, user: whom.user, host: whom.host ?? "" };
}

function killRequest({ what, id, user, host, askingUser, askedByAdmin }: PeerKill): KillRequest {
  const by = { user: askingUser, isAdmin: askedByAdmin };
  if (id !== 0) return { what: whatOf(what), whom: { kind: "id", id }, by };
  return { what: whatOf(what), whom: { kind: "user", user, host: host === "" ? undefined : host }, by };
}

function whatOf(text: string): KillRequest["what"] {
  return text === "query" ? "query" : "connection";
}
