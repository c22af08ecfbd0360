// UPDATE, DELETE, INSERT and REPLACE that name views of sharded keyspaces. Views that stand for rows of tables one by one are
// merged into the statement, as MySQL's MERGE algorithm does, so that the planner sees the tables; others are read as derived
// tables. What each shard can do for itself is still sent as it was written: then the shard's own view decides what may be
// written, WITH CHECK OPTION included. Manual: "Updatable and Insertable Views", "The View WITH CHECK OPTION Clause".

import { MysqlError, notSupported } from "../base/errors.ts";
import type { TableSchema } from "../schema/model.ts";
import { EMPTY_SELECT } from "../sql/empty-select.ts";
import { columnNode, itemNode } from "../sql/new-nodes.ts";
import type {
  Assignment,
  Column,
  Delete,
  Expr,
  Insert,
  Node,
  Select,
  SelectItem,
  Statement,
  TableRef,
  Update,
} from "../sql/tree.ts";
import { isQuery, mapChildren, walk } from "../sql/walk.ts";
import { columnsIn, resolveColumn, scopeOf } from "./scope.ts";
import type { ChangePlan, ViewCheck } from "./change-plan.ts";
import type { InsertPlan, Plan } from "./plan.ts";
import { type PlanContext, tableNamesOf } from "./tables.ts";
import { computesOverRows, expandViews, selectOfView, viewAsDerived, viewOf } from "./views.ts";

type Write = Insert | Update | Delete;

/** A statement's own planning. */
type Planner = (statement: Statement, context: PlanContext) => Plan;

/** Undefined when it names no view. Throws MySQL's errors for views that cannot be written, 1235 for what is not supported. */
export function planWriteOfViews(statement: Write, context: PlanContext, planner: Planner): Plan | undefined {
  if (!tableNamesOf(statement).some((name) => viewOf(name, context) !== undefined)) return undefined;
  const read = withQueriesExpanded(statement, context);
  if (read.kind === "insert") return planInsertIntoView(read, context, planner);
  return planChangeOfViews(statement, read, context, planner);
}

/** Inner queries and derived tables see tables for views. */
function withQueriesExpanded<W extends Write>(statement: W, context: PlanContext): W {
  const visit = (node: Node): Node => (isQuery(node) ? expandViews(node, context) : mapChildren(node, visit));
  return mapChildren(statement, visit);
}

// UPDATE and DELETE

function planChangeOfViews(written: Write, read: Update | Delete, context: PlanContext, planner: Planner): Plan {
  const merged = mergedChange(read, context);
  const plan = planner(merged.statement, context);
  if (plan.kind === "change") return checkedChange(plan, merged);
  if (plan.kind !== "send") return plan;
  const substitute = plan.substitute === undefined ? undefined : written;
  const { severalShards } = plan;
  if (severalShards?.kind !== "change") return { ...plan, substitute };
  return { ...plan, substitute, severalShards: checkedChange(severalShards, merged) };
}

/** Throws 1235 for checks that cannot be made after rows were written one by one. */
function checkedChange(plan: ChangePlan, { views, statement }: MergedChange): ChangePlan {
  const checks: ViewCheck[] = [];
  for (const { isChecked, check, alias, keyspace, name } of views) {
    if (!isChecked) continue;
    const isKeyed = plan.targets.every((target) => !target.isKeyless);
    if (check === undefined || statement.ignore || !isKeyed) {
      throw notSupported(`${plan.reason} in a change through view ${name} WITH CHECK OPTION`, "change its table");
    }
    checks.push({ alias, condition: check, view: `\`${keyspace}\`.\`${name}\`` });
  }
  return checks.length === 0 ? plan : { ...plan, checks };
}

interface MergedChange {
  readonly statement: Update | Delete;
  /** Those that are assigned to. */
  readonly views: readonly MergedView[];
}

