// What an operator reads before applying a VSchema: what changes, and above all which rows would be looked for on other
// shards than they are stored on.

import { quoted } from "./field-reader.ts";
import { tableJson } from "./format-vschema.ts";
import {
  type ColumnVindex,
  type KeyspaceVSchema,
  showTableName,
  type TableVSchema,
  type VindexDefinition,
} from "./model.ts";

/**
 * Lines of text, without a change the empty text. `+` added, `-` removed, `~` changed, `!` danger: rows already stored
 * would not be found, or would be written where no one looks.
 */
export function diffVSchema(before: KeyspaceVSchema | undefined, after: KeyspaceVSchema): string {
  const old: KeyspaceVSchema = before ?? { ...after, sharded: false, vindexes: new Map(), tables: new Map() };
  const lines = [
    ...(before === undefined ? [`+ keyspace ${after.keyspace}: ${after.sharded ? "sharded" : "unsharded"}`] : []),
    ...(before === undefined ? [] : diffSettings(old, after)),
    ...diffVindexes(old, after),
    ...diffTables(old, after, before !== undefined),
  ];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function diffSettings(old: KeyspaceVSchema, now: KeyspaceVSchema): string[] {
  const lines: string[] = [];
  if (old.sharded !== now.sharded) {
    lines.push(
      `~ sharded: ${old.sharded} -> ${now.sharded}`,
      now.sharded
        ? "! rows stored so far are all on one shard; queries will look for them by their vindex"
        : "! queries will look on one shard only; rows on the others will not be found",
    );
  }
  push(lines, "require_explicit_routing", String(old.requireExplicitRouting), String(now.requireExplicitRouting));
  push(lines, "foreign_key_mode", old.foreignKeyMode, now.foreignKeyMode);
  push(lines, "multi_tenant_spec", showTenant(old), showTenant(now));
  return lines;
}

function diffVindexes(old: KeyspaceVSchema, now: KeyspaceVSchema): string[] {
  return diffMaps(old.vindexes, now.vindexes, (name, from, to) => {
    if (from === undefined) return [`+ vindex ${quoted(name)}: ${showDefinition(to)}`];
    if (to === undefined) return [`- vindex ${quoted(name)}`];
    const shown = [showDefinition(from), showDefinition(to)];
    return shown[0] === shown[1] ? [] : [`~ vindex ${quoted(name)}: ${shown[0]} -> ${shown[1]}`];
  });
}

function diffTables(old: KeyspaceVSchema, now: KeyspaceVSchema, stored: boolean): string[] {
  return diffMaps(old.tables, now.tables, (name, from, to) => {
    if (from === undefined) return [`+ table ${quoted(name)}: ${showPlacement(now, to)}`];
    if (to === undefined) {
      return [
        `- table ${quoted(name)}`,
        ...(now.sharded ? [`! queries on ${quoted(name)} will fail: a sharded keyspace knows only listed tables`] : []),
      ];
    }
    const lines = diffTable(name, old, from, now, to, stored);
    if (lines.length > 0 || JSON.stringify(tableJson(from)) === JSON.stringify(tableJson(to))) return lines;
    return [`~ table ${quoted(name)}: settings that do not change routing`];
  });
}

function diffTable(
  name: string,
  old: KeyspaceVSchema,
  from: TableVSchema,
  now: KeyspaceVSchema,
  to: TableVSchema,
  stored: boolean,
): string[] {
  const lines: string[] = [];
  const placed = [showPlacement(old, from), showPlacement(now, to)];
  if (placed[0] !== placed[1]) {
    lines.push(`~ table ${quoted(name)}: ${placed[0]} -> ${placed[1]}`);
  }
  if (stored && old.sharded && now.sharded && placementOf(old, from) !== placementOf(now, to)) {
    lines.push(`! rows of ${quoted(name)} already stored stay where they are and will not be found: move them first`);
  }
  const secondary = [
    from.columnVindexes.slice(1).map(showColumnVindex),
    to.columnVindexes.slice(1).map(showColumnVindex),
  ];
  push(lines, `table ${quoted(name)}: further vindexes`, list(secondary[0]), list(secondary[1]));
  push(lines, `table ${quoted(name)}: auto_increment`, showAutoIncrement(from), showAutoIncrement(to));
  push(lines, `table ${quoted(name)}: source`, showSource(from), showSource(to));
  push(
    lines,
    `table ${quoted(name)}: column_list_authoritative`,
    String(from.columnListAuthoritative),
    String(to.columnListAuthoritative),
  );
  push(lines, `table ${quoted(name)}: auto_vschema`, String(from.isEntered), String(to.isEntered));
  lines.push(...diffColumns(name, from, to));
  return lines;
}

/** Where rows live, in the terms that decide it: two tables with the same text keep their rows in the same places. */
function placementOf(vschema: KeyspaceVSchema, table: TableVSchema): string {
  if (table.type === "reference") return "every shard";
  if (table.pinned !== undefined) return `pinned ${table.pinned.toString("hex")}`;
  const [primary] = table.columnVindexes;
  if (primary === undefined) return "nowhere";
  const definition = vschema.vindexes.get(primary.name);
  return `${definition === undefined ? primary.name : functionOf(definition)}(${primary.columnsLower.join(",")})`;
}

/** A vindex without its name and owner, which do not move rows. */
function functionOf(definition: VindexDefinition): string {
  const params = [...definition.params].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return params.length === 0 ? definition.type : `${definition.type} ${JSON.stringify(params)}`;
}

function showPlacement(vschema: KeyspaceVSchema, table: TableVSchema | undefined): string {
  if (table === undefined) return "";
  if (table.type !== "table" && table.pinned === undefined) return `${table.type} table`;
  if (table.pinned !== undefined) return `pinned to keyspace id ${table.pinned.toString("hex")}`;
  const [primary] = table.columnVindexes;
  if (!vschema.sharded || primary === undefined) return "unsharded";
  const definition = vschema.vindexes.get(primary.name);
  const type = definition === undefined || definition.type === primary.name ? "" : `, ${functionOf(definition)}`;
  return `placed by ${showColumnVindex(primary)}${type}`;
}

function showColumnVindex(columnVindex: ColumnVindex): string {
  return `${columnVindex.name}(${columnVindex.columns.join(", ")})`;
}

function showDefinition(definition: VindexDefinition | undefined): string {
  if (definition === undefined) return "";
  return `${functionOf(definition)}${definition.owner === "" ? "" : ` owned by ${definition.owner}`}`;
}

function showAutoIncrement(table: TableVSchema): string {
  const { autoIncrement } = table;
  if (autoIncrement === undefined) return "none";
  const { column, sequence } = autoIncrement;
  return `${column} from ${sequence === undefined ? "snowflake" : showTableName(sequence)}`;
}

function showSource(table: TableVSchema): string {
  return table.source === undefined ? "none" : showTableName(table.source);
}

function showTenant(vschema: KeyspaceVSchema): string {
  const spec = vschema.multiTenantSpec;
  return spec === undefined ? "none" : `${spec.tenantIdColumnName} ${spec.tenantIdColumnType}`;
}

function diffColumns(table: string, from: TableVSchema, to: TableVSchema): string[] {
  const columns = (of: TableVSchema) => new Map(of.columns.map((column) => [column.name, JSON.stringify(column)]));
  const lines = diffMaps(columns(from), columns(to), (name, was, is) => {
    if (was === is) return [];
    const sign = was === undefined ? "+" : is === undefined ? "-" : "~";
    return [`${sign} table ${quoted(table)}: column ${quoted(name)}`];
  });
  const order = (of: TableVSchema) => of.columns.map((column) => column.name).join();
  if (lines.length === 0 && order(from) !== order(to)) lines.push(`~ table ${quoted(table)}: order of columns`);
  return lines;
}

function list(items: readonly string[] | undefined): string {
  return items === undefined || items.length === 0 ? "none" : items.join(", ");
}

function push(lines: string[], what: string, from: string, to: string): void {
  if (from === to) return;
  lines.push(`~ ${what}: ${from} -> ${to}`);
}

/** Calls `compare` for every name of either map, in order of the new one, removed names last. */
function diffMaps<T>(
  from: ReadonlyMap<string, T>,
  to: ReadonlyMap<string, T>,
  compare: (name: string, from: T | undefined, to: T | undefined) => string[],
): string[] {
  const removed = [...from.keys()].filter((name) => !to.has(name));
  return [...to.keys(), ...removed].flatMap((name) => compare(name, from.get(name), to.get(name)));
}
