// All tablets of the topology, connected, and the choice among them: the primary of a shard for writes and plain reads,
// any serving replica (choose-replica.ts) for `@replica` and `@rdonly`. Follows the topology by itself.
// A held connection is on the tablet that made it: its calls go there and nowhere else, also while that tablet takes no
// new work, and are lost with its call stream. A tablet that leaves the topology gets no new calls, but those it has end.

import type { Clock, Timer } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { joinStatements } from "../base/statement-list.ts";
import type { HoldOp, ReplySink, ShardCall, ShardPort, ShardRequest, ShardTarget } from "../engine/ports.ts";
import type { CallClient } from "../rpc/call-client.ts";
import type { ExecuteRequest } from "../rpc/frame.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { getLockWaits } from "../rpc/tablet-client.ts";
import type { LockWait } from "../base/lock-wait.ts";
import type { TabletAlias, TabletRecord, TabletType } from "../topo/records.ts";
import type { TopologySnapshot } from "../topo/topology-watcher.ts";
import { chooseReplica } from "./choose-replica.ts";
import { TabletConnection } from "./tablet-connection.ts";

export interface TabletDirectoryOptions {
  readonly tls: GrpcTls | undefined;
  /** Replicas further behind are not read from while a nearer one serves. */
  readonly replicaLagMaxS: number;
  /** How long a tablet may say nothing before what runs on it is given up. */
  readonly silenceMaxS: number;
  /** Its replicas are preferred. */
  readonly localCell?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const LEAVING_POLL_MS = 200;
const LOCK_WAITS_TIMEOUT_MS = 2_000;

interface ShardTablets {
  readonly primaryAlias: TabletAlias | undefined;
  readonly byType: Record<TabletType, TabletConnection[]>;
  turn: number;
}

export class TabletDirectory implements ShardPort {
  readonly #options: TabletDirectoryOptions;
  readonly #connections = new Map<TabletAlias, TabletConnection>();
  #shards = new Map<string, Map<string, ShardTablets>>();
  readonly #listeners = new Set<() => void>();
  /** Where each held connection is. Their ids differ between tablets and between restarts of one. */
  readonly #holders = new Map<number, TabletConnection>();
  /** Of tablets that have left the topology with calls or held connections. */
  readonly #leaving = new Map<TabletConnection, Timer>();

  constructor(options: TabletDirectoryOptions) {
    this.#options = options;
  }

  /** Connects to new tablets, drops those that are gone. */
  follow(snapshot: TopologySnapshot): void {
    for (const [alias, connection] of this.#connections) {
      const record = snapshot.tablets.get(alias);
      if (record !== undefined && sameTablet(record, connection.record)) continue;
      this.#connections.delete(alias);
      this.#leave(connection);
    }
    for (const record of snapshot.tablets.values()) {
      if (this.#connections.has(record.alias)) continue;
      const connection = new TabletConnection(record, this.#options, () => {
        if (!connection.calls.up) this.#forgetHolds(connection);
        this.#changed();
      });
      this.#connections.set(record.alias, connection);
    }
    const shards = new Map<string, Map<string, ShardTablets>>();
    for (const keyspace of snapshot.keyspaces.values()) {
      const ofKeyspace = new Map<string, ShardTablets>();
      for (const shard of keyspace.shards) {
        ofKeyspace.set(shard.name, {
          primaryAlias: shard.primaryAlias,
          byType: { primary: [], replica: [], rdonly: [] },
          turn: 0,
        });
      }
      shards.set(keyspace.name, ofKeyspace);
    }
    for (const connection of this.#connections.values()) {
      const { keyspace, shard, type } = connection.record;
      shards.get(keyspace)?.get(shard)?.byType[type].push(connection);
    }
    for (const { name, record } of snapshot.keyspaces.values()) {
      const host = record.servedFrom === undefined ? undefined : shards.get(record.servedFrom);
      if (host !== undefined) shards.set(name, host);
    }
    this.#shards = shards;
    this.#changed();
  }

  get tablets(): readonly TabletConnection[] {
    return [...this.#connections.values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    if (request.holdId !== 0) {
      const holder = this.#holders.get(request.holdId);
      if (holder === undefined) {
        const text = `the session's connection to shard ${nameOf(target)} was lost`;
        return lostHold(new ShardgateError("SHARD_CONNECTION_LOST", text), sink);
      }
      return new TabletCall(holder.calls, holder.calls.execute(inDatabase(request, target), sink));
    }
    const connection = this.#pick(target);
    const noting = request.hold ? this.#notingHold(connection, sink) : sink;
    return new TabletCall(connection.calls, connection.calls.execute(inDatabase(request, target), noting));
  }

  conclude(
    target: ShardTarget,
    op: HoldOp,
    holdId: number,
    sink: ReplySink,
    statements: readonly string[] = [],
  ): ShardCall {
    const holder = this.#holders.get(holdId);
    if (holder === undefined) {
      const text = `transaction rolled back: its connection to shard ${nameOf(target)} was lost; try restarting it`;
      return lostHold(new ShardgateError("TRANSACTION_LOST", text), sink);
    }
    const callId = holder.calls.conclude(op, holdId, joinStatements(statements), sink);
    if (op !== "control") this.#holders.delete(holdId);
    return new TabletCall(holder.calls, callId);
  }

  /** A mysqld's version string, of any tablet that has told its; undefined before the first. */
  mysqlVersion(): string | undefined {
    for (const connection of this.#connections.values()) {
      const version = connection.health?.mysqlVersion;
      if (version !== undefined && version !== "") return version;
    }
    return undefined;
  }

