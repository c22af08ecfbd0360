// Column definitions of a query that a shard has been asked for before, so that a merge that runs again and again asks once.
// They are the plan's, which goes when a table of the cluster changes, under the session's settings and with the values the
// query has: those in conditions count by their kind alone, since no column gets its type from there.
//
// What a shard warned of is asked for each time, and so is a query with values of the session (LAST_INSERT_ID(), …).

import { isAscii } from "node:buffer";

import { LIMITS } from "../../base/limits.ts";
import type { Definitions } from "../../engine/describe.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { isOfSession } from "../../plan/session-functions.ts";
import type { BindValue } from "../../plan/statement.ts";
import type { Node, Query } from "../../sql/tree.ts";
import { children, isExpr } from "../../sql/walk.ts";
import type { ClusterView } from "./cluster-view.ts";
import { describeStatement } from "./describe-statement.ts";
import type { Executor } from "../executor.ts";

/** As `describeStatement`; `onEnd` is not called for what was known. */
export async function knownDefinitions(
  executor: Executor,
  query: Query,
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
  onEnd: (info: ReplyEnd) => void,
): Promise<Definitions> {
  const values = valuesOf(query);
  if (values === undefined) return describeStatement(executor, query, keyspace, binds, cluster, onEnd);
  const { known, exact, loose } = values;
  const parts = [keyspace, executor.state.settings.ofParts.sql, executor.state.sqlMode.noBackslashEscapes ? "n" : ""];
  for (const index of exact) parts.push(exactKey(binds[index]));
  for (const index of loose) parts.push(looseKey(binds[index]));
  const key = parts.join("\n");
  const found = known.get(key);
  if (found !== undefined) return found;
  let warnings = 0;
  const definitions = await describeStatement(executor, query, keyspace, binds, cluster, (info) => {
    warnings = info.warnings;
    onEnd(info);
  });
  if (warnings === 0 && key.length <= LIMITS.planCacheKeyBytesMax) {
    if (known.size >= LIMITS.knownDefinitionsMax) known.clear();
    known.set(key, definitions);
  }
  return definitions;
}

interface Values {
  readonly known: Map<string, Definitions>;
  /** Indexes of bind variables that columns may get their types from, and of those in conditions. */
  readonly exact: readonly number[];
  readonly loose: readonly number[];
}

/** Of queries of plans, which never change. Undefined: it has values of the session. */
const VALUES = new WeakMap<Query, Values | undefined>();

function valuesOf(query: Query): Values | undefined {
  if (VALUES.has(query)) return VALUES.get(query);
  const exact = new Set<number>();
  const loose = new Set<number>();
  let isOwn = true;
  const visit = (node: Node, isCondition: boolean): void => {
    if (isExpr(node)) {
      if (isOfSession(node) || node.kind === "param") isOwn = false;
    }
    if (node.kind === "bind") (isCondition ? loose : exact).add(node.index);
    const condition = node.kind === "select" ? node.where : node.kind === "join" ? node.on : undefined;
    // A query inside a condition gives no column of its own either.
    children(node, (child) => visit(child, isCondition || child === condition));
  };
  visit(query, false);
  const values = isOwn
    ? { known: new Map(), exact: [...exact], loose: [...loose].filter((index) => !exact.has(index)) }
    : undefined;
  VALUES.set(query, values);
  return values;
}

function exactKey(bind: BindValue | undefined): string {
  if (bind === undefined) return "";
  if (bind.kind === "list") return `(${bind.items.map(exactKey).join()})`;
  return `${bind.type} ${bind.introducer ?? ""} ${bind.raw.toString("base64")}`;
}

function looseKey(bind: BindValue | undefined): string {
  if (bind?.kind === "list") return `(${[...new Set(bind.items.map(looseKey))].join()})`;
  const isPlain = bind !== undefined && bind.introducer === undefined;
  if (isPlain && (bind.type === "int" || (bind.type === "string" && isAscii(bind.raw)))) return bind.type;
  return exactKey(bind);
}
