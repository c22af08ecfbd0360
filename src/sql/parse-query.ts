// Queries: SELECT, VALUES and TABLE, set operations with their nesting and precedence, WITH, and the clauses they share
// with UPDATE and DELETE. Table references are in parse-table.ts.

import { LIMITS } from "../base/limits.ts";
import type { Cursor } from "./cursor.ts";
import { decodeSql } from "./encoding.ts";
import { T } from "./lexer.ts";
import { expression, expressions, exprAt, intervalOperand, LEVEL } from "./parse-expr.ts";
import { columnName, functionCall } from "./parse-function.ts";
import { tableName, tableReferences } from "./parse-table.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";
import { canonicalText } from "./token-text.ts";
import { nestingError } from "./syntax-error.ts";
import type {
  Cte,
  Expr,
  FileFormat,
  FrameBound,
  InsertRow,
  Into,
  Limit,
  Locking,
  NamedWindow,
  OrderItem,
  Query,
  QueryTail,
  Select,
  SelectItem,
  SelectOption,
  UnionPart,
  UserVariable,
  Column,
  WindowFrame,
  WindowSpec,
  With,
} from "./tree.ts";

const NO_ORDER: readonly OrderItem[] = [];
const NO_LOCKING: readonly Locking[] = [];

const DEFAULT_FILE_FORMAT: FileFormat = {
  charset: undefined,
  fieldsTerminatedBy: "\t",
  enclosedBy: "",
  escapedBy: "\\",
  linesStartingBy: "",
  linesTerminatedBy: "\n",
};

interface Tail extends QueryTail {
  readonly procedure: Select["procedure"];
}

const UNTAILED: QueryTail = {
  with: undefined,
  orderBy: NO_ORDER,
  limit: undefined,
  into: undefined,
  locking: NO_LOCKING,
};
const NO_TAIL: Tail = { ...UNTAILED, procedure: undefined };

/** A query inside another statement: it has no INTO. */
export function innerQuery<R>(c: Cursor, read: (c: Cursor) => R): R {
  const outer = c.into;
  c.into = false;
  const result = read(c);
  c.into = outer;
  return result;
}

/** `( query )` inside another statement. */
export function subquery(c: Cursor): Query {
  return innerQuery(c, parenthesizedQuery);
}

/** `( query )`: any number of parentheses around it. */
function parenthesizedQuery(c: Cursor): Query {
  if (c.w !== "(" || !c.atQuery()) throw c.error();
  c.enter();
  c.next();
  const query = queryExpression(c);
  c.expect(")");
  c.leave();
  return query;
}

/**
 * A query with WITH, set operations and its tail. `first` is a query in parentheses that was read already, which the
 * current token goes on from.
 */
export function queryExpression(c: Cursor, first?: Query, withClause?: With): Query {
  const pos = first?.pos ?? withClause?.pos ?? c.pos;
  const outer = withClause ?? (first === undefined && c.w === "with" ? withOf(c) : undefined);
  const plain = first === undefined && c.w !== "(";
  const body = unionBody(c, first);
  const procedure = body.kind === "select" && plain;
  const tail = queryTail(c, procedure ? body : undefined);
  if (outer === undefined && tail === NO_TAIL) return body;
  if (body.into !== undefined && tail.into !== undefined && tail.into !== body.into) throw c.error();
  if (body.kind === "select" && plain) {
    return {
      ...body,
      with: outer,
      orderBy: tail.orderBy,
      limit: tail.limit,
      into: tail.into ?? body.into,
      locking: tail.locking,
      procedure: tail.procedure,
      pos,
    };
  }
  const { orderBy: order, limit, into, locking } = tail;
  // `(SELECT … LIMIT 5) LIMIT 2`: two tails need two nodes.
  if (isTailed({ ...body, into: undefined }))
    return {
      kind: "union",
      unbracketed: undefined,
      first: body,
      rest: [],
      with: outer,
      orderBy: order,
      limit,
      into,
      locking,
      pos,
    };
  return { ...body, with: outer, orderBy: order, limit, into: into ?? body.into, locking, pos };
}

/** The query has a tail or a WITH of its own. */
function isTailed(query: Query): boolean {
  return (
    query.orderBy.length > 0 ||
    query.limit !== undefined ||
    query.into !== undefined ||
    query.locking.length > 0 ||
    query.with !== undefined
  );
}

