// The warnings of a statement that several shards have run parts of, as one MySQL would have left them: those about rows
// add up; those about the statement itself (a constant that is no number) every shard has, and they count once. The latter
// are what the statement leaves without any rows, or what every shard has exactly once.

import type { ReplyEnd } from "../../engine/reply.ts";
import { type LastWarnings, NO_WARNINGS, type SessionWarning } from "../session/session-state.ts";
import { readWarnings } from "../show/show-warnings.ts";

export interface MergedWarnings {
  readonly lastWarnings: LastWarnings;
  readonly count: number;
}

/** `described` is the end of the reply to the statement without rows. */
export function warningsOfParts(replies: readonly ReplyEnd[], described: ReplyEnd | undefined): MergedWarnings {
  const common = described === undefined ? [] : [...listOf(described)];
  if (common.length === 0 && replies.every(({ warnings }) => warnings === 0)) {
    return { lastWarnings: NO_WARNINGS, count: 0 };
  }
  const shared = sharedBy(replies.map((reply) => without(listOf(reply), common)));
  if (shared !== undefined) common.push(shared);
  const warnings = [...common];
  let count = common.length;
  for (const reply of replies) {
    const own = listOf(reply);
    const rest = without(own, common);
    warnings.push(...rest);
    // A server keeps fewer than it counts.
    count += reply.warnings - (own.length - rest.length);
  }
  return { lastWarnings: { kind: "list", warnings }, count };
}

function listOf({ warningsReply }: ReplyEnd): readonly SessionWarning[] {
  return warningsReply.length === 0 ? [] : readWarnings(warningsReply);
}

/** The only warning of all lists. A division by zero is about a row. */
function sharedBy(lists: readonly (readonly SessionWarning[])[]): SessionWarning | undefined {
  const [first, ...others] = lists.map((list) => (list.length === 1 ? list[0] : undefined));
  if (first === undefined || others.length === 0 || first.code === ER_DIVISION_BY_ZERO) return undefined;
  const isShared = others.every((other) => other?.code === first.code && other.message === first.message);
  return isShared ? first : undefined;
}

const ER_DIVISION_BY_ZERO = 1365;

/** Takes each of `common` out once. */
function without(warnings: readonly SessionWarning[], common: readonly SessionWarning[]): readonly SessionWarning[] {
  const left = [...warnings];
  for (const { code, message } of common) {
    const at = left.findIndex((each) => each.code === code && each.message === message);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}
