// XA transactions of clients that are prepared and belong to no session of this gateway: which there are, and ending one.
// What gateways have prepared for clients is told by the records of the shards that joined first (two-phase.ts); anything
// else that mysqlds tell as prepared was prepared there, past Shardgate, and is ended there by its own name.

import {
  type ClientXid,
  type Decision,
  listNamed,
  parseBranchName,
  parseClientXidKey,
  parseShardNames,
  type ShardName,
  XID_FORMAT,
  xidOf,
} from "../../base/distributed-transaction.ts";
import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { type ShardTarget } from "../../engine/ports.ts";
import type { Xa } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";

import type { Executor } from "../executor.ts";
import { readTextResult, type TextResult } from "../read/text-rows.ts";
import { XA_ERRNO, xaRolledBack, xidUnknown } from "./xa-errors.ts";
import { runPlain } from "../read/run-pooled.ts";

interface Left {
  /** Where its record is. */
  readonly target: ShardTarget;
  readonly xid: ClientXid;
  readonly transaction: string;
  readonly outcome: string;
  readonly participants: readonly ShardName[];
}

const ER_NO_SUCH_TABLE = 1146;
const AGAIN_MS = 50;

/** All shards' primaries, each once. */
export function primaries(cluster: ClusterView): readonly ShardTarget[] {
  const found = new Map<string, ShardTarget>();
  for (const { targets } of cluster.targets.primary.values()) {
    for (const target of targets) found.set(nameOf(target), found.get(nameOf(target)) ?? target);
  }
  return [...found.values()];
}

/** The answer to XA RECOVER, in the form that `text` asks for. Throws when a shard cannot be asked. */
export async function recoverable(
  executor: Executor,
  text: string,
  targets: readonly ShardTarget[],
): Promise<TextResult> {
  const [native, left] = await Promise.all([
    Promise.all(targets.map((target) => run(executor, target, text))),
    Promise.all(targets.map((target) => leftAt(executor, target))),
  ]);
  const others = native.flatMap(({ rows }) => rows).filter(([format]) => Number(format) !== XID_FORMAT);
  const isSql = /format\s*=\s*'sql'/i.test(text);
  const own = left
    .flat()
    .filter(({ outcome }) => outcome === "prepared")
    .map(({ xid }) => rowOf(xid, isSql));
  return { columns: native[0]?.columns ?? [], rows: [...others, ...own] };
}

/** A transaction of this name is prepared; what cannot be asked does not count. */
export async function isTaken(executor: Executor, key: string, targets: readonly ShardTarget[]): Promise<boolean> {
  const asked = await Promise.allSettled(targets.map((target) => leftAt(executor, target, key)));
  return asked.some((each) => each.status === "fulfilled" && each.value.some(({ outcome }) => outcome === "prepared"));
}

/**
 * Ends what is prepared under this name; gives the shards on which it has still to show. Throws 1397 when nothing is, and the
 * error of a shard that cannot be asked while others do not know the name.
 */
