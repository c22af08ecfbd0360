// Rows of information_schema that no server has: the gateway's client connections, the rights of its user, and variables as
// the session has them.

import { assertNever } from "../../base/assert.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import type { GatewayRows } from "../../plan/system-tables.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { readTextResult } from "../read/text-rows.ts";
import { globalText, variableText } from "../session/session-values.ts";
import { schemaPrivileges, tablePrivileges, userPrivileges } from "../access/grants.ts";
import { visibleProcesses } from "../cluster/processes.ts";

type Row = Readonly<Record<string, string | number | null>>;

/** By lower-case column; all rows of a kind have the same ones. `home`: a server that tells what all have in common. */
export async function gatewayRows(rows: GatewayRows, executor: Executor, home: ShardTarget): Promise<readonly Row[]> {
  const { state, context } = executor;
  switch (rows) {
    case "processlist":
      return (await visibleProcesses(context, state)).processes.map((process) => ({
        id: process.id,
        user: process.user,
        host: process.host,
        db: process.keyspace ?? null,
        command: process.command,
        time: process.seconds,
        state: "",
        info: process.statement ?? null,
        time_ms: process.seconds * 1000,
      }));
    case "user_privileges":
      return userPrivileges(state.user);
    case "schema_privileges":
      return schemaPrivileges(state.user);
    case "table_privileges":
      return tablePrivileges(state.user);
    case "column_privileges":
      return [];
    case "session_variables":
    case "global_variables":
    case "system_variables":
      return variableRows(rows, executor, home);
    default:
      return assertNever(rows);
  }
}

/** As a server has them, with those in place that are the session's, the gateway's, or set for all of the cluster. */
async function variableRows(
  table: "session_variables" | "global_variables" | "system_variables",
  { state, context, signal }: Executor,
  home: ShardTarget,
): Promise<readonly Row[]> {
  const sql = `SELECT * FROM information_schema.${table.toUpperCase()}`;
  const request = { ...plainRequest(comQuery(sql)), settings: state.settings.ofGateway.sql };
  const reply = await collect(context.tablets, home, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const { columns, rows } = readTextResult(reply.bytes);
  const names = columns.map(({ name }) => name.toLowerCase());
  return rows.map((cells) => {
    const values = names.map((name, i) => [name, cells[i]?.toString("utf8") ?? null] as const);
    const row: Record<string, string | null> = Object.fromEntries(values);
    const name = row["variable_name"]?.toLowerCase() ?? "";
    for (const [column, value] of values) {
      if (value === null) continue;
      const isGlobal = column === "global_value" || (column === "variable_value" && table === "global_variables");
      const isSession = column === "session_value" || (column === "variable_value" && !isGlobal);
      if (isGlobal) row[column] = globalText(name, context, value) ?? value;
      if (column === "global_value_origin" && context.globals.current.has(name)) row[column] = "SQL";
      if (isSession) row[column] = variableText(name, state, context, value) ?? value;
    }
    return row;
  });
}
