// Which keyspaces a query of information_schema asks about, once its values are known.

import type { SchemaFilter, SchemaPattern } from "../../plan/schema-filter.ts";
import { resolveValues } from "../../plan/value-ref.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { likePattern } from "../show/like-pattern.ts";
import type { SessionState } from "../session/session-state.ts";
import { seesKeyspace } from "../access/users.ts";

/** In the order of their names; those the user may not see are left out. Without a filter: all. */
export function keyspacesAsked(
  filter: SchemaFilter | undefined,
  binds: readonly BindValue[],
  state: SessionState,
  cluster: ClusterView,
): readonly string[] {
  const visible = [...cluster.snapshot.keyspaces.keys()].filter((name) => seesKeyspace(state.user, name));
  return schemasAsked(filter, visible.toSorted(), binds, state);
}

/** Those of `schemas` that the filter may allow. */
export function schemasAsked(
  filter: SchemaFilter | undefined,
  schemas: readonly string[],
  binds: readonly BindValue[],
  state: SessionState,
): readonly string[] {
  if (filter === undefined) return schemas;
  const patterns = filter.flatMap((pattern) => patternsOf(pattern, binds, state));
  return schemas.filter((name) => patterns.some((pattern) => pattern.test(name)));
}

function patternsOf({ op, value }: SchemaPattern, binds: readonly BindValue[], state: SessionState): readonly RegExp[] {
  if (value === "database") return state.target.keyspace === undefined ? [] : [exactly(state.target.keyspace)];
  const texts = resolveValues([value], binds);
  // What cannot be read may be any keyspace; so may a number, which most names are equal to as 0.
  if (texts === undefined) return [ANY];
  return texts.flatMap(({ type, raw }) => {
    if (type === "NULL_TYPE") return [];
    const text = raw.toString("utf8");
    if (type !== "VARCHAR" || !IS_ASCII.test(text)) return [ANY];
    return [op === "like" ? likePattern(text) : exactly(text)];
  });
}

const ANY = /^/;
const IS_ASCII = /^[\x20-\x7e]*$/;

/** Names compare without case, and trailing spaces do not count. */
function exactly(name: string): RegExp {
  return likePattern(name.trimEnd().replaceAll(/[\\%_]/g, "\\$&"));
}
