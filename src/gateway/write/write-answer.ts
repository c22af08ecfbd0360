// The answer to a write that ran in parts: counts and the numbers of the info text added, the first insert id, the rows of
// RETURNING one after the other, and all parts' warnings.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { CLIENT } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { decodeOk, encodeOk, type OkPacket, okPacket } from "../../mysql/packets/ok.ts";
import type { Insert } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { warningsReplyOf } from "../show/show-warnings.ts";
import { readTextResult } from "../read/text-rows.ts";
import { warningsOfMatched, warningsOfRows } from "./share-warnings.ts";

export interface PartReply {
  readonly reply: CollectedReply;
  /** Its counts are the statement's; else it has done what another one has counted. */
  readonly isCounted: boolean;
  /** It has written the last of the rows: LAST_INSERT_ID(expression) is what it says. */
  readonly isLast?: boolean;
}

/** Answers the client with what UPDATE or DELETE parts were answered. */
export function answerParts(executor: Executor, parts: readonly PartReply[], verb: "update" | "delete"): void {
  const { state } = executor;
  const counted = parts.filter(({ isCounted }) => isCounted).map(({ reply }) => reply);
  const ends = counted.map(({ info }) => info);
  const warnings = warningsOfMatched(
    ends,
    counted.map((reply) => (reply.info.kind === "ok" ? matchedBy(okOf(reply)) : 0)),
  );
  if (counted.some(({ info }) => info.kind === "resultset")) {
    const results = counted.map(({ bytes }) => readTextResult(bytes));
    const rows = results.flatMap((result) => result.rows);
    executor.result({ columns: results[0]?.columns ?? [], rows }, warnings, warningCount(counted));
    return;
  }
  const oks = counted.map(okOf);
  const none = okPacket({ info: verb === "update" ? "Rows matched: 0  Changed: 0  Warnings: 0" : "" });
  const ok = oks.length === 0 ? none : combined(oks);
  state.rowCount = ok.affectedRows;
  state.lastWarnings = warnings;
  const last = parts.findLast(({ isLast }) => isLast === true);
  const lastInsertId = last === undefined ? 0n : okOf(last.reply).lastInsertId;
  if (lastInsertId !== 0n) state.lastInsertId = lastInsertId;
  executor.ok({ ...ok, lastInsertId, statusFlags: state.statusFlags });
}

/** What a row is answered that IGNORE leaves as it was because of `error`, about which MariaDB's UPDATE says nothing. */
export function ignoredRow(error: unknown, { state }: Executor): CollectedReply {
  const isTold = state.sqlMode.dialect === "mysql";
  const errno = error instanceof MysqlError ? error.errno : 0;
  const message = error instanceof Error ? error.message : String(error);
  const ok = okPacket({
    affectedRows: state.foundRows ? 1 : 0,
    warnings: isTold ? 1 : 0,
    info: `Rows matched: 1  Changed: 0  Warnings: ${isTold ? 1 : 0}`,
  });
  const bytes = writeFrame(encodeOk(ok, CLIENT.PROTOCOL_41), 1);
  const info: ReplyEnd = {
    kind: "ok",
    status: 0,
    warnings: isTold ? 1 : 0,
    lastPacketBytes: bytes.length,
    holdId: 0,
    warningsReply: isTold ? warningsReplyOf([{ level: "Warning", code: errno, message }]) : Buffer.alloc(0),
    rows: 0,
    afterReply: Buffer.alloc(0),
  };
  return { bytes, info };
}

/** Answers the client with the rows that the shares of an INSERT have returned, in the order of the statement. */
export function answerReturning(executor: Executor, { changes, replies, ids }: ReturnedRows): void {
  const { state } = executor;
  const results = replies.map(({ bytes }) => readTextResult(bytes));
  const rows = results.flatMap((result, i) =>
    result.rows.map((row, at) => ({ row, position: changes[i]?.rows?.[at] ?? Number.MAX_SAFE_INTEGER })),
  );
  if (ids.generated !== undefined && rows.length > 0) state.lastInsertId = ids.generated;
  const { lastWarnings, repeated } = warningsOfRows(
    replies.map(({ info }) => info),
    (i) => changes[i]?.rows,
  );
  const ordered = rows.toSorted((a, b) => a.position - b.position).map(({ row }) => row);
  const columns = results[0]?.columns ?? [];
  executor.result({ columns, rows: ordered }, lastWarnings, warningCount(replies) - repeated);
}

function warningCount(replies: readonly CollectedReply[]): number {
  return Math.min(
    0xffff,
    replies.reduce((sum, { info }) => sum + info.warnings, 0),
  );
}

export interface ReturnedRows {
  readonly changes: readonly { readonly rows?: readonly number[] }[];
  readonly replies: readonly CollectedReply[];
  readonly ids: { readonly generated: bigint | undefined };
}

/** What an INSERT does with rows that are there already. */
export type DuplicateRule = "error" | "ignore" | "replace" | "update";

export function duplicateRuleOf({ ignore, replace, onDuplicate }: Insert): DuplicateRule {
  if (replace) return "replace";
  return onDuplicate.length > 0 ? "update" : ignore ? "ignore" : "error";
}

/** The duplicates of a share of rows. Of a single row MySQL tells none, but they show in the rows affected. */
export function duplicatesOf({ info, affectedRows }: OkPacket, rule: DuplicateRule): number {
  const told = /Duplicates: (\d+)/.exec(info)?.[1];
  if (told !== undefined) return Number(told);
  switch (rule) {
    case "error":
      return 0;
    case "ignore":
      return affectedRows === 1 ? 0 : 1;
    case "replace":
      return Math.max(0, affectedRows - 1);
    case "update":
      // 1 is a new row, 2 a changed one, 0 one that stays as it was.
      return affectedRows === 2 ? 1 : 0;
  }
}

/** The rows that a share tells to have taken in, or those it was sent. */
export function recordsOf({ info }: OkPacket, rows: number): number {
  return Number(/Records: (\d+)/.exec(info)?.[1] ?? rows);
}

/** The rows that an UPDATE says to have found, changed or not; 0 for what does not say. */
export function matchedBy({ info }: OkPacket): number {
  return Number(/^Rows matched: (\d+)/.exec(info)?.[1] ?? 0);
}

/** The OK packet that ends a reply. */
export function okOf({ info, bytes }: CollectedReply): OkPacket {
  return decodeOk(bytes.subarray(bytes.length - info.lastPacketBytes + 4), 0);
}

/** One OK for those of several shards: counts added, the first insert id, the info text's numbers added. */
export function combined(parts: readonly OkPacket[]): OkPacket {
  const [first, ...rest] = parts;
  if (first === undefined) throw new ShardgateError("INTERNAL", "a write without a shard");
  return rest.reduce(
    (sum, part) => ({
      ...sum,
      affectedRows: sum.affectedRows + part.affectedRows,
      lastInsertId: sum.lastInsertId !== 0n ? sum.lastInsertId : part.lastInsertId,
      warnings: Math.min(0xffff, sum.warnings + part.warnings),
      info: addInfo(sum.info, part.info),
    }),
    first,
  );
}

/** "Records: 2  Duplicates: 0  Warnings: 0" and "Rows matched: …" with their numbers added. */
function addInfo(a: string, b: string): string {
  const numbers = b.match(/\d+/g) ?? [];
  let at = 0;
  return a.replaceAll(/\d+/g, (digits) => String(Number(digits) + Number(numbers[at++] ?? 0)));
}
