// The statement that reads a gathered table's rows from its shards.

import type { Expr, Select } from "../sql/tree.ts";
import type { GatherSource } from "./plan.ts";

/** `SELECT * FROM t AS alias WHERE …`; what is selected is for the engine to say. */
export function readingOf(source: GatherSource, where: Expr | undefined): Select {
  const pos = 0;
  const { table, alias, partitions, systemTime, locking } = source;
  return {
    kind: "select",
    hints: undefined,
    options: [],
    items: [{ kind: "star", schema: undefined, table: undefined, pos }],
    from: [{ kind: "tableName", schema: undefined, name: table, alias, partitions, indexHints: [], systemTime, pos }],
    dual: false,
    where,
    groupBy: [],
    rollup: false,
    having: undefined,
    windows: [],
    procedure: undefined,
    with: undefined,
    orderBy: [],
    limit: undefined,
    into: undefined,
    locking: locking === undefined ? [] : [locking],
    pos,
  };
}
