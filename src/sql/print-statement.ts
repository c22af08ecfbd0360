// Statements that are no queries as text.

import { assertNever } from "../base/assert.ts";
import {
  printHints,
  printItems,
  printList,
  printName,
  printStatement,
  printTables,
  printWith,
  names,
} from "./print.ts";
import { charset, type Out, printExprTo, printLimit, printOrder, userVariable, variableName } from "./print-expr.ts";
import { quoteName, quoteString } from "./quoting.ts";
import type {
  Assignment,
  Begin,
  Delete,
  Execute,
  Explain,
  Expr,
  Insert,
  Query,
  SetItem,
  SetTransaction,
  Statement,
  Update,
} from "./tree.ts";

export function printStatementRest(out: Out, node: Exclude<Statement, Query>): void {
  switch (node.kind) {
    case "insert":
      printInsert(out, node);
      return;
    case "update":
      printUpdate(out, node);
      return;
    case "delete":
      printDelete(out, node);
      return;
    case "set":
      out.text += "set ";
      printSetItems(out, node.items);
      return;
    case "setFor":
      out.text += "set statement ";
      printSetItems(out, node.items);
      out.text += " for ";
      printStatement(out, node.statement);
      return;
    case "setTransaction":
      printSetTransaction(out, node);
      return;
    case "use":
      out.text += node.target === "" ? "use" : `use ${quoteName(node.target)}`;
      return;
    case "begin":
      printBegin(out, node);
      return;
    case "commit":
      out.text += `commit${chainAndRelease(node)}`;
      return;
    case "rollback":
      out.text +=
        node.savepoint === undefined ? `rollback${chainAndRelease(node)}` : `rollback to ${quoteName(node.savepoint)}`;
      return;
    case "savepoint":
      out.text += `savepoint ${quoteName(node.name)}`;
      return;
    case "release":
      out.text += `release savepoint ${quoteName(node.name)}`;
      return;
    case "unlock":
      out.text += `unlock ${node.what}`;
      return;
    case "kill":
      out.text += "kill ";
      if (node.hardness !== undefined) out.text += `${node.hardness} `;
      if (node.what === "query") out.text += "query ";
      if (node.target === "query id") out.text += "id ";
      if (node.target === "user" && node.id.kind === "literal") out.text += `user ${node.id.value}`;
      else printExprTo(out, node.id, 0);
      return;
    case "prepare":
      out.text += `prepare ${quoteName(node.name)} from `;
      printExprTo(out, node.from, 0);
      return;
    case "execute":
      printExecute(out, node);
      return;
    case "deallocate":
      out.text += `deallocate prepare ${quoteName(node.name)}`;
      return;
    case "callProcedure":
      out.text += "call ";
      printName(out, node.procedure);
      out.text += "(";
      printList(out, node.args);
      out.text += ")";
      return;
    case "do":
      out.text += "do ";
      printList(out, node.exprs);
      return;
    case "explain":
      printExplain(out, node);
      return;
    case "describe":
      out.text += "describe ";
      printName(out, node.table);
      if (node.column !== undefined) out.text += ` ${quoteName(node.column)}`;
      if (node.like !== undefined) out.text += ` ${quoteString(node.like, out.mode.noBackslashEscapes)}`;
      return;
    case "show":
      out.text += `show ${node.text}`;
      return;
    case "load":
    case "xa":
    case "lock":
    case "ddl":
    case "alterVschema":
    case "admin":
      out.text += node.text;
      return;
    default:
      assertNever(node);
  }
}

function printInsert(out: Out, node: Insert): void {
  out.text += node.replace ? "replace " : "insert ";
  printHints(out, node.hints);
  if (node.priority !== undefined) out.text += `${node.priority} `;
  if (node.ignore) out.text += "ignore ";
  out.text += "into ";
  printName(out, node.table);
  if (node.partitions.length > 0) out.text += ` partition (${names(node.partitions)})`;
  if (node.form === "set") {
    const [row] = node.rows;
    for (const [index, column] of node.columns.entries()) {
      out.text += index === 0 ? " set " : ", ";
      printExprTo(out, column, 0);
      out.text += " = ";
      printValue(out, row?.values[index]);
    }
  } else {
    if (node.columnList) {
      out.text += " (";
      printList(out, node.columns);
      out.text += ")";
    }
    if (node.query !== undefined) {
      out.text += " ";
      printStatement(out, node.query);
    } else {
      out.text += " values ";
      for (let index = 0; index < node.rows.length; index++) {
        out.text += index === 0 ? "(" : ", (";
        printList(out, node.rows[index]?.values ?? []);
        out.text += ")";
      }
    }
  }
  if (node.rowAlias !== undefined) {
    out.text += ` as ${quoteName(node.rowAlias)}`;
    if (node.rowAliasColumns.length > 0) out.text += ` (${names(node.rowAliasColumns)})`;
  }
  if (node.onDuplicate.length > 0) {
    out.text += " on duplicate key update ";
    printAssignments(out, node.onDuplicate);
  }
  if (node.returning.length > 0) {
    out.text += " returning ";
    printItems(out, node.returning);
  }
}

