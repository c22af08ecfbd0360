// COM_FIELD_LIST for a table of a system schema: a shard's connection has selected its keyspace, so the columns are asked for
// by the schema's name. The manual: dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_field_list.html

import { describe } from "../../engine/describe.ts";
import { plainRequest } from "../../engine/ports.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { decodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { encodeEof } from "../../mysql/packets/eof.ts";
import { backquote } from "../../sql/quoting.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "./com-query.ts";
import type { Executor } from "../executor.ts";
import { likePattern } from "../show/like-pattern.ts";
import { anyKeyspace } from "../session/any-keyspace.ts";

/** Answers the client, or throws the server's error. `payload` is the command's. */
export async function runFieldList(
  executor: Executor,
  schema: string,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { context, state, client, signal } = executor;
  const end = payload.indexOf(0, 1);
  const table = payload.toString("utf8", 1, end < 0 ? payload.length : end);
  const wildcard = end < 0 ? "" : payload.toString("utf8", end + 1);
  const sql = `SELECT * FROM ${backquote(schema)}.${backquote(table)} LIMIT 0`;
  const request = { ...plainRequest(comQuery(sql)), settings: state.settings.ofParts.sql };
  const target = executor.shards.any(anyKeyspace(state, cluster), cluster);
  const all = await describe(context.tablets, target, request, signal);
  const pattern = wildcard === "" ? undefined : likePattern(wildcard);
  const shown = all.filter((definition) => pattern?.test(decodeColumnDefinition(definition).name) ?? true);
  let { sequenceId } = executor;
  // Each definition is followed by its default value: none.
  for (const definition of shown) client.write(writeFrame(Buffer.concat([definition, NULL]), sequenceId++));
  client.write(writeFrame(encodeEof({ statusFlags: state.statusFlags, warnings: 0 }), sequenceId));
  client.commandDone();
}

const NULL = Buffer.of(0xfb);
