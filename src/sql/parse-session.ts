// Statements of a session: SET, USE, transactions and savepoints, XA, LOCK and UNLOCK, KILL, prepared statements, CALL,
// DO, EXPLAIN and DESCRIBE.

import type { Cursor } from "./cursor.ts";
import { encodeSql } from "./encoding.ts";
import { T } from "./lexer.ts";
import { expression, expressions, variableScope } from "./parse-expr.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";
import { statement } from "./parse-statement.ts";
import { collationName } from "./parse-expr.ts";
import { tableName } from "./parse-table.ts";
import { canonicalText } from "./token-text.ts";
import type {
  Begin,
  CallStatement,
  Commit,
  Deallocate,
  Describe,
  Do,
  Execute,
  Explain,
  Expr,
  Kill,
  LockTables,
  Prepare,
  ReleaseSavepoint,
  Rollback,
  Savepoint,
  SetItem,
  SetTransaction,
  Statement,
  TableName,
  UnlockTables,
  Use,
  VariableScope,
  Xa,
  Xid,
} from "./tree.ts";

/** SET in all its forms but those of accounts (see parse-admin.ts). */
export function set(c: Cursor): Statement {
  const pos = c.pos;
  c.next();
  if (c.w === "statement" && c.mariadb && c.k === T.word && c.peek(1) !== "=" && c.peek(1) !== ":=") {
    c.next();
    const items = setItems(c);
    c.expect("for");
    return { kind: "setFor", items, statement: statement(c), pos };
  }
  const transaction = setTransaction(c, pos);
  return transaction ?? { kind: "set", items: setItems(c), pos };
}

function setTransaction(c: Cursor, pos: number): SetTransaction | undefined {
  let scope: VariableScope | undefined;
  if (c.peek(1) === "transaction" && (c.w === "global" || c.w === "session" || c.w === "local")) scope = c.w;
  else if (c.w !== "transaction" || c.peek(1) === "=" || c.peek(1) === ":=") return undefined;
  c.seek(c.i + (scope === undefined ? 1 : 2));
  let isolation: SetTransaction["isolation"];
  let access: SetTransaction["access"];
  do {
    if (isolation === undefined && c.accept2("isolation", "level")) {
      if (c.accept2("repeatable", "read")) isolation = "repeatable read";
      else if (c.accept2("read", "committed")) isolation = "read committed";
      else if (c.accept2("read", "uncommitted")) isolation = "read uncommitted";
      else isolation = c.oneOf(["serializable"]);
    } else if (access === undefined && c.is("read")) {
      c.next();
      access = c.oneOf(["only", "write"]) === "only" ? "read only" : "read write";
    } else throw c.error();
  } while (c.accept(","));
  return { kind: "setTransaction", scope, isolation, access, pos };
}

function setItems(c: Cursor): SetItem[] {
  const items: SetItem[] = [];
  do items.push(setItem(c));
  while (c.accept(","));
  return items;
}

function setItem(c: Cursor): SetItem {
  const pos = c.pos;
  if (c.k === T.userVariable) {
    const name = c.userVariable();
    assignmentSign(c);
    return { kind: "setUser", name, value: expression(c), pos };
  }
  if (c.w === "names" && c.peek(1) !== "=" && c.peek(1) !== ":=") {
    c.next();
    const charset = c.accept("default") ? undefined : charsetName(c);
    const hasCollation = (charset !== undefined || c.mariadb) && c.accept("collate");
    const collation = hasCollation && !c.accept("default") ? collationName(c) : undefined;
    return { kind: "setNames", charset, collation, pos };
  }
  if (c.k !== T.quoted && c.peek(1) !== "=" && c.peek(1) !== ":=" && acceptCharset(c)) {
    return { kind: "setCharset", charset: c.accept("default") ? undefined : charsetName(c), pos };
  }
  let scope: VariableScope | undefined;
  let at = false;
  if (c.w === "@@") {
    at = true;
    c.next();
    scope = variableScope(c);
    if (scope !== undefined) c.expect(".");
  } else if (c.isNameAt(1) || c.peekKind(1) === T.keyword) {
    scope = c.maybeOneOf(["global", "session", "local", "persist", "persist_only"]);
    if (c.w === "transaction" && scope !== undefined) throw c.error();
  }
  let name = c.anyWordOrDefault();
  while (c.accept(".")) name += `.${c.anyWord()}`;
  assignmentSign(c);
  return { kind: "setVariable", scope, at, name: name.toLowerCase(), value: setValue(c), pos };
}

function assignmentSign(c: Cursor): void {
  if (!c.accept(":=")) c.expect("=");
}

