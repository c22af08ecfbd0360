// `shardgate gateway`: the process clients connect to.

import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { parseProxyNetworks } from "../gateway/client/proxy-protocol.ts";
import { GATEWAY_DEFAULTS, type RunningGateway, startGateway } from "../gateway/server.ts";
import { TRANSACTION_MODES, type TransactionMode } from "../gateway/session/session-holds.ts";
import { Topology } from "../topo/topology.ts";
import { killerAt } from "./commit-hook.ts";
import type { AdminPlace } from "../base/admin-server.ts";
import type { GatewayShare } from "../gateway/server.ts";
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
import { peerNetwork } from "./peers.ts";
import { addTopoFlags, openStore, type TopoFlags, topoRootOf } from "./topo-flags.ts";

export interface GatewayFlags extends ProcessFlags, TopoFlags, TracingFlags {
  readonly workers: number;
  readonly listen: string;
  readonly cell?: string;
  readonly lastKnownGood?: string;
  readonly usersFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsRequired: boolean;
  readonly transactionMode: TransactionMode;
  readonly killAtCommitStep?: string;
  readonly replicaLagMax: number;
  readonly silenceMax: number;
  readonly connectionsMax: number;
  readonly maxUserConnections: number;
  readonly maxAllowedPacket: number;
  readonly connectTimeout: number;
  readonly waitTimeout: number;
  readonly interactiveTimeout: number;
  readonly drainDelay: number;
  readonly drainTimeout: number;
  readonly socket?: string;
  readonly socketMode: number;
  readonly proxyProtocolNetworks?: string;
  readonly topologyWait: number;
  readonly slowQueryMs: number;
  readonly logLiterals: boolean;
  readonly metrics: "on" | "off";
  readonly digests: "on" | "off";
  readonly gatherMaxRows: number;
  readonly gatherMaxBytes: number;
  readonly scatter: boolean;
  readonly gather: boolean;
  readonly maxRows: number;
  readonly createDatabaseOn?: string;
  readonly autoVschema: boolean;
  readonly peerListen: string;
  readonly peerAdvertiseHost?: string;
}

const CLIENTS = GATEWAY_DEFAULTS.clients;