/** UNION and EXCEPT of one level, left to right. */
function unionBody(c: Cursor, first: Query | undefined): Query {
  const start = intersectBody(c, first);
  const rest: UnionPart[] = [];
  while (c.w === "union" || c.w === "except" || (c.w === "minus" && c.k === T.word && setOperatorFollows(c))) {
    const pos = c.pos;
    const op = c.w === "union" ? "union" : "except";
    c.next();
    const quantifier = c.maybeOneOf(["all", "distinct"]);
    rest.push({ kind: "unionPart", op, quantifier, query: intersectBody(c, undefined), pos });
  }
  // By itself it is no part of anything.
  if (rest.length === 0 && start.kind === "union") return { ...start, unbracketed: undefined };
  return union(start, rest, c);
}

/** INTERSECT binds tighter than UNION and EXCEPT. */
function intersectBody(c: Cursor, first: Query | undefined): Query {
  const start = first ?? queryPrimary(c);
  const rest: UnionPart[] = [];
  while (c.w === "intersect") {
    const pos = c.pos;
    c.next();
    const quantifier = c.maybeOneOf(["all", "distinct"]);
    rest.push({ kind: "unionPart", op: "intersect", quantifier, query: queryPrimary(c), pos });
  }
  const body = union(start, rest, c);
  return rest.length > 0 && body.kind === "union" ? { ...body, unbracketed: true } : body;
}

function setOperatorFollows(c: Cursor): boolean {
  const word = c.peek(1) === "all" || c.peek(1) === "distinct" ? c.peek(2) : c.peek(1);
  return word === "select" || word === "(" || word === "values";
}

function union(first: Query, rest: readonly UnionPart[], c: Cursor): Query {
  const last = rest.at(-1);
  if (last === undefined) return first;
  // INTO belongs to the whole, and stands in its last part.
  if (first.into !== undefined || rest.some((part) => part !== last && part.query.into !== undefined)) throw c.error();
  if (last.query.into !== undefined) {
    const parts = [...rest.slice(0, -1), { ...last, query: { ...last.query, into: undefined } }];
    return {
      kind: "union",
      unbracketed: undefined,
      first,
      rest: parts,
      ...UNTAILED,
      into: last.query.into,
      pos: first.pos,
    };
  }
  return { kind: "union", unbracketed: undefined, first, rest, ...UNTAILED, pos: first.pos };
}

function queryPrimary(c: Cursor): Query {
  switch (c.w) {
    case "(":
      return parenthesizedQuery(c);
    case "select":
      return select(c);
    case "values": {
      const pos = c.pos;
      c.next();
      const rowKeyword = c.is("row");
      const rows: InsertRow[] = [];
      do {
        const rowPos = c.pos;
        if (rowKeyword) c.expect("row");
        c.enter();
        c.expect("(");
        rows.push({ kind: "insertRow", values: rowValues(c), pos: rowPos });
        c.expect(")");
        c.leave();
      } while (c.accept(","));
      return { kind: "values", rowKeyword, rows, ...UNTAILED, pos };
    }
    case "table": {
      const pos = c.pos;
      c.next();
      return { kind: "table", table: tableName(c, "plain"), ...UNTAILED, pos };
    }
    default:
      throw c.error();
  }
}

/** Values of a row: expressions or DEFAULT. */
export function rowValues(c: Cursor): Expr[] {
  const values: Expr[] = [];
  do values.push(valueOrDefault(c));
  while (c.accept(","));
  return values;
}

/** An expression, or the word DEFAULT (IGNORE in MariaDB's bulk statements). */
export function valueOrDefault(c: Cursor): Expr {
  if (c.k === T.keyword && c.w === "default" && c.peek(1) !== "(") {
    const pos = c.pos;
    c.next();
    return { kind: "default", pos };
  }
  return exprAt(c, LEVEL.or);
}

// -------------------------------------------------------------------------------------------------------------- SELECT

