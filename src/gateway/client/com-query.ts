// A COM_QUERY payload from SQL text.

import { encodeSql } from "../../sql/encoding.ts";

const COM_QUERY = Buffer.of(3);

export function comQuery(sql: string | Buffer): Buffer {
  return Buffer.concat([COM_QUERY, typeof sql === "string" ? encodeSql(sql) : sql]);
}
