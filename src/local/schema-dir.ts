// Reads a schema directory: each sub-folder is a keyspace with `vschema.json` and `*.sql` files. Everything that can be
// found wrong with it is found here, before any process is started.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { shardNames } from "./shard-names.ts";
import { type FileStatement, splitStatements } from "./sql-file.ts";

export interface SchemaKeyspace {
  readonly name: string;
  readonly sharded: boolean;
  readonly shards: readonly string[];
  /** What vschema.json holds; `{}` without one. */
  readonly vschema: unknown;
  readonly statements: readonly FileStatement[];
}

/**
 * Throws VSCHEMA_BAD with the path of the fault when `text` is not a good VSchema for `keyspace`. Files that its vindexes
 * name are relative to `folder`.
 */
export type CheckVSchema = (keyspace: string, text: string, folder: string) => void;

/**
 * The keyspaces below `dir`, unsharded ones first (sequences live there), then by name. A keyspace that `counts` does
 * not name gets one shard. Throws CONFIG_BAD or VSCHEMA_BAD with the file that is wrong.
 */
export function readSchemaDir(
  dir: string,
  counts: ReadonlyMap<string, number>,
  checkVSchema: CheckVSchema,
): SchemaKeyspace[] {
  const folders = list(dir);
  for (const keyspace of counts.keys()) {
    if (!folders.includes(keyspace)) {
      const known = folders.length === 0 ? "it has none" : `it has ${folders.join(", ")}`;
      throw bad(`--shards names keyspace ${keyspace}, but ${dir} has no folder of that name; ${known}`);
    }
  }
  const keyspaces = folders.map((name) => readKeyspace(dir, name, counts, checkVSchema));
  const found = keyspaces.filter((keyspace) => keyspace !== undefined);
  if (found.length === 0) {
    throw bad(`${dir} has no keyspaces: make a folder for each keyspace, with *.sql files and a vschema.json`);
  }
  return found.toSorted((a, b) => Number(a.sharded) - Number(b.sharded) || (a.name < b.name ? -1 : 1));
}

function list(dir: string): string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => entry.name);
  } catch (cause) {
    throw bad(`--schema-dir: cannot read ${dir}: ${messageOf(cause)}`, cause);
  }
}

function readKeyspace(
  dir: string,
  name: string,
  counts: ReadonlyMap<string, number>,
  checkVSchema: CheckVSchema,
): SchemaKeyspace | undefined {
  const folder = join(dir, name);
  const files = readdirSync(folder).toSorted();
  const sqlFiles = files.filter((file) => file.endsWith(".sql"));
  const vschemaFile = files.includes("vschema.json") ? join(folder, "vschema.json") : undefined;
  if (sqlFiles.length === 0 && vschemaFile === undefined && !counts.has(name)) return undefined;

  const text = vschemaFile === undefined ? "{}" : readFileSync(vschemaFile, "utf8");
  let vschema: unknown;
  try {
    checkVSchema(name, text, folder);
    vschema = JSON.parse(text);
  } catch (cause) {
    throw new ShardgateError("VSCHEMA_BAD", `${vschemaFile ?? folder}: ${messageOf(cause)}`, cause);
  }
  const sharded = typeof vschema === "object" && vschema !== null && "sharded" in vschema && vschema.sharded === true;
  const count = counts.get(name) ?? 1;
  if (!sharded && count > 1) {
    throw bad(
      `--shards gives keyspace ${name} ${count} shards, but ${
        vschemaFile === undefined ? `${folder} has no vschema.json` : `${vschemaFile} does not say "sharded": true`
      }`,
    );
  }
  const statements = sqlFiles.flatMap((file) =>
    splitStatements(readFileSync(join(folder, file), "utf8"), join(folder, file)),
  );
  return { name, sharded, shards: shardNames(count, sharded), vschema, statements };
}

function bad(message: string, cause?: unknown): ShardgateError {
  return new ShardgateError("CONFIG_BAD", message, cause);
}
