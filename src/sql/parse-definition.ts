// Definitions of columns, keys, options and partitions in CREATE TABLE and ALTER TABLE. They are checked here and travel
// on as text; tables that foreign keys name are noted, and what the columns and keys are (table-definition.ts).

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { balanced, type Found } from "./parse-ddl.ts";
import { collationName, expression } from "./parse-expr.ts";
import { columnName } from "./parse-function.ts";
import { innerQuery, queryExpression } from "./parse-query.ts";
import { lockWait } from "./parse-session.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";
import type { ColumnDefinition, ColumnPlace, KeyDefinition, TypeDefinition } from "./table-definition.ts";

/** CREATE TABLE behind the name. */
export function createTableBody(c: Cursor, found: Found): void {
  if (c.accept("like")) {
    found.references.push(c.objectName());
    return;
  }
  if (c.w === "(" && c.peek(1) === "like") {
    c.seek(c.i + 2);
    found.references.push(c.objectName());
    c.expect(")");
    return;
  }
  let elements = false;
  if (c.w === "(" && !c.atQuery()) {
    c.next();
    do element(c, found);
    while (c.accept(","));
    c.expect(")");
    elements = true;
  }
  tableOptions(c, found);
  if (c.w === "partition") partitionBy(c);
  c.maybeOneOf(["ignore", "replace"]);
  if (c.w === "as" || c.atQuery()) {
    c.accept("as");
    if (!c.atQuery()) throw c.error();
    found.query = innerQuery(c, (inner) => queryExpression(inner));
  } else if (!elements) throw c.error();
}

/** A column, key, constraint or period. */
function element(c: Cursor, found: Found): void {
  if (startsKey(c)) key(c, found);
  else if (c.w === "period" && c.peek(1) === "for") period(c);
  else addColumn(c, found, false, undefined);
}

function addColumn(
  c: Cursor,
  found: Found,
  ifNotExists: boolean,
  place: (() => ColumnPlace | undefined) | undefined,
): void {
  const column = columnDefinition(c, c.name(), found);
  found.definition.changes.push({ kind: "add-column", column, place: place?.(), ifNotExists });
}

function startsKey(c: Cursor): boolean {
  if (c.k !== T.keyword) return false;
  switch (c.w) {
    case "primary":
    case "unique":
    case "key":
    case "index":
    case "fulltext":
    case "spatial":
    case "foreign":
    case "check":
    case "constraint":
      return true;
    default:
      return false;
  }
}

function period(c: Cursor): void {
  c.seek(c.i + 2);
  c.name();
  c.expect("(");
  c.name();
  c.expect(",");
  c.name();
  c.expect(")");
}

function key(c: Cursor, found: Found): void {
  let constraint: string | undefined;
  if (c.accept("constraint")) {
    ifClause(c);
    if (c.isName()) constraint = c.name();
  }
  let kind: KeyDefinition["kind"] = "plain";
  let name: string | undefined;
  switch (c.w) {
    case "primary":
      c.next();
      c.expect("key");
      keyNameAndType(c);
      kind = "primary";
      break;
    case "unique":
    case "fulltext":
    case "spatial":
      kind = c.w;
      c.next();
      c.maybeOneOf(["index", "key"]);
      name = keyNameAndType(c) ?? (kind === "unique" ? constraint : undefined);
      break;
    case "index":
    case "key":
      c.next();
      name = keyNameAndType(c);
      break;
    case "foreign":
      c.next();
      c.expect("key");
      ifClause(c);
      name = c.isName() ? c.name() : undefined;
      references(c, found, constraint ?? name, keyParts(c));
      return;
    case "check":
      check(c);
      return;
    default:
      throw c.error();
  }
  const columns = keyParts(c);
  keyOptions(c);
  found.definition.changes.push({ kind: "add-key", key: { kind, name, columns } });
}

/** IF EXISTS, IF NOT EXISTS (MariaDB in many places). */
function ifClause(c: Cursor): boolean {
  if (c.w !== "if") return false;
  c.next();
  c.accept("not");
  c.expect("exists");
  return true;
}

