// A SELECT of nothing, to be filled.

import type { Select } from "./tree.ts";

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