  /** Undefined when the shard's primary can take calls, else why not. */
  primaryProblem(keyspace: string, shard: string): string | undefined {
    const tablets = this.#shards.get(keyspace)?.get(shard);
    if (tablets === undefined) return "no such shard";
    return primaryOf(tablets)?.problem ?? (primaryOf(tablets) === undefined ? "no primary tablet" : undefined);
  }

  /** Who waits for whom in the locks of all primaries. Those that cannot be asked, or do not let it be seen, say nothing. */
  async lockWaits(): Promise<readonly LockWait[]> {
    const primaries = this.tablets.filter(({ record, calls }) => record.type === "primary" && calls.up);
    const told = await Promise.all(
      primaries.map(({ channel, record }) =>
        getLockWaits(channel, LOCK_WAITS_TIMEOUT_MS).catch((error: unknown) => {
          this.#options.log.debug({ tablet: record.alias, error: messageOf(error) }, "no word about locks");
          return [];
        }),
      ),
    );
    return told.flat();
  }

  /** Tablets of the keyspace that serve now: primaries first, by shard. */
  serving(keyspace: string): readonly TabletConnection[] {
    const shards = [...(this.#shards.get(keyspace)?.values() ?? [])];
    const primaries = shards.flatMap((tablets) => primaryOf(tablets) ?? []);
    const others = shards.flatMap(({ byType: { replica, rdonly } }) => [...replica, ...rdonly]);
    return [...primaries, ...others].filter((tablet) => tablet.calls.up && tablet.problem === undefined);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    for (const [connection, timer] of this.#leaving) {
      timer.cancel();
      connection.close();
    }
    this.#connections.clear();
    this.#leaving.clear();
    this.#shards.clear();
  }

  #pick(target: ShardTarget): TabletConnection {
    const tablets = this.#shards.get(target.keyspace)?.get(target.shard);
    const connection =
      tablets === undefined
        ? undefined
        : target.tabletType === "primary"
          ? primaryOf(tablets)
          : this.#nextReplica(tablets, target.tabletType);
    const problem = connection === undefined ? `no ${target.tabletType} tablet` : connection.refusal;
    if (connection !== undefined && problem === undefined) return connection;
    throw new ShardgateError(
      "SHARD_UNAVAILABLE",
      `shard ${target.keyspace}:${target.shard}@${target.tabletType} is not available now (${problem}); try again`,
    );
  }

  /** One that is silent only if all are. */
  #nextReplica(tablets: ShardTablets, type: TabletType): TabletConnection | undefined {
    const { replicaLagMaxS, localCell } = this.#options;
    const turn = tablets.turn++;
    const choice = chooseReplica(tablets.byType[type], replicaLagMaxS, localCell, turn);
    if (choice !== undefined) return choice;
    const silent = tablets.byType[type].filter(({ refusal }) => refusal === undefined);
    return silent[turn % Math.max(1, silent.length)];
  }

  #notingHold(connection: TabletConnection, sink: ReplySink): ReplySink {
    return {
      data: (chunk) => sink.data(chunk),
      end: (info, chunk) => {
        if (info.holdId !== 0) this.#holders.set(info.holdId, connection);
        sink.end(info, chunk);
      },
      fail: (error, holdLost) => sink.fail(error, holdLost),
    };
  }

  /** Closes the connection when nothing is left on it, or when its stream has broken. */
  #leave(connection: TabletConnection): void {
    const { calls } = connection;
    const isUsed = calls.callsInFlight > 0 || [...this.#holders.values()].includes(connection);
    if (calls.up && isUsed) {
      const timer = this.#options.clock.after(LEAVING_POLL_MS, () => this.#leave(connection));
      this.#leaving.set(connection, timer);
      return;
    }
    this.#leaving.delete(connection);
    this.#forgetHolds(connection);
    connection.close();
  }

  #forgetHolds(connection: TabletConnection): void {
    for (const [holdId, holder] of this.#holders) if (holder === connection) this.#holders.delete(holdId);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Most targets are of the tablet's own keyspace. */
function inDatabase(request: ShardRequest, { database }: ShardTarget): ExecuteRequest {
  return request.database === database ? request : { ...request, database };
}

/** A call under way. An object of a class, for there is one a statement. */
class TabletCall implements ShardCall {
  readonly #calls: CallClient;
  readonly #callId: number;

  constructor(calls: CallClient, callId: number) {
    this.#calls = calls;
    this.#callId = callId;
  }

  consumed(bytes: number): void {
    this.#calls.consumed(this.#callId, bytes);
  }

  cancel(): void {
    this.#calls.cancel(this.#callId);
  }
}

const NO_CALL: ShardCall = { consumed() {}, cancel() {} };

/** Told as a failed call, not thrown: the session has to do with it what it does when the connection goes in mid-call. */
function lostHold(error: ShardgateError, sink: ReplySink): ShardCall {
  queueMicrotask(() => sink.fail(error, true));
  return NO_CALL;
}

function nameOf({ keyspace, shard }: ShardTarget): string {
  return `${keyspace}:${shard}`;
}

/** The tablet the shard record names; without one, the one that became primary last. */
function primaryOf(tablets: ShardTablets): TabletConnection | undefined {
  const { primary } = tablets.byType;
  if (tablets.primaryAlias !== undefined) {
    const named = primary.find((tablet) => tablet.record.alias === tablets.primaryAlias);
    if (named !== undefined) return named;
  }
  if (primary.length <= 1) return primary[0];
  return primary.reduce((latest, tablet) => (tablet.record.startedAt > latest.record.startedAt ? tablet : latest));
}

function sameTablet(a: TabletRecord, b: TabletRecord): boolean {
  return (
    a.hostname === b.hostname &&
    a.grpcPort === b.grpcPort &&
    a.keyspace === b.keyspace &&
    a.shard === b.shard &&
    a.type === b.type &&
    a.startedAt === b.startedAt
  );
}
