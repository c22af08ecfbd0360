// What a session begins with, and goes back to when its client resets it: the client's character set, the cluster's global
// variables, and behind them what the servers and the gateway's flags say.

import type { GatewayContext } from "../gateway-context.ts";
import { globalNumber, isOnAtLogin, settingsFrom } from "./global-variables.ts";
import type { SessionState } from "./session-state.ts";
import type { Settings } from "./settings.ts";

/** What CLIENT_IGNORE_SPACE asks for: a mode more, until the session is reset, as on a server. */
export function beginIgnoringSpace(state: SessionState, context: GatewayContext): void {
  // No server has been heard of yet: its other modes must not be lost.
  if (context.comparison.knownSettings === undefined) return;
  const modes = state.serverSqlMode === "" ? "IGNORE_SPACE" : `${state.serverSqlMode},IGNORE_SPACE`;
  state.settings = state.settings.withVariable("sql_mode", `'${modes}'`);
  state.readSqlMode(modes);
}

/** Of a state that is new or has been reset; `login` has the client's character set. */
export function beginSession(
  state: SessionState,
  context: GatewayContext,
  login: Settings,
  isInteractive: boolean,
): void {
  const globals = context.globals.current;
  state.settings = settingsFrom(globals, login);
  state.serverSqlMode = globals.get("sql_mode")?.shown ?? context.comparison.knownSettings?.sqlMode ?? "";
  state.readSqlMode(state.serverSqlMode);
  state.autocommit = isOnAtLogin(globals);
  const waitTimeoutS = globalNumber(globals, "wait_timeout") ?? context.waitTimeoutS;
  const interactiveTimeoutS = globalNumber(globals, "interactive_timeout") ?? context.interactiveTimeoutS;
  state.idlesAfter({ waitTimeoutS, interactiveTimeoutS }, isInteractive);
}
