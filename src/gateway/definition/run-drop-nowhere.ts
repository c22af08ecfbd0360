// DROP of tables and such in databases that there are not.

import { droppedNowhere } from "../../plan/drop-nowhere.ts";
import type { Ddl } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { commitOpen } from "../transaction/run-transaction.ts";

/** Answers the client with notes, or throws what MySQL says without IF EXISTS. */
export async function runDropNowhere(executor: Executor, statement: Ddl): Promise<void> {
  const { state } = executor;
  executor.refuseReplica();
  if (!statement.temporary) await commitOpen(executor);
  const notes = droppedNowhere(statement, state.sqlMode.dialect);
  const warnings = notes.map(({ errno: code, message }) => ({ level: "Note" as const, code, message }));
  state.rowCount = 0;
  state.lastWarnings = { kind: "list", warnings };
  executor.ok({ affectedRows: 0, warnings: warnings.length });
}