export function gatewayCommand(): Command {
  const command = new Command("gateway")
    .summary("serve MySQL clients")
    .description(
      `Speaks the MySQL protocol to clients, routes their statements over the shards that the topology lists and merges the
answers. Keeps no state that matters: run as many as needed. Prints one JSON line on standard output when it serves.`,
    )
    .option("--listen <host:port>", "where clients connect; port 0 takes a free one", "127.0.0.1:15306")
    .option(
      "--cell <names>",
      "cells whose tablets are used, with commas between; replicas of the first are preferred (default: all alike)",
    )
    .option("--last-known-good <file>", "file that keeps the topology for a start while etcd is down (default: none)")
    .option(
      "--users-file <file>",
      "users, password hashes and rights; read again when it changes (default: root without password, loopback only)",
    )
    .option("--tls-cert <file>", "PEM certificate shown to clients; read again when it changes (default: no TLS)")
    .option("--tls-key <file>", "PEM private key of --tls-cert")
    .option("--tls-required", "refuse clients that do not use TLS", false)
    .addOption(
      new Option(
        "--transaction-mode <mode>",
        "single: a transaction stays on one shard; multi: commits shard by shard; twopc: on all its shards or on none",
      )
        .choices(TRANSACTION_MODES)
        .default("twopc"),
    )
    .addOption(
      new Option(
        "--kill-at-commit-step <file>",
        "for tests: `STEP PID`, killed when a commit comes to STEP",
      ).hideHelp(),
    )
    .option(
      "--replica-lag-max <s>",
      "replicas further behind are read from only if no nearer one serves",
      wholeNumber,
      GATEWAY_DEFAULTS.replicaLagMaxS,
    )
    .option(
      "--connections-max <n>",
      "client connections; further ones get 1040, but for one of an administrator",
      wholeNumber,
      CLIENTS.limits.connectionsMax,
    )
    .option(
      "--max-user-connections <n>",
      "connections of one user, unless the users file says otherwise; 0 is any number",
      wholeNumber,
      CLIENTS.limits.userConnectionsMax,
    )
    .option(
      "--max-allowed-packet <bytes>",
      "largest statement a client may send; the servers have a bound of their own",
      packetBytes,
      CLIENTS.limits.packetBytesMax,
    )
    .option(
      "--connect-timeout <s>",
      "how long a login may take, TLS included",
      wholeSeconds,
      CLIENTS.limits.loginTimeoutMs / 1000,
    )
    .option(
      "--wait-timeout <s>",
      "clients without a command for so long are closed; what sessions begin with as wait_timeout",
      wholeSeconds,
      CLIENTS.waitTimeoutS,
    )
    .option("--interactive-timeout <s>", "the same for interactive clients", wholeSeconds, CLIENTS.interactiveTimeoutS)
    .option(
      "--drain-delay <s>",
      "how long after SIGTERM all goes on as before, while /readyz tells balancers to look elsewhere",
      wholeNumber,
      CLIENTS.drainDelayMs / 1000,
    )
    .option(
      "--drain-timeout <s>",
      "how long clients, their statements and transactions may go on then; who pauses is told to leave",
      wholeNumber,
      CLIENTS.drainMs / 1000,
    )
    .option("--socket <path>", "Unix socket to listen on, too (default: none)")
    .addOption(
      new Option("--socket-mode <octal>", "permissions of the Unix socket's file")
        .argParser(fileMode)
        .default(0o777, "777"),
    )
    .option(
      "--proxy-protocol-networks <list>",
      "networks, with commas between, whose proxies may tell the client's address by the PROXY protocol (default: none)",
    )
    .option(
      "--gather-max-rows <n>",
      "rows one query may gather from the shards; above it is refused",
      wholeNumber,
      GATEWAY_DEFAULTS.gatherLimits.rowsMax,
    )
    .option("--gather-max-bytes <bytes>", "the same in bytes", wholeNumber, GATEWAY_DEFAULTS.gatherLimits.bytesMax)
    .addOption(
      new Option(
        "--no-scatter",
        "refuse statements that go to all shards of a sharded keyspace, but for those with ALLOW_SCATTER",
      ).default(true, "off"),
    )
    .addOption(
      new Option(
        "--no-gather",
        "refuse SELECTs that need temporary tables of rows of several shards, but for those with ALLOW_GATHER",
      ).default(true, "off"),
    )
    .option(
      "--max-rows <n>",
      "rows a SELECT may answer without a MAX_ROWS of its own; one more is an error, 0 is any number",
      wholeNumber,
      GATEWAY_DEFAULTS.queryDefaults.rowsMax,
    )
    .option(
      "--create-database-on <keyspace>",
      "unsharded keyspace on whose mysqld CREATE DATABASE makes new keyspaces (default: it is refused)",
    )
    .option(
      "--auto-vschema",
      "enter a table made in a sharded keyspace in its VSchema, placed by its primary key's first column",
      false,
    )
    .option(
      "--topology-wait <ms>",
      "how long the first look at the topology may take",
      wholeNumber,
      GATEWAY_DEFAULTS.topologyWaitMs,
    );
  command
    .option(
      "--slow-query-ms <ms>",
      "statements that take longer are logged; 0 logs none",
      wholeNumber,
      GATEWAY_DEFAULTS.slowQueryMs,
    )
    .option(
      "--log-literals",
      "log statements and errors as they were, with the literals that clients have written",
      false,
    )
    .addOption(
      new Option("--metrics <on|off>", "count statements for /metrics; off: the page is not there")
        .choices(["on", "off"])
        .default("on"),
    )
    .addOption(
      new Option("--digests <on|off>", "count statements by their normalized text, for /debug/queries")
        .choices(["on", "off"])
        .default("on"),
    )
    .option(
      "--peer-listen <host:port>",
      "where other gateways reach it (gRPC) to list and kill clients; port 0 takes a free one",
      "127.0.0.1:0",
    )
    .option("--peer-advertise-host <host>", "host entered in the topology (default: the host of --peer-listen)");
  addSilenceFlag(command, "how long a tablet may say nothing before what runs on it is given up");
  addWorkersFlag(command, "processes that share the clients, for machines with more cores; 1 is this one alone");
  addTopoFlags(command);
  addTracingFlags(command);
  addProcessFlags(command);
  return command.action(run);
}

