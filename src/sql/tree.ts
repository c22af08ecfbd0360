// The tree of a statement: readonly discriminated unions on `kind`, in MySQL's own terms. The parser makes it, the
// planner reads and rewrites it (always new nodes, see walk.ts), the printer turns it back into SQL.
//
// Every node keeps `pos`, the offset of its first character in the text that was parsed; equality of trees leaves it
// out. Fields that may be absent are `| undefined` and always present, so that nodes of a kind share one hidden class.
// Text is UTF-8 decoded; bytes that are not UTF-8 stand as lone surrogates U+DC80..U+DCFF (see encoding.ts), so nothing
// is lost between the client's bytes and a shard's.

import type { TableDefinition } from "./table-definition.ts";

// ---------------------------------------------------------------------------------------------------- modes and names

/** What of the session's sql_mode (and which server) decides how text is read. */
export interface SqlMode {
  readonly ansiQuotes: boolean;
  readonly noBackslashEscapes: boolean;
  readonly pipesAsConcat: boolean;
  readonly highNotPrecedence: boolean;
  readonly ignoreSpace: boolean;
  /** MariaDB's PL/SQL: programs have their declarations before BEGIN. */
  readonly oracle: boolean;
  readonly dialect: "mysql" | "mariadb";
}

export const DEFAULT_SQL_MODE: SqlMode = {
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  oracle: false,
  dialect: "mariadb",
};

/** A table, view, sequence, routine or other object: `name` with an optional schema (keyspace) before it. */
export interface ObjectName {
  readonly kind: "name";
  readonly schema: string | undefined;
  readonly name: string;
  readonly pos: number;
}

// --------------------------------------------------------------------------------------------------------- expressions

export type LiteralType =
  | "int"
  | "decimal"
  | "float"
  /** A quoted string; adjacent strings are joined. */
  | "string"
  /** N'…' */
  | "nstring"
  /** x'…': `value` has the digits. */
  | "hexval"
  /** 0x…: `value` has the digits. */
  | "hexnum"
  /** b'…': `value` has the digits. */
  | "bitval"
  /** 0b…: `value` has the digits. */
  | "bitnum"
  | "null"
  | "true"
  | "false";

export interface Literal {
  readonly kind: "literal";
  readonly type: LiteralType;
  /** Numbers: the text as written; strings: unescaped; hex and bit: the digits; null, true, false: the word. */
  readonly value: string;
  /** Character set introducer without the underscore, lower case (`_utf8mb4'x'`). */
  readonly introducer: string | undefined;
  readonly pos: number;
}

/** DATE '…', TIME '…', TIMESTAMP '…' and the ODBC forms {d '…'}, {t '…'}, {ts '…'}. */
export interface TemporalLiteral {
  readonly kind: "temporal";
  readonly type: "date" | "time" | "timestamp";
  readonly value: string;
  readonly pos: number;
}

/**
 * A bind variable: `:v1` stands for one value, `::v2` for the list of an IN. `index` is the position in the binds that
 * normalize() gave (`:v1` is index 0), -1 for a named one that it did not make.
 */
export interface Bind {
  readonly kind: "bind";
  readonly name: string;
  readonly index: number;
  readonly list: boolean;
  readonly pos: number;
}

/** `?` of a prepared statement; `index` counts from 0 in order of appearance. */
export interface Param {
  readonly kind: "param";
  readonly index: number;
  readonly pos: number;
}

export interface Column {
  readonly kind: "column";
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly name: string;
  readonly pos: number;
}

/** `@name` */
export interface UserVariable {
  readonly kind: "userVariable";
  readonly name: string;
  readonly pos: number;
}

export type VariableScope = "global" | "session" | "local" | "persist" | "persist_only";

/** `@@name`, `@@session.name`, `@@global.cache.name`; `name` has its dots and is in lower case. */
export interface SystemVariable {
  readonly kind: "systemVariable";
  readonly scope: VariableScope | undefined;
  readonly name: string;
  readonly pos: number;
}

/** `@name := expr` */
export interface Assign {
  readonly kind: "assign";
  readonly name: string;
  readonly expr: Expr;
  readonly pos: number;
}

/** The word DEFAULT in place of a value (INSERT, UPDATE, SET, EXECUTE … USING). */
export interface DefaultValue {
  readonly kind: "default";
  /** It is IGNORE (EXECUTE … USING of MariaDB): the column stays as it is. */
  readonly ignore?: true;
  readonly pos: number;
}

export type UnaryOp = "-" | "+" | "~" | "!" | "not" | "binary";

export interface Unary {
  readonly kind: "unary";
  readonly op: UnaryOp;
  readonly expr: Expr;
  readonly pos: number;
}

export type ComparisonOp = "=" | "<=>" | "<" | "<=" | ">" | ">=" | "!=";

