// What an executor knows of the statement that it runs; each statement begins with nothing of the one before.

import type { ShardRequest, ShardTarget } from "../engine/ports.ts";
import { NO_EFFECT } from "../plan/effects.ts";
import type { Effect } from "../plan/plan.ts";
import type { BindValue } from "../sql/bind-value.ts";
import type { Ddl, Insert } from "../sql/tree.ts";
import type { DefinedTables } from "./cluster/defined-tables.ts";
import type { QueryOptions } from "./plans/query-options.ts";
import type { Execution } from "./prepared/execution.ts";
import type { ShardUse } from "./session/held-connection.ts";
import type { Keeping } from "./session/kept-state.ts";

export const NO_BINDS: readonly BindValue[] = [];

export class StatementUnderWay {
  /** What it may do. */
  options: QueryOptions;
  /** What query rules have made of its options; undefined: there was none to ask. */
  given: QueryOptions | undefined = undefined;
  /** When it is to have ended; 0: never. */
  deadlineMs = 0;
  /** An execution of a prepared statement that one shard may answer as it is. */
  execution: Execution | undefined;
  /** The execution is answered with an OK, never with rows. */
  isRowless = false;
  /** What it means for the session. */
  effect: Effect = NO_EFFECT;
  binds: readonly BindValue[] = NO_BINDS;
  /** What it may do to rows. */
  use: ShardUse = "writes";
  /** Of one that is a transaction of its own; undefined: the session's. */
  isolation: string | undefined = undefined;
  /** Set while it goes to several shards: what all of them have to have in common. */
  parts: { readonly settings: string; readonly nowUs: number } | undefined = undefined;
  /** One without tables leaves the warnings of the one before (manual: "SHOW WARNINGS"). */
  keepsWarnings = false;

  // What passes through

  target: ShardTarget | undefined = undefined;
  request: ShardRequest | undefined = undefined;
  reserves = false;
  /** An INSERT or REPLACE. */
  inserting:
    | { readonly statement: Insert; readonly binds: readonly BindValue[]; readonly keyspace: string }
    | undefined = undefined;
  /** Tables whose definitions it changes. */
  defining: DefinedTables | undefined = undefined;
  /** It defines temporary tables in a sharded keyspace. */
  temporary: Ddl | undefined = undefined;
  /** What it may leave on its connection, or take away there. */
  keeping: Keeping | undefined = undefined;

  constructor(options: QueryOptions, execution: Execution | undefined) {
    this.options = options;
    this.execution = execution;
  }

  /** The same statement from its beginning, with the execution that it had then. */
  again(execution: Execution | undefined): StatementUnderWay {
    const again = new StatementUnderWay(this.options, execution);
    again.given = this.given;
    again.deadlineMs = this.deadlineMs;
    again.isRowless = this.isRowless;
    again.isolation = this.isolation;
    again.keeping = this.keeping;
    return again;
  }
}