function keyNameAndType(c: Cursor): string | undefined {
  ifClause(c);
  const name = c.isName() && c.w !== "using" ? c.name() : undefined;
  keyType(c);
  return name;
}

function keyType(c: Cursor): void {
  if (c.accept("using") || (c.w === "type" && keyTypeFollows(c) && c.accept("type")))
    c.oneOf(["btree", "hash", "rtree"]);
}

function keyTypeFollows(c: Cursor): boolean {
  const word = c.peek(1);
  return word === "btree" || word === "hash" || word === "rtree";
}

/** `(column [(length)] [ASC|DESC], (expr), …)`: the columns, undefined for expressions. */
export function keyParts(c: Cursor): (string | undefined)[] {
  const columns: (string | undefined)[] = [];
  c.expect("(");
  do {
    if (c.w === "(") {
      expression(c);
      columns.push(undefined);
    } else {
      columns.push(columnName(c).name);
      if (c.accept("(")) {
        c.integer();
        c.expect(")");
      }
    }
    c.maybeOneOf(["asc", "desc"]);
    if (c.w === "without" && c.peek(1) === "overlaps") c.seek(c.i + 2);
  } while (c.accept(","));
  c.expect(")");
  return columns;
}

/** Options of a key, in any order. */
export function keyOptions(c: Cursor): void {
  for (;;) {
    switch (c.w) {
      case "using":
      case "type":
        keyType(c);
        continue;
      case "key_block_size":
        c.next();
        c.accept("=");
        c.integer();
        continue;
      case "comment":
        c.next();
        c.accept("=");
        c.string();
        continue;
      case "visible":
      case "invisible":
      case "ignored":
        c.next();
        continue;
      case "not":
        if (c.peek(1) !== "ignored") return;
        c.seek(c.i + 2);
        continue;
      case "with":
        c.next();
        c.expect("parser");
        c.name();
        continue;
      case "clustering":
        c.next();
        c.accept("=");
        c.next();
        continue;
      case "engine_attribute":
      case "secondary_engine_attribute":
        c.next();
        c.accept("=");
        c.string();
        continue;
      default:
        if (!namedOption(c)) return;
    }
  }
}

/** MariaDB's options of storage engines: `name = value`. */
function namedOption(c: Cursor): boolean {
  if (!c.isName() || c.peek(1) !== "=") return false;
  c.seek(c.i + 2);
  value(c);
  return true;
}

function value(c: Cursor): void {
  if (c.w === "-" || c.w === "+") c.next();
  switch (c.k) {
    case T.int:
    case T.decimal:
    case T.float:
    case T.hexnum:
    case T.hexval:
      c.next();
      return;
    case T.string:
      c.string();
      return;
    case T.keyword:
      if (["default", "on", "off", "binary", "null", "no", "true", "false"].includes(c.w)) {
        c.next();
        return;
      }
      throw c.error();
    default:
      c.name();
  }
}

function check(c: Cursor): void {
  c.expect("check");
  if (c.w !== "(") throw c.error();
  c.next();
  expression(c);
  c.expect(")");
  enforced(c);
}

function enforced(c: Cursor): void {
  if (c.w === "not" && c.peek(1) === "enforced") c.next();
  c.accept("enforced");
}

function references(c: Cursor, found: Found, name: string | undefined, columns: readonly (string | undefined)[]): void {
  c.expect("references");
  const named = c.objectName();
  // It is in the table's own database, whichever is selected (manual: "FOREIGN KEY Constraints").
  const parent = { ...named, schema: named.schema ?? found.names[0]?.schema };
  found.references.push(parent);
  const parentColumns = c.w === "(" ? keyParts(c) : [];
  let changesRows = false;
  if (c.accept("match")) c.oneOf(["full", "partial", "simple"]);
  while (c.w === "on" && (c.peek(1) === "delete" || c.peek(1) === "update") && isReferenceOption(c.peek(2))) {
    const option = c.peek(2);
    changesRows ||= option === "set" || option === "cascade";
    c.seek(c.i + 2);
    if (c.accept("set")) c.oneOf(["null", "default"]);
    else if (c.accept("no")) c.expect("action");
    else c.oneOf(["restrict", "cascade"]);
  }
  found.definition.foreignKeys.push({ name, columns, parent, parentColumns, changesRows });
}

