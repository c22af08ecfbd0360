// What the tables of information_schema and mysql are about: rows that belong to a keyspace (a "catalog": a server has
// those of the keyspaces it holds), rows that the gateway has itself, or the one server they are read on. MySQL's manual
// ("INFORMATION_SCHEMA Tables") and MariaDB's, which has some more.

import { SYSTEM_SCHEMAS } from "./tables.ts";

/** Rows the gateway makes: of its connections, of its users, and of variables, some of which are the session's or its own. */
export type GatewayRows =
  | "processlist"
  | "user_privileges"
  | "schema_privileges"
  | "table_privileges"
  | "column_privileges"
  | "session_variables"
  | "global_variables"
  | "system_variables";

export type SystemTable =
  | {
      readonly kind: "catalog";
      /** Lower-case columns that name a row's keyspace; each alone decides. */
      readonly schemaColumns: readonly string[];
      /** Schemas that every server has for itself and whose rows count once. */
      readonly ownSchemas: readonly string[];
      /** Lower-case columns whose value is the sum (or mean, maximum, minimum) of the shards' values. */
      readonly summed: ReadonlySet<string>;
    }
  | { readonly kind: "gateway"; readonly rows: GatewayRows }
  /** `open`: anybody may read it. */
  | { readonly kind: "server"; readonly open: boolean };

/** Names in any case. */
export function systemTableOf(schema: string, table: string): SystemTable {
  const [inSchema, lower] = [schema.toLowerCase(), table.toLowerCase()];
  if (inSchema === "mysql") return MYSQL_CATALOGS.get(lower) ?? CLOSED;
  if (inSchema !== "information_schema") return CLOSED;
  const catalog = CATALOGS.get(lower);
  if (catalog !== undefined) return catalog;
  const rows = GATEWAY_ROWS.find((name) => name === lower);
  if (rows !== undefined) return { kind: "gateway", rows };
  return OPEN_TABLES.has(lower) ? OPEN : CLOSED;
}

const OPEN: SystemTable = { kind: "server", open: true };
const CLOSED: SystemTable = { kind: "server", open: false };

const GATEWAY_ROWS: readonly GatewayRows[] = [
  "processlist",
  "user_privileges",
  "schema_privileges",
  "table_privileges",
  "column_privileges",
  "session_variables",
  "global_variables",
  "system_variables",
];

const ALL_OWN: readonly string[] = [...SYSTEM_SCHEMAS];
const NONE: ReadonlySet<string> = new Set();

/** What TABLES estimates of a table's rows and bytes, of all its shards together. */
const SUMMED: ReadonlySet<string> = new Set([
  "table_rows",
  "avg_row_length",
  "data_length",
  "max_data_length",
  "index_length",
  "data_free",
  "auto_increment",
  "create_time",
  "update_time",
  "check_time",
]);

function catalog(...schemaColumns: readonly string[]): SystemTable {
  return { kind: "catalog", schemaColumns, ownSchemas: ALL_OWN, summed: NONE };
}

const CATALOGS: ReadonlyMap<string, SystemTable> = new Map([
  ["check_constraints", catalog("constraint_schema")],
  ["column_statistics", catalog("schema_name")],
  ["columns", catalog("table_schema")],
  ["columns_extensions", catalog("table_schema")],
  ["events", catalog("event_schema")],
  ["geometry_columns", catalog("g_table_schema")],
  ["index_statistics", catalog("table_schema")],
  ["key_column_usage", catalog("table_schema", "constraint_schema")],
  ["parameters", catalog("specific_schema")],
  ["partitions", catalog("table_schema")],
  ["referential_constraints", catalog("constraint_schema")],
  ["routines", catalog("routine_schema")],
  ["schemata", catalog("schema_name")],
  ["schemata_extensions", catalog("schema_name")],
  ["st_geometry_columns", catalog("table_schema")],
  ["statistics", catalog("table_schema", "index_schema")],
  ["table_constraints", catalog("table_schema", "constraint_schema")],
  ["table_constraints_extensions", catalog("constraint_schema")],
  ["table_statistics", catalog("table_schema")],
  ["tables", { kind: "catalog", schemaColumns: ["table_schema"], ownSchemas: ALL_OWN, summed: SUMMED }],
  ["tables_extensions", catalog("table_schema")],
  ["triggers", catalog("trigger_schema", "event_object_schema")],
  ["view_routine_usage", catalog("table_schema")],
  ["view_table_usage", catalog("view_schema")],
  ["views", catalog("table_schema")],
]);

const MYSQL_CATALOGS: ReadonlyMap<string, SystemTable> = new Map([
  ["column_stats", catalog("db_name")],
  ["event", catalog("db")],
  ["index_stats", catalog("db_name")],
  ["innodb_index_stats", catalog("database_name")],
  ["innodb_table_stats", catalog("database_name")],
  ["proc", catalog("db")],
  ["table_stats", catalog("db_name")],
]);

/** The same on every server of one software, or of the connection that reads them. */
const OPEN_TABLES: ReadonlySet<string> = new Set([
  "all_plugins",
  "applicable_roles",
  "administrable_role_authorizations",
  "character_sets",
  "collation_character_set_applicability",
  "collations",
  "enabled_roles",
  "engines",
  "files",
  "global_status",
  "keywords",
  "plugins",
  "profiling",
  "resource_groups",
  "role_column_grants",
  "role_routine_grants",
  "role_table_grants",
  "session_status",
  "spatial_ref_sys",
  "sql_functions",
  "st_spatial_reference_systems",
  "st_units_of_measure",
  "tablespaces",
  "user_attributes",
  "user_variables",
]);

/** information_schema goes by any case, the others are databases like all. */
export function isSystemSchema(name: string): boolean {
  return SYSTEM_SCHEMAS.has(name) || name.toLowerCase() === "information_schema";
}
