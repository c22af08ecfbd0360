// Gateways behind HAProxy are stopped and started while clients work: nobody may see a statement fail. Two kinds of clients,
// neither of which tries anything again: mysql2 connections of a few statements and transactions each, and sysbench, which
// connects anew after every few events. A third kind keeps its connections, as pools do, and connects anew when it is told
// to leave; how often that met a statement on its way is told.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { delay, freePort } from "../../src/local/process.ts";
import { type Part, startPart, stopAll } from "../e2e/parts.ts";
import { startCluster, temporaryDir } from "../fixture/cluster.ts";
import { type Random, randomOf } from "../fuzz/random.ts";

export interface DrainOptions {
  readonly seed: number;
  /** Gateways that are stopped, one after the other; each is started again and waited for. */
  readonly stops: number;
  readonly clients: number;
  /** Threads of sysbench; 0: without it. */
  readonly sysbenchThreads: number;
  readonly drainDelayS: number;
  readonly tell: (line: string) => void;
}

export interface DrainReport {
  readonly statements: number;
  readonly connections: number;
  /** Of clients that try nothing again. */
  readonly failed: readonly string[];
  /** Of clients that keep their connections: statements that had to be sent again on a new one. */
  readonly sentAgain: readonly string[];
  readonly sysbench: SysbenchReport | undefined;
  /** What the rows say beside the statements that were answered. */
  readonly lost: readonly string[];
}

export interface SysbenchReport {
  readonly queries: number;
  readonly errors: readonly string[];
}

const GATEWAYS = 3;
const ROWS = 1_000;
const CHECK_MS = 200;
const READY_MAX_MS = 60_000;
const KEYSPACE = "drained";
const KEYSPACES = {
  [KEYSPACE]: {
    shards: 2,
    vschema: {
      sharded: true,
      vindexes: { x: { type: "xxhash" } },
      tables: { account: { column_vindexes: [{ column: "id", name: "x" }] } },
    },
    sql: "CREATE TABLE account (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, padding VARCHAR(100) NOT NULL DEFAULT '');",
  },
};
/** sysbench 1.0 has no --reconnect. */
const LUA = `
function thread_init() drv = sysbench.sql.driver(); con = drv:connect(); n = 0 end
function thread_done() con:disconnect() end
function event()
  n = n + 1
  if n % 50 == 0 then con:disconnect(); con = drv:connect() end
  con:query("SELECT v FROM account WHERE id = " .. sysbench.rand.uniform(1, ${ROWS}))
  con:query("SELECT COUNT(*) FROM account WHERE id IN (1, 2, 3, 4)")
  con:query("UPDATE account SET padding = 'x' WHERE id = " .. sysbench.rand.uniform(1, ${ROWS}))
end
`;

export async function runDrain(options: DrainOptions): Promise<DrainReport> {
  const dir = temporaryDir("drain");
  const cluster = await startCluster({ keyspaces: KEYSPACES, topo: "etcd" });
  const processes: ChildProcess[] = [];
  try {
    const etcd = cluster.processes().find(({ name }) => name === "etcd");
    const ports = await Promise.all(Array.from({ length: GATEWAYS }, async () => [await freePort(), await freePort()]));
    const start = (at: number): Promise<Part> => {
      const [port, admin] = ports[at] ?? [];
      const where = ["--listen", `127.0.0.1:${port}`, "--admin-listen", `127.0.0.1:${admin}`];
      const drain = ["--drain-delay", String(options.drainDelayS), "--drain-timeout", "30"];
      return startPart("gateway", ...where, ...drain, "--topo-endpoints", `http://127.0.0.1:${etcd?.port}`);
    };
    const gateways = await Promise.all(ports.map((_, at) => start(at)));
    for (const gateway of gateways) await ready(gateway);
    await fill(gateways[0]?.port ?? 0);
    const port = await freePort();
    const file = join(dir.path, "haproxy.cfg");
    writeFileSync(file, haproxyConfig(port, ports));
    processes.push(spawn("haproxy", ["-db", "-f", file], { stdio: "ignore" }));
    await reachable(port);
    await delay(5 * CHECK_MS);

    const work = new Work(port, options);
    const sysbench = options.sysbenchThreads === 0 ? undefined : startSysbench(dir.path, port, options.sysbenchThreads);
    await work.answered(50 * options.clients);
    for (let stop = 0; stop < options.stops; stop++) {
      const at = stop % GATEWAYS;
      const before = work.statements;
      gateways[at]?.signal("SIGTERM");
      await gateways[at]?.exited;
      await work.answered(20 * options.clients);
      const gateway = await start(at);
      gateways[at] = gateway;
      await ready(gateway);
      // HAProxy has to have seen it before the next one goes.
      await delay(5 * CHECK_MS);
      options.tell(`gateway ${at + 1} stopped and started: ${work.statements - before} statements meanwhile`);
    }
    await work.answered(20 * options.clients);
    await work.stop();
    const said = await sysbench?.();
    const lost = await work.lost(gateways[0]?.port ?? 0);
    return { ...work.report, sysbench: said, lost };
  } finally {
    for (const child of processes) child.kill("SIGKILL");
    await stopAll();
    await cluster.stop();
    dir.remove();
  }
}

