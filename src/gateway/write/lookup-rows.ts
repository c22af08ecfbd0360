// Keeps lookup tables as the rows of their owners are: adds the lookup rows of new ones, takes away those of rows that go.
// A consistent lookup's new rows are written so that they are committed before what they lead to, removed ones after it
// (ordered-holds.ts); a lookup row left over by what was never committed is found out and taken over.
// Vitess: "Consistent Lookup Vindexes", go/vt/vtgate/vindexes/consistent_lookup.go.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Value } from "../../mysql/values.ts";
import type { BindValue } from "../../plan/statement.ts";
import type { TableSchema } from "../../schema/model.ts";
import { decodeSql } from "../../sql/encoding.ts";
import { andNode, columnNode, equalNode, FOR_UPDATE, itemNode, literalNode, tableNode } from "../../sql/new-nodes.ts";
import { print } from "../../sql/print.ts";
import type { Expr, Insert, Query, Select, TableName, Update } from "../../sql/tree.ts";
import { keyspaceIdOfStored, storedKeyspaceId } from "../../vschema/lookup.ts";
import type { ColumnVindex, TableVSchema } from "../../vschema/model.ts";
import type { LookupVindex } from "../../vschema/vindex.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import { EMPTY_DELETE, EMPTY_INSERT, EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { LookupSession, type LookupOrder } from "./lookup-session.ts";
import { runPart } from "../transaction/statement-unit.ts";
import { placeOfStored } from "./stored-place.ts";
import { storedItem, storedValue, type StoredValue } from "./stored-values.ts";
import { readTextRows } from "../read/text-rows.ts";

/** A value of a lookup's first columns. */
export interface LookupValue {
  /** Bind variables are those of `LookupRows`. */
  readonly expr: Expr;
  readonly value: Value | undefined;
  readonly isNull: boolean;
  /** Equal for equal values only. */
  readonly text: string;
  /** As MySQL shows it in messages. */
  readonly shown: string;
}

export interface LookupRow {
  readonly from: readonly LookupValue[];
  readonly keyspaceId: Buffer;
}

/** A lookup vindex of a table whose rows it follows. */
export interface OwnedLookup {
  readonly vindex: LookupVindex;
  /** Of the owner. */
  readonly columns: readonly string[];
  readonly owner: OwnerTable;
}

export interface OwnerTable {
  readonly keyspace: string;
  readonly table: string;
  readonly definition: TableSchema | undefined;
  readonly vschema: TableVSchema | undefined;
}

export function lookupOf({ vindex, columns }: ColumnVindex, owner: OwnerTable): OwnedLookup | undefined {
  return vindex.kind === "lookup" ? { vindex, columns, owner } : undefined;
}

/**
 * The lookup's value that a vindex reads `value` of. Lookup tables are written in another session, by its own sql_mode and
 * character set: `expr`, as the client wrote it, is for what has no literal here.
 */
export function lookupValue(value: Value, expr?: Expr): LookupValue {
  const isNull = value.type === "NULL_TYPE";
  const shown = value.raw.toString("utf8");
  const text = `${value.type} ${value.raw.toString("hex")}`;
  return {
    expr: plainLiteral(value) ?? expr ?? literalNode("hexval", value.raw.toString("hex")),
    value,
    isNull,
    text,
    shown,
  };
}

/** As a row of its table has it. */
export function storedLookupValue({ expr, value, text }: StoredValue): LookupValue {
  return value === undefined ? { expr, value, isNull: false, text, shown: text } : lookupValue(value);
}

function plainLiteral({ type, raw }: Value): Expr | undefined {
  switch (type) {
    case "NULL_TYPE":
      return literalNode("null", "null");
    case "INT64":
    case "UINT64":
      return literalNode("int", raw.toString("latin1"));
    case "DECIMAL":
      return literalNode("decimal", raw.toString("latin1"));
    case "VARCHAR":
    case "TEXT":
      return literalNode("string", decodeSql(raw));
    default:
      return undefined;
  }
}

export class LookupRows {
  readonly #executor: Executor;
  readonly #cluster: ClusterView;
  readonly #binds: readonly BindValue[];
  readonly #session: LookupSession;
  /** Unique values that this statement has given to a row. */
  readonly #created = new Set<string>();

  constructor(executor: Executor, cluster: ClusterView, binds: readonly BindValue[]) {
    this.#executor = executor;
    this.#cluster = cluster;
    this.#binds = binds;
    this.#session = new LookupSession(executor, binds);
  }

