// Shares of an INSERT IGNORE of several rows that have a single row. What a CHECK constraint or a view's WITH CHECK OPTION
// refuses is left out of several rows with a warning, but a row that is alone is an error (MariaDB): it is sent twice then.

import { MysqlError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { CLIENT } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { encodeOk, okPacket } from "../../mysql/packets/ok.ts";
import type { Executor } from "../executor.ts";
import { readWarnings, warningsReplyOf } from "../show/show-warnings.ts";
import { runPart } from "../transaction/statement-unit.ts";

/** `twice` is the share with its only row two times; undefined: it has more, or need not be ignored. */
export async function runShare(
  executor: Executor,
  target: ShardTarget,
  payload: Buffer,
  twice: (() => Buffer) | undefined,
): Promise<CollectedReply> {
  if (twice === undefined) return runPart(executor, target, payload);
  try {
    return await runPart(executor, target, payload);
  } catch (error) {
    if (!(error instanceof MysqlError) || !REFUSED.has(error.errno)) throw error;
    return leftOut(await runPart(executor, target, twice()));
  }
}

/** CHECK constraints, WITH CHECK OPTION. */
const REFUSED: ReadonlySet<number> = new Set([4025, 1369]);

/** Both rows are left out: what is said of the second one is said already. */
function leftOut(reply: CollectedReply): CollectedReply {
  const told = readWarnings(reply.info.warningsReply);
  const warnings = told.slice(0, told.length / 2);
  const info = { ...reply.info, warnings: warnings.length, warningsReply: warningsReplyOf(warnings) };
  if (reply.info.kind !== "ok") return { ...reply, info };
  const text = `Records: 0  Duplicates: 0  Warnings: ${warnings.length}`;
  const bytes = writeFrame(encodeOk(okPacket({ warnings: warnings.length, info: text }), CLIENT.PROTOCOL_41), 1);
  return { bytes, info: { ...info, lastPacketBytes: bytes.length } };
}
