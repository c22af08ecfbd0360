// Plans of a session's statements: which of the caches is meant, and how a plan is made where none is there. Knows what of
// the session plans depend on; sends nothing.

import { LIMITS } from "../../base/limits.ts";
import type { Plan } from "../../plan/plan.ts";
import { planStatement } from "../../plan/planner.ts";
import { withSelectLimit } from "../../plan/select-limit.ts";
import type { PlanContext } from "../../plan/tables.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import { normalize, type Normalized } from "../../sql/normalize.ts";
import { parse } from "../../sql/parse.ts";
import type { Statement } from "../../sql/tree.ts";
import type { TabletType } from "../../topo/records.ts";
import { accessOf, checkAccess } from "../access/access.ts";
import { asUnsharded, type ClusterView } from "../cluster/cluster-view.ts";
import { comQuery, type StatementCommand } from "../client/com-query.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { CachedPlan } from "./plan-cache.ts";
import { commandOf } from "../observe/statement-counts.ts";
import type { Digest } from "../observe/query-stats.ts";
import type { SessionState } from "../session/session-state.ts";
import { refuseRest } from "./statement-facts.ts";

/** First words of statements that are normalized and whose plans are cached. */
const CACHED_VERBS: ReadonlySet<string> = new Set(["select", "insert", "update", "delete", "replace", "with", "("]);

/** Plans of these are cached as they were written: they have no values, and each transaction has two of them. */
const BARE_STATEMENTS = /^(?:begin|commit|rollback|start transaction|set autocommit ?= ?[01])$/i;

/** Those of prepared statements that one shard may execute as they are; of a CALL also the OUT parameters come back then. */
export const EXECUTED_VERBS: ReadonlySet<string> = new Set([...CACHED_VERBS, "call"]);

interface PlannedFor {
  readonly cluster: ClusterView;
  readonly tabletType: TabletType;
  /** The bind variable that has sql_select_limit. */
  readonly limitIndex: number | undefined;
}

export class StatementPlans {
  readonly #context: GatewayContext;
  readonly #state: SessionState;

  constructor(context: GatewayContext, state: SessionState) {
    this.#context = context;
    this.#state = state;
  }

  /** The plan of a client's statement, out of the cache if it is there. Throws ER_PARSE_ERROR, and what planning throws. */
  planOf(command: StatementCommand, normalized: Normalized, cluster: ClusterView, tabletType: TabletType): CachedPlan {
    const { settings, target, readingMode } = this.#state;
    const isLimited = settings.rowLimit !== undefined;
    const given = { cluster, tabletType, limitIndex: isLimited ? normalized.binds.length - 1 : undefined };
    const isNormalized = CACHED_VERBS.has(normalized.verb);
    if (!isNormalized && !BARE_STATEMENTS.test(normalized.key)) {
      return this.#timed(() => this.#make(parse(command.payload.subarray(1), this.#state.sqlMode), given));
    }
    const digested = isNormalized ? normalized.key : undefined;
    // Nobody else's plans know the session's tables.
    if (!this.#state.kept.temporaries.isEmpty) {
      return this.#timed(() => this.#make(this.#read(command, normalized), given, digested));
    }
    const selection = target.shard === undefined ? (target.keyspace ?? "") : target.text;
    // Routing rules may be for replicas.
    const read = tabletType === "primary" ? selection : `${selection}@${tabletType}`;
    const isPlain = readingMode === "" && !isLimited;
    const cache = this.#context.plans.for(
      isPlain ? read : `${read}\n${readingMode}\n${isLimited ? "limited" : ""}`,
      cluster.version,
    );
    const known = cache.get(normalized.key);
    if (known !== undefined) return known;
    const made = this.#timed(() => this.#make(this.#read(command, normalized), given, digested));
    if (normalized.key.length <= LIMITS.planCacheKeyBytesMax) cache.set(normalized.key, made);
    return made;
  }

  #timed(make: () => CachedPlan): CachedPlan {
    const { clock, counters } = this.#context;
    const span = this.#context.trace?.start("plan", "internal");
    const startMs = clock.nowMs();
    try {
      return make();
    } finally {
      counters.planning.observe(clock.nowMs() - startMs);
      span?.end();
    }
  }

  /** The plan of a prepared statement whose values are not known yet; undefined for one that is not planned over shards. */
  planOfPrepared(sql: Buffer, tabletType: TabletType): Plan | undefined {
    const normalized = this.withSelectLimit(normalize(sql, this.#state.sqlMode));
    if (!CACHED_VERBS.has(normalized.verb)) return undefined;
    if (normalized.statementEnd < sql.length) refuseRest(sql, normalized, this.#state.sqlMode);
    const { plan, access } = this.planOf(
      { payload: comQuery(sql), normalized },
      normalized,
      this.#context.cluster(),
      tabletType,
    );
    if (access !== undefined) checkAccess(this.#state.user, access);
    return plan;
  }

  /** The plan of a statement that is not the client's own text. */
  planFor(statement: Statement, cluster: ClusterView, tabletType: TabletType): CachedPlan {
    return this.#make(statement, { cluster, tabletType, limitIndex: undefined });
  }

  /** With sql_select_limit as the last bind variable, if the session has one. */
  withSelectLimit(normalized: Normalized): Normalized {
    const limit = this.#state.settings.rowLimit;
    if (limit === undefined) return normalized;
    const raw = Buffer.from(limit);
    const bind: BindValue = { kind: "literal", type: "int", raw, source: raw, introducer: undefined };
    return { ...normalized, binds: [...normalized.binds, bind] };
  }

  /** The statement with bind variables. What cannot be read is quoted to the client in its own words, not the key's. */
  #read(command: StatementCommand, { key }: Normalized): Statement {
    const { sqlMode } = this.#state;
    try {
      return parse(key, sqlMode);
    } catch (error) {
      parse(command.payload.subarray(1), sqlMode);
      throw error;
    }
  }

  #make(statement: Statement, { cluster, tabletType, limitIndex }: PlannedFor, key?: string): CachedPlan {
    const { keyspace, shard } = this.#state.target;
    const vschema = shard !== undefined && keyspace !== undefined ? asUnsharded(cluster, keyspace) : cluster.vschema;
    const { schema } = cluster;
    const autoVSchema = this.#context.autoVSchema.isOn;
    const { temporaries } = this.#state.kept;
    const planContext: PlanContext = temporaries.over({
      vschema,
      schema,
      keyspace,
      tabletType,
      autoVSchema,
      dialect: this.#state.sqlMode.dialect,
    });
    const planned = limitIndex === undefined ? statement : withSelectLimit(statement, limitIndex);
    const plan = planStatement(planned, planContext);
    const digest = this.#newDigest(plan, statement, key);
    return { plan, statement, access: accessOf(statement, plan, planContext), command: commandOf(statement), digest };
  }

  /** Statements that are not normalized count by their kind: their texts hold values. */
  #newDigest(plan: Plan, { kind }: Statement, key = kind.toUpperCase()): Digest {
    const { stats, clock } = this.#context;
    const keyspace = plan.kind === "session" || plan.kind === "merge" ? this.#state.target.keyspace : plan.keyspace;
    return stats.digestOf(keyspace ?? "", kind, key, clock.wallMs());
  }

  /** Where the plan's statement is counted. Digests may have been reset since the plan was made. */
  digestOf(cached: CachedPlan): Digest {
    if (cached.digest.generation === this.#context.stats.generation) return cached.digest;
    const { keyspace, type, text } = cached.digest;
    cached.digest = this.#context.stats.digestOf(keyspace, type, text, this.#context.clock.wallMs());
    return cached.digest;
  }
}
