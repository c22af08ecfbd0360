// Faults that only show when all keyspaces are seen together: sequences, reference sources and routing rules that lead
// nowhere. Meant for `Validate` and, as warnings, for `ApplyVSchema`: the keyspaces of a cluster are applied one by one,
// so a name that leads nowhere yet is no reason to refuse.

import type { RoutingRule } from "../topo/records.ts";
import { didYouMean } from "./did-you-mean.ts";
import { memberPath, quoted } from "./field-reader.ts";
import { type KeyspaceVSchema, showTableName, type TableName, type TableVSchema, type VSchemaFault } from "./model.ts";
import { parseTableName } from "./parse-vschema.ts";

export interface ClusterToCheck {
  readonly keyspaces: ReadonlyMap<string, KeyspaceVSchema>;
  readonly routingRules: readonly RoutingRule[];
}

export type TableSearch =
  | { readonly kind: "found"; readonly table: TableVSchema; readonly vschema: KeyspaceVSchema }
  | { readonly kind: "ambiguous"; readonly keyspaces: readonly string[] }
  /** No VSchema lists it. `possible`: an unsharded keyspace, which need not list its tables, may hold it. */
  | { readonly kind: "unlisted"; readonly possible: boolean };

const TABLET_TYPES: ReadonlySet<string> = new Set(["primary", "replica", "rdonly"]);

export function checkVSchemas(cluster: ClusterToCheck): readonly VSchemaFault[] {
  const faults: VSchemaFault[] = [];
  for (const vschema of cluster.keyspaces.values()) {
    for (const table of vschema.tables.values()) {
      const path = memberPath(`${memberPath("", vschema.keyspace)}.tables`, table.name);
      faults.push(...checkSequence(cluster, table, `${path}.auto_increment.sequence`));
      faults.push(...checkSource(cluster, table, `${path}.source`));
    }
  }
  return [...faults, ...checkRoutingRules(cluster)];
}

/** A table by the name a VSchema gives it; unqualified names are looked for in the keyspaces that allow it. */
export function findTable(keyspaces: ReadonlyMap<string, KeyspaceVSchema>, name: TableName): TableSearch {
  const candidates =
    name.keyspace === undefined
      ? [...keyspaces.values()].filter((vschema) => !vschema.requireExplicitRouting)
      : [keyspaces.get(name.keyspace)].filter((vschema) => vschema !== undefined);
  const found = candidates.flatMap((vschema) => {
    const table = vschema.tables.get(name.table);
    return table === undefined ? [] : [{ kind: "found" as const, table, vschema }];
  });
  const [only] = found;
  if (only === undefined) return { kind: "unlisted", possible: candidates.some((vschema) => !vschema.sharded) };
  if (found.length === 1) return only;
  return { kind: "ambiguous", keyspaces: found.map(({ vschema }) => vschema.keyspace) };
}

function checkSequence(cluster: ClusterToCheck, table: TableVSchema, path: string): readonly VSchemaFault[] {
  if (table.autoIncrement === undefined) return [];
  const name = table.autoIncrement.sequence;
  if (name === undefined) return [];
  const search = findTable(cluster.keyspaces, name);
  if (search.kind === "ambiguous") return [{ path, message: ambiguous(name, search.keyspaces) }];
  if (search.kind === "unlisted") return [{ path, message: unlisted(cluster, name, "sequence table") }];
  if (search.table.type !== "sequence") {
    return [{ path, message: `table ${quoted(showTableName(name))} is not of type "sequence"` }];
  }
  return [];
}

function checkSource(cluster: ClusterToCheck, table: TableVSchema, path: string): readonly VSchemaFault[] {
  if (table.source === undefined) return [];
  const name = table.source;
  // An unqualified source is the table of that name in another keyspace.
  const others = new Map([...cluster.keyspaces].filter(([keyspace]) => keyspace !== table.keyspace));
  const search = findTable(others, name);
  if (search.kind === "ambiguous") return [{ path, message: ambiguous(name, search.keyspaces) }];
  if (search.kind === "unlisted") {
    return search.possible ? [] : [{ path, message: unlisted(cluster, name, "source table") }];
  }
  const { table: source, vschema } = search;
  const shown = quoted(showTableName(name));
  if (source.type === "sequence") return [{ path, message: `source ${shown} is a sequence table` }];
  if (source.source !== undefined) return [{ path, message: `source ${shown} has itself a source` }];
  if (vschema.sharded && source.type !== "reference") {
    return [{ path, message: `source ${shown} is in a sharded keyspace, so no shard has all of its rows` }];
  }
  return [];
}

function checkRoutingRules(cluster: ClusterToCheck): readonly VSchemaFault[] {
  const faults: VSchemaFault[] = [];
  const seen = new Set<string>();
  cluster.routingRules.forEach((rule, i) => {
    const path = `routing_rules.rules[${i}]`;
    if (seen.has(rule.fromTable)) {
      faults.push({ path: `${path}.from_table`, message: `a rule for ${quoted(rule.fromTable)} is given before` });
    }
    seen.add(rule.fromTable);
    const [table = "", tabletType, ...rest] = rule.fromTable.split("@");
    if (parseTableName(table) === undefined || rest.length > 0) {
      faults.push({ path: `${path}.from_table`, message: `${quoted(rule.fromTable)} is not a table` });
    } else if (tabletType !== undefined && !TABLET_TYPES.has(tabletType)) {
      const hint = didYouMean(tabletType, TABLET_TYPES);
      faults.push({ path: `${path}.from_table`, message: `tablet type ${quoted(tabletType)} is not known${hint}` });
    }
    if (rule.toTables.length > 1) faults.push({ path: `${path}.to_tables`, message: "more than one target" });
    rule.toTables.forEach((target, k) => {
      const message = targetFault(cluster, target);
      if (message !== undefined) faults.push({ path: `${path}.to_tables[${k}]`, message });
    });
  });
  return faults;
}

function targetFault(cluster: ClusterToCheck, target: string): string | undefined {
  const name = parseTableName(target);
  if (name?.keyspace === undefined) return `${quoted(target)} must be keyspace.table`;
  const search = findTable(cluster.keyspaces, name);
  if (search.kind !== "unlisted" || search.possible) return undefined;
  return unlisted(cluster, name, "table");
}

function ambiguous(name: TableName, keyspaces: readonly string[]): string {
  return `table ${quoted(showTableName(name))} is in ${keyspaces.join(" and ")}; write keyspace.table`;
}

function unlisted(cluster: ClusterToCheck, name: TableName, what: string): string {
  if (name.keyspace !== undefined && !cluster.keyspaces.has(name.keyspace)) {
    return `keyspace ${quoted(name.keyspace)} is not defined${didYouMean(name.keyspace, cluster.keyspaces.keys())}`;
  }
  const searched =
    name.keyspace === undefined ? [...cluster.keyspaces.values()] : [cluster.keyspaces.get(name.keyspace)];
  const tables = searched.flatMap((vschema) => [...(vschema?.tables.keys() ?? [])]);
  return `${what} ${quoted(showTableName(name))} is not defined${didYouMean(name.table, tables)}`;
}
