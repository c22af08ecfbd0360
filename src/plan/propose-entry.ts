// The entry that a new table of a sharded keyspace could have in its VSchema: as another table's, or placed by the first
// column of its primary key with a vindex that fits the column's type. A proposal: what rows are read together with is for
// people to know. Where a gateway enters tables by itself every definition has one: what cannot be placed by a key lies on
// one shard.

import type { ColumnDefinition, ForeignKeyDefinition, TableDefinition } from "../sql/table-definition.ts";
import { tableJson } from "../vschema/format-vschema.ts";
import type { KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";

export interface ProposedEntry {
  /** Vindexes that the VSchema does not have yet, by name. */
  readonly vindexes: Readonly<Record<string, { readonly type: string }>>;
  /** As it stands in vschema.json; undefined when the definition tells no key. */
  readonly table: object | undefined;
  /** The column whose ids want a sequence table, which the entry does not name yet. */
  readonly numbered?: string | undefined;
}

/** The shard on which tables without a key lie together. */
const PINNED = "00";

/** `like`: the table that it is made after. */
export function proposeEntry(
  keyspace: KeyspaceVSchema,
  definition: TableDefinition | undefined,
  like: TableVSchema | undefined,
): ProposedEntry {
  if (like !== undefined) return { vindexes: {}, table: tableJson({ ...like, autoIncrement: undefined }) };
  const column = definition === undefined ? undefined : keyColumn(definition);
  if (column === undefined) return { vindexes: {}, table: undefined };
  const types = fittingTypes(column.type);
  const numbered = numberedColumn(definition);
  for (const type of types) {
    for (const [name, vindex] of keyspace.vindexes) {
      if (vindex.type === type && vindex.params.size === 0)
        return { vindexes: {}, table: entry(column.name, name, numbered) };
    }
  }
  const [type = "xxhash"] = types;
  const name = keyspace.vindexes.has(type) ? `${type}_of_key` : type;
  return { vindexes: { [name]: { type } }, table: entry(column.name, name, numbered) };
}

/** The entry of a table `name` that nobody else enters: it will be taken out when the table is dropped. */
export function enteredEntry(
  keyspace: KeyspaceVSchema,
  name: string,
  definition: TableDefinition,
  like: TableVSchema | undefined,
): ProposedEntry {
  if (like === undefined && isBoundToOneShard(keyspace, name, definition)) {
    return { vindexes: {}, table: { pinned: PINNED, auto_vschema: true } };
  }
  const { vindexes, table } = proposeEntry(keyspace, definition, like);
  const isNumbered = like?.autoIncrement !== undefined;
  const ids = isNumbered && like.autoIncrement.sequence === undefined ? tableJson(like) : {};
  const kept = "auto_increment" in ids ? { auto_increment: ids.auto_increment } : {};
  const entered = { ...table, ...kept, auto_vschema: true };
  const column = like === undefined ? autoIncrementOf(definition)?.name : like.autoIncrement?.column;
  return "auto_increment" in entered ? { vindexes, table: entered } : { vindexes, table: entered, numbered: column };
}

/** Its rows have no key that is always there, or have to lie beside others that no key leads to. */
function isBoundToOneShard(keyspace: KeyspaceVSchema, name: string, definition: TableDefinition): boolean {
  const key = keyColumn(definition);
  if (key === undefined || key.isNullable || key.isGenerated) return true;
  const refersToOne = ({ parent }: ForeignKeyDefinition): boolean =>
    (parent.schema ?? keyspace.keyspace) === keyspace.keyspace &&
    (parent.name === name || keyspace.tables.get(parent.name)?.pinned?.toString("hex") === PINNED);
  return definition.foreignKeys.some(refersToOne);
}

/** One line of JSON to be put into vschema.json. */
export function formatTableEntry(name: string, { vindexes, table }: ProposedEntry): string {
  const shown = table ?? { column_vindexes: [{ column: "…", name: "…" }] };
  const tables = `"tables": {${JSON.stringify(name)}: ${JSON.stringify(shown)}}`;
  return Object.keys(vindexes).length === 0 ? tables : `"vindexes": ${JSON.stringify(vindexes)}, ${tables}`;
}

function entry(column: string, name: string, numbered: string | undefined): object {
  const ids = numbered === undefined ? {} : { auto_increment: { column: numbered, generator: "snowflake" } };
  return { column_vindexes: [{ column, name }], ...ids };
}

/** The AUTO_INCREMENT column, if it has room for ids that need no sequence table. */
function numberedColumn(definition: TableDefinition | undefined): string | undefined {
  const column = definition === undefined ? undefined : autoIncrementOf(definition);
  return column !== undefined && /^(bigint|serial|int8)$/i.test(column.type.name) ? column.name : undefined;
}

function autoIncrementOf({ changes }: TableDefinition): ColumnDefinition | undefined {
  for (const change of changes) if (change.kind === "add-column" && change.column.autoIncrement) return change.column;
  return undefined;
}

interface KeyColumn {
  readonly name: string;
  /** Its data type's name. */
  readonly type: string;
  readonly isNullable: boolean;
  readonly isGenerated: boolean;
}

/** The first column of the primary key, else of the first unique one. */
function keyColumn({ changes }: TableDefinition): KeyColumn | undefined {
  const columns = changes.flatMap((change) => (change.kind === "add-column" ? [change.column] : []));
  const named = (name: string | undefined, isPrimary: boolean): KeyColumn | undefined => {
    const found = columns.find((column) => column.name.toLowerCase() === name?.toLowerCase());
    if (found === undefined) return undefined;
    const isNullable = !isPrimary && found.nullable !== false && found.type.name !== "serial";
    return { name: found.name, type: found.type.name, isNullable, isGenerated: found.generated };
  };
  for (const kind of ["primary", "unique"] as const) {
    const own = columns.find(({ key }) => key === kind);
    if (own !== undefined) return named(own.name, kind === "primary");
    for (const change of changes) {
      if (change.kind === "add-key" && change.key.kind === kind)
        return named(change.key.columns[0], kind === "primary");
    }
  }
  return undefined;
}

/** Types of vindexes that place a column of this type, the most usual first. */
function fittingTypes(type: string): readonly string[] {
  if (/int|^serial|^bool/.test(type)) return ["hash", "xxhash", "reverse_bits"];
  if (/char|text|^enum|^set/.test(type)) return ["unicode_loose_xxhash", "unicode_loose_md5", "xxhash"];
  return ["xxhash", "binary_md5"];
}
