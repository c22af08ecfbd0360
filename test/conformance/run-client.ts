// Runs one client's script against one server and reads the lines it prints: {"version"} once, and a check a line,
// {"group","check","ok","detail"?,"seen"?}. Knows nothing of what the checks mean.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Client } from "./clients.ts";
import type { Target } from "./targets.ts";

export interface Check {
  readonly group: string;
  readonly check: string;
  readonly ok: boolean;
  readonly detail?: string;
  /** What the client saw; it has to be the same on every server. */
  readonly seen?: unknown;
}

export interface Run {
  readonly version?: string;
  readonly checks: readonly Check[];
  /** Why the script ended before its end. */
  readonly broken?: string;
}

const RUN_MS_MAX = 240_000;
const ERROR_CHARACTERS_MAX = 400;

/** Runs the client in `folder`; resolves when it has ended, at the latest after four minutes. */
export async function runClient(client: Client, folder: string, target: Target): Promise<Run> {
  const [program = "", ...args] = client.command;
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: what hangs is ended with all it started.
    detached: true,
    env: {
      ...process.env,
      CONFORMANCE_HOST: target.host,
      CONFORMANCE_PORT: String(target.port),
      CONFORMANCE_USER: target.user,
      CONFORMANCE_PASSWORD: target.password,
      CONFORMANCE_DATABASE: target.database,
    },
  });
  const checks: Check[] = [];
  let version: string | undefined;
  let errors = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    const read = readLine(line);
    if (read === undefined) errors += `${line}\n`;
    else if ("version" in read) version = read.version;
    else checks.push(masked(read, target.database));
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString("utf8")).slice(-4 * ERROR_CHARACTERS_MAX);
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, RUN_MS_MAX);
  const code = await new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (status, signal) => resolve(status ?? signal ?? "unknown"));
  });
  clearTimeout(timer);
  const broken = late ? `no end within ${RUN_MS_MAX / 1000} s` : code === 0 ? undefined : endOf(errors, code);
  return { checks, ...(version === undefined ? {} : { version }), ...(broken === undefined ? {} : { broken }) };
}

function readLine(line: string): Check | { readonly version: string } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    if ("version" in value) return { version: String(value.version) };
    return "group" in value && "check" in value && "ok" in value ? (value as Check) : undefined;
  } catch {
    return undefined;
  }
}

/** The database has another name on each server. */
function masked(check: Check, database: string): Check {
  return JSON.parse(JSON.stringify(check).replaceAll(database, "<database>")) as Check;
}

function endOf(errors: string, code: number | string): string {
  const text = errors.trim().replaceAll(/\s+/g, " ").slice(-ERROR_CHARACTERS_MAX);
  return `ended with ${code}${text === "" ? "" : `: ${text}`}`;
}
