// SET STATEMENT variable = value, … FOR statement (MariaDB), where the statement is more than one shard's: it runs as any
// other of the session, under settings that have the values for its time.

import { interrupted, notSupported } from "../../base/errors.ts";
import { print } from "../../sql/print.ts";
import type { SetStatementFor } from "../../sql/tree.ts";
import { ForwardingClient } from "../client/forwarding-client.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { settingsWith, tryOut } from "./set-statement.ts";
import { isUserVariable, type Settings } from "./settings.ts";

/** Answers the client, or throws. */
export async function runSetFor(executor: Executor, statement: SetStatementFor, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  if (statement.items.some(({ kind }) => kind !== "setVariable")) {
    throw notSupported("SET STATEMENT NAMES of a statement over shards");
  }
  const during = await settingsWith(executor, statement.items, cluster);
  const { sqlMode } = await tryOut(executor, during, cluster);
  const before = state.settings;
  const modeBefore = state.sqlModeText;
  state.settings = during;
  if (sqlMode !== undefined) state.readSqlMode(sqlMode);
  try {
    // It has been read by the session's own mode, and is written so that it means the same under the other one.
    state.tracker?.changed();
    const sql = print(statement.statement, [], { mode: state.sqlMode, columnNames: true });
    await new StandIn(executor.client).run(executor, sql);
  } finally {
    state.settings = withVariablesOf(before, during, state.settings);
    state.readSqlMode(modeBefore);
  }
  executor.client.commandDone();
}

/** Hands on what the statement answers, but for its end. */
class StandIn extends ForwardingClient {
  #done: (() => void) | undefined;

  async run(outer: Executor, sql: string): Promise<void> {
    const executor = outer.forClient(this);
    const cancel = (): void => {
      executor.interrupt(interrupted());
    };
    outer.signal.addEventListener("abort", cancel, { once: true });
    await new Promise<void>((resolve) => {
      this.#done = resolve;
      executor.query(comQuery(sql), outer.sequenceId - 1);
    });
    outer.signal.removeEventListener("abort", cancel);
  }

  override commandDone(): void {
    this.#done?.();
  }

  override end(): void {
    this.client.end();
    this.#done?.();
  }

  override destroy(): void {
    this.client.destroy();
    this.#done?.();
  }
}

/** `before`, with what the statement has set user variables to. */
function withVariablesOf(before: Settings, during: Settings, after: Settings): Settings {
  let settings = before;
  for (const [name, value] of after.variables) {
    if (isUserVariable(name) && during.variables.get(name) !== value) settings = settings.withVariable(name, value);
  }
  return settings;
}
