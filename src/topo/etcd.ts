// The store on etcd (v3 API, etcd 3.4 or newer), and the only importer of etcd3. Of that package it uses the plain calls
// and streams; endpoints, deadlines, retries, watches, leases and locks are handled here, so that what happens when etcd
// is away is written in one place:
//
// - A call goes to the current endpoint, moves to the next one on a fault, and fails with TOPO_UNAVAILABLE in its timeout.
// - Watches (`etcd-watch.ts`), registrations and locks (`etcd-lease.ts`) stand on the calls and streams made here.

import type { IOptions, IWatchRequest, IWatchResponse, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from "etcd3";
import { Etcd3, isRecoverableError } from "etcd3";
import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { within } from "./deadline.ts";
import type { LeaseOptions, LeasePort } from "./etcd-lease.ts";
import { EtcdLock, EtcdRegistration } from "./etcd-lease.ts";
import type { WatchAnswer, WatchPort, WatchStream } from "./etcd-watch.ts";
import { EtcdWatch } from "./etcd-watch.ts";
import type {
  Revision,
  TopoChange,
  TopoEntry,
  TopoList,
  TopoLock,
  TopoLockOptions,
  TopoRegistration,
  TopoStore,
  TopoWatch,
  TopoWatchEvent,
} from "./store.ts";
import { badVersion, checkValue, locked, nodeExists, noNode, unavailable } from "./store-errors.ts";

export interface EtcdStoreOptions {
  /** http://host:port or https://host:port, all of one cluster. */
  readonly endpoints: readonly string[];
  readonly auth?: { readonly username: string; readonly password: string };
  /** PEM. */
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Bound of every call, retries included; default LIMITS.topoCallTimeoutMs. */
  readonly callTimeoutMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Connects lazily: an etcd that is away is no error here. Throws CONFIG_BAD for endpoints that cannot be. */
export function createEtcdStore(options: EtcdStoreOptions): TopoStore {
  return new EtcdStore(options);
}

type Policy = NonNullable<NonNullable<IOptions["faultHandling"]>["global"]>;

/** Ends a watch or lease stream without disturbing the channel it runs on. */
interface Stream {
  end(): void;
  cancel(): void;
}

interface CallOptions {
  readonly deadline: number;
}

/** One attempt of a call; `retried` says that an earlier attempt may have been carried out unseen. */
type Attempt<T> = (client: Etcd3, options: CallOptions, retried: boolean) => Promise<T>;

const CHANNEL_OPTIONS = {
  "grpc.initial_reconnect_backoff_ms": LIMITS.topoWatchRetryMinMs,
  "grpc.max_reconnect_backoff_ms": LIMITS.topoWatchRetryMaxMs,
  "grpc.max_receive_message_length": LIMITS.topoMessageBytesMax,
  "grpc.max_send_message_length": LIMITS.topoMessageBytesMax,
};

class EtcdStore implements TopoStore, LeasePort, WatchPort {
  readonly #options: EtcdStoreOptions;
  readonly #clients: readonly Etcd3[];
  readonly #watches = new Set<EtcdWatch>();
  readonly #registrations = new Set<EtcdRegistration>();
  readonly #locks = new Set<EtcdLock>();
  #current = 0;
  #isClosed = false;

  constructor(options: EtcdStoreOptions) {
    if (options.endpoints.length === 0) throw new ShardgateError("CONFIG_BAD", "no etcd endpoint is given");
    this.#options = options;
    this.#clients = options.endpoints.map((endpoint) => openClient(options, endpoint));
  }

  async get(key: string): Promise<TopoEntry | undefined> {
    const answer = await this.#call(`get ${key}`, (client, options) =>
      client.kv.range({ key: Buffer.from(key) }, options),
    );
    return answer.kvs.map(entryOf)[0];
  }

  async list(prefix: string): Promise<TopoList> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#listPages(prefix);
      } catch (error) {
        // The revision of the first page may be compacted before the last one is read.
        if (tries === LIST_TRIES_MAX || !messageOf(error).includes("has been compacted")) throw error;
      }
    }
  }

  create(key: string, value: string): Promise<Revision> {
    return this.#write(key, value, 0, () => nodeExists(key));
  }

  async update(key: string, value: string, revision?: Revision): Promise<Revision> {
    if (revision !== undefined) {
      return this.#write(key, value, revision, (found) => (found === undefined ? noNode(key) : badVersion(key)));
    }
    checkValue(key, value);
    const put = { key: Buffer.from(key), value: Buffer.from(value) };
    const answer = await this.#call(`update ${key}`, (client, options) => client.kv.put(put, options));
    return Number(answer.header.revision);
  }

  async delete(key: string, revision?: Revision): Promise<void> {
    const bytes = Buffer.from(key);
    const outcome = await this.#call(`delete ${key}`, async (client, options, retried) => {
      const answer = await client.kv.txn(
        {
          compare:
            revision === undefined
              ? [{ key: bytes, target: "Create", result: "Greater", create_revision: 0 }]
              : [{ key: bytes, target: "Mod", result: "Equal", mod_revision: revision }],
          success: [{ request_delete_range: { key: bytes } }],
          failure: [{ request_range: { key: bytes } }],
        },
        options,
      );
      if (answer.succeeded) return "done";
      const isThere = answer.responses[0]?.response_range.kvs[0] !== undefined;
      if (isThere) return "changed";
      return retried ? "done" : "absent";
    });
    if (outcome === "absent") throw noNode(key);
    if (outcome === "changed") throw badVersion(key);
  }

  watch(prefix: string, listener: (event: TopoWatchEvent) => void): TopoWatch {
    const { clock, log } = this.#options;
    const watch = new EtcdWatch({ port: this, prefix, listener, clock, log });
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  register(key: string, value: string, options?: { readonly ttlS?: number }): TopoRegistration {
    checkValue(key, value);
    const lease = this.#leaseOptions(key, options?.ttlS ?? LIMITS.tabletLeaseTtlS, () => {
      this.#registrations.delete(registration);
    });
    const registration = new EtcdRegistration(lease, value);
    this.#registrations.add(registration);
    return registration;
  }

  async lock(key: string, holder: string, options?: TopoLockOptions): Promise<TopoLock> {
    checkValue(key, holder);
    const { clock } = this.#options;
    const ttlS = options?.ttlS ?? LIMITS.topoLockTtlS;
    const askedMs = clock.nowMs();
    const deadlineMs = askedMs + (options?.waitMs ?? LIMITS.topoLockWaitMs);
    const bytes = Buffer.from(key);
    const lease = await this.grantLease(ttlS);
    const lock = new EtcdLock(
      this.#leaseOptions(key, ttlS, () => this.#locks.delete(lock)),
      lease,
      askedMs,
    );
    this.#locks.add(lock);
    try {
      for (;;) {
        const answer = await this.#call(`lock ${key}`, (client, callOptions) =>
          client.kv.txn(
            {
              compare: [{ key: bytes, target: "Create", result: "Equal", create_revision: 0 }],
              success: [{ request_put: { key: bytes, value: Buffer.from(holder), lease } }],
              failure: [{ request_range: { key: bytes } }],
            },
            callOptions,
          ),
        );
        if (answer.succeeded) return lock;
        const found = answer.responses[0]?.response_range.kvs[0];
        if (found?.lease === lease) return lock;
        if (lock.lost.aborted) throw new ShardgateError("TOPO_UNAVAILABLE", `the lease for lock ${key} ran out`);
        const leftMs = deadlineMs - clock.nowMs();
        if (leftMs <= 0) throw locked(key, found?.value.toString("utf8") ?? "someone");
        await sleep(clock, Math.min(leftMs, LOCK_POLL_MS));
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    await Promise.allSettled([
      ...Array.from(this.#registrations, (registration) => registration.close()),
      ...Array.from(this.#locks, (lock) => lock.release()),
    ]);
    this.#isClosed = true;
    for (const client of this.#clients) client.close();
  }

  /** Carries out a call with retries on the endpoints in turn, within the call timeout. */
  async #call<T>(what: string, attempt: Attempt<T>): Promise<T> {
    const { clock, endpoints } = this.#options;
    const timeoutMs = this.#options.callTimeoutMs ?? LIMITS.topoCallTimeoutMs;
    const attemptMs = endpoints.length === 1 ? timeoutMs : Math.max(timeoutMs / endpoints.length, ATTEMPT_MIN_MS);
    const deadlineMs = clock.nowMs() + timeoutMs;
    let backoffMs: number = LIMITS.topoWatchRetryMinMs;
    for (let tries = 0; ; tries++) {
      if (this.#isClosed) throw new ShardgateError("TOPO_UNAVAILABLE", "the topology store is closed");
      const index = this.#current;
      const client = this.#clients[index];
      if (client === undefined) throw new ShardgateError("CONFIG_BAD", "no etcd endpoint is given");
      const leftMs = Math.min(attemptMs, deadlineMs - clock.nowMs());
      try {
        const done = attempt(client, { deadline: clock.wallMs() + leftMs }, tries > 0);
        return await within(clock, leftMs + DEADLINE_SLACK_MS, done);
      } catch (error) {
        if (error instanceof ShardgateError && error.id !== "TOPO_UNAVAILABLE") throw error;
        if (!isTransient(error)) {
          throw new ShardgateError("CONFIG_BAD", `etcd refused to ${what}: ${reasonOf(error)}`, error);
        }
        this.#leave(index);
        if (deadlineMs - clock.nowMs() <= backoffMs) throw this.#unavailable(what, error);
        await sleep(clock, backoffMs);
        backoffMs = Math.min(backoffMs * 2, LIMITS.topoWatchRetryMaxMs);
      }
    }
  }

  async grantLease(ttlS: number): Promise<string> {
    const answer = await this.#call("grant a lease", (client, options) =>
      client.leaseClient.leaseGrant({ TTL: ttlS }, options),
    );
    return answer.ID;
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#call("revoke a lease", async (client, options) => {
      try {
        await client.leaseClient.leaseRevoke({ ID: lease }, options);
      } catch (error) {
        if (!isLeaseGone(error)) throw error;
      }
    });
  }

  /** False when the lease is gone. */
  async keepLease(lease: string): Promise<boolean> {
    const { clock } = this.#options;
    return this.#call("keep a lease alive", async (client, options) => {
      const stream = await client.leaseClient.leaseKeepAlive(options);
      const answer = new Promise<ILeaseKeepAliveResponse>((resolve, reject) => {
        stream.on("data", resolve);
        stream.on("error", reject);
        stream.on("end", () => reject(unavailable("the keep-alive stream ended")));
      });
      answer.catch(() => undefined);
      try {
        const request: ILeaseKeepAliveRequest = { ID: lease };
        stream.write(request);
        const { TTL } = await within(clock, options.deadline - clock.wallMs(), answer);
        return Number(TTL) > 0;
      } finally {
        endStream(stream);
      }
    });
  }

  async putWithLease(key: string, value: string, lease: string): Promise<void> {
    const put = { key: Buffer.from(key), value: Buffer.from(value), lease };
    await this.#call(`register ${key}`, (client, options) => client.kv.put(put, options));
  }

  async state(prefix: string): Promise<{ readonly clusterId: string; readonly revision: Revision }> {
    const { header } = await this.#call(`watch ${prefix}`, (client, options) =>
      client.kv.range({ key: Buffer.from(prefix), count_only: true }, options),
    );
    return { clusterId: header.cluster_id, revision: Number(header.revision) };
  }

  async open(prefix: string, from: Revision, listener: (answer: WatchAnswer) => void): Promise<WatchStream> {
    const index = this.#current;
    // A client of its own: what happens to the calls' channel does not touch the stream, nor the other way round.
    const client = openClient(this.#options, this.#options.endpoints[index] ?? "");
    let isOpen = true;
    const end = (error: Error): void => {
      if (isOpen) listener({ kind: "ended", error });
    };
    try {
      const stream = await within(this.#options.clock, LIMITS.topoCallTimeoutMs, client.watchClient.watch());
      stream.on("error", end);
      stream.on("end", () => end(unavailable("the watch stream ended")));
      stream.on("data", (answer) => listener(watchAnswer(answer)));
      const create: IWatchRequest = {
        create_request: { key: Buffer.from(prefix), range_end: prefixEnd(prefix), start_revision: from },
      };
      stream.write(create);
      const ask: IWatchRequest = { progress_request: {} };
      return {
        ask: () => stream.write(ask),
        close: (isFault) => {
          isOpen = false;
          if (isFault) this.#leave(index);
          endStream(stream);
          client.close();
        },
      };
    } catch (error) {
      this.#leave(index);
      client.close();
      throw error;
    }
  }

  async #listPages(prefix: string): Promise<TopoList> {
    const entries: TopoEntry[] = [];
    let revision = 0;
    let from = Buffer.from(prefix);
    const end = prefixEnd(prefix);
    for (;;) {
      const page = await this.#call(`list ${prefix}`, (client, options) =>
        client.kv.range({ key: from, range_end: end, revision, limit: LIMITS.topoListPageEntries }, options),
      );
      if (revision === 0) revision = Number(page.header.revision);
      const last = page.kvs.at(-1);
      for (const kv of page.kvs) entries.push(entryOf(kv));
      if (!page.more || last === undefined) return { entries, revision };
      from = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  async #write(
    key: string,
    value: string,
    revision: Revision,
    conflict: (found: TopoEntry | undefined) => ShardgateError,
  ): Promise<Revision> {
    checkValue(key, value);
    const bytes = Buffer.from(key);
    return this.#call(`write ${key}`, async (client, options, retried) => {
      const answer = await client.kv.txn(
        {
          compare:
            revision === 0
              ? [{ key: bytes, target: "Create", result: "Equal", create_revision: 0 }]
              : [{ key: bytes, target: "Mod", result: "Equal", mod_revision: revision }],
          success: [{ request_put: { key: bytes, value: Buffer.from(value) } }],
          failure: [{ request_range: { key: bytes } }],
        },
        options,
      );
      if (answer.succeeded) return Number(answer.header.revision);
      const found = answer.responses[0]?.response_range.kvs.map(entryOf)[0];
      // The answer of an earlier attempt may have been lost after the write was done.
      if (retried && found !== undefined && found.value === value) return found.revision;
      throw conflict(found);
    });
  }

  #leaseOptions(key: string, ttlS: number, onClose: () => void): LeaseOptions {
    const { clock, log } = this.#options;
    return { port: this, key, ttlS, clock, log, onClose };
  }

  /** The next call or watch takes the next endpoint, if that has not been done already. */
  #leave(index: number): void {
    if (index === this.#current) this.#current = (index + 1) % this.#clients.length;
  }

  #unavailable(what: string, cause: unknown): ShardgateError {
    const { endpoints } = this.#options;
    return unavailable(`etcd at ${endpoints.join(", ")} cannot be reached (${what}): ${reasonOf(cause)}`, cause);
  }
}

