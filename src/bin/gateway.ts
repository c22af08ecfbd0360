// `shardgate gateway`: the process clients connect to.

import { Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { GATEWAY_DEFAULTS, startGateway } from "../gateway/server.ts";
import type { TransactionMode } from "../gateway/session-holds.ts";
import { Topology } from "../topo/topology.ts";
import { addProcessFlags, grpcTlsOf, type ProcessFlags, runProcess, wholeNumber } from "./process-flags.ts";
import { peerNetwork } from "./peers.ts";
import { addTopoFlags, openStore, type TopoFlags, topoRootOf } from "./topo-flags.ts";

interface GatewayFlags extends ProcessFlags, TopoFlags {
  readonly listen: string;
  readonly cell?: string;
  readonly lastKnownGood?: string;
  readonly usersFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsRequired: boolean;
  readonly transactionMode: TransactionMode;
  readonly replicaLagMax: number;
  readonly connectionsMax: number;
  readonly topologyWait: number;
  readonly gatherMaxRows: number;
  readonly gatherMaxBytes: number;
  readonly scatter: boolean;
  readonly gather: boolean;
  readonly maxRows: number;
  readonly createDatabaseOn?: string;
  readonly peerListen: string;
  readonly peerAdvertiseHost?: string;
}

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
      "users, password hashes and rights; read again on SIGHUP (default: root without password, loopback only)",
    )
    .option("--tls-cert <file>", "PEM certificate shown to clients (default: no TLS)")
    .option("--tls-key <file>", "PEM private key of --tls-cert")
    .option("--tls-required", "refuse clients that do not use TLS", false)
    .addOption(
      new Option("--transaction-mode <mode>", "single: a transaction stays on one shard; multi: commits shard by shard")
        .choices(["single", "multi"])
        .default("multi"),
    )
    .option(
      "--replica-lag-max <s>",
      "replicas further behind are read from only if no nearer one serves",
      wholeNumber,
      GATEWAY_DEFAULTS.replicaLagMaxS,
    )
    .option(
      "--connections-max <n>",
      "client connections; further ones get 1040",
      wholeNumber,
      GATEWAY_DEFAULTS.connectionsMax,
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
      "--topology-wait <ms>",
      "how long the first look at the topology may take",
      wholeNumber,
      GATEWAY_DEFAULTS.topologyWaitMs,
    );
  command
    .option(
      "--peer-listen <host:port>",
      "where other gateways reach it (gRPC) to list and kill clients; port 0 takes a free one",
      "127.0.0.1:0",
    )
    .option("--peer-advertise-host <host>", "host entered in the topology (default: the host of --peer-listen)");
  addTopoFlags(command);
  addProcessFlags(command);
  return command.action((flags: GatewayFlags) => runProcess("gateway", flags, (log) => start(flags, log)));
}

async function start(
  flags: GatewayFlags,
  log: Parameters<typeof startGateway>[0]["log"],
): ReturnType<typeof startGateway> {
  const { tlsCert: certFile, tlsKey: keyFile } = flags;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new ShardgateError("CONFIG_BAD", "--tls-cert and --tls-key belong together: give both");
  }
  if (flags.tlsRequired && certFile === undefined) {
    throw new ShardgateError("CONFIG_BAD", "--tls-required needs --tls-cert and --tls-key");
  }
  const store = await openStore(flags, log);
  return startGateway({
    listen: flags.listen,
    topology: new Topology(store, topoRootOf(flags)),
    cells: flags.cell === undefined ? [] : flags.cell.split(",").map((name) => name.trim()),
    lastKnownGoodFile: flags.lastKnownGood,
    usersFile: flags.usersFile,
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    tlsRequired: flags.tlsRequired,
    grpcTls: grpcTlsOf(flags),
    transactionMode: flags.transactionMode,
    replicaLagMaxS: flags.replicaLagMax,
    connectionsMax: flags.connectionsMax,
    gatherLimits: { rowsMax: flags.gatherMaxRows, bytesMax: flags.gatherMaxBytes },
    queryDefaults: { noScatter: !flags.scatter, noGather: !flags.gather, rowsMax: flags.maxRows },
    createDatabaseOn: flags.createDatabaseOn,
    topologyWaitMs: flags.topologyWait,
    peers: peerNetwork(flags.peerListen, flags.peerAdvertiseHost, grpcTlsOf(flags), log),
    clock: systemClock,
    log,
  });
}
