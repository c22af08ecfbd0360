// Waiting with an end: for a promise, and between tries.

import type { Clock } from "../base/clock.ts";
import { unavailable } from "./store-errors.ts";

/** `promise`, or TOPO_UNAVAILABLE after `timeoutMs`. */
export function within<T>(clock: Clock, timeoutMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(Math.max(timeoutMs, 0), () => reject(unavailable("no answer in time")));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Waits `delayMs`, but no longer than until `signal` aborts. */
export function pauseUnlessAborted(signal: AbortSignal, clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.after(delayMs, finish);
    signal.addEventListener("abort", finish);
  });
}
