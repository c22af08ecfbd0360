// Types of CAST, CONVERT, JSON_VALUE and JSON_TABLE, names of character sets, and the ON EMPTY / ON ERROR clauses.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { castTypeNode } from "./new-nodes.ts";
import { collationName, expression } from "./parse-expr.ts";
import type { CastType, JsonOnResponse } from "./tree.ts";

/** A character set: a name, a string, or BINARY. */
export function charsetName(c: Cursor): string {
  if (c.w === "binary") {
    c.next();
    return "binary";
  }
  if (c.w === "ascii" || c.w === "unicode") return c.raw().toLowerCase();
  return c.nameOrString();
}

/** CHARACTER SET, CHARSET or CHAR SET at the current token; steps over it. */
export function acceptCharset(c: Cursor): boolean {
  return c.accept2("character", "set") || c.accept2("char", "set") || c.accept("charset");
}

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["character", "char"],
  ["dec", "decimal"],
  ["numeric", "decimal"],
  ["fixed", "decimal"],
  ["integer", "int"],
  ["bool", "boolean"],
]);

const LENGTH_AND_SCALE: ReadonlySet<string> = new Set(["decimal", "float", "double", "real"]);
const WITHOUT_LENGTH: ReadonlySet<string> = new Set([
  "signed",
  "unsigned",
  "date",
  "json",
  "boolean",
  "point",
  "linestring",
  "polygon",
  "multipoint",
  "multilinestring",
  "multipolygon",
  "geometrycollection",
  "tinytext",
  "mediumtext",
  "longtext",
  "tinyblob",
  "mediumblob",
  "longblob",
  "uuid",
  "inet4",
  "inet6",
]);
const CHARACTER_TYPES: ReadonlySet<string> = new Set([
  "char",
  "varchar",
  "text",
  "tinytext",
  "mediumtext",
  "longtext",
  "enum",
  "set",
]);

/** A type as CAST takes it; JSON_TABLE columns take the types of table columns, which are read as well. */
export function castType(c: Cursor): CastType {
  const pos = c.pos;
  if (c.k !== T.word && c.k !== T.keyword) throw c.error();
  if (c.w === "interval") return intervalType(c, pos);
  let name = SYNONYMS.get(c.w) ?? c.w;
  switch (name) {
    case "signed":
    case "unsigned":
      c.next();
      if (c.w === "integer" || c.w === "int") c.next();
      break;
    case "national":
      c.next();
      name = c.oneOf(["char", "character", "varchar"]) === "varchar" ? "nvarchar" : "nchar";
      if (name === "nchar" && c.accept("varying")) name = "nvarchar";
      break;
    case "char":
      c.next();
      if (c.accept("varying")) name = "varchar";
      break;
    case "varchar2":
      if (!c.mariadb || !c.mode.oracle) throw c.error();
      c.next();
      name = "varchar";
      break;
    case "double":
      c.next();
      c.accept("precision");
      break;
    case "nchar":
    case "nvarchar":
    case "varchar":
    case "binary":
    case "varbinary":
    case "decimal":
    case "float":
    case "real":
    case "date":
    case "datetime":
    case "time":
    case "timestamp":
    case "year":
    case "json":
    case "int":
    case "tinyint":
    case "smallint":
    case "mediumint":
    case "bigint":
    case "bit":
    case "boolean":
    case "text":
    case "tinytext":
    case "mediumtext":
    case "longtext":
    case "blob":
    case "tinyblob":
    case "mediumblob":
    case "longblob":
    case "point":
    case "linestring":
    case "polygon":
    case "multipoint":
    case "multilinestring":
    case "multipolygon":
    case "geometrycollection":
    case "uuid":
    case "inet4":
    case "inet6":
      c.next();
      break;
    default:
      throw c.error();
  }
  let length: string | undefined;
  let scale: string | undefined;
  if (c.w === "(" && !WITHOUT_LENGTH.has(name)) {
    c.next();
    length = c.integer();
    if (LENGTH_AND_SCALE.has(name) && c.accept(",")) scale = c.integer();
    c.expect(")");
  }
  let unsigned = false;
  let zerofill = false;
  if (name !== "signed" && name !== "unsigned") {
    if (c.accept("unsigned")) unsigned = true;
    if (c.accept("zerofill")) zerofill = true;
  }
  let charset: string | undefined;
  let collation: string | undefined;
  let binary = false;
  if (CHARACTER_TYPES.has(name)) {
    binary = c.accept("binary");
    if (acceptCharset(c)) charset = charsetName(c);
    else if (c.w === "ascii" || c.w === "unicode" || c.w === "byte") charset = c.raw().toLowerCase();
    if (!binary && charset !== undefined) binary = c.accept("binary");
    if (c.accept("collate") && !(c.mariadb && c.accept("default"))) collation = collationName(c);
  }
  const array = c.accept("array");
  return { kind: "castType", name, length, scale, unsigned, zerofill, charset, binary, collation, array, pos };
}

/** MariaDB's CAST(x AS INTERVAL DAY_SECOND(6)). */
function intervalType(c: Cursor, pos: number): CastType {
  c.next();
  if (c.w !== "day_second") throw c.error();
  c.next();
  let length: string | undefined;
  if (c.accept("(")) {
    length = c.integer();
    c.expect(")");
  }
  return castTypeNode("interval day_second", length, pos);
}

/** `NULL|ERROR|DEFAULT value ON EMPTY` and the same ON ERROR, each at most once. */
export function jsonOn(c: Cursor): JsonOnResponse[] {
  const list: JsonOnResponse[] = [];
  while (list.length < 2 && (c.w === "null" || c.w === "error" || c.w === "default")) {
    const pos = c.pos;
    const action = c.oneOf(["null", "error", "default"]);
    const value = action === "default" ? expression(c) : undefined;
    c.expect("on");
    const on = c.oneOf(["empty", "error"]);
    if (list.some((other) => other.on === on)) throw c.errorAt(pos);
    list.push({ kind: "jsonOn", on, action, value, pos });
  }
  return list;
}