  /**
   * What `rows` lead to, by the texts of their values; locks nothing. What others have committed counts, and what this
   * session's open transaction has written.
   */
  async map(lookup: OwnedLookup, rows: readonly (readonly LookupValue[])[]): Promise<ReadonlyMap<string, Buffer[]>> {
    const { vindex } = lookup;
    const orders = this.#session.readable(vindex.consistent);
    const found = new Map<string, Buffer[]>();
    const wanted = rows.filter((from) => !from.some(({ isNull }) => isNull));
    const size = vindex.batches ? LIMITS.lookedUpAtOnce : 1;
    for (let start = 0; start < wanted.length; start += size) {
      const some = wanted.slice(start, start + size);
      const ids = some.map((): Buffer[] => []);
      for (const order of orders) {
        const { rows: stored } = await this.#session.rows(order, this.#selectSome(lookup, some));
        for (const [number, raw] of stored) {
          const id = raw === null || raw === undefined ? undefined : keyspaceIdOfStored(vindex, raw);
          const list = ids[Number(number?.toString("latin1"))];
          if (id !== undefined && list?.some((each) => each.equals(id)) === false) list.push(id);
        }
      }
      for (const [i, from] of some.entries()) found.set(textOf(from), ids[i] ?? []);
    }
    return found;
  }

  /** The lookup table's columns compare as the owner's do. */
  comparesAlike(lookup: OwnedLookup): boolean {
    const { schema, name } = this.#table(lookup);
    const theirs = schema === undefined ? undefined : this.#cluster.schema.table(schema, name);
    if (lookup.vindex.form === "loose-md5-hash") return false;
    return lookup.columns.every((column, i) => {
      const a = lookup.owner.definition?.columns.find(({ lower }) => lower === column.toLowerCase());
      const b = theirs?.columns.find(({ lower }) => lower === lookup.vindex.from[i]?.toLowerCase());
      return a !== undefined && b !== undefined && a.dataType === b.dataType && a.collation === b.collation;
    });
  }

