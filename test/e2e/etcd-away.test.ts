// etcd killed and stopped under load: nobody who only runs queries notices. Gateways start from their last-known-good file,
// tablets come and go, and when etcd is back, changes are seen again.

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Etcd } from "../../src/local/etcd.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt } from "../fixture/build.ts";
import { startEtcd, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { Load } from "./load.ts";
import { mustRun, type Part, runPart, startPart, stopAll } from "./parts.ts";

const QUERY = "SELECT v FROM plain.p WHERE id = 1";
/** Leases of tablets run 10 s: they have run out when etcd comes back. */
const AWAY_MS = 11_000;
/** A query that waited for etcd would take as long as a call to it may, 5 s, or longer. */
const LONGEST_MS = 4_500;
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 480_000;

const dir = temporaryDir("away");
const lastKnownGood = join(dir.path, "topology.json");
let etcd: Etcd;
let mysqld: Mysqld;
let topo: readonly string[];
let tablet: Part;
let gateway: Part;
let loads: Load[] = [];

beforeAll(async () => {
  await ensureBuilt();
  [etcd, mysqld] = await Promise.all([startEtcd({ dir: join(dir.path, "etcd") }), startMysqld()]);
  topo = ["--topo-endpoints", etcd.endpoint];
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("CREATE DATABASE plain");
    await server.run("CREATE TABLE plain.p (id BIGINT PRIMARY KEY, v BIGINT)");
    await server.run("INSERT INTO plain.p VALUES (1, 42)");
  });
  await mustRun("ctl", "AddCellInfo", "zone1", ...topo);
  await mustRun("ctl", "CreateKeyspace", "plain", ...topo);
  await mustRun("ctl", "CreateShard", "plain/0", ...topo);
  tablet = await startTablet();
  gateway = await startGateway();
});

afterEach(async () => {
  etcd.signal("SIGCONT");
  await Promise.all(loads.map((load) => load.stop()));
  loads = [];
});

afterAll(async () => {
  await stopAll();
  await Promise.all([etcd?.stop(), mysqld?.stop()]);
  dir.remove();
});

test(
  "etcd killed: no query fails, a gateway starts from its file, and its return is not noticed either",
  async () => {
    await seeNewTable([gateway], "before");
    const load = under(gateway);
    await load.answered(50, PATIENCE_MS);
    await etcd.kill();
    const fromMs = performance.now();

    const late = await startGateway();
    const lateLoad = under(late);
    await lateLoad.answered(100, PATIENCE_MS);
    const without = await runPart("gateway", "--listen", "127.0.0.1:0", "--topology-wait", "1500", ...topo);
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/no topology within 1500 ms: is etcd up, and --topo-endpoints right\?/);
    expect(without.stderr).toContain("--last-known-good");
    await delay(Math.max(0, AWAY_MS - (performance.now() - fromMs)));
    await Promise.all([load.answered(100, PATIENCE_MS), lateLoad.answered(100, PATIENCE_MS)]);

    etcd = await startEtcd({ dir: etcd.dir, port: etcd.port });
    await delay(1_500);
    await seeNewTable([gateway, late], "after");
    await seeNewTable([gateway, late], "again");
    await Promise.all([load.answered(100, PATIENCE_MS), lateLoad.answered(100, PATIENCE_MS)]);
    expect([...load.errors, ...lateLoad.errors]).toEqual([]);
    expect(Math.max(load.longestMs, lateLoad.longestMs)).toBeLessThan(LONGEST_MS);
    await lateLoad.stop();
    late.signal("SIGTERM");
    expect((await late.exited).code).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "etcd stopped: no query fails, and a tablet that ends and starts meanwhile serves again when it is known",
  async () => {
    const load = under(gateway);
    await load.answered(50, PATIENCE_MS);
    etcd.signal("SIGSTOP");
    await load.answered(300, PATIENCE_MS);
    await delay(5_000);
    expect(load.errors).toEqual([]);
    // A tablet does not wait for an etcd that is away, neither to end nor to start.
    const startMs = performance.now();
    tablet.signal("SIGTERM");
    expect((await tablet.exited).code).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(PATIENCE_MS);
    tablet = await startTablet(tablet.port);
    // It has the address it had: gateways find it without being told.
    await load.answered(50, PATIENCE_MS);
    expect(load.fatal).toEqual([]);
    etcd.signal("SIGCONT");
    await seeNewTable([gateway], "continued");
    await seeNewTable([gateway], "prompt");
    await load.answered(50, PATIENCE_MS);
  },
  TIMEOUT_MS,
);

function startTablet(port = 0): Promise<Part> {
  const what = ["--alias", "zone1-0000000100", "--keyspace", "plain", "--shard", "0", "--log-level", "warn"];
  const where = ["--listen", `127.0.0.1:${port}`, "--mysql-socket", mysqld.socketPath, ...topo];
  return startPart("tablet", ...what, ...where);
}

function startGateway(): Promise<Part> {
  const args = ["--listen", "127.0.0.1:0", "--last-known-good", lastKnownGood, "--log-level", "warn"];
  return startPart("gateway", ...args, ...topo);
}

function under({ port }: Part): Load {
  const load = new Load({ port }, 3, () => QUERY);
  loads.push(load);
  return load;
}

/** ctl ApplyVSchema, then the new table has to show in the gateways. */
async function seeNewTable(gateways: readonly Part[], table: string, withinMs = PATIENCE_MS): Promise<void> {
  const vschema = JSON.stringify({ sharded: false, tables: { p: {}, [table]: {} } });
  await mustRun("ctl", "ApplyVSchema", "plain", "--vschema", vschema, ...topo);
  const startMs = performance.now();
  for (const { port } of gateways) {
    await withServer(
      port,
      async (server) => {
        for (;;) {
          const names = (await server.rows("SHOW VSCHEMA TABLES")).map((row) => Object.values(row)[0]);
          if (names.includes(table)) return;
          if (performance.now() - startMs > withinMs) throw new Error(`after ${withinMs} ms only ${names.join(", ")}`);
          await delay(20);
        }
      },
      "plain",
    );
  }
}
