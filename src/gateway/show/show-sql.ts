// Writes a SHOW statement anew, for another schema than the session's or with another condition.

import { backquote, quoteString } from "../../sql/quoting.ts";
import { printExpr } from "../../sql/print.ts";
import type { Show, SqlMode } from "../../sql/tree.ts";

/** SHOW … FROM schema, or SHOW CREATE … schema.name, for statements that are about a schema or an object in it. */
export function showSqlFor(schema: string, statement: Show, mode: SqlMode): string {
  const { what, name, full, extended } = statement;
  const head = `SHOW ${extended ? "EXTENDED " : ""}${full ? "FULL " : ""}${what.toUpperCase()}`;
  const condition = conditionOf(statement, mode);
  if (what === "create database") return `${head} ${backquote(schema)}`;
  if (what.startsWith("create ") || what.endsWith(" code")) {
    return `${head} ${backquote(schema)}.${backquote(name ?? "")}`;
  }
  if (name !== undefined) return `${head} FROM ${backquote(name)} FROM ${backquote(schema)}${condition}`;
  return `${head} FROM ${backquote(schema)}${condition}`;
}

/** The same list without FROM, of the rows that meet `condition` as well: SQL over the list's columns. */
export function showSqlWhere(condition: string, likeColumn: string, statement: Show, mode: SqlMode): string {
  const own =
    statement.like === undefined
      ? statement.where === undefined
        ? undefined
        : printExpr(statement.where, [], { mode })
      : `${backquote(likeColumn)} LIKE ${quoteString(statement.like, mode.noBackslashEscapes)}`;
  const head = `SHOW ${statement.what.toUpperCase()} WHERE ${condition}`;
  return own === undefined ? head : `${head} AND (${own})`;
}

/** ` LIKE …`, ` WHERE …` or nothing. */
function conditionOf({ like, where }: Show, mode: SqlMode): string {
  if (like !== undefined) return ` LIKE ${quoteString(like, mode.noBackslashEscapes)}`;
  return where === undefined ? "" : ` WHERE ${printExpr(where, [], { mode })}`;
}
