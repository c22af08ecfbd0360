// Expressions whose value depends on nothing but the row and the session's settings: the same on a shard as later, over the
// same row, on another server. No subqueries, no state of a connection, no chance, no time, no effects.

import { isExpr } from "../sql/walk.ts";
import type { Node } from "../sql/tree.ts";

/** Says so of one node; its children are looked at by the caller. Columns and user variables count as values. */
export function isPure(node: Node): boolean {
  if (node.kind === "call") {
    if (node.stored || node.schema !== undefined || node.over !== undefined || node.distinct || node.star) return false;
    // Without an argument it is the time of the moment.
    return PURE_FUNCTIONS.has(node.name) && !(node.name === "unix_timestamp" && node.args.length === 0);
  }
  return isExpr(node) ? PURE_KINDS.has(node.kind) : PURE_PARTS.has(node.kind);
}

const PURE_KINDS: ReadonlySet<string> = new Set<Node["kind"]>([
  "literal",
  "temporal",
  "bind",
  "column",
  "userVariable",
  "unary",
  "binary",
  "and",
  "or",
  "is",
  "in",
  "between",
  "like",
  "memberOf",
  "row",
  "case",
  "cast",
  "convertUsing",
  "collate",
  "interval",
  "extract",
  "trim",
  "position",
  "weightString",
  "char",
  "timestampCall",
  "jsonValue",
]);

/** Nodes that are no expressions themselves. */
const PURE_PARTS: ReadonlySet<string> = new Set<Node["kind"]>(["when", "castType", "jsonOn"]);

/** Functions with the plain syntax of a call (manual: "Built-In Function and Operator Reference"). */
export const PURE_FUNCTIONS: ReadonlySet<string> = new Set(
  // Control flow and comparison
  (
    "if ifnull nullif isnull coalesce greatest least interval strcmp nvl nvl2 decode_oracle " +
    // Numbers
    "abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 crc32c degrees exp floor ln log log10 log2 mod " +
    "oct pi pow power radians round sign sin sqrt tan truncate bin hex unhex " +
    // Text
    "ascii bit_length char_length character_length chr concat concat_ws elt export_set field find_in_set format " +
    "from_base64 insert instr lcase left length lengthb locate lower lpad ltrim make_set mid octet_length ord " +
    "quote regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right rpad rtrim soundex space " +
    "substr substring substring_index to_base64 ucase upper md5 sha sha1 sha2 compress uncompress uncompressed_length " +
    "charset collation inet_aton inet_ntoa inet6_aton inet6_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 " +
    "uuid_to_bin bin_to_uuid is_uuid natural_sort_key " +
    // Dates
    "adddate addtime convert_tz date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear " +
    "from_days from_unixtime hour last_day makedate maketime microsecond minute month monthname period_add period_diff " +
    "quarter sec_to_time second str_to_date subdate subtime time time_format time_to_sec timediff timestamp to_days " +
    "to_seconds unix_timestamp week weekday weekofyear year yearweek " +
    // JSON
    "json_array json_array_append json_array_insert json_compact json_contains json_contains_path json_depth json_detailed " +
    "json_equals json_exists json_extract json_insert json_keys json_length json_loose json_merge json_merge_patch " +
    "json_merge_preserve json_normalize json_object json_overlaps json_pretty json_query json_quote json_remove json_replace " +
    "json_search json_set json_type json_unquote json_valid json_value"
  ).split(" "),
);
