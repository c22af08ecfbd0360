// Which columns a statement finds, joins and groups its rows by: what VEXPLAIN KEYS shows, in Vitess's words, and what
// sharding keys are proposed from. Columns that cannot be told to be a certain table's are left out.

import { EMPTY_SELECT } from "../sql/empty-select.ts";
import type { BinaryOp, Column, Delete, Expr, Node, Query, Select, Statement, TableRef, Update } from "../sql/tree.ts";
import { children, isQuery } from "../sql/walk.ts";
import { conjunctsOf, leafOf } from "./colocation.ts";
import { type Block, joinedColumns, type QueryScope, type Resolved, resolveColumn, scopeOf } from "./scope.ts";
import type { PlanContext } from "./tables.ts";

/** A column of a keyspace's table; names as the VSchema and the statement have them. */
export interface UsedColumn {
  readonly keyspace: string;
  readonly table: string;
  readonly column: string;
}

export interface ColumnUse extends UsedColumn {
  /** `=`, `<`, `in`, `like`, `is null`, … */
  readonly op: string;
}

export interface JoinPredicate {
  readonly left: UsedColumn;
  readonly right: UsedColumn;
  readonly op: string;
}

/** Each list in the order of the names, nothing twice. */
export interface KeyUsage {
  readonly grouping: readonly UsedColumn[];
  readonly joins: readonly JoinPredicate[];
  readonly filters: readonly ColumnUse[];
  readonly selected: readonly UsedColumn[];
}

const NO_USAGE: KeyUsage = { grouping: [], joins: [], filters: [], selected: [] };

/** Throws 1046, 1049, 1146 for names of tables that do not resolve. */
export function keyUsageOf(statement: Statement, context: PlanContext): KeyUsage {
  const query = queryOf(statement);
  if (query === undefined) return NO_USAGE;
  const found = new Found();
  found.scope(scopeOf(query, { ...context, rows: new Map() }));
  return found.usage();
}

/** `ks.t.c`, for people and for comparing. */
export function showColumn({ keyspace, table, column }: UsedColumn): string {
  return `${keyspace}.${table}.${column}`;
}

/** The columns of all join predicates, one for each side. */
export function joinColumnsOf({ joins }: KeyUsage): readonly ColumnUse[] {
  return unique(
    joins.flatMap(({ left, right, op }) => [
      { ...left, op },
      { ...right, op: MIRRORED.get(op) ?? op },
    ]),
    (use) => `${showColumn(use)} ${use.op}`,
  );
}

/** What finds rows in the statement, as a query. */
function queryOf(statement: Statement): Query | undefined {
  if (isQuery(statement)) return statement;
  switch (statement.kind) {
    case "update":
    case "delete":
      return selectOf(statement);
    case "insert":
      return statement.query;
    case "explain":
    case "setFor":
      return queryOf(statement.statement);
    default:
      return undefined;
  }
}

function selectOf({ tables, where, with: ctes, pos }: Update | Delete): Select {
  return { ...EMPTY_SELECT, from: tables, where, with: ctes, pos };
}

const MIRRORED: ReadonlyMap<string, string> = new Map([
  ["=", "="],
  ["<=>", "<=>"],
  ["!=", "!="],
  ["<", ">"],
  [">", "<"],
  ["<=", ">="],
  [">=", "<="],
]);

const COMPARISONS: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["=", "<=>", "!=", "<", "<=", ">", ">="]);

class Found {
  readonly #grouping: UsedColumn[] = [];
  readonly #joins: JoinPredicate[] = [];
  readonly #filters: ColumnUse[] = [];
  readonly #selected: UsedColumn[] = [];

  scope(scope: QueryScope): void {
    if (scope.block !== undefined) this.#block(scope.block);
    for (const part of scope.parts) this.scope(part);
  }

