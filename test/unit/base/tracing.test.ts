import { describe, expect, test } from "vitest";
import {
  parseTraceparent,
  readTraceContext,
  TRACE_CONTEXT_BYTES,
  traceparentOf,
  writeTraceContext,
} from "../../../src/base/tracing.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const CONTEXT = { traceId: TRACE, spanId: SPAN, isSampled: true };

describe("traceparent", () => {
  test.each([
    ["sampled", TRACEPARENT, CONTEXT],
    ["not sampled", `00-${TRACE}-${SPAN}-00`, { ...CONTEXT, isSampled: false }],
    ["other flags", `00-${TRACE}-${SPAN}-03`, CONTEXT],
    ["of a later version, with more behind", `01-${TRACE}-${SPAN}-01-more`, CONTEXT],
    ["of this version, with more behind", `${TRACEPARENT}-more`, undefined],
    ["of no version", `ff-${TRACE}-${SPAN}-01`, undefined],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`, undefined],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`, undefined],
    ["upper case", TRACEPARENT.toUpperCase(), undefined],
    ["cut off", TRACEPARENT.slice(0, -1), undefined],
    ["nothing", "", undefined],
  ])("%s", (_name, text, expected) => {
    expect(parseTraceparent(text)).toEqual(expected);
  });

  test("travels as 25 bytes", () => {
    for (const context of [CONTEXT, { ...CONTEXT, isSampled: false }]) {
      const buffer = Buffer.alloc(TRACE_CONTEXT_BYTES + 3);
      expect(writeTraceContext(context, buffer, 3)).toBe(buffer.length);
      expect(readTraceContext(buffer, 3)).toEqual(context);
    }
  });
});

describe("comments", () => {
  const COMMENT = `/*action='list',traceparent='${TRACEPARENT}',tracestate='a%3Db'*/`;

  test.each([
    ["at the end", `SELECT 1 ${COMMENT}`, CONTEXT],
    ["at the beginning", `${COMMENT} SELECT 1`, CONTEXT],
    ["alone, with spaces", `SELECT 1 /* traceparent = '${TRACEPARENT}' */`, CONTEXT],
    ["behind another comment", `/* a */ SELECT 1 ${COMMENT};`, CONTEXT],
    ["behind a long statement", `SELECT '${"x".repeat(100_000)}' ${COMMENT}`, CONTEXT],
    ["before a long statement", `${COMMENT} SELECT '${"x".repeat(100_000)}'`, CONTEXT],
    ["in no comment", `SELECT "traceparent='${TRACEPARENT}'"`, undefined],
    ["a bad one", "SELECT 1 /*traceparent='00-1-2-01'*/", undefined],
    ["none", "SELECT 1", undefined],
    ["without an end", `SELECT 1 /*traceparent='${TRACEPARENT}'`, undefined],
  ])("%s", (_name, sql, expected) => {
    expect(traceparentOf(Buffer.from(sql))).toEqual(expected);
    expect(traceparentOf(Buffer.from(`\u0003${sql}`), 1)).toEqual(expected);
  });

  test("take no time that grows with their length", () => {
    const evil = `/*${"traceparent='".repeat(200)}`;
    const startMs = performance.now();
    for (let i = 0; i < 100; i++) traceparentOf(Buffer.from(`SELECT 1 ${evil}`));
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});
