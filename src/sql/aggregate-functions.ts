// MySQL's and MariaDB's aggregate functions with the plain syntax of a call (manual: "Aggregate Functions"), lower case.
// GROUP_CONCAT and those WITHIN GROUP have nodes of their own.

export const AGGREGATE_FUNCTIONS: ReadonlySet<string> = new Set([
  "avg",
  "bit_and",
  "bit_or",
  "bit_xor",
  "count",
  "json_arrayagg",
  "json_objectagg",
  "max",
  "min",
  "std",
  "stddev",
  "stddev_pop",
  "stddev_samp",
  "st_collect",
  "sum",
  "var_pop",
  "var_samp",
  "variance",
]);
