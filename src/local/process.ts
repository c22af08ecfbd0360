// One child process of a local cluster: started with its output in a log file, known by a pid file, stopped by SIGTERM
// and, past a deadline, by SIGKILL.
//
// No orphans: the kernel sends the child SIGTERM when its parent dies, however it dies (setpriv --pdeathsig); where
// setpriv is missing, and for a child that ignored the signal, the next start on the same pid file sweeps it. Children
// run in a session of their own, so Ctrl-C reaches the parent alone and the stop order stays the parent's.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { messageOf, ShardgateError } from "../base/errors.ts";

export interface ProcessSpec {
  /** What people call it: `customer/-80 mysqld`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  readonly pidFile: string;
  /** From SIGTERM to SIGKILL. */
  readonly stopDeadlineMs?: number;
  /** Gets each line of standard output, which then does not go to the log file. */
  readonly onLine?: (line: string) => void;
}

/** How a process ended; `signal` is null when it exited by itself. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves once, when the process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Sends a signal; nothing happens when the process has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL past the deadline; resolves when the process is gone. May be called again. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

const STOP_DEADLINE_MS = 15_000;
const POLL_MS = 25;

/** Starts `spec`; sweeps what an earlier run left under the same pid file first. Throws when it cannot be executed. */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
  await sweepPidFile(spec.pidFile);
  mkdirSync(dirname(spec.logFile), { recursive: true });
  mkdirSync(dirname(spec.pidFile), { recursive: true });
  const child = await spawnLogged(spec);
  const pid = child.pid;
  if (pid === undefined) throw new ShardgateError("CONFIG_BAD", `${spec.name}: ${spec.command} did not start`);
  writeFileSync(spec.pidFile, `${pid} ${startTicks(pid) ?? ""}\n`);

  let ended = false;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      rmSync(spec.pidFile, { force: true });
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals) => {
    if (!ended) child.kill(name);
  };
  return {
    name: spec.name,
    pid,
    exited,
    signal,
    async stop() {
      signal("SIGTERM");
      // A stopped (SIGSTOP) process would sleep through SIGTERM.
      signal("SIGCONT");
      const timer = setTimeout(() => signal("SIGKILL"), spec.stopDeadlineMs ?? STOP_DEADLINE_MS);
      await exited;
      clearTimeout(timer);
    },
    async kill() {
      signal("SIGKILL");
      await exited;
    },
  };
}

async function spawnLogged(spec: ProcessSpec): Promise<ChildProcess> {
  const log = openSync(spec.logFile, "a");
  try {
    const guarded = hasDeathSignal();
    const command = guarded ? "setpriv" : spec.command;
    const args = guarded ? ["--pdeathsig", "SIGTERM", "--", spec.command, ...spec.args] : [...spec.args];
    const child = spawn(command, args, {
      cwd: spec.cwd,
      env: { ...process.env, ...spec.env },
      stdio: ["ignore", spec.onLine === undefined ? log : "pipe", log],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    if (spec.onLine !== undefined && child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", spec.onLine);
    }
    return child;
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `${spec.name}: cannot run ${spec.command}: ${messageOf(error)}`, error);
  } finally {
    closeSync(log);
  }
}

function hasDeathSignal(): boolean {
  if (process.platform !== "linux") return false;
  return spawnSync("setpriv", ["--pdeathsig", "SIGTERM", "--", "true"], { stdio: "ignore" }).status === 0;
}

/**
 * Ends the process that `pidFile` names, if it is still that process (same pid and same start time), and removes the
 * file. Returns the pid that was ended.
 */
async function sweepPidFile(pidFile: string): Promise<number | undefined> {
  let text: string;
  try {
    text = readFileSync(pidFile, "utf8");
  } catch {
    return undefined;
  }
  const [pidText = "", ticks = ""] = text.trim().split(" ");
  const pid = Number(pidText);
  const same = () => Number.isInteger(pid) && pid > 1 && ticks !== "" && startTicks(pid) === ticks;
  const found = same();
  const startMs = performance.now();
  let killed = false;
  if (found) send(pid, "SIGTERM");
  while (same()) {
    if (!killed && performance.now() - startMs > STOP_DEADLINE_MS) {
      killed = true;
      send(pid, "SIGKILL");
    }
    await delay(POLL_MS);
  }
  rmSync(pidFile, { force: true });
  return found ? pid : undefined;
}

/** True while the process that wrote or is named by `pidFile` runs. */
export function isRunning(pidFile: string): boolean {
  try {
    const [pid = "", ticks = ""] = readFileSync(pidFile, "utf8").trim().split(" ");
    return ticks !== "" && startTicks(Number(pid)) === ticks;
  } catch {
    return false;
  }
}

/** What /proc says about when `pid` started, in clock ticks since boot; undefined when it has ended (a zombie has). */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name stands in parentheses and may hold spaces; fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself between the check and the signal.
  }
}

/** Waits until `ready` resolves to true; a process that ends first or a passed deadline is an error with its log's end. */
export async function untilReady(
  child: RunningProcess,
  logFile: string,
  deadlineMs: number,
  ready: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  let exit: ProcessExit | undefined;
  void child.exited.then((how) => {
    exit = how;
  });
  for (;;) {
    if (signal?.aborted === true) throw new ShardgateError("CANCELLED", `${child.name}: the start was interrupted`);
    if (exit !== undefined) {
      throw new ShardgateError(
        "CONFIG_BAD",
        `${child.name} ended while starting (${exitText(exit)}); end of ${logFile}:\n${tail(logFile)}`,
      );
    }
    if (await ready()) return;
    if (performance.now() - startMs > deadlineMs) {
      throw new ShardgateError(
        "CONFIG_BAD",
        `${child.name} was not ready within ${deadlineMs / 1000} s; end of ${logFile}:\n${tail(logFile)}`,
      );
    }
    await delay(POLL_MS);
  }
}

/** `exit code 1` or `SIGKILL`. */
export function exitText(exit: ProcessExit): string {
  return exit.signal ?? `exit code ${exit.code}`;
}

/** The last lines of a log file, for error messages. */
export function tail(file: string, lines = 12): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}

/**
 * A TCP port of 127.0.0.1 that is free now. It is none that systems give to outgoing connections (on Linux those from 32,768
 * on), so that none of those takes it before it is listened on; others that look for one meet at another place.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_TRIES; attempt++) {
    const port = randomInt(FREE_PORTS_FROM, FREE_PORTS_TO);
    if (await isPortFree(port)) return port;
  }
  throw new ShardgateError("CONFIG_BAD", `no free TCP port between ${FREE_PORTS_FROM} and ${FREE_PORTS_TO}`);
}

const FREE_PORTS_FROM = 20_000;
const FREE_PORTS_TO = 32_000;
const PORT_TRIES = 200;

/** Resolves to false when `port` of 127.0.0.1 cannot be listened on. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Resolves to true when something accepts connections on `port` of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Waits `ms` on the real clock and, unlike `base/clock`, keeps the process alive meanwhile. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
