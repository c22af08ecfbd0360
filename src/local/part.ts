// Starts one of Shardgate's own processes (tablet, gateway) and waits for its ready line:
// {"ready":true,"part":"tablet","pid":1,"address":"127.0.0.1:1"}.

import { join } from "node:path";
import { type RunningProcess, startProcess, untilReady } from "./process.ts";

export interface PartSpec {
  readonly name: string;
  /** How the `shardgate` executable is run: `node` and the path of shardgate.js. */
  readonly executable: readonly [command: string, ...args: string[]];
  /** The subcommand and its flags. */
  readonly args: readonly string[];
  /** Gets `LABEL.log` and `LABEL.pid`. */
  readonly dir: string;
  readonly label: string;
  readonly signal: AbortSignal;
}

export interface Part extends RunningProcess {
  /** HOST:PORT as the ready line gives it. */
  readonly address: string;
  readonly logFile: string;
}

const READY_DEADLINE_MS = 60_000;

/** Resolves when the process has printed its ready line; throws with the end of its log when it does not. */
export async function startPart(spec: PartSpec): Promise<Part> {
  const [command, ...before] = spec.executable;
  const logFile = join(spec.dir, `${spec.label}.log`);
  let address: string | undefined;
  const child = await startProcess({
    name: spec.name,
    command,
    args: [...before, ...spec.args],
    logFile,
    pidFile: join(spec.dir, `${spec.label}.pid`),
    onLine(line) {
      address ??= readyAddress(line);
    },
  });
  try {
    await untilReady(child, logFile, READY_DEADLINE_MS, async () => address !== undefined, spec.signal);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { ...child, address: address ?? "", logFile };
}

function readyAddress(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("ready" in value) || value.ready !== true) return undefined;
    return "address" in value && typeof value.address === "string" ? value.address : undefined;
  } catch {
    return undefined;
  }
}