  /** Throws 1062 for a value of a unique lookup that another row has. */
  async create(lookup: OwnedLookup, rows: readonly LookupRow[]): Promise<void> {
    const { vindex } = lookup;
    const wanted = rows.filter(({ from }) => !from.some(({ isNull }) => isNull));
    if (wanted.length === 0) return;
    if (vindex.unique) {
      for (const row of wanted) {
        const key = keyOf(lookup, row);
        if (this.#created.has(key)) throw duplicate(lookup, row.from);
        this.#created.add(key);
      }
    }
    if (vindex.autocommit) {
      await this.#insert(lookup, wanted, "own", true);
      return;
    }
    if (!vindex.unique && !vindex.consistent) {
      await this.#insert(lookup, wanted, "main", true);
      return;
    }
    const again = wanted.filter((row) => this.#session.written.get(keyOf(lookup, row)) === "post");
    const others = wanted.filter((row) => !again.includes(row));
    // Its old row is locked by this session's own removal, so the new one waits for the same moment.
    if (again.length > 0) await this.#insert(lookup, again, "post", true);
    if (others.length === 0) return;
    if (vindex.consistent) for (const row of others) this.#session.written.set(keyOf(lookup, row), "pre");
    try {
      await this.#insert(lookup, others, vindex.consistent ? "pre" : "main", !vindex.unique);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      if (!vindex.consistent) throw duplicateOf(lookup, others, error);
      for (const row of others) await this.#takeOver(lookup, row);
    }
  }

  /** The rows have gone from the owner in this transaction. */
  async remove(lookup: OwnedLookup, rows: readonly LookupRow[]): Promise<void> {
    const { vindex } = lookup;
    if (vindex.autocommit) return;
    for (const row of rows) {
      const key = keyOf(lookup, row);
      const order: LookupOrder = vindex.consistent ? (this.#session.written.get(key) ?? "post") : "main";
      if (row.from.some(({ isNull }) => isNull)) continue;
      if (!vindex.unique && !coversKey(lookup) && (await this.#isOwned(lookup, row))) continue;
      const where = this.#where(lookup, row.from, row.keyspaceId);
      await this.#session.run(order, { ...EMPTY_DELETE, tables: [this.#table(lookup)], where });
      if (order === "post") this.#session.written.set(key, order);
    }
  }

  /** Rows have changed: `before` and `after` of each, at the same positions. */
  async change(lookup: OwnedLookup, before: readonly LookupRow[], after: readonly LookupRow[]): Promise<void> {
    const gone: LookupRow[] = [];
    const come: LookupRow[] = [];
    for (const [i, row] of before.entries()) {
      const now = after[i];
      if (now === undefined) continue;
      if (textOf(row.from) === textOf(now.from) && row.keyspaceId.equals(now.keyspaceId)) continue;
      gone.push(row);
      come.push(now);
    }
    const taken = new Set(lookup.vindex.unique ? come.map(({ from }) => textOf(from)) : []);
    const removed = gone.filter(({ from }) => !taken.has(textOf(from)));
    if (lookup.vindex.consistent) {
      await this.create(lookup, come);
      await this.remove(lookup, removed);
    } else {
      await this.remove(lookup, lookup.vindex.unique ? gone : removed);
      await this.create(lookup, come);
    }
  }

  /** The value is taken: by a row that is there, which is an error, or by what is left of one, which is taken over. */
  async #takeOver(lookup: OwnedLookup, row: LookupRow): Promise<void> {
    try {
      await this.#insert(lookup, [row], "pre", false);
      return;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const select = { ...this.#select(lookup, row.from), locking: [FOR_UPDATE] };
    const { rows } = await this.#session.rows("pre", select);
    const stored = rows[0]?.[0];
    const id = stored === null || stored === undefined ? undefined : keyspaceIdOfStored(lookup.vindex, stored);
    if (id !== undefined && (await this.#isOwned(lookup, { ...row, keyspaceId: id }))) {
      throw duplicate(lookup, row.from);
    }
    if (id?.equals(row.keyspaceId) === true) return;
    const update: Update = {
      kind: "update",
      with: undefined,
      hints: undefined,
      lowPriority: false,
      ignore: false,
      tables: [this.#table(lookup)],
      set: [
        { kind: "assignment", column: columnNode(lookup.vindex.to), value: this.#idOf(lookup, row.keyspaceId), pos: 0 },
      ],
      where: this.#where(lookup, row.from),
      orderBy: [],
      limit: undefined,
      pos: 0,
    };
    await this.#session.run("pre", update);
  }

  /** A row of the owner with this keyspace id has these values; it is locked. */
  async #isOwned({ columns, owner }: OwnedLookup, { from, keyspaceId }: LookupRow): Promise<boolean> {
    const { keyspace, table, definition, vschema } = owner;
    const targets = this.#executor.shards.ofKeyspace(keyspace, this.#cluster);
    const shard = targets.targets[targets.shardMap?.indexOf(keyspaceId) ?? -1];
    if (shard === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${keyspace} has no shard`);
    const [primary] = vschema?.columnVindexes ?? [];
    const placing = primary?.columnsLower.flatMap(
      (name) => definition?.columns.find((each) => each.lower === name) ?? [],
    );
    const items = (placing ?? []).map((column) => storedItem(column, columnNode(column.name)));
    const select: Select = {
      ...EMPTY_SELECT,
      items: [literalNode("int", "1"), ...items].map((expr) => ({
        kind: "expr",
        expr,
        alias: undefined,
        text: "",
        pos: 0,
      })),
      from: [tableNode(keyspace, table)],
      where: equalTo(columns, from),
      locking: [FOR_UPDATE],
    };
    const reply = await runPart(
      this.#executor,
      shard,
      comQuery(print(select, this.#binds, { mode: this.#executor.state.sqlMode })),
    );
    return readTextRows(reply.bytes).some(([, ...raw]) => {
      if (primary === undefined || placing === undefined) return true;
      const valueOf = (lower: string): Value | undefined => {
        const at = placing.findIndex((column) => column.lower === lower);
        const column = placing[at];
        return column === undefined ? undefined : storedValue(column, raw[at] ?? null).value;
      };
      const place = placeOfStored(targets, primary.vindex, primary.columns, valueOf, vschema, definition);
      return place === undefined || place.keyspaceId.equals(keyspaceId);
    });
  }

  async #insert(lookup: OwnedLookup, rows: readonly LookupRow[], order: LookupOrder, replaces: boolean): Promise<void> {
    const { vindex } = lookup;
    const { schema, name } = this.#table(lookup);
    const names = [...vindex.from, vindex.to].map((column) => columnNode(column));
    const to = columnNode(vindex.to);
    const insert: Insert = {
      ...EMPTY_INSERT,
      table: { kind: "name", schema, name, pos: 0 },
      columns: names,
      columnList: true,
      rows: rows.map(({ from, keyspaceId }) => ({
        kind: "insertRow",
        values: [...this.#valuesOf(lookup, from), this.#idOf(lookup, keyspaceId)],
        pos: 0,
      })),
      onDuplicate: replaces
        ? [{ kind: "assignment", column: to, value: { kind: "insertValue", column: to, pos: 0 }, pos: 0 }]
        : [],
    };
    await this.#session.run(order, insert);
  }

  #select(lookup: OwnedLookup, from: readonly LookupValue[]): Select {
    return {
      ...EMPTY_SELECT,
      items: [itemNode(columnNode(lookup.vindex.to))],
      from: [this.#table(lookup)],
      where: this.#where(lookup, from),
    };
  }

  /** Each value's keyspace ids behind its number. */
  #selectSome(lookup: OwnedLookup, rows: readonly (readonly LookupValue[])[]): Query {
    const selects = rows.map((from, i): Select => {
      const select = this.#select(lookup, from);
      const number = itemNode(literalNode("int", String(i)), "n");
      return { ...select, items: [number, ...select.items] };
    });
    const [first, ...rest] = selects;
    if (first === undefined || rest.length === 0) return first ?? EMPTY_SELECT;
    return {
      kind: "union",
      unbracketed: undefined,
      first,
      rest: rest.map((query) => ({ kind: "unionPart", op: "union", quantifier: "all", query, pos: 0 })),
      with: undefined,
      orderBy: [],
      limit: undefined,
      into: undefined,
      locking: [],
      pos: 0,
    };
  }

  #where({ vindex, ...lookup }: OwnedLookup, from: readonly LookupValue[], keyspaceId?: Buffer): Expr {
    const values = this.#valuesOf({ vindex, ...lookup }, from);
    const exprs = keyspaceId === undefined ? values : [...values, this.#idOf({ vindex, ...lookup }, keyspaceId)];
    const names = [...vindex.from.slice(0, from.length), vindex.to];
    return andNode(exprs.map((right, i) => equalNode(columnNode(names[i] ?? ""), right)));
  }

  #valuesOf({ vindex }: OwnedLookup, from: readonly LookupValue[]): Expr[] {
    return from.map(({ expr, value }, i) => {
      if (i > 0 || vindex.form !== "loose-md5-hash" || value === undefined) return expr;
      const stored = vindex.stored(value);
      if (stored !== undefined) return plainLiteral(stored) ?? expr;
      throw new ShardgateError("VINDEX_VALUE_BAD", `vindex ${vindex.name} cannot take a value that is no text`);
    });
  }

  #idOf({ vindex }: OwnedLookup, keyspaceId: Buffer): Expr {
    const { type, raw } = storedKeyspaceId(vindex, keyspaceId);
    return type === "VARBINARY"
      ? literalNode("hexval", raw.toString("hex"))
      : literalNode("int", raw.toString("latin1"));
  }

  #table({ vindex, owner }: OwnedLookup): TableName {
    const dot = vindex.table.indexOf(".");
    if (dot < 0) return tableNode(owner.keyspace, vindex.table);
    return tableNode(vindex.table.slice(0, dot), vindex.table.slice(dot + 1));
  }
}

function equalTo(columns: readonly string[], from: readonly LookupValue[]): Expr {
  return andNode(from.map(({ expr }, i) => equalNode(columnNode(columns[i] ?? ""), expr)));
}

export function textOf(from: readonly LookupValue[]): string {
  return from.map(({ text }) => text).join(",");
}

/** Of the row in the lookup table. */
function keyOf({ vindex, owner }: OwnedLookup, { from, keyspaceId }: LookupRow): string {
  const id = vindex.unique ? "" : keyspaceId.toString("hex");
  return `${owner.keyspace}.${vindex.name} ${textOf(from)} ${id}`;
}

/** No two rows of the owner have the same values: a lookup row stands for one of them. */
function coversKey({ columns, owner }: OwnedLookup): boolean {
  const lower = columns.map((name) => name.toLowerCase());
  return owner.definition?.keys.some((key) => key.unique && key.columns.every((name) => lower.includes(name))) === true;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MysqlError && error.errno === ER_DUP_ENTRY;
}

const ER_DUP_ENTRY = 1062;

/** In the words of the owner's own key, if it has one of these columns. */
function duplicate({ vindex, columns, owner }: OwnedLookup, from: readonly LookupValue[]): MysqlError {
  const lower = columns.map((name) => name.toLowerCase());
  const key = owner.definition?.keys.find(
    ({ unique, columns: names }) =>
      unique && names.length === lower.length && names.every((name) => lower.includes(name)),
  );
  const shown = from.map((value) => value.shown).join("-");
  return new MysqlError(ER_DUP_ENTRY, "23000", `Duplicate entry '${shown}' for key '${key?.name ?? vindex.name}'`);
}

function duplicateOf(lookup: OwnedLookup, rows: readonly LookupRow[], error: unknown): unknown {
  const entry = error instanceof MysqlError ? /^Duplicate entry '(.*)' for key/.exec(error.message)?.[1] : undefined;
  const row = rows.find(({ from }) => from.map(({ shown }) => shown).join("-") === entry) ?? rows[0];
  return row === undefined ? error : duplicate(lookup, row.from);
}
