// Statements with nothing in them, for the gateway's own to be made of.

import type { Delete, Insert } from "../../sql/tree.ts";

export { EMPTY_SELECT } from "../../sql/empty-select.ts";

export const EMPTY_DELETE: Delete = {
  kind: "delete",
  with: undefined,
  hints: undefined,
  lowPriority: false,
  quick: false,
  ignore: false,
  form: "single",
  targets: [],
  tables: [],
  where: undefined,
  orderBy: [],
  limit: undefined,
  returning: [],
  pos: 0,
};

export const EMPTY_INSERT: Insert = {
  kind: "insert",
  replace: false,
  hints: undefined,
  priority: undefined,
  ignore: false,
  table: { kind: "name", schema: undefined, name: "", pos: 0 },
  partitions: [],
  columns: [],
  columnList: false,
  form: "values",
  rows: [],
  query: undefined,
  rowAlias: undefined,
  rowAliasColumns: [],
  onDuplicate: [],
  returning: [],
  pos: 0,
};
