// The gateway's way to a tablet's call stream: connects, says the preface, turns to TLS where certificates are configured,
// and waits for the tablet's preface.

import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { CALLS_PREFACE, CallSocket, type CallSocketOwner } from "./call-socket.ts";
import type { GrpcTls } from "./service.ts";

const NOTHING = Buffer.alloc(0);
/** What all sockets without TLS read into; what is in it is dealt with at once. */
const readBuffer = Buffer.allocUnsafeSlow(LIMITS.callReadBytes);

/** How long connecting may take, a tablet that is stopped included. */
const DIAL_MS = 6_000;

export interface DialedOwner extends CallSocketOwner {
  readonly opened: (stream: CallSocket) => void;
}

/**
 * Calls `owner.opened` once, unless `owner.closed` is called before: the tablet cannot be reached. Returns what ends the
 * attempt, without a word to `owner`.
 */
export function dialCalls(address: string, tls: GrpcTls | undefined, clock: Clock, owner: DialedOwner): () => void {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replaceAll(/[[\]]/g, "");
  let stream: CallSocket | undefined;
  let begun = NOTHING;
  // Data of a socket without TLS comes in memory that all of them share: a chunk of its own for each read costs more than the
  // copy of most replies.
  const received = (length: number): boolean => {
    if (stream === undefined) {
      begun = Buffer.concat([begun, readBuffer.subarray(0, length)]);
      if (begun.length >= CALLS_PREFACE.length) stream = answered(begun.subarray(0, CALLS_PREFACE.length));
      const behind = begun.subarray(CALLS_PREFACE.length);
      if (behind.length > 0) stream?.received(behind, behind.length);
    } else stream.received(readBuffer, length);
    return true;
  };
  const reads = tls === undefined ? { onread: { buffer: readBuffer, callback: received } } : {};
  const plain = connect({ host, port: Number(address.slice(colon + 1)), noDelay: true, keepAlive: true, ...reads });
  let socket: Socket = plain;
  let settled = false;
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    timer.cancel();
    return true;
  };
  const fail = (error: Error): void => {
    socket.destroy();
    plain.destroy();
    if (settle()) owner.closed(error);
  };
  const timer = clock.after(DIAL_MS, () => fail(new Error(`no answer in ${DIAL_MS / 1_000} s`)));
  const gone = (): void => fail(new Error("the connection was closed before it was up"));
  const answered = (preface: Buffer): CallSocket | undefined => {
    if (!preface.equals(CALLS_PREFACE)) fail(noTablet());
    if (!settle()) return undefined;
    for (const each of [plain, socket]) {
      each.off("close", gone);
      each.off("error", fail);
    }
    if (socket !== plain) plain.on("error", () => undefined);
    const made = tls === undefined ? new CallSocket(socket, clock, owner) : CallSocket.reading(socket, clock, owner);
    owner.opened(made);
    return made;
  };
  plain.on("error", fail);
  plain.once("connect", () => {
    plain.write(CALLS_PREFACE);
    if (tls === undefined) return;
    const { certificate, privateKey, caCertificate } = tls.pems;
    const name = isIP(host) === 0 ? { servername: host } : {};
    // Its certificate has to be for `host`.
    socket = connectTls({ socket: plain, host, ...name, cert: certificate, key: privateKey, ca: caCertificate });
    socket.on("error", fail);
    awaitPreface(socket, { found: () => void answered(CALLS_PREFACE), failed: fail });
    socket.once("close", gone);
  });
  plain.once("close", gone);
  return () => {
    settle();
    socket.destroy();
    plain.destroy();
  };
}

/** Reads as much as the preface; what comes behind it stays in the socket, which is paused then. */
export function awaitPreface(
  socket: Socket,
  { found, failed }: { readonly found: () => void; readonly failed: (error: Error) => void },
): void {
  const read = (): void => {
    const bytes: unknown = socket.read(CALLS_PREFACE.length);
    if (bytes === null) return;
    socket.off("readable", read);
    socket.pause();
    if (bytes instanceof Buffer && bytes.equals(CALLS_PREFACE)) found();
    else failed(noTablet());
  };
  socket.on("readable", read);
  // It may have come already.
  read();
}

function noTablet(): Error {
  return new Error("what listens there is no tablet of this version");
}
