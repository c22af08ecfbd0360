// Statements with nothing in them, for the gateway's own to be made of.

import type { Delete, Insert, Select } from "../sql/tree.ts";

export const EMPTY_SELECT: Select = {
  kind: "select",
  hints: undefined,
  options: [],
  items: [],
  from: [],
  dual: false,
  where: undefined,
  groupBy: [],
  rollup: false,
  having: undefined,
  windows: [],
  procedure: undefined,
  with: undefined,
  orderBy: [],
  limit: undefined,
  into: undefined,
  locking: [],
  pos: 0,
};

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
