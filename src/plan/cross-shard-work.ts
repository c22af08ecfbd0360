// What in a SELECT makes the answers of several shards more than the sum of their rows. A statement that goes to one
// shard may have all of it.

import { AGGREGATE_FUNCTIONS } from "../sql/aggregate-functions.ts";
import type { Node, Select } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";

/** The construct's name, or undefined when rows of several shards can just be put one after the other. */
export function crossShardWorkOf(select: Select): string | undefined {
  if (select.groupBy.length > 0) return "GROUP BY over several shards";
  if (select.options.includes("distinct")) return "DISTINCT over several shards";
  if (select.having !== undefined) return "HAVING over several shards";
  if (select.windows.length > 0) return "WINDOW over several shards";
  if (select.procedure !== undefined) return "PROCEDURE over several shards";
  let found: string | undefined;
  walk(select, (node) => {
    found ??= workOfNode(node);
    return found === undefined;
  });
  if (found !== undefined) return found;
  if (select.orderBy.length > 0) return "ORDER BY over several shards";
  if (select.limit !== undefined) return "LIMIT over several shards";
  return undefined;
}

function workOfNode(node: Node): string | undefined {
  switch (node.kind) {
    case "groupConcat":
      return `${node.name.toUpperCase()}() over several shards`;
    case "withinGroup":
      return `${node.name.toUpperCase()}() over several shards`;
    case "windowSpec":
    case "windowName":
      return "window function over several shards";
    case "call":
      // A stored aggregate function (MariaDB) cannot be told from a plain one: its answer per shard may be meaningless.
      if (node.stored || node.schema !== undefined) return `stored function ${node.name}() over several shards`;
      return AGGREGATE_FUNCTIONS.has(node.name) || node.name === "any_value"
        ? `${node.name.toUpperCase()}() over several shards`
        : undefined;
    default:
      return undefined;
  }
}
