// Kills gateways, tablets, mysqlds and etcd, at random moments and at named points of a commit, while clients move money
// between shards (bank.ts); now and then a gateway or a tablet is told to stop, too. Afterwards every transfer has to be there as a whole or not at all, as its client was told, and no
// transaction may be left prepared.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitStep } from "../../src/gateway/transaction/two-phase.ts";
import type { Cluster, ClusterProcess } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster, temporaryDir } from "../fixture/cluster.ts";
import { type Random, randomOf } from "../fuzz/random.ts";
import { faultsOf, KEYSPACES, Transfers } from "./bank.ts";

const KINDS = ["gateway", "tablet", "mysqld", "etcd"] as const;
export type VictimKind = (typeof KINDS)[number];

/** What is killed, and at which point of a commit; undefined: at any moment. */
export interface Kill {
  readonly kind: VictimKind;
  readonly step: CommitStep | undefined;
}

export interface ChaosOptions {
  readonly seed: number;
  /** How many at random, or which ones. */
  readonly kills: number | readonly Kill[];
  readonly clients: number;
  /** Of the transfers, how many (0 to 1) are XA transactions of the clients. */
  readonly xaShare?: number;
  /** Processes of the gateway and of each tablet. */
  readonly workers?: number;
  /** Kills between two looks at the books. */
  readonly killsPerRound: number;
  /** Told of progress. */
  readonly tell: (line: string) => void;
}

export interface ChaosReport {
  readonly kills: number;
  /** How often what was killed, or stopped: `tablet at prepared`, `mysqld at random`, `gateway stopped`, …. */
  readonly killed: ReadonlyMap<string, number>;
  readonly committed: number;
  readonly rolledBack: number;
  readonly unknown: number;
  readonly errors: ReadonlyMap<string, number>;
  /** Longest time after a round until nothing was prepared any more. */
  readonly longestUnresolvedMs: number;
  readonly faults: readonly string[];
}

const STEPS: readonly CommitStep[] = ["prepare", "prepared", "decided", "committed"];
/** Transactions that nobody concludes are found after some seconds, and concluded within others. */
const UNRESOLVED_MAX_MS = 30_000;
const RECOVERY_MAX_MS = 90_000;
const STEP_WAIT_MS = 4_000;
const MISSES_MAX = 100;
const PAUSE_MAX_MS = 200;
const TRANSFERS_BETWEEN_KILLS = 30;
const CALM_MAX_MS = 6_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, clients, tell } = options;
  const list = typeof options.kills === "number" ? undefined : options.kills;
  const wanted = typeof options.kills === "number" ? options.kills : options.kills.length;
  const dir = temporaryDir("chaos");
  const hook = join(dir.path, "kill-at");
  writeFileSync(hook, "");
  const workers = options.workers === undefined || options.workers < 2 ? [] : ["--workers", String(options.workers)];
  const cluster = await startCluster({
    keyspaces: KEYSPACES,
    topo: "etcd",
    gatewayArgs: ["--transaction-mode", "twopc", "--kill-at-commit-step", hook, ...workers],
    tabletArgs: workers,
  });
  const random = randomOf(seed);
  const killed = new Map<string, number>();
  const faults: string[] = [];
  let longestUnresolvedMs = 0;
  let kills = 0;
  const transfers = new Transfers(cluster.port, clients, seed, options.xaShare);
  try {
    while (kills < wanted && faults.length === 0) {
      const end = Math.min(kills + options.killsPerRound, wanted);
      if (list === undefined) count(killed, stopOne(cluster, random));
      for (let misses = 0; kills < end; ) {
        const what = await killOne(cluster, hook, random, list?.[kills] ?? anyKill(random));
        if (what === undefined) {
          if (++misses > MISSES_MAX) throw new Error("there is nothing to kill any more");
          continue;
        }
        kills++;
        count(killed, what);
        await delay(random.int(PAUSE_MAX_MS));
        await someMore(transfers);
      }
      writeFileSync(hook, "");
      await transfers.pause();
      await whenBack(() => withMysqlds(cluster, async (server) => server.run("SELECT 1")));
      longestUnresolvedMs = Math.max(longestUnresolvedMs, await untilResolved(cluster, faults));
      faults.push(...(await whenBack(() => faultsOf(cluster.port, transfers.told))));
      tell(
        `${kills} kills, ${transfers.count("committed")} transfers, ${transfers.count("rolled back")} rolled back, ` +
          `${transfers.count("unknown")} unknown, ${faults.length} faults`,
      );
      transfers.goOn();
    }
    await transfers.stop();
  } finally {
    await cluster.stop();
    rmSync(dir.path, { recursive: true, force: true });
  }
  return {
    kills,
    killed,
    committed: transfers.count("committed"),
    rolledBack: transfers.count("rolled back"),
    unknown: transfers.count("unknown"),
    errors: transfers.errors,
    longestUnresolvedMs,
    faults,
  };
}

