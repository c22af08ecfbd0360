// Rules in words: what SHOW QUERY RULES, /debug/rules, ctl's list, preview and test say of them.

import type { QueryRule, RuleAction, RuleMatch } from "./query-rule.ts";

export function describeMatch({ users, sources, keyspaces, digests, pattern, types }: RuleMatch): string {
  const parts = [
    ...listed("user", users),
    ...listed("source", sources?.texts),
    ...listed("keyspace", keyspaces),
    ...listed("type", types),
    ...listed(
      "digest",
      digests?.map((digest) => JSON.stringify(digest)),
    ),
    ...(pattern === undefined ? [] : [`pattern ${JSON.stringify(pattern.text)}`]),
  ];
  return parts.length === 0 ? "every statement" : parts.join(", ");
}

export function describeAction(action: RuleAction): string {
  const { block, timeoutMs, route, forceTier, forbidTiers, rewrite, mirror, limit, log } = action;
  const parts: string[] = [];
  if (limit !== undefined) {
    const { perSecond, burst, per, onExcess, delayMaxMs } = limit;
    const scope = per === "total" ? "" : ` per ${per}`;
    const excess = onExcess === "error" ? "" : `, others wait up to ${delayMaxMs} ms`;
    parts.push(`allow ${perSecond}/s${scope}, bursts of ${burst}${excess}`);
  }
  if (block !== undefined) parts.push(`block with ${block.errno} (${block.sqlState}): ${block.message}`);
  if (rewrite !== undefined) parts.push(`rewrite${rewrite.all ? " all" : ""} to ${JSON.stringify(rewrite.replace)}`);
  if (route !== undefined) parts.push(`read from ${route}`);
  if (timeoutMs !== undefined) parts.push(`time out after ${timeoutMs} ms`);
  if (forceTier !== undefined) parts.push(`force tier ${forceTier}`);
  if (forbidTiers.length > 0) parts.push(`forbid ${forbidTiers.join(", ")}`);
  if (mirror !== undefined) {
    const { percent, keyspace, tabletType } = mirror;
    parts.push(`mirror ${percent} % to ${keyspace ?? ""}${tabletType === undefined ? "" : `@${tabletType}`}`);
  }
  if (log) parts.push("log");
  return parts.length === 0 ? "count" : parts.join("; ");
}

/** What else there is to say of a rule. */
export function describeFlags({ enabled, dryRun, continues }: QueryRule): string {
  const flags = [...(enabled ? [] : ["off"]), ...(dryRun ? ["dry run"] : []), ...(continues ? ["continues"] : [])];
  return flags.join(", ");
}

/** A line for people. */
function describeRule(rule: QueryRule): string {
  const flags = describeFlags(rule);
  const shown = flags === "" ? "" : ` (${flags})`;
  return `${rule.priority} ${rule.name}${shown}: ${describeMatch(rule.match)} => ${describeAction(rule.action)}`;
}

/** Lines `+`, `-` for each rule that is new, gone or changed, in the order they will be looked at; empty without a change. */
export function diffRules(before: readonly QueryRule[], after: readonly QueryRule[]): string {
  const old = new Map(before.map((rule) => [rule.name, lineOf(rule)]));
  const now = new Map(after.map((rule) => [rule.name, lineOf(rule)]));
  const lines: string[] = [];
  for (const [name, line] of old) if (!now.has(name)) lines.push(`- ${line}`);
  for (const [name, line] of now) {
    const was = old.get(name);
    if (was === line) continue;
    if (was !== undefined) lines.push(`- ${was}`);
    lines.push(`+ ${line}`);
  }
  const kept = (names: Iterable<string>): string =>
    [...names].filter((name) => old.has(name) && now.has(name)).join("\n");
  if (kept(old.keys()) !== kept(now.keys())) lines.push(`order: ${[...now.keys()].join(", ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

function lineOf(rule: QueryRule): string {
  return rule.comment === "" ? describeRule(rule) : `${describeRule(rule)} -- ${rule.comment}`;
}

function listed(what: string, values: readonly string[] | undefined): readonly string[] {
  return values === undefined ? [] : [`${what} ${values.join("|")}`];
}
