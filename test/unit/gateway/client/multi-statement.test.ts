// Several statements in one packet: what is run, in which order, and the one reply that the answers become.

import { expect, test } from "vitest";
import type { ExecutorClient } from "../../../../src/gateway/client/executor-client.ts";
import { MultiStatement, type StatementRunner } from "../../../../src/gateway/client/multi-statement.ts";
import { SERVER } from "../../../../src/mysql/constants.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { encodeErr } from "../../../../src/mysql/packets/err.ts";
import { encodeOk, okPacket } from "../../../../src/mysql/packets/ok.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";
import { buildReply, unframe } from "../../../wire/reply-builder.ts";

const MORE = SERVER.MORE_RESULTS_EXISTS;

class Client implements ExecutorClient {
  readonly capabilities = 0;
  readonly written: Buffer[] = [];
  done = 0;
  ended = 0;
  takesMore = true;
  readonly drains: (() => void)[] = [];
  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return this.takesMore;
  }
  onDrain(resume: () => void): void {
    if (this.takesMore) resume();
    else this.drains.push(resume);
  }
  commandDone(): void {
    this.done++;
  }
  end(): void {
    this.ended++;
  }
  destroy(): void {
    this.ended++;
  }
}

/** Answers at once what is said for the statement, in pieces of `step` bytes; the last packet is always whole. */
class Runner implements StatementRunner {
  readonly state = { sqlMode: DEFAULT_SQL_MODE };
  readonly ran: string[] = [];
  readonly #client: ExecutorClient;
  readonly #step: number;

  constructor(client: ExecutorClient, step = Number.POSITIVE_INFINITY) {
    this.#client = client;
    this.#step = step;
  }

  query(payload: Buffer): void {
    const sql = payload.toString("utf8", 1);
    this.ran.push(sql);
    const reply = replyTo(sql);
    const last = reply.length - 4 - (unframe(reply).payloads.at(-1)?.length ?? 0);
    for (let at = 0; at < last; at += this.#step) {
      this.#client.write(Buffer.from(reply.subarray(at, Math.min(at + this.#step, last))));
    }
    this.#client.write(Buffer.from(reply.subarray(last)));
    this.#client.commandDone();
  }

  answering(): { fail(error: Error): void } {
    return {
      fail: (error) => {
        this.ran.push(error.message);
        this.#client.write(writeFrame(encodeErr(1064, "42000", error.message), 1));
        this.#client.commandDone();
      },
    };
  }
}

function replyTo(sql: string): Buffer {
  if (sql.includes("rows"))
    return buildReply(
      [
        {
          kind: "rows",
          columns: ["a", "b"],
          rows: [
            ["1", "x"],
            ["2", "y"],
          ],
        },
      ],
      false,
    );
  if (sql.includes("two")) {
    const rows = { kind: "rows", columns: ["a"], rows: [["1"]] } as const;
    return buildReply([rows, rows], false);
  }
  if (sql.includes("fails")) return writeFrame(encodeErr(1146, "42S02", "no such table"), 1);
  return writeFrame(encodeOk(okPacket({ affectedRows: 3 }), 0), 1);
}

async function run(sql: string, step?: number): Promise<{ client: Client; ran: readonly string[]; started: number }> {
  const client = new Client();
  let started = 0;
  const statements = new MultiStatement(client, true, () => started++);
  const runner = new Runner(statements, step);
  statements.query(runner, Buffer.from(`\u0003${sql}`), 0);
  for (let turn = 0; turn < 1_000 && client.done === 0; turn++) await Promise.resolve();
  return { client, ran: runner.ran, started };
}

