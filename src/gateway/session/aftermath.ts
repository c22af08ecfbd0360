// What a statement leaves behind for the ones after it: FOUND_ROWS(), user variables it has set, the value of
// LAST_INSERT_ID(expression). Most of it shows in the end of a reply; the rest is asked of the statement's connection right
// after it, in the same call, so that no connection has to be held for the session.

import { ShardgateError } from "../../base/errors.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import type { Effect } from "../../plan/plan.ts";
import { resolveValue } from "../../plan/value-ref.ts";
import { CARRIES_OVER, SYSTEM_VARIABLES } from "../../schema/trigger-variables.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { SessionState } from "./session-state.ts";
import { foundVariable } from "./lost-variables.ts";
import { isUserVariable, nameOfUserVariable, SETTINGS_BYTES_MAX, userVariable } from "./settings.ts";
import { readTextResult } from "../read/text-rows.ts";
import { described, describedValues } from "./variable-values.ts";

/** What is learned is kept here. */
export type Learning = Pick<
  SessionState,
  "callsStored" | "foundRowsCount" | "lastInsertId" | "lostVariables" | "settings" | "usesFoundRows"
>;

/** The part of a shard request that it takes. */
export interface AfterRequest {
  readonly settings: string;
  readonly after: string;
  readonly afterIfEmpty: boolean;
  readonly leavesState: boolean;
}

/** Undefined when the reply itself tells all there is to know; `settings` is what the request has otherwise. */
export function afterRequest(effect: Effect, settings: string, state: Learning): AfterRequest | undefined {
  const { foundRows, setsInsertId = false, mixesInsertIds = false, callsStored = false } = effect;
  const asksRows = foundRows !== undefined && asks(foundRows, state);
  const assigns = assignedBy(effect, state);
  if (!asksRows && !setsInsertId && !mixesInsertIds && assigns === undefined && !callsStored) return undefined;
  state.callsStored ||= callsStored;
  const items: string[] = [];
  if (asksRows) items.push("FOUND_ROWS()");
  if (setsInsertId) items.push("LAST_INSERT_ID()");
  if (assigns !== undefined) items.push(...assigns.map((variable) => described(variable)));
  return {
    settings: mixesInsertIds ? state.settings.withVariable("last_insert_id", String(state.lastInsertId)).sql : settings,
    after: items.length === 0 ? "" : `SELECT ${items.join(", ")} LIMIT 1`,
    afterIfEmpty: foundRows?.kind === "offset" && items.length === 1,
    leavesState: setsInsertId || assigns !== undefined || callsStored,
  };
}

/** User variables, as SQL has them. What stored functions and procedures set is any that the session has. */
export function assignedBy(effect: Effect, { settings }: Learning): readonly string[] | undefined {
  const { callsStored = false, triggerVariables } = effect;
  const set = [...(effect.assigns ?? []), ...(triggerVariables ?? [])].filter(
    (name) => name !== SYSTEM_VARIABLES && name !== CARRIES_OVER,
  );
  const named = set.length === 0 ? undefined : set.map((name) => userVariable(name));
  if (!callsStored) return named;
  const known = [...settings.variables.keys()].filter((name) => isUserVariable(name));
  return known.length === 0 ? named : [...new Set([...(named ?? []), ...known])];
}

/** Only a server knows FOUND_ROWS() after it, and the session is likely to ask. */
export function asksServer({ foundRows }: Effect, state: Learning): boolean {
  return foundRows?.kind === "asked" && state.usesFoundRows;
}

function asks(foundRows: NonNullable<Effect["foundRows"]>, state: Learning): boolean {
  return foundRows.kind === "offset" || (foundRows.kind === "asked" && (foundRows.isLikely || state.usesFoundRows));
}

/**
 * Takes what a statement on one shard has left behind, `info` being its end. Throws LIMIT_REACHED when its variables are
 * too large to be kept; then they are as before.
 */
export function learn(effect: Effect, binds: readonly BindValue[], info: ReplyEnd, state: Learning): void {
  const { foundRows, setsInsertId = false } = effect;
  const assigns = assignedBy(effect, state);
  const isAnswered = info.afterReply.length > 0;
  if (foundRows === undefined && !setsInsertId && assigns === undefined) return;
  const answer = isAnswered ? readTextResult(info.afterReply) : undefined;
  const cells = answer?.rows[0] ?? [];
  const asksRows = foundRows !== undefined && asks(foundRows, state);
  if (asksRows && answer !== undefined) state.foundRowsCount = Number(cells[0]?.toString("latin1") ?? 0);
  else if (info.kind !== "err") {
    if (foundRows?.kind === "sent") state.foundRowsCount = info.rows;
    else if (foundRows?.kind === "offset") state.foundRowsCount = info.rows + offsetOf(foundRows.offset, binds);
  }
  if (setsInsertId && answer !== undefined) {
    state.lastInsertId = BigInt.asUintN(64, BigInt(cells[asksRows ? 1 : 0]?.toString("latin1") ?? 0));
  }
  if (assigns === undefined) return;
  if (answer === undefined) {
    if (info.kind === "err") return;
    throw tooLarge();
  }
  const values = describedValues(answer, (asksRows ? 1 : 0) + (setsInsertId ? 1 : 0));
  assign(assigns, values, state);
  if (state.lostVariables !== undefined) for (const name of assigns) foundVariable(nameOfUserVariable(name), state);
}

/** Throws LIMIT_REACHED. */
export function assign(names: readonly string[], values: readonly string[], state: Learning): void {
  let { settings } = state;
  for (const [i, name] of names.entries()) {
    const value = values[i] ?? "NULL";
    // A variable that was never set and still is not: nothing to keep.
    if (value === "NULL" && !settings.variables.has(name)) continue;
    settings = settings.withVariable(name, value);
  }
  if (settings.sql.length > SETTINGS_BYTES_MAX) throw tooLarge();
  state.settings = settings;
}

/** The same for rows that the gateway has sent itself: `skipped` is how many it knows that OFFSET has left out. */
export function learnRows(
  { foundRows }: Effect,
  binds: readonly BindValue[],
  rows: { readonly sent: number; readonly skipped: number },
  state: Learning,
): void {
  if (foundRows === undefined) return;
  const offset = foundRows.kind === "sent" ? undefined : foundRows.offset;
  const skipped = rows.sent === 0 || offset === undefined ? rows.skipped : offsetOf(offset, binds);
  state.foundRowsCount = rows.sent + skipped;
}

function offsetOf(offset: Parameters<typeof resolveValue>[0], binds: readonly BindValue[]): number {
  const value = resolveValue(offset, binds);
  return value?.type === "INT64" || value?.type === "UINT64" ? Number(value.raw.toString("latin1")) : 0;
}

function tooLarge(): ShardgateError {
  const text = `the session's user variables are larger than ${SETTINGS_BYTES_MAX} bytes`;
  return new ShardgateError("LIMIT_REACHED", text);
}