export type BinaryOp =
  | ComparisonOp
  | "+"
  | "-"
  | "*"
  | "/"
  | "div"
  | "%"
  | "^"
  | "|"
  | "&"
  | "<<"
  | ">>"
  | "xor"
  | "sounds like"
  | "regexp"
  | "not regexp"
  /** `||` under PIPES_AS_CONCAT. */
  | "concat"
  | "->"
  | "->>";

export interface Binary {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly pos: number;
}

/** AND and OR are flat: no operand of an `and` is an `and`, none of an `or` is an `or`; at least two operands. */
export interface And {
  readonly kind: "and";
  readonly operands: readonly Expr[];
  readonly pos: number;
}

export interface Or {
  readonly kind: "or";
  readonly operands: readonly Expr[];
  readonly pos: number;
}

export interface Is {
  readonly kind: "is";
  readonly expr: Expr;
  readonly test: "null" | "true" | "false" | "unknown";
  readonly not: boolean;
  readonly pos: number;
}

/** `expr [NOT] IN (…)`: `list` is a list of expressions, one list bind (`::v1`), or a subquery. */
export interface In {
  readonly kind: "in";
  readonly expr: Expr;
  readonly list: readonly Expr[] | Bind | Subquery;
  readonly not: boolean;
  readonly pos: number;
}

export interface Between {
  readonly kind: "between";
  readonly expr: Expr;
  readonly low: Expr;
  readonly high: Expr;
  readonly not: boolean;
  readonly pos: number;
}

export interface Like {
  readonly kind: "like";
  readonly expr: Expr;
  readonly pattern: Expr;
  readonly escape: Expr | undefined;
  readonly not: boolean;
  readonly pos: number;
}

/** `value MEMBER OF (array)` */
export interface MemberOf {
  readonly kind: "memberOf";
  readonly expr: Expr;
  readonly array: Expr;
  readonly not: boolean;
  readonly pos: number;
}

/** `left op ANY|ALL (subquery)`; SOME is ANY. */
export interface Quantified {
  readonly kind: "quantified";
  readonly op: ComparisonOp;
  readonly quantifier: "any" | "all";
  readonly left: Expr;
  readonly query: Query;
  readonly pos: number;
}

export interface Subquery {
  readonly kind: "subquery";
  readonly query: Query;
  readonly pos: number;
}

export interface Exists {
  readonly kind: "exists";
  readonly query: Query;
  readonly pos: number;
}

/** `(a, b)` or `ROW(a, b)`; at least two items. */
export interface Row {
  readonly kind: "row";
  readonly items: readonly Expr[];
  readonly pos: number;
}

export interface WhenClause {
  readonly kind: "when";
  readonly when: Expr;
  readonly then: Expr;
  readonly pos: number;
}

export interface Case {
  readonly kind: "case";
  readonly operand: Expr | undefined;
  readonly whens: readonly WhenClause[];
  readonly otherwise: Expr | undefined;
  readonly pos: number;
}

/** A type of CAST, CONVERT, JSON_VALUE … RETURNING and JSON_TABLE columns; `name` as the manual's grammar spells it. */
export interface CastType {
  readonly kind: "castType";
  /** Lower case: `signed`, `unsigned`, `char`, `nchar`, `binary`, `decimal`, `datetime`, `json`, `float`, `int`, … */
  readonly name: string;
  readonly length: string | undefined;
  readonly scale: string | undefined;
  readonly unsigned: boolean;
  readonly zerofill: boolean;
  readonly charset: string | undefined;
  /** BINARY behind the type or its character set: that one's binary collation. */
  readonly binary: boolean;
  readonly collation: string | undefined;
  readonly array: boolean;
  readonly pos: number;
}

/** CAST(expr AS type), CONVERT(expr, type); `atTimeZone` for CAST(x AT TIME ZONE '…' AS DATETIME). */
export interface Cast {
  readonly kind: "cast";
  readonly expr: Expr;
  readonly type: CastType;
  readonly atTimeZone: string | undefined;
  readonly pos: number;
}

/** `expr AS type` among the arguments of MariaDB's COLUMN_CREATE, COLUMN_ADD and COLUMN_GET. */
export interface TypedValue {
  readonly kind: "typedValue";
  readonly expr: Expr;
  readonly type: CastType;
  readonly pos: number;
}

/** CONVERT(expr USING charset) */
export interface ConvertUsing {
  readonly kind: "convertUsing";
  readonly expr: Expr;
  readonly charset: string;
  readonly pos: number;
}

export interface Collate {
  readonly kind: "collate";
  readonly expr: Expr;
  readonly collation: string;
  readonly pos: number;
}

/** `INTERVAL expr unit`: stands where MySQL allows it (operand of + and -, argument of DATE_ADD …, window frames). */
export interface Interval {
  readonly kind: "interval";
  readonly expr: Expr;
  /** Lower case, without the SQL_TSI_ prefix: `day`, `hour_minute`, … */
  readonly unit: string;
  readonly pos: number;
}

