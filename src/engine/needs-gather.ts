// Thrown while a merge runs: its rows are of a kind, or so many, that merging would not be exact or bounded. As long as
// nothing has been written to the client, the gather tier answers instead.

export class NeedsGather extends Error {
  /** What stands in the way, for EXPLAIN and for the error when there is no gather plan. */
  readonly reason: string;

  constructor(reason: string) {
    super(`cannot merge exactly: ${reason}`);
    this.name = "NeedsGather";
    this.reason = reason;
  }
}
