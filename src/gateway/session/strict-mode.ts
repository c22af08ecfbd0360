// Whether values that do not fit a column are errors for the session (manual: "Strict SQL Mode").

import type { SessionState } from "./session-state.ts";

/** The default is strict. */
export function isStrict({ settings }: SessionState): boolean {
  const sqlMode = settings.variables.get("sql_mode");
  return sqlMode === undefined || /default|strict_/i.test(sqlMode);
}
