// The warnings of a statement that several shards have run parts of, as one MySQL would have left them: those about rows
// add up; one about the statement itself (a constant that was cut) every shard has once, and it counts once.

import type { ReplyEnd } from "../engine/reply.ts";
import { type LastWarnings, NO_WARNINGS } from "./session-state.ts";
import { readWarnings, warningsOf } from "./show-warnings.ts";

export interface MergedWarnings {
  readonly lastWarnings: LastWarnings;
  readonly count: number;
}

const ER_DIVISION_BY_ZERO = 1365;

export function warningsOfParts(replies: readonly ReplyEnd[]): MergedWarnings {
  const count = replies.reduce((sum, { warnings }) => sum + warnings, 0);
  if (count === 0) return { lastWarnings: NO_WARNINGS, count };
  const [first] = replies;
  if (first !== undefined && replies.length > 1 && replies.every((reply) => isTheSame(reply, first))) {
    return { lastWarnings: warningsOf([first]), count: 1 };
  }
  return { lastWarnings: warningsOf(replies), count };
}

function isTheSame({ warnings, warningsReply }: ReplyEnd, first: ReplyEnd): boolean {
  if (warnings !== 1 || first.warnings !== 1 || warningsReply.length === 0 || first.warningsReply.length === 0) {
    return false;
  }
  const [own] = readWarnings(warningsReply);
  const [other] = readWarnings(first.warningsReply);
  return own?.code === other?.code && own?.message === other?.message && own?.code !== ER_DIVISION_BY_ZERO;
}
