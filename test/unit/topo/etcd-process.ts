// A real etcd on free loopback ports with a temporary data directory, and a TCP relay to cut a client off from it.

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../src/local/process.ts";

export interface EtcdProcess {
  readonly endpoint: string;
  readonly port: number;
  /** Sends a signal to the process; after SIGSTOP it waits, blocking, until every thread of it stands still. */
  signal(name: NodeJS.Signals): void;
  /** Kills it (SIGKILL) and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, where it has ended. */
  restart(): Promise<void>;
  /** Forgets all data, while it is not running. */
  wipe(): void;
  /** Kills it and removes its data. */
  dispose(): Promise<void>;
}

/** `flags` go to etcd in addition, without their dashes. */
export async function startEtcd(flags: Readonly<Record<string, string>> = {}): Promise<EtcdProcess> {
  const folder = mkdtempSync(join(tmpdir(), "shardgate-etcd-"));
  const [port, peerPort, healthPort] = [await freePort(), await freePort(), await freePort()];
  const isTls = "cert-file" in flags;
  const endpoint = `${isTls ? "https" : "http"}://127.0.0.1:${port}`;
  const health = `http://127.0.0.1:${healthPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();

  const start = async (): Promise<void> => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) return;
    const started = spawn(
      "etcd",
      Object.entries({
        name: "test",
        "data-dir": join(folder, "data"),
        "listen-metrics-urls": health,
        "listen-client-urls": endpoint,
        "advertise-client-urls": endpoint,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": `test=${peer}`,
        // The only member elects itself when this has passed, at each start.
        "heartbeat-interval": "50",
        "election-timeout": "250",
        ...flags,
      }).map(([flag, value]) => `--${flag}=${value}`),
      { stdio: "ignore" },
    );
    child = started;
    exited = new Promise((resolve) => started.once("exit", () => resolve()));
    const deadlineMs = Date.now() + 60_000;
    while (!(await isHealthy(health))) {
      if (Date.now() > deadlineMs || started.exitCode !== null) throw new Error("etcd did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const kill = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await exited;
  };
  await start();
  return {
    endpoint,
    port: port ?? 0,
    signal: (name) => {
      child?.kill(name);
      if (name === "SIGSTOP") awaitStandstill(child?.pid ?? 0);
    },
    kill,
    restart: start,
    wipe: () => rmSync(join(folder, "data"), { recursive: true, force: true }),
    dispose: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Relay {
  readonly endpoint: string;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  /** Lets requests through, but no answers, until cut. */
  swallowAnswers(): void;
  mend(): void;
  dispose(): Promise<void>;
}

/** Passes bytes between a client and 127.0.0.1:`port` until cut. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let isSwallowing = false;
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (bytes) => {
      if (!isSwallowing) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    swallowAnswers: () => {
      isSwallowing = true;
    },
    mend: () => {
      isCut = false;
      isSwallowing = false;
    },
    dispose: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Waits until `check` holds, and gives how long that took; fails with `what` after `withinMs`. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    if (await check()) return performance.now() - startMs;
    if (performance.now() - startMs > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A stopped process may answer for a moment yet: the signal reaches one thread after the other. */
function awaitStandstill(pid: number): void {
  const deadlineMs = Date.now() + 20_000;
  const isRunning = (thread: string) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "T";
  };
  while (readdirSync(`/proc/${pid}/task`).some(isRunning)) {
    if (Date.now() > deadlineMs) throw new Error(`process ${pid} does not stop`);
  }
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(2_000) });
    return (await answer.text()).includes("true");
  } catch {
    return false;
  }
}
