// Where queries on lookup tables run: as a session of the gateway's own, through the planner and the tiers as any other
// statement, on the connections that their place in the commit order asks for.

import { ShardgateError } from "../../base/errors.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { decodeOk, type OkPacket } from "../../mysql/packets/ok.ts";
import { HEADER_ERR } from "../../mysql/constants.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import { print } from "../../sql/print.ts";
import type { Statement } from "../../sql/tree.ts";
import { Executor } from "../executor.ts";
import { queryInside, replyInside } from "../read/inner-query.ts";
import { type CommitOrder, OrderedHolds } from "../session/ordered-holds.ts";
import { SessionHolds } from "../session/session-holds.ts";
import { SessionState } from "../session/session-state.ts";
import type { TextResult } from "../read/text-rows.ts";
import { defaultUsers } from "../access/users.ts";

/** `main`: in the session's own transaction; `own`: at once, for itself. */
export type LookupOrder = CommitOrder | "main" | "own";

const [ROOT] = defaultUsers().values();

export class LookupSession {
  readonly #outer: Executor;
  readonly #binds: readonly BindValue[];
  readonly #executors = new Map<LookupOrder, Executor>();

  /** `binds` are those of the statements. */
  constructor(outer: Executor, binds: readonly BindValue[]) {
    this.#outer = outer;
    this.#binds = binds;
  }

  /** Rows of a SELECT. Throws what it is answered. */
  rows(order: LookupOrder, query: Statement): Promise<TextResult> {
    return queryInside(this.#executor(order), print(query, this.#binds));
  }

  /** Throws what it is answered. */
  async run(order: LookupOrder, statement: Statement): Promise<OkPacket> {
    const reply = (await replyInside(this.#executor(order), print(statement, this.#binds))).subarray(4);
    if (reply[0] === HEADER_ERR) throw decodeErr(reply);
    return decodeOk(reply, 0);
  }

  /** Where lookup rows have to be looked for: those that are committed, and those of the open transaction. */
  readable(isConsistent: boolean): readonly LookupOrder[] {
    const { state } = this.#outer;
    const order = isConsistent ? "pre" : "main";
    const holds = order === "pre" ? this.#holds.beside(order) : state.holds;
    return state.inTransaction && holds.participants.length > 0 ? ["own", order] : ["own"];
  }

  /** Lookup rows that the open transaction has written, and on which connections. */
  get written(): Map<string, CommitOrder> {
    return this.#holds.written;
  }

  get #holds(): OrderedHolds {
    const { holds } = this.#outer.state;
    if (holds instanceof OrderedHolds) return holds;
    throw new ShardgateError("INTERNAL", "a session without ordered connections");
  }

  #executor(order: LookupOrder): Executor {
    let executor = this.#executors.get(order);
    if (executor === undefined) {
      const { context, client, options } = this.#outer;
      // What a rule or a directive forbids the client's statement is no matter of what is looked up for it.
      const free = { ...options, noScatter: undefined, noMerge: undefined, noGather: undefined };
      executor = new Executor(context, this.#stateFor(order), client, free);
      this.#executors.set(order, executor);
    }
    return executor;
  }

  #stateFor(order: LookupOrder): SessionState {
    const { state, context } = this.#outer;
    if (ROOT === undefined) throw new ShardgateError("INTERNAL", "no user for lookup tables");
    const holds =
      order === "own"
        ? new SessionHolds(context.tablets, "multi")
        : order === "main"
          ? state.holds
          : this.#holds.beside(order);
    // A connection that the session goes on with counts as its client does.
    const foundRows = order === "main" && state.foundRows;
    const made = new SessionState(state.connectionId, ROOT, state.clientHost, foundRows, holds, state.sqlMode.dialect);
    made.target = { ...state.target, shard: undefined, tabletType: "primary", text: state.target.keyspace ?? "" };
    if (order !== "own") made.begin = state.begin;
    // The session's own connections have its settings, which are not those that lookups are written in.
    if (order === "main") {
      made.settings = ["character_set_client", "character_set_connection", "character_set_results"].reduce(
        (settings, name) => settings.withVariable(name, "utf8mb4"),
        made.settings.withVariable("sql_mode", "DEFAULT"),
      );
    }
    return made;
  }
}
