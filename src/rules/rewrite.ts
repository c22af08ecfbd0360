// The rewriting of a statement: on its normalized text, where literals are `:v1`, `:v2`, `::v3`, so that it is done once for
// all statements of that text and the literals are put in for each. A value can never become SQL.

import { ShardgateError } from "../base/errors.ts";
import { parse } from "../sql/parse.ts";
import { printTemplate, type SqlTemplate } from "../sql/print.ts";
import type { SqlMode, Statement } from "../sql/tree.ts";
import type { Match } from "./pattern.ts";
import type { QueryRule, RewriteAction } from "./query-rule.ts";

/** Of one text; more are left as they are. */
const MATCHES_MAX = 1_000;
const REFERENCE = /\$(\$|\d)/g;

/** The highest group that the replacement names, -1: none. */
export function highestGroup(replace: string): number {
  const groups = [...replace.matchAll(REFERENCE)].flatMap(([, what]) => (what === "$" ? [] : [Number(what)]));
  return Math.max(-1, ...groups);
}

/** `text` with the rule's replacement in place of what its pattern matches. */
export function rewrittenText({ name, match }: QueryRule, { replace, all }: RewriteAction, text: string): string {
  const { pattern } = match;
  if (pattern === undefined) throw refused(name, "it has no pattern");
  let out = "";
  let at = 0;
  for (const found of pattern.matches(text, all ? MATCHES_MAX : 1)) {
    out += text.slice(at, found.start) + filled(replace, found);
    at = found.end;
  }
  return out + text.slice(at);
}

export interface Rewritten {
  readonly statement: Statement;
  /** What is filled with each statement's literals. */
  readonly template: SqlTemplate;
}

/** What the rule makes of all statements of a text. Throws QUERY_FORBIDDEN, naming the rule, for what is no statement. */
export function rewrittenStatement(
  rule: QueryRule,
  action: RewriteAction,
  text: string,
  bindCount: number,
  mode: SqlMode,
): Rewritten {
  const rewritten = rewrittenText(rule, action, text);
  let statement: Statement;
  try {
    statement = parse(rewritten, mode);
  } catch (error) {
    if (error instanceof ShardgateError) throw refused(rule.name, error.message);
    throw error;
  }
  const template = printTemplate(statement, { mode, columnNames: true });
  const strange = template.slots.find(({ index }) => index < 0 || index >= bindCount);
  if (strange !== undefined) throw refused(rule.name, `:${strange.name} is none of the statement's values`);
  return { statement, template };
}

function filled(replace: string, { groups }: Match): string {
  return replace.replaceAll(REFERENCE, (_, what: string) => (what === "$" ? "$" : (groups[Number(what)] ?? "")));
}

function refused(rule: string, why: string): ShardgateError {
  return new ShardgateError("QUERY_FORBIDDEN", `query rule ${rule} rewrites the statement into none: ${why}`);
}
