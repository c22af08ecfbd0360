// Temporary files without a name: unlinked as soon as they are open, so that nothing is left behind whatever becomes of
// this process.

import { type FileHandle, mkdtemp, open, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, ShardgateError } from "./errors.ts";

/** An empty file to write and read, readable by this user only. Throws LIMIT_REACHED when the disk gives none. */
export async function openNameless(): Promise<FileHandle> {
  try {
    const dir = await mkdtemp(join(tmpdir(), "shardgate-"));
    const path = join(dir, "run");
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    await rmdir(dir);
    return file;
  } catch (error) {
    throw new ShardgateError("LIMIT_REACHED", `cannot write to ${tmpdir()}: ${messageOf(error)}`, error);
  }
}
