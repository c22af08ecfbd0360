// A procedure that commits or rolls back would do so on its own shard alone, while other shards take part in the
// transaction: in mode `twopc`, which promises all or none, such a CALL is refused before anything of it has run. What a
// procedure may do is read from its definition; words that may end a transaction count wherever they stand.

import { notSupported } from "../base/errors.ts";
import { collect, errorOfReply } from "../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../engine/ports.ts";
import type { CallStatement } from "../sql/tree.ts";
import { comQuery } from "./com-query.ts";
import type { Executor } from "./executor.ts";
import { readTextRows } from "./text-rows.ts";

/** Statements with an implicit commit, dynamic ones, and other procedures, of which nothing is known. */
const MAY_END =
  /\b(COMMIT|ROLLBACK|START\s+TRANSACTION|BEGIN\s+WORK|AUTOCOMMIT|XA|CALL|EXECUTE|CREATE|ALTER|DROP|RENAME|TRUNCATE|(UN)?LOCK\s+TABLES?|GRANT|REVOKE|ANALYZE|CHECK|OPTIMIZE|REPAIR|FLUSH|RESET|CACHE|LOAD|INSTALL|UNINSTALL|PASSWORD|CHANGE|STOP|SHUTDOWN)\b/i;

/** Throws 1235 for a CALL on `target` that might tear the open transaction. */
export async function refuseCommitting(
  { context, state, signal }: Executor,
  { procedure }: CallStatement,
  keyspace: string,
  target: ShardTarget,
): Promise<void> {
  if (!state.holds.isAtomicBeside(target)) return;
  const sql =
    "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'PROCEDURE' " +
    `AND ROUTINE_SCHEMA = ${text(procedure.schema ?? keyspace)} AND ROUTINE_NAME = ${text(procedure.name)}`;
  const reply = await collect(context.tablets, target, plainRequest(comQuery(sql)), signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const [row] = readTextRows(reply.bytes);
  // One that is not there gets its error from the server.
  if (row === undefined) return;
  const definition = row[0]?.toString("latin1");
  if (definition !== undefined && !MAY_END.test(definition)) return;
  throw notSupported(
    `CALL of procedure ${procedure.name}, which may commit or roll back, in a transaction over several shards`,
    "call it outside, or SET transaction_mode = 'multi' before",
  );
}

function text(name: string): string {
  return `_utf8mb4 x'${Buffer.from(name, "utf8").toString("hex")}'`;
}
