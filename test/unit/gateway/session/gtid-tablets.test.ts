import { describe, expect, test } from "vitest";
import { plainRequest, type ReplySink, type ShardRequest, type ShardTarget } from "../../../../src/engine/ports.ts";
import type { ReplyEnd } from "../../../../src/engine/reply.ts";
import { comQuery } from "../../../../src/gateway/client/com-query.ts";
import type { Tablets } from "../../../../src/gateway/gateway-context.ts";
import { GtidTablets } from "../../../../src/gateway/session/gtid-tablets.ts";
import { textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";
import { CALL, END } from "../../../fixture/shard-port.ts";

const TARGET: ShardTarget = { keyspace: "s", shard: "-80", tabletType: "primary" };
const NOTE = "SET @`shardgate.gtid` = CAST(@@last_gtid AS BINARY)";

/** A mysqld with this GTID for each statement that is asked about; null: the statement has got none. */
function shard(gtid: string | null, kind: ReplyEnd["kind"] = "ok") {
  const requests: ShardRequest[] = [];
  const concluded: string[] = [];
  const heard: string[] = [];
  const row = writeResultSet(
    { columns: [textColumn("a"), textColumn("b")], rows: [["1", gtid]] },
    { capabilities: 0, sequenceId: 1 },
  );
  const inner: Tablets = {
    tablets: [],
    primaryProblem: () => undefined,
    execute(_, request, sink) {
      requests.push(request);
      sink.end({ ...END, kind, afterReply: request.after === "" ? Buffer.alloc(0) : row }, Buffer.alloc(0));
      return CALL;
    },
    conclude(_, op, holdId, sink, statements = []) {
      concluded.push([op, holdId, ...statements].join("; "));
      const isAsked = statements.some((statement) => statement.startsWith("SELECT"));
      queueMicrotask(() => sink.end({ ...END, kind: isAsked ? "resultset" : kind }, isAsked ? row : Buffer.alloc(0)));
      return CALL;
    },
  };
  const gtids = {
    got: (_: unknown, text: string, isTold: boolean) => heard.push(isTold ? text : `${text} untold`),
    missed: () => heard.push("missed"),
  };
  return { tablets: new GtidTablets(inner, gtids), requests, concluded, heard };
}

function run(tablets: Tablets, request: Partial<ShardRequest>, sql: string, target = TARGET): ReplyEnd {
  let end: ReplyEnd = END;
  tablets.execute(
    target,
    { ...plainRequest(comQuery(sql)), ...request },
    sinkOf((info) => (end = info)),
  );
  return end;
}

function sinkOf(ended: (info: ReplyEnd) => void): ReplySink {
  return {
    data: () => undefined,
    end: ended,
    fail: (error) => {
      throw error;
    },
  };
}

describe("a statement", () => {
  test("that may commit is asked about in its own call, of which it knows nothing", () => {
    const { tablets, requests, heard } = shard("0-1-5");
    expect(run(tablets, { begin: "START TRANSACTION" }, "UPDATE t SET a = 1").afterReply).toHaveLength(0);
    expect(requests[0]).toMatchObject({ begin: `${NOTE}\0START TRANSACTION`, leavesState: true });
    expect(heard).toEqual(["0-1-5"]);
  });

  test("that asks itself gets its answer", () => {
    const { tablets, requests, heard } = shard("0-1-6");
    const after = "SELECT LAST_INSERT_ID() LIMIT 1";
    expect(run(tablets, { after }, "INSERT INTO t VALUES (1)").afterReply.length).toBeGreaterThan(0);
    expect(requests[0]?.after).toMatch(/^SELECT LAST_INSERT_ID\(\), IF\(.*\) LIMIT 1$/);
    expect(heard).toEqual(["0-1-6"]);
  });

  test("that has got none, or has failed after something of it was written", () => {
    const none = shard(null);
    run(none.tablets, {}, "UPDATE t SET a = 1");
    expect(none.heard).toEqual([]);
    const failed = shard("0-1-7", "err");
    const asked = run(failed.tablets, { after: "SELECT FOUND_ROWS() LIMIT 1" }, "DROP TABLE t, u");
    expect(asked.afterReply).toHaveLength(0);
    expect(failed.heard).toEqual(["0-1-7 untold"]);
  });

  test.each([
    ["SELECT * FROM t", {}, TARGET],
    [" show tables", {}, TARGET],
    ["SET @a = 1", {}, TARGET],
    ["UPDATE t SET a = 1", {}, { ...TARGET, tabletType: "replica" as const }],
  ])("that never commits is left alone: %s", (sql, request, target) => {
    const { tablets, requests } = shard("0-1-5");
    run(tablets, request, sql, target);
    expect(requests[0]).toMatchObject({ begin: "", after: "" });
  });

  test.each([
    ["SELECT f()", { leavesState: true }],
    ["SELECT NEXT VALUE FOR s", {}],
    ["SET STATEMENT max_statement_time = 1 FOR DELETE FROM t", {}],
  ])("that reads and writes is not: %s", (sql, request) => {
    const { tablets, heard } = shard("0-1-5");
    run(tablets, request, sql);
    expect(heard).toEqual(["0-1-5"]);
  });
});

describe("the end of a transaction", () => {
  const end = (tablets: Tablets, ...[op, statements]: ["commit" | "rollback" | "control", string[]?]) =>
    new Promise<ReplyEnd>((resolve) => tablets.conclude(TARGET, op, 7, sinkOf(resolve), statements));

  test("is asked about on its connection before that is given back", async () => {
    const { tablets, concluded, heard } = shard("0-1-8");
    expect(await end(tablets, "commit")).toMatchObject({ kind: "ok" });
    expect(concluded).toEqual([
      `control; 7; ${NOTE}; COMMIT AND NO CHAIN NO RELEASE`,
      expect.stringMatching(/^commit; 7; SELECT IF/),
    ]);
    await end(tablets, "control", ["XA COMMIT x"]);
    expect(heard).toEqual(["0-1-8", "0-1-8"]);
  });

  test("that fails is the answer, and gives the connection back", async () => {
    const { tablets, concluded, heard } = shard("0-1-8", "err");
    expect(await end(tablets, "commit", ["XA END x", "XA COMMIT x ONE PHASE"])).toMatchObject({ kind: "err" });
    expect(concluded).toEqual([`control; 7; ${NOTE}; XA END x; XA COMMIT x ONE PHASE`, "release; 7"]);
    expect(heard).toEqual([]);
  });

  test("that commits nothing is left alone", async () => {
    const { tablets, concluded } = shard("0-1-8");
    await end(tablets, "rollback");
    await end(tablets, "control", ["XA END x", "XA PREPARE x"]);
    expect(concluded).toEqual(["rollback; 7", "control; 7; XA END x; XA PREPARE x"]);
  });
});
