// Which shards a session's statement goes to: those of its routing, unless the session has chosen one (USE of a shard), read
// from the tablets that the statement reads from; and of shards that are alike the one that suits the session.

import { ShardgateError } from "../../base/errors.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { type KeyspaceTargets, shardsFor, widened } from "../../engine/shards.ts";
import type { Routing } from "../../plan/plan.ts";
import { unknownDatabase } from "../../plan/unknown-database.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { TabletType } from "../../topo/records.ts";
import { literalsInUtf8 } from "../client/client-text.ts";
import type { SessionState } from "../session/session-state.ts";
import type { ClusterView } from "./cluster-view.ts";

interface Routed {
  readonly keyspace: string;
  readonly routing: Routing;
}

export class SessionShards {
  readonly #state: SessionState;
  readonly #reading: { readonly tabletType: TabletType };
  #turn = 0;

  /** `reading`: where the statement under way reads, asked each time. */
  constructor(state: SessionState, reading: { readonly tabletType: TabletType }) {
    this.#state = state;
    this.#reading = reading;
  }

  /** Throws for a keyspace that is not known, and for a chosen shard that does not serve. */
  of({ keyspace: name, routing }: Routed, binds: readonly BindValue[], cluster: ClusterView): readonly ShardTarget[] {
    const { target, settings } = this.#state;
    const keyspace = this.ofKeyspace(name, cluster);
    if (target.shard === undefined || target.keyspace !== name) {
      const values = literalsInUtf8(binds, settings);
      if (values === undefined) return shardsFor(widened(routing), keyspace, binds);
      return shardsFor(routing, keyspace, values);
    }
    const chosen = keyspace.targets.filter(({ shard }) => shard === target.shard);
    if (chosen.length > 0) return chosen;
    throw new ShardgateError("ER_BAD_DB", `keyspace ${name} has no serving shard ${target.shard}`);
  }

  /** All of the keyspace, whatever the session has chosen. */
  ofKeyspace(name: string, cluster: ClusterView): KeyspaceTargets {
    const keyspace = cluster.targets[this.#reading.tabletType].get(name);
    if (keyspace !== undefined) return keyspace;
    throw unknownDatabase(name);
  }

  /** A shard for work that any of them can do: another one each time, but the one with the session's temporary tables. */
  any(keyspace: string, cluster: ClusterView): ShardTarget {
    const home = this.#homeOfTemporaries(keyspace, cluster);
    if (home !== undefined) return home;
    const targets = this.of({ keyspace, routing: SCATTER }, [], cluster);
    const target = targets[(this.#state.connectionId + this.#turn++) % targets.length];
    if (target === undefined) throw noShard(keyspace);
    return target;
  }

  /** The shard that a table is read from which is on all: one that takes part in the transaction, else the session's own. */
  nearest(keyspace: string, cluster: ClusterView): ShardTarget {
    const { holds, connectionId, inTransaction } = this.#state;
    const targets = this.of({ keyspace, routing: SCATTER }, [], cluster);
    const joined = inTransaction ? targets.find((target) => holds.participates(target)) : undefined;
    return joined ?? targets[connectionId % targets.length] ?? this.first(keyspace, cluster);
  }

  /** The shard that statements without tables go to. */
  first(keyspace: string, cluster: ClusterView): ShardTarget {
    const [target] = this.of({ keyspace, routing: { kind: "any" } }, [], cluster);
    if (target === undefined) throw noShard(keyspace);
    return target;
  }

  /** The first one, unless the session has temporary tables, which may be meant. */
  home(keyspace: string, cluster: ClusterView): ShardTarget {
    return this.#homeOfTemporaries(keyspace, cluster) ?? this.first(keyspace, cluster);
  }

  #homeOfTemporaries(keyspace: string, cluster: ClusterView): ShardTarget | undefined {
    const { temporaries } = this.#state.kept;
    if (!temporaries.hasAnyIn(keyspace)) return undefined;
    return this.of({ keyspace, routing: { kind: "pinned", keyspaceId: temporaries.home } }, [], cluster)[0];
  }
}

const SCATTER: Routing = { kind: "scatter" };

function noShard(keyspace: string): ShardgateError {
  return new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${keyspace} has no shard`);
}
