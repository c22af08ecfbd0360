// Rows of information_schema that no server has: the gateway's client connections and the rights of its user.

import { assertNever } from "../../base/assert.ts";
import type { GatewayRows } from "../../plan/system-tables.ts";
import type { Executor } from "../executor.ts";
import { schemaPrivileges, tablePrivileges, userPrivileges } from "../access/grants.ts";
import { visibleProcesses } from "../cluster/processes.ts";

/** By lower-case column; all rows of a kind have the same ones. */
export async function gatewayRows(
  rows: GatewayRows,
  { state, context }: Executor,
): Promise<readonly Readonly<Record<string, string | number | null>>[]> {
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
    default:
      return assertNever(rows);
  }
}
