// What the operators' commands have in common: flags, what a command is given and what it hands back, exit codes, and how
// arguments are read and tables printed. The commands of one subject are a file each.

import { readFileSync } from "node:fs";
import { InvalidArgumentError, type Option } from "commander";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import type { ControlContext } from "../../control/context.ts";
import type { TabletType } from "../../topo/records.ts";
import type { Terminal } from "../terminal.ts";
import type { TopoFlags } from "../topo-flags.ts";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  conflict: 3,
  partial: 4,
  unavailable: 5,
  /** As shells report a command that SIGINT ended. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Flags or arguments that cannot be meant: exit code 2. */
export class UsageError extends Error {}

/** What a command hands back: `json` for --json, `text` for people. */
export interface Answer {
  readonly json: unknown;
  readonly text: string;
  readonly code?: ExitCode;
}

/** Flags of all commands; each command declares those it has. */
export interface CtlFlags extends TopoFlags {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly timeout?: number;
  readonly grpcCert?: string;
  readonly grpcKey?: string;
  readonly grpcCa?: string;
  readonly ifNotExists?: boolean;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly keyspace?: string;
  readonly shard?: string;
  readonly tabletType?: TabletType;
  readonly cell?: string;
  readonly vschema?: string;
  readonly vschemaFile?: string;
  readonly rules?: string;
  readonly rulesFile?: string;
  readonly revision?: number;
  readonly source?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly sql?: string;
  readonly sqlFile?: string;
  readonly ddlTimeout?: number;
  readonly allowDifferences?: boolean;
  readonly tables?: readonly string[];
  readonly decision?: "commit" | "abort";
  readonly gateway?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly repair?: boolean;
}

export interface Call {
  readonly context: ControlContext;
  readonly terminal: Terminal;
  readonly flags: CtlFlags;
  /** The command's arguments; `first` is empty for a command without. */
  readonly first: string;
  readonly second: string;
}

export type Run = (call: Call) => Promise<Answer>;
export type Add = (usage: string, description: string, run: Run, options?: readonly Option[]) => void;

/** Undefined when what is made exists, and --if-not-exists allows that. */
export async function unlessThere<T>({ ifNotExists }: CtlFlags, make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    const exists = error instanceof ShardgateError && error.id === "TOPO_NODE_EXISTS";
    if (exists && ifNotExists === true) return undefined;
    throw error;
  }
}

/** The text given by one of two flags; `-` as a file is standard input. Exactly one must be there. */
export async function inputOf(
  terminal: Terminal,
  textFlag: string,
  text: string | undefined,
  fileFlag: string,
  file: string | undefined,
): Promise<string> {
  if ((text === undefined) === (file === undefined)) {
    throw new UsageError(`give either ${textFlag} or ${fileFlag}`);
  }
  if (text !== undefined) return text;
  if (file === undefined || file === "-") return terminal.readAll();
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`${fileFlag}: ${messageOf(cause)}`, { cause });
  }
}

/** `customer/-80` in its two parts. */
export function shardTarget(text: string): readonly [string, string] {
  const [keyspace = "", shard = "", ...rest] = text.split("/");
  if (keyspace !== "" && shard !== "" && rest.length === 0) return [keyspace, shard];
  throw new UsageError(`"${text}" is no shard: expected keyspace/shard, as in customer/-80`);
}

export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}

export function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a number of seconds above 0");
}

export function outcomeText(outcome: "applied" | "unchanged" | "dry-run", what: string): string {
  switch (outcome) {
    case "applied":
      return `${what} is applied.\n`;
    case "unchanged":
      return `${what} is unchanged.\n`;
    case "dry-run":
      return `${what} is good; nothing was applied (dry run).\n`;
  }
}

/** Left-aligned columns below their heads. */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, index) => Math.max(head.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  return [heads, ...rows].map((cells) => `${line(cells)}\n`).join("");
}
