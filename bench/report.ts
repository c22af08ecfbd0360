// Tables for people and a JSON file for comparisons, with the machine and the commit they were measured on.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

export interface Budget {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly limit: number;
  readonly kind: "at least" | "at most";
}

export interface Report {
  /** Prints a table; the first column is text, numbers are right-aligned. */
  table(title: string, columns: readonly string[], rows: readonly (readonly (string | number)[])[]): void;
  note(text: string): void;
  /** Keeps `data` under `name` in the JSON file. */
  record(name: string, data: unknown): void;
  budget(budget: Budget): void;
  /** Prints the budgets and writes bench/results/TIME-COMMIT.json. */
  finish(): void;
}

export function createReport(root: string): Report {
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: round(totalmem() / 2 ** 30, 1),
  };
  const commit = commitOf(root);
  const startedAt = new Date().toISOString();
  const records: Record<string, unknown> = {};
  const budgets: Budget[] = [];
  const write = (text: string) => process.stdout.write(`${text}\n`);
  write(`${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${process.versions.node}, commit ${commit}`);

  const report: Report = {
    table(title, columns, rows) {
      const texts = [columns, ...rows].map((row) => row.map(String));
      const widths = columns.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
      write(`\n${title}`);
      for (const row of texts) {
        const cells = row.map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        });
        write(`  ${cells.join("  ").trimEnd()}`);
      }
    },
    note: (text) => void write(`  ${text}`),
    record(name, data) {
      records[name] = data;
    },
    budget(budget) {
      budgets.push(budget);
    },
    finish() {
      report.table(
        "budgets",
        ["what", "measured", "budget", "met"],
        budgets.map(({ what, measured, unit, limit, kind }) => [
          what,
          `${round(measured, 2)}${unit}`,
          `${kind} ${limit}${unit}`,
          isMet(measured, limit, kind) ? "yes" : "no",
        ]),
      );
      const folder = join(root, "bench/results");
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${startedAt.replaceAll(/[:.]/g, "-")}-${commit}.json`);
      writeFileSync(file, `${JSON.stringify({ startedAt, commit, machine, budgets, ...records }, undefined, 2)}\n`);
      write(`\nwritten to ${file}`);
    },
  };
  return report;
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** The value below which a share of `sorted` lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

function isMet(measured: number, limit: number, kind: Budget["kind"]): boolean {
  return kind === "at least" ? measured >= limit : measured <= limit;
}

function commitOf(root: string): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const commit = git("rev-parse", "--short", "HEAD");
    return git("status", "--porcelain", "--untracked-files=no", "src") === "" ? commit : `${commit}-changed`;
  } catch {
    return "no-git";
  }
}
