// Name resolution: the query blocks of a statement, the sources in each FROM with their columns, and which source a column
// name means, by MySQL's scoping rules (innermost block first; a select's tables, then the enclosing select's). What cannot
// be told for sure, because a table's columns are not known, is `undefined`: no decision may rest on it.

import type { ColumnSchema, TableSchema } from "../schema/model.ts";
import { EMPTY_SELECT } from "../sql/empty-select.ts";
import type {
  Column,
  Cte,
  DerivedTable,
  Exists,
  Expr,
  Join,
  JsonTable,
  JsonTableColumn,
  Node,
  Quantified,
  Query,
  Select,
  SelectItem,
  Subquery as SubqueryExpr,
  TableName,
  TableRef,
} from "../sql/tree.ts";
import { children } from "../sql/walk.ts";
import { type PlanContext, type ResolvedTable, resolveTable, SYSTEM_SCHEMAS } from "./tables.ts";

export interface ScopeContext extends PlanContext {
  /** Rows tables of earlier steps, by name. */
  readonly rows: ReadonlyMap<string, readonly SourceColumn[]>;
}

/** A column that a source or a query gives. */
export interface SourceColumn {
  readonly name: string;
  readonly lower: string;
  /** Of a base table's column that is passed on unchanged. */
  readonly definition: ColumnSchema | undefined;
  /** The column of a source inside, for derived tables whose column is just that. */
  readonly origin: Resolved | undefined;
  /** Left out by `*`. */
  readonly invisible: boolean;
}

export interface Resolved {
  readonly source: Source;
  readonly lower: string;
}

/** An element of a FROM clause. */
export interface Source {
  /** Unique within the statement. */
  readonly id: number;
  /** What columns are qualified with, lower case. */
  readonly alias: string;
  /** What stands in the statement: the alias or name as written. */
  readonly shownAlias: string;
  readonly ref: TableName | DerivedTable | JsonTable;
  readonly block: Block;
  /** A table of a keyspace; undefined for derived tables, common table expressions, rows tables, JSON_TABLE. */
  readonly resolved: ResolvedTable | undefined;
  /** The query of a derived table or common table expression. */
  readonly inner: QueryScope | undefined;
  readonly cte: Cte | undefined;
  readonly columns: readonly SourceColumn[];
  /** `columns` are all there are. */
  readonly complete: boolean;
}

/** One SELECT. */
export interface Block {
  readonly select: Select;
  readonly parent: Block | undefined;
  readonly sources: readonly Source[];
  readonly sourceOf: ReadonlyMap<TableRef, Source>;
  /** Queries in expressions, in the order of the text. */
  readonly subqueries: readonly Subquery[];
}

export interface Subquery {
  /** The node that holds the query: `subquery`, `exists` or `quantified`. */
  readonly node: Exists | Quantified | SubqueryExpr;
  /** `x IN (query)`: the left side. */
  readonly comparedWith: Expr | undefined;
  readonly scope: QueryScope;
}

export interface QueryScope {
  readonly query: Query;
  readonly parent: Block | undefined;
  /** Of a SELECT. */
  readonly block: Block | undefined;
  /** Of a set operation. */
  readonly parts: readonly QueryScope[];
  /** Undefined when they are not all known. */
  readonly columns: readonly SourceColumn[] | undefined;
  /** It is, or is inside, a recursive common table expression's reference to itself. */
  readonly recursive: boolean;
}

type CteScope = ReadonlyMap<string, CteEntry>;

interface CteEntry {
  readonly cte: Cte;
  readonly recursive: boolean;
  /** What its query sees. */
  readonly before: CteScope;
}

const NO_CTES: CteScope = new Map();

/** Throws 1046, 1049, 1146 for names of tables that do not resolve. */
export function scopeOf(query: Query, context: ScopeContext): QueryScope {
  return new ScopeBuilder(context).query(query, undefined, NO_CTES);
}

class ScopeBuilder {
  readonly #context: ScopeContext;
  #nextId = 0;

  constructor(context: ScopeContext) {
    this.#context = context;
  }

