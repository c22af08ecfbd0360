// A part of the random writes that fits into CI: one seed on two shards, every table compared after every statement, the
// lookup tables at the end. SHARDGATE_DML_SEED and SHARDGATE_DML_COUNT change what is run.

import { afterAll, beforeAll, expect, test } from "vitest";
import { countOf } from "../fuzz/random.ts";
import { type Arena, startArena } from "./arena.ts";
import { runDml } from "./dml/run-dml.ts";
import { DML } from "./dml/schema.ts";

const SEED = countOf("SHARDGATE_DML_SEED", 7);
const COUNT = countOf("SHARDGATE_DML_COUNT", 80);

let arena: Arena;

beforeAll(async () => {
  arena = await startArena(DML, [2]);
});
afterAll(() => arena.stop());

/** A loaded machine is no failure. */
const TIMEOUT_MS = 600_000;

test(`${COUNT} random writes of seed ${SEED} leave the tables as on one MariaDB`, { timeout: TIMEOUT_MS }, async () => {
  const [lane] = arena.lanes;
  if (lane === undefined) throw new Error("no lane");
  const account = await runDml(lane, SEED, COUNT, () => undefined);
  expect(account.failures, `seed ${SEED}`).toEqual([]);
  expect(account.affected).toBeGreaterThan(COUNT);
});
