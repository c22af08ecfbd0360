// Gives connections back that were held for what a session had left on them, once nothing of it is left.

import { collect } from "../../engine/collect.ts";
import { quoteString } from "../../sql/quoting.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { readTextResult } from "../read/text-rows.ts";

/** After a statement that may have given up locks: asks which are left. Never rejects. */
export async function settleLocks(executor: Executor): Promise<void> {
  const { state, context } = executor;
  const { kept, holds } = state;
  const names = kept.locks;
  const [held, ...others] = holds.reserved;
  // All locks of a session are on one connection.
  if (names.length === 0 || held === undefined || others.length > 0) return;
  const isOwn = names.map((name) => {
    const text = quoteString(name, state.sqlMode.noBackslashEscapes);
    return `IS_USED_LOCK(${text}) <=> CONNECTION_ID()`;
  });
  try {
    const request = executor.requestFor(held.target, comQuery(`SELECT ${isOwn.join(", ")}`), false, false);
    const reply = await collect(context.tablets, held.target, request);
    if (reply.info.kind === "err") return;
    const [row = []] = readTextResult(reply.bytes).rows;
    kept.locksHeld(names.filter((_, i) => row[i]?.toString("latin1") !== "0"));
    giveBack(executor);
  } catch {
    // What is lost there shows with the session's next statement.
  }
}

/** Gives reserved connections back when nothing is left on them. */
export function giveBack({ state: { kept, holds } }: Executor): void {
  if (holds.hasLockedTables || holds.hasReadLock) return;
  if (kept.isEmpty) holds.unreserve();
}
