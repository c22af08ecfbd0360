// Atomic commit over shards (transaction mode `twopc`): what participants are told, in how many round trips, and what
// becomes of transactions whose gateway, tablet or mysqld is gone at a point of the commit.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { must, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;
let others: TwinClient[] = [];

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});
beforeEach(async () => {
  pair = await Pair.open(twins, "s");
  for (const client of [pair.gateway, pair.direct]) {
    const ids = (await client.rows("SELECT id FROM c")).join(", ");
    if (ids !== "") await must(client, `DELETE FROM c WHERE id IN (${ids})`);
    await must(client, "INSERT INTO c (id, name, email) VALUES (1,'a','e1'),(2,'b','e2'),(4,'d','e4'),(5,'e','e5')");
    await must(client, "DELETE FROM u.p");
  }
  await must(pair.gateway, "SET transaction_mode = 'twopc'");
});
afterEach(() => {
  pair.close();
  for (const client of others) client.close();
  others = [];
});

const ALL = "SELECT id, name FROM c ORDER BY id";
const write = (id: number, name: string): string => `UPDATE c SET name = '${name}' WHERE id = ${id}`;

async function shards(): Promise<readonly TwinClient[]> {
  const clients = await Promise.all(twins.shardPorts().map((port) => TwinClient.connect(port)));
  others.push(...clients);
  return clients;
}

describe("a session in mode twopc", () => {
  test("sees what one MySQL shows", async () => {
    await pair.allSame([
      "BEGIN",
      write(1, "x"),
      write(4, "y"),
      ALL,
      "SAVEPOINT a",
      write(2, "z"),
      "INSERT INTO u.p (name) VALUES ('p')",
      "ROLLBACK TO a",
      ALL,
      "COMMIT",
      ALL,
      "SELECT name FROM u.p",
      "BEGIN",
      write(4, "undone"),
      write(1, "undone"),
      "INSERT INTO u.p (name) VALUES ('undone')",
      "ROLLBACK",
      ALL,
      "UPDATE c SET n = 7 WHERE id IN (1, 2, 4, 5)",
      "UPDATE c SET email = 'e2', n = 8 WHERE id IN (1, 4)",
      "SELECT id, n, email FROM c ORDER BY id",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT",
      ALL,
      write(4, "s"),
      write(1, "s"),
      "COMMIT AND CHAIN",
      write(5, "t"),
      "SELECT name FROM c WHERE id = 1 FOR UPDATE",
      "COMMIT",
      ALL,
      "START TRANSACTION READ ONLY",
      ALL,
      write(1, "no"),
      "COMMIT",
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "BEGIN",
      write(1, "u"),
      write(4, "u"),
      "COMMIT",
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "UPDATE c SET n = 9 WHERE id IN (1, 4)",
      "SET autocommit = 0",
      write(1, "v"),
      write(4, "v"),
      "CREATE TEMPORARY TABLE u.tt (a INT)",
      "COMMIT",
      "SET autocommit = 1",
      ALL,
    ]);
    for (const shard of await shards()) expect(await shard.rows("XA RECOVER")).toEqual([]);
  });
});
