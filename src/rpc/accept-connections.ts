// What a tablet does with a connection that has been accepted: one that begins with the call stream's preface is that, all
// others are gRPC's. So gateways, operators' commands and probes need one port.

import type { Socket } from "node:net";
import { createServer } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { CALLS_PREFACE } from "./call-socket.ts";
import { awaitPreface } from "./dial-calls.ts";
import type { GrpcTls } from "./service.ts";

/** For who connects and says nothing, or does not get on with TLS. */
const BEGIN_MS = 10_000;

export interface AcceptedConnections {
  /** Behind its preface, and TLS; paused. */
  readonly calls: (socket: Socket) => void;
  /** As it has come. */
  readonly grpc: (socket: Socket) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Returns what takes a connection, and calls `isGrpc` back if it is not a call stream. */
export function acceptConnections(
  tls: GrpcTls | undefined,
  { calls, grpc, clock, log }: AcceptedConnections,
): (socket: Socket, isGrpc?: () => void) => void {
  return (socket, isGrpc) => {
    socket.setNoDelay(true);
    const refuse = (error: Error): void => {
      log.warn({ error: messageOf(error), from: socket.remoteAddress }, "a gateway's connection was refused");
      socket.destroy();
    };
    const timer = clock.after(BEGIN_MS, () => socket.destroy());
    const failed = (): void => timer.cancel();
    socket.on("error", failed);
    socket.once("close", failed);
    const begun = (stream: Socket): void => {
      timer.cancel();
      stream.write(CALLS_PREFACE);
      calls(stream);
    };
    const begin = (): void => {
      const first: unknown = socket.read(1);
      if (!(first instanceof Buffer)) return;
      socket.off("readable", begin);
      socket.pause();
      socket.unshift(first);
      if (first[0] !== CALLS_PREFACE[0]) {
        timer.cancel();
        socket.off("error", failed);
        isGrpc?.();
        grpc(socket);
        return;
      }
      awaitPreface(socket, {
        found() {
          if (tls === undefined) begun(socket);
          else secure(socket, tls, begun, refuse);
        },
        failed: refuse,
      });
    };
    socket.on("readable", begin);
  };
}

/** TLS for a call stream, with the certificates in force now; the gateway shows its own. */
function secure(
  socket: Socket,
  { pems: { certificate, privateKey, caCertificate } }: GrpcTls,
  secured: (socket: Socket) => void,
  refused: (error: Error) => void,
): void {
  const files = { cert: certificate, key: privateKey, ca: caCertificate };
  // It listens nowhere: what it knows is how a client's certificate is demanded and looked at.
  const server = createServer({ ...files, requestCert: true, rejectUnauthorized: true });
  server.once("secureConnection", secured);
  server.once("tlsClientError", refused);
  server.emit("connection", socket);
}
