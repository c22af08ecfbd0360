// Column types whose text is an integer's digits, YEAR and BIT left out.

import { MYSQL_TYPE } from "./constants.ts";

export const INTEGER_TYPES: ReadonlySet<number> = new Set([
  MYSQL_TYPE.TINY,
  MYSQL_TYPE.SHORT,
  MYSQL_TYPE.INT24,
  MYSQL_TYPE.LONG,
  MYSQL_TYPE.LONGLONG,
]);