/**
 * A function call without special syntax, an aggregate or a window function. `name` is lower case; a stored function
 * may have a schema. Niladic functions written without parentheses (CURRENT_TIMESTAMP) are calls without arguments.
 */
export interface Call {
  readonly kind: "call";
  readonly schema: string | undefined;
  readonly name: string;
  /** Not MySQL's function of that name but a stored one: the name was quoted, or a space stood before the `(`. */
  readonly stored: boolean;
  readonly distinct: boolean;
  /** COUNT(*) */
  readonly star: boolean;
  readonly args: readonly Expr[];
  readonly fromLast: boolean;
  readonly nulls: "respect" | "ignore" | undefined;
  readonly over: Over | undefined;
  readonly pos: number;
}

/** GROUP_CONCAT and MariaDB's JSON_ARRAYAGG with its ORDER BY and LIMIT. */
export interface GroupConcat {
  readonly kind: "groupConcat";
  readonly name: "group_concat" | "json_arrayagg";
  readonly distinct: boolean;
  readonly args: readonly Expr[];
  readonly orderBy: readonly OrderItem[];
  readonly separator: string | undefined;
  readonly limit: Limit | undefined;
  readonly over: Over | undefined;
  readonly pos: number;
}

/** EXTRACT(unit FROM expr) */
export interface Extract {
  readonly kind: "extract";
  readonly unit: string;
  readonly expr: Expr;
  readonly pos: number;
}

/** TRIM([LEADING|TRAILING|BOTH] [what] FROM expr), TRIM(expr) */
export interface Trim {
  readonly kind: "trim";
  readonly side: "leading" | "trailing" | "both" | undefined;
  readonly what: Expr | undefined;
  readonly expr: Expr;
  readonly pos: number;
}

/** POSITION(needle IN haystack) */
export interface Position {
  readonly kind: "position";
  readonly needle: Expr;
  readonly haystack: Expr;
  readonly pos: number;
}

/** MATCH (columns) AGAINST (expr [modifier]) */
export interface Match {
  readonly kind: "match";
  readonly columns: readonly Expr[];
  readonly against: Expr;
  readonly modifier: "boolean" | "natural" | "natural expansion" | "expansion" | undefined;
  readonly pos: number;
}

/** WEIGHT_STRING(expr [AS CHAR(n)|BINARY(n)] [LEVEL …]) */
export interface WeightString {
  readonly kind: "weightString";
  readonly expr: Expr;
  readonly as: "char" | "binary" | undefined;
  readonly length: string | undefined;
  /** LEVEL clause as written, without the word LEVEL. */
  readonly level: string | undefined;
  readonly pos: number;
}

/** CHAR(n, … [USING charset]) */
export interface CharCall {
  readonly kind: "char";
  readonly args: readonly Expr[];
  readonly charset: string | undefined;
  readonly pos: number;
}

/** TIMESTAMPADD(unit, n, expr) and TIMESTAMPDIFF(unit, a, b) */
export interface TimestampCall {
  readonly kind: "timestampCall";
  readonly name: "timestampadd" | "timestampdiff";
  readonly unit: string;
  readonly first: Expr;
  readonly second: Expr;
  readonly pos: number;
}

/** GET_FORMAT(DATE|TIME|DATETIME|TIMESTAMP, expr) */
export interface GetFormat {
  readonly kind: "getFormat";
  readonly type: "date" | "time" | "datetime";
  readonly expr: Expr;
  readonly pos: number;
}

/** What JSON_VALUE and JSON_TABLE do ON EMPTY and ON ERROR. */
export interface JsonOnResponse {
  readonly kind: "jsonOn";
  readonly on: "empty" | "error";
  readonly action: "null" | "error" | "default";
  readonly value: Expr | undefined;
  readonly pos: number;
}

/** JSON_VALUE(doc, path [RETURNING type] [… ON EMPTY] [… ON ERROR]) */
export interface JsonValue {
  readonly kind: "jsonValue";
  readonly doc: Expr;
  readonly path: Expr;
  readonly returning: CastType | undefined;
  readonly on: readonly JsonOnResponse[];
  readonly pos: number;
}

/** VALUES(column) in ON DUPLICATE KEY UPDATE (MariaDB: VALUE(column) as well) */
export interface InsertValue {
  readonly kind: "insertValue";
  readonly column: Column;
  readonly pos: number;
}

/** DEFAULT(column) */
export interface DefaultOf {
  readonly kind: "defaultOf";
  readonly column: Column;
  readonly pos: number;
}

/** NEXT VALUE FOR seq, PREVIOUS VALUE FOR seq (MariaDB) */
export interface SequenceValue {
  readonly kind: "sequenceValue";
  readonly which: "next" | "previous";
  readonly sequence: ObjectName;
  readonly pos: number;
}

