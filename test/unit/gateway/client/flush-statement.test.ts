import { expect, test } from "vitest";
import { flushStatement } from "../../../../src/gateway/client/flush-statement.ts";

test.each([
  ["07 01", "FLUSH PRIVILEGES"],
  ["07 02", "FLUSH LOGS"],
  ["07 04", "FLUSH TABLES"],
  ["07 04 40", "FLUSH TABLES WITH READ LOCK"],
  ["07 1a", "FLUSH LOGS, HOSTS, STATUS"],
  ["07 20", "FLUSH STATUS"],
])("COM_REFRESH %s", (hex, sql) => {
  expect(flushStatement(Buffer.from(hex.replaceAll(" ", ""), "hex")).toString("latin1")).toBe(`\x03${sql}`);
});

test.each(["07 40", "07 80", "07 06"])("COM_REFRESH %s is refused", (hex) => {
  expect(() => flushStatement(Buffer.from(hex.replaceAll(" ", ""), "hex"))).toThrow("COM_REFRESH");
});
