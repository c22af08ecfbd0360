// Atomic commit against shards in this process that do what they are told and can be made to fail at any statement: in
// every case all of them have committed or none has, and what the session is told is true.

import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { parseBranchName, xidOf } from "../../../../src/base/distributed-transaction.ts";
import { ShardgateError } from "../../../../src/base/errors.ts";
import { createLog } from "../../../../src/base/log.ts";
import { splitStatementList } from "../../../../src/base/statement-list.ts";
import type {
  HoldOp,
  ReplySink,
  ShardCall,
  ShardPort,
  ShardRequest,
  ShardTarget,
} from "../../../../src/engine/ports.ts";
import type { ShardUse } from "../../../../src/gateway/session/held-connection.ts";
import { SessionHolds, type TransactionMode } from "../../../../src/gateway/session/session-holds.ts";
import { TwoPhase } from "../../../../src/gateway/transaction/two-phase.ts";
import { encodeErr } from "../../../../src/mysql/packets/err.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";
import { CALL, END } from "../../../fixture/shard-port.ts";

/** How a statement fails: with an error packet, or its connection is gone, before or after it was done. */
type Failure = "error" | "lost before" | "lost after";
type Fate = "open" | "prepared" | "committed" | "rolled back";

const BEGIN = "START TRANSACTION";

/** A port to any number of shards. */
class Shards implements ShardPort {
  readonly fates = new Map<string, Fate>();
  readonly said: string[] = [];
  /** Of the shard that coordinates; what its open transaction has recorded counts when that commits. */
  decision: "commit" | "abort" | undefined;
  #recorded = false;
  readonly #failAt: string;
  readonly #failure: Failure | undefined;

  /** Fails at the statement that begins so, on the shard: `80-: XA PREPARE`. */
  constructor(failAt = "", failure?: Failure) {
    this.#failAt = failAt;
    this.#failure = failure;
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    const sql = request.payload.toString("utf8", 1);
    this.#answer(target, sql, request.holdId, sink, () => {
      if (sql.includes("'abort'")) this.decision ??= "abort";
      else if (sql.startsWith("INSERT INTO `_shardgate`")) this.decision ??= "commit";
    });
    return CALL;
  }

  conclude(
    target: ShardTarget,
    op: HoldOp,
    holdId: number,
    sink: ReplySink,
    statements: readonly string[] = [],
  ): ShardCall {
    const all = statements.length > 0 ? statements : [op.toUpperCase()];
    const last = all.at(-1) ?? "";
    this.#answer(target, last, op === "control" ? holdId : 0, sink, () => this.#run(target.shard, last));
    return CALL;
  }

  #run(shard: string, sql: string): void {
    const before = this.fates.get(shard);
    if (sql.startsWith("INSERT INTO `_shardgate`")) this.#recorded = true;
    else if (sql.startsWith("XA PREPARE")) this.fates.set(shard, "prepared");
    else if (/^(XA COMMIT|COMMIT)/.test(sql)) {
      // Nothing is there any more to be committed.
      if (before === "rolled back") return;
      if (this.#recorded && sql.startsWith("COMMIT")) this.decision ??= "commit";
      this.fates.set(shard, "committed");
    } else if (/^(XA ROLLBACK|ROLLBACK)/.test(sql)) this.fates.set(shard, "rolled back");
    else if (sql === "RELEASE" && before === "open") this.fates.set(shard, "rolled back");
  }

  #answer(target: ShardTarget, sql: string, holdId: number, sink: ReplySink, run: () => void): void {
    const { shard } = target;
    this.said.push(`${shard}: ${sql.replace(/ X'.*/, "")}`);
    const failure = `${shard}: ${sql}`.startsWith(this.#failAt) && this.#failAt !== "" ? this.#failure : undefined;
    queueMicrotask(() => {
      if (failure !== "lost before" && failure !== "error") run();
      if (failure === undefined) {
        const column = textColumn("decision");
        const afterReply = writeResultSet(
          { columns: [column], rows: [[this.decision ?? "none"]] },
          { capabilities: 0, sequenceId: 1 },
        );
        sink.end({ ...END, holdId, afterReply }, Buffer.alloc(0));
      } else if (failure === "error") {
        // A tablet resets a connection whose COMMIT has failed.
        if (sql === "COMMIT") this.fates.set(shard, "rolled back");
        const packet = writeFrame(encodeErr(1180, "HY000", "Got error during COMMIT"), 1);
        sink.end({ ...END, kind: "err", holdId, lastPacketBytes: packet.length }, packet);
      } else {
        // An open transaction goes with its connection; a prepared one stays.
        if (this.fates.get(shard) === "open") this.fates.set(shard, "rolled back");
        sink.fail(new ShardgateError("SHARD_CONNECTION_LOST", "lost connection"), true);
      }
    });
  }
}

