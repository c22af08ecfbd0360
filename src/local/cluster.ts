// A whole Shardgate on one machine: etcd (or the embedded store), a mysqld and a tablet for every shard and replica, and
// one gateway. Checks everything it can before it starts anything; a start that fails or is interrupted leaves nothing
// running and nothing half written.
//
//   read schema ─► take data dir ─► topology, mysqlds ─► replication ─► DDL on the shards ─► tablets ─► gateway ─► rows

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log, LogLevel } from "../base/log.ts";
import { parseKeyRange } from "../topo/key-range.ts";
import { type TabletAlias, type TabletType, tabletAliasOf } from "../topo/records.ts";
import type { Topology } from "../topo/topology.ts";
import { type ClusterShape, DataDir } from "./data-dir.ts";
import { startEtcd } from "./etcd.ts";
import { ensureTemplate, type Mysqld, SOCKET_PATH_BYTES_MAX, startMysqld } from "./mysqld.ts";
import { startPart } from "./part.ts";
import { delay, freePort, isPortFree, type RunningProcess } from "./process.ts";
import { allowReplication, followPrimary, untilCaughtUp } from "./replication.ts";
import { type CheckVSchema, readSchemaDir, type SchemaKeyspace } from "./schema-dir.ts";
import { withServer } from "./server-connection.ts";
import type { FileStatement } from "./sql-file.ts";
import { type Supervised, Supervisor } from "./supervisor.ts";

export interface ClusterOptions {
  readonly schemaDir: string;
  /** Number of shards by keyspace; a keyspace not named has one. */
  readonly shards: ReadonlyMap<string, number>;
  /** The gateway's port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  /** Replica mysqlds, each with its tablet, beside every primary. */
  readonly replicas: number;
  readonly topo: "etcd" | "embedded";
  readonly logLevel: LogLevel;
  /** Rows for a new cluster beside those of the schema files, as statements that run through the gateway in order. */
  readonly rows?: () => Iterable<{ readonly keyspace: string; readonly sql: string }>;
  /** Further flags of every tablet and of the gateway; only for those that are processes of their own. */
  readonly tabletArgs?: readonly string[];
  readonly gatewayArgs?: readonly string[];
  /** An installed, empty data directory that every mysqld starts with a copy of; default one of this cluster's own. */
  readonly templateDir?: string;
}

export interface TabletStart {
  readonly alias: TabletAlias;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  /** 0 takes a free port. */
  readonly port: number;
  readonly mysqldSocketPath: string;
  readonly mysqldPort: number;
}

export interface GatewayStart {
  readonly port: number;
  readonly cell: string;
  readonly createDatabaseOn: string | undefined;
  /** Of the Unix socket that it listens on, too; undefined: none. */
  readonly socket: string | undefined;
}

/** A part that runs inside this process. */
export interface Served {
  /** HOST:PORT. */
  readonly address: string;
  stop(): Promise<void>;
}

/** What the cluster is made of besides mysqld and etcd; handed in, since only `bin/` knows all parts. */
export interface ClusterParts {
  readonly log: Log;
  /** How `shardgate` is run, for tablets and gateway as processes: `node`, `…/shardgate.js`. */
  readonly executable: readonly [command: string, ...args: string[]];
  readonly checkVSchema: CheckVSchema;
  /** The topology in etcd. */
  connectTopology(endpoint: string): Promise<Topology>;
  /** The topology inside this process, kept in `file`. */
  embeddedTopology(file: string): Promise<Topology>;
  startTablet(options: TabletStart, topology: Topology): Promise<Served>;
  startGateway(options: GatewayStart, topology: Topology): Promise<Served>;
  /** A line for a person who waits. */
  readonly progress?: (text: string) => void;
}

export interface ClusterProcess {
  readonly name: string;
  readonly kind: "etcd" | "mysqld" | "tablet" | "gateway";
  readonly pid: number;
  readonly port: number;
  readonly keyspace?: string;
  readonly shard?: string;
  readonly type?: TabletType;
  readonly alias?: TabletAlias;
  readonly socket?: string;
}

export interface Cluster {
  readonly port: number;
  readonly keyspaces: readonly SchemaKeyspace[];
  /** True when this start found the data of an earlier one. */
  readonly isReused: boolean;
  /** All processes as they are now; after a restart a process has another pid. */
  processes(): ClusterProcess[];
  /** Stops everything in order; the data stays. */
  stop(): Promise<void>;
}

