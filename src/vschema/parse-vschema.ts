// VSchema JSON (Vitess's vschema.proto in protobuf's JSON form) to the checked model. All faults are told at once, each with
// its path and, where a name is nearly right, the name that was probably meant; a VSchema with a fault gives no model, so
// it can never replace a good one. What Vitess accepts and ignores becomes a warning.

import { messageOf, ShardgateError } from "../base/errors.ts";
import type { ValueType } from "../mysql/values.ts";
import { ACCEPTED_VINDEX_TYPES, createVindex, VINDEX_TYPES } from "./create-vindex.ts";
import { didYouMean } from "./did-you-mean.ts";
import { Faults, type FieldReader, memberPath, quoted, readObject } from "./field-reader.ts";
import { type JsonValue, jsonFrom, readJson } from "./json-text.ts";
import {
  type AutoIncrement,
  type ColumnVindex,
  type ColumnVSchema,
  FOREIGN_KEY_MODES,
  type KeyspaceVSchema,
  type MultiTenantSpec,
  type TableName,
  type TableVSchema,
  type VindexDefinition,
  type VSchemaFault,
} from "./model.ts";
import type { Vindex } from "./vindex.ts";

export interface ParseOptions {
  /** Files that vindex parameters name are relative to it; the process's own folder if not given. */
  readonly folder?: string;
}

export type ParseResult =
  | { readonly kind: "good"; readonly vschema: KeyspaceVSchema }
  | { readonly kind: "bad"; readonly faults: readonly VSchemaFault[] };

/** The fields of each message, in the proto's names and order. */
export const VSCHEMA_FIELDS = {
  // $schema is no field of the proto: editors put it into the file to find vschema.schema.json.
  keyspace: [
    "$schema",
    "sharded",
    "vindexes",
    "tables",
    "require_explicit_routing",
    "foreign_key_mode",
    "multi_tenant_spec",
  ],
  multiTenantSpec: ["tenant_id_column_name", "tenant_id_column_type"],
  vindex: ["type", "params", "owner"],
  table: [
    "type",
    "column_vindexes",
    "auto_increment",
    "columns",
    "pinned",
    "column_list_authoritative",
    "source",
    "auto_vschema",
  ],
  columnVindex: ["column", "name", "columns"],
  autoIncrement: ["column", "sequence", "generator"],
  column: ["name", "type", "invisible", "default", "collation_name", "size", "scale", "nullable", "values"],
} as const satisfies Record<string, readonly string[]>;

/** Values of a column's `type`; the first one stands for "not given". */
export const COLUMN_TYPES = [
  "NULL_TYPE",
  "INT8",
  "UINT8",
  "INT16",
  "UINT16",
  "INT24",
  "UINT24",
  "INT32",
  "UINT32",
  "INT64",
  "UINT64",
  "FLOAT32",
  "FLOAT64",
  "TIMESTAMP",
  "DATE",
  "TIME",
  "DATETIME",
  "YEAR",
  "DECIMAL",
  "TEXT",
  "BLOB",
  "VARCHAR",
  "VARBINARY",
  "CHAR",
  "BINARY",
  "BIT",
  "ENUM",
  "SET",
  "GEOMETRY",
  "JSON",
  "HEXNUM",
  "HEXVAL",
  "BITNUM",
] as const satisfies readonly ValueType[];

/** `json` as JSON.parse gives it. Throws VSCHEMA_BAD with one fault a line. */
export function parseVSchema(keyspace: string, json: unknown, options: ParseOptions = {}): KeyspaceVSchema {
  return good(checkVSchema(keyspace, json, options));
}

/** From the text of a file: syntax errors name line and column, and names given twice are refused. */
export function parseVSchemaText(keyspace: string, text: string, options: ParseOptions = {}): KeyspaceVSchema {
  return good(checkKeyspace(keyspace, readJson(text, keyspace), options));
}

/** Like `parseVSchema`, with the faults as data. */
export function checkVSchema(keyspace: string, json: unknown, options: ParseOptions = {}): ParseResult {
  try {
    return checkKeyspace(keyspace, jsonFrom(json, keyspace), options);
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "VSCHEMA_BAD") {
      return { kind: "bad", faults: [{ path: keyspace, message: error.message }] };
    }
    throw error;
  }
}

/** The message of a VSCHEMA_BAD error. */
export function showFaults(faults: readonly VSchemaFault[]): string {
  return faults.map((fault) => `${fault.path}: ${fault.message}`).join("\n");
}

/** `t` or `ks.t`; undefined for anything else. Back quotes are not understood, as in Vitess. */
export function parseTableName(text: string): TableName | undefined {
  const parts = text.split(".");
  const [first = "", second] = parts;
  if (parts.length > 2 || first === "" || second === "") return undefined;
  return second === undefined ? { keyspace: undefined, table: first } : { keyspace: first, table: second };
}

