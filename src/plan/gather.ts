// The gather tier: any SELECT the other tiers do not answer. Each table reference becomes a temporary table on one
// connection of one mysqld, filled from the shards its conditions allow with the columns and rows the statement can need
// (gather-columns.ts, gather-filters.ts), and the statement itself runs there with its table names mapped: the same answer
// as one MySQL, because one MySQL gives it.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { cteReferences, sequenceOf } from "../sql/tables.ts";
import type { Column, Expr, Join, Locking, Query, Select, SelectItem, TableName, TableRef } from "../sql/tree.ts";
import { rewrite, walk } from "../sql/walk.ts";
import { queryEffect } from "./effects.ts";
import type { FromTable } from "./from-clause.ts";
import { columnUseOf } from "./gather-columns.ts";
import { gatherFilters } from "./gather-filters.ts";
import { withScores } from "./gather-scores.ts";
import { simplifyOuterJoins } from "./outer-joins.ts";
import type { GatherPlan, GatherSource } from "./plan.ts";
import { routeTables } from "./routing.ts";
import { type Block, blocksOf, joinedColumns, type QueryScope, scopeOf, type SourceColumn } from "./scope.ts";
import { type PlanContext, type ResolvedTable, resolveTable, SYSTEM_SCHEMAS } from "./tables.ts";

/** Begins the names of temporary tables with rows of catalogs (catalog.ts). */
export const CATALOG_PREFIX = "shardgate_catalog_";

/** Throws 1235 for the few statements that cannot be mapped; `reason` is why no other tier takes it. */
export function planGather(statement: Query, context: PlanContext, reason: string): GatherPlan {
  const ctes = cteReferences(statement);
  const names: TableName[] = [];
  let readsCatalogs = false;
  walk(statement, (node) => {
    if (node.kind === "nextValues") throw notSupported("SELECT NEXT VALUES");
    if (node.kind !== "tableName") return;
    if (isBase(node, ctes)) names.push(node);
    readsCatalogs ||= node.name.startsWith(CATALOG_PREFIX);
  });
  const scope = scopeIfKnown(statement, context);
  const filters = scope === undefined ? NO_FILTERS : filtersOf(statement, scope, context);
  const scored = withScores(statement, scope);
  const use = columnUseOf(statement, (join) => naturalNames(join, scope));
  const lockings = lockingsOf(statement);
  const prefix = freePrefix(statement);
  const resolved = new Map(names.map((name) => [name, resolveTable(name, context)]));
  const aliases = distinctAliases(statement, resolved);
  const sources: GatherSource[] = [];
  const bySource = new Map<TableName, GatherSource>();
  for (const name of names) {
    const found = resolved.get(name);
    if (found === undefined || bySource.has(name)) continue;
    const alias = aliases.get(name) ?? name.alias ?? name.name;
    const conjuncts = (filters.get(name) ?? []).map((expr) => withAlias(expr, alias));
    const source: GatherSource = {
      ...routed(name, found, alias, conjuncts),
      keyspace: found.keyspace.keyspace,
      table: found.name,
      alias,
      shownAlias: name.alias ?? name.name,
      partitions: name.partitions,
      systemTime: name.systemTime,
      temporaryTable: `${prefix}${sources.length + 1}`,
      columns: use.columns(name),
      lookups: use.lookups(name),
      scores: (scored.scores.get(name) ?? []).map((score) => ({ ...score, match: withAlias(score.match, alias) })),
      locking: lockings.get(name),
    };
    sources.push(source);
    bySource.set(name, source);
  }
  const [first] = sources;
  if (first === undefined) throw notSupported("gather without tables");
  const sequences = sequencesOf(statement, context);
  const [home = first.keyspace] = sequences;
  const isOneKeyspace = [...sources.map(({ keyspace }) => keyspace), ...sequences].every((each) => each === home);
  return {
    kind: "gather",
    keyspace: home,
    onFirstShard: sequences.length > 0,
    sources,
    statement: mapped(scored.statement, bySource, aliases, resolved),
    original: isOneKeyspace && !readsCatalogs ? statement : undefined,
    reason,
    writes: lockings.size > 0,
    effect: queryEffect(statement),
  };
}

const NO_FILTERS: ReadonlyMap<TableName, readonly Expr[]> = new Map();

/** Tables of outer joins that are inner ones have more conditions. */
function filtersOf(statement: Query, scope: QueryScope, context: PlanContext): ReadonlyMap<TableName, readonly Expr[]> {
  const simple = simplifyOuterJoins(statement, scope);
  return gatherFilters(simple === statement ? scope : scopeOf(simple, { ...context, rows: new Map() }));
}

