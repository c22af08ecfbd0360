// What the benches run against: a Shardgate cluster with an unsharded keyspace and one of two shards, both with sysbench's
// table, and HAProxy in TCP mode before the unsharded keyspace's mysqld. "direct" is that mysqld itself.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createLog } from "../src/base/log.ts";
import { clusterParts } from "../src/bin/local.ts";
import { type Cluster, startCluster } from "../src/local/cluster.ts";
import { freePort, isListening, type RunningProcess, startProcess, untilReady } from "../src/local/process.ts";
import { withServer } from "../src/local/server-connection.ts";
import type { Measured } from "./proc-stat.ts";

export interface Target {
  readonly name: string;
  readonly port: number;
  readonly database: string;
  /** The processes a query of this target passes through. */
  readonly processes: readonly Measured[];
}

export interface Stage {
  readonly cluster: Cluster;
  readonly direct: Target;
  /** Undefined where HAProxy is not installed. */
  readonly haproxy: Target | undefined;
  readonly shardgate: Target;
  readonly sharded: Target;
  stop(): Promise<void>;
}

export const TABLE_ROWS = 10_000;
const UNSHARDED = "bench";
const SHARDED = "benchsharded";
const ROWS_PER_INSERT = 500;

const TABLE = `CREATE TABLE sbtest1 (
  id INT NOT NULL, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '',
  PRIMARY KEY (id), KEY k_1 (k)
);`;

export const ORDERED = "benchordered";
export const ORDERED_SHARDS = 4;