function mergedChange(statement: Update | Delete, context: PlanContext): MergedChange {
  const set = statement.kind === "update" ? statement.set : [];
  const returning = statement.kind === "delete" ? withStars(statement, context) : [];
  const select: Select = {
    ...EMPTY_SELECT,
    items: [...set.flatMap(({ column, value }) => [itemNode(column), itemNode(value)]), ...returning],
    from: statement.tables,
    where: statement.where,
    orderBy: statement.orderBy,
    limit: statement.limit,
    with: statement.with,
  };
  const merger = new Merger(context);
  const merged = merger.select(select, 0);
  const { from: tables, where, orderBy } = merged;
  const exprs = merged.items.map((item) => (item.kind === "expr" ? item.expr : undefined));
  if (statement.kind === "delete") {
    for (const { name } of statement.form === "single" ? statement.tables.flatMap(named) : statement.targets) {
      const view = merger.views.get(name.toLowerCase());
      if (view !== undefined && view.isJoin) {
        throw new MysqlError(1395, "HY000", `Can not delete from join view '${view.keyspace}.${view.name}'`);
      }
    }
    // Rows are deleted from the table without an alias.
    const items = merged.items.map((item) => mapChildren(item, unqualified));
    return { statement: { ...statement, tables, where, orderBy, returning: items }, views: [] };
  }
  const assignments = set.map((assignment, i): Assignment => {
    const column = exprs[2 * i];
    const value = exprs[2 * i + 1];
    if (column?.kind !== "column" || value === undefined) {
      throw new MysqlError(1348, "HY000", `Column '${assignment.column.name}' is not updatable`);
    }
    return { ...assignment, column, value };
  });
  const written = new Map<string, string>();
  const views = new Set<MergedView>();
  for (const { column } of assignments) {
    const view = merger.viewOfTable(column.table ?? "");
    if (view === undefined) continue;
    views.add(view);
    const other = written.get(view.alias) ?? column.table;
    if (other !== column.table) {
      const text = `Can not modify more than one base table through a join view '${view.keyspace}.${view.name}'`;
      throw new MysqlError(1393, "HY000", text);
    }
    written.set(view.alias, other ?? "");
  }
  return { statement: { ...statement, tables, where, orderBy, set: assignments }, views: [...views] };
}

function unqualified(node: Node): Node {
  return node.kind === "column" ? { ...node, table: undefined } : mapChildren(node, unqualified);
}

function named(ref: TableRef): readonly { readonly name: string }[] {
  return ref.kind === "tableName" ? [{ name: ref.alias ?? ref.name }] : [];
}

/** RETURNING with a view's columns for `*`, under the names that they have there. */
function withStars(statement: Delete, context: PlanContext): readonly SelectItem[] {
  const [table] = statement.tables;
  const view = table?.kind === "tableName" ? viewOf(table, context)?.view : undefined;
  return statement.returning.flatMap((item): readonly SelectItem[] => {
    if (item.kind === "star") return view?.columns.map(({ name }) => itemNode(columnNode(name), name)) ?? [item];
    return [
      item.kind === "expr" && item.expr.kind === "column" ? { ...item, alias: item.alias ?? item.expr.name } : item,
    ];
  });
}

/** A view in a statement, by its alias there. */
interface MergedView {
  readonly keyspace: string;
  readonly name: string;
  readonly alias: string;
  readonly isJoin: boolean;
  /** It, or a view below it, has a WITH CHECK OPTION. */
  readonly isChecked: boolean;
  /** What that asks of a row; undefined where it cannot be said of the row alone. */
  readonly check: Expr | undefined;
  readonly tables: readonly string[];
}

/** Puts the tables of views in the place of the views. */
class Merger {
  readonly #context: PlanContext;
  /** Of the statement itself, by alias in lower case. */
  readonly views = new Map<string, MergedView>();

  constructor(context: PlanContext) {
    this.#context = context;
  }

  viewOfTable(alias: string): MergedView | undefined {
    return [...this.views.values()].find(({ tables }) => tables.includes(alias));
  }

