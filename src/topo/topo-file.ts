// A list of topology entries as a JSON file: the content of an embedded store, and a gateway's last-known-good topology.
// A crash at any moment leaves the old file or the new one, never half of one.

import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { ShardgateError } from "../base/errors.ts";
import type { TopoEntry, TopoList } from "./store.ts";

/** Reads the text of `file`. Throws TOPO_BAD_RECORD. */
export function decodeTopoFile(file: string, text: string): TopoList {
  const fail = (why: string): never => {
    throw new ShardgateError("TOPO_BAD_RECORD", `topology file ${file} ${why}`);
  };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return fail("is not JSON");
  }
  if (typeof content !== "object" || content === null || !("entries" in content) || !("revision" in content)) {
    return fail("has no entries");
  }
  if (!("version" in content) || content.version !== 1) return fail("is not of version 1");
  if (!Array.isArray(content.entries) || typeof content.revision !== "number") return fail("has no list of entries");
  const entries = content.entries.map((entry: unknown): TopoEntry => {
    if (typeof entry !== "object" || entry === null) return fail("has a bad entry");
    if (!("key" in entry) || !("value" in entry) || !("revision" in entry)) return fail("has a bad entry");
    const { key, value, revision } = entry;
    if (typeof key !== "string" || typeof value !== "string" || typeof revision !== "number") {
      return fail("has a bad entry");
    }
    return { key, value, revision };
  });
  return { entries, revision: content.revision };
}

/** Writes the file so that a crash at any moment leaves the old or the new one: temporary file, fsync, rename. */
export async function writeTopoFile(file: string, list: TopoList): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(
      `${JSON.stringify({ version: 1, revision: list.revision, entries: list.entries }, undefined, 1)}\n`,
    );
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