export const CELL = "zone1";
export const TOPO_ROOT = "/shardgate";
const READY_DEADLINE_MS = 60_000;
const REPLICA_DEADLINE_MS = 60_000;

/**
 * Starts a cluster and resolves when clients can use every shard of it. Throws with what is wrong, after everything that
 * was started has been stopped; an aborted `interrupt` throws CANCELLED likewise.
 */
export async function startCluster(
  options: ClusterOptions,
  parts: ClusterParts,
  interrupt?: AbortSignal,
): Promise<Cluster> {
  const keyspaces = readSchemaDir(options.schemaDir, options.shards, parts.checkVSchema);
  if (options.port !== 0 && !(await isPortFree(options.port))) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `port ${options.port} of 127.0.0.1 is taken by another program (\`ss -ltnp 'sport = :${options.port}'\` shows which); choose another with --port`,
    );
  }
  const dataDir = DataDir.open(options.dataDir, shapeOf(keyspaces, options.replicas));
  const builder = new Builder(options, parts, keyspaces, dataDir);
  const onInterrupt = () => void builder.supervisor.stop();
  interrupt?.addEventListener("abort", onInterrupt);
  if (interrupt?.aborted === true) onInterrupt();
  try {
    return await builder.build();
  } catch (error) {
    await builder.stop();
    if (interrupt?.aborted === true) throw new ShardgateError("CANCELLED", "the start was interrupted", error);
    throw error;
  } finally {
    interrupt?.removeEventListener("abort", onInterrupt);
  }
}

interface ShardServer {
  readonly alias: TabletAlias;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  /** `customer/-80`, with `replica 1` for a replica. */
  readonly label: string;
  readonly dir: string;
  readonly serverId: number;
  readonly mysqld: Supervised<Mysqld>;
}

class Builder {
  readonly supervisor: Supervisor;
  private readonly options: ClusterOptions;
  private readonly parts: ClusterParts;
  private readonly keyspaces: readonly SchemaKeyspace[];
  private readonly dataDir: DataDir;
  private readonly listed: (() => ClusterProcess)[] = [];
  private readonly ports = new Set<number>();
  private topologyArgs: readonly string[] = [];

  constructor(options: ClusterOptions, parts: ClusterParts, keyspaces: readonly SchemaKeyspace[], dataDir: DataDir) {
    this.options = options;
    this.parts = parts;
    this.keyspaces = keyspaces;
    this.dataDir = dataDir;
    this.supervisor = new Supervisor(parts.log);
  }

  async build(): Promise<Cluster> {
    const { progress } = this.parts;
    const count = this.keyspaces.reduce((sum, { shards }) => sum + shards.length * (1 + this.options.replicas), 0);
    progress?.(`starting ${this.options.topo === "etcd" ? "etcd" : "the topology"} and ${count} mysqld`);
    const [topology, servers] = await bothOf(this.startTopology(), this.startServers());
    this.supervisor.signal.throwIfAborted();
    if (this.options.replicas > 0) {
      progress?.("starting replication");
      await this.startReplication(servers);
    }
    await this.applyDefinitions(servers);
    await this.writeTopology(topology, servers);
    progress?.(`starting ${count} tablets and the gateway`);
    await allOf(servers.map((server) => this.startTablet(server, topology)));
    const port = await this.startGateway(topology);
    await this.untilServing(port);
    await this.loadRows(port);
    if (!this.dataDir.isReused) {
      await this.loadFirstRows(port);
      this.dataDir.markComplete();
    }
    return {
      port,
      keyspaces: this.keyspaces,
      isReused: this.dataDir.isReused,
      processes: () => this.listed.map((describe) => describe()),
      stop: () => this.stop(),
    };
  }

  async stop(): Promise<void> {
    await this.supervisor.stop();
    this.dataDir.close();
  }

  private async startTopology(): Promise<Topology> {
    const dir = join(this.dataDir.path, "etcd");
    mkdirSync(dir, { recursive: true });
    if (this.options.topo === "embedded") {
      return this.supervised(await this.parts.embeddedTopology(join(dir, "topology.json")));
    }
    const port = await this.portFor("etcd");
    const etcd = await this.supervisor.add({
      tier: "topology",
      name: "etcd",
      start: (signal) => startEtcd({ dir, port, signal }),
    });
    this.listed.push(() => ({ name: "etcd", kind: "etcd", pid: etcd.current().pid, port }));
    const { endpoint } = etcd.current();
    this.topologyArgs = ["--topo", "etcd", "--topo-endpoints", endpoint, "--topo-root", TOPO_ROOT];
    return this.supervised(await this.parts.connectTopology(endpoint));
  }

