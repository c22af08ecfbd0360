// Calls to any tablet, for operators' commands and for other tablets: connections are made on first use and closed together.

import { Client } from "@grpc/grpc-js";
import type { TabletRecord } from "../topo/records.ts";
import { CHANNEL_OPTIONS, channelCredentials, type GrpcTls } from "./service.ts";
import { applySchema, decideTransaction, getSchema, getTransactions, resolveTransaction } from "./tablet-client.ts";
import type { TableSchema, TabletTransactions } from "./tablet-server.ts";

export class TabletControlClient {
  readonly #tls: GrpcTls | undefined;
  readonly #clients = new Map<string, Client>();

  constructor(tls: GrpcTls | undefined) {
    this.#tls = tls;
  }

  /** Resolves to the number of statements run. Throws the mysqld's error, or SHARD_UNAVAILABLE. */
  applySchema(tablet: TabletRecord, sql: string, timeoutMs: number): Promise<number> {
    return applySchema(this.#clientOf(tablet), tablet.keyspace, sql, timeoutMs);
  }

  /** All tables and views when `tables` is empty. */
  getSchema(tablet: TabletRecord, tables: readonly string[], timeoutMs: number): Promise<readonly TableSchema[]> {
    return getSchema(this.#clientOf(tablet), tablet.keyspace, tables, timeoutMs);
  }

  /** How a transaction has ended that the tablet's shard coordinates: `commit` or `abort`. */
  decideTransaction(tablet: TabletRecord, transaction: string, timeoutMs: number): Promise<string> {
    return decideTransaction(this.#clientOf(tablet), transaction, timeoutMs);
  }

  getTransactions(tablet: TabletRecord, timeoutMs: number): Promise<TabletTransactions> {
    return getTransactions(this.#clientOf(tablet), timeoutMs);
  }

  /** Ends its branches on the tablet's mysqld; resolves to how many. An empty `decision`: its coordinator is asked. */
  resolveTransaction(tablet: TabletRecord, transaction: string, decision: string, timeoutMs: number): Promise<number> {
    return resolveTransaction(this.#clientOf(tablet), transaction, decision, timeoutMs);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientOf(tablet: TabletRecord): Client {
    const address = `${tablet.hostname}:${tablet.grpcPort}`;
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = new Client(address, channelCredentials(this.#tls), CHANNEL_OPTIONS);
      this.#clients.set(address, client);
    }
    return client;
  }
}
