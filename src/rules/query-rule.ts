// Query rules: which statements of whom an operator wants treated otherwise, and how. Plain data, checked by
// read-rules.ts; what a gateway does with it is the gateway's business.

import type { TabletType } from "../topo/records.ts";
import type { Pattern } from "./pattern.ts";
import type { StatementType } from "./statement-facts.ts";

export interface QueryRule {
  /** Unique; what counters, logs and errors call it. */
  readonly name: string;
  readonly comment: string;
  /** Lower ones come first; among equals the order of the list. */
  readonly priority: number;
  readonly enabled: boolean;
  /** Counted and logged, but nothing is done, and rules behind it are looked at as if it were not there. */
  readonly dryRun: boolean;
  /** Rules behind it are looked at, too. */
  readonly continues: boolean;
  readonly match: RuleMatch;
  readonly action: RuleAction;
}

/** All that are given must hold; of each list, one. */
export interface RuleMatch {
  /** Names of users, `*` stands for any characters. */
  readonly users: readonly string[] | undefined;
  readonly sources: SourceNetworks | undefined;
  /** Keyspaces of the statement's tables, the selected one for a statement without tables; `*` as above. */
  readonly keyspaces: readonly string[] | undefined;
  /** Statements as SHOW QUERY DIGESTS shows them. */
  readonly digests: readonly string[] | undefined;
  readonly pattern: Pattern | undefined;
  readonly types: readonly StatementType[] | undefined;
}

/** Where clients come from. */
export interface SourceNetworks {
  /** As written. */
  readonly texts: readonly string[];
  /** `host` is an IP address, or `localhost` for a Unix socket. */
  has(host: string): boolean;
}

/** What to do; nothing at all counts only. */
export interface RuleAction {
  readonly block: BlockAction | undefined;
  /** Ends the statement after so long; a shorter time of its own stays. */
  readonly timeoutMs: number | undefined;
  /** Where queries outside of transactions read that neither lock nor change anything. */
  readonly route: TabletType | undefined;
  readonly forceTier: RuleTier | undefined;
  readonly forbidTiers: readonly ForbiddenTier[];
  readonly rewrite: RewriteAction | undefined;
  readonly mirror: MirrorAction | undefined;
  readonly limit: LimitAction | undefined;
  /** A line for each statement, of which so many a second. */
  readonly log: boolean;
}

export const RULE_TIERS = ["pass-through", "merge", "gather"] as const;
export type RuleTier = (typeof RULE_TIERS)[number];

/** `scatter`: to all shards of a keyspace, in whatever tier. */
export const FORBIDDEN_TIERS = ["scatter", "merge", "gather"] as const;
export type ForbiddenTier = (typeof FORBIDDEN_TIERS)[number];

export interface BlockAction {
  readonly message: string;
  readonly errno: number;
  readonly sqlState: string;
}

export interface RewriteAction {
  /** In place of what the pattern matches; `$1` … are its groups, `$0` is the whole match, `$$` a dollar sign. */
  readonly replace: string;
  /** All matches, not only the first. */
  readonly all: boolean;
}

export interface MirrorAction {
  /** Of 100 statements; above 0. */
  readonly percent: number;
  /** Undefined: the statement's own. */
  readonly keyspace: string | undefined;
  /** Undefined: primary. */
  readonly tabletType: TabletType | undefined;
}

export const LIMIT_SCOPES = ["total", "user", "source"] as const;
export const LIMIT_EXCESSES = ["error", "delay"] as const;

/** A bucket of tokens, filled steadily, of which each statement takes one. In each gateway process. */
export interface LimitAction {
  readonly perSecond: number;
  /** Tokens that a bucket holds. */
  readonly burst: number;
  readonly per: (typeof LIMIT_SCOPES)[number];
  readonly onExcess: (typeof LIMIT_EXCESSES)[number];
  /** A statement that would have to wait longer is refused. */
  readonly delayMaxMs: number;
}