  query(query: Query, parent: Block | undefined, outerCtes: CteScope): QueryScope {
    const ctes = withCtes(query, outerCtes);
    const rest = { query, parent, parts: [], block: undefined, recursive: false };
    switch (query.kind) {
      case "select": {
        const block = this.#block(query, parent, ctes);
        return { ...rest, block, columns: columnsOf(block) };
      }
      case "union": {
        const parts = [query.first, ...query.rest.map((part) => part.query)].map((part) =>
          this.query(part, parent, ctes),
        );
        const columns = parts[0]?.columns?.map((column) => ({ ...column, definition: undefined, origin: undefined }));
        return { ...rest, parts, columns };
      }
      case "values":
        return { ...rest, columns: undefined };
      case "table": {
        const select = selectOfTable(query.table);
        const block = this.#block(select, parent, ctes);
        return { ...rest, block, columns: columnsOf(block) };
      }
    }
  }

  #block(select: Select, parent: Block | undefined, ctes: CteScope): Block {
    const sources: Source[] = [];
    const sourceOf = new Map<TableRef, Source>();
    const subqueries: Subquery[] = [];
    const block: Block = { select, parent, sources, sourceOf, subqueries };
    const addSource = (ref: TableRef): void => {
      if (ref.kind === "join") {
        addSource(ref.left);
        addSource(ref.right);
      } else if (ref.kind === "tableList") ref.tables.forEach(addSource);
      else {
        const source = this.#source(ref, block, ctes);
        sources.push(source);
        sourceOf.set(ref, source);
      }
    };
    select.from.forEach(addSource);
    const addQueries = (node: Node, comparedWith: Expr | undefined): void => {
      if (node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified") {
        const left =
          node.kind === "quantified" && node.op === "=" && node.quantifier === "any" ? node.left : comparedWith;
        if (node.kind === "quantified") addQueries(node.left, undefined);
        subqueries.push({ node, comparedWith: left, scope: this.query(node.query, block, ctes) });
      } else if (node.kind === "in" && "kind" in node.list && node.list.kind === "subquery") {
        addQueries(node.expr, undefined);
        addQueries(node.list, node.expr);
      } else if (node.kind === "derived" || node.kind === "with") return;
      else children(node, (child) => addQueries(child, undefined));
    };
    children(select, (child) => addQueries(child, undefined));
    return block;
  }

  #source(ref: TableName | DerivedTable | JsonTable, block: Block, ctes: CteScope): Source {
    const id = this.#nextId++;
    const rest = { id, ref, block, resolved: undefined, inner: undefined, cte: undefined };
    if (ref.kind === "jsonTable") {
      const shownAlias = ref.alias ?? "";
      const columns = jsonColumns(ref.columns).map(plainColumn);
      return { ...rest, alias: shownAlias.toLowerCase(), shownAlias, columns, complete: true };
    }
    if (ref.kind === "derived") {
      const shownAlias = ref.alias ?? "";
      const inner = this.query(ref.query, ref.lateral ? block : block.parent, ctes);
      return { ...rest, alias: shownAlias.toLowerCase(), shownAlias, inner, ...renamed(inner.columns, ref.columns) };
    }
    const shownAlias = ref.alias ?? ref.name;
    const alias = shownAlias.toLowerCase();
    if (ref.schema === undefined) {
      const rows = this.#context.rows.get(ref.name);
      if (rows !== undefined) return { ...rest, alias, shownAlias, columns: rows, complete: true };
      const entry = ctes.get(ref.name.toLowerCase());
      if (entry !== undefined) {
        if (entry.recursive && mentions(entry.cte.query, entry.cte.name)) {
          const inner: QueryScope = {
            query: entry.cte.query,
            parent: undefined,
            block: undefined,
            parts: [],
            columns: undefined,
            recursive: true,
          };
          return { ...rest, alias, shownAlias, inner, cte: entry.cte, columns: [], complete: false };
        }
        const inner = this.query(entry.cte.query, undefined, entry.before);
        return { ...rest, alias, shownAlias, inner, cte: entry.cte, ...renamed(inner.columns, entry.cte.columns) };
      }
    }
    const schema = ref.schema ?? this.#context.keyspace;
    if (schema !== undefined && SYSTEM_SCHEMAS.has(schema.toLowerCase())) {
      return { ...rest, alias, shownAlias, columns: [], complete: false };
    }
    const resolved = resolveTable(ref, this.#context);
    return { ...rest, alias, shownAlias, resolved, ...tableColumns(resolved, this.#context) };
  }
}

function withCtes(query: Query, outer: CteScope): CteScope {
  if (query.with === undefined) return outer;
  let ctes = outer;
  for (const cte of query.with.ctes) {
    const next = new Map(ctes);
    next.set(cte.name.toLowerCase(), { cte, recursive: query.with.recursive, before: ctes });
    ctes = next;
  }
  return ctes;
}

function mentions(query: Query, name: string): boolean {
  const lower = name.toLowerCase();
  let found = false;
  const visit = (node: Node): void => {
    found ||= node.kind === "tableName" && node.schema === undefined && node.name.toLowerCase() === lower;
    if (!found) children(node, visit);
  };
  visit(query);
  return found;
}

function selectOfTable(table: TableName): Select {
  const { pos } = table;
  return { ...EMPTY_SELECT, items: [{ kind: "star", schema: undefined, table: undefined, pos }], from: [table], pos };
}

function jsonColumns(columns: readonly JsonTableColumn[]): string[] {
  return columns.flatMap((column) => (column.kind === "nested" ? jsonColumns(column.columns) : [column.name]));
}

export function plainColumn(name: string): SourceColumn {
  return { name, lower: name.toLowerCase(), definition: undefined, origin: undefined, invisible: false };
}

function renamed(
  columns: readonly SourceColumn[] | undefined,
  names: readonly string[],
): { columns: readonly SourceColumn[]; complete: boolean } {
  if (names.length === 0) return { columns: columns ?? [], complete: columns !== undefined };
  return {
    columns: names.map((name, index) => {
      const column = columns?.[index];
      return column === undefined ? plainColumn(name) : { ...column, name, lower: name.toLowerCase() };
    }),
    complete: true,
  };
}

/** Of definitions, which never change. */
const TRACKED = new WeakMap<TableSchema, readonly SourceColumn[]>();

function tableColumns(
  { keyspace, name, table }: ResolvedTable,
  context: PlanContext,
): { columns: readonly SourceColumn[]; complete: boolean } {
  const tracked = context.schema.table(keyspace.keyspace, name);
  if (tracked !== undefined) {
    let columns = TRACKED.get(tracked);
    if (columns === undefined) {
      columns = tracked.columns.map((definition) => ({
        name: definition.name,
        lower: definition.lower,
        definition,
        origin: undefined,
        invisible: definition.invisible,
      }));
      TRACKED.set(tracked, columns);
    }
    return { columns, complete: true };
  }
  const columns = new Map<string, SourceColumn>();
  for (const column of table?.columns ?? []) {
    columns.set(column.lower, { ...plainColumn(column.name), invisible: column.invisible });
  }
  for (const { columns: names } of table?.columnVindexes ?? []) {
    for (const column of names) {
      if (!columns.has(column.toLowerCase())) columns.set(column.toLowerCase(), plainColumn(column));
    }
  }
  return { columns: [...columns.values()], complete: table?.columnListAuthoritative === true };
}

/** The columns a SELECT gives; undefined when `*` stands for columns that are not known. */
function columnsOf(block: Block): readonly SourceColumn[] | undefined {
  const columns: SourceColumn[] = [];
  for (const item of block.select.items) {
    if (item.kind === "nextValues") return undefined;
    if (item.kind === "star") {
      const all = columnsOfStar(item, block);
      if (all === undefined) return undefined;
      for (const { source, column } of all) {
        columns.push({ ...column, origin: { source, lower: column.lower }, invisible: false });
      }
    } else {
      const name = nameOfItem(item);
      const resolved = item.expr.kind === "column" ? resolveColumn(item.expr, block) : undefined;
      const definition = resolved === undefined ? undefined : definitionOf(resolved);
      const own = resolved?.source.block === block ? resolved : undefined;
      columns.push({ name, lower: name.toLowerCase(), definition, origin: own, invisible: false });
    }
  }
  return columns;
}

export function nameOfItem(item: SelectItem & { kind: "expr" }): string {
  return item.alias ?? (item.expr.kind === "column" ? item.expr.name : item.text);
}

/** What `*` or `t.*` stands for, in order; undefined when that is not known. */
export function columnsOfStar(
  item: SelectItem & { kind: "star" },
  block: Block,
): readonly { readonly source: Source; readonly column: SourceColumn }[] | undefined {
  const visible = (source: Source): readonly { source: Source; column: SourceColumn }[] =>
    source.columns.filter(({ invisible }) => !invisible).map((column) => ({ source, column }));
  if (item.table !== undefined) {
    const source = sourceNamed(block, item.schema, item.table);
    return source === undefined || !source.complete ? undefined : visible(source);
  }
  if (!block.sources.every(({ complete }) => complete)) return undefined;
  return block.select.from.flatMap((ref) => starOfRef(ref, block, visible));
}

type StarColumn = { readonly source: Source; readonly column: SourceColumn };

/** USING and NATURAL give their columns once and first (manual: "JOIN Clause"). */
function starOfRef(
  ref: TableRef,
  block: Block,
  visible: (source: Source) => readonly StarColumn[],
): readonly StarColumn[] {
  if (ref.kind === "tableList") return ref.tables.flatMap((table) => starOfRef(table, block, visible));
  if (ref.kind !== "join") {
    const source = block.sourceOf.get(ref);
    return source === undefined ? [] : visible(source);
  }
  const left = starOfRef(ref.left, block, visible);
  const right = starOfRef(ref.right, block, visible);
  const names = commonNames(ref, left, right);
  if (names.length === 0) return [...left, ...right];
  const [first, second] = ref.type === "right" ? [right, left] : [left, right];
  const isCommon = ({ column }: StarColumn): boolean => names.includes(column.lower);
  const common = first.filter(isCommon);
  return [...common, ...first.filter((each) => !isCommon(each)), ...second.filter((each) => !isCommon(each))];
}

function commonNames(join: Join, left: readonly StarColumn[], right: readonly StarColumn[]): readonly string[] {
  if (!join.natural) return join.using.map((name) => name.toLowerCase());
  const inRight = new Set(right.map(({ column }) => column.lower));
  return left.map(({ column }) => column.lower).filter((lower) => inRight.has(lower));
}

/** The columns a join makes equal by USING or NATURAL, as pairs; undefined when that is not known. */
export function joinedColumns(join: Join, block: Block): readonly (readonly [Resolved, Resolved])[] | undefined {
  if (!join.natural && join.using.length === 0) return [];
  const left = sourcesIn(join.left, block);
  const right = sourcesIn(join.right, block);
  const star = (source: Source): readonly StarColumn[] => source.columns.map((column) => ({ source, column }));
  if (join.natural && ![...left, ...right].every(({ complete }) => complete)) return undefined;
  const names = commonNames(join, left.flatMap(star), right.flatMap(star));
  const pairs: (readonly [Resolved, Resolved])[] = [];
  for (const lower of new Set(names)) {
    const a = holderOf(lower, left);
    const b = holderOf(lower, right);
    if (a === undefined || b === undefined) return undefined;
    pairs.push([
      { source: a, lower },
      { source: b, lower },
    ]);
  }
  return pairs;
}

function holderOf(lower: string, sources: readonly Source[]): Source | undefined {
  const [only] = sources;
  if (sources.length === 1) return only;
  return sources.find((source) => hasColumn(source, lower));
}

export function sourcesIn(ref: TableRef, block: Block): readonly Source[] {
  if (ref.kind === "join") return [...sourcesIn(ref.left, block), ...sourcesIn(ref.right, block)];
  if (ref.kind === "tableList") return ref.tables.flatMap((table) => sourcesIn(table, block));
  const source = block.sourceOf.get(ref);
  return source === undefined ? [] : [source];
}

function hasColumn(source: Source, lower: string): boolean {
  return source.columns.some((column) => column.lower === lower);
}

export function sourceNamed(block: Block, schema: string | undefined, table: string): Source | undefined {
  const lower = table.toLowerCase();
  const found = block.sources.filter((source) => {
    if (source.alias !== lower) return false;
    if (schema === undefined) return true;
    const named =
      source.ref.kind === "tableName" ? (source.ref.schema ?? source.resolved?.keyspace.keyspace) : undefined;
    return named === schema;
  });
  return found.length === 1 ? found[0] : undefined;
}

/** The source of this or an enclosing block that the name means; undefined when it is not sure. */
export function resolveColumn(column: Column, block: Block): Resolved | undefined {
  const lower = column.name.toLowerCase();
  for (let at: Block | undefined = block; at !== undefined; at = at.parent) {
    if (column.table !== undefined) {
      const source = sourceNamed(at, column.schema, column.table);
      if (source !== undefined) return { source, lower };
      continue;
    }
    const having = at.sources.filter((source) => hasColumn(source, lower));
    const unsure = at.sources.filter((source) => !source.complete);
    const [first] = having;
    if (first !== undefined) {
      if (having.length === 1) return { source: first, lower };
      return joinedHolder(at, lower, having);
    }
    if (unsure.length === 0) continue;
    const [only] = unsure;
    // Nothing else can have it.
    return unsure.length === 1 && only !== undefined && at.parent === undefined ? { source: only, lower } : undefined;
  }
  return undefined;
}

/** A name that several sources have is sure only when USING or NATURAL make one of it; that of a left join's left side. */
function joinedHolder(block: Block, lower: string, having: readonly Source[]): Resolved | undefined {
  const joined = new Set<Source>();
  let sure = true;
  const visit = (ref: TableRef): void => {
    if (ref.kind === "tableList") ref.tables.forEach(visit);
    if (ref.kind !== "join") return;
    visit(ref.left);
    visit(ref.right);
    const pair = joinedColumns(ref, block)?.find(([a]) => a.lower === lower);
    if (pair === undefined) return;
    joined.add(pair[0].source);
    joined.add(pair[1].source);
    if (ref.type === "right") sure = false;
  };
  block.select.from.forEach(visit);
  const [first] = having;
  return sure && first !== undefined && having.every((source) => joined.has(source))
    ? { source: first, lower }
    : undefined;
}

export function columnOf({ source, lower }: Resolved): SourceColumn | undefined {
  return source.columns.find((column) => column.lower === lower);
}

/** The definition behind a column, through derived tables that pass it on. */
export function definitionOf(resolved: Resolved): ColumnSchema | undefined {
  return columnOf(resolved)?.definition;
}

/** All column references below `node` with the block they stand in; those in queries of other levels included. */
export function columnsIn(node: Node, block: Block): readonly { readonly column: Column; readonly block: Block }[] {
  const found: { column: Column; block: Block }[] = [];
  const visit = (at: Node, inBlock: Block): void => {
    if (at.kind === "column") {
      found.push({ column: at, block: inBlock });
      return;
    }
    if (at.kind === "subquery" || at.kind === "exists" || at.kind === "quantified") {
      if (at.kind === "quantified") visit(at.left, inBlock);
      const inner = inBlock.subqueries.find((subquery) => subquery.node === at);
      if (inner !== undefined) visitScope(inner.scope);
      return;
    }
    if (at.kind === "derived") {
      const source = inBlock.sourceOf.get(at);
      if (source?.inner !== undefined) visitScope(source.inner);
      return;
    }
    children(at, (child) => visit(child, inBlock));
  };
  const visitScope = (scope: QueryScope): void => {
    if (scope.block !== undefined) {
      const inner = scope.block;
      children(scope.query, (child) => visit(child, inner));
    }
    scope.parts.forEach(visitScope);
  };
  visit(node, block);
  return found;
}

/** All SELECTs of a statement, inner ones included. */
export function blocksOf(scope: QueryScope): readonly Block[] {
  const blocks: Block[] = [];
  const add = (each: QueryScope): void => {
    each.parts.forEach(add);
    if (each.block === undefined) return;
    blocks.push(each.block);
    for (const { inner } of each.block.sources) if (inner !== undefined) add(inner);
    for (const subquery of each.block.subqueries) add(subquery.scope);
  };
  add(scope);
  return blocks;
}

/** The query names columns of blocks outside it; "unsure" when that cannot be told. */
export function isCorrelated(scope: QueryScope): boolean | "unsure" {
  let unsure = false;
  let correlated = false;
  const inside = new Set<Block>();
  const collect = (each: QueryScope): void => {
    if (each.block !== undefined) collectBlock(each.block);
    each.parts.forEach(collect);
    if (each.recursive) unsure = true;
  };
  const collectBlock = (block: Block): void => {
    inside.add(block);
    for (const source of block.sources) if (source.inner !== undefined) collect(source.inner);
    for (const subquery of block.subqueries) collect(subquery.scope);
  };
  collect(scope);
  for (const block of inside) {
    const aliases = new Set(
      block.select.items.flatMap((item) => (item.kind === "expr" ? [nameOfItem(item).toLowerCase()] : [])),
    );
    children(block.select, (child) => {
      const visit = (node: Node): void => {
        if (node.kind === "subquery" || node.kind === "exists" || node.kind === "derived") return;
        if (node.kind === "quantified") return visit(node.left);
        if (node.kind === "column") {
          const resolved = resolveColumn(node, block);
          if (resolved === undefined) {
            // A name of the select list in HAVING, ORDER BY or GROUP BY.
            if (node.table === undefined && aliases.has(node.name.toLowerCase())) return;
            unsure = true;
          } else if (!inside.has(resolved.source.block)) correlated = true;
        } else children(node, visit);
      };
      visit(child);
    });
  }
  return correlated ? true : unsure ? "unsure" : false;
}