const LIST_TRIES_MAX = 3;
const LOCK_POLL_MS = 200;
const ATTEMPT_MIN_MS = 500;
/** gRPC's own deadline should fire first; this is the net below it. */
const DEADLINE_SLACK_MS = 250;

function openClient(options: EtcdStoreOptions, endpoint: string): Etcd3 {
  const { clock, auth, tls } = options;
  const timeoutMs = options.callTimeoutMs ?? LIMITS.topoCallTimeoutMs;
  if (!/^https?:\/\/[^/\s]+:\d+$/.test(endpoint)) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `etcd endpoint "${endpoint}" is not valid: expected http://HOST:PORT or https://HOST:PORT`,
    );
  }
  if (tls !== undefined && endpoint.startsWith("http:")) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `etcd endpoint "${endpoint}" is http, but certificates for TLS are given: use https`,
    );
  }
  const config: IOptions = {
    hosts: endpoint,
    grpcOptions: CHANNEL_OPTIONS,
    faultHandling: { global: NO_POLICY, host: () => NO_POLICY },
  };
  if (auth !== undefined) {
    config.auth = { ...auth, callOptions: () => ({ deadline: clock.wallMs() + timeoutMs }) };
  }
  if (tls !== undefined) {
    config.credentials = { rootCertificate: tls.ca };
    if (tls.key !== undefined) config.credentials.privateKey = tls.key;
    if (tls.cert !== undefined) config.credentials.certChain = tls.cert;
  }
  return new Etcd3(config);
}

