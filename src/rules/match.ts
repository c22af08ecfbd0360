// Whether a rule is about a statement. What of it depends on the session (user, source) and what on the statement is asked
// apart, since a gateway remembers the answers apart.

import type { StatementFacts } from "./statement-facts.ts";
import type { QueryRule, RuleMatch } from "./query-rule.ts";
import { LIMITS } from "../base/limits.ts";

/** Of the session. */
export interface ClientFacts {
  readonly user: string;
  /** An IP address, or `localhost` for a Unix socket. */
  readonly source: string;
}

/** The condition that does not hold; undefined: all do. */
export function clientMismatch({ users, sources }: RuleMatch, client: ClientFacts): string | undefined {
  if (users !== undefined && !users.some((name) => matchesName(name, client.user))) return "user";
  return sources === undefined || sources.has(client.source) ? undefined : "source";
}

/** The condition that does not hold; undefined: all do. */
export function statementMismatch(match: RuleMatch, facts: StatementFacts): string | undefined {
  const { types, keyspaces, digests, pattern } = match;
  if (types !== undefined && !types.includes(facts.type)) return "type";
  if (keyspaces !== undefined && !facts.keyspaces.some((keyspace) => isAmong(keyspaces, keyspace))) return "keyspace";
  if (digests !== undefined && !digests.includes(digestShown(facts.digest))) return "digest";
  return pattern === undefined || pattern.test(facts.text) ? undefined : "pattern";
}

/** Long ones are cut where they are counted. */
function digestShown(digest: string): string {
  return digest.length <= LIMITS.digestTextBytesMax ? digest : digest.slice(0, LIMITS.digestTextBytesMax);
}

/**
 * The rules that apply, given those that match, in order: up to the first that neither continues nor is only tried out.
 * `rules` is in the order of priority.
 */
export function appliedOf(rules: readonly QueryRule[], matches: (rule: QueryRule) => boolean): readonly QueryRule[] {
  const applied: QueryRule[] = [];
  for (const rule of rules) {
    if (!rule.enabled || !matches(rule)) continue;
    applied.push(rule);
    if (!rule.continues && !rule.dryRun) break;
  }
  return applied;
}

function isAmong(names: readonly string[], name: string): boolean {
  return names.some((each) => matchesName(each, name));
}

/** `*` in `wanted` stands for any characters. */
export function matchesName(wanted: string, name: string): boolean {
  const [first = "", ...rest] = wanted.split("*");
  const last = rest.pop();
  if (last === undefined) return wanted === name;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
