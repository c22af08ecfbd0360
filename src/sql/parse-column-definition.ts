// Definitions of columns in CREATE TABLE and ALTER TABLE: types and attributes.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import type { Found } from "./parse-ddl.ts";
import { check, engineOption, references, value } from "./parse-definition.ts";
import { collationName, expression } from "./parse-expr.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";
import { skipParentheses } from "./skipped.ts";
import type { ColumnDefinition, TypeDefinition } from "./table-definition.ts";

const LENGTH_TYPES: ReadonlySet<string> = new Set([
  "bit",
  "tinyint",
  "smallint",
  "mediumint",
  "int",
  "integer",
  "bigint",
  "int1",
  "int2",
  "int3",
  "int4",
  "int8",
  "middleint",
  "char",
  "character",
  "nchar",
  "nvarchar",
  "varchar",
  "varcharacter",
  "binary",
  "varbinary",
  "blob",
  "text",
  "year",
  "time",
  "timestamp",
  "datetime",
  "vector",
  "decimal",
  "dec",
  "numeric",
  "fixed",
  "number",
  "float",
  "float4",
  "float8",
  "double",
  "real",
  "raw",
  "clob",
  "varchar2",
]);
const SPATIAL_TYPES: ReadonlySet<string> = new Set([
  "geometry",
  "point",
  "linestring",
  "polygon",
  "multipoint",
  "multilinestring",
  "multipolygon",
  "geometrycollection",
  "geomcollection",
]);

const PLAIN_TYPES: ReadonlySet<string> = new Set([
  "bool",
  "boolean",
  "date",
  "tinyblob",
  "mediumblob",
  "longblob",
  "tinytext",
  "mediumtext",
  "longtext",
  "json",
  "serial",
  ...SPATIAL_TYPES,
  "uuid",
  "inet4",
  "inet6",
  "xmltype",
]);

/** A column's type and attributes, behind its name. */
export function columnDefinition(c: Cursor, name: string, found: Found): ColumnDefinition {
  const attributes: Attributes = {
    charset: undefined,
    binary: false,
    collation: undefined,
    nullable: undefined,
    autoIncrement: false,
    invisible: false,
    generated: false,
    key: undefined,
  };
  const type = columnType(c);
  columnAttributes(c, found, name, attributes);
  const { charset = type.charset, binary, ...rest } = attributes;
  return { name, type: { ...type, charset, binary: binary || type.binary }, ...rest };
}

