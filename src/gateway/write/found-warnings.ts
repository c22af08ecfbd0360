// What the query that finds an UPDATE's or DELETE's rows has warned of. Knows nothing of the rows.

import { MysqlError } from "../../base/errors.ts";
import { isStrict } from "../session/strict-mode.ts";
import type { SessionState } from "../session/session-state.ts";
import { warningsOfSession } from "../show/show-warnings.ts";

/** Throws what a strict sql_mode makes errors of in an UPDATE or DELETE, though not in the query that finds its rows. */
export function refuseWarned(state: SessionState): void {
  if (!isStrict(state)) return;
  const first = warningsOfSession(state).find(({ level, code }) => level === "Warning" && STRICT_ERRORS.has(code));
  if (first !== undefined) throw new MysqlError(first.code, STRICT_ERRORS.get(first.code) ?? "HY000", first.message);
}

const STRICT_ERRORS: ReadonlyMap<number, string> = new Map([
  [1292, "22007"],
  [1365, "22012"],
  [1411, "HY000"],
]);
