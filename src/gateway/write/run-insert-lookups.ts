// INSERT and REPLACE into tables with lookup vindexes: the lookup rows are written first, which also finds values that a
// row of another shard has. What a conflict decides (IGNORE, ON DUPLICATE KEY UPDATE, REPLACE) is decided where the row in
// conflict is: it is looked for by each unique key, over all shards, and the statement runs there, row by row.

import { isAscii } from "node:buffer";
import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { type CollectedReply } from "../../engine/collect.ts";
import { type ShardTarget } from "../../engine/ports.ts";
import { storedKey } from "../../plan/stored-key.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { decodeOk, encodeOk } from "../../mysql/packets/ok.ts";
import { CLIENT, HEADER_ERR } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { NULL_VALUE, type Value } from "../../mysql/values.ts";
import { keyOf, readsColumn } from "../../plan/change.ts";
import type { InsertLookup, InsertPlan } from "../../plan/plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { resolveValue, valueRefOf } from "../../plan/value-ref.ts";
import type { ColumnSchema, KeySchema, TableSchema } from "../../schema/model.ts";
import { andNode, columnNode, equalNode, FOR_UPDATE, itemNode, literalNode, tableNode } from "../../sql/new-nodes.ts";
import { print } from "../../sql/print.ts";
import type { Expr, Insert, Node, Statement, TableName } from "../../sql/tree.ts";
import { isExpr, mapChildren } from "../../sql/walk.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import { EMPTY_DELETE, EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { foundValue, readFound } from "./found-rows.ts";
import { replyInside } from "../read/inner-query.ts";
import {
  lookupOf,
  type LookupRow,
  LookupRows,
  type LookupValue,
  lookupValue,
  type OwnedLookup,
  storedLookupValue,
  textOf,
} from "./lookup-rows.ts";
import type { InsertIds } from "./insert-ids.ts";
import type { ShardChange } from "./run-change.ts";
import type { PlacedInsert } from "./run-insert.ts";
import { runShare } from "./ignored-share.ts";
import { resolvedVindex } from "./resolved-vindex.ts";
import { putRow, refuseReferenced, takeRow } from "./row-moves.ts";
import { withRow } from "../show/show-warnings.ts";
import { runPart, runParts, unlessUndone } from "../transaction/statement-unit.ts";
import { storedItem, type StoredValue, storedValue } from "./stored-values.ts";
import { placeOfStored } from "./stored-place.ts";
import { readTextResult, readTextRows } from "../read/text-rows.ts";
import { ignoredRow, okOf } from "./write-answer.ts";
import { runPlain } from "../read/run-pooled.ts";

export interface Written {
  readonly changes: readonly ShardChange[];
  readonly replies: readonly CollectedReply[];
  readonly ids: InsertIds;
}

