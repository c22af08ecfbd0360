// Which rows of a table a gathered statement can need: conditions that its source is read with. One is handed down only
// when every row it removes could not have reached the result: conjuncts of WHERE and ON about this table alone, whose
// value depends on the row alone, and on the time, which is one for all parts of a statement. Of a table that an outer join
// may fill with NULLs, WHERE has to reject those. A constant that a column is compared with goes over to the columns that
// are equal to it. The statement itself keeps all of them.
//
// What a condition raises, an error or a warning, is seen to where the source is read: it is then read without conditions.

import type { Column, Expr, Join, Query, TableName, TableRef } from "../sql/tree.ts";
import { rewrite, sameTree, walk } from "../sql/walk.ts";
import {
  type Block,
  definitionOf,
  joinedColumns,
  type QueryScope,
  type Resolved,
  resolveColumn,
  type Source,
  sourcesIn,
} from "./scope.ts";
import { isPure } from "./pure.ts";
import { isNow } from "./session-functions.ts";

/** Conjuncts that each table reference's rows have to meet; columns are qualified by its alias alone. */
export function gatherFilters(scope: QueryScope): ReadonlyMap<TableName, readonly Expr[]> {
  const filters = new Filters(assignedIn(scope.query));
  filters.addQuery(scope, []);
  return filters.found;
}

/** `column` is compared with constants: true of every row that matters. `conjunct` is about a column of whatever name. */
interface Fact {
  readonly column: Resolved;
  readonly conjunct: Expr;
}

/** In rows that matter, `to` is equal to `from`. */
interface Equality {
  readonly from: Resolved;
  readonly to: Resolved;
}

const FACTS_MAX = 200;

class Filters {
  readonly found = new Map<TableName, Expr[]>();
  /** User variables that the statement sets: their value is another one each time. */
  readonly #assigned: ReadonlySet<string>;

  constructor(assigned: ReadonlySet<string>) {
    this.#assigned = assigned;
  }

  addQuery(scope: QueryScope, facts: readonly Fact[]): void {
    if (scope.block !== undefined) this.#addBlock(scope.block, facts);
    for (const part of scope.parts) this.addQuery(part, facts);
  }

