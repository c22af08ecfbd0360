// `shardgate tablet`: the process beside one mysqld.

import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { type RunningTablet, startTablet, type TabletOptions } from "../tablet/server.ts";
import { parseTabletAlias, TABLET_TYPES, type TabletType } from "../topo/records.ts";
import { Topology } from "../topo/topology.ts";
import { workerPlace } from "../workers/place.ts";
import {
  addProcessFlags,
  addSilenceFlag,
  addWorkersFlag,
  grpcTlsOf,
  type ProcessFlags,
  runProcess,
  wholeNumber,
} from "./process-flags.ts";
import { addTracingFlags, startTracing, type TracingFlags } from "./otlp.ts";
import { addTopoFlags, needsSharedTopology, openStore, type TopoFlags, topoRootOf } from "./topo-flags.ts";

interface TabletFlags extends ProcessFlags, TopoFlags, TracingFlags {
  readonly workers: number;
  readonly alias: string;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  readonly listen: string;
  readonly advertiseHost?: string;
  readonly mysqlSocket?: string;
  readonly mysqlHost: string;
  readonly mysqlPort: number;
  readonly mysqlUser: string;
  readonly mysqlPasswordFile?: string;
  readonly poolSize: number;
  readonly streamPoolSize: number;
  readonly transactionPoolSize: number;
  readonly queryTimeout: number;
  readonly transactionIdleTimeout: number;
  readonly drainTimeout: number;
  readonly silenceMax: number;
}

export function tabletCommand(): Command {
  const command = new Command("tablet")
    .summary("serve one mysqld to the gateways")
    .description(
      `Runs beside one mysqld: pools connections to it, runs the gateways' calls, watches its health and registers itself in
the topology. The mysqld's database has the keyspace's name. Prints one JSON line on standard output when it serves.`,
    )
    .requiredOption("--alias <alias>", "the tablet's name, CELL-UID with ten digits, as zone1-0000000100")
    .requiredOption("--keyspace <name>", "keyspace it serves")
    .requiredOption("--shard <name>", "shard it serves, as -80, 80- or 0")
    .addOption(new Option("--type <type>", "what its mysqld is").choices(TABLET_TYPES).default("primary"))
    .option(
      "--listen <host:port>",
      "where gateways reach it (calls and gRPC); port 0 takes a free one",
      "127.0.0.1:15991",
    )
    .option("--advertise-host <host>", "host entered in the topology (default: the host of --listen)")
    .option("--mysql-socket <path>", "Unix socket of the mysqld; wins over host and port")
    .option("--mysql-host <host>", "host of the mysqld", "127.0.0.1")
    .option("--mysql-port <port>", "port of the mysqld", wholeNumber, 3306)
    .option("--mysql-user <name>", "user it logs in as", "root")
    .option("--mysql-password-file <file>", "file with that user's password (default: no password)")
    .option("--pool-size <connections>", "largest number of pooled connections", wholeNumber, LIMITS.poolConnectionsMax)
    .option(
      "--stream-pool-size <connections>",
      "the same for long replies",
      wholeNumber,
      LIMITS.poolStreamConnectionsMax,
    )
    .option(
      "--transaction-pool-size <connections>",
      "the same for transactions and reserved connections",
      wholeNumber,
      LIMITS.poolTransactionConnectionsMax,
    )
    .option(
      "--query-timeout <ms>",
      "statements that run longer are killed on the mysqld; 0: never",
      wholeNumber,
      LIMITS.queryTimeoutMs,
    )
    .option(
      "--transaction-idle-timeout <ms>",
      "transactions without a statement for so long are rolled back; 0: never",
      wholeNumber,
      LIMITS.transactionIdleTimeoutMs,
    )
    .option(
      "--drain-timeout <s>",
      "how long statements and transactions may go on after SIGTERM",
      wholeNumber,
      LIMITS.drainMs / 1000,
    );
  addSilenceFlag(command, "how long a gateway may say nothing before its statements and transactions are ended");
  addWorkersFlag(command, "processes that share the gateways and the pools; 1 is this one alone");
  addTopoFlags(command);
  addTracingFlags(command);
  addProcessFlags(command);
  return command.action(run);
}

/** Nothing of several processes is loaded where there is one. */
async function run(flags: TabletFlags): Promise<void> {
  const place = workerPlace();
  if (place === undefined && flags.workers === 1) {
    await runProcess("tablet", flags, async (log) => startTablet(await optionsOf(flags, log)));
    return;
  }
  const workers = await import("./tablet-workers.ts");
  if (place === undefined) {
    await runProcess("tablet", flags, async (log) => {
      needsSharedTopology(flags);
      return workers.startTabletPrimary(
        await optionsOf({ ...flags, otlpEndpoint: undefined }, log),
        flags.workers,
        log,
      );
    });
    return;
  }
  const { runWorker } = await import("./worker-process.ts");
  const calls = new workers.WorkerCalls();
  type Primary = import("./tablet-workers.ts").TabletPrimaryPort;
  await runWorker<Primary, Pick<RunningTablet, "stop">>(
    "tablet",
    flags,
    place,
    () => calls.port,
    async (worker) => workers.startTabletWorker(await optionsOf(flags, worker.log), worker, calls),
  );
}

function tracedAs({ alias, keyspace, shard }: TabletFlags): Readonly<Record<string, string>> {
  return { "shardgate.tablet": alias, "shardgate.keyspace": keyspace, "shardgate.shard": shard };
}

async function optionsOf(flags: TabletFlags, log: TabletOptions["log"]): Promise<TabletOptions> {
  const password =
    flags.mysqlPasswordFile === undefined ? "" : readFileSync(flags.mysqlPasswordFile, "utf8").replace(/\r?\n$/, "");
  const store = await openStore(flags, log);
  return {
    alias: parseTabletAlias(flags.alias),
    keyspace: flags.keyspace,
    shard: flags.shard,
    type: flags.type,
    listen: flags.listen,
    advertiseHost: flags.advertiseHost,
    tls: grpcTlsOf(flags, log),
    mysqld: {
      socketPath: flags.mysqlSocket,
      host: flags.mysqlHost,
      port: flags.mysqlPort,
      user: flags.mysqlUser,
      password,
      database: flags.keyspace,
    },
    poolSize: flags.poolSize,
    streamPoolSize: flags.streamPoolSize,
    transactionPoolSize: flags.transactionPoolSize,
    queryTimeoutMs: flags.queryTimeout,
    transactionIdleTimeoutMs: flags.transactionIdleTimeout,
    drainMs: flags.drainTimeout * 1000,
    silenceMaxS: flags.silenceMax,
    admin: flags.adminListen === "off" ? undefined : { listen: flags.adminListen, config: { ...flags } },
    tracer: await startTracing(flags, "shardgate-tablet", tracedAs(flags), log),
    topology: new Topology(store, topoRootOf(flags)),
    clock: systemClock,
    log,
  };
}