/** A value of SET: an expression, or one of the bare words ON, ALL, BINARY, ROW, SYSTEM, DEFAULT. */
function setValue(c: Cursor): Expr {
  const pos = c.pos;
  switch (c.w) {
    case "default":
      if (c.peek(1) !== "(") {
        c.next();
        return { kind: "default", pos };
      }
      break;
    case "on":
    case "all":
    case "row":
    case "system":
    case "binary": {
      const after = c.peekKind(1);
      if (c.k !== T.quoted && (after === T.eof || c.peek(1) === "," || c.peek(1) === ";" || c.peek(1) === "for"))
        return { kind: "column", schema: undefined, table: undefined, name: c.raw().toLowerCase(), pos };
      break;
    }
  }
  return expression(c);
}

/** USE keyspace; a target may be written with its `:` and `@` outside of quotes. */
export function use(c: Cursor): Use {
  const pos = c.pos;
  c.next();
  if (c.atEnd()) return { kind: "use", target: "", pos };
  if (c.k === T.quoted && (c.peekKind(1) === T.eof || c.peek(1) === ";")) return { kind: "use", target: c.name(), pos };
  // A target: name [:shard] [@type]; everything up to white space.
  const start = c.pos;
  if (!c.isName()) throw c.error();
  let end = c.end();
  let target = c.name();
  const last = c.targetEnd(start, end);
  if (last > end) {
    target += c.text.slice(end, last);
    end = last;
    while (!c.atEnd() && c.pos < end) c.next();
  }
  return { kind: "use", target, pos };
}

// -------------------------------------------------------------------------------------------------------- transactions

export function begin(c: Cursor): Begin {
  const pos = c.pos;
  c.next();
  if (c.w === "work") c.next();
  return { kind: "begin", start: false, consistentSnapshot: false, access: undefined, pos };
}

export function startTransaction(c: Cursor): Begin {
  const pos = c.pos;
  c.seek(c.i + 2);
  let consistentSnapshot = false;
  let access: Begin["access"];
  if (!c.atEnd())
    do {
      if (c.accept2("with", "consistent")) {
        c.expect("snapshot");
        consistentSnapshot = true;
      } else if (c.accept2("read", "only")) access = sameAccess(c, access, "read only");
      else if (c.accept2("read", "write")) access = sameAccess(c, access, "read write");
      else throw c.error();
    } while (c.accept(","));
  return { kind: "begin", start: true, consistentSnapshot, access, pos };
}

function sameAccess(c: Cursor, before: Begin["access"], now: "read only" | "read write"): "read only" | "read write" {
  if (before !== undefined && before !== now) throw c.error();
  return now;
}

function chainAndRelease(c: Cursor): Pick<Commit, "chain" | "release"> {
  let chain: boolean | undefined;
  let release: boolean | undefined;
  if (c.w === "and") {
    c.next();
    chain = !c.accept("no");
    c.expect("chain");
  }
  if (c.w === "no" || c.w === "release") {
    release = !c.accept("no");
    c.expect("release");
    if (release && chain === true) throw c.error();
  }
  return { chain, release };
}

export function commit(c: Cursor): Commit {
  const pos = c.pos;
  c.next();
  c.accept("work");
  return { kind: "commit", ...chainAndRelease(c), pos };
}

export function rollback(c: Cursor): Rollback {
  const pos = c.pos;
  c.next();
  c.accept("work");
  if (c.accept("to")) {
    if (c.w === "savepoint" && c.isNameAt(1)) c.next();
    return { kind: "rollback", savepoint: c.name(), chain: undefined, release: undefined, pos };
  }
  return { kind: "rollback", savepoint: undefined, ...chainAndRelease(c), pos };
}

export function savepoint(c: Cursor): Savepoint {
  const pos = c.pos;
  c.next();
  return { kind: "savepoint", name: c.name(), pos };
}

export function release(c: Cursor): ReleaseSavepoint {
  const pos = c.pos;
  c.next();
  c.expect("savepoint");
  return { kind: "release", name: c.name(), pos };
}

export function xa(c: Cursor): Xa {
  const pos = c.pos;
  const start = c.i;
  c.next();
  const verb = c.oneOf(["start", "begin", "end", "prepare", "commit", "rollback", "recover"]);
  let id: Xid | undefined;
  let option: Xa["option"];
  if (verb === "recover") {
    if (c.accept("convert")) c.expect("xid");
    else if (c.accept("format")) {
      c.expect("=");
      c.string();
    }
  } else {
    id = xid(c);
    if (verb === "start" || verb === "begin") option = c.maybeOneOf(["join", "resume"]);
    else if (verb === "end" && c.accept("suspend")) {
      option = "suspend";
      if (c.accept("for")) c.expect("migrate");
    } else if (verb === "commit" && c.accept("one")) {
      c.expect("phase");
      option = "one phase";
    }
  }
  const text = canonicalText(c, start, c.i);
  return { kind: "xa", verb: verb === "begin" ? "start" : verb, xid: id, option, text, pos };
}

