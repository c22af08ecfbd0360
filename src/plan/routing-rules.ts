// Routing rules (Vitess: "Schema Routing Rules"): a table's name may lead to another table, so that tables move between
// keyspaces under their users. A pass before planning puts the tables meant into the tree, each with its old name as alias;
// what is planned and sent has no rule left in it. A rule is followed once: rules do not chain.
//
// The rule's name is that of the query completed by the selected keyspace; one without a keyspace is for queries that have
// neither. `t@replica` goes before `t` for sessions that read from replicas.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { RoutingRule, TabletType } from "../topo/records.ts";
import type { Node, ObjectName, Statement, TableName, TableRef } from "../sql/tree.ts";
import { mapChildren, rewrite, walk } from "../sql/walk.ts";
import { parseTableName } from "../vschema/parse-vschema.ts";

/** A table by keyspace and name. */
export interface TableTarget {
  readonly keyspace: string;
  readonly table: string;
}

/**
 * Where a rule leads; undefined without one. `keyspace` is the query's or the session's. Throws 1146 for a table that a
 * rule has switched off, VSCHEMA_BAD for a target that is no `keyspace.table`.
 */
export function ruleTarget(
  rules: readonly RoutingRule[],
  keyspace: string | undefined,
  table: string,
  tabletType: TabletType,
): TableTarget | undefined {
  if (rules.length === 0) return undefined;
  const name = keyspace === undefined ? table : `${keyspace}.${table}`;
  const typed = `${name}@${tabletType}`;
  const rule = rules.find(({ fromTable }) => fromTable === typed) ?? rules.find(({ fromTable }) => fromTable === name);
  if (rule === undefined) return undefined;
  const [to] = rule.toTables;
  if (to === undefined) {
    throw new ShardgateError("ER_NO_SUCH_TABLE", `Table '${name}' has been disabled by a routing rule`);
  }
  const target = parseTableName(to);
  if (target?.keyspace === undefined || rule.toTables.length > 1) {
    throw new ShardgateError("VSCHEMA_BAD", `the routing rule of ${name} leads to no single keyspace.table`);
  }
  return { keyspace: target.keyspace, table: target.table };
}

/** What stands in a statement for a table. */
export type NameOf = (name: { readonly schema: string | undefined; readonly name: string }) => TableTarget | undefined;

/**
 * The statement with each table that `targetOf` names another one for replaced by it; the same object when there is none.
 * `writeTargetOf` is asked for the table that is written. Throws 1235 for definitions of such tables.
 */
export function withTargets(statement: Statement, targetOf: NameOf, writeTargetOf: NameOf): Statement {
  const ctes = cteNames(statement);
  const target = (name: { readonly schema: string | undefined; readonly name: string }): TableTarget | undefined =>
    name.schema === undefined && ctes.has(name.name.toLowerCase()) ? undefined : targetOf(name);
  return renamed(statement, target, writeTargetOf);
}

function renamed(statement: Statement, targetOf: NameOf, writeTargetOf: NameOf): Statement {
  switch (statement.kind) {
    case "insert": {
      const inner = inQueries(statement, targetOf);
      const to = writeTargetOf(statement.table);
      if (to === undefined) return inner;
      const named = columnsRenamed({ ...inner, query: undefined }, statement, statement.table, to);
      return { ...named, query: inner.query, table: objectName(statement.table, to) };
    }
    case "update": {
      const [only] = statement.tables;
      const single = statement.tables.length === 1 && only?.kind === "tableName";
      const to = single ? writeTargetOf(only) : undefined;
      if (only?.kind !== "tableName" || to === undefined) return inQueries(statement, targetOf);
      return inQueries({ ...statement, tables: [aliased(only, to)] }, targetOf, only);
    }
    case "delete": {
      const [only] = statement.tables;
      if (statement.form === "single" && only?.kind === "tableName") {
        const to = writeTargetOf(only);
        if (to === undefined) return inQueries(statement, targetOf);
        // MariaDB has no alias here before 11.6.
        const tables = [{ ...only, schema: to.keyspace, name: to.table }];
        const inner = inQueries({ ...statement, tables }, targetOf, only);
        return only.alias === undefined ? columnsRenamed(inner, statement, only, to) : inner;
      }
      const inner = inQueries(statement, targetOf);
      const targets = statement.targets.map((name) =>
        targetOf(name) === undefined ? name : { ...name, schema: undefined },
      );
      return inner === statement ? statement : { ...inner, targets };
    }
    case "describe": {
      const to = targetOf(statement.table);
      return to === undefined ? statement : { ...statement, table: objectName(statement.table, to) };
    }
    case "explain":
    case "setFor": {
      const inner = renamed(statement.statement, targetOf, writeTargetOf);
      return inner === statement.statement ? statement : { ...statement, statement: inner };
    }
    case "ddl":
    case "load":
    case "lock":
    case "admin":
      for (const name of namesOf(statement)) {
        const to = targetOf(name);
        if (to === undefined) continue;
        const hint = `name the table it leads to, ${to.keyspace}.${to.table}`;
        throw notSupported(`${statement.kind.toUpperCase()} of table ${name.name}, which has a routing rule`, hint);
      }
      return statement;
    default:
      return inQueries(statement, targetOf);
  }
}

