// The other gateways of the cluster: what makes connection ids differ between them, and asking them about their clients.
// A gateway takes a number that no other has (a lock in the topology), which is the upper bits of its connections' ids, and
// registers where it can be reached. While the store is away it serves on; without a number its ids begin with 0, and the
// others do not know of it.
//
//   id:  0 | number (9 bits) | own counter (22 bits)

import { type Clock, sleep } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { GatewayRecord } from "../../topo/gateway-record.ts";
import { GatewayWatch } from "../../topo/gateway-watch.ts";
import type { TopoLock, TopoRegistration } from "../../topo/store.ts";
import type { Topology } from "../../topo/topology.ts";
import type { KillRequest, Killed } from "./run-kill.ts";
import type { Process } from "./processes.ts";

/** How gateways reach each other. */
export interface PeerNetwork {
  /** Answers the others, from now on. Throws CONFIG_BAD when the port cannot be had. */
  listen(ports: PeerPorts): Promise<PeerListener>;
  /** Both reject when the gateway does not answer in `timeoutMs`. */
  processes(peer: GatewayRecord, statementBytesMax: number, timeoutMs: number): Promise<readonly Process[]>;
  kill(peer: GatewayRecord, request: KillRequest, timeoutMs: number): Promise<Killed>;
  close(): void;
}

export interface PeerListener {
  readonly hostname: string;
  readonly port: number;
  close(): void;
}

/** What this gateway answers itself. */
export interface PeerPorts {
  processes(): readonly Process[];
  kill(request: KillRequest): Killed;
}

export interface PeersOptions {
  readonly network: PeerNetwork;
  readonly ports: PeerPorts;
  readonly topology: Topology;
  /** Undefined: the first of the topology's cells. */
  readonly cell: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** What was heard of the other gateways, and which of them said nothing. */
export interface Heard<T> {
  readonly answers: readonly T[];
  readonly silent: readonly { readonly peer: GatewayRecord; readonly error: string }[];
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #listener: PeerListener;
  readonly #watch: GatewayWatch;
  readonly #startedAt: string;
  #number = 0;
  #lock: TopoLock | undefined;
  #registration: TopoRegistration | undefined;
  #closed = false;

  private constructor(options: PeersOptions, listener: PeerListener) {
    this.#options = options;
    this.#listener = listener;
    this.#watch = new GatewayWatch(options.topology, options.log);
    this.#startedAt = new Date(options.clock.wallMs()).toISOString();
  }

  static async start(options: PeersOptions): Promise<Peers> {
    return new Peers(options, await options.network.listen(options.ports));
  }

  /** 0 while there is none. */
  get number(): number {
    return this.#number;
  }

  /** Takes a number and registers; tries for ever. `listen` is where clients connect. Resolves with the first attempt. */
  async join(listen: string): Promise<void> {
    if (await this.#tryJoin(listen)) return;
    void this.#joinLater(listen);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    this.#listener.close();
    this.#options.network.close();
    await this.#leave();
  }

  /** Their client connections. */
  processes(statementBytesMax: number): Promise<Heard<readonly Process[]>> {
    const { network } = this.#options;
    return this.#ask((peer) => network.processes(peer, statementBytesMax, LIMITS.peerCallTimeoutMs));
  }

  kill(request: KillRequest): Promise<Heard<Killed>> {
    const { network } = this.#options;
    return this.#ask((peer) => network.kill(peer, request, LIMITS.peerCallTimeoutMs));
  }

  async #ask<T>(call: (peer: GatewayRecord) => Promise<T>): Promise<Heard<T>> {
    const others = onePerAddress(this.#watch.gateways).filter((peer) => !this.#isSelf(peer));
    const answers: T[] = [];
    const silent: { peer: GatewayRecord; error: string }[] = [];
    const asked = others.map(async (peer) => {
      try {
        answers.push(await call(peer));
      } catch (error) {
        silent.push({ peer, error: messageOf(error) });
      }
    });
    await Promise.all(asked);
    return { answers, silent };
  }

  #isSelf({ hostname, grpcPort }: GatewayRecord): boolean {
    return hostname === this.#listener.hostname && grpcPort === this.#listener.port;
  }

