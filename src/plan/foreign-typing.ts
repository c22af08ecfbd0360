// Types a rows table where the tables it comes from are not: an empty JSON_TABLE with columns of the same types, which keeps
// what CAST has no type for (INT, SMALLINT, VARCHAR of a length). MySQL 8 and MariaDB from 10.6.

import type { ColumnSchema } from "../schema/model.ts";
import { literalNode } from "../sql/new-nodes.ts";
import type { CastType, Expr, JsonTable, JsonTableColumn } from "../sql/tree.ts";

export interface TypedColumn {
  readonly name: string;
  readonly definition: ColumnSchema | undefined;
}

/** Undefined when a column's type is not known, or none that JSON_TABLE has. */
export function foreignTyping(columns: readonly TypedColumn[]): JsonTable | undefined {
  const typed: JsonTableColumn[] = [];
  for (const { name, definition } of columns) {
    const type = definition === undefined ? undefined : typeOf(definition);
    if (type === undefined) return undefined;
    typed.push({ kind: "path", name, type, exists: false, path: "$", on: [], pos: 0 });
  }
  const doc: Expr = literalNode("string", "[]");
  return { kind: "jsonTable", doc, path: "$[*]", columns: typed, alias: "shardgate_types", pos: 0 };
}

const TYPES: ReadonlySet<string> = new Set([
  "tinyint",
  "smallint",
  "mediumint",
  "int",
  "bigint",
  "decimal",
  "double",
  "year",
  "date",
  "time",
  "datetime",
  "char",
  "varchar",
  "tinytext",
  "text",
  "mediumtext",
  "longtext",
  "binary",
  "varbinary",
]);

function typeOf({ dataType, columnType, unsigned, charset, collation }: ColumnSchema): CastType | undefined {
  if (!TYPES.has(dataType)) return undefined;
  const isText = dataType.endsWith("char") || dataType.endsWith("text");
  if (isText && (charset === undefined || collation === undefined)) return undefined;
  const [length, scale] = /\((\d+)(?:,(\d+))?\)/.exec(columnType)?.slice(1) ?? [];
  return {
    kind: "castType",
    name: dataType,
    length,
    scale,
    unsigned,
    zerofill: false,
    charset: isText ? charset : undefined,
    binary: false,
    collation: isText ? collation : undefined,
    array: false,
    pos: 0,
  };
}
