import { describe, expect, test } from "vitest";
import { parse } from "../../../src/sql/parse.ts";

const xidOf = (xid: string): unknown => {
  const statement = parse(`XA START ${xid}`);
  return statement.kind === "xa" ? statement.xid : undefined;
};

describe("xids", () => {
  test.each([
    ["'a'", { gtrid: "61", bqual: "", format: 1 }],
    ["'a', 'b'", { gtrid: "61", bqual: "62", format: 1 }],
    ["'a','',7", { gtrid: "61", bqual: "", format: 7 }],
    ["X'0aFF', x'', 0x10", { gtrid: "0aff", bqual: "", format: 16 }],
    ["0xABC", { gtrid: "0abc", bqual: "", format: 1 }],
    ["b'100000001', 0b1", { gtrid: "0101", bqual: "01", format: 1 }],
    ["'é'", { gtrid: "c3a9", bqual: "", format: 1 }],
    [`'${"x".repeat(64)}'`, { gtrid: "78".repeat(64), bqual: "", format: 1 }],
  ])("%s", (text, xid) => {
    expect(xidOf(text)).toEqual(xid);
  });

  test.each([`'${"x".repeat(65)}'`, "'a', 'b', 2147483648", "a", "'a', 'b', 'c'"])("%s is none", (text) => {
    expect(() => xidOf(text)).toThrow(/syntax/);
  });
});