  async #tryJoin(listen: string): Promise<boolean> {
    const { topology, log } = this.#options;
    try {
      const cell = this.#options.cell ?? (await topology.getCellNames())[0];
      if (cell === undefined) return false;
      const lock = await this.#takeNumber(cell);
      if (lock === undefined) return false;
      const { hostname, port } = this.#listener;
      const record = { number: this.#number, cell, hostname, grpcPort: port, listen, startedAt: this.#startedAt };
      this.#registration = topology.registerGateway(record, { ttlS: LIMITS.gatewayLeaseTtlS });
      this.#registration.registered.catch(() => undefined);
      log.info({ number: this.#number, peers: `${hostname}:${port}` }, "registered among the gateways");
      lock.lost.addEventListener("abort", () => void this.#renumber(listen), { once: true });
      return true;
    } catch (error) {
      log.warn({ error: messageOf(error) }, "not registered among the gateways yet");
      return false;
    }
  }

  async #takeNumber(cell: string): Promise<TopoLock | undefined> {
    const { topology, log } = this.#options;
    const taken = new Set((await topology.getGateways()).map(({ number }) => number));
    for (let number = 1; number <= GATEWAYS_MAX; number++) {
      if (taken.has(number)) continue;
      try {
        const options = { waitMs: 0, ttlS: LIMITS.gatewayLeaseTtlS };
        this.#lock = await topology.lock(`gateway-${number}`, `gateway in ${cell}`, options);
        this.#number = number;
        return this.#lock;
      } catch (error) {
        // Another one starts, or has crashed just now.
        log.debug({ number, error: messageOf(error) }, "gateway number is taken");
        if (this.#closed) return undefined;
      }
    }
    log.error(
      {},
      `there are ${GATEWAYS_MAX} gateways already; this one's clients cannot be listed or killed by others`,
    );
    return undefined;
  }

  async #joinLater(listen: string): Promise<void> {
    do await sleep(this.#options.clock, RETRY_MS);
    while (!this.#closed && !(await this.#tryJoin(listen)));
    if (this.#closed) await this.#leave();
  }

  /** The number may be another gateway's by now: connections made from here on get a new one. */
  async #renumber(listen: string): Promise<void> {
    if (this.#closed) return;
    this.#number = 0;
    await this.#leave();
    await this.#joinLater(listen);
  }

  async #leave(): Promise<void> {
    const registration = this.#registration;
    const lock = this.#lock;
    this.#registration = undefined;
    this.#lock = undefined;
    await Promise.allSettled([registration?.close(), lock?.release()]);
  }
}

/** A gateway that was started anew on its port is listed twice until the lease of its dead self ends. */
function onePerAddress(gateways: readonly GatewayRecord[]): readonly GatewayRecord[] {
  return [...new Map(gateways.map((gateway) => [`${gateway.hostname}:${gateway.grpcPort}`, gateway])).values()];
}

const RETRY_MS = 1_000;
const COUNTER_BITS = 22;
const COUNTER_MAX = 2 ** COUNTER_BITS - 1;
const GATEWAYS_MAX = 2 ** 9 - 1;

/** Ids of client connections; none is given to two of them at a time. */
export class ConnectionIds {
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #step: number;
  #counter: number;

  /** Its counters are `first`, `first + step`, …: processes that may have one number count past each other. */
  constructor(first = 1, step = 1) {
    this.#first = first;
    this.#step = step;
    this.#counter = first - step;
  }

  /** `number` is the gateway's. */
  take(number: number): number {
    for (;;) {
      const next = this.#counter + this.#step;
      this.#counter = next > COUNTER_MAX ? this.#first : next;
      const id = number * 2 ** COUNTER_BITS + this.#counter;
      if (this.#used.has(id)) continue;
      this.#used.add(id);
      return id;
    }
  }

  giveBack(id: number): void {
    this.#used.delete(id);
  }
}
