// What a gateway counts of the statements it runs: groups of few labels for metrics, and digests (normalized statements)
// for who wants to know which ones they are. A cached plan carries its digest, so that a statement that comes again costs
// a few additions. Both are bounded: what does not fit, or takes the least time, counts under the name "other".

import { Latencies } from "../../base/latencies.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Tier } from "../../plan/describe-plan.ts";

/** Statements that metrics count together. */
export interface QueryGroup {
  readonly keyspace: string;
  readonly type: string;
  readonly tier: Tier;
  readonly latencies: Latencies;
  errors: number;
  rows: number;
}

/** A normalized statement in one keyspace selection. */
export interface Digest {
  /** Of QueryStats when it was made; another one when it is no longer kept. */
  generation: number;
  readonly keyspace: string;
  readonly type: string;
  /** Literals are `:v1`, `::v2`, …; long texts are cut. */
  readonly text: string;
  firstSeenMs: number;
  lastSeenMs: number;
  readonly latencies: Latencies;
  maxMs: number;
  errors: number;
  rows: number;
  readonly tiers: Record<Tier, number>;
  /** Its groups by tier, found as they are needed. */
  readonly groups: Partial<Record<Tier, QueryGroup>>;
}

/** What is kept; what is not costs next to nothing. */
export interface KeptStats {
  readonly metrics: boolean;
  readonly digests: boolean;
}

const OTHER = "other";
const NO_GENERATION = -1;
const TIERS: readonly Tier[] = ["pass-through", "merge", "gather"];

export class QueryStats {
  readonly #groups = new Map<string, QueryGroup>();
  #digests = new Map<string, Digest>();
  #sinceMs: number;
  readonly #keeps: KeptStats;
  /** Changes when digests begin anew: those of before count no more. */
  generation = 0;

  constructor(wallMs: number, keeps: KeptStats = { metrics: true, digests: true }) {
    this.#sinceMs = wallMs;
    this.#keeps = keeps;
  }

  /** The digest of a statement; the same object until its generation is no longer that of these stats. */
  digestOf(keyspace: string, type: string, text: string, wallMs: number): Digest {
    const key = `${keyspace}\n${text.length <= LIMITS.digestTextBytesMax ? text : text.slice(0, LIMITS.digestTextBytesMax)}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    if (this.#digests.size >= LIMITS.digestsMax) this.#makeRoom(wallMs);
    const digest = newDigest(this.generation, keyspace, type, key.slice(keyspace.length + 1), wallMs);
    this.#digests.set(key, digest);
    return digest;
  }

  /** Those that have taken the least time go; what they have counted stays, as others of their keyspace and type. */
  #makeRoom(wallMs: number): void {
    const byTime = [...this.#digests].sort(([, one], [, two]) => one.latencies.sumMs - two.latencies.sumMs);
    let others = byTime.filter(([, { text }]) => text === OTHER).length;
    for (const [key, digest] of byTime.filter(([, { text }]) => text !== OTHER).slice(0, LIMITS.digestsMax / 4)) {
      this.#digests.delete(key);
      digest.generation = NO_GENERATION;
      let { keyspace, type } = digest;
      if (others >= LIMITS.otherDigestsMax && !this.#digests.has(`${keyspace}\n${type}\n${OTHER}`)) {
        [keyspace, type] = ["", OTHER];
      }
      const otherKey = `${keyspace}\n${type}\n${OTHER}`;
      let other = this.#digests.get(otherKey);
      if (other === undefined) {
        others++;
        other = newDigest(this.generation, keyspace, type, OTHER, wallMs);
        this.#digests.set(otherKey, other);
      }
      absorb(other, digest);
    }
  }

  /** A statement has been answered after `ms` milliseconds. */
  record(digest: Digest, tier: Tier, ms: number, rows: number, isError: boolean, wallMs: number): void {
    const { metrics, digests } = this.#keeps;
    if (digests) {
      digest.tiers[tier]++;
      digest.latencies.observe(ms);
      digest.lastSeenMs = wallMs;
      digest.rows += rows;
      if (ms > digest.maxMs) digest.maxMs = ms;
      if (isError) digest.errors++;
    }
    if (metrics) {
      const group = (digest.groups[tier] ??= this.#groupOf(digest.keyspace, digest.type, tier));
      group.latencies.observe(ms);
      group.rows += rows;
      if (isError) group.errors++;
    }
  }

  get groups(): readonly QueryGroup[] {
    return [...this.#groups.values()];
  }

  /** Those that took the most time first. */
  top(count: number): readonly Digest[] {
    return [...this.#digests.values()]
      .filter(({ tiers }) => TIERS.some((tier) => tiers[tier] > 0))
      .sort((one, other) => other.latencies.sumMs - one.latencies.sumMs)
      .slice(0, count);
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Digests begin anew; metrics, which only grow, do not. */
  reset(wallMs: number): void {
    this.generation++;
    this.#digests = new Map();
    this.#sinceMs = wallMs;
  }

  #groupOf(keyspace: string, type: string, tier: Tier): QueryGroup {
    const isFull = this.#groups.size >= LIMITS.metricGroupsMax;
    const [shownKeyspace, shownType] = isFull ? [OTHER, OTHER] : [keyspace, type];
    const key = `${shownKeyspace}\n${shownType}\n${tier}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { keyspace: shownKeyspace, type: shownType, tier, latencies: new Latencies(), errors: 0, rows: 0 };
      this.#groups.set(key, group);
    }
    return group;
  }
}

function newDigest(generation: number, keyspace: string, type: string, text: string, wallMs: number): Digest {
  return {
    generation,
    keyspace,
    type,
    text,
    firstSeenMs: wallMs,
    lastSeenMs: wallMs,
    latencies: new Latencies(),
    maxMs: 0,
    errors: 0,
    rows: 0,
    tiers: { "pass-through": 0, merge: 0, gather: 0 },
    groups: {},
  };
}

function absorb(into: Digest, digest: Digest): void {
  into.latencies.add(digest.latencies);
  into.firstSeenMs = Math.min(into.firstSeenMs, digest.firstSeenMs);
  into.lastSeenMs = Math.max(into.lastSeenMs, digest.lastSeenMs);
  into.maxMs = Math.max(into.maxMs, digest.maxMs);
  into.errors += digest.errors;
  into.rows += digest.rows;
  for (const tier of TIERS) into.tiers[tier] += digest.tiers[tier];
}

/** Rows of /debug/queries and SHOW QUERY DIGESTS: those that took the most time first. */
export function digestRows(
  { stats }: { readonly stats: QueryStats },
  count: number,
): readonly Readonly<Record<string, string | number>>[] {
  return stats.top(count).map((digest) => {
    const { latencies } = digest;
    return {
      keyspace: digest.keyspace,
      type: digest.type,
      count: latencies.count,
      errors: digest.errors,
      rows: digest.rows,
      totalMs: rounded(latencies.sumMs),
      meanMs: rounded(latencies.sumMs / Math.max(1, latencies.count)),
      p95Ms: rounded(Math.min(latencies.quantileMs(0.95), digest.maxMs)),
      maxMs: rounded(digest.maxMs),
      tiers: tiersOf(digest),
      lastSeen: new Date(digest.lastSeenMs).toISOString(),
      statement: digest.text,
    };
  });
}

function tiersOf({ tiers }: Digest): string {
  const used = Object.entries(tiers).filter(([, count]) => count > 0);
  return used.map(([tier, count]) => `${tier} ${count}`).join(", ");
}

function rounded(ms: number): number {
  return Number.isFinite(ms) ? Math.round(ms * 1000) / 1000 : ms;
}