/** Aggregate as MariaDB's `PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x) OVER (…)`. */
export interface WithinGroup {
  readonly kind: "withinGroup";
  readonly name: string;
  readonly args: readonly Expr[];
  readonly orderBy: readonly OrderItem[];
  readonly over: Over | undefined;
  readonly pos: number;
}

export type Expr =
  | Literal
  | TemporalLiteral
  | Bind
  | Param
  | Column
  | UserVariable
  | SystemVariable
  | Assign
  | DefaultValue
  | Unary
  | Binary
  | And
  | Or
  | Is
  | In
  | Between
  | Like
  | MemberOf
  | Quantified
  | Subquery
  | Exists
  | Row
  | Case
  | Cast
  | TypedValue
  | ConvertUsing
  | Collate
  | Interval
  | Call
  | GroupConcat
  | Extract
  | Trim
  | Position
  | Match
  | WeightString
  | CharCall
  | TimestampCall
  | GetFormat
  | JsonValue
  | InsertValue
  | DefaultOf
  | SequenceValue
  | WithinGroup;

export type ExprKind = Expr["kind"];

// ------------------------------------------------------------------------------------------------------------- windows

export interface FrameBound {
  readonly kind: "frameBound";
  readonly type: "unbounded preceding" | "unbounded following" | "current row" | "preceding" | "following";
  readonly expr: Expr | undefined;
  readonly pos: number;
}

export interface WindowFrame {
  readonly kind: "frame";
  readonly unit: "rows" | "range" | "groups";
  readonly start: FrameBound;
  readonly end: FrameBound | undefined;
  readonly exclude: "current row" | "group" | "ties" | "no others" | undefined;
  readonly pos: number;
}

export interface WindowSpec {
  readonly kind: "windowSpec";
  /** The window this one starts from: `OVER (w ORDER BY x)`. */
  readonly base: string | undefined;
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: WindowFrame | undefined;
  readonly pos: number;
}

/** `OVER w` */
export interface WindowName {
  readonly kind: "windowName";
  readonly name: string;
  readonly pos: number;
}

export type Over = WindowSpec | WindowName;

export interface NamedWindow {
  readonly kind: "namedWindow";
  readonly name: string;
  readonly spec: WindowSpec;
  readonly pos: number;
}

// ---------------------------------------------------------------------------------------------------- table references

export interface IndexHint {
  readonly kind: "indexHint";
  readonly action: "use" | "force" | "ignore";
  /** `vindex` is Vitess's USE VINDEX (name), a hint to the planner that never reaches a shard. */
  readonly object: "index" | "vindex";
  readonly for: "join" | "order by" | "group by" | undefined;
  readonly names: readonly string[];
  readonly pos: number;
}

/** MariaDB's FOR SYSTEM_TIME of what is read, and FOR PORTION OF a period of the table that UPDATE or DELETE changes. */
export interface SystemTime {
  readonly kind: "systemTime";
  readonly type: "all" | "as of" | "between" | "from";
  /** The period that FOR PORTION OF names; undefined for FOR SYSTEM_TIME. */
  readonly portion: string | undefined;
  readonly first: Expr | undefined;
  readonly second: Expr | undefined;
  /** Words before the points: `timestamp` or `transaction`. */
  readonly unit: "timestamp" | "transaction" | undefined;
  readonly pos: number;
}

export interface TableName {
  readonly kind: "tableName";
  /** The keyspace; may be a target form such as `customer:-80` or `customer@replica` when quoted so. */
  readonly schema: string | undefined;
  readonly name: string;
  readonly alias: string | undefined;
  readonly partitions: readonly string[];
  readonly indexHints: readonly IndexHint[];
  readonly systemTime: SystemTime | undefined;
  readonly pos: number;
}

export interface DerivedTable {
  readonly kind: "derived";
  readonly lateral: boolean;
  readonly query: Query;
  /** MySQL demands an alias; MariaDB's grammar allows none in some places. */
  readonly alias: string | undefined;
  readonly columns: readonly string[];
  readonly pos: number;
}

export type JoinType = "inner" | "cross" | "straight" | "left" | "right";

export interface Join {
  readonly kind: "join";
  readonly type: JoinType;
  readonly natural: boolean;
  readonly left: TableRef;
  readonly right: TableRef;
  readonly on: Expr | undefined;
  readonly using: readonly string[];
  readonly pos: number;
}

/** `(t1, t2)` inside FROM: a parenthesised comma list; at least two tables. */
export interface TableList {
  readonly kind: "tableList";
  readonly tables: readonly TableRef[];
  readonly pos: number;
}

