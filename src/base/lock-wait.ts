// What a tablet says of InnoDB's locks, for whoever looks for deadlocks between shards.

/** One client connection waits for a lock that another one has. */
export interface LockWait {
  /** Ids of client connections. */
  readonly waiting: number;
  readonly blocking: number;
  /** The mysqld's id of the transaction that waits, and how much undoing it would undo (trx_weight). */
  readonly transaction: string;
  readonly weight: number;
}
