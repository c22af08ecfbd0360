// Queries of information_schema, mysql, performance_schema and sys. A server's catalogs describe the keyspaces it has a
// shard of, so a query that is about one keyspace goes to one of its shards as it is; one about several is answered from
// temporary tables, which are filled with each keyspace's rows from one of its shards (`CatalogPlan`). What is about the
// software or about one server is asked of one.

import { notSupported } from "../base/errors.ts";
import { cteReferences } from "../sql/tables.ts";
import type { Ddl, Expr, Node, ObjectName, Query, Statement, TableName, TableRef } from "../sql/tree.ts";
import { isQuery, rewrite, walk } from "../sql/walk.ts";
import { keyspaceOfLocks, queryEffect, usesLocks } from "./effects.ts";
import { CATALOG_PREFIX, columnNamesOf, planGather } from "./gather.ts";
import type { CatalogSource, Plan, SendPlan } from "./plan.ts";
import { type SchemaFilter, schemaFiltersOf, type SystemTables } from "./schema-filter.ts";
import { keyspaceForAny, send } from "./send.ts";
import { sessionFunctionOf } from "./session-functions.ts";
import { isSystemSchema, type SystemTable, systemTableOf } from "./system-tables.ts";
import { type PlanContext, tablesOf } from "./tables.ts";
import { definesSystemTemporary } from "./temporary.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";

/** Undefined for a query that names no table of a system schema, or only some that the server of its tables has as well. */
export function planCatalog(query: Query, context: PlanContext): Plan | undefined {
  if (!mayNameSystemTables(query, context)) return undefined;
  const { system, others } = namedTables(query, context);
  if (system.size === 0) return undefined;
  const readsServerOnly = [...system.values()].every(({ kind }) => kind === "server");
  if (others && readsServerOnly && isOfOneServer(query, context)) return undefined;
  const own = [...system.keys()].some((ref) => isTemporary(ref, context)) ? ownHome(context) : undefined;
  const effect = { ...queryEffect(query), touchesTables: others || own !== undefined };
  const home = own ?? (usesLocks(query) ? keyspaceOfLocks(context) : keyspaceForAny(undefined, context));
  const qualified = withSchemas(query, system, context);
  const plain = send(query, home.keyspace, { kind: "any" }, undefined, effect);
  const alone: SendPlan = qualified === query ? plain : { ...plain, substitute: qualified };
  if (!others && readsServerOnly) return alone;
  if (effect.reserves !== undefined) throw notSupported(`${effect.reserves} in a query of information_schema`);
  const filters = schemaFiltersOf(query, system);
  const { sources, statement } = mapped(query, system, filters, context);
  const reason = "information_schema of several keyspaces";
  const gather = others ? planGather(statement, context, reason) : undefined;
  const isBound = [...system].every(([ref, { kind }]) => kind === "server" || (kind === "catalog" && filters.has(ref)));
  return {
    kind: "catalog",
    keyspace: home.keyspace,
    query: qualified,
    sources,
    statement: gather?.statement ?? statement,
    gather,
    send: others ? undefined : alone,
    filter: gather === undefined && isBound && filters.size > 0 ? [...filters.values()].flat() : undefined,
    effect,
  };
}

/**
 * Throws 1235 for statements other than queries that would read one server's part of information_schema as if it were all,
 * and for definitions in system schemas.
 */
export function refuseCatalogs(statement: Statement, context: PlanContext): void {
  if (statement.kind === "ddl") refuseDefinition(statement, context);
  refuseChange(statement, context);
  // The values of SET are queries of their own.
  if (isQuery(statement) || statement.kind === "set" || statement.kind === "explain") return;
  // What SET STATEMENT is for is planned as it would be alone.
  if (statement.kind === "setFor") {
    refuseCatalogs(statement.statement, context);
    return;
  }
  // INSERT … SELECT has its query run as one.
  const own =
    statement.kind === "insert" && statement.query !== undefined ? { ...statement, query: undefined } : statement;
  const named = catalogOf(own, context);
  if (named === undefined) return;
  const hint = statement.kind === "ddl" ? "make the table, then INSERT … SELECT into it" : "read it first";
  throw notSupported(`${named} in a statement that is no query`, hint);
}

