// The query rules that a gateway follows: those of the topology, the last good ones when what is stored there is bad. What of
// a rule depends on a statement's text and the selected keyspace is decided once for each normalized text, what depends on
// the client once a session: the clients that the same rules are for share their decisions. Without rules `current` is
// undefined, which is all that the hot path looks at.

import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { Metrics } from "../../base/process-metrics.ts";
import { describeAction, describeFlags, describeMatch } from "../../rules/describe-rules.ts";
import { appliedOf, clientMismatch, statementMismatch } from "../../rules/match.ts";
import type { QueryRule } from "../../rules/query-rule.ts";
import { faultsText, readRulesJson } from "../../rules/read-rules.ts";
import { factsOf, type StatementFacts } from "../../rules/statement-facts.ts";
import type { Normalized } from "../../sql/normalize.ts";
import type { SqlTemplate } from "../../sql/print.ts";
import { queryRulesCodec } from "../../topo/records.ts";
import type { TopologySnapshot } from "../../topo/topology-watcher.ts";
import { isFreeRead } from "../read/free-read.ts";
import { RateLimit } from "./rate-limit.ts";
import type { SessionState } from "../session/session-state.ts";

/** What happened because of a rule, since the gateway started. */
export interface RuleCounts {
  /** Statements that it applied to. */
  hits: number;
  blocked: number;
  limited: number;
  delayed: number;
  rewritten: number;
  routed: number;
  mirrored: number;
  /** Not mirrored, because too many were, or there was no way to. */
  mirrorsDropped: number;
  mirrorsFailed: number;
  /** 0: never. */
  lastHitMs: number;
}

/** A rule with what a gateway knows of it. */
export interface RuleInForce {
  readonly rule: QueryRule;
  readonly counts: RuleCounts;
  readonly limit: RateLimit | undefined;
  /** Lines that it may still write to the log, in the second that began at `logSinceMs`. */
  logsLeft: number;
  logSinceMs: number;
}

export interface RewrittenByRule {
  readonly by: RuleInForce;
  readonly template: SqlTemplate;
  readonly isFreeRead: boolean;
}

/** What is to be done with statements of one text, by clients of one kind. */
export interface RuleDecision {
  /** In order; none: nothing. */
  readonly applied: readonly RuleInForce[];
  readonly facts: StatementFacts;
  /** A replica may answer it, and it may run twice. */
  readonly isFreeRead: boolean;
  /** What a rule has made of the text, for the rule that did; kept from its first statement on. */
  rewritten: RewrittenByRule | undefined;
}

interface Decisions {
  young: Map<string, RuleDecision>;
  old: Map<string, RuleDecision>;
}

interface SessionView {
  readonly generation: number;
  readonly target: SessionState["target"];
  readonly readingMode: string;
  readonly clientKind: string;
  readonly decisions: Decisions;
}

/** How a table's keyspace is found that a statement does not name, and none is selected. */
export interface KeyspaceFinder {
  readonly version: number;
  keyspaceOf(table: { readonly schema: string | undefined; readonly name: string }): string | undefined;
}

export class RuleSet {
  readonly rules: readonly RuleInForce[];
  readonly #views = new WeakMap<SessionState, SessionView>();
  readonly #decisions = new Map<string, Decisions>();
  #version = -1;
  #generation = 0;

  /** In the order of priority. */
  constructor(rules: readonly RuleInForce[]) {
    this.rules = rules;
  }

  /** `sql` is borrowed, `normalized` is of it. */
  decide(state: SessionState, sql: Buffer, normalized: Normalized, finder: KeyspaceFinder): RuleDecision {
    if (finder.version !== this.#version) {
      this.#version = finder.version;
      this.#forget();
    }
    const decisions = this.#decisionsFor(state);
    const { key } = normalized;
    let decision = decisions.young.get(key);
    if (decision !== undefined) return decision;
    decision = decisions.old.get(key) ?? this.#make(state, sql, normalized, finder);
    if (key.length <= LIMITS.planCacheKeyBytesMax) {
      if (decisions.young.size >= LIMITS.planCacheEntries / 2) {
        decisions.old = decisions.young;
        decisions.young = new Map();
      }
      decisions.young.set(key, decision);
    }
    return decision;
  }

  #decisionsFor(state: SessionState): Decisions {
    const view = this.#views.get(state);
    const { target, readingMode } = state;
    const isCurrent = view !== undefined && view.generation === this.#generation;
    if (isCurrent && view.target === target && view.readingMode === readingMode) return view.decisions;
    const clientKind = view?.clientKind ?? this.#kindOf(state);
    const key = `${clientKind}\n${readingMode}\n${target.keyspace ?? ""}`;
    let decisions = this.#decisions.get(key);
    if (decisions === undefined) {
      if (this.#decisions.size >= LIMITS.ruleDecisionMapsMax) this.#forget();
      decisions = { young: new Map(), old: new Map() };
      this.#decisions.set(key, decisions);
    }
    this.#views.set(state, { generation: this.#generation, target, readingMode, clientKind, decisions });
    return decisions;
  }

  #forget(): void {
    this.#generation++;
    this.#decisions.clear();
  }

  /** A 1 for each rule that is for the session's user and source. */
  #kindOf({ user, clientHost }: SessionState): string {
    const client = { user: user.user, source: clientHost };
    return this.rules.map(({ rule }) => (clientMismatch(rule.match, client) === undefined ? "1" : "0")).join("");
  }

  #make(state: SessionState, sql: Buffer, normalized: Normalized, finder: KeyspaceFinder): RuleDecision {
    const { sqlMode: mode, user, clientHost } = state;
    const keyspaceOf: KeyspaceFinder["keyspaceOf"] = (table) => finder.keyspaceOf(table);
    const facts = factsOf(sql, normalized, { mode, keyspace: state.target.keyspace, keyspaceOf });
    const client = { user: user.user, source: clientHost };
    const applied = new Set(
      appliedOf(
        this.rules.map(({ rule }) => rule),
        ({ match }) => clientMismatch(match, client) === undefined && statementMismatch(match, facts) === undefined,
      ),
    );
    return {
      applied: this.rules.filter(({ rule }) => applied.has(rule)),
      facts,
      isFreeRead: isFreeRead(facts),
      rewritten: undefined,
    };
  }
}