export type JsonTableColumn =
  | { readonly kind: "ordinality"; readonly name: string; readonly pos: number }
  | {
      readonly kind: "path";
      readonly name: string;
      readonly type: CastType;
      readonly exists: boolean;
      readonly path: string;
      readonly on: readonly JsonOnResponse[];
      readonly pos: number;
    }
  | {
      readonly kind: "nested";
      readonly path: string;
      readonly columns: readonly JsonTableColumn[];
      readonly pos: number;
    };

export interface JsonTable {
  readonly kind: "jsonTable";
  readonly doc: Expr;
  readonly path: string;
  readonly columns: readonly JsonTableColumn[];
  readonly alias: string | undefined;
  readonly pos: number;
}

export type TableRef = TableName | DerivedTable | Join | TableList | JsonTable;

export type TableRefKind = TableRef["kind"];

// ------------------------------------------------------------------------------------------------------------- queries

export interface OrderItem {
  readonly kind: "order";
  readonly expr: Expr;
  readonly direction: "asc" | "desc" | undefined;
  readonly pos: number;
}

export interface Limit {
  readonly kind: "limit";
  readonly offset: Expr | undefined;
  /** Undefined only in MariaDB's `OFFSET n ROWS` without FETCH. */
  readonly count: Expr | undefined;
  /** MariaDB's FETCH FIRST n ROWS WITH TIES. */
  readonly withTies: boolean;
  /** MariaDB's LIMIT ROWS EXAMINED n. */
  readonly rowsExamined: Expr | undefined;
  readonly pos: number;
}

export interface Locking {
  readonly kind: "locking";
  /** `share mode` is LOCK IN SHARE MODE. */
  readonly strength: "update" | "share" | "share mode";
  readonly of: readonly string[];
  readonly wait: "nowait" | "skip locked" | undefined;
  /** MariaDB's WAIT n. */
  readonly waitSeconds: string | undefined;
  readonly pos: number;
}

export type Into =
  | {
      readonly kind: "intoVariables";
      readonly targets: readonly (UserVariable | Column)[];
      readonly pos: number;
    }
  | { readonly kind: "intoDumpfile"; readonly file: string; readonly pos: number }
  | {
      readonly kind: "intoOutfile";
      readonly file: string;
      /** Vitess's INTO OUTFILE S3. */
      readonly s3: boolean;
      /** CHARACTER SET, FIELDS, LINES and (S3) option clauses as canonical text. */
      readonly format: string;
      readonly pos: number;
    };

export type SelectItem =
  | {
      readonly kind: "expr";
      readonly expr: Expr;
      readonly alias: string | undefined;
      /** The source text of the expression, which is the column's name when there is no alias; not part of equality. */
      readonly text: string;
      readonly pos: number;
    }
  | {
      readonly kind: "star";
      readonly schema: string | undefined;
      readonly table: string | undefined;
      readonly pos: number;
    }
  /** Vitess's `SELECT NEXT n VALUES FROM seq`. */
  | { readonly kind: "nextValues"; readonly count: Expr; readonly pos: number };

export interface Cte {
  readonly kind: "cte";
  readonly name: string;
  readonly columns: readonly string[];
  readonly query: Query;
  /** MariaDB's CYCLE columns RESTRICT. */
  readonly cycle: readonly string[];
  readonly pos: number;
}

export interface With {
  readonly kind: "with";
  readonly recursive: boolean;
  readonly ctes: readonly Cte[];
  readonly pos: number;
}

export type SelectOption =
  | "all"
  | "distinct"
  | "straight_join"
  | "high_priority"
  | "sql_small_result"
  | "sql_big_result"
  | "sql_buffer_result"
  | "sql_calc_found_rows"
  | "sql_no_cache"
  | "sql_cache";

/** What any query may end with. */
export interface QueryTail {
  readonly with: With | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly into: Into | undefined;
  readonly locking: readonly Locking[];
}

export interface Select extends QueryTail {
  readonly kind: "select";
  /** Text of the optimizer hint comment, without its delimiters. */
  readonly hints: string | undefined;
  readonly options: readonly SelectOption[];
  readonly items: readonly SelectItem[];
  /** Empty without FROM and for FROM DUAL. */
  readonly from: readonly TableRef[];
  /** FROM DUAL was written (it lets WHERE stand without a table in older servers). */
  readonly dual: boolean;
  readonly where: Expr | undefined;
  readonly groupBy: readonly OrderItem[];
  readonly rollup: boolean;
  readonly having: Expr | undefined;
  readonly windows: readonly NamedWindow[];
  readonly procedure: Call | undefined;
  readonly pos: number;
}

export interface UnionPart {
  readonly kind: "unionPart";
  readonly op: "union" | "intersect" | "except";
  readonly quantifier: "all" | "distinct" | undefined;
  readonly query: Query;
  readonly pos: number;
}

