// From what clients printed to the matrix in the README. Plain MariaDB is the measure: a check that was made there has to be
// made on Shardgate, and what was seen there has to be seen. Knows nothing of processes.

import { isDeepStrictEqual } from "node:util";
import type { Check, Run } from "./run-client.ts";
import { TARGET_NAMES, type TargetName } from "./targets.ts";

export const GROUPS = [
  "connect",
  "schema",
  "crud",
  "transactions",
  "prepared",
  "metadata",
  "errors",
  "session",
  "reconnect",
] as const;

/** What is known of one client: why it is absent, or its run against each server. */
export interface Result {
  readonly absent?: string;
  readonly runs: Readonly<Partial<Record<TargetName, Run>>>;
}

export interface Failure {
  readonly client: string;
  readonly target: TargetName;
  readonly group: string;
  readonly check: string;
  readonly detail: string;
}

const MARKS = { green: "🟩", red: "🟥", absent: "⬜" } as const;
const DETAIL_CHARACTERS_MAX = 300;

/** The checks that failed, in the order of the matrix. */
export function failuresOf(client: string, result: Result): readonly Failure[] {
  const failures: Failure[] = [];
  const measure = result.runs.MariaDB?.checks ?? [];
  for (const target of TARGET_NAMES) {
    const run = result.runs[target];
    if (run === undefined) continue;
    const fail = (group: string, check: string, detail: string): void => {
      failures.push({ client, target, group, check, detail });
    };
    for (const check of run.checks) {
      if (!check.ok) fail(check.group, check.check, check.detail ?? "failed");
      else if (target !== "MariaDB") compare(check, measure, fail);
    }
    const missing = measure.filter((wanted) => !run.checks.some((made) => isSame(made, wanted)));
    for (const { group, check } of missing) fail(group, check, run.broken ?? "not reached");
    if (run.broken !== undefined && missing.length === 0) fail("connect", "end of the script", run.broken);
  }
  return failures;
}

/** The matrix as Markdown: a table, then every red check with its reason. */
export function renderMatrix(
  rows: readonly { readonly name: string; readonly language: string; readonly result: Result | undefined }[],
  versions: Readonly<Record<"MariaDB" | "Shardgate", string>>,
): string {
  const lines = [
    `Each cell: plain MariaDB ${versions.MariaDB}, a keyspace on one shard, a keyspace on two (Shardgate tells ${versions.Shardgate}).`,
    `${MARKS.green} all checks of the group passed, ${MARKS.red} one did not, ${MARKS.absent} the toolchain is absent on the machine that made this; empty: not part of this client.`,
    "",
    `| client | version | checks | ${GROUPS.join(" | ")} |`,
    `| --- | --- | --- | ${GROUPS.map(() => "---").join(" | ")} |`,
  ];
  const failures: Failure[] = [];
  const absent: string[] = [];
  for (const { name, language, result } of rows) {
    const failed = result === undefined ? [] : failuresOf(name, result);
    failures.push(...failed);
    const runs = result?.runs ?? {};
    const all = TARGET_NAMES.flatMap((target) => runs[target]?.checks ?? []);
    const cells = GROUPS.map((group) => {
      if (result === undefined || result.absent !== undefined) return MARKS.absent.repeat(TARGET_NAMES.length);
      if (![...all, ...failed].some((check) => check.group === group)) return "";
      const red = (target: TargetName): boolean => failed.some((one) => one.target === target && one.group === group);
      return TARGET_NAMES.map((target) => mark(runs[target], red(target))).join("");
    });
    if (result?.absent !== undefined) absent.push(`- ${name}: ${inline(result.absent)}`);
    const version = runs.MariaDB?.version ?? "";
    const count = runs.MariaDB?.checks.length ?? 0;
    lines.push(`| ${name}, ${language} | ${version} | ${count === 0 ? "" : count} | ${cells.join(" | ")} |`);
  }
  if (failures.length > 0) lines.push("", "Red:", "", ...failures.map(bullet));
  if (absent.length > 0) lines.push("", "Absent:", "", ...absent);
  return lines.join("\n");
}

function compare(
  check: Check,
  measure: readonly Check[],
  fail: (group: string, check: string, why: string) => void,
): void {
  const wanted = measure.find((other) => isSame(other, check));
  if (wanted === undefined || !wanted.ok || isDeepStrictEqual(check.seen, wanted.seen)) return;
  fail(check.group, check.check, `differs from MariaDB: ${difference(check.seen, wanted.seen)}`);
}

function isSame(a: Check, b: Check): boolean {
  return a.group === b.group && a.check === b.check;
}

/** The first place where two values differ. */
export function difference(got: unknown, wanted: unknown, path = ""): string {
  if (isRecord(got) && isRecord(wanted)) {
    for (const key of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
      if (!isDeepStrictEqual(got[key], wanted[key])) return difference(got[key], wanted[key], `${path}.${key}`);
    }
  }
  if (typeof got === "string" && typeof wanted === "string" && wanted.includes("\n")) {
    return difference(got.split("\n"), wanted.split("\n"), path);
  }
  return `${path === "" ? "" : `${path.slice(1)} is `}${JSON.stringify(got)}, there ${JSON.stringify(wanted)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function mark(run: Run | undefined, red: boolean): string {
  if (run === undefined) return MARKS.absent;
  return red ? MARKS.red : MARKS.green;
}

function bullet({ client, target, group, check, detail }: Failure): string {
  return `- ${client}, ${target}, ${group}, ${check}: ${inline(detail)}`;
}

/** One line that Markdown shows as it is. */
function inline(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").replaceAll("`", "'").trim();
  return `\`${line.length > DETAIL_CHARACTERS_MAX ? `${line.slice(0, DETAIL_CHARACTERS_MAX)}…` : line}\``;
}
