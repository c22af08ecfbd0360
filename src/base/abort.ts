// Signals that many shards' calls listen to at the same time; Node takes more than ten listeners for a leak.

import { setMaxListeners } from "node:events";

/** The same signal, without a warning. */
export function forManyListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
