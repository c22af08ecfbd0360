// Processes starting, stopping and being watched: the standard gRPC health service of a tablet, starts that fail with a
// word of advice and leave nothing, SIGTERM that lets work end, and what becomes of a dead or frozen gateway's transactions.

import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Etcd } from "../../src/local/etcd.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt } from "../fixture/build.ts";
import { startEtcd, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { eventually, firstAnswer } from "../fixture/until.ts";
import { failureOf } from "./load.ts";
import { mustRun, type Part, runPart, startPart, stopAll } from "./parts.ts";

const SERVING = 1;
const NOT_SERVING = 2;
/** InnoDB's list of transactions is made anew only when it has not been looked at for 100 ms. */
const POLL_MS = 120;
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 480_000;

const dir = temporaryDir("stop");
let etcd: Etcd;
let mysqld: Mysqld;
let topo: readonly string[];
let tablet: Part;
let clients: Connection[] = [];
/** Of one test each. */
let others: Part[] = [];

beforeAll(async () => {
  await ensureBuilt();
  [etcd, mysqld] = await Promise.all([startEtcd(), startMysqld({ dir: join(dir.path, "mysqld") })]);
  topo = ["--topo-endpoints", etcd.endpoint, "--log-level", "warn"];
  const ctl = ["--topo-endpoints", etcd.endpoint];
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("CREATE DATABASE plain");
    await server.run("CREATE TABLE plain.p (id BIGINT PRIMARY KEY, v BIGINT)");
    await server.run("INSERT INTO plain.p VALUES (1, 0), (2, 0)");
  });
  await mustRun("ctl", "AddCellInfo", "zone1", ...ctl);
  await mustRun("ctl", "CreateKeyspace", "plain", ...ctl);
  await mustRun("ctl", "CreateShard", "plain/0", ...ctl);
  tablet = await startTablet();
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  for (const part of others) part.signal("SIGKILL");
  others = [];
  // What a test has left that did not come to its end; tablets end what its gateways had under way.
  const reset = (): Promise<void> => withServer(mysqld.socketPath, (server) => server.run("UPDATE plain.p SET v = 0"));
  await firstAnswer(reset, "rows as they were");
}, TIMEOUT_MS);

afterAll(async () => {
  await stopAll();
  await Promise.all([etcd?.stop(), mysqld?.stop()]);
  dir.remove();
});

describe("the standard gRPC health service of a tablet", () => {
  test("follows its mysqld: stopped, continued, ended, started", { timeout: TIMEOUT_MS }, async () => {
    expect(await healthOf(tablet)).toBe(SERVING);
    expect(await healthOf(tablet, "shardgate.tablet.v1.Tablet")).toBe(SERVING);
    try {
      mysqld.signal("SIGSTOP");
      await eventually(async () => (await healthOf(tablet)) === NOT_SERVING, PATIENCE_MS);
    } finally {
      mysqld.signal("SIGCONT");
    }
    await eventually(async () => (await healthOf(tablet)) === SERVING, PATIENCE_MS);
    const { port, dir: mysqldDir } = mysqld;
    await mysqld.stop();
    // A tablet may also start before its mysqld.
    const early = await startTablet("zone1-0000000200");
    others.push(early);
    try {
      await eventually(async () => (await healthOf(tablet)) === NOT_SERVING, PATIENCE_MS);
      expect(await healthOf(tablet, "shardgate.tablet.v1.Tablet")).toBe(NOT_SERVING);
      expect(await healthOf(early)).toBe(NOT_SERVING);
    } finally {
      mysqld = await startMysqld({ dir: mysqldDir, port });
    }
    await eventually(async () => (await healthOf(tablet)) === SERVING, PATIENCE_MS);
    await eventually(async () => (await healthOf(early)) === SERVING, PATIENCE_MS);
    early.signal("SIGTERM");
    expect((await early.exited).code).toBe(0);
  });
});

