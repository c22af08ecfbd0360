// The embedded store's file: what survives a restart, what does not, and who may use it.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { createEmbeddedTopo } from "../../../src/topo/embedded.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shardgate-embedded-"));
  file = join(folder, "deep", "topology.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = async () => (await createEmbeddedTopo({ clock: systemClock, file })).connect();

test("what was written survives with its revision; registrations and locks do not", async () => {
  const first = await open();
  const revision = await first.create("/a", "1");
  await first.create("/b", "2");
  await first.delete("/b");
  await first.register("/tablet", "x").registered;
  await first.lock("/lock", "me");
  await first.create("/c", "3");
  // No close: as after a crash.
  const second = await open();
  expect((await second.list("/")).entries.map(({ key }) => key)).toEqual(["/a", "/c"]);
  expect(await second.get("/a")).toEqual({ key: "/a", value: "1", revision });
  expect(await second.update("/a", "4", revision)).toBeGreaterThan(revision);
});

test("a change is on disk when it is answered, also when many come at once", async () => {
  const store = await open();
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      await store.create(`/k${index}`, "v");
      expect(readFileSync(file, "utf8")).toContain(`"/k${index}"`);
    }),
  );
});

test.each(["", "{", '{"version":2,"revision":1,"entries":[]}', '{"version":1,"revision":1,"entries":[{}]}'])(
  "content %o is refused, naming the file",
  async (text) => {
    await open();
    writeFileSync(file, text);
    await expect(open()).rejects.toMatchObject({ id: "TOPO_BAD_RECORD", message: expect.stringContaining(file) });
  },
);

test("another living process keeps it, a dead one does not", async () => {
  await open();
  const other = spawn("sleep", ["60"]);
  writeFileSync(`${file}.lock`, `${other.pid}\n`);
  await expect(open()).rejects.toMatchObject({ id: "CONFIG_BAD", message: expect.stringContaining("another process") });
  const ended = new Promise((resolve) => other.once("exit", resolve));
  other.kill();
  await ended;
  await open();
  writeFileSync(`${file}.lock`, "rubbish");
  await open();
});
