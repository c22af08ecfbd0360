// UPDATE and DELETE by key: the query that finds the rows runs through the tiers and locks them, then each row is written
// on its shard. Rows whose vindex columns change are read again afterwards, as the shard has stored them, and move to the
// shard they belong to now.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import {
  bareTable,
  chunks,
  deleteOf,
  deletesOf,
  failingOf,
  type FoundRow,
  keyNow,
  noRow,
  type RowWrite,
  updatesOf,
  whereOf,
  withStoredItems,
} from "./row-statements.ts";
import { type Place, placeOfStored } from "./stored-place.ts";
import { storedItem, type StoredValue, storedValue } from "./stored-values.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import type { Value } from "../../mysql/values.ts";
import type { ChangePlan, ChangeTarget, FoundColumn } from "../../plan/change-plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { resolveValue, valueRefOf } from "../../plan/value-ref.ts";
import { callNode, columnNode, FOR_UPDATE, itemNode } from "../../sql/new-nodes.ts";
import type { ColumnSchema } from "../../schema/model.ts";
import type { Delete, Expr, Insert, Select, Update } from "../../sql/tree.ts";
import type { Vindex } from "../../vschema/vindex.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { foundValue } from "./found-rows.ts";
import { refuseWarned } from "./found-warnings.ts";
import { type FoundBatch, type FoundStream, streamFound } from "./found-stream.ts";
import { lookupOf, type LookupRow, LookupRows, type OwnedLookup, storedLookupValue } from "./lookup-rows.ts";
import { putRow, refuseReferenced, runUnreferenced, takeRow } from "./row-moves.ts";
import { resolvedVindex } from "./resolved-vindex.ts";
import { filledQuery } from "../session/session-values.ts";
import { asOneStatement, runPart, runParts, unlessUndone } from "../transaction/statement-unit.ts";
import { readTextRows } from "../read/text-rows.ts";
import { answerParts, ignoredRow, okOf, type PartReply } from "./write-answer.ts";

/** Answers the client, or throws. */
export async function runChangeRows(
  executor: Executor,
  plan: ChangePlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  executor.refuseReplica();
  executor.losesVariables();
  executor.asParts(plan.effect);
  const replies = await asOneStatement(executor, () => new RowChange(executor, plan, binds, cluster).run());
  const limit = plan.statement.limit?.count;
  const ref = limit === undefined ? undefined : valueRefOf(limit);
  const isNothing = ref !== undefined && resolveValue(ref, binds)?.raw.toString("latin1") === "0";
  // MariaDB tells no numbers of what it need not look for.
  answerParts(executor, replies, isNothing ? "delete" : plan.statement.kind);
}

class RowChange {
  readonly #executor: Executor;
  readonly #plan: ChangePlan;
  readonly #binds: readonly BindValue[];
  readonly #cluster: ClusterView;
  readonly #lookups: LookupRows;
  readonly #resolved = new Map<ChangeTarget, Vindex>();
  /** Rows whose shard lacks what their new values refer to: where they go, it has to be there. */
  readonly #unreferenced = new Set<FoundRow>();

  constructor(executor: Executor, plan: ChangePlan, binds: readonly BindValue[], cluster: ClusterView) {
    this.#executor = executor;
    this.#plan = plan;
    this.#binds = binds;
    this.#cluster = cluster;
    this.#lookups = new LookupRows(executor, cluster, []);
  }