function good(result: ParseResult): KeyspaceVSchema {
  if (result.kind === "good") return result.vschema;
  throw new ShardgateError("VSCHEMA_BAD", showFaults(result.faults));
}

/** Used for one keyspace and for each of a cluster file. */
export function checkKeyspace(keyspace: string, json: JsonValue, options: ParseOptions): ParseResult {
  const parser = new Parser(keyspace, options);
  const vschema = parser.keyspace(json);
  return vschema === undefined ? { kind: "bad", faults: parser.faults.list } : { kind: "good", vschema };
}

class Parser {
  readonly faults = new Faults();
  readonly #warnings = new Faults();
  readonly #keyspace: string;
  readonly #options: ParseOptions;
  #sharded = false;
  readonly #vindexes = new Map<string, VindexDefinition>();
  /** Names whose definition has a fault of its own: using them is no further fault. */
  readonly #badVindexes = new Set<string>();

  constructor(keyspace: string, options: ParseOptions) {
    this.#keyspace = keyspace;
    this.#options = options;
  }

  keyspace(json: JsonValue): KeyspaceVSchema | undefined {
    const fields = readObject(json, this.#keyspace, VSCHEMA_FIELDS.keyspace, this.faults);
    if (fields === undefined) return undefined;
    fields.text("$schema");
    this.#sharded = fields.flag("sharded") ?? false;
    for (const member of fields.members("vindexes")) this.#vindexDefinition(member.name, member.path, member.value);
    const tables = new Map<string, TableVSchema>();
    for (const member of fields.members("tables")) {
      const table = this.#table(member.name, member.path, member.value);
      if (table !== undefined) tables.set(member.name, table);
    }
    this.#checkOwners(fields, tables);
    const vschema: KeyspaceVSchema = {
      keyspace: this.#keyspace,
      sharded: this.#sharded,
      requireExplicitRouting: fields.flag("require_explicit_routing") ?? false,
      foreignKeyMode: fields.oneOf("foreign_key_mode", FOREIGN_KEY_MODES),
      multiTenantSpec: this.#multiTenantSpec(fields),
      vindexes: this.#vindexes,
      tables,
      warnings: this.#warnings.list,
    };
    return this.faults.list.length === 0 ? vschema : undefined;
  }

  #multiTenantSpec(fields: FieldReader): MultiTenantSpec | undefined {
    const spec = fields.object("multi_tenant_spec", VSCHEMA_FIELDS.multiTenantSpec);
    if (spec === undefined) return undefined;
    return {
      tenantIdColumnName: spec.text("tenant_id_column_name"),
      tenantIdColumnType: spec.text("tenant_id_column_type"),
    };
  }

