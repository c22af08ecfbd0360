// `shardgate local`: a whole cluster on this machine. Reads the flags, hands the other parts to `local/cluster`, prints
// the ready line on standard output, and stops everything on a signal.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createLog, type Log, type LogLevel } from "../base/log.ts";
import { GATEWAY_DEFAULTS, startGateway } from "../gateway/server.ts";
import { type Cluster, type ClusterOptions, type ClusterParts, startCluster, TOPO_ROOT } from "../local/cluster.ts";
import { showRouting } from "../local/demo.ts";
import { demoInserts } from "../local/demo-data.ts";
import { parseShardCounts } from "../local/shard-names.ts";
import { startTablet } from "../tablet/server.ts";
import { createEmbeddedTopo } from "../topo/embedded.ts";
import { createEtcdStore } from "../topo/etcd.ts";
import { Topology } from "../topo/topology.ts";
import { parseVSchemaText } from "../vschema/parse-vschema.ts";

interface LocalFlags {
  readonly schemaDir?: string;
  readonly shards: ReadonlyMap<string, number>;
  readonly port: number;
  readonly dataDir: string;
  readonly replicas: number;
  readonly topo: "etcd" | "embedded";
  readonly demo: boolean;
  readonly gatewayArg: readonly string[];
  readonly tabletArg: readonly string[];
  readonly logLevel: LogLevel;
}

const DEMO_SCHEMA_DIR = fileURLToPath(new URL("../../vschema", import.meta.url));
const DEMO_SHARDS = new Map([
  ["commerce", 1],
  ["customer", 2],
]);
/** Signals that come within this time of the first are the same key press, told twice (by the terminal and by npm). */
const SAME_SIGNAL_MS = 2_000;