  #addBlock(block: Block, around: readonly Fact[]): void {
    const facts = [...around];
    const equalities: Equality[] = [];
    const { where, from } = block.select;
    const kept = new Set(from.flatMap((ref) => keptSources(ref, block)));
    const add = (conjunct: Expr, sides: ReadonlySet<Source>, isFilter: boolean): void => {
      const source = this.#onlySource(conjunct, block);
      if (source === undefined || !(sides.has(source) || rejectsNull(conjunct))) return;
      this.#add(source, conjunct);
      const column = isFilter ? comparedColumn(conjunct, block) : undefined;
      if (column !== undefined) facts.push({ column, conjunct });
    };
    const equate = (conjunct: Expr, nullSide: ReadonlySet<Source> | undefined): void => {
      const pair = equalColumns(conjunct, block);
      if (pair !== undefined) equalities.push(...directed(pair, nullSide));
    };
    for (const conjunct of conjunctsOf(where)) {
      add(conjunct, kept, true);
      equate(conjunct, undefined);
    }
    const visit = (ref: TableRef, isFilter: boolean): void => {
      if (ref.kind === "tableList") for (const table of ref.tables) visit(table, isFilter);
      if (ref.kind !== "join") return;
      visit(ref.left, isFilter && ref.type !== "right");
      visit(ref.right, isFilter && ref.type !== "left");
      const isOuter = ref.type === "left" || ref.type === "right";
      const sides = matchedSides(ref).flatMap((side) => sourcesIn(side, block));
      const keptSides = new Set(matchedSides(ref).flatMap((side) => keptSources(side, block)));
      for (const conjunct of conjunctsOf(ref.on)) {
        const source = this.#onlySource(conjunct, block);
        if (source !== undefined && sides.includes(source)) add(conjunct, keptSides, isFilter && !isOuter);
        if (isFilter) equate(conjunct, isOuter ? new Set(sides) : undefined);
      }
      if (!isFilter) return;
      for (const pair of joinedColumns(ref, block) ?? []) {
        equalities.push(...directed(pair, isOuter ? new Set(sides) : undefined));
      }
    };
    for (const ref of from) visit(ref, true);
    this.#carryOver(facts, equalities, block);
    for (const { scope } of block.subqueries) this.addQuery(scope, facts);
    for (const { inner } of block.sources) if (inner !== undefined) this.addQuery(inner, []);
  }

  /** A constant's comparison with one column is one with all that are equal to it. */
  #carryOver(facts: Fact[], equalities: readonly Equality[], block: Block): void {
    for (let at = 0; at < facts.length && facts.length < FACTS_MAX; at++) {
      const fact = facts[at];
      if (fact === undefined) return;
      for (const { from, to } of equalities) {
        if (!isSame(from, fact.column) || !comparesAlike(from, to)) continue;
        const conjunct = withColumn(fact.conjunct, to);
        if (facts.some((known) => isSame(known.column, to) && sameTree(known.conjunct, conjunct))) continue;
        facts.push({ column: to, conjunct });
        if (to.source.block === block) this.#add(to.source, conjunct);
      }
    }
  }

  #add(source: Source, conjunct: Expr): void {
    if (source.ref.kind !== "tableName" || source.resolved === undefined) return;
    const expr = qualified(conjunct, source);
    const known = this.found.get(source.ref);
    if (known === undefined) this.found.set(source.ref, [expr]);
    // A common table expression that is used twice brings its tables' conditions twice.
    else if (!known.some((each) => sameTree(each, expr))) known.push(expr);
  }

  /** The one source of this block that a condition is about; undefined when it is about more than the row. */
  #onlySource(conjunct: Expr, block: Block): Source | undefined {
    let found: Source | undefined;
    let isSure = true;
    walk(conjunct, (node) => {
      if (!isSure) return false;
      if (node.kind === "column") {
        const source = resolveColumn(node, block)?.source;
        if (source === undefined || source.block !== block || (found !== undefined && found !== source)) isSure = false;
        found = source;
      } else if (isNow(node)) return true;
      else if (!isPure(node) || (node.kind === "userVariable" && this.#assigned.has(node.name.toLowerCase()))) {
        isSure = false;
      }
      return isSure;
    });
    return isSure ? found : undefined;
  }
}

function assignedIn(query: Query): ReadonlySet<string> {
  const names = new Set<string>();
  walk(query, (node) => {
    if (node.kind === "assign") names.add(node.name.toLowerCase());
  });
  return names;
}

function conjunctsOf(expr: Expr | undefined): readonly Expr[] {
  if (expr === undefined) return [];
  return expr.kind === "and" ? expr.operands : [expr];
}

/** Sources whose rows are all there, whether an outer join below `ref` has a match for them or not. */
function keptSources(ref: TableRef, block: Block): readonly Source[] {
  if (ref.kind === "tableList") return ref.tables.flatMap((table) => keptSources(table, block));
  if (ref.kind !== "join") return sourcesIn(ref, block);
  if (ref.type === "left") return keptSources(ref.left, block);
  if (ref.type === "right") return keptSources(ref.right, block);
  return [...keptSources(ref.left, block), ...keptSources(ref.right, block)];
}

/** The sides of a join whose rows show only if they meet its ON. */
function matchedSides(join: Join): readonly TableRef[] {
  if (join.type === "left") return [join.right];
  return join.type === "right" ? [join.left] : [join.left, join.right];
}