  #vindexDefinition(name: string, path: string, json: JsonValue): void {
    const vindex = this.#vindex(name, path, json);
    if (vindex === undefined) this.#badVindexes.add(name);
    else this.#vindexes.set(name, vindex);
  }

  #vindex(name: string, path: string, json: JsonValue): VindexDefinition | undefined {
    const fields = readObject(json, path, VSCHEMA_FIELDS.vindex, this.faults);
    if (fields === undefined) return undefined;
    if (name === "") this.faults.add(path, "a vindex needs a name");
    const params = this.#params(fields);
    const type = fields.text("type");
    if (type === "") {
      if (!fields.has("type")) fields.fault("type", "missing");
      return undefined;
    }
    if (!ACCEPTED_VINDEX_TYPES.includes(type)) {
      fields.fault("type", () => `vindex type ${quoted(type)} is not known${didYouMean(type, VINDEX_TYPES)}`);
      return undefined;
    }
    const owner = fields.text("owner");
    try {
      const vindex = createVindex(type, name, params, this.#options.folder);
      for (const param of vindex.unknownParams) {
        this.#warnings.add(memberPath(fields.pathOf("params"), param), `${type} has no such parameter; it is ignored`);
      }
      if (owner !== "" && vindex.kind !== "lookup") {
        this.#warnings.add(fields.pathOf("owner"), `a ${type} vindex has no owner; it is ignored`);
      }
      return { name, type, params, owner, vindex };
    } catch (error) {
      if (!(error instanceof ShardgateError) || error.id !== "VSCHEMA_BAD") throw error;
      fields.fault("params", messageOf(error));
      return undefined;
    }
  }

  #params(fields: FieldReader): ReadonlyMap<string, string> {
    const params = new Map<string, string>();
    for (const { name, path, value } of fields.members("params")) {
      if (typeof value === "string") params.set(name, value);
      else this.faults.add(path, "a parameter's value must be a text in quotes");
    }
    return params;
  }

  #table(name: string, path: string, json: JsonValue): TableVSchema | undefined {
    const fields = readObject(json, path, VSCHEMA_FIELDS.table, this.faults);
    if (fields === undefined) return undefined;
    if (name === "") this.faults.add(path, "a table needs a name");
    const faultsBefore = this.faults.count;
    const type = fields.oneOf("type", ["", "sequence", "reference"]);
    const pinned = this.#pinned(fields);
    const kindIsKnown = this.faults.count === faultsBefore;
    const columnVindexes: ColumnVindex[] = [];
    const items = fields.items("column_vindexes");
    items.forEach((item, i) => {
      const columnVindex = this.#columnVindex(name, i, item.path, item.value);
      if (columnVindex !== undefined) columnVindexes.push(columnVindex);
    });
    const table: TableVSchema = {
      keyspace: this.#keyspace,
      name,
      type: type === "" ? "table" : type,
      columnVindexes,
      autoIncrement: this.#autoIncrement(fields),
      columns: this.#columns(fields),
      columnListAuthoritative: fields.flag("column_list_authoritative") ?? false,
      pinned,
      source: this.#source(fields, type),
      isEntered: fields.flag("auto_vschema") ?? false,
    };
    if (kindIsKnown) this.#checkPlacement(table, fields, items.length);
    this.#checkColumns(table, fields);
    return table;
  }

  /** Where the rows of a table of a sharded keyspace live must be said, once. */
  #checkPlacement(table: TableVSchema, fields: FieldReader, columnVindexCount: number): void {
    if (table.type === "reference" && table.pinned !== undefined) {
      fields.fault("pinned", "a reference table is on every shard and cannot be pinned");
    }
    if (!this.#sharded) return;
    if (table.type === "sequence" && table.pinned === undefined) {
      this.faults.add(fields.path, "a sequence table must be in an unsharded keyspace or pinned");
    }
    if (table.type === "table" && table.pinned === undefined && columnVindexCount === 0) {
      this.faults.add(
        fields.path,
        'a table of a sharded keyspace needs column_vindexes to place its rows, or type "reference", or pinned',
      );
    }
    if (columnVindexCount > 0 && (table.type !== "table" || table.pinned !== undefined)) {
      const reason = table.pinned === undefined ? `is a ${table.type} table` : "is pinned";
      this.#warnings.add(fields.pathOf("column_vindexes"), `not used for placing rows: the table ${reason}`);
    }
  }

  #checkColumns(table: TableVSchema, fields: FieldReader): void {
    if (!table.columnListAuthoritative) return;
    const known = new Set(table.columns.map((column) => column.lower));
    const wanted = table.columnVindexes.flatMap((columnVindex) => columnVindex.columns);
    if (table.autoIncrement !== undefined) wanted.push(table.autoIncrement.column);
    for (const column of wanted) {
      if (known.has(column.toLowerCase())) continue;
      const hint = didYouMean(
        column,
        table.columns.map((known) => known.name),
      );
      this.#warnings.add(fields.pathOf("columns"), `the list is authoritative but lacks ${quoted(column)}${hint}`);
    }
  }

  #columnVindex(table: string, position: number, path: string, json: JsonValue): ColumnVindex | undefined {
    const fields = readObject(json, path, VSCHEMA_FIELDS.columnVindex, this.faults);
    if (fields === undefined) return undefined;
    const columns = this.#vindexColumns(fields);
    const name = fields.text("name");
    if (name === "") {
      if (!fields.has("name")) fields.fault("name", "missing");
      return undefined;
    }
    const definition = this.#vindexes.get(name);
    if (definition === undefined) {
      if (!this.#badVindexes.has(name)) {
        fields.fault(
          "name",
          () =>
            `vindex ${quoted(name)} is not defined${didYouMean(name, [...this.#vindexes.keys(), ...this.#badVindexes])}`,
        );
      }
      return undefined;
    }
    const { vindex, owner } = definition;
    const owned = vindex.kind === "lookup" && owner === table;
    if (columns === undefined) return undefined;
    this.#checkColumnCount(fields, vindex, columns.length);
    if (position === 0 && this.#sharded) {
      if (!vindex.unique) {
        fields.fault("name", `the first vindex places the rows and must be unique; ${vindex.type} is not`);
      }
      if (owned) fields.fault("name", `the first vindex places the rows and cannot be owned by its own table`);
    }
    return { name, columns, columnsLower: columns.map((column) => column.toLowerCase()), vindex, owned };
  }

  #vindexColumns(fields: FieldReader): readonly string[] | undefined {
    const column = fields.text("column");
    const columns = fields.texts("columns");
    if (column !== "" && columns.length > 0) {
      fields.fault("columns", "give column or columns, not both");
      return undefined;
    }
    const given = column === "" ? columns : [column];
    if (given.length === 0 && !fields.has("columns")) {
      fields.fault("column", "missing");
      return undefined;
    }
    if (given.length === 0 || given.includes("")) {
      fields.fault(fields.has("columns") ? "columns" : "column", "a column name is missing");
      return undefined;
    }
    const lower = given.map((name) => name.toLowerCase());
    const twice = given.find((_, i) => lower.indexOf(lower[i] ?? "") < i);
    if (twice !== undefined) {
      fields.fault("columns", `column ${quoted(twice)} is given twice`);
      return undefined;
    }
    return given;
  }

  #checkColumnCount(fields: FieldReader, vindex: Vindex, count: number): void {
    if (vindex.kind === "lookup") return;
    const wanted = vindex.kind === "multi-column" ? vindex.columnCount : 1;
    if (count === wanted) return;
    fields.fault(
      fields.has("columns") ? "columns" : "column",
      `vindex ${quoted(vindex.name)} (${vindex.type}) takes ${wanted} column${wanted === 1 ? "" : "s"}, ${count} given`,
    );
  }

  #autoIncrement(fields: FieldReader): AutoIncrement | undefined {
    const json = fields.object("auto_increment", VSCHEMA_FIELDS.autoIncrement);
    if (json === undefined) return undefined;
    const column = json.text("column");
    const sequence = parseTableName(json.text("sequence"));
    if (column === "") json.fault("column", "a column name is missing");
    const generator = json.oneOf("generator", ["", "snowflake"]);
    if (generator === "snowflake") {
      if (sequence !== undefined) json.fault("sequence", "a snowflake generator takes no sequence table");
      return column === "" ? undefined : { column, columnLower: column.toLowerCase(), sequence: undefined };
    }
    if (sequence === undefined) json.fault("sequence", "a sequence table is missing: table or keyspace.table");
    return column === "" || sequence === undefined
      ? undefined
      : { column, columnLower: column.toLowerCase(), sequence };
  }

  #columns(fields: FieldReader): readonly ColumnVSchema[] {
    const columns: ColumnVSchema[] = [];
    const seen = new Set<string>();
    for (const { path, value } of fields.items("columns")) {
      const json = readObject(value, path, VSCHEMA_FIELDS.column, this.faults);
      if (json === undefined) continue;
      const column = readColumn(json);
      if (column.name === "") json.fault("name", "a column name is missing");
      else if (seen.has(column.lower)) json.fault("name", `column ${quoted(column.name)} is given twice`);
      seen.add(column.lower);
      columns.push(column);
    }
    return columns;
  }

  #pinned(fields: FieldReader): Buffer | undefined {
    const text = fields.text("pinned");
    if (text === "") return undefined;
    if (/^(?:[0-9a-fA-F]{2})+$/.test(text)) return Buffer.from(text, "hex");
    fields.fault("pinned", `${quoted(text)} is not a keyspace id: an even number of hexadecimal digits expected`);
    return undefined;
  }

  #source(fields: FieldReader, type: string): TableName | undefined {
    const text = fields.text("source");
    if (text === "") return undefined;
    if (type !== "reference") {
      fields.fault("source", 'only tables of type "reference" have a source');
      return undefined;
    }
    const source = parseTableName(text);
    if (source === undefined)
      fields.fault("source", `${quoted(text)} is not a table: table or keyspace.table expected`);
    if (source?.keyspace === this.#keyspace) {
      fields.fault("source", "the source must be in another keyspace");
    }
    return source;
  }

  /** Vitess accepts an owner that does not exist or does not use the vindex; the lookup table would stay empty. */
  #checkOwners(fields: FieldReader, tables: ReadonlyMap<string, TableVSchema>): void {
    for (const { name, owner, vindex } of this.#vindexes.values()) {
      if (owner === "" || vindex.kind !== "lookup") continue;
      const path = memberPath(memberPath(fields.pathOf("vindexes"), name), "owner");
      const table = tables.get(owner);
      if (table === undefined) {
        this.#warnings.add(path, () => `table ${quoted(owner)} is not defined${didYouMean(owner, tables.keys())}`);
      } else if (!table.columnVindexes.some((columnVindex) => columnVindex.name === name)) {
        this.#warnings.add(path, `table ${quoted(owner)} does not use the vindex`);
      }
    }
  }
}

function readColumn(json: FieldReader): ColumnVSchema {
  const name = json.text("name");
  return {
    name,
    lower: name.toLowerCase(),
    type: json.oneOf("type", COLUMN_TYPES),
    invisible: json.flag("invisible") ?? false,
    default: json.text("default"),
    collationName: json.text("collation_name"),
    size: json.wholeNumber("size"),
    scale: json.wholeNumber("scale"),
    nullable: json.flag("nullable"),
    values: json.texts("values"),
  };
}