export function localCommand(): Command {
  return new Command("local")
    .summary("start a whole cluster on this machine")
    .description(
      `Starts etcd, a mysqld and a tablet for every shard, and a gateway on this machine, for development, demos and tests.
Each sub-folder of the schema directory is a keyspace: *.sql files (definitions are run on every shard, rows go through
the gateway) and a vschema.json. Prints one JSON line on standard output when clients can connect as root without a
password, and runs until SIGINT or SIGTERM.`,
    )
    .option("--schema-dir <dir>", "directory with a folder for each keyspace")
    .addOption(
      new Option("--shards <list>", "number of shards of each keyspace, as ks1=2,ks2=1 (default: 1 each)")
        .argParser(parseShardCounts)
        .default(new Map(), "1 each"),
    )
    .addOption(
      new Option("--port <port>", "port of 127.0.0.1 the gateway listens on; 0 takes a free one")
        .argParser(port)
        .env("SHARDGATE_PORT")
        .default(15_306),
    )
    .addOption(
      new Option("--data-dir <dir>", "where the databases, logs and pid files are kept; made when it is not there")
        .env("SHARDGATE_DATA_DIR")
        .default("data"),
    )
    .option("--replicas <n>", "replicas of every shard, each a mysqld with its tablet", count, 0)
    .addOption(
      new Option(
        "--topo <kind>",
        "etcd: parts are processes of their own; embedded: all but the mysqlds in one process",
      )
        .choices(["etcd", "embedded"])
        .default("etcd"),
    )
    .option("--demo", "the demo of `npm run up`: its schema and rows, a few queries, text for people", false)
    .option(
      "--gateway-arg <arg>",
      "a further argument for the gateway; may be repeated; not with --topo embedded",
      add,
      [],
    )
    .option(
      "--tablet-arg <arg>",
      "a further argument for every tablet; may be repeated; not with --topo embedded",
      add,
      [],
    )
    .addOption(
      new Option("--log-level <level>", "least level that is logged, to standard error")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .action(async (flags: LocalFlags) => {
      process.exitCode = await runLocal(flags);
    });
}

async function runLocal(flags: LocalFlags): Promise<number> {
  const schemaDir = flags.schemaDir ?? (flags.demo ? DEMO_SCHEMA_DIR : undefined);
  if (schemaDir === undefined) {
    process.stderr.write("shardgate local: --schema-dir is needed: a directory with a folder for each keyspace\n");
    return 2;
  }
  const options: ClusterOptions = {
    schemaDir,
    shards: flags.demo && flags.shards.size === 0 ? DEMO_SHARDS : flags.shards,
    port: flags.port,
    dataDir: flags.dataDir,
    replicas: flags.replicas,
    topo: flags.topo,
    logLevel: flags.logLevel,
    gatewayArgs: flags.gatewayArg,
    tabletArgs: flags.tabletArg,
    ...(flags.demo ? { rows: () => demoInserts() } : {}),
  };
  const log = createLog("local", flags.demo ? "warn" : flags.logLevel);
  const parts = clusterParts(log);
  const interrupt = interruptBySignals();
  let cluster: Cluster;
  try {
    cluster = await startCluster(options, flags.demo ? { ...parts, progress: say } : parts, interrupt);
  } catch (error) {
    if (interrupt.aborted) {
      if (flags.demo) say("interrupted; everything is stopped");
      return 130;
    }
    process.stderr.write(`shardgate local: ${messageOf(error)}\n`);
    return 1;
  }
  if (flags.demo && !interrupt.aborted) {
    await showRouting(cluster, write).catch((error: unknown) => say(`the demo queries failed: ${messageOf(error)}`));
  }
  write(`${flags.demo ? "\n" : ""}${readyLine(cluster)}`);
  if (flags.demo) sayHowToConnect(cluster, flags.dataDir);
  if (!interrupt.aborted) await new Promise((resolve) => interrupt.addEventListener("abort", resolve));
  if (flags.demo) say("stopping");
  await cluster.stop();
  if (flags.demo) say(`stopped; the data is kept in ${resolve(flags.dataDir)}`);
  return 0;
}

/** Aborts on SIGINT, SIGTERM or SIGHUP. A later signal ends this process at once, and the kernel the children with it. */
function interruptBySignals(): AbortSignal {
  const interrupt = new AbortController();
  let sinceMs: number | undefined;
  const onSignal = () => {
    if (sinceMs !== undefined && performance.now() - sinceMs > SAME_SIGNAL_MS) process.exit(1);
    sinceMs ??= performance.now();
    interrupt.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return interrupt.signal;
}

function sayHowToConnect(cluster: Cluster, dataDir: string): void {
  const { port } = cluster;
  write(`
Shardgate is ready on 127.0.0.1:${port}, user root, no password.

  ${connectCommand(port)} customer
  ${connectCommand(port)} -e 'SHOW VITESS_SHARDS'

Each shard's own mysqld, to look behind the gateway:
${cluster
  .processes()
  .filter(({ kind }) => kind === "mysqld")
  .map(({ name, keyspace, socket }) => `  ${name.padEnd(24)} mysql -uroot -S ${socket} ${keyspace}`)
  .join("\n")}

Logs are below ${resolve(dataDir)}. Ctrl-C stops all of it and keeps the data; delete that directory to start anew.`);
}

function say(text: string): void {
  process.stderr.write(`==> ${text}\n`);
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The parts as this executable has them; `script` is what tablets and gateway are run as. */
export function clusterParts(log: Log, script = new URL("./shardgate.js", import.meta.url)): ClusterParts {
  return {
    log,
    executable: [process.execPath, fileURLToPath(script)],
    progress: (text) => log.info({}, text),
    checkVSchema(keyspace, text, folder) {
      parseVSchemaText(keyspace, text, { folder });
    },
    async connectTopology(endpoint) {
      return new Topology(createEtcdStore({ endpoints: [endpoint], clock: systemClock, log }), TOPO_ROOT);
    },
    async embeddedTopology(file) {
      const embedded = await createEmbeddedTopo({ clock: systemClock, file });
      return new Topology(embedded.connect(), TOPO_ROOT);
    },
    startTablet(start, topology) {
      return startTablet({
        alias: start.alias,
        keyspace: start.keyspace,
        shard: start.shard,
        type: start.type,
        listen: `127.0.0.1:${start.port}`,
        advertiseHost: undefined,
        tls: undefined,
        mysqld: {
          socketPath: start.mysqldSocketPath,
          host: "127.0.0.1",
          port: start.mysqldPort,
          user: "root",
          password: "",
          database: start.keyspace,
        },
        poolSize: LIMITS.poolConnectionsMax,
        streamPoolSize: LIMITS.poolStreamConnectionsMax,
        transactionPoolSize: LIMITS.poolTransactionConnectionsMax,
        queryTimeoutMs: LIMITS.queryTimeoutMs,
        transactionIdleTimeoutMs: LIMITS.transactionIdleTimeoutMs,
        tracer: undefined,
        drainMs: LOCAL_DRAIN_MS,
        silenceMaxS: LIMITS.peerSilenceS,
        admin: undefined,
        topology,
        clock: systemClock,
        log: log.child({ part: "tablet", alias: start.alias }),
      });
    },
    startGateway: (start, topology) =>
      startGateway({
        listen: `127.0.0.1:${start.port}`,
        topology,
        cells: [start.cell],
        lastKnownGoodFile: undefined,
        usersFile: undefined,
        tls: undefined,
        tlsRequired: false,
        grpcTls: undefined,
        transactionMode: "twopc",
        replicaLagMaxS: GATEWAY_DEFAULTS.replicaLagMaxS,
        silenceMaxS: GATEWAY_DEFAULTS.silenceMaxS,
        clients: {
          ...GATEWAY_DEFAULTS.clients,
          unixSocket: start.socket === undefined ? undefined : { path: start.socket, mode: LOCAL_SOCKET_MODE },
          drainMs: LOCAL_DRAIN_MS,
        },
        gatherLimits: GATEWAY_DEFAULTS.gatherLimits,
        queryDefaults: GATEWAY_DEFAULTS.queryDefaults,
        createDatabaseOn: start.createDatabaseOn,
        autoVSchema: false,
        topologyWaitMs: GATEWAY_DEFAULTS.topologyWaitMs,
        slowQueryMs: GATEWAY_DEFAULTS.slowQueryMs,
        logsLiterals: GATEWAY_DEFAULTS.logsLiterals,
        keptStats: GATEWAY_DEFAULTS.keptStats,
        tracer: GATEWAY_DEFAULTS.tracer,
        admin: undefined,
        peers: undefined,
        clock: systemClock,
        log: log.child({ part: "gateway" }),
      }),
  };
}

/** Whoever stops a cluster of their own does not wait for it. */
const LOCAL_DRAIN_MS = 1_000;
/** As mysqlds have theirs. */
const LOCAL_SOCKET_MODE = 0o777;

function readyLine(cluster: Cluster): string {
  return JSON.stringify({
    ready: true,
    port: cluster.port,
    processes: cluster.processes(),
    connect: connectCommand(cluster.port),
  });
}

function connectCommand(port: number): string {
  return `mysql -h127.0.0.1 -P${port} -uroot`;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new InvalidArgumentError("a port is 0 to 65535");
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 9) throw new InvalidArgumentError("use 0 to 9");
  return value;
}

function add(text: string, before: readonly string[]): string[] {
  return [...before, text];
}