/** The first table named in it of which each keyspace's servers have their own rows. */
export function catalogOf(node: Node, context: PlanContext): string | undefined {
  if (context.vschema.keyspaces.size <= 1) return undefined;
  let found: string | undefined;
  walk(node, (each) => {
    if (found !== undefined || each.kind !== "tableName") return found === undefined;
    const schema = each.schema ?? context.keyspace ?? "";
    if (isSystemSchema(schema) && systemTableOf(schema, each.name).kind !== "server") found = `${schema}.${each.name}`;
    return true;
  });
  return found;
}

/** A table that the session has made in a system schema, beside the server's. */
function isTemporary({ schema, name }: ObjectName | TableName, { keyspace, temporaries }: PlanContext): boolean {
  return temporaries?.systemHome !== undefined && temporaries.has(schema ?? keyspace ?? "", name);
}

function ownHome({ temporaries, vschema }: PlanContext): KeyspaceVSchema | undefined {
  return vschema.keyspaces.get(temporaries?.systemHome ?? "");
}

function refuseChange(statement: Statement, context: PlanContext): void {
  const { keyspace } = context;
  const changed = changedTables(statement);
  const isSystem = (table: ObjectName | TableName): boolean =>
    isSystemSchema((table.schema ?? keyspace ?? "").toLowerCase()) && !isTemporary(table, context);
  // Others may only be read.
  if (statement.kind === "update" && !changed.every(isSystem)) return;
  for (const { schema = keyspace ?? "", name } of changed.filter(isSystem)) {
    const isAccounts = schema.toLowerCase() === "mysql" && ACCOUNTS.has(name.toLowerCase());
    const hint = isAccounts ? "accounts and rights are kept in the gateways' users file" : "it is each server's own";
    throw notSupported(`${statement.kind.toUpperCase()} of ${schema}.${name}`, hint);
  }
}

const ACCOUNTS: ReadonlySet<string> = new Set(
  "user db global_priv tables_priv columns_priv procs_priv proxies_priv roles_mapping".split(" "),
);

/** The tables that are changed; of an UPDATE of several those that may be. */
function changedTables(statement: Statement): readonly (ObjectName | TableName)[] {
  if (statement.kind === "insert") return [statement.table];
  if (statement.kind !== "update" && statement.kind !== "delete") return [];
  const targets = statement.kind === "delete" && statement.form !== "single" ? statement.targets : undefined;
  const wanted = targets === undefined ? undefined : new Set(targets.map(({ name }) => name.toLowerCase()));
  const changed: TableName[] = [];
  for (const ref of statement.tables) {
    walk(ref, (node) => {
      if (node.kind === "tableName" && wanted?.has((node.alias ?? node.name).toLowerCase()) !== false)
        changed.push(node);
      return !isQuery(node);
    });
  }
  return changed;
}

/** Every server's system tables (its accounts among them) are its own, and the tablets' users may change them all. */
function refuseDefinition(statement: Ddl, context: PlanContext): void {
  const { verb, object, names, references } = statement;
  const { keyspace } = context;
  if (object === "database" || definesSystemTemporary(statement, context)) return;
  const changed = object === "index" || object === "trigger" ? [...names, ...references] : names;
  for (const { schema = keyspace } of changed) {
    if (schema === undefined || !isSystemSchema(schema.toLowerCase())) continue;
    throw notSupported(`${verb} ${object}`.toUpperCase() + ` in schema ${schema}`, "it is each server's own");
  }
}

function isOfOneServer(query: Query, context: PlanContext): boolean {
  const keyspaces = new Set(tablesOf(query, context).tables.map(({ keyspace }) => keyspace));
  const [only] = keyspaces;
  return keyspaces.size === 1 && only?.sharded === false;
}

