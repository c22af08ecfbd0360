// How a call stream begins and how it is found dead, over real sockets; time is driven.

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createLog } from "../../../src/base/log.ts";
import { acceptConnections } from "../../../src/rpc/accept-connections.ts";
import { CALLS_PREFACE, CallSocket } from "../../../src/rpc/call-socket.ts";
import { dialCalls } from "../../../src/rpc/dial-calls.ts";
import { FRAME_PING } from "../../../src/rpc/frame.ts";
import { DrivenClock } from "../../fixture/driven-clock.ts";

const log = createLog("test", "silent");
const WAIT = { timeout: 60_000 };
const SILENCE_MAX_S = 7;
let server: Server | undefined;
let sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server?.close();
});

async function listening(accept: (socket: Socket) => void): Promise<string> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    accept(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function dialed(address: string, clock: DrivenClock): Promise<CallSocket | Error | undefined> {
  return new Promise((resolve) => {
    dialCalls(address, undefined, clock, {
      silenceMaxS: SILENCE_MAX_S,
      opened: resolve,
      closed: resolve,
      visit: () => undefined,
    });
  });
}

async function client(address: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: Number(address.split(":")[1]) });
  sockets.push(socket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** A tablet's end as `acceptConnections` opens it. */
function accepting(clock: DrivenClock, seen: string[]) {
  return acceptConnections(undefined, {
    calls: (socket) => {
      seen.push("calls");
      socket.resume();
    },
    grpc: (socket) => {
      seen.push("grpc");
      socket.on("data", (bytes: Buffer) => seen.push(bytes.toString("latin1")));
      socket.resume();
    },
    clock,
    log,
  });
}

describe("a connection", () => {
  test("with the preface is a call stream, however it comes; any other is gRPC's, whole", async () => {
    const clock = new DrivenClock();
    const seen: string[] = [];
    const accept = accepting(clock, seen);
    const address = await listening((socket) => accept(socket));
    const slow = await client(address);
    slow.setNoDelay(true);
    for (const byte of CALLS_PREFACE) {
      slow.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(slow, "data")) as [Buffer];
    expect(answer.equals(CALLS_PREFACE)).toBe(true);
    const other = await client(address);
    other.write("PRI * HTTP/2.0");
    await expect.poll(() => seen.join(""), WAIT).toBe("callsgrpcPRI * HTTP/2.0");
  });

  test("that begins like one and is none is closed", async () => {
    const seen: string[] = [];
    const accept = accepting(new DrivenClock(), seen);
    const socket = await client(await listening((accepted) => accept(accepted)));
    socket.write(CALLS_PREFACE.toString().replace("1", "9"));
    await once(socket, "close");
    expect(seen).toEqual([]);
  });

  test("that says nothing is closed after a while", async () => {
    const clock = new DrivenClock();
    const accept = accepting(clock, []);
    let isAccepted = false;
    const address = await listening((accepted) => {
      accept(accepted);
      isAccepted = true;
    });
    const socket = await client(address);
    await expect.poll(() => isAccepted, WAIT).toBe(true);
    const closed = once(socket, "close");
    clock.advance(10_000);
    await closed;
  });
});

describe("dialing", () => {
  test("what answers otherwise is no tablet", async () => {
    const address = await listening((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await dialed(address, new DrivenClock())).toMatchObject({
      message: "what listens there is no tablet of this version",
    });
  });

  test("what closes, what refuses and what says nothing", async () => {
    const address = await listening((socket) => socket.destroy());
    expect(await dialed(address, new DrivenClock())).toBeInstanceOf(Error);
    server?.close();
    expect(await dialed(address, new DrivenClock())).toMatchObject({ code: "ECONNREFUSED" });
    const clock = new DrivenClock();
    let isAccepted = false;
    const silent = await listening(() => (isAccepted = true));
    const attempt = dialed(silent, clock);
    await expect.poll(() => isAccepted, WAIT).toBe(true);
    clock.advance(6_000);
    expect(await attempt).toMatchObject({ message: "no answer in 6 s" });
  });
});

describe("an open stream", () => {
  test("says that it is there, and is closed when the other end says nothing", async () => {
    const clock = new DrivenClock();
    const heard: number[] = [];
    const address = await listening((socket) => {
      socket.once("data", () => {
        socket.write(CALLS_PREFACE);
        socket.on("data", (bytes: Buffer) => heard.push(bytes[8] ?? -1));
      });
    });
    const ended = new Promise<Error | undefined>((resolve) => {
      dialCalls(address, undefined, clock, {
        silenceMaxS: SILENCE_MAX_S,
        opened: () => {
          clock.advance(1_000);
          clock.advance(4_900);
          resolve(undefined);
        },
        closed: resolve,
        visit: () => undefined,
      });
    });
    expect(await ended).toBeUndefined();
    await expect.poll(() => heard.length, WAIT).toBeGreaterThan(0);
    expect(heard[0]).toBe(FRAME_PING);
  });

  test("is closed after so many silent seconds, and not while the other end speaks", async () => {
    const clock = new DrivenClock();
    const peers: Socket[] = [];
    const address = await listening((socket) => {
      peers.push(socket);
      socket.once("data", () => socket.write(CALLS_PREFACE));
    });
    let opened = false;
    let pings = 0;
    let error: Error | undefined | "open" = "open";
    dialCalls(address, undefined, clock, {
      silenceMaxS: SILENCE_MAX_S,
      opened: () => (opened = true),
      closed: (reason) => (error = reason),
      visit: () => pings++,
    });
    await expect.poll(() => opened, WAIT).toBe(true);
    for (let second = 0; second < 10; second++) {
      const [peer] = peers;
      const frame = Buffer.from([5, 0, 0, 0, 1, 0, 0, 0, 99]);
      peer?.write(frame);
      await expect.poll(() => pings, WAIT).toBe(second + 1);
      clock.advance(1_000);
    }
    expect(error).toBe("open");
    for (let second = 1; second < SILENCE_MAX_S; second++) clock.advance(1_000);
    expect(error).toBe("open");
    clock.advance(1_000);
    expect(error).toMatchObject({ message: "nothing was heard for 7 s" });
  });
});
