// User variables whose values nobody can tell: triggers have set them on several shards, each another row's. They may be
// set again; a statement that reads one is refused, and so is a write whose triggers go on from what the row before, on
// another shard, has left in one.

import { notSupported } from "../../base/errors.ts";
import type { Plan } from "../../plan/plan.ts";
import { CARRIES_OVER, SYSTEM_VARIABLES } from "../../schema/trigger-variables.ts";
import type { Statement } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import type { SessionState } from "./session-state.ts";

/** What triggers of a plan's tables may set; undefined: none do. */
export function triggerVariablesOf(plan: Plan): readonly string[] | undefined {
  if ("effect" in plan) return plan.effect.triggerVariables;
  return plan.kind === "insert" ? plan.triggerVariables : undefined;
}

/** Rows are written whose triggers run on several shards, or in another order than the statement's. Throws 1235. */
export function loseVariables(set: readonly string[] | undefined, state: SessionState): void {
  const names = set?.filter((name) => name !== SYSTEM_VARIABLES && name !== CARRIES_OVER) ?? [];
  if (names.length === 0) return;
  if (set?.includes(CARRIES_OVER) === true) {
    const variables = names.map((name) => `@${name}`).join(", ");
    throw notSupported(
      "a write to several shards, or one row by row, whose triggers carry user variables from row to row",
      `they set ${variables}; write rows of one shard at a time`,
    );
  }
  state.lostVariables = new Set([...(state.lostVariables ?? []), ...names]);
}

/** Before a statement runs; what a SET sets is known again from then on. Throws 1235 for one that is read. */
export function refuseLost(statement: Statement, state: SessionState): void {
  const lost = state.lostVariables;
  if (lost === undefined) return;
  walk(statement, (node) => {
    if (node.kind === "userVariable" && lost.has(node.name.toLowerCase())) {
      throw notSupported(`reading @${node.name}, which triggers have set on several shards`, "SET it before");
    }
    return node.kind !== "intoVariables";
  });
  if (statement.kind !== "set") return;
  for (const item of statement.items) if (item.kind === "setUser") foundVariable(item.name.toLowerCase(), state);
}

/** The variable has a value again. */
export function foundVariable(name: string, state: Pick<SessionState, "lostVariables">): void {
  if (state.lostVariables?.has(name) !== true) return;
  const others = new Set([...state.lostVariables].filter((other) => other !== name));
  state.lostVariables = others.size === 0 ? undefined : others;
}
