// Random statement trees, built node by node and not from text, so that the printer has to find every parenthesis and
// quote by itself. Only trees that some text can mean: AND and OR are flat, names are not empty, and so on.

import type {
  Assignment,
  Call,
  Column,
  Expr,
  InsertRow,
  Join,
  Limit,
  ObjectName,
  OrderItem,
  Over,
  Query,
  Select,
  SelectItem,
  Statement,
  TableRef,
  Union,
  UnionPart,
  WindowSpec,
  With,
} from "../../src/sql/tree.ts";
import type { Random } from "./random.ts";

const pos = 0;
const NAMES = [
  "a",
  "b",
  "id",
  "user",
  "order",
  "select",
  "t1",
  "Имя",
  "a b",
  "x`y",
  "value",
  "date",
  "count",
  "left",
  "window",
  "next",
  "1a",
  "_utf8",
  "$x",
  "offset",
  "rank",
  "interval",
  "any",
  "end",
  "minus",
  "system",
  "row",
];
const STRINGS = [
  "",
  "x",
  "it's",
  'a"b',
  "back\\slash",
  "line\nbreak",
  "nul\0",
  "ключ",
  "%\\_",
  "😀",
  "\x1a",
  "\udc80\udcff",
  "--",
  "/*",
  "?",
  ":v1",
];
const UNITS = ["day", "hour", "minute_second", "year_month", "microsecond", "quarter"];
const CHARSETS = ["utf8mb4", "latin1", "binary"];
const COLLATIONS = ["utf8mb4_bin", "binary", "latin1_swedish_ci"];

export interface TreeMaker {
  statement(): Statement;
  expr(depth: number): Expr;
}

