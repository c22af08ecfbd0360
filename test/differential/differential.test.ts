// A part of the differential runs that fits into CI: random statements of a fixed seed on two and four shards, and the
// hand-written suites, each statement on one of the two. SHARDGATE_DIFFERENTIAL_SEED and _COUNT change what is run.

import { afterAll, beforeAll, expect, test } from "vitest";
import { countOf, randomOf } from "../fuzz/random.ts";
import { type Arena, startArena } from "./arena.ts";
import { describeFailure, enter, newAccount, Tiers } from "./campaign.ts";
import { isWrong } from "./compare.ts";
import { GENERATED } from "./generated-schema.ts";
import { statement } from "./generate/queries.ts";
import { SUITES } from "./suites/suites.ts";

const SEED = countOf("SHARDGATE_DIFFERENTIAL_SEED", 20_240_301);
const COUNT = countOf("SHARDGATE_DIFFERENTIAL_COUNT", 100);

let arena: Arena;
let tiers: Tiers;

beforeAll(async () => {
  arena = await startArena(GENERATED, [2, 4]);
  tiers = await Tiers.of(arena);
});
afterAll(() => arena.stop());

const OPTIONS = { isShrinking: false, isFailure: isWrong };

test(`${COUNT} random statements of seed ${SEED} have the answers of one MariaDB`, async () => {
  const account = newAccount();
  const random = randomOf(SEED);
  for (let n = 0; n < COUNT; n++) {
    const sql = statement(random);
    for (const lane of arena.lanes) await enter(account, tiers, lane, sql, OPTIONS);
  }
  expect(account.failures.map(describeFailure), `seed ${SEED}`).toEqual([]);
  expect(account.statements - account.empty).toBeGreaterThan(COUNT / 2);
});

test.each(Object.entries(SUITES))("suite %s has the answers of one MariaDB", async (_name, statements) => {
  const account = newAccount();
  for (const [index, sql] of statements.entries()) {
    const lane = arena.lanes[index % arena.lanes.length];
    if (lane !== undefined) await enter(account, tiers, lane, sql, OPTIONS);
  }
  expect(account.failures.map(describeFailure)).toEqual([]);
});
