// Rows of cursors: what those of one session have together is bounded, and a fetch goes no faster than its client reads.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../../src/base/limits.ts";
import { CursorRows, CursorUse } from "../../../../src/gateway/prepared/cursor-rows.ts";
import { checkPrepared } from "../../../../src/gateway/prepared/statement-description.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";

const ROW = writeFrame(Buffer.alloc(1_000, 0x61), 0);

describe("the cursors of a session", () => {
  test("share their memory, and give it back", async () => {
    const use = new CursorUse();
    const [one, other, third] = [new CursorRows(use), new CursorRows(use), new CursorRows(use)];
    while (one.add(ROW));
    // The first has gone to disk with what did not fit; the others find no room, either.
    expect(use.memoryBytes).toBeLessThanOrEqual(LIMITS.cursorMemoryBytesMax);
    expect(other.add(ROW)).toBe(false);
    expect(use.files).toBe(2);
    await Promise.all([one.drained(), other.drained()]);
    await one.close();
    await one.close();
    expect(use).toEqual({ memoryBytes: 0, files: 1 });
    expect(third.add(ROW)).toBe(true);
    await Promise.all([other.close(), third.close()]);
    expect(use).toEqual({ memoryBytes: 0, files: 0 });
  });

  test("have a bound on disk", () => {
    const use = new CursorUse();
    use.memoryBytes = LIMITS.cursorMemoryBytesMax;
    use.files = LIMITS.cursorFilesMax;
    expect(() => new CursorRows(use).add(ROW)).toThrow(/lie on disk/);
  });
});

test("a fetch of all rows waits for its client to read", async () => {
  const rows = new CursorRows();
  for (let row = 0; row < 200; row++) rows.add(Buffer.from(ROW));
  const written: Buffer[] = [];
  let resume: (() => void) | undefined;
  const client = {
    write: (bytes: Buffer) => written.push(bytes) === 0,
    onDrain: (drained: () => void) => {
      resume = drained;
    },
  };
  const fetched = rows.fetch(0xffff_ffff, 2, 1, client);
  await Promise.resolve();
  const first = written.reduce((sum, { length }) => sum + length, 0);
  expect(first).toBeLessThan(64 * 1024);
  let isDone = false;
  void fetched.then(() => (isDone = true));
  for (let turn = 0; turn < 1_000 && !isDone; turn++) {
    resume?.();
    resume = undefined;
    await Promise.resolve();
  }
  expect(await fetched).toBe(true);
  expect(written.reduce((sum, { length }) => sum + length, 0)).toBe(200 * ROW.length + 9);
});

test("texts of prepared statements have a bound", () => {
  expect(() => checkPrepared(1, LIMITS.preparedBytesPerSessionMax - 1)).not.toThrow();
  expect(() => checkPrepared(1, LIMITS.preparedBytesPerSessionMax)).toThrow(/close some/);
});