  usage(): KeyUsage {
    return {
      grouping: unique(this.#grouping, showColumn),
      joins: unique(this.#joins, ({ left, right, op }) =>
        [`${showColumn(left)} ${op}`, `${showColumn(right)} ${MIRRORED.get(op) ?? op}`].toSorted(compare).join(" "),
      ),
      filters: unique(this.#filters, (use) => `${showColumn(use)} ${use.op}`),
      selected: unique(this.#selected, showColumn),
    };
  }

  #block(block: Block): void {
    const { select } = block;
    for (const ref of select.from) this.#table(ref, block);
    this.#conditions(select.where, block);
    for (const { expr } of select.groupBy) this.#push(this.#grouping, expr, block);
    for (const item of select.items) if (item.kind === "expr") this.#select(item.expr, block);
    for (const source of block.sources) if (source.inner !== undefined) this.scope(source.inner);
    for (const subquery of block.subqueries) {
      if (subquery.comparedWith !== undefined) this.#joinedTo(subquery.comparedWith, subquery.scope, block);
      this.scope(subquery.scope);
    }
  }

  #table(ref: TableRef, block: Block): void {
    if (ref.kind === "tableList") for (const each of ref.tables) this.#table(each, block);
    if (ref.kind !== "join") return;
    this.#table(ref.left, block);
    this.#table(ref.right, block);
    this.#conditions(ref.on, block);
    for (const [left, right] of joinedColumns(ref, block) ?? []) this.#join(usedOf(left), usedOf(right), "=");
  }

  #conditions(condition: Expr | undefined, block: Block): void {
    for (const expr of conjunctsOf(condition)) this.#condition(expr, block);
  }

  #condition(expr: Expr, block: Block): void {
    switch (expr.kind) {
      case "binary":
        if (COMPARISONS.has(expr.op)) this.#comparison(expr.left, expr.op, expr.right, block);
        return;
      case "between":
        if (expr.not) return;
        this.#filter(expr.expr, ">=", block);
        this.#filter(expr.expr, "<=", block);
        return;
      case "in":
        if ("kind" in expr.list && expr.list.kind === "subquery") return;
        for (const each of expr.expr.kind === "row" ? expr.expr.items : [expr.expr]) {
          this.#filter(each, expr.not ? "not in" : "in", block);
        }
        return;
      case "like":
        this.#filter(expr.expr, expr.not ? "not like" : "like", block);
        return;
      case "is":
        if (expr.test === "null") this.#filter(expr.expr, expr.not ? "is not null" : "is null", block);
        return;
      default:
    }
  }

  #comparison(left: Expr, op: string, right: Expr, block: Block): void {
    if (left.kind === "row" && right.kind === "row" && op === "=") {
      for (const [i, each] of left.items.entries()) {
        const other = right.items[i];
        if (other !== undefined) this.#comparison(each, op, other, block);
      }
      return;
    }
    const a = left.kind === "column" ? columnOf(left, block) : undefined;
    const b = right.kind === "column" ? columnOf(right, block) : undefined;
    if (a !== undefined && b !== undefined && a.source !== b.source) {
      this.#join(usedOf(a), usedOf(b), op);
      return;
    }
    this.#filter(left, op, block);
    this.#filter(right, MIRRORED.get(op) ?? op, block);
  }

  /** `x IN (SELECT y …)` joins x with y. */
  #joinedTo(left: Expr, scope: QueryScope, block: Block): void {
    const inner = scope.block;
    const [item] = inner?.select.items ?? [];
    if (left.kind !== "column" || inner === undefined || item?.kind !== "expr" || item.expr.kind !== "column") return;
    const a = columnOf(left, block);
    const b = columnOf(item.expr, inner);
    if (a !== undefined && b !== undefined) this.#join(usedOf(a), usedOf(b), "=");
  }

  #join(left: UsedColumn | undefined, right: UsedColumn | undefined, op: string): void {
    if (left !== undefined && right !== undefined) this.#joins.push({ left, right, op });
  }

  #filter(expr: Expr, op: string, block: Block): void {
    const used = expr.kind === "column" ? usedOf(columnOf(expr, block)) : undefined;
    if (used !== undefined) this.#filters.push({ ...used, op });
  }

  #push(list: UsedColumn[], expr: Expr, block: Block): void {
    const used = expr.kind === "column" ? usedOf(columnOf(expr, block)) : undefined;
    if (used !== undefined) list.push(used);
  }

  /** Columns of the block's own expressions; inner queries have theirs. */
  #select(node: Node, block: Block): void {
    if (node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified") return;
    if (node.kind === "column") this.#push(this.#selected, node, block);
    else children(node, (child) => this.#select(child, block));
  }
}

function columnOf(column: Column, block: Block): Resolved | undefined {
  const resolved = resolveColumn(column, block);
  return resolved === undefined ? undefined : leafOf(resolved);
}

/** Undefined for columns of what is no table. */
function usedOf(resolved: Resolved | undefined): UsedColumn | undefined {
  if (resolved === undefined) return undefined;
  const leaf = leafOf(resolved);
  const table = leaf.source.resolved;
  if (table === undefined) return undefined;
  return { keyspace: table.keyspace.keyspace, table: table.name, column: leaf.lower };
}

function unique<Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly Item[] {
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  return [...byName].toSorted(([a], [b]) => compare(a, b)).map(([, item]) => item);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
