// What a session learns from the end of a statement: rows found, user variables with their types, the insert id.

import { describe, expect, test } from "vitest";
import { afterRequest, type Learning, learn, learnRows } from "../../../../src/gateway/session/aftermath.ts";
import { Settings, SETTINGS_BYTES_MAX, userVariable } from "../../../../src/gateway/session/settings.ts";
import type { ReplyEnd } from "../../../../src/engine/reply.ts";
import { END as OK_END } from "../../../fixture/shard-port.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../../../../src/mysql/constants.ts";
import { integerColumn, textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";
import { READ, withReserved } from "../../../../src/plan/effects.ts";
import type { Effect } from "../../../../src/plan/plan.ts";
import { literalBind } from "../../../../src/sql/bind-value.ts";
import { parse } from "../../../../src/sql/parse.ts";

const END: ReplyEnd = { ...OK_END, kind: "resultset", status: 2, lastPacketBytes: 9 };

function fresh(usesFoundRows = false): Learning {
  return {
    callsStored: false,
    lostVariables: undefined,
    foundRowsCount: 42,
    usesFoundRows,
    lastInsertId: 7n,
    settings: Settings.atLogin(),
  };
}

function effectOf(sql: string): Effect {
  return withReserved(parse(sql), READ);
}

type Cell = string | { readonly type: number; readonly flags?: number; readonly value: string | null };

/** An answer of one row: bare values are texts, the others of their own type. */
function answer(...values: readonly Cell[]): Buffer {
  const columns = values.map((each, i) =>
    typeof each === "string"
      ? textColumn(`c${i}`)
      : { ...integerColumn(`c${i}`), type: each.type, flags: each.flags ?? 0 },
  );
  const row = values.map((each) => (typeof each === "string" ? each : each.value));
  return writeResultSet({ columns, rows: [row] }, { capabilities: 0, sequenceId: 1 });
}

describe("rows found", () => {
  test("are those sent, and those that OFFSET skipped", () => {
    const state = fresh();
    learn(effectOf("SELECT a FROM t"), [], { ...END, rows: 3 }, state);
    expect(state.foundRowsCount).toBe(3);
    const offset = effectOf("SELECT a FROM t LIMIT :v1, 10");
    learn(offset, [literalBind("int", Buffer.from("20"))], { ...END, rows: 4 }, state);
    expect(state.foundRowsCount).toBe(24);
  });

  test("are asked for when none were sent behind an OFFSET", () => {
    const state = fresh();
    const offset = effectOf("SELECT a FROM t LIMIT 20, 10");
    expect(afterRequest(offset, "", state)).toMatchObject({ after: "SELECT FOUND_ROWS() LIMIT 1", afterIfEmpty: true });
    learn(offset, [], { ...END, afterReply: answer("13") }, state);
    expect(state.foundRowsCount).toBe(13);
  });

  test("stay as they were after a statement that is no SELECT, or fails", () => {
    const state = fresh();
    learn(effectOf("DO 1"), [], { ...END, kind: "ok" }, state);
    learn(effectOf("SELECT a FROM t"), [], { ...END, kind: "err" }, state);
    expect(state.foundRowsCount).toBe(42);
  });

  test("after a statement that reads by accident are asked for in sessions that use them", () => {
    const insert = effectOf("INSERT INTO t SELECT 1");
    expect(afterRequest(insert, "", fresh())).toBeUndefined();
    expect(afterRequest(insert, "", fresh(true))).toMatchObject({
      after: "SELECT FOUND_ROWS() LIMIT 1",
      leavesState: false,
    });
  });

  test("of several shards are added by who merges them", () => {
    const state = fresh();
    learnRows(effectOf("SELECT a FROM t"), [], { sent: 11, skipped: 0 }, state);
    learnRows(effectOf("DO 1"), [], { sent: 5, skipped: 0 }, state);
    expect(state.foundRowsCount).toBe(11);
    const grouped = effectOf("SELECT a FROM t GROUP BY a LIMIT :v1, 10");
    const binds = [literalBind("int", Buffer.from("20"))];
    learnRows(grouped, binds, { sent: 3, skipped: 0 }, state);
    expect(state.foundRowsCount).toBe(23);
    learnRows(grouped, binds, { sent: 0, skipped: 9 }, state);
    expect(state.foundRowsCount).toBe(9);
  });
});

describe("user variables", () => {
  const assign = effectOf("SELECT @a := b FROM t");
  const described = (value: Cell, charset: string, collation: string): Buffer =>
    answer(value, typeof value === "string" ? value : { ...value, type: MYSQL_TYPE.VAR_STRING }, charset, collation);

  test("are asked for in the same call, which leaves state on its connection", () => {
    expect(afterRequest(assign, "SET x = 1", fresh())).toEqual({
      settings: "SET x = 1",
      after:
        "SELECT @`a`, CAST(@`a` AS BINARY), CAST(CHARSET(@`a`) AS BINARY), CAST(COLLATION(@`a`) AS BINARY) LIMIT 1",
      afterIfEmpty: false,
      leavesState: true,
    });
  });

  test.each([
    ["an integer", { type: MYSQL_TYPE.LONGLONG, value: "-5" }, "binary", "-5"],
    [
      "an unsigned one",
      { type: MYSQL_TYPE.LONGLONG, flags: COLUMN_FLAG.UNSIGNED, value: "5" },
      "binary",
      "CAST(5 AS UNSIGNED)",
    ],
    ["a decimal", { type: MYSQL_TYPE.NEWDECIMAL, value: "1.50" }, "binary", "1.50"],
    ["a decimal without fraction", { type: MYSQL_TYPE.NEWDECIMAL, value: "91" }, "binary", "91."],
    ["a double", { type: MYSQL_TYPE.DOUBLE, value: "0.1" }, "binary", "0.1e0"],
    ["NULL of an integer", { type: MYSQL_TYPE.LONGLONG, value: null }, "binary", "CAST(NULL AS SIGNED)"],
    ["NULL of a decimal", { type: MYSQL_TYPE.NEWDECIMAL, value: null }, "binary", "CAST(NULL AS DECIMAL)"],
    [
      "NULL of a text",
      { type: MYSQL_TYPE.VAR_STRING, value: null },
      "latin1",
      "CONVERT(NULL USING latin1) COLLATE latin1_bin",
    ],
    ["a text", { type: MYSQL_TYPE.VAR_STRING, value: "x" }, "latin1", "_latin1 x'78' COLLATE latin1_bin"],
    ["bytes", { type: MYSQL_TYPE.VAR_STRING, value: "x" }, "binary", "x'78'"],
  ] as const)("keep their type: %s", (_, value, charset, sql) => {
    const state = fresh();
    const collation = charset === "latin1" ? "latin1_bin" : "binary";
    learn(assign, [], { ...END, rows: 1, afterReply: described(value, charset, collation) }, state);
    expect(state.settings.variables.get(userVariable("a"))).toBe(sql);
    expect(state.foundRowsCount).toBe(1);
  });

  test("are learned from a statement that failed half-way, too", () => {
    const state = fresh();
    const reply = described({ type: MYSQL_TYPE.LONGLONG, value: "3" }, "binary", "binary");
    learn(assign, [], { ...END, kind: "err", afterReply: reply }, state);
    expect(state.settings.variables.get(userVariable("a"))).toBe("3");
  });

  test("that were never set and still are not stay so", () => {
    const state = fresh();
    const reply = described({ type: MYSQL_TYPE.VAR_STRING, value: null }, "binary", "binary");
    learn(assign, [], { ...END, afterReply: reply }, state);
    expect(state.settings.variables.size).toBe(0);
  });

  test("too large to be kept are an error, and leave what was there", () => {
    const state = fresh();
    const value = "x".repeat(SETTINGS_BYTES_MAX);
    const reply = described({ type: MYSQL_TYPE.VAR_STRING, value }, "latin1", "latin1_bin");
    expect(() => learn(assign, [], { ...END, afterReply: reply }, state)).toThrow("user variables");
    expect(() => learn(assign, [], END, state)).toThrow("user variables");
    expect(state.settings.variables.size).toBe(0);
  });
});

describe("LAST_INSERT_ID(expression)", () => {
  test("is asked for, after the rows found", () => {
    const state = fresh();
    const effect = effectOf("SELECT SQL_CALC_FOUND_ROWS LAST_INSERT_ID(5), @a := 1 LIMIT 1");
    expect(afterRequest(effect, "", state)?.after).toMatch(/^SELECT FOUND_ROWS\(\), LAST_INSERT_ID\(\), @`a`/);
    const variable = { type: MYSQL_TYPE.LONGLONG, value: "1" };
    learn(
      effect,
      [],
      { ...END, afterReply: answer("9", "18446744073709551615", variable, "1", "binary", "binary") },
      state,
    );
    expect(state).toMatchObject({ foundRowsCount: 9, lastInsertId: 18446744073709551615n });
    expect(state.settings.variables.get(userVariable("a"))).toBe("1");
  });

  test("beside LAST_INSERT_ID() gives the connection the session's value", () => {
    const effect = effectOf("SELECT LAST_INSERT_ID(5), LAST_INSERT_ID()");
    expect(afterRequest(effect, "", fresh())?.settings).toBe("SET last_insert_id = 7");
  });
});
