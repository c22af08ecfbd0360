// Assertions: what must hold inside the program. A failed assertion is a bug of ours, never bad input; bad input is
// refused at the edge with an error from `errors.ts`.

import { AssertionError } from "./errors.ts";

/** Throws AssertionError when `condition` is false. `message` says what should have held. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends an exhaustive switch over a discriminated union: the compiler objects when a kind is missing. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected value ${JSON.stringify(value)}`);
}