/** Kills a process that runs; undefined if it was not at the point in time, or gone by itself. */
async function killOne(
  cluster: Cluster,
  hook: string,
  random: Random,
  { kind, step }: Kill,
): Promise<string | undefined> {
  const running = cluster.processes().filter((each) => each.kind === kind && isAlive(each.pid));
  if (running.length === 0) {
    await delay(100);
    return undefined;
  }
  const victim = random.pick(running);
  const workers = workersOf(victim.pid);
  if (step === undefined) {
    process.kill(random.pick([victim.pid, ...workers]), "SIGKILL");
    return `${kind} at random`;
  }
  const pid = workers.length === 0 ? victim.pid : random.pick(workers);
  writeFileSync(hook, `${step} ${pid}`);
  for (let waitedMs = 0; waitedMs < STEP_WAIT_MS; waitedMs += 10) {
    if (!isAlive(pid)) return `${kind} at ${step}`;
    await delay(10);
  }
  // No commit has come to the point: what it needs is away.
  writeFileSync(hook, "");
  return undefined;
}

/** The processes of one that has several. */
function workersOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return children
      .split(" ")
      .filter((each) => each.trim() !== "")
      .map(Number);
  } catch {
    return [];
  }
}

/** SIGTERM: what is under way is to be ended first. */
function stopOne(cluster: Cluster, random: Random): string {
  const kind = random.pick(["gateway", "tablet"] as const);
  const running = cluster.processes().filter((each) => each.kind === kind && isAlive(each.pid));
  if (running.length > 0) process.kill(random.pick(running).pid, "SIGTERM");
  return `${kind} stopped`;
}

function count(killed: Map<string, number>, what: string): void {
  killed.set(what, (killed.get(what) ?? 0) + 1);
}

/** Everything else waits for etcd only when it starts. */
function anyKill(random: Random): Kill {
  const kind = random.chance(0.1) ? "etcd" : random.pick(KINDS.filter((each) => each !== "etcd"));
  return { kind, step: random.chance(0.6) ? random.pick(STEPS) : undefined };
}

/** Between two kills some transfers get through, if what was killed is back soon. */
async function someMore(transfers: Transfers): Promise<void> {
  const wanted = transfers.count("committed") + TRANSFERS_BETWEEN_KILLS;
  const startMs = performance.now();
  while (transfers.count("committed") < wanted && performance.now() - startMs < CALM_MAX_MS) await delay(10);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What is killed comes back: the work is tried again for a while. */
async function whenBack<T>(work: () => Promise<T>): Promise<T> {
  for (const startMs = performance.now(); ; await delay(100)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() - startMs > RECOVERY_MAX_MS) throw error;
    }
  }
}

/** Gives the time it took until nothing was prepared. */
async function untilResolved(cluster: Cluster, faults: string[]): Promise<number> {
  for (const startMs = performance.now(); ; await delay(100)) {
    const left: string[] = [];
    await withMysqlds(cluster, async (server) => {
      for (const row of await server.rows("XA RECOVER")) left.push(JSON.stringify(row));
    });
    const elapsedMs = performance.now() - startMs;
    if (left.length === 0) return elapsedMs;
    if (elapsedMs < UNRESOLVED_MAX_MS) continue;
    faults.push(`prepared after ${Math.round(elapsedMs)} ms: ${left.join(", ")}`);
    return elapsedMs;
  }
}

async function withMysqlds(cluster: Cluster, work: Parameters<typeof withServer<void>>[1]): Promise<void> {
  const mysqlds = cluster.processes().filter(({ kind }: ClusterProcess) => kind === "mysqld");
  await Promise.all(mysqlds.map(({ port }) => withServer(port, work)));
}
