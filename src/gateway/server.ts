// A whole gateway: follows the topology, connects to the tablets, listens for MySQL clients. `startGateway` wires the parts
// and `stop` drains: no new connections, statements under way end, idle clients are told and closed.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { AdminPlace } from "../base/admin-server.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Tracer } from "../base/tracing.ts";
import { generateRsaKeys } from "../mysql/auth/caching-sha2.ts";
import type { GatherLimits } from "../engine/gather.ts";
import { SchemaFollower } from "../tabletclient/schema-follower.ts";
import { TabletDirectory, type TabletDirectoryOptions } from "../tabletclient/tablet-directory.ts";
import type { Topology } from "../topo/topology.ts";
import { createTopologyWatcher } from "../topo/topology-watcher.ts";
import { loadHashes } from "../vschema/xxh64.ts";
import { RoutineVariables } from "./session/routine-variables.ts";
import { AutoIncrements } from "./write/auto-increments.ts";
import {
  ClientConnections,
  type ClientLimits,
  type SharedConnection,
  type SharedSeats,
} from "./client/client-connections.ts";
import { type ClusterView, ClusterViewBuilder } from "./cluster/cluster-view.ts";
import { ComparisonFacts } from "./cluster/comparison-facts.ts";
import { GatewayCounters } from "./observe/gateway-counters.ts";
import { type GatewayContext, PlanCaches, type Siblings } from "./gateway-context.ts";
import type { Socket } from "node:net";
import { type Listener, listenTcp, listenUnix } from "../base/listen.ts";
import { ConnectionIds, type PeerNetwork, Peers } from "./cluster/peers.ts";
import type { Process } from "./cluster/processes.ts";
import { AutoVSchema } from "./definition/auto-vschema.ts";
import { GlobalVariables } from "./session/global-variables.ts";
import { Databases } from "./definition/databases.ts";
import { DeadlockWatch } from "./transaction/deadlock-watch.ts";
import type { TopologyNews } from "./cluster/topology-news.ts";
import { NO_PROXIES, type ProxyNetworks } from "./client/proxy-protocol.ts";
import { defaultOptions, type QueryDefaults } from "./plans/query-options.ts";
import { QueryRules } from "./rules/query-rules.ts";
import { FileReloader, type ReloadedFiles } from "../base/reloaded-files.ts";
import { isMeant, type Killed, type KillRequest, mayKill } from "./cluster/run-kill.ts";
import { startGatewayAdmin } from "./observe/admin.ts";
import { type KeptStats, QueryStats } from "./observe/query-stats.ts";
import { SequenceCache } from "./write/sequence-cache.ts";
import { Snowflakes } from "./write/snowflake.ts";
import { Session } from "./session.ts";
import { StatementCounts } from "./observe/statement-counts.ts";
import { StatementLog } from "./observe/statement-log.ts";
import { PreparedTexts } from "./prepared/prepared-texts.ts";
import { StatementDescriptions } from "./prepared/statement-description.ts";
import type { TransactionMode } from "./session/session-holds.ts";
import { readClientTls } from "./client/client-tls.ts";
import { type ServerCounters, statisticsText } from "./client/statistics.ts";
import { TrackedSchema } from "./cluster/tracked-schema.ts";
import { type CommitStep, TwoPhase } from "./transaction/two-phase.ts";
import { defaultUsers, parseUsers, type User, Users } from "./access/users.ts";

const GATEWAY_ID_BYTES = 8;