/** A transaction that has written on each of the shards, or done there what `uses` says; then it is committed. */
async function commitOn(
  shards: Shards,
  names: readonly string[],
  uses: Readonly<Record<string, ShardUse>> = {},
  neverJoined: readonly string[] = [],
): Promise<unknown> {
  const log = createLog("test", "silent");
  const twoPhase = new TwoPhase({ port: shards, gatewayId: "00ff", clock: systemClock, log, onStep: undefined });
  const holds = new SessionHolds(shards, "twopc", undefined, twoPhase);
  for (const [i, shard] of names.entries()) {
    const target: ShardTarget = { keyspace: "s", shard, tabletType: "primary" };
    const [opening = ""] = splitStatementList(holds.opening(target, BEGIN, uses[shard]));
    expect(opening.startsWith("XA START")).toBe(i > 0);
    if (neverJoined.includes(shard)) continue;
    shards.fates.set(shard, "open");
    holds.joined(target, i + 1, true, false);
  }
  try {
    await holds.commit();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** As the resolvers of the tablets leave it. */
function resolved(shards: Shards): readonly Fate[] {
  return [...shards.fates.values()].map((fate) => {
    if (fate !== "prepared") return fate;
    return shards.decision === "commit" ? "committed" : "rolled back";
  });
}

const THREE = ["-80", "80-", "0"];
const FAILING = [
  "-80: INSERT INTO `_shardgate`",
  "80-: XA PREPARE",
  "0: XA PREPARE",
  "-80: COMMIT",
  "80-: XA COMMIT",
  "0: XA COMMIT",
  "80-: XA ROLLBACK",
];

for (const failAt of FAILING) {
  for (const failure of ["error", "lost before", "lost after"] as const) {
    test(`${failAt} ends with: ${failure}`, async () => {
      const shards = new Shards(failAt, failure);
      const error = await commitOn(shards, THREE);
      const fates = new Set(resolved(shards));
      expect([...fates]).toHaveLength(1);
      const isCommitted = fates.has("committed");
      expect(isCommitted).toBe(shards.decision === "commit");
      // Only a transaction that is rolled back everywhere is told to be so, and only one that is not is told to be committed.
      expect(error === undefined).toBe(isCommitted);
      if (error !== undefined) expect(error).toMatchObject(failure === "error" ? { errno: 1180 } : { errno: 1213 });
    });
  }
}

test("what shards are told, at once and one after the other", async () => {
  const shards = new Shards();
  expect(await commitOn(shards, THREE)).toBeUndefined();
  expect(shards.said.map((line) => line.replace(/INSERT.*/, "INSERT"))).toEqual([
    "-80: INSERT",
    "80-: XA PREPARE",
    "0: XA PREPARE",
    "-80: COMMIT",
    "80-: XA COMMIT",
    "0: XA COMMIT",
  ]);
  const [, branch = ""] = /^XA START (.*)/.exec(`XA START ${xidOf("00ff.1.2.s/-80")}`) ?? [];
  expect(branch).toBe(`X'${Buffer.from("00ff.1.2.s/-80").toString("hex")}',X'',21319`);
  expect(parseBranchName("00ff.1.2.s/-80")).toEqual({
    transaction: "00ff.1",
    number: 2,
    coordinator: { keyspace: "s", shard: "-80" },
  });
});

test("one shard that wrote needs no decision, and is committed before locks elsewhere are given up", async () => {
  for (const writer of THREE) {
    const [one = "", two = ""] = THREE.filter((name) => name !== writer);
    const shards = new Shards();
    expect(await commitOn(shards, THREE, { [one]: "reads", [two]: "locks" })).toBeUndefined();
    const [check, commit, ...rest] = shards.said;
    expect(check).toBe(`${two}: DO 0`);
    expect(commit?.startsWith(`${writer}: `)).toBe(true);
    expect(rest).toHaveLength(2);
    expect(shards.said.filter((line) => /PREPARE|INSERT/.test(line))).toEqual([]);
  }
});

test("a lock that is lost before COMMIT undoes what was written elsewhere, and says so", async () => {
  for (const uses of [{ "-80": "locks" }, { "-80": "locks", "0": "reads" }] as const) {
    const shards = new Shards("-80: DO 0", "lost before");
    expect(await commitOn(shards, THREE, uses)).toMatchObject({ errno: 1213 });
    expect(resolved(shards)).not.toContain("committed");
  }
});

test("a first shard that has only locked keeps the record, and its lock until the others have committed", async () => {
  const shards = new Shards();
  expect(await commitOn(shards, THREE, { "-80": "locks" })).toBeUndefined();
  expect(shards.said.map((line) => line.replace(/INSERT.*/, "INSERT"))).toEqual([
    "80-: XA PREPARE",
    "0: XA PREPARE",
    "-80: DO 0",
    "-80: INSERT",
    "80-: XA COMMIT",
    "0: XA COMMIT",
    "-80: COMMIT",
  ]);
});

test("that a shard which was only read from is lost does not matter", async () => {
  for (const uses of [{ "0": "reads" }, { "0": "reads", "80-": "reads" }] as const) {
    const shards = new Shards("0: XA COMMIT", "lost before");
    expect(await commitOn(shards, THREE, uses)).toBeUndefined();
    expect(shards.fates.get("-80")).toBe("committed");
  }
});

test("whether one shard's commit was done is not known when its connection is lost", async () => {
  for (const failure of ["lost before", "lost after"] as const) {
    const shards = new Shards("-80: COMMIT", failure);
    expect(await commitOn(shards, ["-80"])).toMatchObject({ errno: 2013 });
  }
});

describe("a shard that should have coordinated, but whose first statement did not get there", () => {
  for (const failure of [undefined, "lost before", "lost after"] as const) {
    test(`decides without a part of its own; its answer: ${failure ?? "comes"}`, async () => {
      const shards = new Shards(
        "-80: INSERT INTO `_shardgate`.`decisions` (transaction, decision, participants) VALUES ('00ff.1', 'commit'",
        failure,
      );
      const error = await commitOn(shards, THREE, {}, ["-80"]);
      expect(new Set(resolved(shards))).toEqual(new Set([failure === "lost before" ? "rolled back" : "committed"]));
      expect(error === undefined).toBe(failure !== "lost before");
      expect(shards.decision).toBe(failure === "lost before" ? "abort" : "commit");
    });
  }
});

describe("a client that goes away once it has sent COMMIT", () => {
  for (const mode of ["multi", "twopc"] as const) {
    test(`leaves no half of it, in mode ${mode}`, async () => {
      const shards = new Shards();
      const holds = holdsOn(shards, mode);
      for (const [i, shard] of THREE.entries()) join(holds, shards, shard, i + 1);
      const committed = holds.commit();
      await Promise.all([holds.close(), committed]);
      expect([...shards.fates.values()]).toEqual(["committed", "committed", "committed"]);
    });
  }
});

test("a transaction that a procedure has opened is the first part of one", async () => {
  const shards = new Shards();
  const holds = holdsOn(shards, "twopc");
  const first: ShardTarget = { keyspace: "s", shard: "-80", tabletType: "primary" };
  holds.joined(first, 1, false, true);
  holds.adopt(first);
  shards.fates.set("-80", "open");
  expect(join(holds, shards, "80-", 2)).toMatch(/^XA START/);
  await holds.commit();
  expect([...shards.fates.values()]).toEqual(["committed", "committed"]);
  expect(shards.decision).toBe("commit");
});

function holdsOn(shards: Shards, mode: TransactionMode): SessionHolds {
  const log = createLog("test", "silent");
  const twoPhase = new TwoPhase({ port: shards, gatewayId: "00ff", clock: systemClock, log, onStep: undefined });
  return new SessionHolds(shards, mode, undefined, twoPhase);
}

/** Gives what opens the transaction there. */
function join(holds: SessionHolds, shards: Shards, shard: string, holdId: number): string {
  const target: ShardTarget = { keyspace: "s", shard, tabletType: "primary" };
  const opening = holds.opening(target, BEGIN);
  shards.fates.set(shard, "open");
  holds.joined(target, holdId, true, false);
  return opening;
}
