// What query rules would do with a statement: `ctl QueryRulesTest`, and `explain --rules` for a whole list. Nothing runs;
// what only a session knows (an open transaction, which keeps queries on primaries) or chance and time decide (mirrors,
// limits) is said as it stands in the rule.

import { ShardgateError } from "../base/errors.ts";
import { isFreeRead } from "../gateway/read/free-read.ts";
import { describeAction } from "../rules/describe-rules.ts";
import { appliedOf, clientMismatch, statementMismatch } from "../rules/match.ts";
import type { QueryRule } from "../rules/query-rule.ts";
import { rewrittenStatement } from "../rules/rewrite.ts";
import { factsOf, type StatementFacts } from "../rules/statement-facts.ts";
import { decodeSql, encodeSql } from "../sql/encoding.ts";
import { normalize } from "../sql/normalize.ts";
import { fillTemplate } from "../sql/print.ts";
import { DEFAULT_SQL_MODE } from "../sql/tree.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";

export interface TriedStatement {
  readonly sql: string;
  readonly user: string;
  /** An IP address, or localhost for a Unix socket. */
  readonly source: string;
  /** The selected one. */
  readonly keyspace: string | undefined;
}

export interface TriedRule {
  readonly rule: string;
  readonly outcome: "applies" | "applies (dry run)" | "does not match" | "is not reached" | "is off";
  /** The condition that does not hold, the rule that ends it, or what is done. */
  readonly detail: string;
}

export interface RulesTrial {
  /** What patterns see. */
  readonly text: string;
  readonly digest: string;
  readonly type: string;
  readonly keyspaces: readonly string[];
  readonly rules: readonly TriedRule[];
  /** What the statement becomes; undefined: it stays as it is. */
  readonly rewritten?: string;
  /** What the client gets instead of an answer; undefined: nothing stands in its way. */
  readonly error?: { readonly errno: number; readonly sqlState: string; readonly message: string };
}

const MODE = { ...DEFAULT_SQL_MODE, dialect: "mariadb" } as const;

/** `rules` in the order of priority. A table whose keyspace nobody names is looked for in `vschemas`. */
export function tryRules(
  rules: readonly QueryRule[],
  { sql, user, source, keyspace }: TriedStatement,
  vschemas: ReadonlyMap<string, KeyspaceVSchema>,
): RulesTrial {
  const bytes = encodeSql(sql);
  const normalized = normalize(bytes, MODE);
  const facts = factsOf(bytes, normalized, {
    mode: MODE,
    keyspace,
    keyspaceOf: ({ name }) => [...vschemas.values()].find(({ tables }) => tables.has(name))?.keyspace,
  });
  const mismatch = ({ match }: QueryRule): string | undefined =>
    clientMismatch(match, { user, source }) ?? statementMismatch(match, facts);
  const applied = appliedOf(rules, (rule) => mismatch(rule) === undefined);
  const acting = applied.filter(({ dryRun }) => !dryRun);
  const { text, digest, type, keyspaces } = facts;
  const trial = {
    text,
    digest,
    type,
    keyspaces,
    rules: rules.map((rule) => triedRule(rule, applied, mismatch(rule), facts)),
  };
  const blocked = acting.find(({ action }) => action.block !== undefined)?.action.block;
  if (blocked !== undefined) {
    const { errno, sqlState, message } = blocked;
    return { ...trial, error: { errno, sqlState, message } };
  }
  try {
    const by = acting.find(({ action }) => action.rewrite !== undefined);
    const action = by?.action.rewrite;
    if (by === undefined || action === undefined) return trial;
    const { template } = rewrittenStatement(by, action, text, facts.statement, normalized.binds.length, MODE);
    return { ...trial, rewritten: decodeSql(fillTemplate(template, normalized.binds)) };
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    const { errno, sqlState, message } = error;
    return { ...trial, error: { errno, sqlState, message } };
  }
}

/** For people. */
export function trialText({ text, digest, type, keyspaces, rules, rewritten, error }: RulesTrial): string {
  const width = Math.max(0, ...rules.map(({ rule }) => rule.length));
  const lines = [
    `text:      ${text}`,
    `digest:    ${digest}`,
    `type:      ${type}`,
    `keyspaces: ${keyspaces.join(", ") || "(none)"}`,
    ...rules.map(
      ({ rule, outcome, detail }) => `  ${rule.padEnd(width)}  ${outcome}${detail === "" ? "" : `: ${detail}`}`,
    ),
  ];
  if (error !== undefined) lines.push(`The client gets ERROR ${error.errno} (${error.sqlState}): ${error.message}`);
  else if (rewritten !== undefined) lines.push(`It becomes: ${rewritten}`);
  return lines.map((line) => `${line}\n`).join("");
}

function triedRule(
  rule: QueryRule,
  applied: readonly QueryRule[],
  mismatch: string | undefined,
  facts: StatementFacts,
): TriedRule {
  const { name, enabled, dryRun, action } = rule;
  if (!enabled) return { rule: name, outcome: "is off", detail: "" };
  if (mismatch !== undefined) return { rule: name, outcome: "does not match", detail: mismatch };
  if (!applied.includes(rule)) {
    const end = applied.findLast((each) => !each.continues && !each.dryRun);
    return { rule: name, outcome: "is not reached", detail: `${end?.name ?? "another rule"} ends it` };
  }
  const only = (action.route ?? action.mirror) !== undefined && !isFreeRead(facts);
  const detail = `${describeAction(action)}${only ? " (it is no plain read: neither routed nor mirrored)" : ""}`;
  return { rule: name, outcome: dryRun ? "applies (dry run)" : "applies", detail };
}