export interface GatewayOptions {
  /** host:port to listen on; port 0: any free one. */
  readonly listen: string;
  readonly topology: Topology;
  /** Only tablets of these cells are used, and replicas of the first are preferred; empty: all alike. */
  readonly cells: readonly string[];
  readonly lastKnownGoodFile: string | undefined;
  /** Without one: `root` without a password, from loopback only. */
  readonly usersFile: string | undefined;
  /** PEM files; without them clients cannot use TLS. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly tlsRequired: boolean;
  readonly grpcTls: TabletDirectoryOptions["tls"];
  readonly transactionMode: TransactionMode;
  /** For tests of what happens when something dies at a point of an atomic commit. */
  readonly onCommitStep?: ((step: CommitStep, transaction: string) => Promise<void>) | undefined;
  readonly replicaLagMaxS: number;
  /** How long a tablet may say nothing before what runs on it is given up. */
  readonly silenceMaxS: number;
  readonly gatherLimits: GatherLimits;
  readonly queryDefaults: QueryDefaults;
  /** The unsharded keyspace on whose tablets CREATE DATABASE makes keyspaces; undefined: it is refused. */
  readonly createDatabaseOn: string | undefined;
  /** Tables that clients make in sharded keyspaces are entered in the VSchema. */
  readonly autoVSchema: boolean;
  readonly clients: ClientOptions;
  /** How to reach the other gateways; without it this one is alone. */
  readonly peers: PeerNetwork | undefined;
  /** How long the first look at the topology may take. */
  readonly topologyWaitMs: number;
  /** Statements that take longer are logged; 0: none. */
  readonly slowQueryMs: number;
  /** The log shows statements as they were, literals included. */
  readonly logsLiterals: boolean;
  /** What is counted of statements. */
  readonly keptStats: KeptStats;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** Where health, metrics and debug pages are served, and the configuration they show; undefined: nowhere. */
  readonly admin: { readonly listen: AdminPlace; readonly config: Readonly<Record<string, unknown>> } | undefined;
  /** Its clients are shared with other processes, whose primary listens; undefined: it is alone. */
  readonly share?: GatewayShare | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How a gateway is one of several processes behind one address. */
export interface GatewayShare {
  /** From 1. */
  readonly index: number;
  readonly count: number;
  readonly seats: SharedSeats;
  readonly siblings: Siblings;
  /** Of all of them, so that no name's decoy differs between them. */
  readonly decoyKey: Buffer;
  /** Connections come from now on. */
  listen(accept: (socket: Socket, isUnixSocket: boolean, shared: SharedConnection) => void): Listener;
}

/** How clients connect, and how long they may stay. */
export interface ClientOptions {
  readonly limits: ClientLimits;
  /** Who may say in a header whose connection it passes on. */
  readonly proxyNetworks: ProxyNetworks;
  /** A Unix socket to listen on, too. */
  readonly unixSocket: { readonly path: string; readonly mode: number } | undefined;
  /** What sessions begin with as wait_timeout, interactive clients with the other one. */
  readonly waitTimeoutS: number;
  readonly interactiveTimeoutS: number;
  /** How long all goes on as before when the gateway stops, but for /readyz, which tells balancers to look elsewhere. */
  readonly drainDelayMs: number;
  /** How long statements and transactions may go on then. */
  readonly drainMs: number;
}

export interface RunningGateway {
  /** host:port as bound. */
  readonly address: string;
  /** host:port of the admin pages. */
  readonly adminAddress: string | undefined;
  /** Reads the files of users and certificates again; those that are bad leave what is in force. */
  reload(): void;
  /** Digests of statements begin anew. */
  resetDigests(): void;
  /** `graceMs` instead of the options' drainMs. */
  stop(graceMs?: number): Promise<void>;
}

const VERSION_FALLBACK = "10.11.0-MariaDB";
const TABLET_WAIT_MS = 3_000;
/** A definition is answered at the latest so long after it has been done, known here or not. */
const REFRESH_WAIT_MS = 10_000;
const POLL_MS = 10;
/** Files of users and certificates are looked at so often. */
const RELOAD_MS = 2_000;

/** Throws CONFIG_BAD for bad files or a taken port, TOPO_UNAVAILABLE when neither store nor file has a topology. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { clock, log, share } = options;
  await loadHashes();
  const users = new Users(readUsers(options.usersFile), share?.decoyKey);
  let tls = options.tls === undefined ? undefined : readClientTls(options.tls);
  const rsaKeys = await generateRsaKeys();
  const watcher = createTopologyWatcher({
    store: options.topology.store,
    root: options.topology.root,
    ...(options.cells.length > 0 ? { cells: options.cells } : {}),
    ...(options.lastKnownGoodFile === undefined ? {} : { lastKnownGoodFile: options.lastKnownGoodFile }),
    clock,
    log,
  });
  const tablets = new TabletDirectory({
    tls: options.grpcTls,
    replicaLagMaxS: options.replicaLagMaxS,
    silenceMaxS: options.silenceMaxS,
    localCell: options.cells[0],
    clock,
    log,
  });
  try {
    await within(watcher.ready, options.topologyWaitMs, clock);
  } catch (error) {
    await watcher.close();
    throw error;
  }
  const builder = new ClusterViewBuilder(log);
  const tracked = new TrackedSchema();
  let view: ClusterView = builder.build(watcher.snapshot(), tracked.current);
  const definitions = new SchemaFollower({
    tabletsOf: (keyspace) => tablets.serving(keyspace),
    told(news) {
      if (!tracked.take(news)) return;
      view = builder.withSchema(view, tracked.current);
      const { keyspace, tables, dropped } = news;
      log.debug(
        { keyspace, version: view.version, told: tables.length, dropped: dropped.length },
        "definitions changed",
      );
    },
    clock,
    log,
  });
  tablets.onChange(() => definitions.choose());
  const followTablets = (): void => {
    const keyspaces = new Set(view.snapshot.keyspaces.keys());
    if (tracked.keep(keyspaces)) view = builder.withSchema(view, tracked.current);
    tablets.follow(view.snapshot);
    definitions.follow(keyspaces);
  };
  followTablets();
  const rules = new QueryRules(clock, log);
  rules.follow(watcher.snapshot());
  watcher.onChange((snapshot) => {
    rules.follow(snapshot);
    view = builder.build(snapshot, tracked.current);
    followTablets();
    log.info({ version: view.version, keyspaces: snapshot.keyspaces.size }, "topology changed");
  });
  const backendVersion = await versionOfBackends(tablets, clock);
  const served = new Set(tablets.tablets.map(({ record }) => record.keyspace));
  await definitions.known(served, TABLET_WAIT_MS);
  const processes = (): readonly Process[] =>
    connections.sessions().flatMap((session) => session.process(clock.nowMs()) ?? []);
  const kill = (request: KillRequest, exceptId = 0): Killed => {
    const now = clock.nowMs();
    const meant = connections.sessions().flatMap((session) => {
      const process = session.process(now);
      const isOther = process !== undefined && process.id !== exceptId && isMeant(request, process);
      return isOther ? [{ session, process }] : [];
    });
    const ended = meant.filter(({ process }) => mayKill(request, process));
    for (const { session } of ended) session.kill(request.what);
    return { found: meant.length, killed: ended.length };
  };
  const peers =
    options.peers === undefined
      ? undefined
      : await Peers.start({
          network: options.peers,
          ports: { processes, kill },
          topology: options.topology,
          cell: options.cells[0],
          clock,
          log,
        });
  const news: TopologyNews = {
    snapshot: () => view.snapshot,
    onChange: (listener) => watcher.onChange(listener),
    clock,
  };
  const startedMs = clock.nowMs();
  const uptimeS = (): number => Math.floor((clock.nowMs() - startedMs) / 1_000);
  let listening = options.listen;
  const context: GatewayContext = {
    tablets,
    sequences: new SequenceCache(tablets),
    // Without peers it is the only gateway there is.
    snowflakes: new Snowflakes(clock, () => (peers === undefined ? 0 : peers.number || undefined)),
    routineVariables: new RoutineVariables(tablets, clock),
    autoIncrements: new AutoIncrements(tablets, clock, () => tracked.current),
    definitions: { refresh: (keyspace, tables) => definitions.refresh(keyspace, tables, REFRESH_WAIT_MS) },
    databases: new Databases({
      ...news,
      topology: options.topology,
      on: options.createDatabaseOn,
      holder: `gateway at ${options.listen}`,
    }),
    autoVSchema: new AutoVSchema(options.topology, news, options.autoVSchema),
    globals: new GlobalVariables(options.topology, news),
    comparison: new ComparisonFacts(tablets),
    plans: new PlanCaches(),
    descriptions: new StatementDescriptions(),
    preparedTexts: new PreparedTexts(),
    stats: new QueryStats(clock.wallMs(), options.keptStats),
    counters: new GatewayCounters(),
    statementCounts: new StatementCounts(),
    totals: () => ({
      ...connections.totals,
      preparedStatements: connections.sessions().reduce((sum, session) => sum + session.preparedCount, 0),
      uptimeS: uptimeS(),
    }),
    statementLog: new StatementLog({
      slowMs: options.slowQueryMs === 0 ? Number.POSITIVE_INFINITY : options.slowQueryMs,
      showsLiterals: options.logsLiterals,
      clock,
      log,
    }),
    tracer: options.tracer,
    trace: undefined,
    deadlocks: new DeadlockWatch({ lockWaits: () => tablets.lockWaits(), clock, log }),
    transactionMode: options.transactionMode,
    twoPhase: new TwoPhase({
      port: tablets,
      gatewayId: randomBytes(GATEWAY_ID_BYTES).toString("hex"),
      clock,
      log,
      onStep: options.onCommitStep,
    }),
    gatherLimits: options.gatherLimits,
    queryOptions: defaultOptions(options.queryDefaults),
    rules,
    waitTimeoutS: options.clients.waitTimeoutS,
    interactiveTimeoutS: options.clients.interactiveTimeoutS,
    packetBytesMax: options.clients.limits.packetBytesMax,
    serverVersion: `${backendVersion}-shardgate`,
    socketPath: options.clients.unixSocket?.path ?? "",
    hostname: hostname(),
    clock,
    log,
    port: () => Number(/\d+$/.exec(listening)?.[0] ?? 0),
    cluster: () => view,
    userNamed: (name) => users.get(name),
    reloadUsers() {
      users.replace(readUsers(options.usersFile));
      share?.siblings.reloadUsers();
    },
    siblings: share?.siblings,
    processes,
    kill,
    peers,
  };
  const counters: ServerCounters = { questions: 0 };
  const ids = new ConnectionIds(share?.index, share?.count);
  /** Sessions begin with the servers' sql_mode, which decides how statements are read. */
  const askSettings = async (): Promise<void> => {
    if (context.comparison.knownSettings !== undefined) return;
    const primaries = [...view.targets.primary.values()].flatMap(({ targets }) => targets);
    const up = primaries.find(({ keyspace, shard }) => tablets.primaryProblem(keyspace, shard) === undefined);
    if (up !== undefined) await context.comparison.settings(up).catch(() => undefined);
  };
  tablets.onChange(() => void askSettings());
  await askSettings();
  const connections: ClientConnections<Session> = new ClientConnections<Session>({
    limits: options.clients.limits,
    seats: share?.seats,
    proxyNetworks: options.clients.proxyNetworks,
    serverVersion: context.serverVersion,
    users,
    tls: () => tls,
    tlsRequired: options.tlsRequired,
    rsaKeys,
    clock,
    log,
    takeId: () => ids.take(peers?.number ?? 0),
    giveBackId: (connectionId) => ids.giveBack(connectionId),
    beforeSession: ({ database, account }) => context.databases.awaited(database || account.defaultKeyspace),
    openSession(connection, login): Session {
      return new Session({
        context,
        connection,
        login,
        dialect: /mariadb/i.test(backendVersion) ? "mariadb" : "mysql",
        counters,
        statistics: () => statisticsText(uptimeS(), connections.size, counters),
      });
    },
  });
  const { unixSocket } = options.clients;
  const listener =
    share === undefined
      ? await listenTcp(options.listen, (socket) => connections.accept(socket, false), log)
      : share.listen((socket, isUnixSocket, shared) => connections.accept(socket, isUnixSocket, shared));
  const listeners: Listener[] = [listener];
  if (unixSocket !== undefined && share === undefined) {
    const { path, mode } = unixSocket;
    listeners.push(await listenUnix(path, mode, (socket) => connections.accept(socket, true), log));
  }
  const { address } = listener;
  listening = address;
  const reloaded: ReloadedFiles[] = [];
  const { usersFile, tls: tlsFiles } = options;
  if (usersFile !== undefined) {
    reloaded.push({ name: "users", paths: [usersFile], load: () => users.replace(readUsers(usersFile)) });
  }
  if (tlsFiles !== undefined) {
    const load = (): void => {
      tls = readClientTls(tlsFiles);
    };
    reloaded.push({ name: "certificate", paths: [tlsFiles.certFile, tlsFiles.keyFile], load });
  }
  const reloader = new FileReloader(reloaded, RELOAD_MS, clock, log);
  await peers?.join(address);
  let accepting = true;
  const admin =
    options.admin === undefined
      ? undefined
      : await startGatewayAdmin(options.admin.listen, {
          context,
          connections,
          accepting: () => accepting,
          topologyAgeS: () => watcher.watchAgeMs() / 1000,
          hasMetrics: options.keptStats.metrics,
          config: options.admin.config,
        });
  log.info({ address, version: context.serverVersion }, "gateway started");
  return {
    address,
    adminAddress: admin?.address,
    reload: () => reloader.reload(),
    resetDigests: () => context.stats.reset(clock.wallMs()),
    async stop(graceMs = options.clients.drainMs) {
      accepting = false;
      if (options.clients.drainDelayMs > 0) await sleep(clock, options.clients.drainDelayMs);
      const closed = listeners.map((each) => each.close());
      await connections.drain(new ShardgateError("ER_SERVER_SHUTDOWN", "Server shutdown in progress"), graceMs);
      await Promise.all(closed);
      reloader.close();
      await peers?.close();
      await admin?.close();
      definitions.close();
      tablets.close();
      await watcher.close();
      await options.tracer?.close();
      log.info({ address }, "gateway stopped");
    },
  };
}

