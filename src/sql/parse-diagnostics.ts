// GET DIAGNOSTICS (manual: "GET DIAGNOSTICS Statement"). Stored programs are read by their servers; a statement alone is
// answered by the gateway, which reads its text again for what it asks.

import { Cursor } from "./cursor.ts";
import { T, tokenize } from "./lexer.ts";
import { expression } from "./parse-expr.ts";
import type { Expr, SqlMode } from "./tree.ts";

const OF_STATEMENT = ["number", "row_count"] as const;
const OF_CONDITION = [
  "class_origin",
  "subclass_origin",
  "returned_sqlstate",
  "message_text",
  "mysql_errno",
  "constraint_catalog",
  "constraint_schema",
  "constraint_name",
  "catalog_name",
  "schema_name",
  "table_name",
  "column_name",
  "cursor_name",
] as const;
/** MariaDB 10.7. */
const OF_MARIADB = [...OF_CONDITION, "row_number"] as const;

export type DiagnosticsItem = (typeof OF_STATEMENT)[number] | (typeof OF_MARIADB)[number];

export interface Diagnostics {
  /** GET STACKED DIAGNOSTICS, which MySQL has in handlers only. */
  readonly stacked: boolean;
  /** The condition's number; undefined: it is about the statement. */
  readonly condition: Expr | undefined;
  readonly items: readonly {
    /** The name of a user variable without its @, or of a variable of a stored program. */
    readonly target: { readonly kind: "user" | "local"; readonly name: string };
    readonly item: DiagnosticsItem;
  }[];
}

export function diagnostics(c: Cursor): Diagnostics {
  c.next();
  const stacked = !c.accept("current") && !c.mariadb && c.accept("stacked");
  c.expect("diagnostics");
  const condition = c.accept("condition") ? expression(c) : undefined;
  const names = condition === undefined ? OF_STATEMENT : c.mariadb ? OF_MARIADB : OF_CONDITION;
  const items: Diagnostics["items"][number][] = [];
  do {
    const target =
      c.k === T.userVariable
        ? ({ kind: "user", name: c.userVariable() } as const)
        : ({ kind: "local", name: c.name() } as const);
    c.expect("=");
    items.push({ target, item: c.oneOf(names) });
  } while (c.accept(","));
  return { stacked, condition, items };
}

/** `text` is a statement that has been read before. */
export function readDiagnostics(text: string, mode: SqlMode): Diagnostics {
  return diagnostics(new Cursor(tokenize(text, mode), mode));
}