function select(c: Cursor): Select {
  const pos = c.pos;
  c.next();
  const hints = optimizerHints(c);
  const options = selectOptions(c);
  const items: SelectItem[] = [];
  do items.push(selectItem(c, items.length === 0));
  while (c.accept(","));
  const into = c.w === "into" ? intoClause(c) : undefined;
  let from: Select["from"] = [];
  let dual = false;
  let where: Expr | undefined;
  const groupBy: OrderItem[] = [];
  let rollup = false;
  let having: Expr | undefined;
  const windows: NamedWindow[] = [];
  if (c.accept("from")) {
    if (c.w === "dual" && c.k === T.keyword) {
      dual = true;
      c.next();
    } else from = tableReferences(c);
  }
  if (c.accept("where")) where = expression(c);
  if (c.w === "group" && c.k === T.keyword) {
    c.next();
    c.expect("by");
    const call = c.is("rollup") && c.peek(1) === "(";
    if (call) c.seek(c.i + 2);
    do groupBy.push(orderItem(c));
    while (c.accept(","));
    if (call) c.expect(")");
    rollup = call || c.accept2("with", "rollup");
  }
  if (c.accept("having")) having = expression(c);
  if (c.w === "window" && c.isNameAt(1) && c.peek(2) === "as") {
    c.next();
    do windows.push(namedWindow(c));
    while (c.accept(","));
  }
  return {
    kind: "select",
    with: undefined,
    hints,
    options,
    items,
    from,
    dual,
    where,
    groupBy,
    rollup,
    having,
    windows,
    procedure: undefined,
    orderBy: NO_ORDER,
    limit: undefined,
    into,
    locking: NO_LOCKING,
    pos,
  };
}

export function optimizerHints(c: Cursor): string | undefined {
  if (c.k !== T.hint) return undefined;
  const hints = c.text.slice(c.pos + 3, c.end() - 2).trim();
  c.next();
  return hints === "" ? undefined : hints;
}

function selectOptions(c: Cursor): SelectOption[] {
  const options: SelectOption[] = [];
  for (;;) {
    let option: SelectOption;
    switch (c.w) {
      case "all":
      case "distinct":
      case "straight_join":
      case "high_priority":
      case "sql_small_result":
      case "sql_big_result":
      case "sql_buffer_result":
      case "sql_calc_found_rows":
      case "sql_no_cache":
      case "sql_cache":
        option = c.w;
        break;
      case "distinctrow":
        option = "distinct";
        break;
      case "unique":
        if (!c.mariadb) return options;
        option = "distinct";
        break;
      default:
        return options;
    }
    if (c.k === T.quoted || (c.k === T.word && c.peek(1) === ".")) return options;
    if ((option === "all" && options.includes("distinct")) || (option === "distinct" && options.includes("all")))
      throw c.error();
    c.next();
    if (!options.includes(option)) options.push(option);
  }
}

function selectItem(c: Cursor, first: boolean): SelectItem {
  const pos = c.pos;
  if (c.w === "*") {
    if (!first) throw c.error();
    c.next();
    return { kind: "star", schema: undefined, table: undefined, pos };
  }
  if (c.isName() && c.peek(1) === ".") {
    if (c.peek(2) === "*") {
      const table = c.name();
      c.seek(c.i + 2);
      return { kind: "star", schema: undefined, table, pos };
    }
    if (c.peek(3) === "." && c.peek(4) === "*") {
      const schema = c.name();
      c.next();
      const table = c.name();
      c.seek(c.i + 2);
      return { kind: "star", schema, table, pos };
    }
  }
  if (c.w === "next" && c.k === T.word) {
    const sequence = nextValues(c);
    if (sequence !== undefined) return sequence;
  }
  const expr = expression(c);
  const text = ownName(expr) ?? withoutExecutable(c.text.slice(pos, c.lastEnd()));
  let alias: string | undefined;
  if (c.accept("as")) alias = c.nameOrString();
  else if (c.k === T.string || c.k === T.quoted || (c.k === T.word && !endsItem(c))) alias = c.nameOrString();
  return { kind: "expr", expr, alias, text, pos };
}

/**
 * The words NULL, TRUE and FALSE name their column in upper case, however they are written; a string does by its value. A
 * plus before a column or a constant is none of its name.
 */
function ownName(expr: Expr): string | undefined {
  let named = expr;
  while (named.kind === "unary" && named.op === "+") named = named.expr;
  if (named.kind === "column" && named !== expr) return named.name;
  if (named.kind !== "literal") return undefined;
  switch (named.type) {
    case "null":
    case "true":
    case "false":
      return named.type.toUpperCase();
    case "string":
    case "nstring":
      return named.value;
    case "int":
    case "decimal":
    case "float":
      return named === expr ? undefined : named.value;
    default:
      return undefined;
  }
}

