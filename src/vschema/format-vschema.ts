// The model back to Vitess's JSON: the proto's names in the proto's order, defaults left out, so that two VSchemas that
// mean the same print the same and a reviewer's diff shows only what changed.

import {
  type ColumnVindex,
  type ColumnVSchema,
  type KeyspaceVSchema,
  showTableName,
  type TableVSchema,
  type VindexDefinition,
} from "./model.ts";

/** Two spaces of indent and a line end, ready for a file. `parseVSchemaText` of it gives the same model. */
export function formatVSchema(vschema: KeyspaceVSchema): string {
  return `${JSON.stringify(vschemaJson(vschema), null, 2)}\n`;
}

/** The plain JSON value of a VSchema. */
export function vschemaJson(vschema: KeyspaceVSchema): object {
  const { multiTenantSpec } = vschema;
  return withoutDefaults({
    sharded: vschema.sharded,
    vindexes: mapJson(vschema.vindexes, vindexJson),
    tables: mapJson(vschema.tables, tableJson),
    require_explicit_routing: vschema.requireExplicitRouting,
    foreign_key_mode: vschema.foreignKeyMode === "unspecified" ? "" : vschema.foreignKeyMode,
    multi_tenant_spec:
      multiTenantSpec === undefined
        ? undefined
        : withoutDefaults({
            tenant_id_column_name: multiTenantSpec.tenantIdColumnName,
            tenant_id_column_type: multiTenantSpec.tenantIdColumnType,
          }),
  });
}

function vindexJson(vindex: VindexDefinition): object {
  return withoutDefaults({ type: vindex.type, params: mapJson(vindex.params, (text) => text), owner: vindex.owner });
}

export function tableJson(table: TableVSchema): object {
  const { autoIncrement } = table;
  return withoutDefaults({
    type: table.type === "table" ? "" : table.type,
    column_vindexes: table.columnVindexes.map(columnVindexJson),
    auto_increment:
      autoIncrement === undefined
        ? undefined
        : autoIncrement.sequence === undefined
          ? { column: autoIncrement.column, generator: "snowflake" }
          : { column: autoIncrement.column, sequence: showTableName(autoIncrement.sequence) },
    columns: table.columns.map(columnJson),
    pinned: table.pinned?.toString("hex"),
    column_list_authoritative: table.columnListAuthoritative,
    source: table.source === undefined ? undefined : showTableName(table.source),
    auto_vschema: table.isEntered === true,
  });
}

function columnVindexJson(columnVindex: ColumnVindex): object {
  const { columns, name } = columnVindex;
  return columns.length === 1 ? { column: columns[0], name } : { columns, name };
}

function columnJson(column: ColumnVSchema): object {
  return {
    ...withoutDefaults({
      name: column.name,
      type: column.type === "NULL_TYPE" ? "" : column.type,
      invisible: column.invisible,
      default: column.default,
      collation_name: column.collationName,
      size: column.size,
      scale: column.scale,
    }),
    // An optional field of the proto: false is not the same as not given.
    ...(column.nullable === undefined ? {} : { nullable: column.nullable }),
    ...withoutDefaults({ values: column.values }),
  };
}

/** Own properties only: a table may be called `__proto__`. */
function mapJson<T>(members: ReadonlyMap<string, T>, json: (member: T) => unknown): object | undefined {
  if (members.size === 0) return undefined;
  return Object.fromEntries([...members].map(([name, member]) => [name, json(member)]));
}

function withoutDefaults(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        value !== false &&
        value !== "" &&
        value !== 0 &&
        !(Array.isArray(value) && value.length === 0),
    ),
  );
}