  select(written: Select, depth: number): Select {
    const names = new Map<string, string>();
    const inner = new Map<Node, { readonly select: Select; readonly alias: string }>();
    const place = (ref: TableRef, isOptional: boolean): TableRef => {
      if (ref.kind === "join") {
        const left = place(ref.left, isOptional || ref.type === "right");
        const right = place(ref.right, isOptional || ref.type === "left");
        return { ...ref, left, right };
      }
      if (ref.kind === "tableList") return { ...ref, tables: ref.tables.map((each) => place(each, isOptional)) };
      if (ref.kind !== "tableName") return ref;
      if (ref.schema === undefined && written.with?.ctes.some(({ name }) => name === ref.name) === true) return ref;
      const found = viewOf(ref, this.#context);
      if (found === undefined) return ref;
      if (ref.alias === undefined) names.set(ref.name, found.keyspace);
      const derived = viewAsDerived(ref, found.keyspace, found.view, this.#context, depth);
      const own = mergeable(selectOfView(found.keyspace, found.view, depth), found.view);
      if (own === undefined) return derived;
      const select = this.select(own, depth + 1);
      const isTable = select.from.length === 1 && select.from[0]?.kind === "tableName";
      // A view that an outer join need not find has its condition in the ON of that join.
      if (isOptional && (!isTable || select.where !== undefined)) return derived;
      const alias = ref.alias ?? ref.name;
      const placed = renamed(select, alias, isTable, this.#context);
      inner.set(derived, { select: placed, alias });
      if (depth === 0) {
        const tables = placed.from.flatMap(aliasesOf);
        const isChecked = checks(found.view, found.keyspace, this.#context);
        const { keyspace } = found;
        const isWhole = isTable && checksAll(found.view, keyspace, this.#context);
        const check = isWhole && placed.where !== undefined && !holdsQuery(placed.where) ? placed.where : undefined;
        const isJoin = !isTable;
        this.views.set(alias.toLowerCase(), { keyspace, name: ref.name, alias, isJoin, isChecked, check, tables });
      }
      return derived;
    };
    const from = written.from.map((ref) => place(ref, false));
    if (inner.size === 0) return { ...written, from };
    const unqualified = withoutSchemas({ ...written, from }, names);
    const { block } = scopeOf(unqualified, { ...this.#context, rows: new Map() });
    const replaced = new Map<Node, Node>();
    for (const [
      derived,
      {
        select: { from: tables, pos },
      },
    ] of inner) {
      const [only] = tables;
      replaced.set(derived, only !== undefined && tables.length === 1 ? only : { kind: "tableList", tables, pos });
    }
    for (const { column, block: at } of block === undefined ? [] : columnsIn(unqualified, block)) {
      const resolved = resolveColumn(column, at);
      const view = resolved === undefined ? undefined : inner.get(resolved.source.ref);
      if (resolved !== undefined && view !== undefined) {
        const at = resolved.source.columns.findIndex(({ lower }) => lower === resolved.lower);
        const item = view.select.items[at];
        if (item?.kind !== "expr") throw unknownColumn(column);
        replaced.set(column, item.expr);
      } else if (resolved === undefined && isHidden(column, inner.values(), this.#context)) throw unknownColumn(column);
    }
    const wheres = [...inner.values()].flatMap(({ select }) => select.where ?? []);
    const next = replacedIn(unqualified, replaced);
    const operands = [...(next.where === undefined ? [] : [next.where]), ...wheres];
    const [first] = operands;
    const where: Expr | undefined = operands.length < 2 ? first : { kind: "and", operands, pos: 0 };
    return { ...next, where };
  }
}

/** A query that gives rows of its tables one by one; undefined for others. Manual: "View Processing Algorithms". */
function mergeable(query: Node, { columns }: TableSchema): Select | undefined {
  if (query.kind !== "select" || query.from.length === 0 || query.with !== undefined) return undefined;
  if (query.limit !== undefined || query.procedure !== undefined || computesOverRows(query)) return undefined;
  const isPlain = query.items.every((item) => item.kind === "expr" && !holdsQuery(item.expr));
  return isPlain && query.items.length === columns.length ? { ...query, orderBy: [] } : undefined;
}

/** Queries in the select list, window functions. */
function holdsQuery(expr: Expr): boolean {
  let holds = false;
  walk(expr, (node) => {
    holds ||= isQuery(node) || (node.kind === "call" && node.over !== undefined);
    return !holds;
  });
  return holds;
}

/** With its tables under names that say whose they are; that of a single one is the view's. */
function renamed(select: Select, alias: string, isTable: boolean, context: PlanContext): Select {
  const { block } = scopeOf(select, { ...context, rows: new Map() });
  if (block === undefined) return select;
  const nameOf = (old: string): string => (isTable ? alias : `${alias}_${old}`);
  const replaced = new Map<Node, Node>();
  for (const { column, block: at } of columnsIn(select, block)) {
    const resolved = resolveColumn(column, at);
    if (resolved === undefined || resolved.source.block !== block) continue;
    replaced.set(column, { ...column, schema: undefined, table: nameOf(resolved.source.shownAlias) });
  }
  for (const [ref, source] of block.sourceOf) {
    if (ref.kind === "tableName" || ref.kind === "derived") {
      replaced.set(ref, { ...ref, alias: nameOf(source.shownAlias) });
    }
  }
  return replacedIn(select, replaced);
}

function replacedIn<N extends Node>(node: N, replaced: ReadonlyMap<Node, Node>): N {
  const visit = (each: Node): Node => replaced.get(each) ?? mapChildren(each, visit);
  return mapChildren(node, visit);
}

function aliasesOf(ref: TableRef): readonly string[] {
  if (ref.kind === "join") return [...aliasesOf(ref.left), ...aliasesOf(ref.right)];
  if (ref.kind === "tableList") return ref.tables.flatMap(aliasesOf);
  const alias = ref.kind === "tableName" ? (ref.alias ?? ref.name) : ref.alias;
  return alias === undefined ? [] : [alias];
}

/** A derived table has no schema that columns could be named with. */
function withoutSchemas(select: Select, names: ReadonlyMap<string, string>): Select {
  const visit = (node: Node): Node => {
    const isNamed = node.kind === "column" && node.schema !== undefined && names.get(node.table ?? "") === node.schema;
    return isNamed ? { ...node, schema: undefined } : mapChildren(node, visit);
  };
  return mapChildren(select, visit);
}

/** The view does not show it, and its table would be found to have it. */
function isHidden(
  { table, name }: Column,
  views: Iterable<{ readonly select: Select; readonly alias: string }>,
  context: PlanContext,
): boolean {
  for (const { select, alias } of views) {
    if (table !== undefined && table.toLowerCase() !== alias.toLowerCase()) continue;
    const { block } = scopeOf(select, { ...context, rows: new Map() });
    const lower = name.toLowerCase();
    if (block?.sources.some(({ columns, complete }) => !complete || columns.some((each) => each.lower === lower)))
      return true;
  }
  return false;
}

function unknownColumn({ table, name }: Column): MysqlError {
  const shown = table === undefined ? name : `${table}.${name}`;
  return new MysqlError(1054, "42S22", `Unknown column '${shown}' in 'where clause'`);
}

/** WITH CHECK OPTION of the view, or of one that it lies over. */
function checks(view: TableSchema, keyspace: string, context: PlanContext): boolean {
  if (view.viewCheck !== undefined) return true;
  let isChecked = false;
  const query = selectOfView(keyspace, view, 0);
  walk(query, (node) => {
    const below = node.kind === "tableName" ? viewOf(node, context) : undefined;
    if (below !== undefined) isChecked ||= checks(below.view, below.keyspace, context);
    return !isChecked;
  });
  return isChecked;
}

/** What the option asks is all that the view's definition and those below it ask. */
function checksAll(view: TableSchema, keyspace: string, context: PlanContext): boolean {
  if (view.viewCheck === "cascaded") return true;
  const query = selectOfView(keyspace, view, 0);
  const isOwn = view.viewCheck === "local" || (query.kind === "select" && query.where === undefined);
  let isAll = isOwn;
  walk(query, (node) => {
    const below = node.kind === "tableName" ? viewOf(node, context) : undefined;
    if (below !== undefined) isAll &&= checksAll(below.view, below.keyspace, context);
    return isAll;
  });
  return isAll;
}

// INSERT and REPLACE

function planInsertIntoView(statement: Insert, context: PlanContext, planner: Planner): Plan {
  const found = viewOf(statement.table, context);
  // Only its queries read views.
  if (found === undefined) return printedAnew(planner(statement, context), statement);
  const { view, keyspace } = found;
  const own = mergeable(selectOfView(keyspace, view, 0), view);
  const select = own === undefined ? undefined : new Merger(context).select(own, 1);
  const [table] = select?.from ?? [];
  const columns = new Map<string, string>();
  for (const [i, item] of (select?.items ?? []).entries()) {
    const name = view.columns[i]?.lower ?? "";
    if (item.kind === "expr" && item.expr.kind === "column") columns.set(name, item.expr.name);
  }
  const named: Insert = { ...withColumns(statement, view), table: { ...statement.table, schema: keyspace } };
  const isComputed = ({ name }: Column): boolean =>
    !columns.has(name.toLowerCase()) && view.columns.some(({ lower }) => lower === name.toLowerCase());
  const isTwice = new Set(columns.values()).size < columns.size;
  if (select === undefined || isTwice || named.columns.some(isComputed)) {
    const text = `The target table ${view.name} of the INSERT is not insertable-into`;
    throw new MysqlError(1471, "HY000", text);
  }
  if (select.from.length !== 1 || table?.kind !== "tableName") {
    throw notSupported(`INSERT into view ${keyspace}.${view.name} of several tables`, "insert into its tables");
  }
  const { schema = keyspace, name } = table;
  const base = ofTable(named, { ...statement.table, schema, name }, columns, view);
  const plan = planner(base, context);
  return throughView(plan, base, named, columns, checks(view, keyspace, context)) ?? printedAnew(plan, base);
}

/** The plan with rows inserted into the view, where the shard decides about them; undefined when that cannot be. */
function throughView(
  plan: Plan,
  base: Insert,
  named: Insert,
  columns: ReadonlyMap<string, string>,
  isChecked: boolean,
): Plan | undefined {
  const isSame = [...columns].every(([name, own]) => name === own.toLowerCase());
  let through: Plan | undefined;
  if (plan.kind === "send") {
    through = plan.substitute === undefined ? plan : { ...plan, substitute: named };
  } else if (plan.kind === "insert-rows" && plan.numbered === undefined) {
    const { rows, form } = plan.statement;
    // Columns that place rows are added with their defaults.
    const added = plan.statement.columns.slice(named.columns.length).map(({ name }) => nameIn(columns, name));
    if (added.every((name) => name !== undefined)) {
      const all = [...named.columns, ...added.flatMap((name) => (name === undefined ? [] : [columnNode(name)]))];
      const insert: Insert = { ...named, form, columns: all, columnList: all.length > 0, rows };
      through = { ...plan, statement: insert, defaultsOf: base.table };
    }
  } else if (plan.kind === "insert" && plan.lookups.length === 0 && !plan.movesOnDuplicate) {
    const hasId = plan.definition?.columns.some(({ autoIncrement }) => autoIncrement) !== false;
    through = isSame || !hasId ? insertThrough(plan, named, columns) : undefined;
  }
  if (through !== undefined || !isChecked) return through;
  throw notSupported(`INSERT into a view WITH CHECK OPTION of table ${base.table.name}`, "insert into its table");
}

/** What the view calls a column of its table. */
function nameIn(columns: ReadonlyMap<string, string>, own: string): string | undefined {
  return [...columns].find(([, name]) => name.toLowerCase() === own.toLowerCase())?.[0];
}

function insertThrough(plan: InsertPlan, named: Insert, columns: ReadonlyMap<string, string>): Plan | undefined {
  const { generate } = plan;
  const hidden = generate !== undefined && ![...columns.values()].includes(generate.column);
  return hidden ? undefined : { ...plan, statement: { ...named, rows: plan.statement.rows }, printed: true };
}

/** All of the view's columns where the statement lists none. */
function withColumns(statement: Insert, { columns }: TableSchema): Insert {
  if (statement.columnList || statement.columns.length > 0) return statement;
  if (statement.form !== "query" && statement.rows.every(({ values }) => values.length === 0)) return statement;
  return { ...statement, columns: columns.map(({ name }) => columnNode(name)), columnList: true };
}

/** The same of the view's table. */
function ofTable(
  named: Insert,
  table: Insert["table"],
  columns: ReadonlyMap<string, string>,
  view: TableSchema,
): Insert {
  const isView = (qualifier: string | undefined): boolean =>
    qualifier === undefined || qualifier.toLowerCase() === view.name.toLowerCase();
  const columnOf = (column: Column, clause: string): Column => {
    const name = columns.get(column.name.toLowerCase());
    if (name === undefined) throw new MysqlError(1054, "42S22", `Unknown column '${column.name}' in '${clause}'`);
    return { ...column, schema: undefined, table: column.table === undefined ? undefined : table.name, name };
  };
  const visit = (node: Node): Node => {
    if (isQuery(node)) return node;
    if (node.kind === "insertValue") return { ...node, column: columnOf(node.column, "field list") };
    if (node.kind !== "column" || !isView(node.table)) return mapChildren(node, visit);
    // A column of the query that gives the rows.
    if (named.form === "query" && node.table === undefined && !columns.has(node.name.toLowerCase())) return node;
    return columnOf(node, "field list");
  };
  const returning = named.returning.flatMap((item): readonly SelectItem[] => {
    if (item.kind !== "expr") {
      return view.columns.map(({ name, lower }) => itemNode(columnNode(columns.get(lower) ?? name), name));
    }
    const alias = item.alias ?? (item.expr.kind === "column" ? item.expr.name : undefined);
    return [{ ...mapChildren(item, visit), alias }];
  });
  const rowAliasColumns =
    named.rowAlias !== undefined && named.rowAliasColumns.length === 0
      ? named.columns.map(({ name }) => name)
      : named.rowAliasColumns;
  return {
    ...named,
    table,
    columns: named.columns.map((column) => columnOf(column, "field list")),
    rows: named.rows.map((row) => mapChildren(row, visit)),
    onDuplicate: named.onDuplicate.map((assignment) => mapChildren(assignment, visit)),
    returning,
    rowAliasColumns,
  };
}

/** A plan of another statement than the one that came. */
function printedAnew(plan: Plan, statement: Statement): Plan {
  if (plan.kind === "send") return { ...plan, substitute: plan.substitute ?? statement };
  return plan.kind === "insert" ? { ...plan, printed: true } : plan;
}
