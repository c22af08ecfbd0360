// Joins of tables that do not lie together: stage by stage, the rows of what was joined so far are shipped in batches to
// the shards of the next table, where a MySQL joins them.

import type { Cte, Select } from "../sql/tree.ts";
import { CannotMerge } from "./cannot-merge.ts";
import type { Placement } from "./colocation.ts";
import type { MergePlanner } from "./merge.ts";
import type { ShardBody } from "./merge-plan.ts";
import type { Block } from "./scope.ts";

export function splitJoin(
  _planner: MergePlanner,
  _select: Select,
  _block: Block,
  _placement: Placement,
  _ctes: readonly Cte[],
): Select | ShardBody {
  throw new CannotMerge("a join of rows of different shards");
}
