// The gateways that are registered in all cells, followed by a watch. What was known stays known while the store is away.

import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type GatewayRecord, gatewayCodec } from "./gateway-record.ts";
import type { TopoEntry, TopoWatch } from "./store.ts";
import { parseTopologyKey, type Topology } from "./topology.ts";

export class GatewayWatch {
  readonly #topology: Topology;
  readonly #log: Log;
  readonly #watch: TopoWatch;
  #known = new Map<string, GatewayRecord>();

  constructor(topology: Topology, log: Log) {
    this.#topology = topology;
    this.#log = log;
    this.#watch = topology.store.watch(`${topology.root}/cells/`, (event) => {
      if (event.kind === "reset") {
        this.#known = new Map();
        for (const entry of event.list.entries) this.#put(entry);
      } else if (event.kind === "changes") {
        for (const change of event.changes) {
          if (change.kind === "put") this.#put(change.entry);
          else this.#known.delete(change.key);
        }
      }
    });
  }

  /** By number. */
  get gateways(): readonly GatewayRecord[] {
    return [...this.#known.values()].toSorted((a, b) => a.number - b.number);
  }

  close(): void {
    this.#watch.close();
  }

  #put({ key, value }: TopoEntry): void {
    if (parseTopologyKey(this.#topology.root, key)?.kind !== "gateway") return;
    try {
      this.#known.set(key, gatewayCodec.decode(key, value));
    } catch (error) {
      this.#log.warn({ key, error: messageOf(error) }, "bad topology record");
    }
  }
}
