// The GTIDs that a session's own statements have got (MariaDB's @@last_gtid): connections are shared, so what a server says
// of one may be another session's. A session that has asked for them runs a statement of the gateway's before and after each
// of its own that may commit, on its connection (gtid-tablets.ts); all others pay nothing. Knows GTIDs, not who asks a server.
//
//   not tracked ──first read of @@last_gtid, or session_track_system_variables names it──► tracked

import { notSupported } from "../../base/errors.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { GtidTablets } from "./gtid-tablets.ts";
import type { SessionState } from "./session-state.ts";
import type { Settings } from "./settings.ts";

export const LAST_GTID = "last_gtid";

export class SessionGtids {
  /** Executors with this context work with the other one. */
  readonly untracked: GatewayContext;
  readonly context: GatewayContext;
  readonly #state: SessionState;
  /** By shard, of the last statement that got any. */
  readonly #last = new Map<string, string>();
  /** The next one that comes is of another statement. */
  #isOver = true;
  /** Some may have been missed since those in `#last`. */
  #isUnknown: boolean;

  /** `isUnknown`: the session may have committed something. */
  constructor(state: SessionState, context: GatewayContext, isUnknown: boolean) {
    this.#state = state;
    this.untracked = context;
    this.context = { ...context, tablets: new GtidTablets(context.tablets, this) };
    this.#isUnknown = isUnknown;
  }

  /** A list with one GTID for each shard, as MASTER_GTID_WAIT() takes it. Throws 1235 while it is not known. */
  get text(): string {
    if (!this.#isUnknown) return this.shown;
    const hint =
      "what the session has committed before was not followed; from now on it is, and SET " +
      "session_track_system_variables = 'last_gtid' at the session's beginning follows all of it";
    throw notSupported(`@@${LAST_GTID}`, hint);
  }

  /** The same for lists of variables: what is not known is empty. */
  get shown(): string {
    if (this.#isUnknown) return "";
    return [...this.#last]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, gtid]) => gtid)
      .join(",");
  }

  /** The session is as after login, and goes on being followed. */
  reset(): void {
    this.#last.clear();
    this.#isUnknown = false;
  }

  /** A statement of the client begins. As on a server, what the one before could not tell in an OK is not told any more. */
  begin(): void {
    this.#isOver = true;
    this.#state.tracker?.variableKept(LAST_GTID);
  }

  /** The statement under way has committed something on the shard. An ERR has no room to tell the client of it. */
  got({ keyspace, shard }: ShardTarget, gtid: string, isTold: boolean): void {
    if (this.#isOver) this.#last.clear();
    this.#isOver = false;
    this.#isUnknown = false;
    this.#last.set(`${keyspace}/${shard}`, gtid);
    const { tracker } = this.#state;
    if (isTold && tracker?.tracks(LAST_GTID) === true) tracker.variableSet(LAST_GTID, this.shown);
  }

  /** The statement under way may have committed something, and no server has said what. */
  missed(): void {
    this.#isUnknown = true;
  }
}

/** Those of the session, which are followed from now on. `context` is that of the executor that asks. */
export function trackedGtids(state: SessionState, context: GatewayContext): SessionGtids {
  if (state.gtids === undefined) {
    state.gtids = new SessionGtids(state, context, mayHaveCommitted(state));
    state.holds.callThrough(state.gtids.context.tablets);
  }
  return state.gtids;
}

/** After what has set variables. */
export function trackGtidsIfNamed(state: SessionState, context: GatewayContext): void {
  if (state.gtids === undefined && state.sqlMode.dialect === "mariadb" && namesLastGtid(state.settings)) {
    trackedGtids(state, context);
  }
}

function namesLastGtid({ variables }: Settings): boolean {
  const names = variables.get("session_track_system_variables")?.toLowerCase();
  return names !== undefined && (names.includes(LAST_GTID) || names.includes("*"));
}

/** What never gets a GTID, unless it calls a stored function. */
const READING = /^Com_(select|show_.*|set_option|change_db|help|begin|savepoint|.*_sql|unlock_tables)$/;

function mayHaveCommitted({ counts, callsStored }: SessionState): boolean {
  return callsStored || [...counts.byName.keys()].some((name) => !READING.test(name));
}
