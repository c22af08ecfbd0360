// CREATE FUNCTION in a sharded keyspace. A function runs wherever the statement that calls it does, over what that one shard
// has: one that reads or changes sharded tables would answer for a part of their rows. Its body is the server's to read;
// here only the words in it are looked at, so a name that is a sharded table's is taken for that table.

import { notSupported } from "../base/errors.ts";
import type { Ddl } from "../sql/tree.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";

/** Throws 1235 for a function that may use tables whose rows are on several shards. */
export function refuseFunctionOverShards({ verb, object, text }: Ddl, keyspace: KeyspaceVSchema): void {
  if (object !== "function" || verb === "drop") return;
  const code = text.replaceAll(TEXTS, "''");
  if (!USES_TABLES.test(code)) return;
  const words = new Set(Array.from(code.matchAll(WORDS), ([word]) => word.toLowerCase()));
  for (const { name, type } of keyspace.tables.values()) {
    if (type === "reference" || !words.has(name.toLowerCase())) continue;
    throw notSupported(
      `${verb.toUpperCase()} FUNCTION over sharded table ${name}`,
      "it would see the rows of one shard: query the table itself, or make the function in an unsharded keyspace",
    );
  }
}

const TEXTS = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"/g;
const WORDS = /[\p{L}\p{N}_$]+/gu;
const USES_TABLES = /\bselect\b.*\bfrom\b|\b(?:update|delete|table)\s|\breplace\s+into\b|\binsert\s+\w/is;
