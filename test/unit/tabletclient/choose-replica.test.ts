// Which replica is read from: serving, near, of the own cell, in turn.

import { describe, expect, test } from "vitest";
import { chooseReplica, type ReplicaState } from "../../../src/tabletclient/choose-replica.ts";

interface Named extends ReplicaState {
  readonly name: string;
}

/** `lagS` undefined: its health is not known. */
function replica(name: string, lagS: number | undefined, more: { cell?: string; problem?: string } = {}): Named {
  return {
    name,
    problem: more.problem,
    record: { cell: more.cell ?? "zone1" },
    health: lagS === undefined ? undefined : { lagS },
  };
}

/** The names chosen in six turns. */
function chosen(replicas: readonly Named[], localCell?: string): string[] {
  return Array.from({ length: 6 }, (_, turn) => chooseReplica(replicas, 30, localCell, turn)?.name ?? "none");
}

describe("chooseReplica", () => {
  test.each<[string, readonly Named[], string | undefined, string]>([
    ["one after the other", [replica("a", 0), replica("b", 3), replica("c", 30)], undefined, "a b c a b c"],
    ["not one that is far behind", [replica("a", 31), replica("b", 30)], undefined, "b b b b b b"],
    ["not one whose replication stands still", [replica("a", -1), replica("b", 5)], undefined, "b b b b b b"],
    ["not one that has not told its health", [replica("a", undefined), replica("b", 5)], undefined, "b b b b b b"],
    ["not one that does not serve", [replica("a", 0, { problem: "x" }), replica("b", 0)], undefined, "b b b b b b"],
    [
      "those of the own cell first",
      [replica("a", 0, { cell: "zone2" }), replica("b", 9), replica("c", 0)],
      "zone1",
      "b c b c b c",
    ],
    [
      "of another cell when those of the own are far behind",
      [replica("a", 0, { cell: "zone2" }), replica("b", 99)],
      "zone1",
      "a a a a a a",
    ],
    ["the nearest when none is near", [replica("a", 99), replica("b", 40), replica("c", -1)], undefined, "b b b b b b"],
    ["any when none knows how far", [replica("a", -1), replica("b", undefined)], undefined, "a b a b a b"],
    ["none when none serves", [replica("a", 0, { problem: "x" })], undefined, "none none none none none none"],
    ["none of none", [], undefined, "none none none none none none"],
  ])("%s", (_name, replicas, localCell, wanted) => {
    expect(chosen(replicas, localCell).join(" ")).toBe(wanted);
  });
});
