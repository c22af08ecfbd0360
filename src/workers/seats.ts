// Who is logged in, over all workers: counted by the primary, asked by the worker that lets somebody in. An answer counts
// whoever has asked before, so two workers never let in one too many.

export interface SeatCounts {
  /** Connections of all workers, logged in or not. */
  readonly connections: number;
  /** Logged in as the user, with the one that asks. */
  readonly ofUser: number;
}

/** What a worker asks. */
export interface SeatsPort {
  takeSeat(user: string): SeatCounts;
  leaveSeat(user: string): void;
}

export class Seats {
  /** By worker, then user. */
  readonly #taken = new Map<number, Map<string, number>>();

  /** Methods for worker `index`. `connections` are those of all workers. */
  portOf(index: number, connections: () => number): SeatsPort {
    return {
      takeSeat: (user) => {
        const own = this.#of(index);
        own.set(user, (own.get(user) ?? 0) + 1);
        return { connections: connections(), ofUser: this.#count(user) };
      },
      leaveSeat: (user) => {
        const own = this.#of(index);
        const left = (own.get(user) ?? 1) - 1;
        if (left === 0) own.delete(user);
        else own.set(user, left);
      },
    };
  }

  /** Its process has ended with all its connections. */
  forget(index: number): void {
    this.#taken.delete(index);
  }

  #of(index: number): Map<string, number> {
    let own = this.#taken.get(index);
    if (own === undefined) {
      own = new Map();
      this.#taken.set(index, own);
    }
    return own;
  }

  #count(user: string): number {
    let count = 0;
    for (const own of this.#taken.values()) count += own.get(user) ?? 0;
    return count;
  }
}