/**
 * Set operations of one precedence level, left to right: `first op query op query …`; INTERSECT binds tighter and is a
 * `union` of its own inside. ORDER BY, LIMIT, INTO and locking of the whole stand here; a part that has its own is
 * printed in parentheses. `rest` is empty for `(query with a tail) tail`.
 */
export interface Union extends QueryTail {
  readonly kind: "union";
  /**
   * An INTERSECT that is part of a UNION or EXCEPT by its precedence alone, and is printed so: MariaDB 10.11 takes
   * INTERSECT ALL in parentheses there for INTERSECT.
   */
  readonly unbracketed: true | undefined;
  readonly first: Query;
  readonly rest: readonly UnionPart[];
  readonly pos: number;
}

/** `VALUES ROW(1, 2), …` (MySQL) or `VALUES (1, 2), …` (MariaDB). */
export interface Values extends QueryTail {
  readonly kind: "values";
  readonly rowKeyword: boolean;
  readonly rows: readonly InsertRow[];
  readonly pos: number;
}

/** `TABLE t` (MySQL). */
export interface TableStatement extends QueryTail {
  readonly kind: "table";
  readonly table: TableName;
  readonly pos: number;
}

export type Query = Select | Union | Values | TableStatement;

// ----------------------------------------------------------------------------------------------------------------- DML

export interface InsertRow {
  readonly kind: "insertRow";
  readonly values: readonly Expr[];
  readonly pos: number;
}

/** `column = expr` of UPDATE, INSERT … SET and ON DUPLICATE KEY UPDATE. */
export interface Assignment {
  readonly kind: "assignment";
  readonly column: Column;
  readonly value: Expr;
  readonly pos: number;
}

export interface Insert {
  readonly kind: "insert";
  readonly replace: boolean;
  readonly hints: string | undefined;
  readonly priority: "low_priority" | "delayed" | "high_priority" | undefined;
  readonly ignore: boolean;
  readonly table: ObjectName;
  readonly partitions: readonly string[];
  readonly columns: readonly Column[];
  /** `columns` was written, maybe as `()`. */
  readonly columnList: boolean;
  /** `set`: INSERT … SET a = 1, kept in `columns` and one row. */
  readonly form: "values" | "set" | "query";
  /** Rows of VALUES or SET. */
  readonly rows: readonly InsertRow[];
  readonly query: Query | undefined;
  readonly rowAlias: string | undefined;
  readonly rowAliasColumns: readonly string[];
  readonly onDuplicate: readonly Assignment[];
  /** MariaDB's RETURNING; empty when absent. */
  readonly returning: readonly SelectItem[];
  readonly pos: number;
}

export interface Update {
  readonly kind: "update";
  readonly with: With | undefined;
  readonly hints: string | undefined;
  readonly lowPriority: boolean;
  readonly ignore: boolean;
  readonly tables: readonly TableRef[];
  readonly set: readonly Assignment[];
  readonly where: Expr | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly pos: number;
}

export interface Delete {
  readonly kind: "delete";
  readonly with: With | undefined;
  readonly hints: string | undefined;
  readonly lowPriority: boolean;
  readonly quick: boolean;
  readonly ignore: boolean;
  /** `single`: DELETE FROM t; `from`: DELETE t1, t2 FROM …; `using`: DELETE FROM t1, t2 USING …. */
  readonly form: "single" | "from" | "using";
  /** Tables rows are deleted from in the multi-table forms; empty in the single one. */
  readonly targets: readonly ObjectName[];
  /** The single table, or the table references of the multi-table forms. */
  readonly tables: readonly TableRef[];
  readonly where: Expr | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly returning: readonly SelectItem[];
  readonly pos: number;
}

/** How LOAD DATA cuts a file; texts as the statement has them. */
export interface FileFormat {
  readonly charset: string | undefined;
  readonly fieldsTerminatedBy: string;
  readonly enclosedBy: string;
  readonly escapedBy: string;
  readonly linesStartingBy: string;
  readonly linesTerminatedBy: string;
}

export interface LoadData {
  readonly kind: "load";
  readonly what: "data" | "xml";
  readonly local: boolean;
  readonly file: string;
  readonly duplicates: "replace" | "ignore" | undefined;
  readonly table: ObjectName;
  readonly partitions: readonly string[];
  readonly format: FileFormat;
  /** Lines at the file's beginning that are left out. */
  readonly skippedLines: number;
  /** Where a line's fields go; none: to the table's columns. */
  readonly targets: readonly (Column | UserVariable)[];
  readonly set: readonly Assignment[];
  /** The whole statement in canonical text. */
  readonly text: string;
  readonly pos: number;
}

// ------------------------------------------------------------------------------------------------- session and control

