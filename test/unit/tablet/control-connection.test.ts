import { expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { answerWithin, ControlConnection } from "../../../src/tablet/control-connection.ts";
import { DrivenClock } from "../../fixture/driven-clock.ts";

const NOWHERE = { socketPath: "/nowhere/mysqld.sock", host: "", port: 0, user: "root", password: "", database: "u" };

test("a KILL that is not wanted any more is not sent: the id may be somebody else's by now", async () => {
  const control = new ControlConnection(NOWHERE, systemClock);
  await expect(control.killQuery(7, () => true)).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
  await control.killQuery(7, () => false);
  let asked = 0;
  await expect(control.killQuery(7, () => asked++ === 0)).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
  expect(asked).toBe(1);
});

test("an answer that came while this process stood still counts, however long that was", async () => {
  const clock = new DrivenClock();
  let answered: (text: string) => void = () => undefined;
  const answer = new Promise<string>((resolve) => {
    answered = resolve;
  });
  const waited = answerWithin(clock, 3_000, answer);
  // However late a timer is, it counts once, and what has come meanwhile is read before the next.
  clock.advance(2_000);
  answered("here");
  expect(await waited).toBe("here");
});

test("three ticks without an answer are enough", async () => {
  const clock = new DrivenClock();
  const waited = answerWithin(clock, 3_000, new Promise(() => undefined));
  const failed = expect(waited).rejects.toThrow("no answer in 3000 ms");
  for (let tick = 0; tick < 3; tick++) clock.advance(1_000);
  await failed;
});
