// A short part of `npm run chaos`: each kind of process is killed once at the points of an atomic commit where it matters
// most, while clients move money between shards.

import { expect, test } from "vitest";
import { type Kill, runChaos } from "../chaos/chaos.ts";

const KILLS: readonly Kill[] = [
  { kind: "tablet", step: "prepared" },
  { kind: "gateway", step: "decided" },
  { kind: "mysqld", step: "prepared" },
];
const TIMEOUT_MS = 400_000;

test(
  "transfers between shards are there as a whole or not at all",
  async () => {
    const report = await runChaos({
      seed: 1,
      kills: KILLS,
      clients: 8,
      xaShare: 0.3,
      killsPerRound: KILLS.length,
      tell: () => {},
    });
    expect(report.faults).toEqual([]);
    expect([...report.killed.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      KILLS.map(({ kind, step }) => `${kind} at ${step}`).toSorted((a, b) => (a < b ? -1 : 1)),
    );
    expect(report.committed).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
