// Whether there is nothing where a lookup has led. A row that moves to another shard has its new lookup row a moment before
// it is there, and shards commit one after the other: who comes in between finds nothing at either place, though there is
// a row at any time. So who finds none looks again, waits for whoever is about to commit such rows, and goes where they are.
//
//   nothing ──► looked up again: nothing ──► it is so
//                        └─► locked for a moment on all shards, twice: none ──► it is so
//                                                ├─► some ──► the shards that have them are asked
//                                                └─► it takes long ──► all are

import { LIMITS } from "../../base/limits.ts";
import { collect } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import type { LookupRouting } from "../../plan/key-routing.ts";
import type { Routing, SendPlan } from "../../plan/plan.ts";
import type { AskedRef } from "../../plan/value-ref.ts";
import { resolveValues } from "../../plan/value-ref.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import { printExpr } from "../../sql/print.ts";
import { quoteName } from "../../sql/quoting.ts";
import { parseKeyRange } from "../../topo/key-range.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { lookupValue } from "../write/lookup-rows.ts";
import { askedRouting } from "./asked-routing.ts";
import { readTextRows } from "./text-rows.ts";

const LOCK_WAIT = "SET innodb_lock_wait_timeout = 1";
/** A row that is not there yet when one shard is asked is locked when another one has been waited for. */
const LOOKS = 2;
const SCATTER: Routing = { kind: "scatter" };

export function lookupsIn(routing: Routing): readonly LookupRouting[] {
  if (routing.kind === "lookup") return [routing];
  return routing.kind === "all-of" || routing.kind === "common" ? routing.parts.flatMap(lookupsIn) : [];
}

/** Decides for one statement, run by run, whether it has to be run again. */
export class LookupAnswers {
  readonly #executor: Executor;
  readonly #plan: SendPlan;
  readonly #asks: readonly AskedRef[];
  readonly #binds: readonly BindValue[];
  readonly #cluster: ClusterView;
  #known: Routing;
  #runs = 1;
  #last: Routing = NOWHERE;

  /** `known` is the routing that the lookups have given to the first run. */
  constructor(
    executor: Executor,
    plan: SendPlan,
    asks: readonly AskedRef[],
    binds: readonly BindValue[],
    cluster: ClusterView,
    known: Routing,
  ) {
    this.#executor = executor;
    this.#plan = plan;
    this.#asks = asks;
    this.#binds = binds;
    this.#cluster = cluster;
    this.#known = known;
  }

  /** How to run it again after a run that has found nothing; undefined: there is nothing. */
  async another(): Promise<Routing | undefined> {
    const executor = this.#executor;
    if (++this.#runs > LIMITS.lookedUpRunsMax || executor.tabletType !== "primary") return undefined;
    const { keyspace, routing, effect } = this.#plan;
    const now = await askedRouting(executor, routing, this.#asks, keyspace, this.#binds, this.#cluster);
    const isSame = textOf(now) === textOf(this.#known);
    this.#known = now;
    // What locks the rows it looks for has waited for those who move them.
    if (effect.writes && !isSame) return now;
    if (isEmpty(now)) return undefined;
    const { state } = executor;
    const isHindered = state.inTransaction && state.holds.hasLocked;
    // Its own locks it would wait for in vain.
    const found = isHindered ? undefined : await this.#find();
    const next = found === undefined ? this.#everywhere(now) : routingTo(found, now, this.#isUnique);
    if (isEmpty(next)) return undefined;
    // With the rows where they were, its other conditions leave none.
    if (isSame && textOf(next) === textOf(this.#last) && (found !== undefined || isHindered)) return undefined;
    this.#last = next;
    return next;
  }

  /** All shards, where the statement may go to several. */
  #everywhere(now: Routing): Routing {
    const { crossShard, severalShards } = this.#plan;
    const isForOne = crossShard !== undefined && severalShards === undefined;
    return isForOne || this.#executor.options.noScatter !== undefined ? now : SCATTER;
  }

  get #isUnique(): boolean {
    return lookupsIn(this.#plan.routing).every(({ vindex, values }) => vindex.unique && values.length === 1);
  }

  /** Shards that have rows with the values; undefined when that cannot be told, also because some are on their way for long. */
  async #find(): Promise<readonly ShardTarget[] | undefined> {
    const found = new Set<ShardTarget>();
    for (const lookup of lookupsIn(this.#plan.routing)) {
      const shards = await this.#findFor(lookup);
      if (shards === undefined) return undefined;
      for (const shard of shards) found.add(shard);
    }
    return [...found];
  }

  async #findFor(lookup: LookupRouting): Promise<readonly ShardTarget[] | undefined> {
    const { context, signal } = this.#executor;
    const { keyspace } = this.#plan;
    const definition = this.#cluster.schema.table(keyspace, lookup.table);
    const values = resolveValues(lookup.values, this.#binds) ?? [];
    const { targets } = this.#executor.shards.ofKeyspace(keyspace, this.#cluster);
    // Without a key it would lock all rows, and wait for all who do.
    if (definition?.keys.some(({ columns }) => columns[0]?.toLowerCase() === lookup.columnLower) !== true)
      return targets;
    const list = values.map((value) => printExpr(lookupValue(value).expr, [])).join(", ");
    const sql =
      `SELECT 1 FROM ${quoteName(keyspace)}.${quoteName(lookup.table)} ` +
      `WHERE ${quoteName(lookup.columnLower)} IN (${list}) LIMIT 1 LOCK IN SHARE MODE`;
    const request = { ...plainRequest(comQuery(sql)), settings: LOCK_WAIT };
    for (let look = 0; look < LOOKS; look++) {
      const asked = await Promise.allSettled(
        targets.map((target) => collect(context.tablets, target, request, signal)),
      );
      if (asked.some((each) => each.status === "rejected" || each.value.info.kind === "err")) return undefined;
      const found = targets.filter((_, i) => {
        const each = asked[i];
        return each?.status === "fulfilled" && hasRows(each.value.bytes);
      });
      if (found.length > 0) return found;
    }
    return [];
  }
}

/** To these shards. Of a unique value only the last place counts. */
function routingTo(found: readonly ShardTarget[], now: Routing, isUnique: boolean): Routing {
  if (found.length === 0) return NOWHERE;
  if (found.length > 1 && isUnique) return now;
  return {
    kind: "keyspace-ids",
    ids: found.map(({ shard }) => Buffer.concat([parseKeyRange(shard).start, ZEROS]).subarray(0, ZEROS.length)),
  };
}

const NOWHERE: Routing = { kind: "keyspace-ids", ids: [] };
/** Behind where a shard begins: a keyspace id that is in it. */
const ZEROS = Buffer.alloc(16);

function hasRows(reply: Buffer): boolean {
  return readTextRows(reply).length > 0;
}

function isEmpty(routing: Routing): boolean {
  if (routing.kind === "keyspace-ids") return routing.ids.length === 0;
  return routing.kind === "common" && routing.parts.some(isEmpty);
}

function textOf(routing: Routing): string {
  return JSON.stringify(routing, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
