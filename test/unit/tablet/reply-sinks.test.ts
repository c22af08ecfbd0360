import { describe, expect, test } from "vitest";
import { Collect } from "../../../src/tablet/reply-sinks.ts";

describe("a collected reply", () => {
  const lostWith = new Error("gone");

  test("that does not come whole is told as lost to who can be told, never as an empty one", () => {
    const told: unknown[] = [];
    const sink = new Collect(
      100,
      (reply) => told.push(reply.length),
      (error) => told.push(error),
    );
    sink.part(Buffer.from("abc"), 0, 3);
    sink.lost(lostWith);
    expect(told).toEqual([lostWith]);
  });

  test("is an empty one where only that can be told", () => {
    const told: unknown[] = [];
    const sink = new Collect(100, (reply) => told.push(reply.length));
    sink.part(Buffer.from("abc"), 0, 3);
    sink.lost(lostWith);
    expect(told).toEqual([0]);
  });
});
