// The tablets as a session sees them whose GTIDs are followed: each of its statements that may commit notes @@last_gtid of
// its connection before it, and asks for it afterwards, in the same call. Only where the two are different has the
// connection's server given one to the statement; else what it says may be of whoever had the connection before. Of no
// interest: MySQL (its servers have no such variable), replicas, and what a ROLLBACK leaves in the log.

import { isAscii } from "node:buffer";
import { MysqlError } from "../../base/errors.ts";
import { joinStatements } from "../../base/statement-list.ts";
import { type CollectedReply, conclude, ShardCallError } from "../../engine/collect.ts";
import type { HoldOp, ReplySink, ShardCall, ShardRequest, ShardTarget } from "../../engine/ports.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { COM } from "../../mysql/constants.ts";
import type { Tablets } from "../gateway-context.ts";
import { readTextResult } from "../read/text-rows.ts";
import type { SessionGtids } from "./session-gtids.ts";
import { userVariable } from "./settings.ts";

/** None of a client's. */
const BEFORE = userVariable("shardgate.gtid");
/** Bytes come as they are, whatever character_set_results is. */
const LAST = "CAST(@@last_gtid AS BINARY)";
const NOTE = `SET ${BEFORE} = ${LAST}`;
/** NULL: the same as before. */
const NEW = `IF(${BEFORE} <=> ${LAST}, NULL, ${LAST})`;
const ONE_ROW = " LIMIT 1";
const ASK = `SELECT ${NEW}${ONE_ROW}`;

const COMMITS = /^(COMMIT|XA COMMIT)\b/;
const READS = /^\s*(select|show|set(?!\s+statement))\b/i;
/** Of sequences, whose new values are written. */
const NEXT_VALUE = /\bnext|setval/i;

const EMPTY = Buffer.alloc(0);
/** What is concluded has no rows worth waiting for, and is not to be stopped half way. */
const UNSTOPPABLE: ShardCall = { consumed: () => undefined, cancel: () => undefined };

export class GtidTablets implements Tablets {
  readonly #inner: Tablets;
  readonly #gtids: Pick<SessionGtids, "got" | "missed">;

  constructor(inner: Tablets, gtids: Pick<SessionGtids, "got" | "missed">) {
    this.#inner = inner;
    this.#gtids = gtids;
  }

  get tablets(): Tablets["tablets"] {
    return this.#inner.tablets;
  }

  primaryProblem(keyspace: string, shard: string): string | undefined {
    return this.#inner.primaryProblem(keyspace, shard);
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    if (target.tabletType !== "primary" || !mayCommit(request)) return this.#inner.execute(target, request, sink);
    const { begin, after } = request;
    const asking: ShardRequest = {
      ...request,
      begin: begin === "" ? NOTE : joinStatements([NOTE, begin]),
      after: after === "" ? ASK : `${after.slice(0, -ONE_ROW.length)}, ${NEW}${ONE_ROW}`,
      afterIfEmpty: false,
      // What has failed may have written something, too.
      leavesState: true,
    };
    return this.#inner.execute(target, asking, {
      data: (chunk) => sink.data(chunk),
      end: (info, chunk) => {
        this.#learn(target, info);
        const isAsked = after !== "" && (info.kind !== "err" || request.leavesState);
        sink.end(isAsked ? info : { ...info, afterReply: EMPTY }, chunk);
      },
      fail: (error, holdLost) => {
        // What a server has refused before the statement has done nothing.
        if (!(error instanceof MysqlError)) this.#gtids.missed();
        sink.fail(error, holdLost);
      },
    });
  }

  conclude(...[target, op, holdId, sink, statements = []]: Parameters<Tablets["conclude"]>): ShardCall {
    const commits = op === "commit" || statements.some((statement) => COMMITS.test(statement));
    if (!commits || target.tabletType !== "primary") {
      return this.#inner.conclude(target, op, holdId, sink, statements);
    }
    this.#commit(target, op, holdId, statements).then(
      ({ info, bytes }) => sink.end(info, bytes),
      (error: unknown) => {
        this.#gtids.missed();
        if (error instanceof ShardCallError) sink.fail(error.error, error.holdLost);
        else sink.fail(error instanceof Error ? error : new Error(String(error)), false);
      },
    );
    return UNSTOPPABLE;
  }

  /** Gives the reply to the commit itself. */
  async #commit(
    target: ShardTarget,
    op: HoldOp,
    holdId: number,
    statements: readonly string[],
  ): Promise<CollectedReply> {
    const port = this.#inner;
    const ending = statements.length === 0 ? ["COMMIT AND NO CHAIN NO RELEASE"] : statements;
    const reply = await conclude(port, target, "control", holdId, [NOTE, ...ending]);
    if (reply.info.kind === "err") {
      if (op === "commit") await conclude(port, target, "release", holdId).catch(() => undefined);
      return reply;
    }
    try {
      const asked = await conclude(port, target, op, holdId, [ASK]);
      if (asked.info.kind === "err") this.#gtids.missed();
      else this.#got(target, asked.bytes, true);
    } catch {
      // It is committed.
      this.#gtids.missed();
    }
    return reply;
  }

  #learn(target: ShardTarget, { kind, afterReply }: ReplyEnd): void {
    if (afterReply.length === 0) this.#gtids.missed();
    else this.#got(target, afterReply, kind !== "err");
  }

  #got(target: ShardTarget, reply: Buffer, isTold: boolean): void {
    const gtid = readTextResult(reply).rows[0]?.at(-1);
    if (gtid !== null && gtid !== undefined && gtid.length > 0 && isAscii(gtid)) {
      this.#gtids.got(target, gtid.toString("latin1"), isTold);
    }
  }
}

/** Also inside a transaction: tables of other engines commit at once, as definitions and procedures may. */
function mayCommit({ payload, prepared, after, leavesState }: ShardRequest): boolean {
  if (after !== "" && !after.endsWith(ONE_ROW)) return false;
  if (payload[0] !== COM.QUERY && payload[0] !== COM.STMT_EXECUTE) return false;
  if (leavesState) return true;
  const text = (payload[0] === COM.QUERY ? payload.subarray(1) : prepared).toString("latin1");
  return !READS.test(text) || NEXT_VALUE.test(text);
}