/** Follows the topology. */
export class QueryRules {
  readonly #clock: Clock;
  readonly #log: Log;
  #known: TopologySnapshot["queryRules"];
  #all: readonly RuleInForce[] = [];
  /** Undefined: there are none. */
  current: RuleSet | undefined;
  /** Why what the topology has is not in force; undefined: it is. */
  problem: string | undefined;
  /** Statements that wait now because of a rule. */
  delayed = 0;
  /** Mirrored statements under way. */
  mirrors = 0;

  /** Gives numbers from 0 up to 1: which statements are mirrored. */
  readonly random: () => number;

  constructor(clock: Clock, log: Log, random: () => number = Math.random) {
    this.random = random;
    this.#clock = clock;
    this.#log = log;
  }

  /** All of them, in order, those that are off included. */
  get all(): readonly RuleInForce[] {
    return this.#all;
  }

  follow({ queryRules }: Pick<TopologySnapshot, "queryRules">): void {
    if (queryRules === this.#known) return;
    this.#known = queryRules;
    const rules = queryRules === undefined ? [] : this.#read(queryRules.text);
    if (rules === undefined) return;
    this.problem = undefined;
    const before = new Map(this.#all.map((each) => [each.rule.name, each]));
    this.#all = rules.map((rule) => this.#inForce(rule, before.get(rule.name)));
    const enabled = this.#all.filter(({ rule }) => rule.enabled);
    this.current = enabled.length === 0 ? undefined : new RuleSet(enabled);
    this.#log.info({ rules: rules.length, enabled: enabled.length }, "query rules in force");
  }

  /** Undefined for bad ones, which has been told. */
  #read(text: string): readonly QueryRule[] | undefined {
    let faults: string;
    try {
      const read = readRulesJson({ rules: queryRulesCodec.decode("global/query_rules", text) });
      if (read.kind === "good") return read.rules;
      faults = faultsText(read.faults);
    } catch (error) {
      faults = messageOf(error);
    }
    this.problem = faults;
    this.#log.error(
      { faults, kept: this.#all.length },
      "query rules in the topology are bad; those of before stay in force",
    );
    return undefined;
  }

  /** Counters go on while a rule of the name is there. */
  #inForce(rule: QueryRule, before: RuleInForce | undefined): RuleInForce {
    const { limit } = rule.action;
    const isSameLimit = JSON.stringify(limit) === JSON.stringify(before?.rule.action.limit);
    const kept = isSameLimit ? before?.limit : undefined;
    return {
      rule,
      counts: before?.counts ?? noCounts(),
      limit: limit === undefined ? undefined : (kept ?? new RateLimit(limit, this.#clock)),
      logsLeft: LIMITS.ruleLogsPerS,
      logSinceMs: this.#clock.nowMs(),
    };
  }
}

function noCounts(): RuleCounts {
  return {
    hits: 0,
    blocked: 0,
    limited: 0,
    delayed: 0,
    rewritten: 0,
    routed: 0,
    mirrored: 0,
    mirrorsDropped: 0,
    mirrorsFailed: 0,
    lastHitMs: 0,
  };
}

/** Names the row that says why what the topology has is not in force. */
const BAD = "(bad rules in the topology)";

/** Rows of /debug/rules and SHOW QUERY RULES, in the order they are looked at. */
export function ruleRows({ all, problem }: QueryRules): readonly Readonly<Record<string, string | number>>[] {
  const rows = all.map(({ rule, counts }) => ({
    rule: rule.name,
    priority: rule.priority,
    flags: describeFlags(rule),
    match: describeMatch(rule.match),
    action: describeAction(rule.action),
    ...countsShown(counts),
    comment: rule.comment,
  }));
  if (problem === undefined) return rows;
  const bad = {
    rule: BAD,
    priority: "",
    flags: "",
    match: "",
    action: "",
    ...countsShown(noCounts()),
    comment: problem,
  };
  return [bad, ...rows];
}

function countsShown({ lastHitMs, ...counts }: RuleCounts): Readonly<Record<string, string | number>> {
  return { ...counts, lastHit: lastHitMs === 0 ? "" : new Date(lastHitMs).toISOString() };
}

const ACTIONS = [
  "blocked",
  "limited",
  "delayed",
  "rewritten",
  "routed",
  "mirrored",
  "mirrorsDropped",
  "mirrorsFailed",
] as const;

export function ruleMetrics(metrics: Metrics, rules: QueryRules): void {
  metrics.counter("shardgate_query_rule_hits_total", "Statements that a query rule applied to", ["rule"], () =>
    rules.all.map(({ rule, counts }) => ({ labels: { rule: rule.name }, value: counts.hits })),
  );
  metrics.counter("shardgate_query_rule_actions_total", "What query rules have done", ["rule", "action"], () =>
    rules.all.flatMap(({ rule, counts }) =>
      ACTIONS.flatMap((action) =>
        counts[action] === 0 ? [] : [{ labels: { rule: rule.name, action }, value: counts[action] }],
      ),
    ),
  );
  metrics.gauge(
    "shardgate_query_rules_bad",
    "1: the query rules in the topology are bad, those of before are in force",
    [],
    () => [{ labels: {}, value: rules.problem === undefined ? 0 : 1 }],
    "max",
  );
}
