// Statements of Vitess's own: ALTER VITESS_MIGRATION, and those by which it changes a VSchema.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { canonicalText } from "./token-text.ts";
import type { AlterVschema, ObjectName } from "./tree.ts";

export function alterMigration(c: Cursor): string {
  c.seek(c.i + 2);
  if (c.k === T.string) c.string();
  const verb = c.oneOf([
    "retry",
    "cleanup",
    "launch",
    "complete",
    "postpone",
    "cancel",
    "throttle",
    "unthrottle",
    "force_cutover",
  ]);
  if (verb === "postpone") c.expect("complete");
  c.accept("all");
  if (c.accept("vitess_shards")) c.string();
  if (c.accept("expire")) c.string();
  if (c.accept("ratio")) {
    if (c.k === T.int || c.k === T.decimal) c.next();
    else throw c.error();
  }
  return "alter vitess_migration";
}

/** ALTER VSCHEMA: the statements by which Vitess changes a VSchema. */
export function alterVschema(c: Cursor): AlterVschema {
  const pos = c.pos;
  const start = c.i;
  c.seek(c.i + 2);
  let table: ObjectName | undefined;
  let vindex: string | undefined;
  let verb: string;
  if (c.accept("on")) {
    table = c.objectName();
    if (c.accept("add")) {
      if (c.accept("auto_increment")) {
        verb = "add auto_increment";
        c.name();
        c.expect("using");
        c.objectName();
      } else {
        verb = "add vindex";
        c.expect("vindex");
        vindex = qualifiedName(c);
        c.nameList();
        vindexDefinition(c);
      }
    } else {
      c.expect("drop");
      if (c.accept("auto_increment")) verb = "drop auto_increment";
      else {
        c.expect("vindex");
        verb = "drop vindex";
        vindex = qualifiedName(c);
      }
    }
  } else {
    const action = c.oneOf(["create", "drop", "add"]);
    const what = c.oneOf(action === "create" ? ["vindex"] : ["vindex", "table", "sequence"]);
    verb = `${action} ${what}`;
    if (what === "vindex") {
      vindex = qualifiedName(c);
      if (action !== "drop") vindexDefinition(c);
    } else table = c.objectName();
  }
  return { kind: "alterVschema", verb, table, vindex, text: canonicalText(c, start, c.i), pos };
}

function qualifiedName(c: Cursor): string {
  const { schema, name } = c.objectName();
  return schema === undefined ? name : `${schema}.${name}`;
}

function vindexDefinition(c: Cursor): void {
  if (c.accept("using")) c.name();
  if (!c.accept("with")) return;
  do {
    c.anyWord();
    c.expect("=");
    if (c.k === T.string) c.string();
    else if (c.k === T.int || c.k === T.decimal || c.k === T.float) c.next();
    else c.anyWord();
  } while (c.accept(","));
}
