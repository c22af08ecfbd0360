// A column's definition as its server would tell it in information_schema.COLUMNS: synonyms resolved, display widths and
// character sets filled in (manual: "Data Types"; widths as MariaDB shows them).

import { collationByName, defaultCollation } from "../mysql/charsets.ts";
import type { ColumnDefinition, TypeDefinition } from "../sql/table-definition.ts";
import type { ColumnSchema } from "./model.ts";

/** What columns inherit from their table. */
export interface TableCharset {
  readonly charset: string;
  readonly collation: string;
}

/** The defaults of a table from its options; those of the database where it has none. */
export function tableCharset(
  charset: string | undefined,
  collation: string | undefined,
  inherited: TableCharset,
): TableCharset {
  if (collation !== undefined) return { charset: collationByName(collation)?.charset ?? inherited.charset, collation };
  if (charset === undefined) return inherited;
  const known = KNOWN_AS.get(charset) ?? charset;
  return { charset: known, collation: defaultCollation(known)?.collation ?? inherited.collation };
}

const KNOWN_AS: ReadonlyMap<string, string> = new Map([
  ["ascii", "latin1"],
  ["unicode", "ucs2"],
  ["byte", "binary"],
  ["utf8", "utf8mb3"],
]);

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["int1", "tinyint"],
  ["bool", "tinyint"],
  ["boolean", "tinyint"],
  ["int2", "smallint"],
  ["int3", "mediumint"],
  ["middleint", "mediumint"],
  ["int4", "int"],
  ["integer", "int"],
  ["int8", "bigint"],
  ["serial", "bigint"],
  ["dec", "decimal"],
  ["numeric", "decimal"],
  ["fixed", "decimal"],
  ["number", "decimal"],
  ["float4", "float"],
  ["float8", "double"],
  ["real", "double"],
  ["character", "char"],
  ["nchar", "char"],
  ["nvarchar", "varchar"],
  ["varcharacter", "varchar"],
  ["varchar2", "varchar"],
  ["raw", "varbinary"],
  ["clob", "longtext"],
  ["geomcollection", "geometrycollection"],
]);

/** Display widths: of signed and of unsigned ones. */
const INTEGER_WIDTHS: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["tinyint", ["4", "3"]],
  ["smallint", ["6", "5"]],
  ["mediumint", ["9", "8"]],
  ["int", ["11", "10"]],
  ["bigint", ["20", "20"]],
]);

/** Types of characters, with what each becomes when its characters are bytes. */
const TEXT_TYPES: ReadonlyMap<string, string> = new Map([
  ["char", "binary"],
  ["varchar", "varbinary"],
  ["tinytext", "tinyblob"],
  ["text", "blob"],
  ["mediumtext", "mediumblob"],
  ["longtext", "longblob"],
]);

/** `inherited`: the table's. `notNull`: the column belongs to the primary key. */
export function columnSchemaOf(column: ColumnDefinition, inherited: TableCharset, mariadb: boolean): ColumnSchema {
  const { type } = column;
  const rest = {
    name: column.name,
    lower: column.name.toLowerCase(),
    nullable: column.nullable ?? (type.name !== "serial" && column.key !== "primary"),
    invisible: column.invisible,
    autoIncrement: column.autoIncrement || type.name === "serial",
    generated: column.generated,
  };
  // MariaDB's JSON is text with a check.
  const name = mariadb && type.name === "json" ? "longtext" : (SYNONYMS.get(type.name) ?? type.name);
  if (name === "enum" || name === "set" || TEXT_TYPES.has(name)) {
    const own = type.name === "json" ? JSON_CHARSET : charsetOf(column, inherited);
    const bytes = own.charset === "binary" ? TEXT_TYPES.get(name) : undefined;
    if (bytes !== undefined) {
      return { ...rest, dataType: bytes, columnType: sized(bytes, type), unsigned: false, ...NO_CHARSET };
    }
    const columnType =
      name === "enum" || name === "set" ? `${name}(${type.values.map(quoted).join(",")})` : sized(name, type);
    return { ...rest, dataType: name, columnType, unsigned: false, ...own };
  }
  const unsigned = type.unsigned || type.name === "serial";
  const zerofill = type.zerofill ? " zerofill" : "";
  const dataType =
    name === "float" && Number(type.length) > FLOAT_DIGITS_MAX && type.scale === undefined ? "double" : name;
  const columnType = `${numberType(dataType, type, unsigned)}${unsigned ? " unsigned" : ""}${zerofill}`;
  return { ...rest, dataType, columnType, unsigned, ...NO_CHARSET };
}

const NO_CHARSET = { charset: undefined, collation: undefined };
const JSON_CHARSET: TableCharset = { charset: "utf8mb4", collation: "utf8mb4_bin" };
const NATIONAL = "utf8mb3";
/** FLOAT(p) with more is a DOUBLE. */
const FLOAT_DIGITS_MAX = 24;

function charsetOf({ type, collation }: ColumnDefinition, inherited: TableCharset): TableCharset {
  const national = type.name === "nchar" || type.name === "nvarchar" ? NATIONAL : undefined;
  const own = tableCharset(type.charset ?? national, collation, inherited);
  return type.binary && collation === undefined ? { ...own, collation: `${own.charset}_bin` } : own;
}

/** CHAR, BINARY and the VAR types with their length. */
function sized(name: string, { length }: TypeDefinition): string {
  switch (name) {
    case "char":
    case "binary":
      return `${name}(${length ?? "1"})`;
    case "varchar":
    case "varbinary":
      return `${name}(${length ?? ""})`;
    default:
      return name;
  }
}

function numberType(name: string, type: TypeDefinition, unsigned: boolean): string {
  const { length, scale } = type;
  const widths = INTEGER_WIDTHS.get(name);
  if (widths !== undefined) {
    const truth = type.name === "bool" || type.name === "boolean";
    return `${name}(${truth ? "1" : (length ?? widths[unsigned ? 1 : 0])})`;
  }
  switch (name) {
    case "decimal":
      return `${name}(${length ?? "10"},${scale ?? "0"})`;
    case "float":
    case "double":
      return scale === undefined ? name : `${name}(${length},${scale})`;
    case "bit":
    case "binary":
      return `${name}(${length ?? "1"})`;
    case "year":
      return `${name}(4)`;
    default:
      return length === undefined || length === "0" || name === "blob" ? name : `${name}(${length})`;
  }
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