/** Clients that work until they are stopped. Each has rows of its own, which it counts up by transactions. */
class Work {
  statements = 0;
  connections = 0;
  readonly failed: string[] = [];
  readonly sentAgain: string[] = [];
  readonly #port: number;
  readonly #counts: number[];
  readonly #workers: readonly Promise<void>[];
  #stopped = false;

  constructor(port: number, { seed, clients }: DrainOptions) {
    this.#port = port;
    this.#counts = Array.from({ length: clients }, () => 0);
    this.#workers = this.#counts.map((_, at) => {
      const random = randomOf(seed * 1_000 + at);
      return at % 2 === 0 ? this.#brief(at, random) : this.#lasting(at, random);
    });
  }

  get report(): Pick<DrainReport, "statements" | "connections" | "failed" | "sentAgain"> {
    const { statements, connections, failed, sentAgain } = this;
    return { statements, connections, failed, sentAgain };
  }

  async answered(count: number): Promise<void> {
    const wanted = this.statements + count;
    for (const endMs = performance.now() + READY_MAX_MS; this.statements < wanted; await delay(20)) {
      if (performance.now() > endMs) throw new Error(`no answers any more; ${this.failed.at(-1) ?? "no error"}`);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  /** Where a client's rows are not what its answered transactions have made of them. */
  async lost(port: number): Promise<readonly string[]> {
    const connection = await connectTo(port);
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT id, v FROM account WHERE id <= ${ROWS}`);
    await connection.end();
    const values = new Map(rows.map(({ id, v }) => [Number(id), Number(v)]));
    return this.#counts.flatMap((count, at) => {
      const [one, other] = rowsOf(at).map((id) => values.get(id));
      return one === count && other === count ? [] : [`client ${at}: ${count} transactions, rows say ${one}, ${other}`];
    });
  }

  /** A connection of a few statements, and the next one. */
  async #brief(at: number, random: Random): Promise<void> {
    while (!this.#stopped) {
      try {
        const connection = await connectTo(this.#port);
        this.connections++;
        for (let left = 1 + random.int(20); left > 0; left--) {
          await this.#unit(connection, at, random);
          await delay(random.int(10));
        }
        await connection.end();
      } catch (error) {
        this.failed.push(told(error));
        await delay(20);
      }
    }
  }

  /** One connection for as long as it lives, with pauses. */
  async #lasting(at: number, random: Random): Promise<void> {
    let connection: Connection | undefined;
    let isBroken = true;
    while (!this.#stopped) {
      try {
        if (connection === undefined || isBroken) {
          connection = await connectTo(this.#port);
          connection.on("error", () => {
            isBroken = true;
          });
          isBroken = false;
          this.connections++;
        }
        await this.#unit(connection, at, random);
      } catch (error) {
        isBroken = true;
        connection?.destroy();
        this.sentAgain.push(told(error));
      }
      await delay(random.int(10) === 0 ? 700 + random.int(300) : random.int(20));
    }
    if (!isBroken) await connection?.end();
  }

  async #unit(connection: Connection, at: number, random: Random): Promise<void> {
    const run = async (sql: string): Promise<void> => {
      await connection.query(sql);
      this.statements++;
    };
    if (random.int(4) > 0) {
      await run(`SELECT v FROM account WHERE id = ${1 + random.int(ROWS)}`);
      return;
    }
    await run("BEGIN");
    for (const id of rowsOf(at)) await run(`UPDATE account SET v = v + 1 WHERE id = ${id}`);
    await run("COMMIT");
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }
}

function rowsOf(client: number): readonly [number, number] {
  return [2 * client + 1, 2 * client + 2];
}

function connectTo(port: number): Promise<Connection> {
  return createConnection({ host: "127.0.0.1", port, user: "root", database: KEYSPACE, connectTimeout: 30_000 });
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "errno" in error ? `${String(error.errno)} ` : "";
  const sql = "sql" in error ? ` (${String(error.sql)})` : "";
  return `${code}${error.message}${sql}`;
}

async function fill(port: number): Promise<void> {
  const connection = await connectTo(port);
  const rows = Array.from({ length: ROWS }, (_, at) => `(${at + 1}, 0)`);
  await connection.query(`INSERT INTO account (id, v) VALUES ${rows.join(", ")}`);
  await connection.end();
}

async function ready(gateway: Part): Promise<void> {
  for (const endMs = performance.now() + READY_MAX_MS; performance.now() < endMs; await delay(50)) {
    const answer = await fetch(`http://${gateway.admin}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
  }
  throw new Error("a gateway did not become ready");
}

async function reachable(port: number): Promise<void> {
  const opens = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.unref().once("connect", () => socket.destroy());
    });
  for (const endMs = performance.now() + READY_MAX_MS; !(await opens()); await delay(50)) {
    if (performance.now() > endMs) throw new Error("HAProxy does not listen");
  }
}