/** Runs inside of one statement (`asOneStatement`). Throws 1062 for a value that a unique lookup has already. */
export async function writeWithLookups(
  executor: Executor,
  plan: InsertPlan,
  placed: PlacedInsert,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Written> {
  return new LookupInsert(executor, plan, placed, binds, cluster).run();
}

class LookupInsert {
  readonly #executor: Executor;
  readonly #plan: InsertPlan;
  readonly #placed: PlacedInsert;
  readonly #binds: readonly BindValue[];
  readonly #cluster: ClusterView;
  #lookups: LookupRows;

  constructor(
    executor: Executor,
    plan: InsertPlan,
    placed: PlacedInsert,
    binds: readonly BindValue[],
    cluster: ClusterView,
  ) {
    this.#executor = executor;
    this.#plan = plan;
    this.#placed = placed;
    this.#binds = binds;
    this.#cluster = cluster;
    this.#lookups = new LookupRows(executor, cluster, binds);
  }

  async run(): Promise<Written> {
    const { changes, ids, statement } = this.#placed;
    await this.#verify();
    if (!statement.ignore && !statement.replace && statement.onDuplicate.length === 0) {
      const written = await unlessUndone(this.#executor, isOfRow, async () => {
        await this.#createFor(changes);
        const parts = new Map<ShardTarget, (() => Promise<CollectedReply>)[]>();
        for (const { target, payload } of changes) parts.set(target, [() => runPart(this.#executor, target, payload)]);
        return { changes, replies: await runParts(parts), ids };
      });
      if (!("undoneBy" in written)) return written;
      await this.#failAsInOrder();
      throw written.undoneBy;
    }
    const done: { readonly change: ShardChange; readonly reply: CollectedReply }[] = [];
    for (const { row, target, keyspaceId } of this.#rows()) done.push(await this.#insertOne(row, target, keyspaceId));
    return { changes: done.map(({ change }) => change), replies: done.map(({ reply }) => reply), ids };
  }

  /** In the order of the statement. */
  #rows(): readonly { readonly row: number; readonly target: ShardTarget; readonly keyspaceId: Buffer }[] {
    const rows = this.#placed.changes.flatMap(({ rows: positions = [], keyspaceIds = [], target }) =>
      positions.map((row, i) => ({ row, target, keyspaceId: keyspaceIds[i] ?? Buffer.alloc(0) })),
    );
    return rows.toSorted((a, b) => a.row - b.row);
  }

  /** Rejects with the error of the first row that has one, which is the statement's; what it writes is to be undone. */
  async #failAsInOrder(): Promise<void> {
    const { statement } = this.#placed;
    this.#lookups = new LookupRows(this.#executor, this.#cluster, this.#binds);
    for (const { row, target, keyspaceId } of this.#rows()) {
      const payload = this.#payload({ ...statement, rows: statement.rows.slice(row, row + 1) });
      try {
        await runPart(this.#executor, target, payload);
        await this.#createFor([{ target, payload, rows: [row], keyspaceIds: [keyspaceId] }]);
      } catch (error) {
        if (!(error instanceof MysqlError)) throw error;
        throw new MysqlError(error.errno, error.sqlState, withRow(error.message, [row]));
      }
    }
  }

  /** Values of unique lookups that belong to other tables have to lead to the row's own shard. */
  async #verify(): Promise<void> {
    for (const lookup of this.#plan.lookups) {
      if (lookup.columnVindex.owned) continue;
      const owned = this.#lookupOf(lookup);
      for (const { rows = [], keyspaceIds = [] } of this.#placed.changes) {
        for (const [i, row] of rows.entries()) {
          const from = await this.#valuesOf(lookup, row);
          if (from.some(({ isNull }) => isNull)) continue;
          const ids = (await this.#lookups.map(owned, [from])).get(textOf(from)) ?? [];
          const id = keyspaceIds[i];
          if (id !== undefined && ids.some((each) => each.equals(id))) continue;
          throw new ShardgateError(
            "VINDEX_VALUE_BAD",
            `values of column ${owned.columns.join(", ")} do not map to the row's keyspace id by vindex ${owned.vindex.name} (row ${row + 1})`,
          );
        }
      }
    }
  }

  async #createFor(changes: readonly ShardChange[]): Promise<void> {
    for (const lookup of this.#plan.lookups) {
      if (!lookup.columnVindex.owned) continue;
      const rows: LookupRow[] = [];
      for (const { rows: positions = [], keyspaceIds = [] } of changes) {
        for (const [i, row] of positions.entries()) {
          const keyspaceId = keyspaceIds[i];
          if (keyspaceId !== undefined) rows.push({ from: await this.#valuesOf(lookup, row), keyspaceId });
        }
      }
      await this.#lookups.create(this.#lookupOf(lookup), rows);
    }
  }

  async #insertOne(
    row: number,
    home: ShardTarget,
    keyspaceId: Buffer,
  ): Promise<{ readonly change: ShardChange; readonly reply: CollectedReply }> {
    const { statement } = this.#placed;
    const only: Insert = { ...statement, rows: statement.rows.slice(row, row + 1) };
    const payload = this.#payload(only);
    const share = { rows: [row], keyspaceIds: [keyspaceId], payload };
    // What rows before it have given is found as any other row's.
    this.#lookups = new LookupRows(this.#executor, this.#cluster, this.#binds);
    const conflicts = await this.#conflictsOf(row);
    const [first] = conflicts;
    if (first === undefined) {
      const change = { ...share, target: home };
      return { change, reply: await this.#insertNew(change, only) };
    }
    if (statement.replace) return this.#replaceOne(share, home, conflicts);
    const change = { ...share, target: first.shard };
    if (statement.onDuplicate.length === 0) {
      return { change, reply: await runPart(this.#executor, first.shard, payload) };
    }
    const updated = await unlessUndone(
      this.#executor,
      (error) => statement.ignore && isDuplicate(error),
      async () => {
        const where = await this.#keyAfter(first, row);
        const reply = await runPart(this.#executor, first.shard, payload);
        await this.#follow([first], await this.#readKey(first.shard, where), where);
        return reply;
      },
    );
    return { change, reply: "undoneBy" in updated ? ignoredRow(updated.undoneBy, this.#executor) : updated };
  }

  /** Of a row that IGNORE leaves out for another reason than a duplicate nothing is left in lookup tables. */
  async #insertNew(change: ShardChange, only: Insert): Promise<CollectedReply> {
    const { target, payload } = change;
    if (!only.ignore) {
      await this.#createFor([change]);
      return runPart(this.#executor, target, payload);
    }
    const twice = { ...only, form: "values", rows: [...only.rows, ...only.rows] } as const;
    const isSeveral = this.#placed.statement.rows.length > 1;
    const mayUndo = (error: unknown): boolean => error instanceof LeftOut;
    const done = await unlessUndone(this.#executor, mayUndo, async () => {
      await this.#createFor([change]);
      const reply = await runShare(
        this.#executor,
        target,
        payload,
        isSeveral ? (): Buffer => this.#payload(twice) : undefined,
      );
      const { info } = reply;
      if (info.kind === "resultset" ? info.rows === 0 : okOf(reply).affectedRows === 0) throw new LeftOut(reply);
      return reply;
    });
    if (!("undoneBy" in done)) return done;
    if (done.undoneBy instanceof LeftOut) return done.undoneBy.reply;
    throw done.undoneBy;
  }

  /** Finds the row on its shard when ON DUPLICATE KEY UPDATE has changed it. */
  async #keyAfter(conflict: Conflict, row: number): Promise<Expr> {
    const { statement } = this.#placed;
    const key = keyOf(this.#definition());
    if (key === undefined) throw this.#unknown();
    const assigned = statement.onDuplicate.flatMap(({ column, value }, at) => {
      const found = key.find(({ lower }) => lower === column.name.toLowerCase());
      if (found === undefined) return [];
      const earlier = statement.onDuplicate.slice(0, at).find((each) => readsColumn(value, each.column.name));
      if (earlier === undefined) return [{ column: found, expr: this.#withInserted(value, row) }];
      throw notSupported(
        `key column ${column.name} computed from ${earlier.column.name}, which ON DUPLICATE KEY UPDATE changes as well`,
      );
    });
    if (assigned.length === 0) return this.#keyWhere(conflict);
    const items = assigned.map(({ expr }) => itemNode(expr));
    const select = { ...EMPTY_SELECT, items, from: [this.#tableName()], where: this.#keyWhere(conflict) };
    const reply = await runPart(this.#executor, conflict.shard, this.#payload(select));
    const { columns, rows } = readTextResult(reply.bytes);
    const { textIsUtf8 } = this.#executor.state.settings;
    return andNode(
      key.map(({ name, lower }) => {
        const at = assigned.findLastIndex(({ column }) => column.lower === lower);
        const now =
          at < 0 ? conflict.values.get(lower)?.expr : foundValue(columns[at], rows[0]?.[at] ?? null, textIsUtf8);
        return equalNode(columnNode(name), now ?? NULL);
      }),
    );
  }

  /** VALUES(column), or the row alias's, as what the row gives. Throws 1235 for a column that it leaves out. */
  #withInserted(value: Expr, row: number): Expr {
    const { rowAlias, rowAliasColumns, columns } = this.#placed.statement;
    const given = (name: string): Expr => {
      const expr = this.#exprOf(row, name.toLowerCase());
      if (expr !== undefined) return expr;
      throw notSupported(`a key computed from column ${name}, which the row does not give`);
    };
    const replaced = <N extends Node>(node: N): Node => {
      if (node.kind === "insertValue") return given(node.column.name);
      if (node.kind === "column" && rowAlias !== undefined && node.table === rowAlias) {
        const at = rowAliasColumns.findIndex((name) => name.toLowerCase() === node.name.toLowerCase());
        return given(at < 0 ? node.name : (columns[at]?.name ?? node.name));
      }
      return mapChildren(node, replaced);
    };
    const expr = replaced(value);
    return isExpr(expr) ? expr : value;
  }

  /** Rows of other shards that REPLACE takes the place of are deleted there. */
  async #replaceOne(
    share: Omit<ShardChange, "target">,
    home: ShardTarget,
    conflicts: readonly Conflict[],
  ): Promise<{ readonly change: ShardChange; readonly reply: CollectedReply }> {
    const away = conflicts.filter(({ shard }) => shard.shard !== home.shard);
    const here = conflicts.filter((each) => !away.includes(each));
    let deleted = 0;
    for (const conflict of away) {
      const where = this.#keyWhere(conflict);
      deleted += await this.#run({ ...EMPTY_DELETE, tables: [this.#tableName()], where });
    }
    const change = { ...share, target: home };
    if (here.length === 0) await this.#createFor([change]);
    const reply = await runPart(this.#executor, home, share.payload);
    if (here.length > 0) {
      const [row = 0] = share.rows ?? [];
      const where = this.#uniqueWhere(row, this.#primaryKey());
      await this.#follow(here, await this.#readKey(home, where), where);
    }
    return { change, reply: withMoreAffected(reply, deleted) };
  }

  /**
   * Lookup rows of `before` become those of the row that is there now, which `where` finds, or go with the others. A row that
   * belongs on another shard now goes there.
   */
  async #follow(before: readonly Conflict[], after: Conflict | undefined, where: Expr | undefined): Promise<void> {
    const [first, ...others] = before;
    if (first === undefined) return;
    if (after === undefined)
      throw notSupported(`a write to ${this.#plan.table} that changes the key of the row it meets`);
    if (after.shard.shard !== first.shard.shard && where !== undefined) {
      const moved = { table: this.#tableName(), definition: this.#definition() };
      await refuseReferenced(this.#executor, first.shard, moved);
      await putRow(this.#executor, after.shard, await takeRow(this.#executor, first.shard, moved, where));
    }
    for (const lookup of this.#plan.lookups) {
      if (!lookup.columnVindex.owned) continue;
      const owned = this.#lookupOf(lookup);
      const rowOf = ({ values, keyspaceId }: Conflict): LookupRow => ({
        from: owned.columns.map((name) => lookupValueOf(values.get(name.toLowerCase()))),
        keyspaceId,
      });
      const taken = textOf(rowOf(after).from);
      await this.#lookups.remove(
        owned,
        others.map(rowOf).filter(({ from }) => textOf(from) !== taken),
      );
      await this.#lookups.change(owned, [rowOf(first)], [rowOf(after)]);
    }
  }

  /** Rows that one of the table's unique keys finds equal, those of the primary key first. They are locked. */
  async #conflictsOf(row: number): Promise<readonly Conflict[]> {
    const found = new Map<string, Conflict>();
    for (const key of this.#definition().keys) {
      if (!key.unique) continue;
      const where = this.#uniqueWhere(row, key);
      if (where === undefined) continue;
      for (const conflict of await this.#read(where)) if (!found.has(conflict.text)) found.set(conflict.text, conflict);
    }
    return [...found.values()];
  }

  async #read(where: Expr): Promise<readonly Conflict[]> {
    const columns = this.#readColumns();
    const query = {
      ...EMPTY_SELECT,
      items: columns.map((column) => itemNode(storedItem(column, columnNode(column.name)))),
      from: [this.#tableName()],
      where,
      locking: [FOR_UPDATE],
    };
    const { rows } = await readFound(this.#executor, query, this.#binds);
    const conflicts: Conflict[] = [];
    for (const raw of rows) conflicts.push(await this.#conflictOf(columns, raw));
    return conflicts;
  }

  /** The row of the shard with this key, as it is now. */
  async #readKey(shard: ShardTarget, where: Expr | undefined): Promise<Conflict | undefined> {
    if (where === undefined) return undefined;
    const columns = this.#readColumns();
    const items = columns.map((column) => itemNode(storedItem(column, columnNode(column.name))));
    const select = { ...EMPTY_SELECT, items, from: [this.#tableName()], where };
    const reply = await runPart(this.#executor, shard, this.#payload(select));
    const [raw] = readTextRows(reply.bytes);
    return raw === undefined ? undefined : this.#conflictOf(columns, raw);
  }

  async #conflictOf(columns: readonly ColumnSchema[], raw: readonly (Buffer | null)[]): Promise<Conflict> {
    const values = new Map(columns.map((column, i) => [column.lower, storedValue(column, raw[i] ?? null)]));
    const { keyspace, table, primary, definition } = this.#plan;
    const vschema = this.#cluster.vschema.keyspaces.get(keyspace)?.tables.get(table);
    const [placing] = vschema?.columnVindexes ?? [];
    const value = placing === undefined ? undefined : values.get(placing.columnsLower[0] ?? "")?.value;
    const owner = { keyspace, table, definition, vschema };
    const vindex =
      placing?.vindex.kind !== "lookup"
        ? primary.vindex
        : await resolvedVindex(this.#executor, this.#cluster, owner, placing, value === undefined ? [] : [value]);
    const place = placeOfStored(
      this.#executor.shards.ofKeyspace(keyspace, this.#cluster),
      vindex,
      primary.columns,
      (lower) => values.get(lower)?.value,
      vschema,
      definition,
    );
    if (place === undefined) throw notSupported(`a conflict with a row of ${table} that has no known place`);
    const text = [...values.values()].map((value) => value.text).join("\u0000");
    return { ...place, values, text };
  }

  /** Columns of the key and of vindexes. */
  #readColumns(): readonly ColumnSchema[] {
    const definition = this.#definition();
    const key = keyOf(definition) ?? [];
    const names = new Set(key.map(({ lower }) => lower));
    for (const name of this.#plan.primary.columns) names.add(name.toLowerCase());
    for (const { columnVindex } of this.#plan.lookups) for (const lower of columnVindex.columnsLower) names.add(lower);
    return definition.columns.filter(({ lower }) => names.has(lower));
  }

  #keyWhere({ values }: Conflict): Expr {
    const key = keyOf(this.#definition());
    if (key === undefined) throw this.#unknown();
    return andNode(key.map(({ name, lower }) => equalNode(columnNode(name), values.get(lower)?.expr ?? NULL)));
  }

  #primaryKey(): KeySchema {
    const key = this.#definition().keys.find(({ unique }) => unique);
    if (key === undefined) throw this.#unknown();
    return key;
  }

  /** Undefined for a key that the row has NULL in, or no value that is known. */
  #uniqueWhere(row: number, key: KeySchema): Expr | undefined {
    const pairs: Expr[] = [];
    for (const lower of key.columns) {
      const value = this.#exprOf(row, lower);
      if (value === undefined) return undefined;
      const ref = valueRefOf(value);
      const resolved = ref === undefined ? undefined : resolveValue(ref, this.#binds);
      if (resolved === undefined || resolved.type === "NULL_TYPE") return undefined;
      const column = this.#definition().columns.find((each) => each.lower === lower);
      const stored =
        column === undefined ? undefined : storedKey(column, resolved, this.#executor.state.sqlMode.dialect);
      const isInteger = stored !== undefined && stored.type !== "VARCHAR" && stored !== resolved;
      pairs.push(equalNode(columnNode(lower), isInteger ? literalNode("int", stored.raw.toString("latin1")) : value));
    }
    return andNode(pairs);
  }

  /** What the row gives the column; undefined when it does not say. */
  #exprOf(row: number, lower: string): Expr | undefined {
    const { statement } = this.#placed;
    const at = statement.columns.findIndex(({ name }) => name.toLowerCase() === lower);
    return at < 0 ? undefined : statement.rows[row]?.values[at];
  }

  async #valuesOf(lookup: InsertLookup, row: number): Promise<LookupValue[]> {
    const values: LookupValue[] = [];
    for (const [i, lower] of lookup.columnVindex.columnsLower.entries()) {
      const expr = this.#exprOf(row, lower);
      const ref = expr === undefined || expr.kind === "default" ? undefined : valueRefOf(expr);
      const value = ref === undefined ? await this.#defaultOf(lower) : resolveValue(ref, this.#binds);
      if (value === undefined || (expr !== undefined && expr.kind !== "default" && ref === undefined)) {
        const name = lookup.columnVindex.columns[i];
        throw notSupported(`expression as value of vindex column ${name}`, "give a literal or a parameter");
      }
      if (value.type === "VARCHAR" && !this.#executor.state.settings.textIsUtf8 && !isAscii(value.raw)) {
        throw notSupported(
          "text beyond ASCII in a vindex column by a client that does not speak UTF-8",
          "SET NAMES utf8mb4",
        );
      }
      values.push(lookupValue(value, ref === undefined ? undefined : expr));
    }
    return values;
  }

  /** The default of a column that the statement leaves out. */
  async #defaultOf(lower: string): Promise<Value | undefined> {
    const column = this.#definition().columns.find((each) => each.lower === lower);
    const [target] = this.#executor.shards.ofKeyspace(this.#plan.keyspace, this.#cluster).targets;
    if (column === undefined || target === undefined) return undefined;
    const sql =
      `SELECT COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND ` +
      `TABLE_NAME = '${quoted(this.#plan.table)}' AND COLUMN_NAME = '${quoted(column.name)}'`;
    const reply = await runPlain(this.#executor.context.tablets, target, sql);
    const raw = readTextRows(reply.bytes)[0]?.[0];
    const text = raw?.toString("utf8");
    if (text === undefined || text === "NULL") return NULL_VALUE;
    const literal = /^'((?:[^']|'')*)'$/.exec(text)?.[1];
    if (literal !== undefined) return { type: "VARCHAR", raw: Buffer.from(literal.replaceAll("''", "'")) };
    return /^-?\d+$/.test(text) ? { type: "INT64", raw: Buffer.from(text) } : undefined;
  }

  #lookupOf({ columnVindex }: InsertLookup): OwnedLookup {
    const { keyspace, table, definition } = this.#plan;
    const vschema = this.#cluster.vschema.keyspaces.get(keyspace)?.tables.get(table);
    const lookup = lookupOf(columnVindex, { keyspace, table, definition, vschema });
    if (lookup === undefined) throw new ShardgateError("INTERNAL", "a lookup that is none");
    return lookup;
  }

  #definition(): TableSchema {
    const { definition } = this.#plan;
    if (definition === undefined) throw this.#unknown();
    return definition;
  }

  #unknown(): ShardgateError {
    const { keyspace, table } = this.#plan;
    return notSupported(`a write to ${keyspace}.${table} with lookup vindexes, whose key is not known`, "try again");
  }

  #tableName(): TableName {
    const { schema, name } = this.#plan.statement.table;
    return tableNode(schema ?? this.#plan.keyspace, name);
  }

  #payload(statement: Statement): Buffer {
    return comQuery(this.#text(statement));
  }

  #text(statement: Statement): string {
    return print(statement, this.#binds, { mode: this.#executor.state.sqlMode, columnNames: true });
  }

  /** Rows affected by a statement of the session's. */
  async #run(statement: Statement): Promise<number> {
    const reply = (await replyInside(this.#executor, this.#text(statement))).subarray(4);
    if (reply[0] === HEADER_ERR) throw decodeErr(reply);
    return decodeOk(reply, 0).affectedRows;
  }
}

/** A row that is there already. */
interface Conflict {
  readonly shard: ShardTarget;
  readonly keyspaceId: Buffer;
  /** By lower-case column. */
  readonly values: ReadonlyMap<string, StoredValue>;
  readonly text: string;
}

const NULL: Expr = literalNode("null", "null");

/** IGNORE has left out a row: what it was answered. */
class LeftOut extends Error {
  readonly reply: CollectedReply;

  constructor(reply: CollectedReply) {
    super("a row was left out");
    this.reply = reply;
  }
}

/** Not of the transaction, which would be gone with it. */
function isOfRow(error: unknown): boolean {
  return error instanceof MysqlError && error.errno !== ER_LOCK_DEADLOCK && error.errno !== ER_LOCK_WAIT_TIMEOUT;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MysqlError && error.errno === ER_DUP_ENTRY;
}

const ER_DUP_ENTRY = 1062;
const ER_LOCK_WAIT_TIMEOUT = 1205;
const ER_LOCK_DEADLOCK = 1213;

function lookupValueOf(stored: StoredValue | undefined): LookupValue {
  return stored === undefined ? lookupValue(NULL_VALUE) : storedLookupValue(stored);
}

/** The reply with rows added to those affected. */
function withMoreAffected(reply: CollectedReply, more: number): CollectedReply {
  if (more === 0 || reply.info.kind !== "ok") return reply;
  const ok = okOf(reply);
  const bytes = writeFrame(encodeOk({ ...ok, affectedRows: ok.affectedRows + more }, CLIENT.PROTOCOL_41), 1);
  return { bytes, info: { ...reply.info, lastPacketBytes: bytes.length } };
}

function quoted(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("'", "''");
}
