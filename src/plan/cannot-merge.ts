// Says that the merge tier cannot answer a statement; thrown deep inside its planner and caught in one place, where the
// gather tier takes over. Never reaches a client.

export class CannotMerge extends Error {
  /** Continues "it needs …": a plain phrase for EXPLAIN. */
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = "CannotMerge";
    this.reason = reason;
  }
}
