// SHOW WARNINGS, SHOW ERRORS and their counts: about the session's last statement, from what its shard said right after it
// or from the gateway's own error.

import { decodeLossless } from "../../base/lossless-text.ts";
import { COLLATION_BINARY, collationById } from "../../mysql/charsets.ts";
import { CLIENT, COLUMN_FLAG, MYSQL_TYPE } from "../../mysql/constants.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { integerColumn, type ResultSet, textColumn, writeResultSet } from "../../mysql/result-writer.ts";
import { decodeText } from "../../mysql/text-encodings.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { type LastWarnings, NO_WARNINGS, type SessionState, type SessionWarning } from "../session/session-state.ts";
import { readTextResult } from "../read/text-rows.ts";

export type WarningsAnswer =
  | { readonly kind: "raw"; readonly reply: Buffer }
  | { readonly kind: "result"; readonly result: ResultSet };

/** `what` is "warnings", "errors", "count(*) warnings" or "count(*) errors"; `text` the statement behind SHOW. */
export function warningsAnswer(what: string, text: string, state: SessionState): WarningsAnswer {
  const last = state.lastWarnings;
  const limit = /\blimit (\d+)(?:, ?(\d+))?(?: offset (\d+))?$/.exec(text);
  if (what === "warnings" && last.kind === "reply" && limit === null) return { kind: "raw", reply: last.reply };
  const errorsOnly = what.endsWith("errors");
  const shown = warningsOfSession(state).filter(({ level }) => !errorsOnly || level === "Error");
  if (what.startsWith("count(*)")) {
    const name = errorsOnly ? "@@session.error_count" : "@@session.warning_count";
    const column = { ...integerColumn(name, true), columnLength: 21, flags: UNSIGNED_BINARY };
    return { kind: "result", result: { columns: [column], rows: [[String(shown.length)]] } };
  }
  const [count, offset] = rowsWanted(limit);
  return {
    kind: "result",
    result: {
      columns: COLUMNS,
      rows: shown.slice(offset, offset + count).map(({ level, code, message }) => [level, String(code), message]),
    },
  };
}

/** What the session's last statement left, its error included. */
export function warningsOfSession(state: Pick<SessionState, "lastWarnings">): readonly SessionWarning[] {
  const last = state.lastWarnings;
  return last.kind === "list" ? last.warnings : readWarnings(last.reply);
}

/** What the shards' replies left behind. */
export function warningsOf(replies: readonly (ReplyEnd | undefined)[]): LastWarnings {
  const warned = replies.flatMap((end) => (end === undefined || end.warningsReply.length === 0 ? [] : [end]));
  const [first] = warned;
  if (first === undefined) return NO_WARNINGS;
  if (replies.length === 1) return { kind: "reply", reply: Buffer.from(first.warningsReply) };
  return { kind: "list", warnings: warned.flatMap(({ warningsReply }) => readWarnings(warningsReply)) };
}

/** What a statement left behind that has failed; `end` is its reply's. */
export function warningsOfFailed({ errno, sqlState, message }: FailedWith, end: ReplyEnd | undefined): LastWarnings {
  const isTold = end !== undefined && end.warningsReply.length > 0;
  if (!isTold) return { kind: "list", warnings: [{ level: "Error", code: errno, message, sqlState }] };
  const warnings = readWarnings(end.warningsReply).map((each) =>
    each.level === "Error" && each.code === errno ? { ...each, sqlState } : each,
  );
  return { kind: "list", warnings };
}

interface FailedWith {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** The reply that a shard would have told them with. */
export function warningsReplyOf(warnings: readonly SessionWarning[]): Buffer {
  const rows = warnings.map(({ level, code, message }) => [level, String(code), message]);
  const framing = { capabilities: CLIENT.PROTOCOL_41, sequenceId: 1, statusFlags: 0, warnings: 0 };
  return writeResultSet({ columns: COLUMNS, rows }, framing);
}

/** A shard counts the rows it was sent; the client counts those it sent. */
export function withRow(message: string, rows: readonly number[] | undefined): string {
  if (rows === undefined) return message;
  return message.replace(/ at row (\d+)$/, (text, row: string) => {
    const position = rows[Number(row) - 1];
    return position === undefined ? text : ` at row ${position + 1}`;
  });
}

/** The rows of a shard's reply to SHOW WARNINGS. */
export function readWarnings(reply: Buffer): SessionWarning[] {
  const { columns, rows } = readTextResult(reply);
  const charset = collationById(columns[0]?.collation ?? COLLATION_BINARY)?.charset ?? "binary";
  // Of other sets the bytes are kept: the client gets them back.
  const textOf = (cell: Buffer | null | undefined): string =>
    cell === null || cell === undefined ? "" : (decodeText(charset, cell) ?? decodeLossless(cell));
  return rows.map(([level, code, message]) => ({
    level: levelOf(textOf(level)),
    code: Number(textOf(code)),
    message: textOf(message),
  }));
}

const UNSIGNED_BINARY = COLUMN_FLAG.UNSIGNED | COLUMN_FLAG.BINARY;
const COLUMNS: readonly ColumnDefinition[] = [
  { ...textColumn("Level", 7), flags: COLUMN_FLAG.NOT_NULL },
  {
    ...integerColumn("Code", true),
    columnLength: 4,
    type: MYSQL_TYPE.LONG,
    flags: COLUMN_FLAG.NOT_NULL | UNSIGNED_BINARY,
  },
  { ...textColumn("Message", 512), flags: COLUMN_FLAG.NOT_NULL },
];

/** LIMIT count, LIMIT offset, count, and LIMIT count OFFSET offset. */
function rowsWanted(limit: RegExpExecArray | null): readonly [count: number, offset: number] {
  if (limit === null) return [Number.POSITIVE_INFINITY, 0];
  const [, first, second, offset] = limit;
  return second === undefined ? [Number(first), Number(offset ?? 0)] : [Number(second), Number(first)];
}

function levelOf(text: string): SessionWarning["level"] {
  return text === "Note" || text === "Error" ? text : "Warning";
}