/** Quick, as it is asked of every query. */
function mayNameSystemTables(query: Query, context: PlanContext): boolean {
  if (context.keyspace !== undefined && isSystemSchema(context.keyspace)) return true;
  let names = false;
  walk(query, (node) => {
    names ||= node.kind === "tableName" && node.schema !== undefined && isSystemSchema(node.schema);
    return !names;
  });
  return names;
}

interface NamedTables {
  readonly system: SystemTables;
  /** Tables of keyspaces are named as well. */
  readonly others: boolean;
}

function namedTables(query: Query, context: PlanContext): NamedTables {
  const ctes = cteReferences(query);
  const system = new Map<TableName, SystemTable>();
  let others = false;
  walk(query, (node) => {
    if (node.kind !== "tableName" || ctes.has(node)) return;
    if (node.schema === undefined && node.name.toLowerCase() === "dual") return;
    const schema = node.schema ?? context.keyspace;
    if (schema !== undefined && isSystemSchema(schema)) system.set(node, systemTableOf(schema, node.name));
    else others = true;
  });
  return { system, others };
}

/** The same query, if no table of a system schema stands there without it: a shard's connection has selected another. */
function withSchemas(query: Query, system: SystemTables, context: PlanContext): Query {
  return rewriteTables(query, (node) =>
    node.kind === "tableName" && node.schema === undefined && system.has(node)
      ? { ...node, schema: context.keyspace }
      : node,
  );
}

/** `rewrite` gives new nodes where children change; table names have none that do. */
function rewriteTables(query: Query, change: (ref: TableRef) => TableRef): Query {
  return rewrite(query, { table: change });
}

/** The query over temporary tables, and what those have to hold. */
function mapped(
  query: Query,
  system: SystemTables,
  filters: ReadonlyMap<TableName, SchemaFilter>,
  context: PlanContext,
): { readonly sources: readonly CatalogSource[]; readonly statement: Query } {
  const columns = columnNamesOf(query);
  const conditions = conditionsOf(query, system);
  const sources: CatalogSource[] = [];
  // Names of system tables are the same in any case, names of temporary tables are not.
  const spelled = new Map<string, string>();
  const statement = rewrite(query, {
    table(node) {
      const table = node.kind === "tableName" ? system.get(node) : undefined;
      if (node.kind !== "tableName" || table === undefined) return node;
      const schema = (node.schema ?? context.keyspace ?? "").toLowerCase();
      if (table.kind === "server") return { ...node, schema };
      const temporaryTable = `${CATALOG_PREFIX}${sources.length + 1}`;
      const lower = node.name.toLowerCase();
      const alias = node.alias ?? spelled.get(lower) ?? node.name;
      if (node.alias === undefined) spelled.set(lower, alias);
      const rest = { schema, table: node.name, alias, temporaryTable, columns };
      sources.push(
        table.kind === "gateway"
          ? { kind: "gateway", rows: table.rows, ...rest }
          : {
              kind: "catalog",
              schemaColumn: table.schemaColumns[0] ?? "",
              ownSchemas: table.ownSchemas,
              filter: filters.get(node),
              where: conditions.get(node) ?? [],
              summed: hasAny(table.summed, columns),
              ...rest,
            },
      );
      return { ...node, schema: undefined, name: temporaryTable, alias, indexHints: [] };
    },
    query: (node) => (node.locking.length > 0 ? { ...node, locking: [] } : node),
  });
  const respelled = rewrite(statement, {
    expr: (node) => (node.kind === "column" ? { ...node, ...qualifierOf(node, spelled) } : node),
    query: (node) =>
      node.kind === "select"
        ? {
            ...node,
            items: node.items.map((item) => (item.kind === "star" ? { ...item, ...qualifierOf(item, spelled) } : item)),
          }
        : node,
  });
  return { sources, statement: topItems({ ...respelled, locking: [] }, spelled) };
}

interface Qualifier {
  readonly schema: string | undefined;
  readonly table: string | undefined;
}

