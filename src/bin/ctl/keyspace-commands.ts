// Commands about keyspaces.

import { Option } from "commander";
import type { KeyspaceInfo } from "../../control/keyspaces.ts";
import { createKeyspace, deleteKeyspace, getKeyspace, getKeyspaces } from "../../control/keyspaces.ts";
import { type Add, type Call, columns } from "./call.ts";

export function addKeyspaceCommands(add: Add): void {
  add(
    "CreateKeyspace <keyspace>",
    "Adds a keyspace, without shards.",
    async ({ context, flags, first: keyspace }: Call) => {
      const isNew = await createKeyspace(context, keyspace, { ifNotExists: flags.ifNotExists === true });
      const text = isNew ? `Keyspace ${keyspace} is created.\n` : `Keyspace ${keyspace} was there already.\n`;
      return { json: { keyspace, created: isNew }, text };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetKeyspaces", "Lists the keyspaces with their shards.", async ({ context }: Call) => {
    const keyspaces = await getKeyspaces(context);
    return { json: keyspaces, text: keyspaceTable(keyspaces) };
  });
  add("GetKeyspace <keyspace>", "Shows a keyspace.", async ({ context, first: keyspace }: Call) => {
    const info = await getKeyspace(context, keyspace);
    return { json: info, text: keyspaceTable([info]) };
  });
  add(
    "DeleteKeyspace <keyspace>",
    "Removes a keyspace from the topology; the data in its databases is not touched.",
    async ({ context, flags, first: keyspace }: Call) => {
      await deleteKeyspace(context, keyspace, { recursive: flags.recursive === true });
      return { json: { keyspace, deleted: true }, text: `Keyspace ${keyspace} is deleted.\n` };
    },
    [new Option("--recursive", "with its shards")],
  );
}

function keyspaceTable(keyspaces: readonly KeyspaceInfo[]): string {
  const rows = keyspaces.map((each) => [
    each.name,
    each.shards.join(" ") || "(none)",
    each.hasVSchema ? "yes" : "no",
    each.shardProblem ?? "",
  ]);
  return columns(["KEYSPACE", "SHARDS", "VSCHEMA", "PROBLEM"], rows);
}