  /** Registrations and watches are given back after the parts have stopped and while the store still answers. */
  private async supervised(topology: Topology): Promise<Topology> {
    const served = { address: "", stop: () => topology.store.close() };
    await this.supervisor.add({
      tier: "topology connection",
      name: "topology connection",
      start: async () => asProcess("topology connection", served),
    });
    return topology;
  }

  private async startServers(): Promise<ShardServer[]> {
    const templateDir = this.options.templateDir ?? join(this.dataDir.path, "template");
    if (!this.dataDir.isReused) await ensureTemplate(templateDir);
    const shards = this.keyspaces.flatMap(({ name, shards }) => shards.map((shard) => ({ keyspace: name, shard })));
    return allOf(
      shards.flatMap(({ keyspace, shard }, shardIndex) =>
        Array.from({ length: 1 + this.options.replicas }, (_, index) => {
          const serverId = (shardIndex + 1) * 100 + index;
          return this.startServer(keyspace, shard, index, serverId, templateDir);
        }),
      ),
    );
  }

  private async startServer(
    keyspace: string,
    shard: string,
    index: number,
    serverId: number,
    templateDir: string,
  ): Promise<ShardServer> {
    const alias = tabletAliasOf(CELL, serverId);
    const type: TabletType = index === 0 ? "primary" : "replica";
    const label = index === 0 ? `${keyspace}/${shard}` : `${keyspace}/${shard} replica ${index}`;
    const name = `mysqld ${label}`;
    const dir = join(this.dataDir.path, "keyspaces", keyspace, shard, alias);
    const port = await this.portFor(name);
    const binlog = this.options.replicas > 0;
    const args = type === "replica" ? ["--read-only", "--report-host=127.0.0.1", `--report-port=${port}`] : [];
    const mysqld = await this.supervisor.add({
      tier: type === "replica" ? "replica mysqld" : "mysqld",
      name,
      start: (signal) => startMysqld({ name, dir, port, serverId, binlog, args, templateDir, signal }),
    });
    this.listed.push(() => {
      const { pid, socketPath } = mysqld.current();
      return { name, kind: "mysqld", pid, port, keyspace, shard, type, alias, socket: socketPath };
    });
    return { alias, keyspace, shard, type, label, dir, serverId, mysqld };
  }

  private async startReplication(servers: readonly ShardServer[]): Promise<void> {
    await allOf(
      servers.map(async (primary) => {
        if (primary.type !== "primary") return;
        const followers = servers.filter(
          (server) =>
            server.type === "replica" && server.keyspace === primary.keyspace && server.shard === primary.shard,
        );
        if (!this.dataDir.isReused) await allowReplication(primary.mysqld.current());
        for (const follower of followers) await followPrimary(follower.mysqld.current(), primary.mysqld.current());
        for (const follower of followers) {
          await untilCaughtUp(follower.mysqld.current(), primary.mysqld.current(), REPLICA_DEADLINE_MS);
        }
      }),
    );
  }

  /** Runs the DDL of the schema files on every primary, where it was not run before. */
  private async applyDefinitions(servers: readonly ShardServer[]): Promise<void> {
    for (const keyspace of this.keyspaces) {
      const statements = keyspace.statements.filter(({ kind }) => kind === "ddl");
      const hashes = statements.map(hashOf);
      for (const server of servers) {
        if (server.keyspace !== keyspace.name || server.type !== "primary") continue;
        const key = `${server.keyspace}/${server.shard}`;
        const from = this.pendingFrom(key, hashes, keyspace.name);
        await withServer(server.mysqld.current().socketPath, async (connection) => {
          await connection.run(`CREATE DATABASE IF NOT EXISTS \`${keyspace.name}\``);
          await connection.run(`USE \`${keyspace.name}\``);
          for (const [index, statement] of statements.entries()) {
            if (index < from) continue;
            this.supervisor.signal.throwIfAborted();
            await runFrom(statement, `shard ${key}`, () => connection.run(statement.sql));
            this.dataDir.markApplied(key, hashes[index] ?? "");
          }
        });
      }
    }
  }

