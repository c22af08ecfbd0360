// What all sessions of a gateway share.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Tracer } from "../base/tracing.ts";
import type { GatherLimits } from "../engine/gather.ts";
import type { ShardPort } from "../engine/ports.ts";
import type { TabletConnection } from "../tabletclient/tablet-connection.ts";
import type { RoutineVariables } from "./session/routine-variables.ts";
import type { AutoIncrements } from "./write/auto-increments.ts";
import type { GlobalVariables } from "./session/global-variables.ts";
import type { AutoVSchema } from "./definition/auto-vschema.ts";
import type { ClusterView } from "./cluster/cluster-view.ts";
import type { ComparisonFacts } from "./cluster/comparison-facts.ts";
import type { DeadlockWatch } from "./transaction/deadlock-watch.ts";
import { PlanCache } from "./plans/plan-cache.ts";
import type { Peers } from "./cluster/peers.ts";
import type { GatewayCounters } from "./observe/gateway-counters.ts";
import type { Databases } from "./definition/databases.ts";
import type { Process } from "./cluster/processes.ts";
import type { QueryOptions } from "./plans/query-options.ts";
import type { QueryRules } from "./rules/query-rules.ts";
import type { Killed, KillRequest } from "./cluster/run-kill.ts";
import type { QueryStats } from "./observe/query-stats.ts";
import type { StatementCounts } from "./observe/statement-counts.ts";
import type { StatementLog } from "./observe/statement-log.ts";
import type { SessionTrace } from "./observe/session-trace.ts";
import type { SequenceCache } from "./write/sequence-cache.ts";
import type { Snowflakes } from "./write/snowflake.ts";
import type { PreparedTexts } from "./prepared/prepared-texts.ts";
import type { StatementDescriptions } from "./prepared/statement-description.ts";
import type { TransactionMode } from "./session/session-holds.ts";
import type { TwoPhase } from "./transaction/two-phase.ts";
import type { User } from "./access/users.ts";

/** The shards, and for what is shown of them, the tablets. */
export interface Tablets extends ShardPort {
  readonly tablets: readonly TabletConnection[];
  /** Undefined when the shard's primary can take calls, else why not. */
  primaryProblem(keyspace: string, shard: string): string | undefined;
}

/** The tables' definitions, as `cluster().schema` has them. */
export interface Definitions {
  /** Resolves when the view has what a statement that has just ended changed in `tables`, any when empty. Never rejects. */
  refresh(keyspace: string, tables: readonly string[]): Promise<void>;
}

/** Of one gateway process. */
export interface GatewayTotals {
  readonly uptimeS: number;
  /** Connections that were accepted, refused for want of room, closed before a login, or without a goodbye. */
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly aborted: number;
  /** Connections that were open at once. */
  readonly most: number;
  /** Bytes from clients. */
  readonly received: number;
  /** Bytes to clients. */
  readonly sent: number;
  /** Statements that the sessions there are have prepared, by commands and as text. */
  readonly preparedStatements: number;
}

/** All processes of a gateway, this one too. */
export interface Siblings {
  /** What an admin page shows of them together. */
  rows(page: "/debug/queries" | "/debug/rules"): Promise<readonly Readonly<Record<string, string | number>>[]>;
  resetDigests(): void;
  reloadUsers(): void;
}

export interface GatewayContext {
  readonly tablets: Tablets;
  readonly sequences: SequenceCache;
  readonly snowflakes: Snowflakes;
  readonly autoIncrements: AutoIncrements;
  readonly routineVariables: RoutineVariables;
  readonly definitions: Definitions;
  readonly databases: Databases;
  readonly autoVSchema: AutoVSchema;
  readonly globals: GlobalVariables;
  readonly comparison: ComparisonFacts;
  readonly plans: PlanCaches;
  readonly descriptions: StatementDescriptions;
  readonly preparedTexts: PreparedTexts;
  readonly stats: QueryStats;
  readonly counters: GatewayCounters;
  /** Of all sessions. */
  readonly statementCounts: StatementCounts;
  /** Of all clients, since the gateway started. */
  readonly totals: () => GatewayTotals;
  readonly statementLog: StatementLog;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** Of the session that it is the context of; undefined where nothing is traced. */
  readonly trace: SessionTrace | undefined;
  readonly deadlocks: DeadlockWatch;
  readonly transactionMode: TransactionMode;
  readonly twoPhase: TwoPhase;
  readonly gatherLimits: GatherLimits;
  /** Of statements without directives. */
  readonly queryOptions: QueryOptions;
  readonly rules: QueryRules;
  /** What sessions begin with as wait_timeout, and interactive ones. */
  readonly waitTimeoutS: number;
  readonly interactiveTimeoutS: number;
  /** What max_allowed_packet is unless SET GLOBAL has set it. */
  readonly packetBytesMax: number;
  readonly serverVersion: string;
  /** Of the gateway's Unix socket; empty without one. */
  readonly socketPath: string;
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where clients connect to. */
  port(): number;
  cluster(): ClusterView;
  /** Of the users file. */
  userNamed(name: string): User | undefined;
  /** Reads the users file again. Throws CONFIG_BAD for a bad one. */
  reloadUsers(): void;
  /** The processes of a gateway of several workers; undefined: it is one. */
  readonly siblings: Siblings | undefined;
  /** All client connections of this gateway. */
  processes(): readonly Process[];
  /** Ends connections of this gateway or what they run, but for the connection `exceptId`. */
  kill(request: KillRequest, exceptId: number): Killed;
  /** The other gateways; undefined: there are none. */
  readonly peers: Peers | undefined;
}

/** One plan cache a keyspace selection, all dropped when the cluster changes. */
export class PlanCaches {
  #version = -1;
  #caches = new Map<string, PlanCache>();
  /** Of caches that have been dropped. */
  #hits = 0;
  #misses = 0;

  /** `selection` is the session's keyspace and sql_mode; `version` the cluster view's. */
  for(selection: string, version: number): PlanCache {
    if (version !== this.#version) {
      this.#version = version;
      const { hits, misses } = this.totals;
      this.#hits = hits;
      this.#misses = misses;
      this.#caches = new Map();
    }
    let cache = this.#caches.get(selection);
    if (cache === undefined) {
      cache = new PlanCache(LIMITS.planCacheEntries);
      this.#caches.set(selection, cache);
    }
    return cache;
  }

  get totals(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    let [entries, hits, misses] = [0, this.#hits, this.#misses];
    for (const cache of this.#caches.values()) {
      entries += cache.size;
      hits += cache.hits;
      misses += cache.misses;
    }
    return { entries, hits, misses };
  }

  /** Of each cache in use. */
  summary(): readonly {
    readonly selection: string;
    readonly entries: number;
    readonly hits: number;
    readonly misses: number;
  }[] {
    return [...this.#caches].map(([selection, { size, hits, misses }]) => ({ selection, entries: size, hits, misses }));
  }
}