/** Not true when all columns in it are NULL. */
function rejectsNull(expr: Expr): boolean {
  switch (expr.kind) {
    case "binary":
      return COMPARISONS.has(expr.op) && (isNullWithColumns(expr.left) || isNullWithColumns(expr.right));
    case "like":
    case "between":
      return isNullWithColumns(expr.expr);
    case "in":
      return isNullWithColumns(expr.expr);
    case "is":
      return expr.test === "null"
        ? expr.not && isNullWithColumns(expr.expr)
        : !expr.not && expr.test === "true" && isNullWithColumns(expr.expr);
    case "and":
      return expr.operands.some(rejectsNull);
    case "or":
      return expr.operands.every(rejectsNull);
    default:
      return false;
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<", "<=", ">", ">=", "!="]);
const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/", "div", "%"]);

function isNullWithColumns(expr: Expr): boolean {
  switch (expr.kind) {
    case "column":
      return true;
    case "unary":
      return (expr.op === "-" || expr.op === "+") && isNullWithColumns(expr.expr);
    case "collate":
      return isNullWithColumns(expr.expr);
    case "binary":
      return ARITHMETIC.has(expr.op) && (isNullWithColumns(expr.left) || isNullWithColumns(expr.right));
    default:
      return false;
  }
}

/** The column of `column = 1`, `column IN (1, 2)`, `column BETWEEN 1 AND 2`: equal values compare alike. */
function comparedColumn(expr: Expr, block: Block): Resolved | undefined {
  const [column, ...others] = comparedParts(expr);
  if (column?.kind !== "column" || !others.every(isConstant)) return undefined;
  return resolveColumn(column, block);
}

function comparedParts(expr: Expr): readonly Expr[] {
  if (expr.kind === "binary" && COMPARISONS.has(expr.op)) {
    return expr.left.kind === "column" ? [expr.left, expr.right] : [expr.right, expr.left];
  }
  if (expr.kind === "between") return [expr.expr, expr.low, expr.high];
  if (expr.kind === "in" && !("query" in expr.list)) {
    return "kind" in expr.list ? [expr.expr, expr.list] : [expr.expr, ...expr.list];
  }
  return [];
}

function isConstant(expr: Expr): boolean {
  return (
    expr.kind === "literal" ||
    expr.kind === "bind" ||
    (expr.kind === "unary" && expr.op === "-" && isConstant(expr.expr))
  );
}

function equalColumns(expr: Expr, block: Block): readonly [Resolved, Resolved] | undefined {
  if (expr.kind !== "binary" || expr.op !== "=" || expr.left.kind !== "column" || expr.right.kind !== "column") {
    return undefined;
  }
  const left = resolveColumn(expr.left, block);
  const right = resolveColumn(expr.right, block);
  return left === undefined || right === undefined ? undefined : [left, right];
}

/** The ON of an outer join tells of its matches what is known of the rows it keeps, not the other way round. */
function directed(
  [a, b]: readonly [Resolved, Resolved],
  nullSide: ReadonlySet<Source> | undefined,
): readonly Equality[] {
  const forth = { from: a, to: b };
  const back = { from: b, to: a };
  if (nullSide === undefined) return [forth, back];
  if (nullSide.has(a.source) === nullSide.has(b.source)) return [];
  return nullSide.has(b.source) ? [forth] : [back];
}

function isSame(a: Resolved, b: Resolved): boolean {
  return a.source === b.source && a.lower === b.lower;
}

/** Equal values of the two columns compare alike with every constant. */
function comparesAlike(a: Resolved, b: Resolved): boolean {
  const left = definitionOf(a);
  const right = definitionOf(b);
  if (left === undefined || right === undefined) return false;
  if (INTEGERS.has(left.dataType) && INTEGERS.has(right.dataType)) return true;
  return left.dataType === right.dataType && left.collation === right.collation && left.columnType === right.columnType;
}

const INTEGERS: ReadonlySet<string> = new Set(["tinyint", "smallint", "mediumint", "int", "bigint"]);

function withColumn(conjunct: Expr, { source, lower }: Resolved): Expr {
  return rewrite(conjunct, { expr: (node) => (node.kind === "column" ? columnOf(node, source, lower) : node) });
}

function qualified(conjunct: Expr, source: Source): Expr {
  return rewrite(conjunct, { expr: (node) => (node.kind === "column" ? columnOf(node, source, node.name) : node) });
}

function columnOf(node: Column, source: Source, name: string): Column {
  return { ...node, schema: undefined, table: source.shownAlias, name };
}
