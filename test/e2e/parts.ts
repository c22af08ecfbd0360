// Single processes of Shardgate (`tablet`, `gateway`, `ctl`) for tests that want each in their own hand: started with given
// flags, killed and stopped at will, with what they said. `stopAll` ends what is left.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SCRIPT } from "../fixture/build.ts";

export interface Part {
  readonly pid: number;
  readonly port: number;
  readonly address: string;
  /** host:port of the admin pages; empty without them. */
  readonly admin: string;
  readonly exited: Promise<{ readonly code: number | null; readonly stderr: string }>;
  signal(signal: NodeJS.Signals): void;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that hangs is killed; a loaded machine takes long for the quickest. */
const COMMAND_MAX_MS = 240_000;

const running = new Set<ChildProcess>();

/** Resolves with the ready line; rejects with what the process said when it ends before. */
export async function startPart(...args: readonly string[]): Promise<Part> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code, stderr });
    });
  });
  const { address, admin } = await new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(readyOf(line)));
    void exited.then(({ code }) => reject(new Error(`exit code ${code}: ${stderr}`)));
  });
  return {
    pid: child.pid ?? 0,
    port: Number(address.slice(address.lastIndexOf(":") + 1)),
    address,
    admin,
    exited,
    signal: (signal) => child.kill(signal),
  };
}

/** Runs a command to its end. `ctl` waits long for an etcd that a loaded machine makes slow. */
export function runPart(...args: readonly string[]): Promise<Ran> {
  const all = args[0] === "ctl" && !args.includes("--timeout") ? [...args, "--timeout", "60"] : args;
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...all], { timeout: COMMAND_MAX_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
    });
  });
}

/** The same, for a command that has to succeed. */
export async function mustRun(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runPart(...args);
  if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout;
}

/** Kills every process started here that still runs. */
export async function stopAll(): Promise<void> {
  const ended = [...running].map(
    (child) =>
      new Promise((resolve) => {
        child.once("close", resolve);
        child.kill("SIGKILL");
      }),
  );
  await Promise.all(ended);
}

/** The sum of a metric's samples whose labels contain all of `labels`. */
export function sampled(text: string, name: string, ...labels: readonly string[]): number {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const meant = lines.filter((line) => labels.every((label) => line.includes(label)));
  return meant.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

interface Ready {
  readonly address: string;
  readonly admin: string;
}

function readyOf(line: string): Ready {
  const value: unknown = JSON.parse(line);
  if (typeof value === "object" && value !== null && "address" in value && typeof value.address === "string") {
    return { address: value.address, admin: "admin" in value && typeof value.admin === "string" ? value.admin : "" };
  }
  throw new Error(`not a ready line: ${line}`);
}