function namesOf(
  statement: Statement & { kind: "ddl" | "load" | "lock" | "admin" },
): readonly (ObjectName | TableName)[] {
  switch (statement.kind) {
    case "ddl":
      return statement.object === "database" ? [] : [...statement.names, ...statement.references];
    case "load":
      return [statement.table];
    case "lock":
      return statement.locks.map(({ table }) => table);
    case "admin":
      return statement.tables;
  }
}

/** Replaces table references, and takes the keyspace off columns that name one of them by it. `kept` stays as it is. */
function inQueries<N extends Statement>(statement: N, targetOf: NameOf, kept?: TableName): N {
  const replaced: TableName[] = [];
  const table = (ref: TableRef): TableRef => {
    if (ref.kind !== "tableName" || (kept !== undefined && ref.pos === kept.pos)) return ref;
    const to = targetOf(ref);
    if (to === undefined) return ref;
    replaced.push(ref);
    return aliased(ref, to);
  };
  const result = rewrite(statement, { table });
  if (kept !== undefined) replaced.push(kept);
  const hidden = new Set(
    replaced.flatMap(({ schema, name, alias }) =>
      schema === undefined || alias !== undefined ? [] : [`${schema}.${name}`],
    ),
  );
  return hidden.size === 0 ? result : withoutSchemas(result, hidden);
}

function withoutSchemas<N extends Node>(node: N, hidden: ReadonlySet<string>): N {
  const bare = (child: Node): Node => {
    const next = mapChildren(child, bare);
    if (next.kind !== "column" && next.kind !== "star") return next;
    const { schema, table } = next;
    return schema !== undefined && table !== undefined && hidden.has(`${schema}.${table}`)
      ? { ...next, schema: undefined }
      : next;
  };
  return mapChildren(node, bare);
}

/**
 * Columns that name the written table by its old name, where an alias cannot stand. Throws 1235 when a table of a query
 * inside has the old or the new name: it would take the columns for its own.
 */
function columnsRenamed<N extends Statement>(renamed: N, written: N, from: TableName | ObjectName, to: TableTarget): N {
  const old = from.name.toLowerCase();
  const clashing = new Set([old, to.table.toLowerCase()]);
  let found = false;
  let clash = false;
  walk(written, (node) => {
    if (node.kind === "column" && node.table?.toLowerCase() === old) found = true;
    const alias =
      node.kind === "tableName" ? (node.alias ?? node.name) : node.kind === "derived" ? node.alias : undefined;
    if (node !== from && node.pos !== from.pos && alias !== undefined && clashing.has(alias.toLowerCase()))
      clash = true;
  });
  if (!found) return renamed;
  if (clash) {
    throw notSupported(
      `${written.kind.toUpperCase()} of table ${from.name}, which has a routing rule, with another table of its name`,
      `name the table it leads to, ${to.keyspace}.${to.table}`,
    );
  }
  const bare = (child: Node): Node => {
    const next = mapChildren(child, bare);
    const isOld = (next.kind === "column" || next.kind === "star") && next.table?.toLowerCase() === old;
    return isOld ? { ...next, schema: undefined, table: to.table } : next;
  };
  return mapChildren(renamed, bare);
}

function aliased(ref: TableName, to: TableTarget): TableName {
  return { ...ref, schema: to.keyspace, name: to.table, alias: ref.alias ?? ref.name };
}

function objectName(name: ObjectName, to: TableTarget): ObjectName {
  return { ...name, schema: to.keyspace, name: to.table };
}

function cteNames(statement: Statement): ReadonlySet<string> {
  const names = new Set<string>();
  walk(statement, (node) => {
    if (node.kind === "cte") names.add(node.name.toLowerCase());
  });
  return names;
}
