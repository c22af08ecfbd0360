// Several processes behind one address, with real processes and sockets: a script of a few lines stands for a gateway.

import { createServer, connect, type Server } from "node:net";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { sleep, systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { WorkerPort } from "../../../src/workers/ports.ts";
import { Workers, type WorkersOptions } from "../../../src/workers/workers.ts";
import { temporaryDir } from "../../fixture/cluster.ts";

/** Answers a connection with its pid and echoes; `die` ends it, `leave` has it be replaced. */
const SCRIPT = `
if (process.argv[2] === "cannot") {
  process.send({ kind: "call", id: 1, method: "failed", argument: "no good" });
  process.on("message", () => process.exit(1));
} else {
  const tell = (method, argument) => process.send({ kind: "call", id: 0, method, argument });
  process.on("disconnect", () => process.exit(1));
  process.on("message", ({ kind, id, method, argument }, socket) => {
    if (kind !== "call") return;
    if (method === "stop") process.exit(0);
    if (method === "page") process.send({ kind: "answer", id, value: { status: 200, type: "", body: "[1]" } });
    if (method === "metrics") process.send({ kind: "failure", id, details: { id: "CONFIG_BAD", message: "none here" } });
    if (method !== "accept") return;
    if (process.argv[2] === "greedy") process.kill(process.pid, "SIGKILL");
    tell("taken", argument.number);
    socket.on("close", () => tell("closed", 1));
    socket.on("error", () => {});
    socket.write(JSON.stringify({ pid: process.pid, unix: argument.isUnixSocket, all: argument.connections }) + "\\n");
    socket.on("data", (bytes) => {
      const text = bytes.toString();
      if (text === "die") process.kill(process.pid, "SIGKILL");
      if (text === "leave") tell("leaving");
      socket.write(text);
    });
  });
  setInterval(() => tell("alive"), 200);
  tell("ready");
}
`;

interface Greeting {
  readonly pid: number;
  readonly unix: boolean;
  readonly all: number;
}

const PATIENCE_MS = 60_000;
const dir = temporaryDir("wk");
const script = join(dir.path, "worker.mjs");
let workers: Workers<WorkerPort> | undefined;
let server: Server | undefined;
let open: { end(): void }[] = [];

beforeAll(() => writeFileSync(script, SCRIPT));
afterEach(async () => {
  for (const each of open) each.end();
  open = [];
  server?.close();
  await workers?.stop(PATIENCE_MS);
  workers = undefined;
});
afterAll(() => dir.remove());

describe("workers", () => {
  test("get connections by how few they have, also after one has died", async () => {
    const all = await start(2);
    const greetings = [await greeted(), await greeted(), await greeted(), await greeted()];
    expect(countByPid(greetings)).toEqual([2, 2]);
    expect(greetings.map((each) => each.greeting.all)).toEqual([1, 2, 3, 4]);
    expect(all.all.map(({ connections }) => connections)).toEqual([2, 2]);
    const [first] = greetings;
    first?.write("die");
    await until(() => all.all.some(({ deaths }) => deaths === 1));
    await until(() => all.all.every(({ problem }) => problem === undefined));
    expect(all.connections).toBe(2);
    // The new one has none: it gets the next two.
    const more = [await greeted(), await greeted()];
    expect(countByPid(more)).toEqual([2]);
    expect(all.all.map(({ connections }) => connections)).toEqual([2, 2]);
  });

  test("a connection goes to another one when the first has died with it untaken", async () => {
    await start(1, "greedy");
    // Each process that gets it dies; once the script lets it live, somebody answers.
    const socket = connect(addressOf());
    open.push(socket);
    let answer = "";
    socket.on("data", (bytes) => {
      answer += bytes.toString();
    });
    socket.on("error", () => {});
    await until(() => (workers?.all[0]?.deaths ?? 0) >= 1);
    writeFileSync(script, SCRIPT.replace(`=== "greedy"`, `=== "no more"`));
    await until(() => answer.includes("pid"));
    writeFileSync(script, SCRIPT);
  });

  test("one that stands still gets nothing until it moves; one that leaves gets nothing any more", async () => {
    const all = await start(2);
    const one = await greeted();
    const other = await greeted();
    expect(one.greeting.pid).not.toBe(other.greeting.pid);
    process.kill(one.greeting.pid, "SIGSTOP");
    await until(() => all.all.some(({ problem }) => problem === "does not answer"));
    const meanwhile = [await greeted(), await greeted()];
    expect(countByPid([other, ...meanwhile])).toEqual([3]);
    process.kill(one.greeting.pid, "SIGCONT");
    await until(() => all.all.every(({ problem }) => problem === undefined));
    other.write("leave");
    await until(() => all.all.some(({ problem }) => problem === "leaving"));
    expect((await greeted()).greeting.pid).toBe(one.greeting.pid);
  });

  test("a start that fails says why, and leaves none", async () => {
    await expect(start(2, "cannot")).rejects.toMatchObject({ id: "CONFIG_BAD", message: "no good" });
  });

  test("calls are answered, errors come as they were raised, and a dead one's end at once", async () => {
    const all = await start(1);
    const running = all.all[0]?.process;
    expect(await running?.channel.call("page", { path: "/x" })).toMatchObject({ body: "[1]" });
    await expect(running?.channel.call("metrics", undefined)).rejects.toMatchObject({ id: "CONFIG_BAD" });
    // It does not answer this one.
    const unanswered = running?.channel.call("paths", undefined);
    const timed = running?.channel.call("paths", undefined, { ms: 50, clock: systemClock });
    await expect(timed).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
    process.kill(running?.pid ?? 0, "SIGKILL");
    await expect(unanswered).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
    await expect(running?.channel.call("paths", undefined)).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
  });
});

async function start(count: number, ...args: readonly string[]): Promise<Workers<WorkerPort>> {
  const options: WorkersOptions<WorkerPort> = {
    count,
    script,
    args,
    local: () => ({}),
    clock: { ...systemClock, after: keepingAlive },
    log: silentLog,
  };
  const made = new Workers<WorkerPort>(options);
  await made.start();
  workers = made;
  server = createServer({ pauseOnConnect: true }, (socket) => made.hand(socket, false));
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return made;
}

function keepingAlive(delayMs: number, fire: () => void): { cancel(): void } {
  const handle = setTimeout(fire, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

function addressOf(): { host: string; port: number } {
  const bound = server?.address();
  return { host: "127.0.0.1", port: typeof bound === "object" && bound !== null ? bound.port : 0 };
}

/** Connects and reads who answers. */
async function greeted(): Promise<{ readonly greeting: Greeting; write(text: string): void }> {
  const socket = connect(addressOf());
  open.push(socket);
  socket.on("error", () => {});
  const line = await new Promise<string>((resolve) => {
    socket.once("data", (bytes) => resolve(bytes.toString()));
  });
  return { greeting: JSON.parse(line) as Greeting, write: (text) => socket.write(text) };
}

/** How many each has that has some. */
function countByPid(connections: readonly { readonly greeting: Greeting }[]): readonly number[] {
  const counts = new Map<number, number>();
  for (const { greeting } of connections) counts.set(greeting.pid, (counts.get(greeting.pid) ?? 0) + 1);
  return [...counts.values()];
}

async function until(holds: () => boolean): Promise<void> {
  for (
    const endMs = performance.now() + PATIENCE_MS;
    !holds();
    await sleep({ ...systemClock, after: keepingAlive }, 20)
  ) {
    if (performance.now() > endMs) throw new Error(`did not come to pass: ${String(holds)}`);
  }
}