test.each([
  ["one; two;", ["one", "two"]],
  ["one", ["one"]],
  ["one;;; ", ["one;;; "]],
  ["one; -- done", ["one", "-- done"]],
  ["one;\n\t'a;b'; `c;d`", ["one", "'a;b'", "`c;d`"]],
  ["CREATE PROCEDURE p() BEGIN SELECT 1; END; CALL p()", ["CREATE PROCEDURE p() BEGIN SELECT 1; END", "CALL p()"]],
  [
    "CREATE FUNCTION f() RETURNS INT IF NOT EXISTS (SELECT 1) THEN RETURN 1; ELSE RETURN 2; END IF; SELECT f()",
    ["CREATE FUNCTION f() RETURNS INT IF NOT EXISTS (SELECT 1) THEN RETURN 1; ELSE RETURN 2; END IF", "SELECT f()"],
  ],
  [
    "CREATE PROCEDURE IF NOT EXISTS p() BEGIN DROP TABLE IF EXISTS t; IF EXISTS(SELECT 1) THEN SELECT 1; END IF; SELECT 2; END; DO 3",
    [
      "CREATE PROCEDURE IF NOT EXISTS p() BEGIN DROP TABLE IF EXISTS t; IF EXISTS(SELECT 1) THEN SELECT 1; END IF; SELECT 2; END",
      "DO 3",
    ],
  ],
  ["one; fails; three", ["one", "fails"]],
])("%s", async (sql, wanted) => {
  const { client, ran, started } = await run(sql);
  expect(ran).toEqual(wanted);
  expect(client.done).toBe(1);
  expect(started).toBe(wanted.length - 1);
});

test.each(["one;;two", "one; /* c */ ; two", "one; ; two"])(
  "nothing before a semicolon is an error: %s",
  async (sql) => {
    const { ran } = await run(sql);
    expect(ran).toHaveLength(2);
    expect(ran[1]).toMatch(/syntax to use near '; ?two'/);
  },
);

test("the answers are one reply: ids go on, and all but the last say that more follows", async () => {
  for (const step of [Number.POSITIVE_INFINITY, 7, 1]) {
    const { client } = await run("ok; rows; two; rows", step);
    const { payloads, sequenceIds } = unframe(Buffer.concat(client.written));
    expect(sequenceIds).toEqual(payloads.map((_, at) => at + 1));
    const eofs = payloads.filter((payload) => payload[0] === 0xfe).map((payload) => payload.readUInt16LE(3) & MORE);
    // Behind columns and behind rows; whoever ends with rows has said it in both.
    expect(eofs.at(-1)).toBe(0);
    expect(eofs.slice(1, -2).every((flag, at) => flag === MORE || at % 2 === 1)).toBe(true);
    expect((payloads[0]?.readUInt16LE(3) ?? 0) & MORE).toBe(MORE);
  }
});

test("without the capability the packet is one statement", () => {
  const client = new Client();
  const statements = new MultiStatement(client, false, () => undefined);
  const runner = new Runner(statements);
  statements.query(runner, Buffer.from("\u0003one; two"), 0);
  expect(runner.ran).toEqual(["one; two"]);
  expect(client.done).toBe(1);
});

test("nothing is run behind the end of the connection", async () => {
  const client = new Client();
  const statements = new MultiStatement(client, true, () => undefined);
  const ran: string[] = [];
  const runner: StatementRunner = {
    state: { sqlMode: DEFAULT_SQL_MODE },
    query(payload) {
      ran.push(payload.toString("utf8", 1));
      statements.write(writeFrame(encodeOk(okPacket(), 0), 1));
      statements.commandDone();
      statements.end();
    },
    answering: () => ({ fail() {} }),
  };
  statements.query(runner, Buffer.from("\u0003COMMIT RELEASE; DELETE FROM t"), 0);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(ran).toEqual(["COMMIT RELEASE"]);
  expect(client.ended).toBe(1);
});

test("ten thousand statements take no stack", async () => {
  const { ran } = await run("a;".repeat(10_000));
  expect(ran.length).toBeGreaterThan(900);
});

test("the next statement waits until the client has taken the answers", async () => {
  const client = new Client();
  client.takesMore = false;
  const statements = new MultiStatement(client, true, () => undefined);
  const runner = new Runner(statements);
  statements.query(runner, Buffer.from("\u0003one; two; three"), 0);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(runner.ran).toEqual(["one"]);
  client.takesMore = true;
  for (const resume of client.drains.splice(0)) resume();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(runner.ran).toEqual(["one", "two", "three"]);
  expect(client.done).toBe(1);
});