function xid(c: Cursor): Xid {
  const gtrid = xidPart(c);
  if (!c.accept(",")) return { gtrid, bqual: "", format: 1 };
  const bqual = xidPart(c);
  if (!c.accept(",")) return { gtrid, bqual, format: 1 };
  const format = Number(c.k === T.hexnum ? c.raw() : c.integer());
  if (format > XID_FORMAT_MAX) throw c.error();
  return { gtrid, bqual, format };
}

/** In hexadecimal digits. */
function xidPart(c: Cursor): string {
  let digits: string;
  switch (c.k) {
    case T.hexnum:
      digits = c.raw().slice(2);
      break;
    case T.hexval:
      digits = c.raw().slice(2, -1);
      break;
    case T.bitnum:
      digits = BigInt(c.raw()).toString(16);
      break;
    case T.bitval:
      digits = BigInt(`0b0${c.raw().slice(2, -1)}`).toString(16);
      break;
    default:
      digits = encodeSql(c.string()).toString("hex");
  }
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  if (hex.length > 2 * XID_PART_BYTES_MAX) throw c.error();
  return hex.toLowerCase();
}

const XID_PART_BYTES_MAX = 64;
const XID_FORMAT_MAX = 0x7fff_ffff;

// ------------------------------------------------------------------------------------------------------ locks and kills

export function lock(c: Cursor): LockTables {
  const pos = c.pos;
  const start = c.i;
  c.next();
  const locks: { table: TableName; type: string }[] = [];
  if (c.accept("instance")) {
    c.expect("for");
    c.expect("backup");
    return { kind: "lock", what: "instance", locks, text: canonicalText(c, start, c.i), pos };
  }
  c.oneOf(["tables", "table"]);
  do {
    const table = tableName(c, "full");
    let type: string;
    if (c.accept("read")) type = c.accept("local") ? "read local" : "read";
    else if (c.accept("low_priority")) {
      c.expect("write");
      type = "low_priority write";
    } else {
      c.expect("write");
      type = c.accept("concurrent") ? "write concurrent" : "write";
    }
    locks.push({ table, type });
  } while (c.accept(","));
  lockWait(c);
  return { kind: "lock", what: "tables", locks, text: canonicalText(c, start, c.i), pos };
}

/** MariaDB: NOWAIT or WAIT n behind a lock or a definition. */
export function lockWait(c: Cursor): void {
  if (c.accept("nowait")) return;
  if (c.w === "wait" && c.peekKind(1) === T.int) c.seek(c.i + 2);
}

export function unlock(c: Cursor): UnlockTables {
  const pos = c.pos;
  c.next();
  const word = c.oneOf(["tables", "table", "instance"]);
  return { kind: "unlock", what: word === "instance" ? "instance" : "tables", pos };
}

export function kill(c: Cursor): Kill {
  const pos = c.pos;
  c.next();
  const hardness = c.mariadb ? c.maybeOneOf(["hard", "soft"]) : undefined;
  const what = c.maybeOneOf(["connection", "query"]) ?? "connection";
  if (c.mariadb && c.w === "user") {
    c.next();
    const start = c.i;
    const idPos = c.pos;
    accountName(c);
    const value = canonicalText(c, start, c.i);
    return {
      kind: "kill",
      what,
      hardness,
      id: { kind: "literal", type: "string", value, introducer: undefined, pos: idPos },
      target: "user",
      pos,
    };
  }
  const target = c.mariadb && what === "query" && c.w === "id" ? "query id" : "id";
  if (target === "query id") c.next();
  return { kind: "kill", what, hardness, id: expression(c), target, pos };
}

/** `user`, `user@host`, CURRENT_USER, CURRENT_ROLE. */
export function accountName(c: Cursor): void {
  if (c.w === "current_user" || c.w === "current_role") {
    c.next();
    if (c.accept("(")) c.expect(")");
    return;
  }
  c.nameOrString();
  if (c.k === T.userVariable) c.next();
  else if (c.w === "@") {
    c.next();
    c.nameOrString();
  }
}

// ---------------------------------------------------------------------------------------- prepared statements and calls