function printValue(out: Out, value: Expr | undefined): void {
  if (value !== undefined) printExprTo(out, value, 0);
}

function printAssignments(out: Out, list: readonly Assignment[]): void {
  for (const [index, assignment] of list.entries()) {
    if (index > 0) out.text += ", ";
    printExprTo(out, assignment.column, 0);
    out.text += " = ";
    printExprTo(out, assignment.value, 0);
  }
}

function printUpdate(out: Out, node: Update): void {
  printWith(out, node.with);
  out.text += "update ";
  printHints(out, node.hints);
  if (node.lowPriority) out.text += "low_priority ";
  if (node.ignore) out.text += "ignore ";
  printTables(out, node.tables);
  out.text += " set ";
  printAssignments(out, node.set);
  printEnd(out, node);
}

function printDelete(out: Out, node: Delete): void {
  printWith(out, node.with);
  out.text += "delete ";
  printHints(out, node.hints);
  if (node.lowPriority) out.text += "low_priority ";
  if (node.quick) out.text += "quick ";
  if (node.ignore) out.text += "ignore ";
  switch (node.form) {
    case "single":
      out.text += "from ";
      break;
    case "from":
    case "using":
      if (node.form === "using") out.text += "from ";
      for (const [index, target] of node.targets.entries()) {
        if (index > 0) out.text += ", ";
        printName(out, target);
      }
      out.text += node.form === "using" ? " using " : " from ";
      break;
    default:
      assertNever(node.form);
  }
  printTables(out, node.tables);
  printEnd(out, node);
  if (node.returning.length > 0) {
    out.text += " returning ";
    printItems(out, node.returning);
  }
}

function printEnd(out: Out, node: Pick<Update, "where" | "orderBy" | "limit">): void {
  if (node.where !== undefined) {
    out.text += " where ";
    printExprTo(out, node.where, 0);
  }
  printOrder(out, node.orderBy);
  printLimit(out, node.limit);
}

function printSetItems(out: Out, items: readonly SetItem[]): void {
  for (const [index, item] of items.entries()) {
    if (index > 0) out.text += ", ";
    switch (item.kind) {
      case "setVariable":
        if (item.at) out.text += item.scope === undefined ? "@@" : `@@${item.scope}.`;
        else if (item.scope !== undefined) out.text += `${item.scope} `;
        out.text += `${variableName(item.name)} = `;
        printSetValue(out, item.value);
        break;
      case "setUser":
        out.text += `${userVariable(item.name)} = `;
        printExprTo(out, item.value, 0);
        break;
      case "setNames":
        out.text += `names ${item.charset === undefined ? "default" : charset(item.charset)}`;
        if (item.collation !== undefined)
          out.text += ` collate ${item.collation === "default" ? "default" : charset(item.collation)}`;
        break;
      case "setCharset":
        out.text += `character set ${item.charset === undefined ? "default" : charset(item.charset)}`;
        break;
      default:
        assertNever(item);
    }
  }
}

/** ON, ALL, BINARY, ROW and SYSTEM are words here, not names. */
function printSetValue(out: Out, value: Expr): void {
  if (value.kind === "column" && value.table === undefined && /^(on|all|binary|row|system)$/i.test(value.name))
    out.text += value.name;
  else printExprTo(out, value, 0);
}

function printSetTransaction(out: Out, node: SetTransaction): void {
  out.text += node.scope === undefined ? "set transaction " : `set ${node.scope} transaction `;
  const parts: string[] = [];
  if (node.isolation !== undefined) parts.push(`isolation level ${node.isolation}`);
  if (node.access !== undefined) parts.push(node.access);
  out.text += parts.join(", ");
}

function printBegin(out: Out, node: Begin): void {
  if (!node.start) {
    out.text += "begin";
    return;
  }
  out.text += "start transaction";
  const parts: string[] = [];
  if (node.consistentSnapshot) parts.push("with consistent snapshot");
  if (node.access !== undefined) parts.push(node.access);
  if (parts.length > 0) out.text += ` ${parts.join(", ")}`;
}

function chainAndRelease(node: { readonly chain: boolean | undefined; readonly release: boolean | undefined }): string {
  const chain = node.chain === undefined ? "" : node.chain ? " and chain" : " and no chain";
  const release = node.release === undefined ? "" : node.release ? " release" : " no release";
  return chain + release;
}

function printExecute(out: Out, node: Execute): void {
  out.text += "execute ";
  if (node.immediate === undefined) out.text += quoteName(node.name);
  else {
    out.text += "immediate ";
    printExprTo(out, node.immediate, 0);
  }
  if (node.using.length > 0) {
    out.text += " using ";
    printList(out, node.using);
  }
}

function printExplain(out: Out, node: Explain): void {
  out.text += node.verb;
  for (const option of node.options) out.text += ` ${option}`;
  if (node.statement.kind === "do" && node.statement.exprs.length === 0) return;
  out.text += " ";
  printStatement(out, node.statement);
}