describe("a start that fails says why, and leaves nothing", () => {
  let holder: Server;
  let taken: string;

  beforeAll(async () => {
    holder = createServer();
    taken = await new Promise((resolve) => {
      holder.listen(0, "127.0.0.1", () => {
        const address = holder.address();
        resolve(`127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`);
      });
    });
  });
  afterAll(() => {
    holder.close();
  });

  test("gateway on a taken port", async () => {
    const { code, stderr } = await runPart("gateway", "--listen", taken, ...topo);
    expect(code).toBe(1);
    expect(stderr).toContain(`shardgate gateway: cannot listen on ${taken}: `);
    expect(stderr).toContain("--listen HOST:PORT chooses another");
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("tablet on a taken port", async () => {
    const { code, stderr } = await runPart("tablet", ...tabletFlags("zone1-0000000300"), "--listen", taken);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot listen on ${taken}`);
    expect(stderr).toContain("--listen HOST:PORT chooses another");
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await mustRun("ctl", "GetTablets", "--topo-endpoints", etcd.endpoint)).not.toContain("0000000300");
  });

  test.each([
    ["an address that is none", ["gateway", "--listen", "nonsense"], /--listen wants HOST:PORT, not "nonsense"/],
    ["a port out of range", ["gateway", "--listen", "127.0.0.1:99999"], /--listen wants HOST:PORT/],
    ["an alias that is none", ["tablet", "--alias", "x", "--keyspace", "plain", "--shard", "0"], /alias/],
    ["an address that is none, of a tablet", ["tablet", "--listen", "nonsense"], /--listen wants HOST:PORT/],
  ])("%s", async (_name, args, message) => {
    const flags = args[0] === "tablet" && !args.includes("--alias") ? tabletFlags("zone1-0000000301") : topo;
    const { code, stderr } = await runPart(...args, ...flags);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe("SIGTERM", { timeout: TIMEOUT_MS }, () => {
  test("a gateway lets statements and transactions end, tells idle clients, takes no new ones", async () => {
    const gateway = await startGateway("--drain-timeout", "60");
    const [busy, idle, inTransaction] = [await client(gateway), await client(gateway), await client(gateway)];
    await inTransaction.query("BEGIN");
    await inTransaction.query("UPDATE plain.p SET v = 1 WHERE id = 1");
    const farewell = new Promise<unknown>((resolve) => {
      idle.on("error", resolve);
    });
    const answer = busy.query<RowDataPacket[]>("SELECT SLEEP(4) AS s, v FROM plain.p WHERE id = 2");
    await eventually(async () => (await running("SLEEP")) === 1, PATIENCE_MS);
    gateway.signal("SIGTERM");
    // mysql2 gives the errno of an ERR packet that nobody asked for as `code`.
    expect(await farewell).toMatchObject({ code: 1053, message: "Server shutdown in progress" });
    await eventually(async () => (await failureOf(client(gateway))).message.includes("ECONNREFUSED"), PATIENCE_MS);
    await inTransaction.query("UPDATE plain.p SET v = v + 1 WHERE id = 1");
    expect((await answer)[0]).toEqual([{ s: 0, v: 0 }]);
    await inTransaction.query("COMMIT");
    expect((await gateway.exited).code).toBe(0);
    expect(await valueOf(1)).toBe("2");
  });

  test("at the end of its patience a gateway stops statements and rolls transactions back", async () => {
    const gateway = await startGateway("--drain-timeout", "1");
    const [busy, inTransaction] = [await client(gateway), await client(gateway)];
    await inTransaction.query("BEGIN");
    await inTransaction.query("UPDATE plain.p SET v = 1 WHERE id = 1");
    const farewell = new Promise<unknown>((resolve) => {
      inTransaction.on("error", resolve);
    });
    const answer = failureOf(busy.query("SELECT SLEEP(600), v FROM plain.p WHERE id = 2"));
    await eventually(async () => (await running("SLEEP")) === 1, PATIENCE_MS);
    gateway.signal("SIGTERM");
    expect(await farewell).toMatchObject({ code: 1053 });
    // A mysqld that is slow to stop it leaves the client with the end of its connection.
    expect((await answer).message).toMatch(/shutdown|lost/i);
    expect((await gateway.exited).code).toBe(0);
    await eventually(async () => (await transactions()) === 0, PATIENCE_MS);
    expect(await valueOf(1)).toBe("0");
    await eventually(async () => (await running("SLEEP")) === 0, PATIENCE_MS);
  });

  test("a tablet lets statements and transactions end, and is left by the gateways before", async () => {
    const gateway = await startGateway();
    const [busy, other, inTransaction] = [await client(gateway), await client(gateway), await client(gateway)];
    await inTransaction.query("BEGIN");
    await inTransaction.query("UPDATE plain.p SET v = 2 WHERE id = 1");
    const answer = busy.query<RowDataPacket[]>("SELECT SLEEP(4) AS s, v FROM plain.p WHERE id = 2");
    await eventually(async () => (await running("SLEEP")) === 1, PATIENCE_MS);
    try {
      tablet.signal("SIGTERM");
      await eventually(async () => {
        expect(await failureOf(other.query("SELECT v FROM plain.p"))).toMatchObject({ errno: 1053, sqlState: "08S01" });
        return true;
      }, PATIENCE_MS);
      await inTransaction.query("UPDATE plain.p SET v = 3 WHERE id = 2");
      await inTransaction.query("COMMIT");
      expect((await answer)[0]).toEqual([{ s: 0, v: 0 }]);
      expect((await tablet.exited).code).toBe(0);
      expect([await valueOf(1), await valueOf(2)]).toEqual(["2", "3"]);
    } finally {
      tablet.signal("SIGKILL");
      await tablet.exited;
      tablet = await startTablet();
    }
    await eventually(
      async () => (await other.query<RowDataPacket[]>("SELECT v FROM plain.p"))[0].length === 2,
      PATIENCE_MS,
    );
  });
});

describe("what a gateway had under way is ended by the tablets", () => {
  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    test(`when it gets ${signal}`, { timeout: TIMEOUT_MS }, async () => {
      const gateway = await startGateway();
      const [busy, inTransaction] = [await client(gateway), await client(gateway)];
      await inTransaction.query("BEGIN");
      await inTransaction.query("UPDATE plain.p SET v = 1 WHERE id = 1");
      busy.query("SELECT SLEEP(600), v FROM plain.p WHERE id = 2").catch(() => {});
      await eventually(async () => (await running("SLEEP")) === 1, PATIENCE_MS);
      gateway.signal(signal);
      await eventually(async () => (await transactions()) === 0, PATIENCE_MS);
      await eventually(async () => (await running("SLEEP")) === 0, PATIENCE_MS);
      expect(await valueOf(1)).toBe("0");
      if (signal === "SIGSTOP") {
        gateway.signal("SIGCONT");
        expect(await failureOf(inTransaction.query("UPDATE plain.p SET v = 1 WHERE id = 1"))).toMatchObject({
          errno: 1213,
          sqlState: "40001",
        });
        await eventually(async () => {
          await inTransaction.query("UPDATE plain.p SET v = 0 WHERE id = 1");
          return true;
        }, PATIENCE_MS);
        gateway.signal("SIGKILL");
      }
    });
  }
});

function tabletFlags(alias: string): readonly string[] {
  const what = ["--alias", alias, "--keyspace", "plain", "--shard", "0"];
  return [...what, "--mysql-socket", mysqld.socketPath, ...topo];
}

function startTablet(alias = "zone1-0000000100"): Promise<Part> {
  return startPart("tablet", ...tabletFlags(alias), "--listen", "127.0.0.1:0");
}

async function startGateway(...flags: readonly string[]): Promise<Part> {
  const gateway = await startPart("gateway", "--listen", "127.0.0.1:0", ...topo, ...flags);
  others.push(gateway);
  return gateway;
}

async function client({ port }: Part): Promise<Connection> {
  const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
  connection.on("error", () => {});
  clients.push(connection);
  return connection;
}

/** ServingStatus of grpc.health.v1.Health/Check: both messages have field 1 only, a string and an enum. */
function healthOf({ address }: Part, service = ""): Promise<number> {
  const health = new Client(address, ChannelCredentials.createInsecure());
  return new Promise<number>((resolve, reject) => {
    health.makeUnaryRequest<string, number>(
      "/grpc.health.v1.Health/Check",
      (name) => Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name)]),
      (reply) => reply[1] ?? 0,
      service,
      { deadline: Date.now() + PATIENCE_MS },
      (error, status) => {
        if (error === null) resolve(status ?? 0);
        else reject(error);
      },
    );
  }).finally(() => health.close());
}

async function transactions(): Promise<number> {
  await delay(POLL_MS);
  return Number(await ofMysqld("SELECT COUNT(*) FROM information_schema.innodb_trx"));
}

async function running(text: string): Promise<number> {
  const list = "SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID()";
  return Number(await ofMysqld(`${list} AND info LIKE '%${text}%'`));
}

function valueOf(id: number): Promise<string> {
  return ofMysqld(`SELECT v FROM plain.p WHERE id = ${id} FOR UPDATE`);
}

function ofMysqld(sql: string): Promise<string> {
  return withServer(mysqld.socketPath, (server) => server.value(sql));
}
