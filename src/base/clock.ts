// Time as a parameter: everything that measures or waits takes a Clock, so a test can drive it.

export interface Timer {
  /** Stops the timer; a timer that has fired is left alone. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds that only go forward; for durations and deadlines. */
  nowMs(): number;
  /** Milliseconds since 1970-01-01 UTC; for records and logs. */
  wallMs(): number;
  /** Calls `fire` once after `delayMs`; does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fire) {
    const handle = setTimeout(fire, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A promise that resolves after `delayMs` of `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
