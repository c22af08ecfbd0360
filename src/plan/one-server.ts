// What in a query has one value, or one sequence of values, for the whole statement on one MySQL, and would have one for
// each shard if it were sent to several: such a query over several shards is computed on one connection (the gather tier).

import type { Node, Query } from "../sql/tree.ts";
import { sequenceOf } from "../sql/tables.ts";
import { walk } from "../sql/walk.ts";
import { isInsertIdSetter } from "./session-functions.ts";

/** The construct's name; undefined when each shard may compute its part of the query by itself. */
export function oneServerWorkOf(query: Query): string | undefined {
  let found: string | undefined;
  walk(query, (node) => {
    found ??= workOfNode(node);
    return found === undefined;
  });
  return found;
}

/** Variables that tell servers apart. */
const OF_THE_SERVER: ReadonlySet<string> = new Set([
  "basedir",
  "datadir",
  "gtid_binlog_pos",
  "gtid_binlog_state",
  "gtid_current_pos",
  "gtid_executed",
  "gtid_slave_pos",
  "hostname",
  "last_gtid",
  "log_error",
  "pid_file",
  "port",
  "pseudo_thread_id",
  "report_host",
  "server_id",
  "server_uid",
  "server_uuid",
  "tmpdir",
]);

function workOfNode(node: Node): string | undefined {
  // Every shard of a keyspace may have one of the name, each with values of its own.
  if (sequenceOf(node) !== undefined) return "a sequence";
  switch (node.kind) {
    case "assign":
      return "a user variable set inside a statement";
    case "intoVariables":
      return "SELECT … INTO a user variable";
    case "select":
      return node.options.includes("sql_calc_found_rows") && node.limit !== undefined
        ? "SQL_CALC_FOUND_ROWS with LIMIT"
        : undefined;
    case "union":
      return node.limit !== undefined && node.first.kind === "select" ? oneServerUnion(node.first.options) : undefined;
    case "systemVariable":
      return OF_THE_SERVER.has(node.name) ? `@@${node.name}` : undefined;
    case "call":
      if (node.stored || node.schema !== undefined) return undefined;
      // A seed gives a sequence of numbers, row after row.
      if (node.name === "rand" && node.args.length > 0) return "RAND(seed)";
      // Unique for one server: it has the server's id and start in it.
      if (node.name === "uuid_short") return "UUID_SHORT()";
      return isInsertIdSetter(node) ? "LAST_INSERT_ID(expression)" : undefined;
    default:
      return undefined;
  }
}

function oneServerUnion(options: readonly string[]): string | undefined {
  return options.includes("sql_calc_found_rows") ? "SQL_CALC_FOUND_ROWS with LIMIT" : undefined;
}
