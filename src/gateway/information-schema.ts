// Which keyspace a query of information_schema asks about, once its values are known.

import { notSupported } from "../base/errors.ts";
import type { SendPlan } from "../plan/plan.ts";
import type { SchemaFilter } from "../plan/system-schema.ts";
import { resolveValues } from "../plan/value-ref.ts";
import type { BindValue } from "../sql/bind-value.ts";
import { checkKeyspaceAccess } from "./access.ts";
import type { ClusterView } from "./cluster-view.ts";
import { likePattern } from "./like-pattern.ts";
import type { SessionState } from "./session-state.ts";

/** Throws 1235 for several keyspaces, 1044 for one the user may not see. Names of none go to the plan's own. */
export function keyspaceAsked(
  plan: SendPlan,
  filters: readonly SchemaFilter[],
  binds: readonly BindValue[],
  state: SessionState,
  cluster: ClusterView,
): string {
  const asked = new Set(filters.flatMap((filter) => matching(filter, binds, state, cluster)));
  if (asked.size > 1) {
    throw notSupported(
      `information_schema of keyspaces ${[...asked].join(", ")} at once`,
      "ask for one after the other",
    );
  }
  const [only] = asked;
  if (only === undefined) return plan.keyspace;
  checkKeyspaceAccess(state.user, only);
  return only;
}

function matching(
  { op, values }: SchemaFilter,
  binds: readonly BindValue[],
  state: SessionState,
  cluster: ClusterView,
): readonly string[] {
  const patterns: RegExp[] = [];
  for (const value of values) {
    if (value === "database") {
      if (state.target.keyspace !== undefined) patterns.push(exactly(state.target.keyspace));
      continue;
    }
    const texts = resolveValues([value], binds);
    // What cannot be read may be any keyspace.
    if (texts === undefined) return [...cluster.snapshot.keyspaces.keys()];
    for (const { raw } of texts) {
      const text = raw.toString("utf8");
      patterns.push(op === "like" ? likePattern(text) : exactly(text));
    }
  }
  return [...cluster.snapshot.keyspaces.keys()].filter((name) => patterns.some((pattern) => pattern.test(name)));
}

/** information_schema compares names without case. */
function exactly(name: string): RegExp {
  return likePattern(name.replaceAll(/[\\%_]/g, "\\$&"));
}
