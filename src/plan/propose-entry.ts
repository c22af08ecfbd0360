// The entry that a new table of a sharded keyspace could have in its VSchema: as another table's, or placed by the first
// column of its primary key with a vindex that fits the column's type. A proposal: what rows are read together with is for
// people to know.

import type { TableDefinition } from "../sql/table-definition.ts";
import { tableJson } from "../vschema/format-vschema.ts";
import type { KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";

export interface ProposedEntry {
  /** Vindexes that the VSchema does not have yet, by name. */
  readonly vindexes: Readonly<Record<string, { readonly type: string }>>;
  /** As it stands in vschema.json; undefined when the definition tells no key. */
  readonly table: object | undefined;
}

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
  for (const change of definition?.changes ?? []) {
    if (change.kind !== "add-column" || !change.column.autoIncrement) continue;
    if (/^(bigint|serial|int8)$/i.test(change.column.type.name)) return change.column.name;
  }
  return undefined;
}

interface KeyColumn {
  readonly name: string;
  /** Its data type's name. */
  readonly type: string;
}

/** The first column of the primary key, else of the first unique one. */
function keyColumn({ changes }: TableDefinition): KeyColumn | undefined {
  const columns = changes.flatMap((change) => (change.kind === "add-column" ? [change.column] : []));
  const named = (name: string | undefined): KeyColumn | undefined => {
    const found = columns.find((column) => column.name.toLowerCase() === name?.toLowerCase());
    return found === undefined ? undefined : { name: found.name, type: found.type.name };
  };
  for (const kind of ["primary", "unique"] as const) {
    const own = columns.find(({ key }) => key === kind);
    if (own !== undefined) return named(own.name);
    for (const change of changes) {
      if (change.kind === "add-key" && change.key.kind === kind) return named(change.key.columns[0]);
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
