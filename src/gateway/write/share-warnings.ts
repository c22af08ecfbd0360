// The warnings of a write that ran in shares, as one server tells them: rows counted as the client's statement has them, in
// their order, and what is said of the whole statement said once. Knows nothing of what was written.

import type { ReplyEnd } from "../../engine/reply.ts";
import type { LastWarnings, SessionWarning } from "../session/session-state.ts";
import { warningsOf, warningsOfSession } from "../show/show-warnings.ts";

export interface ShareWarnings {
  readonly lastWarnings: LastWarnings;
  /** Of those that the shares count, what is no warning of its own. */
  readonly repeated: number;
}

/** Of an INSERT or REPLACE; `rowsOf` gives the positions of a share's rows, which are in ascending order. */
export function warningsOfRows(
  ends: readonly ReplyEnd[],
  rowsOf: (share: number) => readonly number[] | undefined,
): ShareWarnings {
  if (ends.length === 1) return { lastWarnings: warningsOf(ends), repeated: 0 };
  const placed: { readonly warning: SessionWarning; readonly row: number }[] = [];
  for (const [share, end] of ends.entries()) {
    const rows = rowsOf(share);
    // What names no row is about the one that was told of before, or the first.
    let row = rows?.[0] ?? 0;
    for (const warning of listOf(end)) {
      const told = ROW.exec(warning.message)?.[1];
      const position = told === undefined ? undefined : rows?.[Number(told) - 1];
      row = position ?? row;
      const message =
        position === undefined ? warning.message : warning.message.replace(ROW, ` at row ${position + 1}`);
      placed.push({ warning: { ...warning, message }, row });
    }
  }
  const warnings = placed.toSorted((a, b) => a.row - b.row).map(({ warning }) => warning);
  const kept = withoutRepeated(warnings);
  return { lastWarnings: { kind: "list", warnings: kept }, repeated: warnings.length - kept.length };
}

/** Of an UPDATE or DELETE: the shares' rows are counted one share after the other, `matched` of each. */
export function warningsOfMatched(ends: readonly ReplyEnd[], matched: readonly number[]): LastWarnings {
  if (ends.length === 1) return warningsOf(ends);
  let before = 0;
  const warnings = ends.flatMap((end, share) => {
    const start = before;
    before += matched[share] ?? 0;
    return listOf(end).map((warning) => ({
      ...warning,
      message: warning.message.replace(ROW, (_, row: string) => ` at row ${Number(row) + start}`),
    }));
  });
  return { kind: "list", warnings };
}

const ROW = / at row (\d+)$/;
/** ER_NO_DEFAULT_FOR_FIELD: of the statement's columns, not of a row. */
const OF_STATEMENT = 1364;

function listOf(end: ReplyEnd): readonly SessionWarning[] {
  return end.warningsReply.length === 0 ? [] : warningsOfSession({ lastWarnings: warningsOf([end]) });
}

function withoutRepeated(warnings: readonly SessionWarning[]): readonly SessionWarning[] {
  const told = new Set<string>();
  return warnings.filter(({ code, message }) => {
    if (code !== OF_STATEMENT) return true;
    const isNew = !told.has(message);
    told.add(message);
    return isNew;
  });
}
