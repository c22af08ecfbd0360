// The rewriting of a statement: on its normalized text, where literals are `:v1`, `:v2`, `::v3`, so that it is done once for
// all statements of that text and the literals are put in for each. A value can never become SQL.

import { ShardgateError } from "../base/errors.ts";
import { parse } from "../sql/parse.ts";
import { printTemplate, type SqlTemplate } from "../sql/print.ts";
import type { Query, SelectItem, SqlMode, Statement } from "../sql/tree.ts";
import { isQuery, rewrite, sameTree, walk } from "../sql/walk.ts";
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

/** What the rule makes of all statements of a text, which `original` is read from. Throws QUERY_FORBIDDEN, naming the rule, for what is no statement. */
export function rewrittenStatement(
  rule: QueryRule,
  action: RewriteAction,
  text: string,
  original: Statement | undefined,
  bindCount: number,
  mode: SqlMode,
): Rewritten {
  const rewritten = rewrittenText(rule, action, text);
  let statement: Statement;
  try {
    const read = parse(rewritten, mode);
    statement = original === undefined ? read : withNames(read, original);
  } catch (error) {
    if (error instanceof ShardgateError) throw refused(rule.name, error.message);
    throw error;
  }
  const template = printTemplate(statement, { mode, columnNames: true });
  const strange = template.slots.find(({ index }) => index < 0 || index >= bindCount);
  if (strange !== undefined) throw refused(rule.name, `:${strange.name} is none of the statement's values`);
  return { statement, template };
}

/** Columns that have stayed as they were keep the names that the client gave them by the way it wrote them. */
function withNames(statement: Statement, original: Statement): Statement {
  const before: Extract<SelectItem, { kind: "expr" }>[] = [];
  walk(original, (node) => {
    if (node.kind === "select") for (const item of node.items) if (item.kind === "expr") before.push(item);
  });
  const named = (query: Query): Query => {
    if (query.kind !== "select") return query;
    const items = query.items.map((item) => {
      const same = item.kind === "expr" ? before.find(({ expr }) => sameTree(expr, item.expr)) : undefined;
      return same === undefined ? item : { ...item, text: same.text };
    });
    return { ...query, items };
  };
  const below = rewrite(statement, { query: named });
  return isQuery(below) ? named(below) : below;
}

function filled(replace: string, { groups }: Match): string {
  return replace.replaceAll(REFERENCE, (_, what: string) => (what === "$" ? "$" : (groups[Number(what)] ?? "")));
}

function refused(rule: string, why: string): ShardgateError {
  return new ShardgateError("QUERY_FORBIDDEN", `query rule ${rule} rewrites the statement into none: ${why}`);
}
