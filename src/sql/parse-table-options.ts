// Options of tables in CREATE TABLE and ALTER TABLE.

import type { Cursor } from "./cursor.ts";
import { atCharset } from "./parse-column-definition.ts";
import type { Found } from "./parse-ddl.ts";
import { namedOption, value } from "./parse-definition.ts";
import { collationName } from "./parse-expr.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";

/** Table options, with or without commas between them. */
export function tableOptions(c: Cursor, found: Found): boolean {
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