function nothing(): { dispose(): void } {
  return { dispose() {} };
}

/** etcd3 would retry and break circuits by itself, with waits of its own; here that is the store's business. */
const NO_POLICY: Policy = {
  get _altReturn(): never {
    throw new ShardgateError("INTERNAL", "a type marker without a value");
  },
  onSuccess: nothing,
  onFailure: nothing,
  execute: async (fn) => fn({ signal: NEVER_ABORTED }),
};

const NEVER_ABORTED = new AbortController().signal;

function entryOf(kv: { readonly key: Buffer; readonly value: Buffer; readonly mod_revision: string }): TopoEntry {
  return { key: kv.key.toString("utf8"), value: kv.value.toString("utf8"), revision: Number(kv.mod_revision) };
}

function watchAnswer(answer: IWatchResponse): WatchAnswer {
  if (answer.canceled) {
    if (Number(answer.compact_revision) > 0) return { kind: "compacted" };
    return { kind: "ended", error: unavailable(`etcd ended the watch: ${answer.cancel_reason || "no reason given"}`) };
  }
  if (answer.created) return { kind: "created" };
  const changes = answer.events.map(
    ({ type, kv }): TopoChange =>
      isDelete(type)
        ? { kind: "delete", key: kv.key.toString("utf8"), revision: Number(kv.mod_revision) }
        : { kind: "put", entry: entryOf(kv) },
  );
  return { kind: "changes", changes };
}

/** Loaded with enums as names, declared with enums as numbers. */
function isDelete(type: unknown): boolean {
  return type === "Delete" || type === "DELETE" || type === 1;
}

/** The first key after all keys that begin with `prefix`. */
function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  // Keys are printable paths, so the last byte can always be counted up.
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
}

function endStream(stream: Stream): void {
  // Ended before cancelled: etcd3 takes the error of a stream still writable for a fault of the host.
  stream.end();
  stream.cancel();
}

function isTransient(error: unknown): boolean {
  if (error instanceof ShardgateError) return error.id === "TOPO_UNAVAILABLE";
  if (!(error instanceof Error)) return false;
  if (isRecoverableError(error)) return true;
  return /deadline|unavailable|etcdserver: (request timed out|no leader|leader changed|too many requests)/i.test(
    error.message,
  );
}

function isLeaseGone(error: unknown): boolean {
  return error instanceof Error && error.message.includes("requested lease not found");
}

function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^(?:\w+: )?\d+ [A-Z_]+: /, "")
    .replace(/,\s*(?:name resolution|metadata filters|Waiting for LB pick|remote_addr|LB pick).*$/s, "");
}
