// The statement that reads a gathered table's rows from its shards.

import { EMPTY_SELECT } from "../sql/empty-select.ts";
import type { Expr, Select } from "../sql/tree.ts";
import type { GatherSource } from "./plan.ts";

/** `SELECT * FROM t AS alias WHERE …`; what is selected is for the engine to say. */
export function readingOf(source: GatherSource, where: Expr | undefined): Select {
  const pos = 0;
  const { table, alias, partitions, systemTime, locking } = source;
  return {
    ...EMPTY_SELECT,
    items: [{ kind: "star", schema: undefined, table: undefined, pos }],
    from: [{ kind: "tableName", schema: undefined, name: table, alias, partitions, indexHints: [], systemTime, pos }],
    where,
    locking: locking === undefined ? [] : [locking],
  };
}
