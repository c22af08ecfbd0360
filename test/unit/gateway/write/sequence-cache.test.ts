// Ids of a sequence table that several gateways take blocks from, whose replies get lost before or after the table has been
// changed: no id is given twice, whoever asks for how many at once.

import { expect, test } from "vitest";
import { ShardgateError } from "../../../../src/base/errors.ts";
import type { ReplySink, ShardCall, ShardPort, ShardRequest, ShardTarget } from "../../../../src/engine/ports.ts";
import { SequenceCache } from "../../../../src/gateway/write/sequence-cache.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { encodeOk, okPacket } from "../../../../src/mysql/packets/ok.ts";
import { textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";
import { CALL, END } from "../../../fixture/shard-port.ts";
import { randomOf, seedOf } from "../../../fuzz/random.ts";

const TARGET: ShardTarget = { keyspace: "u", shard: "0", tabletType: "primary" };

/** The mysqld of the sequence table. */
class Table implements ShardPort {
  next = 1n;
  readonly #cache: number;
  readonly #fails: () => "before" | "after" | undefined;

  constructor(cache: number, fails: () => "before" | "after" | undefined) {
    this.#cache = cache;
    this.#fails = fails;
  }

  execute(_: ShardTarget, { payload }: ShardRequest, sink: ReplySink): ShardCall {
    const failure = this.#fails();
    const reply = failure === "before" ? undefined : this.#run(payload.toString("latin1", 1));
    queueMicrotask(() => {
      if (failure === undefined && reply !== undefined) sink.end(END, reply);
      else sink.fail(new ShardgateError("SHARD_CONNECTION_LOST", "lost connection"), false);
    });
    return CALL;
  }

  conclude(): ShardCall {
    throw new Error("nothing of a sequence is held");
  }

  #run(sql: string): Buffer {
    if (sql.startsWith("SELECT cache")) {
      const rows = [[String(this.#cache)]];
      return writeResultSet({ columns: [textColumn("cache")], rows }, { capabilities: 0, sequenceId: 1 });
    }
    const [, size = ""] = /LAST_INSERT_ID\(next_id\) \+ (\d+) WHERE id = 0$/.exec(sql) ?? [];
    const lastInsertId = this.next;
    this.next += BigInt(size);
    return writeFrame(encodeOk(okPacket({ affectedRows: 1, lastInsertId, statusFlags: 2 }), 0), 1);
  }
}

test("several gateways at once, with replies that get lost", async () => {
  const seed = seedOf(11);
  const random = randomOf(seed);
  const table = new Table(10, () => (random.chance(0.3) ? random.pick(["before", "after"] as const) : undefined));
  const gateways = [1, 2, 3].map(() => new SequenceCache(table));
  const given: bigint[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let i = 0; i < 30; i++) {
        try {
          const ids = await random.pick(gateways).take(TARGET, "seq", 1 + random.int(40));
          expect(ids, `seed ${seed}`).toEqual(ids.toSorted((a, b) => (a < b ? -1 : 1)));
          given.push(...ids);
        } catch (error) {
          expect(error).toMatchObject({ errno: 2013 });
          refused++;
        }
      }
    }),
  );
  expect(refused).toBeGreaterThan(0);
  expect(given.length).toBeGreaterThan(300);
  expect(new Set(given).size, `seed ${seed}`).toBe(given.length);
  expect(given.every((id) => id >= 1n && id < table.next)).toBe(true);
});

test("many at once are consecutive when nobody else asks", async () => {
  const cache = new SequenceCache(new Table(100, () => undefined));
  const ids = [...(await cache.take(TARGET, "seq", 250)), ...(await cache.take(TARGET, "seq", 60))];
  expect(ids).toEqual(Array.from({ length: 310 }, (_, i) => BigInt(i + 1)));
});

test("a sequence without its row is told to be so", async () => {
  const cache = new SequenceCache(new Table(0, () => undefined));
  await expect(cache.take(TARGET, "seq", 1)).rejects.toThrow(/not initialised/);
});
