// Table definitions over a real gRPC connection: they arrive as they were sent, at the pace of the reader, and errors of a
// refresh as they were raised.

import { Client } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { MysqlError } from "../../../src/base/errors.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { createLog } from "../../../src/base/log.ts";
import type { SchemaChange } from "../../../src/rpc/schema-message.ts";
import { CHANNEL_OPTIONS, channelCredentials } from "../../../src/rpc/service.ts";
import { refreshSchema, watchSchema } from "../../../src/rpc/tablet-client.ts";
import { startTabletServer, type TabletPorts, type TabletServer } from "../../../src/rpc/tablet-server.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import type { TableSchema } from "../../../src/schema/model.ts";

const NO_CALLS: Omit<TabletPorts, "watchSchema" | "refreshSchema"> = {
  acceptCalls: () => ({
    execute: () => undefined,
    conclude: () => undefined,
    credit: () => undefined,
    cancel: () => undefined,
    closed: () => undefined,
  }),
  watchHealth: () => () => undefined,
  applySchema: () => Promise.resolve(0),
  getSchema: () => Promise.resolve([]),
  lockWaits: () => Promise.resolve([]),
  decideTransaction: () => Promise.resolve("abort"),
  transactions: () => Promise.resolve({ prepared: [], decisions: [] }),
  resolveTransaction: () => Promise.resolve(0),
};

let server: TabletServer | undefined;
let client: Client | undefined;

afterEach(async () => {
  client?.close();
  await server?.stop(100);
});

async function serve(ports: Pick<TabletPorts, "watchSchema" | "refreshSchema">): Promise<Client> {
  server = await startTabletServer("127.0.0.1:0", {
    tls: undefined,
    silenceMaxS: 20,
    ports: { ...NO_CALLS, ...ports },
    clock: systemClock,
    log: createLog("test", "silent"),
  });
  client = new Client(server.address, channelCredentials(undefined), CHANNEL_OPTIONS);
  return client;
}

function someTables(): readonly TableSchema[] {
  const { tables } = readDefinitions("ks", [
    "CREATE TABLE a (Id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, v VARCHAR(9) COLLATE utf8mb4_bin NOT NULL, UNIQUE u (v))",
    "CREATE TABLE b (e ENUM('x','y''z'), h INT INVISIBLE, g INT AS (h + 1), KEY (e, h))",
    "CREATE VIEW w AS SELECT v FROM a",
    "CREATE SEQUENCE s",
  ]);
  return tables.map((table, i) => (i === 0 ? { ...table, rows: 5_000_000_000 } : table));
}

test("definitions come back as they were told", async () => {
  const tables = someTables();
  const changes: SchemaChange[] = [
    { version: 7, begins: true, tables, dropped: [], complete: false },
    { version: 2 ** 40, begins: false, tables: [], dropped: ["gone", "ünder"], complete: true },
  ];
  const left = [...changes];
  const to = await serve({
    watchSchema: () => ({ next: () => left.shift(), close: () => undefined }),
    refreshSchema: () => Promise.resolve(0),
  });
  const told = await new Promise<SchemaChange[]>((resolve, reject) => {
    const got: SchemaChange[] = [];
    watchSchema(
      to,
      (change) => {
        got.push(change);
        if (change.complete) resolve(got);
      },
      (error) => reject(error ?? new Error("ended")),
    );
  });
  expect(told).toEqual(changes);
});

test("more is asked for when what was sent is on its way", async () => {
  const [table] = someTables();
  if (table === undefined) throw new Error("no table");
  const wide = { ...table, columns: Array.from({ length: 300 }, () => table.columns).flat() };
  const messages = 100;
  let given = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const to = await serve({
    watchSchema: () => ({
      next() {
        if (given === messages) return undefined;
        given++;
        if (atOnce++ === 0) setImmediate(() => (atOnce = 0));
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        return { version: 1, begins: given === 1, tables: [wide], dropped: [], complete: given === messages };
      },
      close: () => undefined,
    }),
    refreshSchema: () => Promise.resolve(0),
  });
  let got = 0;
  await new Promise<void>((resolve, reject) => {
    watchSchema(
      to,
      ({ complete }) => {
        got++;
        if (complete) resolve();
      },
      (error) => reject(error ?? new Error("ended")),
    );
  });
  expect(got).toBe(messages);
  expect(mostAtOnce).toBeLessThan(messages / 2);
});

test("the stream ends with the watcher, and closing it closes the reader", async () => {
  const watched: { readonly end: () => void; readonly closed: Promise<void> }[] = [];
  let onWatched: () => void = () => undefined;
  const to = await serve({
    watchSchema(_wake, end) {
      let close: () => void = () => undefined;
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      watched.push({ end, closed });
      onWatched();
      return { next: () => undefined, close };
    },
    refreshSchema: () => Promise.resolve(0),
  });
  const open = async (ended: (error: Error | undefined) => void): Promise<{ close(): void }> => {
    const accepted = new Promise<void>((resolve) => {
      onWatched = resolve;
    });
    const handle = watchSchema(to, () => undefined, ended);
    await accepted;
    return handle;
  };
  const ended = new Promise<Error | undefined>((resolve) => {
    void open(resolve).then(() => watched[0]?.end());
  });
  expect(await ended).toBeUndefined();
  const handle = await open(() => undefined);
  handle.close();
  await watched[1]?.closed;
  expect(watched.length).toBe(2);
});

test("a refresh gives the version, or the mysqld's error", async () => {
  const to = await serve({
    watchSchema: () => ({ next: () => undefined, close: () => undefined }),
    refreshSchema: (tables) =>
      tables.length === 0 ? Promise.resolve(12) : Promise.reject(new MysqlError(1045, "28000", "Access denied")),
  });
  expect(await refreshSchema(to, [], 10_000)).toBe(12);
  await expect(refreshSchema(to, ["a"], 10_000)).rejects.toMatchObject({ errno: 1045, message: "Access denied" });
});