  get #isJoined(): boolean {
    const [only, ...others] = this.#plan.statement.tables;
    return others.length > 0 || only?.kind !== "tableName";
  }

  async run(): Promise<PartReply[]> {
    const found = await streamFound(this.#executor, withStoredItems(this.#plan), this.#binds);
    try {
      if (!this.#plan.statement.ignore) refuseWarned(this.#executor.state);
      const replies: PartReply[] = [];
      let isNone = true;
      for await (const batch of this.#batches(found)) {
        isNone = false;
        replies.push(...(await this.#writeAll(found.columns, batch)));
      }
      if (isNone) replies.push(...(await this.#writeAll(found.columns, [])));
      return replies;
    } finally {
      await found.close();
    }
  }

  /** A join may find a row several times, which counts once: all its rows are looked at together. */
  async *#batches(found: FoundStream): AsyncGenerator<FoundBatch> {
    if (!this.#isJoined) {
      yield* found.batches(LIMITS.foundRowsMax, LIMITS.foundBytesMax);
      return;
    }
    let all: FoundBatch | undefined;
    for await (const batch of found.batches(Number.MAX_SAFE_INTEGER, LIMITS.bufferedReplyBytesMax)) {
      if (all !== undefined) {
        const text = `rows of a join that a statement writes have more than ${LIMITS.bufferedReplyBytesMax} bytes`;
        throw new ShardgateError("LIMIT_REACHED", text);
      }
      all = batch;
    }
    if (all !== undefined) yield all;
  }

  async #writeAll(columns: readonly ColumnDefinition[], found: FoundBatch): Promise<PartReply[]> {
    const replies: PartReply[] = [];
    for (const target of this.#plan.targets) {
      await this.#resolve(
        target,
        found.map((row) => target.vindexed.map(({ column, position }) => storedValue(column, row[position] ?? null))),
      );
      replies.push(...(await this.#write(target, this.#rowsOf(target, columns, found))));
    }
    return replies;
  }

  #rowsOf(
    target: ChangeTarget,
    columns: readonly ColumnDefinition[],
    rows: readonly (readonly (Buffer | null)[])[],
  ): FoundRow[] {
    const found = new Map<string, FoundRow>();
    const { textIsUtf8 } = this.#executor.state.settings;
    const valueAt = (row: readonly (Buffer | null)[], position: number): Expr =>
      foundValue(columns[position], row[position] ?? null, textIsUtf8);
    for (const row of rows) {
      const read = ({ column, position }: FoundColumn): StoredValue => storedValue(column, row[position] ?? null);
      // An outer join without a match has no row to write.
      if (target.key.some(({ column, position }) => row[position] === null && !isNullable(target, column))) continue;
      const key = target.key.map(read);
      const vindexed = target.vindexed.map(read);
      const assigned = target.set.flatMap(({ value }) =>
        value.kind === "found" ? [valueAt(row, value.position)] : [],
      );
      const values = [...key, ...vindexed].map((value) => value.text).join("\u0000");
      const isCounted = target.isKeyless && !this.#isJoined;
      const text = isCounted ? `${values}\u0000${JSON.stringify(assigned)}` : values;
      const known = found.get(text);
      if (known !== undefined) {
        if (isCounted) known.count++;
        continue;
      }
      const place = this.#placeOf(target, vindexed);
      found.set(text, {
        key,
        vindexed,
        shard: place?.shard,
        keyspaceId: place?.keyspaceId,
        assigned,
        newKey: target.newKey.map(({ position }) => valueAt(row, position)),
        count: 1,
      });
    }
    return [...found.values()];
  }

  /** Where a row with these values of `target.vindexed` is; undefined when that cannot be told. */
  #placeOf(target: ChangeTarget, vindexed: readonly StoredValue[]): Place | undefined {
    if (target.placed !== "sharded") return undefined;
    const keyspace = this.#executor.shards.ofKeyspace(target.keyspace, this.#cluster);
    const pinned = target.vschema?.pinned;
    if (pinned !== undefined) {
      const shard = keyspace.targets[keyspace.shardMap?.indexOf(pinned) ?? -1];
      return shard === undefined ? undefined : { shard, keyspaceId: pinned };
    }
    const primary = target.vschema?.columnVindexes[0];
    if (primary === undefined) return undefined;
    const valueOf = (lower: string): Value | undefined => {
      return vindexed[target.vindexed.findIndex(({ column }) => column.lower === lower)]?.value;
    };
    const vindex = this.#resolved.get(target) ?? primary.vindex;
    return placeOfStored(keyspace, vindex, primary.columns, valueOf, target.vschema, target.definition);
  }

  /** Rows placed by a lookup vindex have their places when its table was asked. */
  async #resolve(target: ChangeTarget, rows: readonly (readonly StoredValue[])[]): Promise<void> {
    const primary = target.vschema?.columnVindexes[0];
    if (target.placed !== "sharded" || primary?.vindex.kind !== "lookup") return;
    const at = target.vindexed.findIndex(({ column }) => column.lower === primary.columnsLower[0]);
    const values = rows.flatMap((row) => row[at]?.value ?? []);
    this.#resolved.set(target, await resolvedVindex(this.#executor, this.#cluster, target, primary, values));
  }

  async #write(target: ChangeTarget, rows: readonly FoundRow[]): Promise<PartReply[]> {
    const { targets: all } = this.#executor.shards.ofKeyspace(target.keyspace, this.#cluster);
    const byShard = new Map<ShardTarget, FoundRow[]>();
    for (const row of rows) {
      const shards = row.shard === undefined ? all : [row.shard];
      for (const shard of shards) {
        const list = byShard.get(shard);
        if (list === undefined) byShard.set(shard, [row]);
        else list.push(row);
      }
    }
    const { statement } = this.#plan;
    if (target.isKeyless && all.length > 1 && rows.some(({ shard }) => shard === undefined)) {
      throw notSupported(`a change over shards of rows of ${target.table} without place, which has no key`);
    }
    if (statement.kind === "update" && statement.ignore && target.changesVindex) {
      return this.#updateIgnoring(target, rows);
    }
    if (target.isKeyless && this.#isJoined) await this.#countAlike(target, byShard);
    const last = rows.at(-1);
    const parts = new Map<ShardTarget, (() => Promise<PartReply>)[]>();
    for (const [shard, list] of byShard) {
      const isCounted = target.placed !== "everywhere" || shard === all[0];
      const writes =
        statement.kind === "delete" ? deletesOf(this.#plan, target, list) : updatesOf(this.#plan, target, list, last);
      parts.set(
        shard,
        writes.map((each) => async (): Promise<PartReply> => {
          const reply = await this.#sendChange(target, shard, each);
          return { reply, isCounted, isLast: each.isLast };
        }),
      );
    }
    const replies = await runParts(parts);
    await this.#check(target, byShard);
    if (target.changesVindex) await this.#move(target, rows);
    if (statement.kind === "delete") {
      for (const lookup of lookupsOf(target)) {
        await this.#lookups.remove(
          lookup,
          rows.map((row) => lookupRowOf(lookup, target, row)),
        );
      }
    }
    if (replies.length === 0 && statement.kind === "delete" && statement.returning.length > 0) {
      const [shard] = all;
      const nothing = deleteOf(statement, target, noRow(target));
      if (shard !== undefined) replies.push({ reply: await this.#send(shard, nothing), isCounted: true });
    }
    return replies;
  }

  /** A join has met all rows that are alike, as often as its other tables have it: so many of them are written as there are. */
  async #countAlike(target: ChangeTarget, byShard: ReadonlyMap<ShardTarget, readonly FoundRow[]>): Promise<void> {
    const items = [itemNode({ ...callNode("count", []), star: true })];
    const from = [bareTable(target)];
    for (const [shard, rows] of byShard) {
      for (const row of rows) {
        const where = whereOf(target, [row]);
        const reply = await this.#send(shard, { ...EMPTY_SELECT, items, from, where, locking: [FOR_UPDATE] });
        row.count = Number(readTextRows(reply.bytes)[0]?.[0]?.toString("latin1") ?? 0);
      }
    }
  }

  /** A row that is to move may refer to what only its new shard has. */
  async #sendChange(
    target: ChangeTarget,
    shard: ShardTarget,
    { statement, rows }: RowWrite<Update | Delete>,
  ): Promise<CollectedReply> {
    if (statement.kind === "delete" || !target.changesVindex) return this.#send(shard, statement);
    try {
      const reply = await this.#send(shard, statement);
      if (!statement.ignore || changedRows(reply) > 0) return reply;
    } catch (error) {
      if (!isUnreferenced(error)) throw error;
    }
    // IGNORE does not say which of its reasons it had.
    const reply = await runUnreferenced(this.#executor, shard, this.#payloadOf(statement));
    for (const row of rows) this.#unreferenced.add(row);
    return reply;
  }

  #send(shard: ShardTarget, statement: Update | Delete | Insert | Select): Promise<CollectedReply> {
    return runPart(this.#executor, shard, this.#payloadOf(statement));
  }

  #payloadOf(statement: Update | Delete | Insert | Select): Buffer {
    const { state, context } = this.#executor;
    return filledQuery(statement, this.#binds, state, context);
  }

  /** Row by row: one whose new values another row has already stays as it was, also if that row is on another shard. */
  async #updateIgnoring(target: ChangeTarget, rows: readonly FoundRow[]): Promise<PartReply[]> {
    const replies: PartReply[] = [];
    const last = rows.at(-1);
    for (const row of rows) {
      const { shard } = row;
      if (shard === undefined) {
        throw notSupported(`UPDATE IGNORE of vindex columns of a row of ${target.table} without place`);
      }
      const changed = await unlessUndone(this.#executor, isIgnored, async () => {
        const written: PartReply[] = [];
        for (const each of updatesOf(this.#plan, target, [row], last)) {
          const reply = await this.#sendChange(target, shard, each);
          written.push({ reply, isCounted: true, isLast: each.isLast });
        }
        if (written.some(({ reply }) => changedRows(reply) > 0)) await this.#move(target, [row]);
        return written;
      });
      if ("undoneBy" in changed) replies.push({ reply: ignoredRow(changed.undoneBy, this.#executor), isCounted: true });
      else replies.push(...changed);
    }
    return replies;
  }

  /** Rows whose keyspace id is another one now go where they belong; lookup tables follow. */
  async #move(target: ChangeTarget, rows: readonly FoundRow[]): Promise<void> {
    const primary = target.vschema?.columnVindexes[0];
    if (primary === undefined) return;
    const moves: { readonly from: ShardTarget; readonly to: ShardTarget; readonly key: Expr }[] = [];
    const placed: PlacedRow[] = [];
    const again = await this.#readAgain(target, rows);
    await this.#resolve(
      target,
      again.map(({ values }) => values),
    );
    for (const { row, now, values } of again) {
      const place = this.#placeOf(target, values);
      if (row.shard === undefined || place === undefined) {
        throw notSupported(
          `UPDATE of vindex columns ${primary.columns.join(", ")} of ${target.table} to or from a value that has no known place`,
        );
      }
      placed.push({ vindexed: values, keyspaceId: place.keyspaceId });
      const isMoved = place.shard.shard !== row.shard.shard || this.#unreferenced.has(row);
      if (isMoved) moves.push({ from: row.shard, to: place.shard, key: now });
    }
    const moved = { table: bareTable(target), definition: target.definition };
    const [firstMove] = moves;
    if (firstMove !== undefined) await refuseReferenced(this.#executor, firstMove.from, moved);
    const inserts: { readonly to: ShardTarget; readonly insert: Insert }[] = [];
    for (const { from, to, key } of moves)
      inserts.push({ to, insert: await takeRow(this.#executor, from, moved, key) });
    for (const { to, insert } of inserts) await putRow(this.#executor, to, insert);
    for (const lookup of lookupsOf(target)) {
      const pick = (list: readonly PlacedRow[]): LookupRow[] => list.map((row) => lookupRowOf(lookup, target, row));
      await this.#lookups.change(lookup, pick(rows), pick(placed));
    }
  }

  /** Throws 1369 for a row that is not any more of the view that it was written through. */
  async #check(target: ChangeTarget, byShard: ReadonlyMap<ShardTarget, readonly FoundRow[]>): Promise<void> {
    const alias = target.ref.alias ?? target.ref.name;
    for (const check of this.#plan.checks ?? []) {
      if (check.alias !== alias) continue;
      for (const [shard, rows] of byShard) {
        for (const chunk of chunks(rows, LIMITS.writtenKeysMax)) {
          const reply = await this.#send(shard, failingOf(target, chunk, check.condition));
          if (readTextRows(reply.bytes).length > 0) {
            throw new MysqlError(1369, "44000", `CHECK OPTION failed ${check.view}`);
          }
        }
      }
    }
  }

  /** The rows' vindexed columns as they are stored now. */
  async #readAgain(
    target: ChangeTarget,
    rows: readonly FoundRow[],
  ): Promise<{ readonly row: FoundRow; readonly now: Expr; readonly values: readonly StoredValue[] }[]> {
    const again: { row: FoundRow; now: Expr; values: readonly StoredValue[] }[] = [];
    const table = bareTable(target);
    const items = target.vindexed.map(({ column }) => itemNode(storedItem(column, columnNode(column.name))));
    for (const row of rows) {
      const now = keyNow(target, row);
      if (row.shard === undefined)
        throw notSupported(`UPDATE of vindex columns of a row of ${target.table} without place`);
      const reply = await this.#send(row.shard, { ...EMPTY_SELECT, items, from: [table], where: now });
      const [values, ...others] = readTextRows(reply.bytes);
      if (values === undefined || others.length > 0) {
        throw notSupported(
          `UPDATE of key columns of ${target.table} to values that MySQL stores in another form`,
          "give them in the columns' own types",
        );
      }
      const stored = target.vindexed.map(({ column }, i) => storedValue(column, values[i] ?? null));
      again.push({ row, now, values: stored });
    }
    return again;
  }
}

/** Without a key the columns are those of the row, of which some may be NULL. */
function isNullable({ isKeyless }: ChangeTarget, { nullable }: ColumnSchema): boolean {
  return isKeyless && nullable;
}

/** A row as its vindexes see it. */
interface PlacedRow {
  readonly vindexed: readonly StoredValue[];
  readonly keyspaceId: Buffer | undefined;
}

function lookupsOf({ vschema, keyspace, table, definition }: ChangeTarget): readonly OwnedLookup[] {
  const owner = { keyspace, table, definition, vschema };
  return vschema?.columnVindexes.flatMap((each) => (each.owned ? (lookupOf(each, owner) ?? []) : [])) ?? [];
}

function lookupRowOf({ columns, vindex }: OwnedLookup, target: ChangeTarget, row: PlacedRow): LookupRow {
  const { keyspaceId } = row;
  if (keyspaceId === undefined) {
    throw notSupported(
      `a change of ${target.table} with lookup vindex ${vindex.name}, of a row that has no known place`,
    );
  }
  const from = columns.map((name) => {
    const at = target.vindexed.findIndex(({ column }) => column.lower === name.toLowerCase());
    const stored = row.vindexed[at];
    if (stored === undefined) throw new ShardgateError("INTERNAL", `column ${name} of a vindex was not read`);
    return storedLookupValue(stored);
  });
  return { from, keyspaceId };
}

/** By UPDATE IGNORE, which leaves the row as it was. */
function isIgnored(error: unknown): boolean {
  return error instanceof MysqlError && (error.errno === ER_DUP_ENTRY || isUnreferenced(error));
}

function isUnreferenced(error: unknown): boolean {
  return error instanceof MysqlError && error.errno === ER_NO_REFERENCED_ROW;
}

const ER_DUP_ENTRY = 1062;
const ER_NO_REFERENCED_ROW = 1452;

/** Of an UPDATE, whatever the client counts. */
function changedRows(reply: CollectedReply): number {
  const { info, affectedRows } = okOf(reply);
  const told = /Changed: (\d+)/.exec(info)?.[1];
  return told === undefined ? affectedRows : Number(told);
}
