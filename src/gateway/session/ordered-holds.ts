// The connections of a session whose consistent lookup tables are written beside its tables: new lookup rows on
// connections that are committed before the session's own, removed ones on others that are committed after them. So a row
// that can be seen has its lookup row; one more lookup row than there are rows does no harm to who reads by it.
//
//   COMMIT:  pre ──► the session's own ──► post          ROLLBACK: all at once

import { SessionHolds, type TransactionMode } from "./session-holds.ts";
import type { ShardPort, ShardTarget } from "../../engine/ports.ts";
import type { TwoPhase } from "../transaction/two-phase.ts";

export type CommitOrder = "pre" | "post";

const NOBODY: ReadonlyMap<CommitOrder, SessionHolds> = new Map();

export class OrderedHolds extends SessionHolds {
  #port: ShardPort;
  /** Few sessions have any. */
  #beside = NOBODY;
  #written: Map<string, CommitOrder> | undefined;
  #committingAll: Promise<void> | undefined;

  constructor(port: ShardPort, mode: TransactionMode, twoPhase?: TwoPhase) {
    super(port, mode, undefined, twoPhase);
    this.#port = port;
  }

  /** Lookup rows that the open transaction has written, and on which connections: only those may write them again. */
  get written(): Map<string, CommitOrder> {
    this.#written ??= new Map();
    return this.#written;
  }

  /** The connections that are committed before or after the session's own. */
  beside(order: CommitOrder): SessionHolds {
    let holds = this.#beside.get(order);
    if (holds === undefined) {
      holds = new SessionHolds(this.#port, "multi", this.savepoints);
      this.#beside = new Map(this.#beside).set(order, holds);
    }
    return holds;
  }

  override callThrough(port: ShardPort): void {
    super.callThrough(port);
    this.#port = port;
    for (const holds of this.#beside.values()) holds.callThrough(port);
  }

  /** The session's own first. */
  get all(): readonly SessionHolds[] {
    return [this, ...this.#beside.values()];
  }

  override get empty(): boolean {
    return super.empty && [...this.#beside.values()].every(({ empty }) => empty);
  }

  override async rollBackTo(serial: number): Promise<void> {
    await super.rollBackTo(serial);
    for (const holds of this.#beside.values()) await holds.rollBackTo(serial);
  }

  override async commit(): Promise<void> {
    this.#written?.clear();
    if (this.#beside.size === 0) {
      await super.commit();
      return;
    }
    this.#committingAll = this.#commitInThree();
    await this.#committingAll;
  }

  async #commitInThree(): Promise<void> {
    try {
      await this.#beside.get("pre")?.commit();
      await super.commit();
    } catch (error) {
      await this.rollback();
      throw error;
    }
    // Lookup rows that stay lead to a row that is not there, which who reads by them finds out.
    await this.#beside
      .get("post")
      ?.commit()
      .catch(() => undefined);
  }

  /** New lookup rows can be seen as soon as what they lead to is prepared; removed ones stay for as long as it is. */
  override async prepareNamed(xid: string, home: ShardTarget): Promise<void> {
    this.#written?.clear();
    try {
      await this.#beside.get("pre")?.commit();
    } catch (error) {
      await this.rollback();
      throw error;
    }
    await super.prepareNamed(xid, home);
  }

  override async concludeNamed(op: "commit" | "rollback"): Promise<boolean> {
    const isDone = await super.concludeNamed(op);
    const post = this.#beside.get("post");
    if (isDone && op === "commit") await post?.commit().catch(() => undefined);
    else await post?.rollback();
    return isDone;
  }

  override async rollback(): Promise<void> {
    this.#written?.clear();
    await Promise.all([super.rollback(), ...[...this.#beside.values()].map((holds) => holds.rollback())]);
  }

  override async releaseAll(): Promise<void> {
    this.#written?.clear();
    await Promise.all([super.releaseAll(), ...[...this.#beside.values()].map((holds) => holds.releaseAll())]);
  }

  override async close(): Promise<void> {
    // Asked for as one, it ends as one.
    await this.#committingAll?.catch(() => undefined);
    await Promise.all([super.close(), ...[...this.#beside.values()].map((holds) => holds.close())]);
  }
}