/** A cluster of one keyspace on four shards, with an empty table `sorted`. */
export async function startOrderedCluster(
  root: string,
): Promise<{ readonly cluster: Cluster; readonly stop: () => Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "sg-bench-"));
  const schemaDir = join(dir, "schema");
  mkdirSync(join(schemaDir, ORDERED), { recursive: true });
  const tables = { sorted: { column_vindexes: [{ column: "id", name: "hash" }] } };
  const vschema = { sharded: true, vindexes: { hash: { type: "hash" } }, tables };
  writeFileSync(join(schemaDir, ORDERED, "vschema.json"), JSON.stringify(vschema));
  writeFileSync(join(schemaDir, ORDERED, "schema.sql"), SORTED_TABLE);
  let cluster: Cluster | undefined;
  const stop = async () => {
    await cluster?.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const shards = new Map([[ORDERED, ORDERED_SHARDS]]);
    const options = { schemaDir, shards, port: 0, dataDir: join(dir, "data"), replicas: 0, logLevel: "warn" as const };
    const parts = clusterParts(createLog("bench", "warn"), pathToFileURL(join(root, "dist/bin/shardgate.js")));
    cluster = await startCluster({ ...options, topo: "etcd" }, parts, new AbortController().signal);
    return { cluster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const SORTED_TABLE = `CREATE TABLE sorted (
  id INT NOT NULL, k INT NOT NULL, v CHAR(180) CHARACTER SET latin1 NOT NULL, PRIMARY KEY (id), KEY k_id (k, id)
);`;

/** Starts everything and fills the tables. `interrupt` ends the start. */
export async function startStage(root: string, interrupt: AbortSignal): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), "sg-bench-"));
  let haproxy: RunningProcess | undefined;
  let cluster: Cluster | undefined;
  const stop = async () => {
    await haproxy?.stop();
    await cluster?.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    writeSchema(join(dir, "schema"));
    const log = createLog("bench", "warn");
    cluster = await startCluster(
      {
        schemaDir: join(dir, "schema"),
        shards: new Map([
          [UNSHARDED, 1],
          [SHARDED, 2],
        ]),
        port: 0,
        dataDir: join(dir, "data"),
        replicas: 0,
        topo: "etcd",
        logLevel: "warn",
      },
      clusterParts(log, pathToFileURL(join(root, "dist/bin/shardgate.js"))),
      interrupt,
    );
    const list = cluster.processes();
    const pick = (kind: string, keyspace?: string): Measured[] =>
      list
        .filter((entry) => entry.kind === kind && (keyspace === undefined || entry.keyspace === keyspace))
        .map(({ pid, shard }) => ({ name: keyspace === SHARDED ? `${kind} ${shard}` : kind, pid }));
    const mysqldPort = list.find(({ kind, keyspace }) => kind === "mysqld" && keyspace === UNSHARDED)?.port ?? 0;
    await fill(mysqldPort, UNSHARDED);
    await fill(cluster.port, SHARDED);

    const direct = { name: "direct", port: mysqldPort, database: UNSHARDED, processes: pick("mysqld", UNSHARDED) };
    let haproxyTarget: Target | undefined;
    if (findOnPath("haproxy") !== undefined) {
      const port = await freePort();
      haproxy = await startHaproxy(dir, port, mysqldPort);
      const processes = [...direct.processes, { name: "haproxy", pid: haproxy.pid }];
      haproxyTarget = { name: "haproxy", port, database: UNSHARDED, processes };
    }
    const through = (name: string, keyspace: string): Target => ({
      name,
      port: cluster?.port ?? 0,
      database: keyspace,
      processes: [...pick("mysqld", keyspace), ...pick("tablet", keyspace), ...pick("gateway")],
    });
    return {
      cluster,
      direct,
      haproxy: haproxyTarget,
      shardgate: through("shardgate", UNSHARDED),
      sharded: through("shardgate, 2 shards", SHARDED),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The full path of a program; undefined when it is not installed. */
export function findOnPath(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function writeSchema(dir: string): void {
  const vschemas = {
    [UNSHARDED]: {},
    [SHARDED]: {
      sharded: true,
      vindexes: { hash: { type: "hash" } },
      tables: { sbtest1: { column_vindexes: [{ column: "id", name: "hash" }] } },
    },
  };
  for (const [keyspace, vschema] of Object.entries(vschemas)) {
    mkdirSync(join(dir, keyspace), { recursive: true });
    writeFileSync(join(dir, keyspace, "vschema.json"), JSON.stringify(vschema));
    writeFileSync(join(dir, keyspace, "schema.sql"), TABLE);
  }
}

async function fill(port: number, database: string): Promise<void> {
  await withServer(
    port,
    async (server) => {
      for (let from = 1; from <= TABLE_ROWS; from += ROWS_PER_INSERT) {
        const rows = Array.from({ length: ROWS_PER_INSERT }, (_, index) => {
          const id = from + index;
          return `(${id},${(id * 7919) % TABLE_ROWS},'${digits(id, 120)}','${digits(id + 1, 60)}')`;
        });
        await server.run(`INSERT INTO sbtest1 (id, k, c, pad) VALUES ${rows.join(",")}`);
      }
    },
    database,
  );
}

/** Groups of eleven digits, as sysbench fills its columns. */
function digits(seed: number, length: number): string {
  const groups = Array.from({ length: 10 }, (_, index) =>
    String((seed * 2_654_435_761 + index * 40_503) % 1e11).padStart(11, "0"),
  );
  return groups.join("-").slice(0, length);
}

async function startHaproxy(dir: string, port: number, backendPort: number): Promise<RunningProcess> {
  const config = join(dir, "haproxy.cfg");
  writeFileSync(
    config,
    `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen mysql
  bind 127.0.0.1:${port}
  server mysqld 127.0.0.1:${backendPort}
`,
  );
  const logFile = join(dir, "haproxy.log");
  const child = await startProcess({
    name: "haproxy",
    command: findOnPath("haproxy") ?? "haproxy",
    args: ["-f", config, "-db"],
    logFile,
    pidFile: join(dir, "haproxy.pid"),
    stopDeadlineMs: 2_000,
  });
  await untilReady(child, logFile, 10_000, () => isListening(port));
  return child;
}
