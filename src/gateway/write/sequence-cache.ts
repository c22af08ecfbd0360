// Ids from Vitess's sequence tables (`id`, `next_id`, `cache`; comment 'vitess_sequence'). A block is taken by one UPDATE
// on the unsharded keyspace and handed out from memory; a gateway that dies leaves a gap, never an id given twice.

import { ShardgateError } from "../../base/errors.ts";
import { keyspaceOfTarget, type ShardPort, type ShardTarget } from "../../engine/ports.ts";
import { quoteName } from "../../engine/quote-name.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { readTextRows } from "../read/text-rows.ts";
import { runPlain } from "../read/run-pooled.ts";

interface Block {
  next: bigint;
  /** First id that is not in the block. */
  end: bigint;
}

export class SequenceCache {
  readonly #port: ShardPort;
  readonly #blocks = new Map<string, Block>();
  /** One refill of a sequence at a time; others wait for it. */
  readonly #refills = new Map<string, Promise<void>>();

  constructor(port: ShardPort) {
    this.#port = port;
  }

  /** `count` ids, consecutive where one block has them. Throws the error of the sequence table's mysqld. */
  async take(target: ShardTarget, table: string, count: number): Promise<bigint[]> {
    const name = `${keyspaceOfTarget(target)}.${table}`;
    const ids: bigint[] = [];
    while (ids.length < count) {
      const block = this.#blocks.get(name);
      if (block !== undefined) {
        while (ids.length < count && block.next < block.end) ids.push(block.next++);
        if (ids.length === count) break;
      }
      await this.#refill(name, target, table, BigInt(count - ids.length));
    }
    return ids;
  }

  /** Ids that are taken from now on are greater than `id`, which a row has been given; other gateways' blocks aside. */
  async pass(target: ShardTarget, table: string, id: bigint): Promise<void> {
    const name = `${keyspaceOfTarget(target)}.${table}`;
    await this.#refills.get(name);
    const block = this.#blocks.get(name);
    if (block !== undefined && id < block.end) {
      if (block.next <= id) block.next = id + 1n;
      return;
    }
    await runPlain(
      this.#port,
      target,
      `UPDATE ${quoteName(table)} SET next_id = GREATEST(next_id, ${id + 1n}) WHERE id = 0`,
    );
    this.#blocks.delete(name);
  }

  #refill(name: string, target: ShardTarget, table: string, need: bigint): Promise<void> {
    let refill = this.#refills.get(name);
    if (refill === undefined) {
      refill = this.#fetch(name, target, table, need).finally(() => this.#refills.delete(name));
      this.#refills.set(name, refill);
    }
    return refill;
  }

  async #fetch(name: string, target: ShardTarget, table: string, need: bigint): Promise<void> {
    const quoted = quoteName(table);
    const rows = readTextRows((await runPlain(this.#port, target, `SELECT cache FROM ${quoted} WHERE id = 0`)).bytes);
    const cache = BigInt(rows[0]?.[0]?.toString("latin1") ?? "0");
    if (cache < 1n) {
      throw new ShardgateError(
        "ER_UNKNOWN",
        `sequence table ${name} is not initialised: INSERT INTO ${table} (id, next_id, cache) VALUES (0, 1, 1000)`,
      );
    }
    const size = ((need + cache - 1n) / cache) * cache;
    // LAST_INSERT_ID(expr) reports the value before the update as the insert id: read and write in one statement.
    const sql = `UPDATE ${quoted} SET next_id = LAST_INSERT_ID(next_id) + ${size} WHERE id = 0`;
    const { bytes } = await runPlain(this.#port, target, sql);
    const ok = decodeOk(bytes.subarray(4), 0);
    if (ok.affectedRows !== 1) throw new ShardgateError("ER_UNKNOWN", `sequence table ${name} has no row with id 0`);
    this.#blocks.set(name, { next: ok.lastInsertId, end: ok.lastInsertId + size });
  }
}