function readUsers(file: string | undefined): ReadonlyMap<string, User> {
  return file === undefined ? defaultUsers() : parseUsers(readText(file), file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `cannot read ${file}: ${messageOf(error)}`, error);
  }
}

async function within(ready: Promise<void>, waitMs: number, clock: Clock): Promise<void> {
  let timedOut = false;
  await Promise.race([
    ready,
    sleep(clock, waitMs).then(() => {
      timedOut = true;
    }),
  ]);
  if (!timedOut) return;
  throw new ShardgateError(
    "TOPO_UNAVAILABLE",
    `no topology within ${waitMs} ms: is etcd up, and --topo-endpoints right? ` +
      "With --last-known-good FILE a gateway can start while etcd is down",
  );
}

/** Clients choose their dialect by the version, so it is the backends'. Does not wait long for tablets that are away. */
async function versionOfBackends(tablets: TabletDirectory, clock: Clock): Promise<string> {
  const deadline = clock.nowMs() + (tablets.tablets.length === 0 ? 0 : TABLET_WAIT_MS);
  for (;;) {
    const version = tablets.mysqlVersion();
    if (version !== undefined) return version;
    if (clock.nowMs() >= deadline) return VERSION_FALLBACK;
    await sleep(clock, POLL_MS);
  }
}

export const GATEWAY_DEFAULTS = {
  clients: {
    limits: {
      connectionsMax: LIMITS.clientConnectionsMax,
      userConnectionsMax: 0,
      packetBytesMax: LIMITS.statementBytesMax,
      loginTimeoutMs: LIMITS.loginTimeoutMs,
      readTimeoutMs: LIMITS.readTimeoutMs,
    },
    proxyNetworks: NO_PROXIES,
    unixSocket: undefined,
    waitTimeoutS: 28_800,
    interactiveTimeoutS: 28_800,
    drainDelayMs: 0,
    drainMs: LIMITS.drainMs,
  },
  replicaLagMaxS: 30,
  silenceMaxS: LIMITS.peerSilenceS,
  gatherLimits: { rowsMax: LIMITS.gatherRowsMax, bytesMax: LIMITS.gatherBytesMax },
  queryDefaults: { noScatter: false, noGather: false, rowsMax: 0 },
  topologyWaitMs: 15_000,
  slowQueryMs: 10_000,
  logsLiterals: false,
  keptStats: { metrics: true, digests: true },
  tracer: undefined,
} as const;