/** The text without the marks of executable comments, which name no column; other comments stay. */
function withoutExecutable(text: string): string {
  if (!text.includes("*/") && !text.includes("/*")) return text;
  return text
    .replaceAll(/\/\*(?!M?!)[\s\S]*?\*\/|\/\*M?!\d{0,6}|\*\//g, (mark) => (/^\/\*(?!M?!)/.test(mark) ? mark : ""))
    .trim();
}

/** MariaDB's RETURNING, or no items. */
export function returningItems(c: Cursor): readonly SelectItem[] {
  if (c.w !== "returning") return [];
  c.next();
  const items: SelectItem[] = [];
  do items.push(selectItem(c, items.length === 0));
  while (c.accept(","));
  return items;
}

/** Words that are no alias although they are free to be names: they start what follows. */
function endsItem(c: Cursor): boolean {
  switch (c.w) {
    case "minus":
      return c.mariadb && setOperatorFollows(c);
    case "window":
      return c.isNameAt(1) && c.peek(2) === "as" && c.peek(3) === "(";
    case "sounds":
      return c.peek(1) === "like";
    default:
      return false;
  }
}

/** Vitess: NEXT VALUE, NEXT n VALUES, NEXT :bind VALUES. */
function nextValues(c: Cursor): SelectItem | undefined {
  const pos = c.pos;
  if (c.peek(1) === "value" && c.peek(2) !== "for" && c.peek(2) === "from") {
    c.seek(c.i + 2);
    return {
      kind: "nextValues",
      count: { kind: "literal", type: "int", value: "1", introducer: undefined, pos },
      pos,
    };
  }
  const kind = c.peekKind(1);
  if ((kind === T.int || kind === T.bind || kind === T.param) && c.peek(2) === "values") {
    c.next();
    const count = exprAt(c, LEVEL.unary);
    c.next();
    return { kind: "nextValues", count, pos };
  }
  return undefined;
}

function namedWindow(c: Cursor): NamedWindow {
  const pos = c.pos;
  const name = c.name();
  c.expect("as");
  return { kind: "namedWindow", name, spec: windowSpec(c), pos };
}

/** `( [base] [PARTITION BY …] [ORDER BY …] [frame] )` */
export function windowSpec(c: Cursor): WindowSpec {
  const pos = c.pos;
  c.enter();
  c.expect("(");
  const base =
    c.isName() && c.w !== "groups"
      ? c.name()
      : c.k === T.word && c.w === "groups" && !frameFollows(c)
        ? c.name()
        : undefined;
  let partitionBy: Expr[] = [];
  if (c.w === "partition" && c.peek(1) === "by") {
    c.seek(c.i + 2);
    partitionBy = expressions(c);
  }
  const order = orderBy(c);
  const frame = windowFrame(c);
  c.expect(")");
  c.leave();
  return { kind: "windowSpec", base, partitionBy, orderBy: order, frame, pos };
}

function frameFollows(c: Cursor): boolean {
  return c.peek(1) !== ")" && c.peek(1) !== "partition" && c.peek(1) !== "order";
}

function windowFrame(c: Cursor): WindowFrame | undefined {
  const pos = c.pos;
  if (c.w !== "rows" && c.w !== "range" && c.w !== "groups") return undefined;
  const unit = c.w;
  c.next();
  let start: FrameBound;
  let end: FrameBound | undefined;
  if (c.accept("between")) {
    start = frameBound(c);
    c.expect("and");
    end = frameBound(c);
  } else start = frameBound(c);
  let exclude: WindowFrame["exclude"];
  if (c.accept("exclude")) {
    if (c.accept2("current", "row")) exclude = "current row";
    else if (c.accept2("no", "others")) exclude = "no others";
    else exclude = c.oneOf(["group", "ties"]);
  }
  return { kind: "frame", unit, start, end, exclude, pos };
}

function frameBound(c: Cursor): FrameBound {
  const pos = c.pos;
  if (c.accept2("current", "row")) return { kind: "frameBound", type: "current row", expr: undefined, pos };
  if (c.w === "unbounded") {
    c.next();
    const side = c.oneOf(["preceding", "following"]);
    return {
      kind: "frameBound",
      type: side === "preceding" ? "unbounded preceding" : "unbounded following",
      expr: undefined,
      pos,
    };
  }
  const expr = c.w === "interval" ? intervalOperand(c) : exprAt(c, LEVEL.bitOr);
  return { kind: "frameBound", type: c.oneOf(["preceding", "following"]), expr, pos };
}

// ---------------------------------------------------------------------------------------------------- WITH and clauses

export function withOf(c: Cursor): With {
  const pos = c.pos;
  c.expect("with");
  const recursive = c.accept("recursive");
  const ctes: Cte[] = [];
  do ctes.push(cte(c));
  while (c.accept(","));
  return { kind: "with", recursive, ctes, pos };
}

function cte(c: Cursor): Cte {
  const pos = c.pos;
  const name = c.name();
  const columns = c.w === "(" ? c.nameList() : [];
  c.expect("as");
  const query = subquery(c);
  let cycle: string[] = [];
  if (c.accept("cycle")) {
    cycle = c.names();
    c.expect("restrict");
  }
  return { kind: "cte", name, columns, query, cycle, pos };
}

/** ORDER BY, or no items when it is not there. */
export function orderBy(c: Cursor): readonly OrderItem[] {
  if (c.w !== "order" || c.k !== T.keyword) return NO_ORDER;
  c.next();
  c.expect("by");
  return orderList(c);
}

export function orderList(c: Cursor): OrderItem[] {
  const items = [orderItem(c)];
  while (c.accept(",")) items.push(orderItem(c));
  return items;
}

function orderItem(c: Cursor): OrderItem {
  const pos = c.pos;
  const expr = expression(c);
  return { kind: "order", expr, direction: c.maybeOneOf(["asc", "desc"]), pos };
}

/** LIMIT, or MariaDB's OFFSET … FETCH, or nothing. */
function limitTail(c: Cursor): Limit | undefined {
  if (c.w === "limit") return limitClause(c);
  if (c.mariadb && (c.w === "offset" || (c.w === "fetch" && (c.peek(1) === "first" || c.peek(1) === "next"))))
    return fetchClause(c);
  return undefined;
}

export function limitClause(c: Cursor): Limit {
  const pos = c.pos;
  c.expect("limit");
  let offset: Expr | undefined;
  let count: Expr | undefined;
  if (!(c.w === "rows" && c.peek(1) === "examined")) {
    count = limitOperand(c);
    if (c.accept(",")) {
      offset = count;
      count = limitOperand(c);
    } else if (c.accept("offset")) offset = limitOperand(c);
  }
  const rowsExamined = c.accept2("rows", "examined") ? limitOperand(c) : undefined;
  return { kind: "limit", offset, count, withTies: false, rowsExamined, pos };
}

/**
 * MySQL takes an integer, a parameter or a variable of a program here. Vitess also reads constant expressions, whose
 * value the planner computes.
 */
function limitOperand(c: Cursor): Expr {
  switch (c.k) {
    case T.int:
    case T.param:
    case T.bind:
    case T.word:
    case T.quoted:
    case T.hexnum:
    case T.userVariable:
      return exprAt(c, LEVEL.bitOr);
    default:
      throw c.error();
  }
}

function fetchClause(c: Cursor): Limit {
  const pos = c.pos;
  let offset: Expr | undefined;
  if (c.accept("offset")) {
    offset = limitOperand(c);
    if (c.w !== "row" && c.w !== "rows") throw c.error();
    c.next();
  }
  let count: Expr | undefined;
  let withTies = false;
  if (c.accept("fetch")) {
    c.oneOf(["first", "next"]);
    count =
      c.w === "row" || c.w === "rows"
        ? { kind: "literal", type: "int", value: "1", introducer: undefined, pos: c.pos }
        : limitOperand(c);
    c.oneOf(["row", "rows"]);
    if (c.accept2("with", "ties")) withTies = true;
    else c.expect("only");
  }
  return { kind: "limit", offset, count, withTies, rowsExamined: undefined, pos };
}

/** What may follow a whole query; `plain` is the SELECT without parentheses it consists of. */
function queryTail(c: Cursor, plain: Select | undefined): Tail {
  if (c.w === ")" || c.atEnd()) return NO_TAIL;
  const order = orderBy(c);
  const limit = limitTail(c);
  let procedure: Select["procedure"];
  if (plain !== undefined && c.w === "procedure" && c.peek(2) === "(") {
    c.next();
    const call = functionCall(c);
    if (call.kind !== "call") throw c.error();
    procedure = call;
  }
  let locking = NO_LOCKING;
  let into = plain?.into;
  if (into === undefined && c.w === "into") into = intoClause(c);
  if (c.w === "for" || c.w === "lock") locking = lockingClauses(c);
  if (into === undefined && c.w === "into") into = intoClause(c);
  if (
    order.length === 0 &&
    limit === undefined &&
    into === undefined &&
    locking.length === 0 &&
    procedure === undefined
  )
    return NO_TAIL;
  return { with: undefined, orderBy: order, limit, into, locking, procedure };
}

function lockingClauses(c: Cursor): Locking[] {
  const locking: Locking[] = [];
  for (;;) {
    const pos = c.pos;
    if (c.w === "for" && (c.peek(1) === "update" || c.peek(1) === "share")) {
      c.next();
      const strength = c.oneOf(["update", "share"]);
      const of = c.accept("of") ? c.names() : [];
      locking.push({ kind: "locking", strength, of, ...lockWait(c), pos });
    } else if (c.w === "lock" && c.peek(1) === "in") {
      c.seek(c.i + 2);
      c.expect("share");
      c.expect("mode");
      locking.push({ kind: "locking", strength: "share mode", of: [], ...lockWait(c), pos });
    } else return locking;
    if (locking.length > LIMITS.statementDepthMax) throw nestingError(c.text, c.pos);
  }
}

function lockWait(c: Cursor): Pick<Locking, "wait" | "waitSeconds"> {
  if (c.accept("nowait")) return { wait: "nowait", waitSeconds: undefined };
  if (c.accept2("skip", "locked")) return { wait: "skip locked", waitSeconds: undefined };
  if (c.w === "wait" && c.peekKind(1) === T.int) {
    c.next();
    return { wait: undefined, waitSeconds: c.integer() };
  }
  return { wait: undefined, waitSeconds: undefined };
}

function intoClause(c: Cursor): Into {
  const pos = c.pos;
  if (!c.into) throw c.error();
  c.expect("into");
  if (c.accept("dumpfile")) return { kind: "intoDumpfile", file: c.string(), pos };
  if (c.accept("outfile")) {
    const s3 = c.accept("s3");
    const file = c.string();
    const start = c.i;
    outfileFormat(c, s3);
    return { kind: "intoOutfile", file, s3, format: canonicalText(c, start, c.i), pos };
  }
  const targets: (UserVariable | Column)[] = [];
  do {
    const targetPos = c.pos;
    targets.push(
      c.k === T.userVariable ? { kind: "userVariable", name: c.userVariable(), pos: targetPos } : columnName(c),
    );
  } while (c.accept(","));
  return { kind: "intoVariables", targets, pos };
}

/** CHARACTER SET, FIELDS and LINES of INTO OUTFILE and LOAD DATA, and the options of Vitess's S3 form. */
/** How a text file is cut into lines and fields (manual: "LOAD DATA Statement"). */
export function outfileFormat(c: Cursor, s3: boolean): FileFormat {
  const charset = acceptCharset(c) ? charsetName(c) : undefined;
  if (s3 && c.accept("format")) {
    c.oneOf(["csv", "text"]);
    c.accept("header");
  }
  const format: { -readonly [Part in keyof FileFormat]: FileFormat[Part] } = { ...DEFAULT_FILE_FORMAT, charset };
  if (c.w === "fields" || c.w === "columns") {
    c.next();
    let any = false;
    for (;;) {
      if (c.accept2("terminated", "by")) format.fieldsTerminatedBy = textString(c);
      else if (c.accept("optionally")) {
        c.expect("enclosed");
        c.expect("by");
        format.enclosedBy = textString(c);
      } else if (c.accept2("enclosed", "by")) format.enclosedBy = textString(c);
      else if (c.accept2("escaped", "by")) format.escapedBy = textString(c);
      else if (any) break;
      else throw c.error();
      any = true;
    }
  }
  if (c.accept("lines")) {
    let any = false;
    for (;;) {
      if (c.accept2("terminated", "by")) format.linesTerminatedBy = textString(c);
      else if (c.accept2("starting", "by")) format.linesStartingBy = textString(c);
      else if (any) break;
      else throw c.error();
      any = true;
    }
  }
  while (s3 && (c.w === "manifest" || c.w === "overwrite")) {
    c.next();
    if (!c.accept("on")) c.accept("off");
  }
  return format;
}

function textString(c: Cursor): string {
  if (c.k !== T.hexval && c.k !== T.hexnum && c.k !== T.bitval && c.k !== T.bitnum) return c.string();
  const isHex = c.k === T.hexval || c.k === T.hexnum;
  const digits = c
    .raw()
    .replace(/^(?:0[xb]|[xXbB]')/, "")
    .replace(/'$/, "");
  const hex = isHex ? digits : BigInt(`0b${digits === "" ? "0" : digits}`).toString(16);
  return decodeSql(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
}
