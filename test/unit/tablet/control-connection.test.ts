import { expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { ControlConnection } from "../../../src/tablet/control-connection.ts";

const NOWHERE = { socketPath: "/nowhere/mysqld.sock", host: "", port: 0, user: "root", password: "", database: "u" };

test("a KILL that is not wanted any more is not sent: the id may be somebody else's by now", async () => {
  const control = new ControlConnection(NOWHERE, systemClock);
  await expect(control.killQuery(7, () => true)).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
  await control.killQuery(7, () => false);
  let asked = 0;
  await expect(control.killQuery(7, () => asked++ === 0)).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
  expect(asked).toBe(1);
});