function isReferenceOption(word: string): boolean {
  return word === "set" || word === "no" || word === "restrict" || word === "cascade";
}

// ------------------------------------------------------------------------------------------------------------- columns

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
  "geometry",
  "point",
  "linestring",
  "polygon",
  "multipoint",
  "multilinestring",
  "multipolygon",
  "geometrycollection",
  "geomcollection",
  "uuid",
  "inet4",
  "inet6",
  "xmltype",
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

/** A column's type and attributes, behind its name. */
function columnDefinition(c: Cursor, name: string, found: Found): ColumnDefinition {
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
    if ((name === "char" || name === "character" || name === "nchar") && c.accept("varying")) {
      name = name === "nchar" ? "nvarchar" : "varchar";
    }
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

function atCharset(c: Cursor): boolean {
  return c.w === "charset" || ((c.w === "character" || c.w === "char") && c.peek(1) === "set");
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
        c.next();
        if (c.isName()) c.name();
        check(c);
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
      case "engine_attribute":
      case "secondary_engine_attribute":
        c.next();
        c.accept("=");
        c.string();
        continue;
      default:
        if (!namedOption(c)) return;
    }
  }
}

/** The value of DEFAULT, without the NOT NULL or COLLATE that may follow. */
function defaultValue(c: Cursor): void {
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
  if (c.w === "(") balanced(c);
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

// ------------------------------------------------------------------------------------------------------------- options

/** Table options, with or without commas between them. */
function tableOptions(c: Cursor, found: Found): boolean {
  let any = false;
  for (;;) {
    const comma = any && c.w === "," && !c.peekEnd(1);
    const start = c.i;
    if (comma) c.next();
    if (!tableOption(c, found)) {
      c.seek(start);
      return any;
    }
    any = true;
  }
}

const STRING_OPTIONS: ReadonlySet<string> = new Set([
  "comment",
  "connection",
  "password",
  "compression",
  "encryption",
  "engine_attribute",
  "secondary_engine_attribute",
]);

const VALUE_OPTIONS: ReadonlySet<string> = new Set([
  "engine",
  "type",
  "auto_increment",
  "autoextend_size",
  "avg_row_length",
  "checksum",
  "table_checksum",
  "delay_key_write",
  "insert_method",
  "key_block_size",
  "max_rows",
  "min_rows",
  "pack_keys",
  "row_format",
  "stats_auto_recalc",
  "stats_persistent",
  "stats_sample_pages",
  "page_checksum",
  "transactional",
  "sequence",
  "encrypted",
  "encryption_key_id",
  "ietf_quotes",
  "page_compressed",
  "page_compression_level",
  "secondary_engine",
]);

function tableOption(c: Cursor, { definition }: Found): boolean {
  const word = c.w;
  if (word === "default" || atCharset(c) || word === "collate") {
    c.accept("default");
    if (acceptCharset(c)) {
      // `CHARSET charset = x`, which the servers read too.
      if (c.w === "charset") c.next();
      c.accept("=");
      if (!c.accept("default")) definition.charset = charsetName(c).toLowerCase();
    } else {
      c.expect("collate");
      c.accept("=");
      if (!c.accept("default")) definition.collation = collationName(c).toLowerCase();
    }
    return true;
  }
  if ((word === "data" || word === "index") && c.peek(1) === "directory") {
    c.seek(c.i + 2);
    c.accept("=");
    c.string();
    return true;
  }
  if (word === "union" && (c.peek(1) === "=" || c.peek(1) === "(")) {
    c.next();
    c.accept("=");
    c.expect("(");
    if (!c.is(")"))
      do c.objectName();
      while (c.accept(","));
    c.expect(")");
    return true;
  }
  if (word === "tablespace") {
    c.next();
    c.accept("=");
    c.name();
    if (c.accept("storage")) c.oneOf(["disk", "memory", "default"]);
    return true;
  }
  if (word === "storage") {
    c.next();
    c.oneOf(["disk", "memory", "default"]);
    return true;
  }
  if (word === "start" && c.peek(1) === "transaction") {
    c.seek(c.i + 2);
    return true;
  }
  if ((word === "with" || word === "without") && c.peek(1) === "system") {
    c.seek(c.i + 2);
    c.expect("versioning");
    return true;
  }
  if (STRING_OPTIONS.has(word)) {
    c.next();
    c.accept("=");
    if (c.w === "null" || (c.mariadb && c.isName())) c.next();
    else {
      const text = c.string();
      if (word === "comment") definition.comment = text;
    }
    return true;
  }
  if (VALUE_OPTIONS.has(word)) {
    c.next();
    c.accept("=");
    value(c);
    return true;
  }
  return namedOption(c);
}

// ---------------------------------------------------------------------------------------------------------- partitions

function partitionBy(c: Cursor): void {
  c.expect("partition");
  c.expect("by");
  partitionType(c);
  if (c.accept("partitions")) c.integer();
  if (c.w === "subpartition") {
    c.next();
    c.expect("by");
    c.accept("linear");
    if (c.accept("hash")) parenthesizedExpr(c);
    else {
      c.expect("key");
      keyAlgorithm(c);
      c.nameList();
    }
    if (c.accept("subpartitions")) c.integer();
  }
  if (c.w === "(") partitions(c);
}

function keyAlgorithm(c: Cursor): void {
  if (!c.accept("algorithm")) return;
  c.expect("=");
  c.integer();
}

function partitionType(c: Cursor): void {
  c.accept("linear");
  switch (c.w) {
    case "hash":
      c.next();
      parenthesizedExpr(c);
      return;
    case "key":
      c.next();
      keyAlgorithm(c);
      c.expect("(");
      if (!c.is(")")) c.names();
      c.expect(")");
      return;
    case "range":
    case "list":
      c.next();
      if (c.accept("columns")) c.nameList();
      else parenthesizedExpr(c);
      return;
    case "system_time":
      systemTimePartitions(c);
      return;
    default:
      throw c.error();
  }
}

/** MariaDB: PARTITION BY SYSTEM_TIME [INTERVAL n unit] [LIMIT n] [STARTS …] [AUTO] */
function systemTimePartitions(c: Cursor): void {
  c.next();
  for (;;) {
    const word = c.maybeOneOf(["interval", "limit", "starts", "auto"]);
    if (word === undefined) return;
    if (word === "auto") continue;
    expression(c);
    if (word === "interval") c.next();
  }
}

function parenthesizedExpr(c: Cursor): void {
  c.expect("(");
  expression(c);
  c.expect(")");
}

/** `(PARTITION name … , …)` */
function partitions(c: Cursor): void {
  c.expect("(");
  do {
    // MariaDB can do without the word.
    if (!c.accept("partition") && !c.mariadb) throw c.error();
    c.name();
    if (c.accept("values")) {
      if (c.accept2("less", "than")) {
        if (!c.accept("maxvalue")) boundList(c);
      } else if (c.accept("in")) boundList(c);
      else throw c.error();
    } else if (c.mariadb) c.maybeOneOf(["default", "history", "current"]);
    partitionOptions(c);
    if (c.accept("(")) {
      do {
        c.expect("subpartition");
        c.nameOrString();
        partitionOptions(c);
      } while (c.accept(","));
      c.expect(")");
    }
  } while (c.accept(","));
  c.expect(")");
}

function boundList(c: Cursor): void {
  c.expect("(");
  do {
    if (c.accept("maxvalue")) continue;
    if (c.w === "(") {
      boundList(c);
      continue;
    }
    expression(c);
  } while (c.accept(","));
  c.expect(")");
}

function partitionOptions(c: Cursor): void {
  for (;;) {
    switch (c.w) {
      case "storage":
        c.next();
        c.expect("engine");
        continue;
      case "engine":
      case "comment":
      case "max_rows":
      case "min_rows":
      case "tablespace":
      case "nodegroup":
        c.next();
        c.accept("=");
        value(c);
        continue;
      case "data":
      case "index":
        c.next();
        c.expect("directory");
        c.accept("=");
        c.string();
        continue;
      default:
        if (!namedOption(c)) return;
    }
  }
}

// --------------------------------------------------------------------------------------------------------- ALTER TABLE

/** ALTER TABLE behind the name: a list of changes, partition changes last. */
export function alterTableBody(c: Cursor, found: Found): void {
  lockWait(c);
  if (c.atEnd()) return;
  do {
    if (c.w === "partition" && c.peek(1) === "by") break;
    alteration(c, found);
    // These may follow table options without a comma.
    if (c.w === "remove") alteration(c, found);
    if (c.w === "partition" && c.peek(1) === "by") break;
  } while (c.accept(","));
  if (c.w === "partition") partitionBy(c);
}

function alteration(c: Cursor, found: Found): void {
  switch (c.w) {
    case "add":
      c.next();
      add(c, found);
      return;
    case "drop":
      c.next();
      drop(c, found);
      return;
    case "change":
    case "modify": {
      const renames = c.w === "change";
      c.next();
      c.accept("column");
      ifClause(c);
      const name = c.name();
      const column = columnDefinition(c, renames ? c.name() : name, found);
      found.definition.changes.push({ kind: "change-column", name, column, place: place(c) });
      return;
    }
    case "alter":
      c.next();
      alterPart(c, found);
      return;
    case "rename":
      c.next();
      if (c.is("column") || c.is("index") || c.is("key")) {
        const kind = c.oneOf(["column", "index", "key"]) === "column" ? "rename-column" : "rename-key";
        ifClause(c);
        const from = c.name();
        c.expect("to");
        found.definition.changes.push({ kind, from, to: c.name() });
      } else {
        c.maybeOneOf(["to", "as", "="]);
        found.names.push(c.objectName());
      }
      return;
    case "order":
      c.next();
      c.expect("by");
      do {
        columnName(c);
        c.maybeOneOf(["asc", "desc"]);
      } while (!alterWordAfterComma(c) && c.accept(","));
      return;
    case "convert":
      c.next();
      if (c.accept("partition")) {
        exchangePartition(c, found, "to");
        return;
      }
      c.expect("to");
      if (!acceptCharset(c)) throw c.error();
      {
        const charset = c.accept("default") ? undefined : charsetName(c).toLowerCase();
        const collated = c.accept("collate") && !c.accept("default");
        const collation = collated ? collationName(c).toLowerCase() : undefined;
        found.definition.changes.push({ kind: "convert", charset, collation });
      }
      return;
    case "algorithm":
    case "lock":
      c.next();
      c.accept("=");
      c.anyWord();
      return;
    case "enable":
    case "disable":
      c.next();
      c.expect("keys");
      return;
    case "discard":
    case "import":
      c.next();
      if (c.accept("partition")) namesOrAll(c);
      c.expect("tablespace");
      return;
    case "force":
      c.next();
      return;
    case "with":
    case "without":
      if (c.peek(1) === "validation") {
        c.seek(c.i + 2);
        return;
      }
      if (!tableOptions(c, found)) throw c.error();
      return;
    case "truncate":
    case "analyze":
    case "check":
    case "optimize":
    case "repair":
    case "rebuild":
    case "coalesce":
      partitionCommand(c);
      return;
    case "exchange":
      c.next();
      c.expect("partition");
      exchangePartition(c, found, "with");
      return;
    case "reorganize":
      c.next();
      c.expect("partition");
      c.accept("no_write_to_binlog");
      c.accept("local");
      if (c.isName()) c.names();
      if (c.accept("into")) partitions(c);
      return;
    case "remove":
      c.next();
      c.expect("partitioning");
      return;
    case "upgrade":
      c.next();
      c.expect("partitioning");
      return;
    case "secondary_load":
    case "secondary_unload":
      c.next();
      return;
    default:
      if (!tableOptions(c, found)) throw c.error();
  }
}

/** The comma ends ORDER BY columns when an alteration's word follows. */
function alterWordAfterComma(c: Cursor): boolean {
  return c.w === "," && c.peekKind(1) === T.keyword;
}

function add(c: Cursor, found: Found): void {
  if (c.accept("partition")) {
    ifClause(c);
    c.maybeOneOf(["no_write_to_binlog", "local"]);
    if (c.accept("partitions")) c.integer();
    else partitions(c);
    return;
  }
  if (startsKey(c)) {
    key(c, found);
    return;
  }
  if (c.w === "period" && c.peek(1) === "for") {
    period(c);
    return;
  }
  if (c.w === "system" && c.peek(1) === "versioning") {
    c.seek(c.i + 2);
    return;
  }
  c.accept("column");
  const ifNotExists = ifClause(c);
  if (c.w === "(") {
    c.next();
    do element(c, found);
    while (c.accept(","));
    c.expect(")");
    return;
  }
  addColumn(c, found, ifNotExists, () => place(c));
}

/** FIRST, AFTER column */
function place(c: Cursor): ColumnPlace | undefined {
  if (c.accept("first")) return { kind: "first" };
  return c.accept("after") ? { kind: "after", name: c.name() } : undefined;
}

function drop(c: Cursor, { definition: { changes } }: Found): void {
  switch (c.w) {
    case "primary":
      c.next();
      c.expect("key");
      changes.push({ kind: "drop-key", name: "PRIMARY" });
      return;
    case "index":
    case "key":
      c.next();
      ifClause(c);
      changes.push({ kind: "drop-key", name: c.is("primary") ? c.raw() : c.name() });
      return;
    case "foreign":
      c.next();
      c.expect("key");
      ifClause(c);
      c.name();
      return;
    case "constraint":
    case "check":
      c.next();
      ifClause(c);
      // A constraint may be a unique key.
      changes.push({ kind: "drop-key", name: c.name() });
      return;
    case "partition":
      c.next();
      ifClause(c);
      c.names();
      return;
    case "period":
      if (c.peek(1) === "for") {
        c.seek(c.i + 2);
        c.name();
        return;
      }
      break;
    case "system":
      if (c.peek(1) === "versioning") {
        c.seek(c.i + 2);
        return;
      }
      break;
  }
  c.accept("column");
  ifClause(c);
  changes.push({ kind: "drop-column", name: c.name() });
  c.maybeOneOf(["restrict", "cascade"]);
}

/** ALTER [COLUMN] c SET|DROP DEFAULT …, ALTER INDEX i VISIBLE, ALTER CHECK c ENFORCED. */
function alterPart(c: Cursor, found: Found): void {
  if (c.w === "index" || c.w === "key") {
    c.next();
    ifClause(c);
    c.name();
    if (c.accept("not")) c.expect("ignored");
    else c.oneOf(["visible", "invisible", "ignored"]);
    return;
  }
  if (c.w === "check" || c.w === "constraint") {
    c.next();
    c.name();
    if (!c.is("not") && !c.is("enforced")) throw c.error();
    enforced(c);
    return;
  }
  c.accept("column");
  ifClause(c);
  const name = c.name();
  if (c.accept("drop")) {
    c.expect("default");
    return;
  }
  c.expect("set");
  if (c.w === "visible" || c.w === "invisible") {
    found.definition.changes.push({ kind: "show-column", name, visible: c.w === "visible" });
    c.next();
    return;
  }
  c.expect("default");
  defaultValue(c);
}

function namesOrAll(c: Cursor): void {
  if (!c.accept("all")) c.names();
}

function partitionCommand(c: Cursor): void {
  const word = c.w;
  c.next();
  c.expect("partition");
  c.maybeOneOf(["no_write_to_binlog", "local"]);
  if (word === "coalesce") {
    c.integer();
    return;
  }
  namesOrAll(c);
  while (word === "check" || word === "repair") {
    if (c.accept2("for", "upgrade")) continue;
    if (c.maybeOneOf(["quick", "fast", "medium", "extended", "changed", "use_frm"]) === undefined) return;
  }
}

function exchangePartition(c: Cursor, found: Found, word: "with" | "to"): void {
  c.name();
  c.expect(word);
  c.expect("table");
  found.references.push(c.objectName());
  if (c.w === "with" || c.w === "without") {
    c.next();
    c.expect("validation");
  }
}
