// A process that is one of several workers: like `runProcess`, but it is told by its primary what to do, and shows its
// admin pages to it alone. A SIGTERM of its own has it end as the primary would have it do, and be replaced.

import type { AdminContents, AdminPlace } from "../base/admin-server.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { createLog, type Log, type LogLevel } from "../base/log.ts";
import type { WorkerPlace } from "../workers/place.ts";
import type { PrimaryPort } from "../workers/ports.ts";
import { WorkerLink } from "../workers/worker-link.ts";
import { type ProcessFlags, type RunningPart, switchLogLevelOnSignal } from "./process-flags.ts";

export interface WorkerStart<Primary extends PrimaryPort> {
  readonly link: WorkerLink<Primary>;
  /** Shows the worker's pages to its primary. */
  readonly admin: AdminPlace;
  readonly log: Log;
}

/** `local`: methods for the primary beside those of every worker, of what has been started. Sets the exit code. */
export async function runWorker<Primary extends PrimaryPort, Running extends Pick<RunningPart, "reload" | "stop">>(
  part: "gateway" | "tablet",
  flags: ProcessFlags,
  place: WorkerPlace,
  local: (running: () => Running | undefined) => object,
  start: (worker: WorkerStart<Primary>) => Promise<Running>,
): Promise<void> {
  const log = createLog(part, flags.logLevel).child({ worker: place.index });
  let shown: AdminContents | undefined;
  let running: Running | undefined;
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    log.info({}, "worker stops");
    const ended = link.leave().then(() => running?.stop());
    ended.then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: messageOf(error) }, "did not stop cleanly");
        process.exit(1);
      },
    );
  };
  const methods = {
    ...local(() => running),
    page: async ({ path }: { readonly path: string }) => shown?.pages.get(path)?.(true),
    paths: () => [...(shown?.pages.keys() ?? [])],
    metrics: async () => shown?.metrics?.snapshot(),
    reload: () => running?.reload?.(),
    logLevel: (level: LogLevel) => {
      if (log.threshold !== undefined) log.threshold.level = level;
    },
    stop,
  };
  const link = new WorkerLink<Primary>(place, methods, log);
  const admin: AdminPlace = (contents) => {
    shown = contents;
    return Promise.resolve({ address: "", close: () => Promise.resolve() });
  };
  process.on("uncaughtException", (error) => {
    log.error({ error: error.message, stack: error.stack }, "bug: uncaught exception");
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  });
  switchLogLevelOnSignal(log, flags.logLevel);
  process.on("SIGTERM", stop);
  // A terminal's Ctrl-C goes to all its processes; the primary says what becomes of it.
  process.on("SIGINT", () => undefined);
  process.on("SIGHUP", () => running?.reload?.());
  try {
    running = await start({ link, admin, log });
    link.ready();
  } catch (error) {
    const stack = error instanceof ShardgateError || !(error instanceof Error) ? "" : `\n${error.stack ?? ""}`;
    await link.failed(`${messageOf(error)}${stack}`);
    process.exit(1);
  }
}
