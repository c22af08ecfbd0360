// Regular expressions of query rules. They are RE2's (github.com/google/re2/wiki/Syntax): matching takes time in
// proportion to the text, whatever the pattern, so that no rule can stop a gateway. Back references and lookaround, which
// that excludes, are refused. Upper and lower case are alike unless the pattern says `(?-i)`.

import { RE2JS } from "re2js";
import { messageOf } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

/** Where a pattern matched. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** Its groups, the whole match first; undefined for one that took no part. */
  readonly groups: readonly (string | undefined)[];
}

export interface Pattern {
  /** As written. */
  readonly text: string;
  readonly groupCount: number;
  /** Of a text longer than LIMITS.ruleTextMax, its beginning is looked at. */
  test(text: string): boolean;
  /** From left to right, up to `matchesMax`. */
  matches(text: string, matchesMax: number): readonly Match[];
}

/** The pattern, or what is wrong with it. */
export function readPattern(text: string): Pattern | string {
  if (text.length > LIMITS.rulePatternMax) return `longer than ${LIMITS.rulePatternMax} characters`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(text, RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL);
  } catch (error) {
    return messageOf(error);
  }
  const size = compiled.programSize();
  if (size > LIMITS.rulePatternProgramMax) {
    return `too large: repetitions make it ${size} steps, the most are ${LIMITS.rulePatternProgramMax}`;
  }
  return new CompiledPattern(text, compiled);
}

class CompiledPattern implements Pattern {
  readonly text: string;
  readonly groupCount: number;
  readonly #compiled: RE2JS;

  constructor(text: string, compiled: RE2JS) {
    this.text = text;
    this.groupCount = compiled.groupCount();
    this.#compiled = compiled;
  }

  test(text: string): boolean {
    return this.#compiled.test(text.slice(0, LIMITS.ruleTextMax));
  }

  matches(text: string, matchesMax: number): readonly Match[] {
    const matcher = this.#compiled.matcher(text.slice(0, LIMITS.ruleTextMax));
    const found: Match[] = [];
    while (found.length < matchesMax && matcher.find()) {
      const groups: (string | undefined)[] = [];
      for (let group = 0; group <= this.groupCount; group++) groups.push(matcher.group(group) ?? undefined);
      found.push({ start: matcher.start(), end: matcher.end(), groups });
    }
    return found;
  }
}