export type SetItem =
  | {
      readonly kind: "setVariable";
      /** Undefined: no scope was written, which means session (or a local variable of a program). */
      readonly scope: VariableScope | undefined;
      /** Written with `@@`. */
      readonly at: boolean;
      /** Lower case, with dots. */
      readonly name: string;
      readonly value: Expr;
      readonly pos: number;
    }
  | { readonly kind: "setUser"; readonly name: string; readonly value: Expr; readonly pos: number }
  | {
      readonly kind: "setNames";
      /** Undefined for DEFAULT. */
      readonly charset: string | undefined;
      readonly collation: string | undefined;
      readonly pos: number;
    }
  /** SET CHARACTER SET x */
  | { readonly kind: "setCharset"; readonly charset: string | undefined; readonly pos: number };

export interface SetStatement {
  readonly kind: "set";
  readonly items: readonly SetItem[];
  readonly pos: number;
}

/** SET STATEMENT var = value, … FOR statement (MariaDB) */
export interface SetStatementFor {
  readonly kind: "setFor";
  readonly items: readonly SetItem[];
  readonly statement: Statement;
  readonly pos: number;
}

export interface SetTransaction {
  readonly kind: "setTransaction";
  readonly scope: VariableScope | undefined;
  readonly isolation: "repeatable read" | "read committed" | "read uncommitted" | "serializable" | undefined;
  readonly access: "read only" | "read write" | undefined;
  readonly pos: number;
}

/** SHOW …; `what` names the form: `tables`, `columns`, `create table`, `variables`, `vschema tables`, …. */
export interface Show {
  readonly kind: "show";
  readonly what: string;
  readonly full: boolean;
  readonly extended: boolean;
  readonly scope: VariableScope | undefined;
  /** FROM db, or the schema of `FROM db.t`. */
  readonly schema: string | undefined;
  /** The table of COLUMNS, INDEX, CREATE TABLE …, or the name of another object. */
  readonly name: string | undefined;
  readonly like: string | undefined;
  readonly where: Expr | undefined;
  /** The statement in canonical text from the word after SHOW on. */
  readonly text: string;
  readonly pos: number;
}

export interface Use {
  readonly kind: "use";
  /** A keyspace or a target (`customer:-80`, `customer@replica`); empty for Vitess's bare USE. */
  readonly target: string;
  readonly pos: number;
}

export interface Begin {
  readonly kind: "begin";
  /** `START TRANSACTION` was written, not BEGIN. */
  readonly start: boolean;
  readonly consistentSnapshot: boolean;
  readonly access: "read only" | "read write" | undefined;
  readonly pos: number;
}

export interface Commit {
  readonly kind: "commit";
  readonly chain: boolean | undefined;
  readonly release: boolean | undefined;
  readonly pos: number;
}

export interface Rollback {
  readonly kind: "rollback";
  /** ROLLBACK TO SAVEPOINT name. */
  readonly savepoint: string | undefined;
  readonly chain: boolean | undefined;
  readonly release: boolean | undefined;
  readonly pos: number;
}

export interface Savepoint {
  readonly kind: "savepoint";
  readonly name: string;
  readonly pos: number;
}

export interface ReleaseSavepoint {
  readonly kind: "release";
  readonly name: string;
  readonly pos: number;
}

export interface Xa {
  readonly kind: "xa";
  readonly verb: "start" | "end" | "prepare" | "commit" | "rollback" | "recover";
  /** Undefined for RECOVER. */
  readonly xid: Xid | undefined;
  readonly option: "join" | "resume" | "suspend" | "one phase" | undefined;
  readonly text: string;
  readonly pos: number;
}

/** What a client calls a transaction; `gtrid` and `bqual` in hexadecimal digits. */
export interface Xid {
  readonly gtrid: string;
  readonly bqual: string;
  readonly format: number;
}

export interface LockTables {
  readonly kind: "lock";
  /** `instance`: LOCK INSTANCE FOR BACKUP. */
  readonly what: "tables" | "instance";
  readonly locks: readonly { readonly table: TableName; readonly type: string }[];
  readonly text: string;
  readonly pos: number;
}

export interface UnlockTables {
  readonly kind: "unlock";
  readonly what: "tables" | "instance";
  readonly pos: number;
}

export interface Kill {
  readonly kind: "kill";
  readonly what: "connection" | "query";
  readonly hardness: "hard" | "soft" | undefined;
  readonly id: Expr;
  /** MariaDB's KILL … USER name / QUERY ID n: canonical text after the words above. */
  readonly target: "id" | "query id" | "user";
  readonly pos: number;
}

export interface Prepare {
  readonly kind: "prepare";
  readonly name: string;
  readonly from: Expr;
  readonly pos: number;
}

export interface Execute {
  readonly kind: "execute";
  readonly name: string;
  readonly using: readonly Expr[];
  /** EXECUTE IMMEDIATE expr (MariaDB). */
  readonly immediate: Expr | undefined;
  readonly pos: number;
}

export interface Deallocate {
  readonly kind: "deallocate";
  readonly name: string;
  readonly pos: number;
}