function qualifierOf({ schema, table }: Qualifier, spelled: ReadonlyMap<string, string>): Qualifier {
  const isOfSystem = schema === undefined || isSystemSchema(schema);
  return {
    schema: isOfSystem ? undefined : schema,
    table: isOfSystem && table !== undefined ? (spelled.get(table.toLowerCase()) ?? table) : table,
  };
}

/** `rewrite` changes what is below the statement; its own `t.*` are left. */
function topItems(query: Query, spelled: ReadonlyMap<string, string>): Query {
  if (query.kind !== "select") return query;
  return {
    ...query,
    items: query.items.map((item) => (item.kind === "star" ? { ...item, ...qualifierOf(item, spelled) } : item)),
  };
}

function hasAny(names: ReadonlySet<string>, columns: ReadonlySet<string> | "all"): boolean {
  if (columns === "all") return names.size > 0;
  for (const name of names) if (columns.has(name)) return true;
  return false;
}

/**
 * Conjuncts of WHERE that a table's rows may be chosen by before the statement sees them: on tables that no outer join can
 * fill with NULLs, on its columns alone, of plain comparisons. The statement still has them all.
 */
function conditionsOf(query: Query, system: SystemTables): ReadonlyMap<TableName, readonly Expr[]> {
  const conditions = new Map<TableName, Expr[]>();
  walk(query, (node) => {
    if (node.kind !== "select" || node.where === undefined) return;
    const preserved = node.from.flatMap(preservedTables);
    const isAlone = node === query && node.from.length === 1 && node.from[0] === preserved[0];
    for (const conjunct of node.where.kind === "and" ? node.where.operands : [node.where]) {
      const ref = onlyTableOf(conjunct, preserved, isAlone);
      const table = ref === undefined ? undefined : system.get(ref);
      if (ref === undefined || table?.kind !== "catalog" || mentions(conjunct, table.summed)) continue;
      const known = conditions.get(ref);
      if (known === undefined) conditions.set(ref, [conjunct]);
      else known.push(conjunct);
    }
  });
  return conditions;
}

function preservedTables(ref: TableRef): readonly TableRef[] {
  switch (ref.kind) {
    case "tableName":
    case "derived":
    case "jsonTable":
      return [ref];
    case "tableList":
      return ref.tables.flatMap(preservedTables);
    case "join":
      return [
        ...(ref.type === "right" ? [] : preservedTables(ref.left)),
        ...(ref.type === "left" ? [] : preservedTables(ref.right)),
      ];
  }
}

function onlyTableOf(expr: Expr, refs: readonly TableRef[], isAlone: boolean): TableName | undefined {
  let found: TableRef | undefined;
  let isPlain = true;
  walk(expr, (node) => {
    if (node.kind === "column") {
      const alias = node.table?.toLowerCase();
      const named = alias === undefined ? (isAlone ? refs : []) : refs.filter((ref) => aliasOf(ref) === alias);
      const [ref] = named;
      if (named.length !== 1 || (found !== undefined && found !== ref)) isPlain = false;
      found = ref;
    } else if (!PLAIN.has(node.kind) && sessionFunctionOf(node) === undefined) isPlain = false;
    return isPlain;
  });
  return isPlain && found?.kind === "tableName" ? found : undefined;
}

function aliasOf(ref: TableRef): string | undefined {
  if (ref.kind === "tableName") return (ref.alias ?? ref.name).toLowerCase();
  return ref.kind === "derived" || ref.kind === "jsonTable" ? ref.alias?.toLowerCase() : undefined;
}

function mentions(expr: Expr, columns: ReadonlySet<string>): boolean {
  let found = false;
  walk(expr, (node) => {
    found ||= node.kind === "column" && columns.has(node.name.toLowerCase());
    return !found;
  });
  return found;
}

/** Nodes whose value depends on the row alone. */
const PLAIN: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "literal",
  "bind",
  "unary",
  "binary",
  "and",
  "or",
  "is",
  "in",
  "between",
  "like",
  "row",
  "collate",
]);