/** Nothing of several processes is loaded where there is one. */
async function run(flags: GatewayFlags): Promise<void> {
  const place = workerPlace();
  if (place === undefined && flags.workers === 1) {
    await runProcess("gateway", flags, (log) => start(flags, log));
    return;
  }
  const workers = await import("./gateway-workers.ts");
  if (place === undefined) {
    await runProcess("gateway", flags, (log) => workers.startGatewayPrimary(flags, log));
    return;
  }
  const { runWorker } = await import("./worker-process.ts");
  type Primary = import("./gateway-workers.ts").GatewayPrimaryPort;
  const local = (running: () => RunningGateway | undefined): object => ({
    resetDigests: () => running()?.resetDigests(),
  });
  await runWorker<Primary, RunningGateway>("gateway", flags, place, local, async (worker) => {
    const share = await workers.gatewayShare(worker.link);
    const peerListen = workers.peerListenOf(flags.peerListen, place.index);
    return start({ ...flags, peerListen }, worker.log, { share, admin: worker.admin });
  });
}

async function start(
  flags: GatewayFlags,
  log: Parameters<typeof startGateway>[0]["log"],
  worker?: { readonly share: GatewayShare; readonly admin: AdminPlace },
): ReturnType<typeof startGateway> {
  const { tlsCert: certFile, tlsKey: keyFile } = flags;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new ShardgateError("CONFIG_BAD", "--tls-cert and --tls-key belong together: give both");
  }
  if (flags.tlsRequired && certFile === undefined) {
    throw new ShardgateError("CONFIG_BAD", "--tls-required needs --tls-cert and --tls-key");
  }
  const grpcTls = grpcTlsOf(flags, log);
  const store = await openStore(flags, log);
  return startGateway({
    listen: flags.listen,
    topology: new Topology(store, topoRootOf(flags)),
    cells: flags.cell === undefined ? [] : flags.cell.split(",").map((name) => name.trim()),
    lastKnownGoodFile: flags.lastKnownGood,
    usersFile: flags.usersFile,
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    tlsRequired: flags.tlsRequired,
    grpcTls,
    transactionMode: flags.transactionMode,
    onCommitStep: flags.killAtCommitStep === undefined ? undefined : killerAt(flags.killAtCommitStep),
    replicaLagMaxS: flags.replicaLagMax,
    silenceMaxS: flags.silenceMax,
    clients: {
      limits: {
        connectionsMax: flags.connectionsMax,
        userConnectionsMax: flags.maxUserConnections,
        packetBytesMax: flags.maxAllowedPacket,
        loginTimeoutMs: flags.connectTimeout * 1000,
        readTimeoutMs: CLIENTS.limits.readTimeoutMs,
      },
      proxyNetworks: parseProxyNetworks(flags.proxyProtocolNetworks ?? ""),
      unixSocket: flags.socket === undefined ? undefined : { path: flags.socket, mode: flags.socketMode },
      waitTimeoutS: flags.waitTimeout,
      interactiveTimeoutS: flags.interactiveTimeout,
      // The primary of several waits before it tells them.
      drainDelayMs: worker === undefined ? flags.drainDelay * 1000 : 0,
      drainMs: flags.drainTimeout * 1000,
    },
    gatherLimits: { rowsMax: flags.gatherMaxRows, bytesMax: flags.gatherMaxBytes },
    queryDefaults: { noScatter: !flags.scatter, noGather: !flags.gather, rowsMax: flags.maxRows },
    createDatabaseOn: flags.createDatabaseOn,
    autoVSchema: flags.autoVschema,
    topologyWaitMs: flags.topologyWait,
    slowQueryMs: flags.slowQueryMs,
    logsLiterals: flags.logLiterals,
    tracer: await startTracing(flags, "shardgate-gateway", {}, log),
    keptStats: { metrics: flags.metrics === "on", digests: flags.digests === "on" },
    admin:
      flags.adminListen === "off" && worker === undefined
        ? undefined
        : { listen: worker?.admin ?? flags.adminListen, config: { ...flags } },
    share: worker?.share,
    peers: peerNetwork(flags.peerListen, flags.peerAdvertiseHost, grpcTls, log),
    clock: systemClock,
    log,
  });
}

/** MySQL's bounds of wait_timeout and connect_timeout. */
function wholeSeconds(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > 31_536_000) throw new InvalidArgumentError("expected 1 to 31536000 seconds");
  return value;
}

/** As MySQL's max_allowed_packet. */
function packetBytes(text: string): number {
  const value = wholeNumber(text);
  const ceiling = LIMITS.statementBytesCeiling;
  if (value < 1024 || value > ceiling) throw new InvalidArgumentError(`expected 1024 to ${ceiling} bytes`);
  return value;
}

function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new InvalidArgumentError("expected three octal digits, as 770");
  return Number.parseInt(text, 8);
}
