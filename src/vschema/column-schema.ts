// Definitions out of a VSchema's `columns`: what stands in for a table that no tablet has told of (yet). A list without
// column_list_authoritative says something about its columns, but not which ones there are.

import type { ValueType } from "../mysql/values.ts";
import { collationByName } from "../mysql/charsets.ts";
import type { ClusterSchema, ColumnSchema, TableSchema } from "../schema/model.ts";
import type { ColumnVSchema, KeyspaceVSchema, TableVSchema } from "./model.ts";

/** `schema`, with the authoritative column lists of the VSchemas where it has no definition. */
export function withVSchemaColumns(
  schema: ClusterSchema,
  keyspaces: ReadonlyMap<string, KeyspaceVSchema>,
): ClusterSchema {
  const listed = (keyspace: string, table: string): TableSchema | undefined => {
    const found = keyspaces.get(keyspace)?.tables.get(table);
    return found === undefined ? undefined : tableSchemaOf(found);
  };
  return {
    version: schema.version,
    table: (keyspace, table) => schema.table(keyspace, table) ?? listed(keyspace, table),
    tables(keyspace) {
      const known = schema.tables(keyspace);
      const names = new Set(known.map(({ name }) => name));
      const others = [...(keyspaces.get(keyspace)?.tables.values() ?? [])].filter(({ name }) => !names.has(name));
      return [...known, ...others.flatMap((table) => tableSchemaOf(table) ?? [])];
    },
  };
}

/** Undefined unless the VSchema says that its column list is the whole one. */
export function tableSchemaOf(table: TableVSchema): TableSchema | undefined {
  if (!table.columnListAuthoritative) return undefined;
  return {
    name: table.name,
    kind: table.type === "sequence" ? "sequence" : "table",
    columns: table.columns.map((column) => columnSchemaOf(column)),
    keys: [],
    viewQuery: undefined,
    rows: undefined,
  };
}

/** What the VSchema says of a column; types it does not give are empty. */
export function columnSchemaOf(column: ColumnVSchema): ColumnSchema {
  const dataType = DATA_TYPES[column.type];
  const unsigned = column.type.startsWith("UINT");
  const text = TEXTS.has(column.type);
  const collation = text && column.collationName !== "" ? column.collationName.toLowerCase() : undefined;
  return {
    name: column.name,
    lower: column.lower,
    dataType,
    columnType: columnTypeOf(column, dataType, unsigned),
    unsigned,
    nullable: column.nullable ?? true,
    charset: collation === undefined ? undefined : collationByName(collation)?.charset,
    collation,
    invisible: column.invisible,
    autoIncrement: false,
    generated: false,
  };
}

const TEXTS: ReadonlySet<ValueType> = new Set<ValueType>(["CHAR", "VARCHAR", "TEXT", "ENUM", "SET"]);

function columnTypeOf(column: ColumnVSchema, dataType: string, unsigned: boolean): string {
  if (dataType === "enum" || dataType === "set") {
    // Vitess's schema tracking lists them with their quotes.
    return `${dataType}(${column.values.map((value) => (value.startsWith("'") ? value : quoted(value))).join(",")})`;
  }
  const size = column.size === 0 ? "" : column.scale === 0 ? `(${column.size})` : `(${column.size},${column.scale})`;
  return `${dataType}${size}${unsigned ? " unsigned" : ""}`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** DATA_TYPE of information_schema; empty for what is no type of a column. */
const DATA_TYPES = {
  NULL_TYPE: "",
  INT8: "tinyint",
  UINT8: "tinyint",
  INT16: "smallint",
  UINT16: "smallint",
  INT24: "mediumint",
  UINT24: "mediumint",
  INT32: "int",
  UINT32: "int",
  INT64: "bigint",
  UINT64: "bigint",
  FLOAT32: "float",
  FLOAT64: "double",
  DECIMAL: "decimal",
  TIMESTAMP: "timestamp",
  DATE: "date",
  TIME: "time",
  DATETIME: "datetime",
  YEAR: "year",
  TEXT: "text",
  BLOB: "blob",
  VARCHAR: "varchar",
  VARBINARY: "varbinary",
  CHAR: "char",
  BINARY: "binary",
  BIT: "bit",
  ENUM: "enum",
  SET: "set",
  JSON: "json",
  GEOMETRY: "geometry",
  HEXNUM: "",
  HEXVAL: "",
  BITNUM: "",
} as const satisfies Record<ValueType, string>;