  /** Runs the row statements of the schema files through the gateway, so that rows land on their shards. */
  private async loadRows(port: number): Promise<void> {
    for (const keyspace of this.keyspaces) {
      const statements = keyspace.statements.filter(({ kind }) => kind === "dml");
      const hashes = statements.map(hashOf);
      const from = this.pendingFrom(keyspace.name, hashes, keyspace.name);
      if (from >= statements.length) continue;
      this.parts.progress?.(`loading ${statements.length - from} statements into ${keyspace.name}`);
      const load = async (run: (sql: string) => Promise<void>) => {
        for (const [index, statement] of statements.entries()) {
          if (index < from) continue;
          this.supervisor.signal.throwIfAborted();
          await runFrom(statement, "the gateway", () => run(statement.sql));
          this.dataDir.markApplied(keyspace.name, hashes[index] ?? "");
        }
      };
      await withServer(port, (connection) => load((sql) => connection.run(sql)), keyspace.name);
    }
  }

  private async loadFirstRows(port: number): Promise<void> {
    if (this.options.rows === undefined) return;
    this.parts.progress?.("loading rows through the gateway");
    await withServer(port, async (connection) => {
      for (const { keyspace, sql } of this.options.rows?.() ?? []) {
        this.supervisor.signal.throwIfAborted();
        await connection.run(`USE \`${keyspace}\``);
        await connection.run(sql);
      }
    });
  }

  private pendingFrom(key: string, hashes: readonly string[], keyspace: string): number {
    const { from, changed } = this.dataDir.pending(key, hashes);
    if (changed) {
      const message = `the schema files of ${keyspace} changed in statements that were applied before; the data directory keeps what it has`;
      this.parts.log.warn({ keyspace, key }, message);
      this.parts.progress?.(message);
    }
    return from;
  }

  /** Creates what is missing; a VSchema is written when its file is new or has changed since the last start. */
  private async writeTopology(topology: Topology, servers: readonly ShardServer[]): Promise<void> {
    await ifMissing(() => topology.createCell({ name: CELL }));
    for (const keyspace of this.keyspaces) {
      await ifMissing(() => topology.createKeyspace({ name: keyspace.name }));
      for (const server of servers) {
        if (server.keyspace !== keyspace.name || server.type !== "primary") continue;
        const record = {
          keyspace: keyspace.name,
          name: server.shard,
          keyRange: parseKeyRange(server.shard),
          primaryAlias: server.alias,
          isServing: true,
        };
        await ifMissing(() => topology.createShard(record));
      }
      const key = `vschema/${keyspace.name}`;
      const hash = hashText(JSON.stringify(keyspace.vschema));
      const current = await topology.getVSchema(keyspace.name);
      if (current === undefined || this.dataDir.record.applied[key]?.at(-1) !== hash) {
        await topology.putVSchema({ keyspace: keyspace.name, json: keyspace.vschema }, current?.revision);
        this.dataDir.markApplied(key, hash);
      }
    }
  }

  private async startTablet(server: ShardServer, topology: Topology): Promise<void> {
    const { alias, keyspace, shard, type, label, dir } = server;
    const name = `tablet ${label}`;
    const port = await this.portFor(name);
    const { socketPath, port: mysqldPort } = server.mysqld.current();
    const args = ["tablet", "--alias", alias, "--keyspace", keyspace, "--shard", shard, "--type", type];
    args.push("--listen", `127.0.0.1:${port}`, "--mysql-socket", socketPath);
    args.push(
      "--mysql-port",
      String(mysqldPort),
      "--mysql-user",
      "root",
      ...this.topologyArgs,
      "--log-level",
      this.options.logLevel,
    );
    args.push("--drain-timeout", "1", ...(this.options.tabletArgs ?? []));
    const tablet = await this.supervisor.add({
      tier: "tablet",
      name,
      start: async (signal): Promise<RunningProcess> => {
        if (this.options.topo === "etcd") {
          return startPart({ name, executable: this.parts.executable, args, dir, label: "tablet", signal });
        }
        const start = { alias, keyspace, shard, type, port, mysqldSocketPath: socketPath, mysqldPort };
        return asProcess(name, await this.parts.startTablet(start, topology));
      },
    });
    this.listed.push(() => ({ name, kind: "tablet", pid: tablet.current().pid, port, keyspace, shard, type, alias }));
  }