export function treeMaker(random: Random): TreeMaker {
  return { statement, expr };

  function statement(): Statement {
    switch (random.int(12)) {
      case 0:
        return insert();
      case 1:
        return update();
      case 2:
        return remove();
      case 3:
        return {
          kind: "set",
          items: [
            {
              kind: "setVariable",
              scope: random.pick([undefined, "global", "session"]),
              at: random.chance(0.5),
              name: random.pick(["sql_mode", "autocommit", "foo.bar"]),
              value: random.chance(0.2) ? { kind: "default", pos } : expr(2),
              pos,
            },
            { kind: "setUser", name: random.pick(["a", "b c", "x.y"]), value: expr(2), pos },
          ],
          pos,
        };
      case 4:
        return { kind: "do", exprs: list(1, 3, () => expr(3)), pos };
      case 5:
        return { kind: "callProcedure", procedure: objectName(), args: list(0, 3, () => expr(3)), pos };
      case 6:
        return {
          kind: "explain",
          verb: "explain",
          options: random.pick([[], ["extended"], ["format=json"]]),
          statement: random.chance(0.5) ? query(2, true) : update(),
          pos,
        };
      default:
        return query(3, true);
    }
  }

  function list<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + random.int(most - least + 1) }, make);
  }

  function maybe<T>(share: number, make: () => T): T | undefined {
    return random.chance(share) ? make() : undefined;
  }

  function name(): string {
    return random.pick(NAMES);
  }

  function string(): string {
    return random.pick(STRINGS);
  }

  function objectName(): ObjectName {
    return { kind: "name", schema: maybe(0.3, name), name: name(), pos };
  }

  function column(): Column {
    const table = maybe(0.4, name);
    return { kind: "column", schema: table === undefined ? undefined : maybe(0.3, name), table, name: name(), pos };
  }

  function literal(): Expr {
    const introducer = maybe(0.1, () => random.pick(CHARSETS));
    switch (random.int(13)) {
      case 0:
        return {
          kind: "literal",
          type: "decimal",
          value: random.pick(["1.5", ".5", "1."]),
          introducer: undefined,
          pos,
        };
      case 1:
        return { kind: "literal", type: "float", value: random.pick(["1e10", "1.5e-3"]), introducer: undefined, pos };
      case 2:
      case 3:
      case 4:
        return { kind: "literal", type: "string", value: string(), introducer, pos };
      case 5:
        return { kind: "literal", type: random.pick(["hexval", "hexnum"]), value: "0AfF", introducer, pos };
      case 6:
        return { kind: "literal", type: random.pick(["bitval", "bitnum"]), value: "0101", introducer, pos };
      case 7: {
        const type = random.pick(["null", "true", "false"] as const);
        return { kind: "literal", type, value: type, introducer: undefined, pos };
      }
      case 8:
        return { kind: "temporal", type: random.pick(["date", "time", "timestamp"]), value: "2020-01-01", pos };
      case 9:
        return { kind: "literal", type: "nstring", value: string(), introducer: undefined, pos };
      default:
        return { kind: "literal", type: "int", value: String(random.int(1000)), introducer: undefined, pos };
    }
  }

  function expr(depth: number): Expr {
    if (depth <= 0) return leaf();
    const sub = (): Expr => expr(depth - 1 - random.int(2));
    switch (random.int(34)) {
      case 0:
        return { kind: "unary", op: random.pick(["-", "+", "~", "!", "not", "binary"]), expr: sub(), pos };
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: {
        const op = random.pick([
          "=",
          "<=>",
          "<",
          "<=",
          ">",
          ">=",
          "!=",
          "+",
          "-",
          "*",
          "/",
          "div",
          "%",
          "^",
          "|",
          "&",
          "<<",
          ">>",
          "xor",
          "sounds like",
          "regexp",
          "not regexp",
        ] as const);
        const right: Expr =
          (op === "+" || op === "-") && random.chance(0.2)
            ? {
                kind: "interval",
                expr: random.chance(0.5) ? leaf() : call(depth - 1, sub),
                unit: random.pick(UNITS),
                pos,
              }
            : sub();
        const left: Expr =
          op === "+" && random.chance(0.05)
            ? {
                kind: "interval",
                expr: random.chance(0.5) ? leaf() : call(depth - 1, sub),
                unit: random.pick(UNITS),
                pos,
              }
            : sub();
        return { kind: "binary", op, left, right, pos };
      }
      case 6:
      case 7:
        return chain("and", sub);
      case 8:
      case 9:
        return chain("or", sub);
      case 10:
        return {
          kind: "is",
          expr: sub(),
          test: random.pick(["null", "true", "false", "unknown"]),
          not: random.chance(0.5),
          pos,
        };
      case 11:
        return {
          kind: "in",
          expr: sub(),
          list: random.chance(0.2)
            ? { kind: "subquery", query: query(depth - 2, false), pos }
            : random.chance(0.1)
              ? { kind: "bind", name: "v7", index: 6, list: true, pos }
              : inList(sub),
          not: random.chance(0.4),
          pos,
        };
      case 12:
        return { kind: "between", expr: sub(), low: sub(), high: sub(), not: random.chance(0.3), pos };
      case 13:
        return { kind: "like", expr: sub(), pattern: sub(), escape: maybe(0.2, sub), not: random.chance(0.3), pos };
      case 14:
        return { kind: "memberOf", expr: sub(), array: sub(), not: false, pos };
      case 15:
        return {
          kind: "quantified",
          op: random.pick(["=", "<", ">="]),
          quantifier: random.pick(["any", "all"]),
          left: sub(),
          query: query(depth - 2, false),
          pos,
        };
      case 16:
        return { kind: "subquery", query: query(depth - 2, false), pos };
      case 17:
        return { kind: "exists", query: query(depth - 2, false), pos };
      case 18:
        return { kind: "row", items: list(2, 3, sub), pos };
      case 19:
        return {
          kind: "case",
          operand: maybe(0.4, sub),
          whens: list(1, 3, () => ({ kind: "when", when: sub(), then: sub(), pos })),
          otherwise: maybe(0.5, sub),
          pos,
        };
      case 20:
        return {
          kind: "cast",
          expr: sub(),
          type: {
            kind: "castType",
            name: random.pick(["signed", "unsigned", "char", "decimal", "json", "date", "binary"]),
            length: undefined,
            scale: undefined,
            unsigned: false,
            zerofill: false,
            charset: undefined,
            binary: false,
            collation: undefined,
            array: false,
            pos,
          },
          atTimeZone: undefined,
          pos,
        };
      case 21:
        return { kind: "convertUsing", expr: sub(), charset: random.pick(CHARSETS), pos };
      case 22:
        return { kind: "collate", expr: sub(), collation: random.pick(COLLATIONS), pos };
      case 23:
      case 24:
        return call(depth, sub);
      case 25:
        return {
          kind: "groupConcat",
          name: "group_concat",
          distinct: random.chance(0.3),
          args: list(1, 2, sub),
          orderBy: orderBy(depth - 1),
          separator: maybe(0.5, string),
          limit: maybe(0.1, limit),
          over: undefined,
          pos,
        };
      case 26:
        return { kind: "extract", unit: random.pick(UNITS), expr: sub(), pos };
      case 27: {
        const side = maybe(0.5, () => random.pick(["leading", "trailing", "both"] as const));
        return { kind: "trim", side, what: maybe(0.5, sub), expr: sub(), pos };
      }
      case 28:
        return { kind: "position", needle: sub(), haystack: sub(), pos };
      case 29:
        return {
          kind: "match",
          columns: list(1, 2, column),
          against: sub(),
          modifier: random.pick([undefined, "boolean", "natural", "natural expansion", "expansion"]),
          pos,
        };
      case 30:
        return { kind: "char", args: list(1, 3, sub), charset: maybe(0.3, () => random.pick(CHARSETS)), pos };
      case 31:
        return {
          kind: "timestampCall",
          name: random.pick(["timestampadd", "timestampdiff"]),
          unit: random.pick(["day", "week", "quarter"]),
          first: sub(),
          second: sub(),
          pos,
        };
      case 32:
        return { kind: "assign", name: random.pick(["a", "b c"]), expr: sub(), pos };
      default:
        return leaf();
    }
  }

  function leaf(): Expr {
    switch (random.int(12)) {
      case 0:
        return { kind: "bind", name: `v${random.int(9) + 1}`, index: -2, list: false, pos };
      case 1:
        return { kind: "userVariable", name: random.pick(["a", "x.y", "b c", "q'`"]), pos };
      case 2:
        return {
          kind: "systemVariable",
          scope: random.pick([undefined, "global", "session"]),
          name: random.pick(["sql_mode", "version", "a.b"]),
          pos,
        };
      case 3:
        return random.chance(0.5)
          ? { kind: "defaultOf", column: column(), pos }
          : { kind: "insertValue", column: column(), pos };
      case 4:
      case 5:
      case 6:
      case 7:
        return column();
      case 8:
        return {
          kind: "binary",
          op: random.pick(["->", "->>"]),
          left: column(),
          right: { kind: "literal", type: "string", value: "$.a", introducer: undefined, pos },
          pos,
        };
      default:
        return literal();
    }
  }

  /** Not a subquery alone: `IN ((SELECT …))` is `IN (SELECT …)`. */
  function inList(sub: () => Expr): Expr[] {
    const items = list(1, 4, sub);
    return items.length === 1 && items[0]?.kind === "subquery" ? [leaf()] : items;
  }

  function chain(kind: "and" | "or", sub: () => Expr): Expr {
    const operands: Expr[] = [];
    for (const operand of list(2, 4, sub)) {
      if (operand.kind === kind) operands.push(...operand.operands);
      else operands.push(operand);
    }
    return { kind, operands, pos };
  }

  function call(depth: number, sub: () => Expr): Call {
    const base = {
      kind: "call",
      schema: undefined,
      stored: false,
      distinct: false,
      star: false,
      fromLast: false,
      nulls: undefined,
      over: undefined,
      pos,
    } as const;
    switch (random.int(6)) {
      case 0:
        return { ...base, name: "count", star: true, args: [], over: maybe(0.3, () => over(depth - 1)) };
      case 1:
        return {
          ...base,
          name: random.pick(["sum", "min", "avg"]),
          distinct: random.chance(0.3),
          args: [sub()],
          over: maybe(0.3, () => over(depth - 1)),
        };
      case 2:
        return {
          ...base,
          name: random.pick(["count", "weird name", "x`y", "left"]),
          stored: true,
          args: list(0, 2, sub),
        };
      case 3:
        return { ...base, schema: name(), name: random.pick(["f", "sum"]), stored: true, args: list(0, 2, sub) };
      case 4:
        return {
          ...base,
          name: random.pick(["row_number", "rank", "lag", "first_value", "nth_value"]),
          args: list(0, 2, sub),
          over: over(depth - 1),
        };
      default:
        return {
          ...base,
          name: random.pick([
            "coalesce",
            "if",
            "concat",
            "left",
            "mod",
            "database",
            "replace",
            "date_format",
            "json_extract",
            "now",
            "current_timestamp",
            "repeat",
            "insert",
          ]),
          args: list(1, 3, sub),
        };
    }
  }

  function over(depth: number): Over {
    return random.chance(0.3) ? { kind: "windowName", name: name(), pos } : windowSpec(depth);
  }

  function windowSpec(depth: number): WindowSpec {
    const bound = (): Expr => ({ kind: "literal", type: "int", value: "3", introducer: undefined, pos });
    return {
      kind: "windowSpec",
      base: maybe(0.2, name),
      partitionBy: list(0, 2, () => expr(depth - 1)),
      orderBy: orderBy(depth - 1),
      frame: maybe(0.3, () => ({
        kind: "frame",
        unit: random.pick(["rows", "range"]),
        start: { kind: "frameBound", type: "preceding", expr: bound(), pos },
        end: maybe(0.5, () => ({ kind: "frameBound", type: "current row", expr: undefined, pos }) as const),
        exclude: undefined,
        pos,
      })),
      pos,
    };
  }

  function orderBy(depth: number): OrderItem[] {
    return random.chance(0.6)
      ? []
      : list(1, 3, () => ({
          kind: "order",
          expr: expr(depth),
          direction: random.pick([undefined, "asc", "desc"]),
          pos,
        }));
  }

  function limit(): Limit {
    const number = (): Expr => ({
      kind: "literal",
      type: "int",
      value: String(random.int(100)),
      introducer: undefined,
      pos,
    });
    return {
      kind: "limit",
      offset: maybe(0.4, number),
      count: number(),
      withTies: false,
      rowsExamined: undefined,
      pos,
    };
  }

  function table(depth: number): TableRef {
    switch (depth <= 0 ? 0 : random.int(7)) {
      case 1:
        return {
          kind: "derived",
          lateral: random.chance(0.2),
          query: query(depth - 1, false),
          alias: name(),
          columns: random.chance(0.2) ? list(1, 2, name) : [],
          pos,
        };
      case 2:
      case 3:
        return join(depth);
      case 4:
        return { kind: "tableList", tables: list(2, 3, () => table(depth - 1)), pos };
      default:
        return {
          kind: "tableName",
          schema: maybe(0.3, name),
          name: name(),
          alias: maybe(0.5, name),
          partitions: random.chance(0.1) ? list(1, 2, name) : [],
          indexHints: random.chance(0.1)
            ? [
                {
                  kind: "indexHint",
                  action: random.pick(["use", "force", "ignore"]),
                  object: "index",
                  for: random.pick([undefined, "join", "order by", "group by"]),
                  names: list(1, 2, name),
                  pos,
                },
              ]
            : [],
          systemTime: undefined,
          pos,
        };
    }
  }

  function join(depth: number): Join {
    const natural = random.chance(0.15);
    const type = random.pick(
      natural ? (["inner", "left", "right"] as const) : (["inner", "cross", "straight", "left", "right"] as const),
    );
    const left = table(depth - 1);
    const right = table(depth - 1);
    const using = !natural && random.chance(0.2) ? list(1, 2, name) : [];
    const needed = type === "left" || type === "right";
    const on = natural || using.length > 0 ? undefined : needed || random.chance(0.7) ? expr(depth - 1) : undefined;
    return { kind: "join", type, natural, left, right, on, using, pos };
  }

  function item(depth: number): SelectItem {
    if (random.chance(0.1)) return { kind: "star", schema: undefined, table: name(), pos };
    return { kind: "expr", expr: expr(depth), alias: maybe(0.3, () => random.pick([...NAMES, "it's"])), text: "", pos };
  }

  function withClause(depth: number): With {
    return {
      kind: "with",
      recursive: random.chance(0.3),
      ctes: list(1, 2, () => ({
        kind: "cte",
        name: name(),
        columns: random.chance(0.3) ? list(1, 2, name) : [],
        query: query(depth - 1, false),
        cycle: [],
        pos,
      })),
      pos,
    };
  }

  function select(depth: number): Select {
    const from = random.chance(0.85) ? list(1, 2, () => table(depth - 1)) : [];
    return {
      kind: "select",
      with: undefined,
      hints: maybe(0.05, () => "MAX_EXECUTION_TIME(1000)"),
      options: random.pick([[], [], ["distinct"], ["sql_no_cache"], ["distinct", "straight_join"], ["all"]]),
      items: random.chance(0.1)
        ? [{ kind: "star", schema: undefined, table: undefined, pos }, ...list(0, 1, () => item(depth - 1))]
        : list(1, 3, () => item(depth - 1)),
      from,
      dual: false,
      where: maybe(0.6, () => expr(depth)),
      groupBy: random.chance(0.2)
        ? list(1, 2, () => ({ kind: "order", expr: expr(depth - 1), direction: undefined, pos }))
        : [],
      rollup: false,
      having: maybe(0.1, () => expr(depth - 1)),
      windows: random.chance(0.05)
        ? list(1, 2, () => ({ kind: "namedWindow", name: name(), spec: windowSpec(depth - 1), pos }))
        : [],
      procedure: undefined,
      orderBy: [],
      limit: undefined,
      into: undefined,
      locking: [],
      pos,
    };
  }

  function tailed<Q extends Query>(node: Q, depth: number, outermost: boolean): Q {
    return {
      ...node,
      with: maybe(0.1, () => withClause(depth - 1)),
      orderBy: orderBy(depth - 1),
      limit: maybe(0.3, limit),
      locking: random.chance(0.1)
        ? [
            {
              kind: "locking",
              strength: random.pick(["update", "share", "share mode"]),
              of: [],
              wait: random.pick([undefined, "nowait", "skip locked"]),
              waitSeconds: undefined,
              pos,
            },
          ]
        : [],
      into: outermost
        ? maybe(0.03, () => ({ kind: "intoVariables", targets: [{ kind: "userVariable", name: "a", pos }], pos }))
        : undefined,
    };
  }

  function query(depth: number, outermost: boolean): Query {
    if (depth > 0 && random.chance(0.2)) {
      const op = random.pick(["union", "intersect"] as const);
      const parts = list(
        1,
        3,
        (): UnionPart => ({
          kind: "unionPart",
          op: op === "intersect" ? "intersect" : random.pick(["union", "except"]),
          quantifier: random.pick([undefined, "all", "distinct"]),
          query: query(depth - 1, false),
          pos,
        }),
      );
      const node: Union = {
        kind: "union",
        unbracketed: undefined,
        with: undefined,
        orderBy: [],
        limit: undefined,
        into: undefined,
        locking: [],
        first: query(depth - 1, false),
        rest: parts,
        pos,
      };
      return tailed(node, depth, outermost);
    }
    if (random.chance(0.03))
      return tailed(
        {
          kind: "values",
          with: undefined,
          orderBy: [],
          limit: undefined,
          into: undefined,
          locking: [],
          rowKeyword: true,
          rows: list(1, 3, () => row(1, 3)),
          pos,
        },
        depth,
        false,
      );
    return tailed(select(depth), depth, outermost);
  }

  function row(least: number, most: number): InsertRow {
    return {
      kind: "insertRow",
      values: list(least, most, () => (random.chance(0.1) ? { kind: "default", pos } : expr(2))),
      pos,
    };
  }

  function assignments(): Assignment[] {
    return list(1, 3, () => ({
      kind: "assignment",
      column: column(),
      value: random.chance(0.1) ? { kind: "default", pos } : expr(3),
      pos,
    }));
  }

  function insert(): Statement {
    const form = random.pick(["values", "values", "set", "query"] as const);
    const replace = random.chance(0.3);
    const width = 1 + random.int(3);
    const columnList = form !== "set" && random.chance(0.6);
    return {
      kind: "insert",
      replace,
      hints: undefined,
      priority: random.pick([undefined, undefined, "low_priority", "delayed"]),
      ignore: !replace && random.chance(0.2),
      table: objectName(),
      partitions: random.chance(0.1) ? list(1, 2, name) : [],
      columns: columnList || form === "set" ? Array.from({ length: width }, column) : [],
      columnList,
      form,
      rows: form === "query" ? [] : form === "set" ? [row(width, width)] : list(1, 3, () => row(0, 3)),
      query: form === "query" ? query(2, false) : undefined,
      rowAlias: form === "values" ? maybe(0.1, name) : undefined,
      rowAliasColumns: [],
      onDuplicate: replace || random.chance(0.7) ? [] : assignments(),
      returning: random.chance(0.1) ? list(1, 2, () => item(2)) : [],
      pos,
    };
  }

  function update(): Statement {
    return {
      kind: "update",
      with: maybe(0.1, () => withClause(2)),
      hints: undefined,
      lowPriority: random.chance(0.1),
      ignore: random.chance(0.1),
      tables: list(1, 2, () => table(2)),
      set: assignments(),
      where: maybe(0.8, () => expr(3)),
      orderBy: orderBy(2),
      limit: maybe(0.2, limit),
      pos,
    };
  }

  function remove(): Statement {
    const form = random.pick(["single", "single", "from", "using"] as const);
    return {
      kind: "delete",
      with: undefined,
      hints: undefined,
      lowPriority: random.chance(0.1),
      quick: random.chance(0.1),
      ignore: random.chance(0.1),
      form,
      targets: form === "single" ? [] : list(1, 2, objectName),
      tables: form === "single" ? [table(0)] : list(1, 2, () => table(2)),
      where: maybe(0.8, () => expr(3)),
      orderBy: orderBy(1),
      limit: maybe(0.2, limit),
      returning: random.chance(0.1) ? list(1, 2, () => item(1)) : [],
      pos,
    };
  }
}