/** The keyspace of the sequences that the statement takes values of, for each; they have to be in one. */
function sequencesOf(statement: Query, context: PlanContext): readonly string[] {
  const homes: string[] = [];
  walk(statement, (node) => {
    const sequence = sequenceOf(node);
    if (sequence !== undefined) homes.push(resolveTable(sequence, context).keyspace.keyspace);
  });
  if (new Set(homes).size > 1) throw notSupported("sequences of several keyspaces");
  return homes;
}

/** Common table expressions, system tables and those made for this query are the scratch server's own. */
function isBase(node: TableName, ctes: ReadonlySet<TableName>): boolean {
  if (ctes.has(node)) return false;
  const lower = node.name.toLowerCase();
  if (node.schema !== undefined) return !SYSTEM_SCHEMAS.has(node.schema.toLowerCase());
  return lower !== "dual" && !lower.startsWith(CATALOG_PREFIX);
}

/** Names are resolved where they can be; without, every row is gathered. */
function scopeIfKnown(statement: Query, context: PlanContext): QueryScope | undefined {
  const rows = new Map<string, readonly SourceColumn[]>();
  walk(statement, (node) => {
    // Those have columns that are not known here: nothing may be concluded beside them.
    if (node.kind === "tableName" && node.name.startsWith(CATALOG_PREFIX)) rows.set(node.name, []);
  });
  if (rows.size > 0) return undefined;
  try {
    return scopeOf(statement, { ...context, rows });
  } catch (error) {
    if (error instanceof ShardgateError) return undefined;
    throw error;
  }
}

/** The names of a NATURAL JOIN's equal columns; undefined when they are not known. */
function naturalNames(join: Join, scope: QueryScope | undefined): readonly string[] | undefined {
  const block = scope === undefined ? undefined : blockOf(join, scope);
  if (block === undefined) return undefined;
  return joinedColumns(join, block)?.map(([{ lower }]) => lower);
}

function blockOf(join: Join, scope: QueryScope): Block | undefined {
  return blocksOf(scope).find(({ select }) => select.from.some((ref) => contains(ref, join)));
}

function contains(ref: TableRef, join: Join): boolean {
  if (ref === join) return true;
  if (ref.kind === "tableList") return ref.tables.some((table) => contains(table, join));
  return ref.kind === "join" && (contains(ref.left, join) || contains(ref.right, join));
}

/** The lock that each table's rows are read with: that of its own SELECT. */
function lockingsOf(statement: Query): ReadonlyMap<TableName, Locking> {
  const found = new Map<TableName, Locking>();
  const addSelect = ({ from }: Select, lockings: readonly Locking[]): void => {
    for (const table of from.flatMap(tableNamesIn)) {
      const alias = (table.alias ?? table.name).toLowerCase();
      const own = lockings.find(({ of }) => of.length === 0 || of.some((name) => name.toLowerCase() === alias));
      if (own !== undefined) found.set(table, { ...own, of: [] });
    }
  };
  const add = (query: Query, lockings: readonly Locking[]): void => {
    if (query.kind === "select") addSelect(query, lockings);
    else if (query.kind === "union") {
      for (const part of [query.first, ...query.rest.map((each) => each.query)]) {
        if (part.locking.length === 0) add(part, lockings);
      }
    }
  };
  walk(statement, (node) => {
    if ("locking" in node && node.locking.length > 0) add(node, node.locking);
  });
  return found;
}

function tableNamesIn(ref: TableRef): readonly TableName[] {
  if (ref.kind === "tableName") return [ref];
  if (ref.kind === "tableList") return ref.tables.flatMap(tableNamesIn);
  return ref.kind === "join" ? [...tableNamesIn(ref.left), ...tableNamesIn(ref.right)] : [];
}

/** What temporary tables are called: like no table or common table expression that the statement names. */
function freePrefix(statement: Query): string {
  const names: string[] = [];
  walk(statement, (node) => {
    if (node.kind === "tableName" || node.kind === "cte") names.push(node.name.toLowerCase());
  });
  for (let number = 0; ; number++) {
    const prefix = `shardgate_gather${number === 0 ? "" : number}_`;
    if (!names.some((name) => name.startsWith(prefix))) return prefix;
  }
}

/**
 * Tables of the same name in several keyspaces, told apart by those alone, are one name in one keyspace: such get an alias.
 * Throws 1235 for columns that do not say which one they mean.
 */
