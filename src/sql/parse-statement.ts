// One statement, by its first word.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { atSetAccount } from "./parse-account.ts";
import { admin } from "./parse-admin.ts";
import { compound, ddl } from "./parse-ddl.ts";
import { deleteStatement, insert, load, update } from "./parse-dml.ts";
import { queryExpression, withOf } from "./parse-query.ts";
import {
  begin,
  call,
  commit,
  deallocate,
  doStatement,
  execute,
  explain,
  kill,
  lock,
  prepare,
  release,
  rollback,
  savepoint,
  set,
  startTransaction,
  unlock,
  use,
  xa,
} from "./parse-session.ts";
import { show } from "./parse-show.ts";
import type { Statement } from "./tree.ts";

/** Reads a statement; the cursor stands behind it, at what the caller must accept. */
export function statement(c: Cursor): Statement {
  if (c.k === T.quoted) throw c.error();
  const word = c.w;
  switch (word) {
    case "select":
    case "(":
    case "values":
    case "table":
      if (word === "(" && !c.atQuery()) {
        // The fault is behind the parentheses.
        while (c.accept("(")) continue;
        throw c.error();
      }
      return queryExpression(c);
    case "with": {
      const clause = withOf(c);
      if (c.w === "update") return update(c, clause);
      if (c.w === "delete") return deleteStatement(c, clause);
      return queryExpression(c, undefined, clause);
    }
    case "insert":
    case "replace":
      return insert(c);
    case "update":
      return update(c, undefined);
    case "delete":
      return deleteStatement(c, undefined);
    case "set":
      return atSetAccount(c) ? admin(c) : set(c);
    case "show":
      return show(c);
    case "use":
      return use(c);
    case "begin":
      // Alone it is a transaction also where MariaDB reads nothing but blocks.
      return c.mariadb && (c.mode.oracle ? !c.peekEnd(1) : c.peek(1) === "not") ? compound(c) : begin(c);
    case "declare":
      return c.mode.oracle ? compound(c) : admin(c);
    case "case":
    case "for":
    case "if":
    case "loop":
    case "repeat":
    case "while":
      return c.mariadb ? compound(c) : admin(c);
    case "start":
      return c.peek(1) === "transaction" ? startTransaction(c) : admin(c);
    case "commit":
      return commit(c);
    case "rollback":
      return rollback(c);
    case "savepoint":
      return savepoint(c);
    case "release":
      return release(c);
    case "xa":
      return xa(c);
    case "lock":
      return lock(c);
    case "unlock":
      return unlock(c);
    case "kill":
      return kill(c);
    case "prepare":
      return prepare(c);
    case "execute":
      return execute(c);
    case "deallocate":
      return deallocate(c);
    case "drop":
      return c.peek(1) === "prepare" ? deallocate(c) : ddl(c);
    case "call":
      return call(c);
    case "do":
      return doStatement(c);
    case "explain":
    case "describe":
    case "desc":
    case "vexplain":
      return explain(c);
    case "analyze":
      return c.peek(1) === "table" ||
        c.peek(1) === "tables" ||
        c.peek(1) === "local" ||
        c.peek(1) === "no_write_to_binlog"
        ? admin(c)
        : c.mariadb
          ? explain(c)
          : admin(c);
    case "load":
      return (c.peek(1) === "data" && c.peek(2) !== "from") || c.peek(1) === "xml" ? load(c) : admin(c);
    case "create":
    case "alter":
    case "rename":
    case "truncate":
      return ddl(c);
    default:
      return admin(c);
  }
}
