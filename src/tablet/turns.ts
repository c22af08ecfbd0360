// Lets one of several begin when the one before has ended, or takes long: for KILLs. Two at a time of threads that wait on
// one mutex (SLEEP, GET_LOCK) keep it from each other, and a MariaDB tries for two seconds: a hundred vanished clients
// took it 18 s instead of a quarter of one. Knows neither connections nor statements.

import { type Clock, sleep } from "../base/clock.ts";

export class Turns {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  /** Never rejects. */
  #before: Promise<unknown> = Promise.resolve();

  /** The next one begins after `patienceMs` at the latest. */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** Gives what `run` gives. */
  take<T>(run: () => Promise<T>): Promise<T> {
    const outcome = this.#before.then(run);
    const ended = outcome.then(nothing, nothing);
    this.#before = this.#before.then(() => Promise.race([ended, sleep(this.#clock, this.#patienceMs)]));
    return outcome;
  }
}

function nothing(): void {}