export async function concludeLeft(
  executor: Executor,
  { text, verb }: Xa,
  key: string,
  targets: readonly ShardTarget[],
): Promise<readonly string[]> {
  const asked = await Promise.allSettled(targets.map((target) => leftAt(executor, target, key)));
  const left = asked.flatMap((each) => (each.status === "fulfilled" ? each.value : []))[0];
  const failed = asked.find((each) => each.status === "rejected");
  if (left === undefined && failed !== undefined) throw failed.reason;
  if (left === undefined) {
    await concludeNative(executor, text, targets);
    return [];
  }
  const { twoPhase } = executor.context;
  const wanted: Decision = verb === "commit" ? "commit" : "abort";
  const outcome = await twoPhase.decidePrepared(left.transaction, left.target, wanted);
  if (outcome === undefined) {
    throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${nameOf(left.target)} cannot be asked; try again`);
  }
  if (outcome !== wanted) throw xidUnknown();
  if (left.participants.length === 0) {
    twoPhase.finished({ name: left.transaction, coordinator: left.target, nextNumber: 0 });
    throw xaRolledBack();
  }
  const ends = await Promise.all(
    left.participants.map(async (shard) => {
      const target = targets.find((each) => nameOf(each) === nameOf(shard));
      const count = target === undefined ? undefined : await endBranches(executor, target, left.transaction, wanted);
      return { shard, count };
    }),
  );
  const unfinished = ends.flatMap(({ shard, count }) => (count === undefined ? [nameOf(shard)] : []));
  if (wanted === "commit" && unfinished.length === 0) {
    twoPhase.finished({ name: left.transaction, coordinator: left.target, nextNumber: 0 });
    // Another session's COMMIT has ended it already.
    if (left.outcome === "commit" && ends.every(({ count }) => count === 0)) throw xidUnknown();
  }
  return unfinished;
}

/** Gives how many there were; undefined when some may still be there. Never rejects. */
async function endBranches(
  executor: Executor,
  target: ShardTarget,
  transaction: string,
  decision: Decision,
): Promise<number | undefined> {
  const { clock } = executor.context;
  const verb = decision === "commit" ? "COMMIT" : "ROLLBACK";
  let ended = 0;
  for (const endMs = clock.nowMs() + LIMITS.leftBranchWaitMs; ; ) {
    try {
      const names = (await run(executor, target, "XA RECOVER")).rows.flatMap(([format, , , data]) => {
        const text = Number(format) === XID_FORMAT ? (data?.toString("latin1") ?? "") : "";
        return parseBranchName(text)?.transaction === transaction ? [text] : [];
      });
      if (names.length === 0) return ended;
      for (const name of names) {
        try {
          await run(executor, target, `XA ${verb} ${xidOf(name)}`);
          ended++;
        } catch (error) {
          // A server finds out a moment later that the session is gone whose it was.
          if (!isErrno(error, XA_ERRNO.nota) && !isErrno(error, XA_ERRNO.rolledBack)) throw error;
        }
      }
    } catch {
      // It is decided; those who find the branch end it when the shard is back.
    }
    if (clock.nowMs() >= endMs) return undefined;
    await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
  }
}

/** What was prepared past Shardgate. */
async function concludeNative(executor: Executor, text: string, targets: readonly ShardTarget[]): Promise<void> {
  const ends = await Promise.allSettled(targets.map((target) => run(executor, target, text)));
  const failed = ends.find((each) => each.status === "rejected" && !isErrno(each.reason, XA_ERRNO.nota));
  if (failed?.status === "rejected") throw failed.reason;
  if (ends.every(({ status }) => status === "rejected")) throw xidUnknown();
}

async function leftAt(executor: Executor, target: ShardTarget, key?: string): Promise<readonly Left[]> {
  try {
    const { rows } = await run(executor, target, listNamed(key));
    return rows.map((row) => {
      const [xid = "", transaction = "", outcome = "", participants = ""] = row.map((raw) => raw?.toString() ?? "");
      return {
        target,
        xid: parseClientXidKey(xid),
        transaction,
        outcome,
        participants: parseShardNames(participants),
      };
    });
  } catch (error) {
    if (isErrno(error, ER_NO_SUCH_TABLE)) return [];
    throw error;
  }
}

/** Rows, none for an OK. Throws the shard's error, or why there is none. */
async function run({ context, signal }: Executor, target: ShardTarget, sql: string): Promise<TextResult> {
  const reply = await runPlain(context.tablets, target, sql, signal);
  return reply.info.kind === "ok" ? { columns: [], rows: [] } : readTextResult(reply.bytes);
}

function rowOf(xid: ClientXid, isSql: boolean): readonly Buffer[] {
  const { format, gtrid, bqual } = xid;
  const data = Buffer.from(gtrid + bqual, "hex");
  const numbers = [format, gtrid.length / 2, bqual.length / 2].map((number) => Buffer.from(String(number)));
  return [...numbers, isSql ? Buffer.from(sqlOf(xid, data)) : data];
}

/** As MariaDB writes an xid for XA statements. */
function sqlOf({ format, gtrid, bqual }: ClientXid, data: Buffer): string {
  const isPlain = data.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c);
  const shown = (hex: string): string => (isPlain ? `'${Buffer.from(hex, "hex").toString("latin1")}'` : `X'${hex}'`);
  const tail = format === 1 ? "" : `,${format}`;
  return bqual === "" && tail === "" ? shown(gtrid) : `${shown(gtrid)},${shown(bqual)}${tail}`;
}

function isErrno(error: unknown, errno: number): boolean {
  return error instanceof MysqlError && error.errno === errno;
}

function nameOf({ keyspace, shard }: ShardName): string {
  return `${keyspace}/${shard}`;
}
