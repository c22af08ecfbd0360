// Which client connections wait for which on the tablet's mysqld, in InnoDB's locks. A mysqld finds the deadlocks inside
// itself; gateways put together what several say (gateway/transaction/deadlock-watch.ts).

import { MysqlError } from "../base/errors.ts";
import type { LockWait } from "../base/lock-wait.ts";

/** MariaDB's, and MySQL's before 8.0; MySQL's since (manual: "The data_lock_waits Table"). */
const QUERIES = [
  "SELECT r.trx_mysql_thread_id, r.trx_id, r.trx_weight, b.trx_mysql_thread_id FROM information_schema.INNODB_LOCK_WAITS w " +
    "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id " +
    "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id",
  "SELECT r.trx_mysql_thread_id, r.trx_id, r.trx_weight, b.trx_mysql_thread_id FROM performance_schema.data_lock_waits w " +
    "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.REQUESTING_ENGINE_TRANSACTION_ID " +
    "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID",
] as const;

const ER_UNKNOWN_TABLE = 1109;

/** A thread of the mysqld, and the client connection it is held for. */
export type ThreadOwner = readonly [threadId: number, owner: number];

export class LockWaits {
  readonly #run: (sql: string) => Promise<readonly (readonly (string | null)[])[]>;
  readonly #owners: () => Promise<readonly ThreadOwner[]>;
  #query = 0;

  /** `owners`: of all connections to the mysqld that are held now. */
  constructor(
    run: (sql: string) => Promise<readonly (readonly (string | null)[])[]>,
    owners: () => Promise<readonly ThreadOwner[]>,
  ) {
    this.#run = run;
    this.#owners = owners;
  }

  /** Throws MysqlError where the user may not see it (it takes PROCESS), or SHARD_UNAVAILABLE. */
  async list(): Promise<readonly LockWait[]> {
    const owners = new Map(await this.#owners());
    // Who waits here and who is waited for have to be known.
    if (owners.size < 2) return [];
    const rows = await this.#ask();
    return rows.flatMap(([waitingThread, transaction, weight, blockingThread]) => {
      const waiting = owners.get(Number(waitingThread));
      const blocking = owners.get(Number(blockingThread));
      if (waiting === undefined || blocking === undefined || waiting === blocking) return [];
      return [{ waiting, blocking, transaction: transaction ?? "", weight: Number(weight) }];
    });
  }

  async #ask(): Promise<readonly (readonly (string | null)[])[]> {
    try {
      return await this.#run(QUERIES[this.#query] ?? "");
    } catch (error) {
      const isLast = this.#query === QUERIES.length - 1;
      if (!(error instanceof MysqlError) || error.errno !== ER_UNKNOWN_TABLE || isLast) throw error;
      this.#query++;
      return this.#ask();
    }
  }
}