function haproxyConfig(port: number, gateways: readonly (readonly (number | undefined)[])[]): string {
  const servers = gateways.map(
    ([gateway, admin], at) => `  server gateway${at + 1} 127.0.0.1:${gateway} check port ${admin}`,
  );
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout check 10s
  timeout client 10m
  timeout server 10m
listen mysql
  bind 127.0.0.1:${port}
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  option redispatch
  retries 3
  default-server inter ${CHECK_MS}ms fall 1 rise 1
${servers.join("\n")}
`;
}

/** Runs until the returned function is called, which tells what it has said each second. */
function startSysbench(dir: string, port: number, threads: number): () => Promise<SysbenchReport> {
  const script = join(dir, "reconnect.lua");
  writeFileSync(script, LUA);
  const target = ["--mysql-host=127.0.0.1", `--mysql-port=${port}`, "--mysql-user=root", `--mysql-db=${KEYSPACE}`];
  const pace = [`--threads=${threads}`, "--time=3600", "--rate=200", "--report-interval=1"];
  const child = spawn("sysbench", [script, ...target, ...pace, "run"], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = new Promise((resolve) => {
    child.once("close", resolve);
  });
  return async () => {
    const isOver = child.exitCode !== null;
    child.kill("SIGTERM");
    await ended;
    const seconds = [...text.matchAll(/ qps: ([\d.]+) .* err\/s: ([\d.]+) reconn\/s: ([\d.]+)/g)];
    const queries = seconds.reduce((sum, [, perS]) => sum + Number(perS), 0);
    const ignored = seconds.filter(([, , errors, reconnects]) => Number(errors) + Number(reconnects) > 0);
    const errors = [...text.split("\n").filter((line) => /FATAL|error:/i.test(line)), ...ignored.map(([line]) => line)];
    return { queries: Math.round(queries), errors: isOver ? [...errors, "it ended before its time"] : errors };
  };
}

/** Whether a program can be run here. */
export function isInstalled(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
