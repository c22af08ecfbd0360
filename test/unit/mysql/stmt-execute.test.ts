import { describe, expect, test } from "vitest";
import { CLIENT, MYSQL_TYPE } from "../../../src/mysql/constants.ts";
import {
  decodeBulkParameters,
  decodeExecuteParameters,
  encodeExecute,
  type ExecuteShape,
} from "../../../src/mysql/packets/stmt-execute.ts";

const SHAPE: ExecuteShape = {
  parameterCount: 3,
  flags: 0,
  capabilities: 0,
  types: undefined,
  longData: () => undefined,
};
const TYPES = [MYSQL_TYPE.LONG, MYSQL_TYPE.VAR_STRING, MYSQL_TYPE.DATETIME];
const VALUES = [Buffer.of(1, 0, 0, 0), null, Buffer.of(4, 0xe8, 7, 2, 29)];
const BLOCK_AT = 10;
const NOTHING = Buffer.alloc(0);

describe("parameters of an execution", () => {
  const encoded = encodeExecute({ types: TYPES, values: VALUES });

  test("come back as they went in", () => {
    const decoded = decodeExecuteParameters(encoded.subarray(BLOCK_AT), SHAPE);
    expect(decoded).toMatchObject({ types: TYPES, values: VALUES });
    expect(decoded.sent).toBeDefined();
    expect(encodeExecute(decoded).equals(encoded)).toBe(true);
    // The client has told its types before.
    const again = Buffer.concat([
      encoded.subarray(BLOCK_AT, BLOCK_AT + 1),
      Buffer.of(0),
      decoded.sent?.values ?? NOTHING,
    ]);
    const parameters = decodeExecuteParameters(again, { ...SHAPE, types: TYPES });
    expect(parameters.sent).toBeDefined();
    expect(encodeExecute(parameters).equals(encoded)).toBe(true);
  });

  test("every truncation is refused as malformed", () => {
    for (let end = BLOCK_AT; end < encoded.length; end++) {
      expect(() => decodeExecuteParameters(encoded.subarray(BLOCK_AT, end), SHAPE), `cut at ${end}`).toThrow(
        /Malformed|Incorrect arguments/,
      );
    }
  });

  test("types of the last execution count when none are sent", () => {
    const block = Buffer.from([0b010, 0, 1, 0, 0, 0, 4, 0xe8, 7, 2, 29]);
    expect(() => decodeExecuteParameters(block, SHAPE)).toThrow(/Incorrect arguments/);
    expect(decodeExecuteParameters(Buffer.of(0b111, 0), SHAPE).values).toEqual([null, null, null]);
    expect(decodeExecuteParameters(block, { ...SHAPE, types: TYPES }).values).toEqual(VALUES);
  });

  test("long data stands for its parameter, whatever the bitmap says", () => {
    const data = Buffer.from("long");
    const longData = (parameter: number): Buffer | undefined => (parameter === 1 ? data : undefined);
    expect(decodeExecuteParameters(encoded.subarray(BLOCK_AT), { ...SHAPE, longData }).values[1]).toBe(data);
  });

  test("query attributes behind the parameters are left out", () => {
    const block = Buffer.concat([
      Buffer.of(2, 0, 1, MYSQL_TYPE.TINY, 0, 0, MYSQL_TYPE.VAR_STRING, 0, 1, 0x61),
      Buffer.of(7, 3, 0x78, 0x79, 0x7a),
    ]);
    const shape = { ...SHAPE, parameterCount: 1, capabilities: CLIENT.QUERY_ATTRIBUTES };
    expect(decodeExecuteParameters(block, shape)).toEqual({ types: [MYSQL_TYPE.TINY], values: [Buffer.of(7)] });
  });

  test("rows of a bulk execution", () => {
    const block = Buffer.from([MYSQL_TYPE.TINY, 0, MYSQL_TYPE.VAR_STRING, 0, 0, 5, 0, 1, 0x61, 1, 0, 0]);
    expect(decodeBulkParameters(block, 128, 2, undefined)).toMatchObject([
      { types: [MYSQL_TYPE.TINY, MYSQL_TYPE.VAR_STRING], values: [Buffer.of(5), Buffer.from("a")] },
      { types: [MYSQL_TYPE.TINY, MYSQL_TYPE.VAR_STRING], values: [null, Buffer.alloc(0)] },
    ]);
    // DEFAULT and IGNORE are no values.
    expect(decodeBulkParameters(Buffer.from([MYSQL_TYPE.TINY, 0, 2, 3, 0, 7]), 128, 1, undefined)).toMatchObject([
      { values: [null], indicated: new Map([[0, "default"]]) },
      { values: [null], indicated: new Map([[0, "ignore"]]) },
      { values: [Buffer.of(7)], indicated: new Map() },
    ]);
    expect(() => decodeBulkParameters(Buffer.from([MYSQL_TYPE.TINY, 0, 4]), 128, 1, undefined)).toThrow(/an indicator/);
    expect(decodeBulkParameters(Buffer.alloc(0), 128, 0, undefined)).toBeUndefined();
  });

  test("types that are none are refused, and long data of numbers and times", () => {
    const block = (type: number): Buffer => Buffer.from([0, 1, type, 0, 1, 0x61]);
    const shape = { ...SHAPE, parameterCount: 1 };
    for (const type of [17, 31, 0x60, 0xf3, 0xf5]) {
      expect(() => decodeExecuteParameters(block(type), shape), String(type)).toThrow(/Incorrect arguments/);
      const asNull = Buffer.from([1, 1, type, 0]);
      expect(() => decodeExecuteParameters(asNull, shape), `NULL as ${type}`).toThrow(/Incorrect arguments/);
    }
    expect(decodeExecuteParameters(Buffer.from([1, 1, MYSQL_TYPE.NULL, 0]), shape).values).toEqual([null]);
    const longData = (): Buffer => Buffer.from("long");
    expect(decodeExecuteParameters(block(MYSQL_TYPE.BLOB), { ...shape, longData }).values).toEqual([longData()]);
    for (const type of [MYSQL_TYPE.LONG, MYSQL_TYPE.DECIMAL, MYSQL_TYPE.NEWDECIMAL, MYSQL_TYPE.BIT]) {
      expect(() => decodeExecuteParameters(block(type), { ...shape, longData }), String(type)).toThrow(/Incorrect/);
    }
  });

  test("what says that types follow is 0 or 1", () => {
    const block = Buffer.from([0, 7, MYSQL_TYPE.TINY, 0, 5]);
    expect(() => decodeExecuteParameters(block, { ...SHAPE, parameterCount: 1 })).toThrow(/Malformed/);
  });

  test("servers get types that they read as long as clients have written them", () => {
    const types = [MYSQL_TYPE.INT24, MYSQL_TYPE.YEAR | 0x8000, MYSQL_TYPE.BOOL];
    const values = [Buffer.of(1, 0, 0, 0), Buffer.of(2, 0), Buffer.of(3)];
    const block = Buffer.from("00" + "01" + "0300" + "0280" + "0100" + "01000000" + "0200" + "03", "hex");
    expect(encodeExecute({ types, values }).subarray(BLOCK_AT)).toEqual(block);
    const sent = { nulls: Buffer.of(0), values: Buffer.concat(values) };
    expect(encodeExecute({ types, values, sent }).subarray(BLOCK_AT)).toEqual(block);
  });
});
