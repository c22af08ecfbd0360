// Statements that run once more elsewhere because of a query rule: in another keyspace, or on other tablets. Nobody waits for
// them and nobody sees what they answer. They have a session of their own, begin behind the client's statement, and are few:
// beyond the bound they are left out, and one that takes or brings too much is stopped.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { HEADER_ERR } from "../../mysql/constants.ts";
import { parse } from "../../sql/parse.ts";
import { printBytes } from "../../sql/print.ts";
import type { Statement } from "../../sql/tree.ts";
import { tablesOf } from "../../sql/tables.ts";
import { rewrite } from "../../sql/walk.ts";
import { comQuery } from "../client/com-query.ts";
import { Executor } from "../executor.ts";
import type { ExecutorClient } from "../client/executor-client.ts";
import type { QueryOptions } from "../plans/query-options.ts";
import type { RuleInForce } from "./query-rules.ts";
import { OrderedHolds } from "../session/ordered-holds.ts";
import { SessionState } from "../session/session-state.ts";

const ERR_OFFSET = 4;
const DOT = 0x2e;

/** `payload` is the COM_QUERY that runs, owned; it only reads. */
export function mirror(outer: Executor, each: RuleInForce, payload: Buffer, options: QueryOptions): void {
  const { context, state } = outer;
  const { rules } = context;
  const action = each.rule.action.mirror;
  if (action === undefined || rules.random() * 100 >= action.percent) return;
  const target = targetOf(outer, each);
  const sql = rules.mirrors < LIMITS.mirrorsMax ? mirroredText(outer, each, payload) : undefined;
  if (sql === undefined || target === undefined) {
    each.counts.mirrorsDropped++;
    return;
  }
  const own = new SessionState(
    state.connectionId,
    state.user,
    state.clientHost,
    state.foundRows,
    new OrderedHolds(context.tablets, "multi", context.twoPhase),
    state.sqlMode.dialect,
  );
  own.settings = state.settings;
  own.sqlMode = state.sqlMode;
  own.readingMode = state.readingMode;
  own.target = target;
  each.counts.mirrored++;
  rules.mirrors++;
  const timeoutMs = Math.min(options.timeoutMs || LIMITS.mirrorTimeoutMs, LIMITS.mirrorTimeoutMs);
  const fixed = { ...options, tabletType: target.tabletType, timeoutMs, rowsMax: 0 };
  const client = new NoClient(
    (reason) => executor.interrupt(new ShardgateError("CANCELLED", reason)),
    (isFailed) => {
      rules.mirrors--;
      if (isFailed) each.counts.mirrorsFailed++;
      void executor.disconnected();
    },
  );
  const executor = new Executor(context, own, client, fixed);
  setImmediate(() => executor.query(sql, 0));
}

/** Undefined: there is no such place. */
function targetOf({ state, context }: Executor, { rule }: RuleInForce): SessionState["target"] | undefined {
  const { keyspace = state.target.keyspace, tabletType = "primary" } = rule.action.mirror ?? {};
  if (keyspace !== undefined && !context.cluster().snapshot.keyspaces.has(keyspace)) return undefined;
  return { keyspace, shard: undefined, tabletType, text: `${keyspace ?? ""}@${tabletType}` };
}

/** For the other keyspace; undefined for a statement over several, of which none can stand for all. */
function mirroredText({ state }: Executor, { rule }: RuleInForce, payload: Buffer): Buffer | undefined {
  const keyspace = rule.action.mirror?.keyspace;
  // Without a dot nothing in it names a keyspace.
  if (keyspace === undefined || !payload.includes(DOT)) return payload;
  const { sqlMode: mode, target } = state;
  let statement: Statement;
  try {
    statement = parse(payload.subarray(1), mode);
  } catch (error) {
    if (error instanceof ShardgateError) return undefined;
    throw error;
  }
  const named = new Set(tablesOf(statement).map(({ schema }) => schema ?? target.keyspace));
  if (named.size > 1) return undefined;
  return comQuery(printBytes(inKeyspace(statement, keyspace), [], { mode, columnNames: true }));
}

function inKeyspace(statement: Statement, keyspace: string): Statement {
  return rewrite(statement, {
    expr: (node) => (node.kind === "column" && node.schema !== undefined ? { ...node, schema: keyspace } : node),
    table: (node) => (node.kind === "tableName" && node.schema !== undefined ? { ...node, schema: keyspace } : node),
  });
}

/** Reads all of an answer, up to a bound, and keeps nothing of it. */
class NoClient implements ExecutorClient {
  readonly capabilities = 0;
  readonly #stop: (reason: string) => void;
  readonly #done: (isFailed: boolean) => void;
  #bytes = 0;
  #isFailed = false;
  #isDone = false;

  constructor(stop: (reason: string) => void, done: (isFailed: boolean) => void) {
    this.#stop = stop;
    this.#done = done;
  }

  write(bytes: Buffer): boolean {
    const isFirst = this.#bytes === 0;
    this.#bytes += bytes.length;
    if (isFirst) this.#isFailed = bytes[ERR_OFFSET] === HEADER_ERR;
    if (this.#bytes > LIMITS.mirrorReplyBytesMax && this.#bytes - bytes.length <= LIMITS.mirrorReplyBytesMax) {
      this.#stop("a mirrored statement brings too much");
    }
    return true;
  }

  onDrain(resume: () => void): void {
    resume();
  }

  commandDone(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#done(this.#isFailed);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.#isFailed = true;
    this.commandDone();
  }
}
