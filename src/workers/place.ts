// Which worker a process is: told by the primary in the environment.

/** INDEX/COUNT; only in the environment of workers. */
export const WORKER_VARIABLE = "SHARDGATE_WORKER";

export interface WorkerPlace {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** Undefined in a process that is no worker. */
export function workerPlace(): WorkerPlace | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(process.env[WORKER_VARIABLE] ?? "");
  if (match === null || process.send === undefined) return undefined;
  return { index: Number(match[1]), count: Number(match[2]) };
}
