// The rare calls to a tablet: the streams of health and definitions, and the schema calls, each with a deadline and with
// errors that come back as they were raised. The data path is in call-client.ts.

import { type Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import { assert } from "../base/assert.ts";
import { ShardgateError } from "../base/errors.ts";
import type { LockWait } from "../base/lock-wait.ts";
import { errorOf } from "./fail-details.ts";
import { decodeFail } from "./frame.ts";
import { type SchemaChange, type SchemaChangeMessage, SchemaMessageReader } from "./schema-message.ts";
import { tabletService } from "./service.ts";
import { ERROR_DETAILS_KEY, type TableSchema, type TabletHealth, type TabletTransactions } from "./tablet-server.ts";
import { unaryCall } from "./unary.ts";

const service = lazily(tabletService);

/** Opens the health stream. `ended` is called once, when the stream is over for whatever reason. */
export function watchHealth(
  client: Client,
  push: (health: TabletHealth) => void,
  ended: (error: Error | undefined) => void,
): { close(): void } {
  return watchStream(client, "Health", {}, push, ended);
}

/**
 * Opens the stream of table definitions: all of them, then what changes. `ended` as for the health; an empty `keyspace` is
 * the tablet's own.
 */
export function watchSchema(
  client: Client,
  push: (change: SchemaChange) => void,
  ended: (error: Error | undefined) => void,
  keyspace = "",
): { close(): void } {
  const reader = new SchemaMessageReader();
  const take = (message: SchemaChangeMessage): void => push(reader.change(message));
  return watchStream(client, "WatchSchema", { keyspace }, take, ended);
}

function watchStream<Message>(
  client: Client,
  name: string,
  request: object,
  push: (message: Message) => void,
  ended: (error: Error | undefined) => void,
): { close(): void } {
  const method = methodOf(name);
  const stream = client.makeServerStreamRequest<object, Message>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    new Metadata(),
  );
  let open = true;
  const end = (error?: Error): void => {
    if (!open) return;
    open = false;
    ended(error);
  };
  stream.on("data", (message: Message) => {
    if (open) push(message);
  });
  stream.on("error", end);
  stream.on("end", () => end());
  return {
    close() {
      open = false;
      stream.on("error", () => {});
      stream.cancel();
    },
  };
}

/** Runs DDL on the tablet's mysqld; resolves to the number of statements run. Throws the mysqld's error as MysqlError. */
export async function applySchema(client: Client, keyspace: string, sql: string, timeoutMs: number): Promise<number> {
  const reply = await unary<{ statements: number }>(client, "ApplySchema", { keyspace, sql, timeoutMs }, timeoutMs);
  return reply.statements;
}

/** Table definitions as the tablet's mysqld has them; all when `tables` is empty. */
export async function getSchema(
  client: Client,
  keyspace: string,
  tables: readonly string[],
  timeoutMs: number,
): Promise<readonly TableSchema[]> {
  const reply = await unary<{ tables: TableSchema[] }>(client, "GetSchema", { keyspace, tables }, timeoutMs);
  return reply.tables;
}

/** Has the tablet look at the definitions of `tables` (all when empty); resolves to the version that has them. */
export async function refreshSchema(
  client: Client,
  tables: readonly string[],
  timeoutMs: number,
  keyspace = "",
): Promise<number> {
  const reply = await unary<{ version: number }>(client, "RefreshSchema", { tables, keyspace }, timeoutMs);
  return reply.version;
}

/** `commit` or `abort`; throws the mysqld's error (1205 while the coordinator is about to commit) or SHARD_UNAVAILABLE. */
export async function decideTransaction(client: Client, transaction: string, timeoutMs: number): Promise<string> {
  const reply = await unary<{ decision: string }>(client, "DecideTransaction", { transaction }, timeoutMs);
  return reply.decision;
}

/** Who waits for whom on the tablet's mysqld. Throws the mysqld's error, or SHARD_UNAVAILABLE. */
export async function getLockWaits(client: Client, timeoutMs: number): Promise<readonly LockWait[]> {
  const { waits } = await unary<{ waits: LockWait[] }>(client, "GetLockWaits", {}, timeoutMs);
  return waits;
}

export function getTransactions(client: Client, timeoutMs: number): Promise<TabletTransactions> {
  return unary<TabletTransactions>(client, "GetTransactions", {}, timeoutMs);
}

/** Resolves to the number of branches that were ended. */
export async function resolveTransaction(
  client: Client,
  transaction: string,
  decision: string,
  timeoutMs: number,
): Promise<number> {
  const reply = await unary<{ resolved: number }>(client, "ResolveTransaction", { transaction, decision }, timeoutMs);
  return reply.resolved;
}

function unary<Reply>(client: Client, name: string, request: object, timeoutMs: number): Promise<Reply> {
  return unaryCall<Reply>(client, methodOf(name), request, timeoutMs, (error) =>
    error === null ? new ShardgateError("INTERNAL", `${name}: empty reply`) : rebuild(error),
  );
}

function rebuild(error: ServiceError): Error {
  const details = error.metadata.get(ERROR_DETAILS_KEY)[0];
  if (Buffer.isBuffer(details)) return errorOf(decodeFail(details, 0, details.length));
  const unreachable = error.code === 14 || error.code === 4;
  return new ShardgateError(unreachable ? "SHARD_UNAVAILABLE" : "ER_UNKNOWN", `tablet: ${error.details}`, error);
}

function methodOf(name: string): ReturnType<typeof tabletService>[string] {
  const method = service()[name];
  assert(method !== undefined, `the Tablet service has ${name}`);
  return method;
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