  private async startGateway(topology: Topology): Promise<number> {
    const port = this.options.port === 0 ? await this.portFor("gateway") : this.options.port;
    const dir = join(this.dataDir.path, "gateway");
    const args = ["gateway", "--listen", `127.0.0.1:${port}`, "--cell", CELL, ...this.topologyArgs];
    args.push("--last-known-good", join(dir, "topology.json"), "--log-level", this.options.logLevel);
    const unsharded = this.keyspaces.flatMap(({ name, sharded }) => (sharded ? [] : [name]));
    const createDatabaseOn = [...this.options.shards.keys()].find((name) => unsharded.includes(name)) ?? unsharded[0];
    if (createDatabaseOn !== undefined) args.push("--create-database-on", createDatabaseOn);
    const socket = this.gatewaySocket(dir);
    if (socket !== undefined) args.push("--socket", socket);
    args.push("--drain-timeout", "1", ...(this.options.gatewayArgs ?? []));
    const gateway = await this.supervisor.add({
      tier: "gateway",
      name: "gateway",
      start: async (signal): Promise<RunningProcess> => {
        if (this.options.topo === "etcd") {
          return startPart({
            name: "gateway",
            executable: this.parts.executable,
            args,
            dir,
            label: "gateway",
            signal,
          });
        }
        const start = { port, cell: CELL, createDatabaseOn, socket };
        return asProcess("gateway", await this.parts.startGateway(start, topology));
      },
    });
    this.listed.push(() => ({ name: "gateway", kind: "gateway", pid: gateway.current().pid, port }));
    return port;
  }

  /** Drivers find it as @@socket; undefined where the data directory's name is too long for one. */
  private gatewaySocket(dir: string): string | undefined {
    const path = resolve(dir, "gateway.sock");
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) return undefined;
    mkdirSync(dir, { recursive: true });
    return path;
  }

  /** Waits until the gateway answers from every shard. */
  private async untilServing(port: number): Promise<void> {
    const startMs = performance.now();
    for (const { name, shards } of this.keyspaces) {
      for (const shard of shards) {
        for (;;) {
          this.supervisor.signal.throwIfAborted();
          try {
            await withServer(port, async (server) => {
              await server.run(`USE \`${name}:${shard}\``);
              await server.value("SELECT 1");
            });
            break;
          } catch (cause) {
            if (performance.now() - startMs > READY_DEADLINE_MS) {
              throw new ShardgateError(
                "CONFIG_BAD",
                `shard ${name}/${shard} does not answer through the gateway: ${messageOf(cause)}`,
                cause,
              );
            }
            await delay(50);
          }
        }
      }
    }
  }

  /** The port `name` had in an earlier start if it is free, else any free one; kept for restarts. */
  private async portFor(name: string): Promise<number> {
    const earlier = this.dataDir.port(name);
    if (earlier !== undefined && !this.ports.has(earlier) && (await isPortFree(earlier))) {
      this.ports.add(earlier);
      return earlier;
    }
    for (;;) {
      const port = await freePort();
      if (this.ports.has(port)) continue;
      this.ports.add(port);
      this.dataDir.markPort(name, port);
      return port;
    }
  }
}

function shapeOf(keyspaces: readonly SchemaKeyspace[], replicas: number): ClusterShape {
  return { keyspaces: Object.fromEntries(keyspaces.map(({ name, shards }) => [name, shards])), replicas };
}

/** Promise.all that waits for the last one also when one fails: what still runs would write into a directory given back. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function bothOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

/** A part inside this process, in the form of a process that never dies by itself. */
function asProcess(name: string, served: Served): RunningProcess {
  let ended: (exit: { code: number; signal: null }) => void;
  const exited = new Promise<{ code: number; signal: null }>((resolve) => {
    ended = resolve;
  });
  const stop = async () => {
    await served.stop();
    ended({ code: 0, signal: null });
  };
  return { name, pid: process.pid, exited, signal: () => {}, stop, kill: stop };
}

async function ifMissing(create: () => Promise<void>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof ShardgateError && error.id === "TOPO_NODE_EXISTS")) throw error;
  }
}

async function runFrom(statement: FileStatement, where: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `${statement.file}:${statement.line}: ${where} refused it: ${messageOf(cause)}`,
      cause,
    );
  }
}

function hashOf(statement: FileStatement): string {
  return hashText(statement.sql);
}

function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
