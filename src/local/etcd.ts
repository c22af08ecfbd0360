// A single-member etcd on loopback for a local cluster and for tests. Works with etcd 3.4 and later. Its data directory
// is kept; a restart may take other ports, since a single member needs to reach nobody.

import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ShardgateError } from "../base/errors.ts";
import { freePort, type RunningProcess, startProcess, untilReady } from "./process.ts";

export interface EtcdOptions {
  readonly name?: string;
  /** Holds `data/`, the log and the pid file; made when absent, reused when present. */
  readonly dir: string;
  /** Client port on 127.0.0.1; default a free one. */
  readonly port?: number;
  /** Interrupts the start; what was started is stopped then. */
  readonly signal?: AbortSignal;
}

export interface Etcd extends RunningProcess {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, as `--topo-endpoints` takes it. */
  readonly endpoint: string;
  readonly dir: string;
  readonly logFile: string;
}

const READY_DEADLINE_MS = 30_000;
const BIND_TRIES = 3;

/** Starts etcd and resolves when its health endpoint says it can serve. */
export async function startEtcd(options: EtcdOptions): Promise<Etcd> {
  const dir = resolve(options.dir);
  const logFile = join(dir, "etcd.log");
  mkdirSync(dir, { recursive: true });
  const command = findEtcd();

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const endpoint = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const child = await startProcess({
      name: options.name ?? "etcd",
      command,
      args: [
        "--name=shardgate",
        `--data-dir=${join(dir, "data")}`,
        `--listen-client-urls=${endpoint}`,
        `--advertise-client-urls=${endpoint}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=shardgate=${peer}`,
        // The only member elects itself when this has passed, at each start.
        "--heartbeat-interval=50",
        "--election-timeout=250",
        // Watches that lag further behind than this start anew from a read.
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=1h",
        "--logger=zap",
        "--log-level=warn",
      ],
      // etcd refuses processors it is not tested on, arm64 among them in 3.4, unless this names them.
      env: process.arch === "x64" ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch },
      logFile,
      pidFile: join(dir, "etcd.pid"),
    });
    try {
      await untilReady(child, logFile, READY_DEADLINE_MS, () => isHealthy(endpoint), options.signal);
      return { ...child, port, endpoint, dir, logFile };
    } catch (error) {
      await child.stop();
      if (options.port !== undefined || attempt >= BIND_TRIES || !/address already in use/.test(String(error))) {
        throw error;
      }
    }
  }
}

function findEtcd(): string {
  for (const folder of [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/local/bin"]) {
    if (folder !== "" && existsSync(join(folder, "etcd"))) return join(folder, "etcd");
  }
  throw new ShardgateError(
    "CONFIG_BAD",
    "no etcd found; install it, e.g. `apt-get install etcd-server` (`etcd` on older releases), or use --topo embedded",
  );
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const reply = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1_000) });
    return /"health":\s*"?true/.test(await reply.text());
  } catch {
    return false;
  }
}