interface Attributes extends Mutable<Omit<ColumnDefinition, "name" | "type">> {
  charset: string | undefined;
  binary: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A data type of a column. */
export function columnType(c: Cursor): TypeDefinition {
  let name: string = c.w;
  const values: string[] = [];
  let size: readonly [string | undefined, string | undefined] = [undefined, undefined];
  if (c.k === T.quoted) throw c.error();
  if (name === "enum" || name === "set") {
    c.next();
    c.expect("(");
    do {
      if (c.k === T.hexnum || c.k === T.hexval || c.k === T.bitval || c.k === T.nstring) values.push(c.raw());
      else values.push(c.string());
    } while (c.accept(","));
    c.expect(")");
  } else if (name === "national") {
    c.next();
    const base = c.oneOf(["char", "character", "varchar", "varcharacter"]);
    name = c.accept("varying") || base.startsWith("var") ? "nvarchar" : "nchar";
    size = length(c);
  } else if (name === "long") {
    c.next();
    name = c.maybeOneOf(["varbinary"]) === undefined ? "mediumtext" : "mediumblob";
    if (name === "mediumtext" && !c.accept2("char", "varying")) c.maybeOneOf(["varchar", "varcharacter", "text"]);
  } else if (LENGTH_TYPES.has(name)) {
    c.next();
    if (name === "double") c.accept("precision");
    if ((name === "char" || name === "character") && c.accept("varying")) name = "varchar";
    else if (name === "nchar" && c.maybeOneOf(["varying", "varchar", "varcharacter"]) !== undefined) name = "nvarchar";
    size = length(c);
  } else if (PLAIN_TYPES.has(name)) {
    c.next();
    if (c.mariadb && SPATIAL_TYPES.has(name)) {
      length(c);
      if (c.accept("ref_system_id")) {
        c.expect("=");
        c.integer();
      }
    }
  } else throw c.error();
  return { name, length: size[0], scale: size[1], values, ...typeOptions(c) };
}

function length(c: Cursor): readonly [string | undefined, string | undefined] {
  if (!c.accept("(")) return [undefined, undefined];
  const first = c.integer();
  const second = c.accept(",") ? c.integer() : undefined;
  c.expect(")");
  return [first, second];
}

function typeOptions(c: Cursor): Pick<TypeDefinition, "unsigned" | "zerofill" | "charset" | "binary"> {
  let unsigned = false;
  let zerofill = false;
  let charset: string | undefined;
  let binary = false;
  for (;;) {
    switch (c.w) {
      case "unsigned":
        unsigned = true;
        break;
      case "signed":
        break;
      case "zerofill":
        zerofill = true;
        break;
      case "binary":
        binary = true;
        break;
      case "ascii":
      case "unicode":
      case "byte":
        charset = c.w;
        break;
      default:
        if (!atCharset(c)) return { unsigned: unsigned || zerofill, zerofill, charset, binary };
        acceptCharset(c);
        charset = charsetName(c).toLowerCase();
        continue;
    }
    c.next();
  }
}

export function atCharset(c: Cursor): boolean {
  return c.w === "charset" || ((c.w === "character" || c.w === "char") && c.peek(1) === "set");
}

/** CONSTRAINT [name] CHECK (…), or in MariaDB REFERENCES …, of column `column`. */
function constraint(c: Cursor, found: Found, column: string): void {
  c.expect("constraint");
  const name = c.isName() ? c.name() : undefined;
  if (c.mariadb && c.w === "references") references(c, found, name, [column]);
  else check(c);
}

function columnAttributes(c: Cursor, found: Found, name: string, column: Attributes): void {
  for (;;) {
    switch (c.w) {
      case "not":
        c.next();
        c.expect("null");
        column.nullable = false;
        continue;
      case "null":
        c.next();
        column.nullable = true;
        continue;
      case "auto_increment":
        c.next();
        column.autoIncrement = true;
        continue;
      case "visible":
      case "invisible":
        column.invisible = c.w === "invisible";
        c.next();
        continue;
      case "default":
        c.next();
        defaultValue(c);
        continue;
      case "on":
        if (c.peek(1) !== "update") return;
        c.seek(c.i + 2);
        expression(c);
        continue;
      case "unique":
        c.next();
        c.accept("key");
        column.key ??= "unique";
        continue;
      case "primary":
        c.next();
        c.accept("key");
        column.key = "primary";
        continue;
      case "key":
        c.next();
        column.key = "primary";
        continue;
      case "comment":
        c.next();
        c.accept("=");
        c.string();
        continue;
      case "collate":
        c.next();
        if (!(c.mariadb && c.accept("default"))) column.collation = collationName(c).toLowerCase();
        continue;
      case "character":
      case "char":
      case "charset":
        if (!atCharset(c)) return;
        {
          const { charset, binary } = typeOptions(c);
          column.charset = charset;
          column.binary = binary;
        }
        continue;
      case "column_format":
        c.next();
        c.oneOf(["fixed", "dynamic", "default"]);
        continue;
      case "storage":
        c.next();
        c.oneOf(["disk", "memory", "default"]);
        continue;
      case "references":
        references(c, found, undefined, [name]);
        continue;
      case "constraint":
        constraint(c, found, name);
        continue;
      case "check":
        check(c);
        continue;
      case "generated":
        c.next();
        c.expect("always");
        generated(c);
        column.generated = true;
        continue;
      case "as":
        generated(c);
        column.generated = true;
        continue;
      case "srid":
        c.next();
        c.accept("=");
        c.integer();
        continue;
      case "ref_system_id":
        c.next();
        c.expect("=");
        c.integer();
        continue;
      case "serial":
        c.next();
        c.expect("default");
        c.expect("value");
        column.nullable = false;
        column.autoIncrement = true;
        column.key ??= "unique";
        continue;
      case "compressed":
        c.next();
        if (c.accept("=")) value(c);
        continue;
      case "with":
      case "without":
        if (c.peek(1) !== "system" && c.peek(1) !== "compression") return;
        c.seek(c.i + 2);
        c.accept("versioning");
        continue;
      default:
        if (!engineOption(c)) return;
    }
  }
}

/** The value of DEFAULT, without the NOT NULL or COLLATE that may follow. */
export function defaultValue(c: Cursor): void {
  if (c.accept2("next", "value")) {
    c.expect("for");
    c.objectName();
    return;
  }
  if (c.w === "-" || c.w === "+") c.next();
  if (c.w === "(") {
    c.next();
    expression(c);
    c.expect(")");
    return;
  }
  if (c.k === T.introducer) c.next();
  switch (c.k) {
    case T.string:
      c.string();
      return;
    case T.int:
    case T.decimal:
    case T.float:
    case T.hexnum:
    case T.hexval:
    case T.bitnum:
    case T.bitval:
    case T.nstring:
      c.next();
      return;
  }
  if (c.w === "null" || c.w === "true" || c.w === "false") {
    c.next();
    return;
  }
  if ((c.w === "date" || c.w === "time" || c.w === "timestamp") && c.peekKind(1) === T.string) {
    c.next();
    c.string();
    return;
  }
  if (c.k === T.keyword && !/^(current|local|utc)_?/.test(c.w) && c.peek(1) !== "(") throw c.error();
  c.anyWord();
  while (c.accept(".")) c.anyWord();
  if (c.w === "(") skipParentheses(c);
}

function generated(c: Cursor): void {
  c.expect("as");
  if (c.accept("identity")) return;
  if (c.accept("row")) {
    c.oneOf(["start", "end"]);
    return;
  }
  c.expect("(");
  expression(c);
  c.expect(")");
  c.maybeOneOf(["virtual", "stored", "persistent"]);
}