export interface CallStatement {
  readonly kind: "callProcedure";
  readonly procedure: ObjectName;
  /** Its schema may be a package of the selected database (sql_mode ORACLE). */
  readonly mayBePackaged?: true;
  readonly args: readonly Expr[];
  readonly pos: number;
}

export interface Do {
  readonly kind: "do";
  readonly exprs: readonly Expr[];
  readonly pos: number;
}

/** EXPLAIN, DESCRIBE, ANALYZE (MariaDB) of a statement, and Vitess's VEXPLAIN. */
export interface Explain {
  readonly kind: "explain";
  readonly verb: "explain" | "vexplain" | "analyze";
  /** Words between the verb and the statement, canonical: `extended`, `format=json`, `analyze`, `queries`, …. */
  readonly options: readonly string[];
  readonly statement: Statement;
  readonly pos: number;
}

/** DESCRIBE t [column]: what SHOW COLUMNS does. */
export interface Describe {
  readonly kind: "describe";
  readonly table: ObjectName;
  readonly column: string | undefined;
  readonly like: string | undefined;
  readonly pos: number;
}

// ----------------------------------------------------------------------------------------------------- DDL and the rest

export type DdlVerb = "create" | "alter" | "drop" | "rename" | "truncate";

export type DdlObject =
  | "table"
  | "view"
  | "index"
  | "database"
  | "procedure"
  | "function"
  | "trigger"
  | "event"
  | "sequence"
  | "package"
  | "package body"
  | "tablespace"
  | "undo tablespace"
  | "logfile group"
  | "server"
  | "spatial reference system"
  | "instance"
  | "resource group"
  | "user"
  | "role";

/**
 * A statement that changes definitions. What is known of it is in the fields; `text` is the whole of it in canonical
 * form, which is what a shard gets. `schema/ddl.ts` makes table definitions of it.
 */
export interface Ddl {
  readonly kind: "ddl";
  readonly verb: DdlVerb;
  readonly object: DdlObject;
  readonly orReplace: boolean;
  readonly temporary: boolean;
  readonly ifExists: boolean;
  readonly ifNotExists: boolean;
  /** The objects made, changed or dropped; RENAME TABLE has pairs (old, new, old, new, …). */
  readonly names: readonly ObjectName[];
  /** The table an index or trigger belongs to, the LIKE table of CREATE TABLE, tables of foreign keys. */
  readonly references: readonly ObjectName[];
  /** The query of CREATE VIEW and CREATE TABLE … SELECT. */
  readonly query: Query | undefined;
  /** Columns and keys of CREATE TABLE, ALTER TABLE and CREATE INDEX, columns of views; not walked, not printed. */
  readonly definition: TableDefinition;
  readonly text: string;
  readonly pos: number;
}

/** ALTER VSCHEMA …, as Vitess has it. */
export interface AlterVschema {
  readonly kind: "alterVschema";
  readonly verb: string;
  readonly table: ObjectName | undefined;
  readonly vindex: string | undefined;
  readonly text: string;
  readonly pos: number;
}

/**
 * Any other statement MySQL reads and that Shardgate only has to recognise: account management (`grant`, `revoke`,
 * `create user`, …), `analyze table`, `check table`, `optimize table`, `repair table`, `checksum table`, `flush`,
 * `reset`, `purge`, `change master`, replication, plugins, HANDLER, BINLOG, signals, Vitess's migration commands….
 */
export interface Admin {
  readonly kind: "admin";
  /** Lower case words that name the statement, e.g. `optimize table`. */
  readonly verb: string;
  /** Tables it names, where it names some. */
  readonly tables: readonly ObjectName[];
  readonly text: string;
  readonly pos: number;
}

export type Statement =
  | Select
  | Union
  | Values
  | TableStatement
  | Insert
  | Update
  | Delete
  | LoadData
  | SetStatement
  | SetStatementFor
  | SetTransaction
  | Show
  | Use
  | Begin
  | Commit
  | Rollback
  | Savepoint
  | ReleaseSavepoint
  | Xa
  | LockTables
  | UnlockTables
  | Kill
  | Prepare
  | Execute
  | Deallocate
  | CallStatement
  | Do
  | Explain
  | Describe
  | Ddl
  | AlterVschema
  | Admin;

/** The parts of statements and expressions that are neither: walked and rewritten like the rest. */
export type Part =
  | WhenClause
  | CastType
  | JsonOnResponse
  | FrameBound
  | WindowFrame
  | WindowSpec
  | WindowName
  | NamedWindow
  | IndexHint
  | SystemTime
  | JsonTableColumn
  | OrderItem
  | Limit
  | Locking
  | Into
  | SelectItem
  | Cte
  | With
  | UnionPart
  | InsertRow
  | Assignment
  | SetItem
  | ObjectName;

export type Node = Statement | Expr | TableRef | Part;