function distinctAliases(
  statement: Query,
  resolved: ReadonlyMap<TableName, ResolvedTable>,
): ReadonlyMap<TableName, string> {
  const unaliased = [...resolved].filter(([name]) => name.alias === undefined);
  const homes = new Map<string, Set<string>>();
  for (const [name, { keyspace }] of unaliased) {
    const known = homes.get(name.name) ?? new Set();
    homes.set(name.name, known.add(keyspace.keyspace));
  }
  const aliases = new Map<TableName, string>();
  for (const [name, { keyspace }] of unaliased) {
    if ((homes.get(name.name)?.size ?? 0) > 1) aliases.set(name, `${keyspace.keyspace}.${name.name}`);
  }
  if (aliases.size === 0) return aliases;
  walk(statement, (node) => {
    if (node.kind !== "column" && node.kind !== "star") return;
    if (node.table !== undefined && node.schema === undefined && (homes.get(node.table)?.size ?? 0) > 1) {
      throw notSupported(`${node.table} for a table of one of several keyspaces`, "write the keyspace, or an alias");
    }
  });
  return aliases;
}

function routed(
  name: TableName,
  resolved: ResolvedTable,
  alias: string,
  conjuncts: readonly Expr[],
): Pick<GatherSource, "routing" | "where"> {
  const table: FromTable = { alias: alias.toLowerCase(), schema: undefined, resolved, node: name };
  const routing = resolved.keyspace.sharded
    ? routeTables({
        tables: [table],
        conditions: conjuncts.map((expr) => ({ expr, scope: { kind: "filter" } as const })),
        outerJoins: [],
        listsOuterJoins: true,
      })
    : ({ kind: "unsharded" } as const);
  const [first, ...rest] = conjuncts;
  return { routing, where: rest.length === 0 ? first : { kind: "and", operands: conjuncts, pos: name.pos } };
}

function withAlias<E extends Expr>(expr: E, alias: string): E {
  const renamed = <C extends Expr>(node: C): C =>
    node.kind === "column" ? { ...node, schema: undefined, table: alias } : node;
  return renamed(rewrite(expr, { expr: renamed }));
}

/** The statement over the temporary tables. */
function mapped(
  statement: Query,
  sources: ReadonlyMap<TableName, GatherSource>,
  aliases: ReadonlyMap<TableName, string>,
  resolved: ReadonlyMap<TableName, ResolvedTable>,
): Query {
  const renamed = new Map(
    [...aliases].map(([name, alias]) => [keyOf(resolved.get(name)?.keyspace.keyspace, name.name), alias]),
  );
  const requalified = <Q extends Column | (SelectItem & { kind: "star" })>(node: Q): Q => {
    if (node.schema === undefined) return node;
    return { ...node, schema: undefined, table: renamed.get(keyOf(node.schema, node.table)) ?? node.table };
  };
  const query = (node: Query): Query => {
    const unlocked = node.locking.length > 0 ? { ...node, locking: [] } : node;
    if (
      unlocked.kind !== "select" ||
      !unlocked.items.some((item) => item.kind === "star" && item.schema !== undefined)
    ) {
      return unlocked;
    }
    return { ...unlocked, items: unlocked.items.map((item) => (item.kind === "star" ? requalified(item) : item)) };
  };
  const inside = rewrite(statement, {
    table(node) {
      const source = node.kind === "tableName" ? sources.get(node) : undefined;
      if (node.kind !== "tableName" || source === undefined) return node;
      return {
        ...node,
        schema: undefined,
        name: source.temporaryTable,
        alias: source.alias,
        partitions: [],
        indexHints: [],
        systemTime: undefined,
      };
    },
    expr: (node) => (node.kind === "column" ? requalified(node) : node),
    query,
  });
  return query(inside);
}

function keyOf(keyspace: string | undefined, table: string | undefined): string {
  return `${keyspace ?? ""}.${table ?? ""}`;
}

/** Names of all columns the statement mentions anywhere, lower case; "all" when it may use some without naming them. */
export function columnNamesOf(statement: Query): ReadonlySet<string> | "all" {
  const names = new Set<string>();
  let all = false;
  walk(statement, (node) => {
    if (node.kind === "column") names.add(node.name.toLowerCase());
    else if (node.kind === "star" || node.kind === "table") all = true;
    else if (node.kind === "join") {
      if (node.natural) all = true;
      for (const name of node.using) names.add(name.toLowerCase());
    }
  });
  return all ? "all" : names;
}