export function prepare(c: Cursor): Prepare {
  const pos = c.pos;
  c.next();
  const name = c.name();
  c.expect("from");
  const fromPos = c.pos;
  const from: Expr =
    c.k === T.userVariable
      ? { kind: "userVariable", name: c.userVariable(), pos: fromPos }
      : c.mariadb
        ? expression(c)
        : { kind: "literal", type: "string", value: c.string(), introducer: undefined, pos: fromPos };
  return { kind: "prepare", name, from, pos };
}

export function execute(c: Cursor): Execute {
  const pos = c.pos;
  c.next();
  let immediate: Expr | undefined;
  let name = "";
  if (c.mariadb && c.w === "immediate" && !c.peekEnd(1) && c.peek(1) !== "using") {
    c.next();
    immediate = expression(c);
  } else name = c.name();
  const using: Expr[] = [];
  if (c.accept("using")) {
    do using.push(executeValue(c));
    while (c.accept(","));
  }
  return { kind: "execute", name, using, immediate, pos };
}

/** MariaDB also takes DEFAULT and IGNORE. */
function executeValue(c: Cursor): Expr {
  const { pos } = c;
  const isWord = c.mariadb && (c.w === "default" || c.w === "ignore") && (c.peek(1) === "," || c.peekEnd(1));
  if (!isWord) return expression(c);
  const ignores = c.w === "ignore";
  c.next();
  return ignores ? { kind: "default", ignore: true, pos } : { kind: "default", pos };
}

export function deallocate(c: Cursor): Deallocate {
  const pos = c.pos;
  c.next();
  c.expect("prepare");
  return { kind: "deallocate", name: c.name(), pos };
}

export function call(c: Cursor): CallStatement {
  const pos = c.pos;
  c.next();
  const procedure = c.objectName();
  let args: Expr[] = [];
  if (c.accept("(")) {
    if (c.w !== ")") args = expressions(c);
    c.expect(")");
  }
  const read: CallStatement = { kind: "callProcedure", procedure, args, pos };
  return c.mode.oracle && procedure.schema !== undefined ? { ...read, mayBePackaged: true } : read;
}

export function doStatement(c: Cursor): Do {
  const pos = c.pos;
  c.next();
  return { kind: "do", exprs: expressions(c), pos };
}

// -------------------------------------------------------------------------------------------------------------- EXPLAIN

/** EXPLAIN, DESCRIBE, DESC, ANALYZE (MariaDB) and VEXPLAIN, of a statement or a table. */
export function explain(c: Cursor): Explain | Describe {
  const pos = c.pos;
  const first = c.w;
  c.next();
  const options: string[] = [];
  const verb = first === "vexplain" || first === "analyze" ? first : "explain";
  if (verb === "vexplain") {
    const mode = c.maybeOneOf(["queries", "all", "plan", "trace", "keys"]);
    if (mode !== undefined) options.push(mode);
    return { kind: "explain", verb, options, statement: explained(c), pos };
  }
  for (;;) {
    if (c.w === "format" && c.peek(1) === "=") {
      c.seek(c.i + 2);
      options.push(`format=${c.nameOrString().toLowerCase()}`);
    } else if (c.w === "extended" && explainable(c, 1)) {
      c.next();
      options.push("extended");
    } else if (c.w === "partitions" && explainable(c, 1)) {
      c.next();
      options.push("partitions");
    } else if (c.w === "analyze" && verb === "explain") {
      c.next();
      options.push("analyze");
    } else break;
  }
  if (c.w === "for" && c.peek(1) === "connection") {
    const start = c.i;
    c.seek(c.i + 2);
    c.integer();
    options.push(canonicalText(c, start, c.i));
    return { kind: "explain", verb, options, statement: { kind: "do", exprs: [], pos }, pos };
  }
  if (options.length > 0 || verb === "analyze" || explainable(c, 0))
    return { kind: "explain", verb, options, statement: explained(c), pos };
  const table = c.objectName();
  let column: string | undefined;
  let like: string | undefined;
  if (c.k === T.string) like = c.string();
  else if (!c.atEnd()) column = c.name();
  return { kind: "describe", table, column, like, pos };
}

function explained(c: Cursor): Statement {
  if (!explainable(c, 0)) throw c.error();
  c.enter();
  const inner = statement(c);
  c.leave();
  return inner;
}

function explainable(c: Cursor, ahead: number): boolean {
  switch (c.peek(ahead)) {
    case "select":
    case "insert":
    case "replace":
    case "update":
    case "delete":
    case "with":
    case "(":
    case "values":
    case "table":
      return true;
    case "format":
    case "extended":
    case "partitions":
    case "stream":
      return ahead === 1;
    case "call":
    case "set":
      return c.peekKind(ahead) === T.keyword;
    default:
      return false;
  }
}
