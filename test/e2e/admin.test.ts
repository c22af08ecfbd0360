// The admin ports of real processes: probes that follow what becomes of the cluster, metrics, pages, digests.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Etcd } from "../../src/local/etcd.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt, ROOT } from "../fixture/build.ts";
import { startEtcd, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { until } from "../fixture/until.ts";
import { mustRun, type Part, sampled, startPart, stopAll } from "./parts.ts";

const dir = temporaryDir("admin");
let etcd: Etcd;
let mysqld: Mysqld;
let tablet: Part;
let gateway: Part;
let client: Connection;

async function page(part: Part, path: string, accept = "*/*"): Promise<{ status: number; type: string; body: string }> {
  const response = await fetch(`http://${part.admin}${path}`, { headers: { accept } });
  return { status: response.status, type: response.headers.get("content-type") ?? "", body: await response.text() };
}

beforeAll(async () => {
  await ensureBuilt();
  [etcd, mysqld] = await Promise.all([startEtcd(), startMysqld({ dir: join(dir.path, "mysqld") })]);
  const topo = ["--topo-endpoints", etcd.endpoint];
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("CREATE DATABASE plain");
    await server.run("CREATE TABLE plain.p (id BIGINT PRIMARY KEY, v BIGINT)");
    await server.run("INSERT INTO plain.p VALUES (1, 10), (2, 20)");
    await server.run("CREATE DATABASE beside");
    await server.run("CREATE TABLE beside.q (id BIGINT PRIMARY KEY, v BIGINT)");
    await server.run("INSERT INTO beside.q VALUES (1, 1), (2, 2), (3, 3)");
  });
  await mustRun("ctl", "AddCellInfo", "zone1", ...topo);
  for (const keyspace of ["plain", "beside"]) {
    await mustRun("ctl", "CreateKeyspace", keyspace, ...topo);
    await mustRun("ctl", "CreateShard", `${keyspace}/0`, ...topo);
  }
  const quiet = [...topo, "--log-level", "error"];
  const startTablet = (uid: string, keyspace: string): Promise<Part> => {
    const what = ["--alias", `zone1-0000000${uid}`, "--keyspace", keyspace, "--shard", "0", ...quiet];
    return startPart("tablet", ...what, "--mysql-socket", mysqld.socketPath, "--listen", "127.0.0.1:0");
  };
  [tablet] = await Promise.all([startTablet("100", "plain"), startTablet("101", "beside")]);
  gateway = await startPart("gateway", "--listen", "127.0.0.1:0", "--slow-query-ms", "200", ...topo);
  client = await createConnection({ host: "127.0.0.1", port: gateway.port, user: "root", database: "plain" });
  client.on("error", () => undefined);
});

afterAll(async () => {
  client?.destroy();
  await stopAll();
  await Promise.all([etcd?.stop(), mysqld?.stop()]);
  dir.remove();
});

describe("admin pages", () => {
  test("live and ready", async () => {
    for (const part of [gateway, tablet]) {
      expect(await page(part, "/livez")).toMatchObject({ status: 200, body: "ok\n" });
      await until(async () => (await page(part, "/readyz")).status === 200);
    }
    expect((await page(gateway, "/")).body).toContain("/metrics");
    expect((await page(gateway, "/nothing")).status).toBe(404);
    const posted = await fetch(`http://${gateway.admin}/metrics`, { method: "POST" });
    expect(posted.status).toBe(405);
  });

  test("statements are counted by what they are, in metrics and as digests", async () => {
    await client.query("RESET QUERY DIGESTS");
    const before = (await page(gateway, "/metrics")).body;
    for (let id = 1; id <= 5; id++) await client.query(`SELECT v FROM p WHERE id = ${id}`);
    await client.execute("SELECT v FROM p WHERE id = ?", [1]);
    await expect(client.query("SELECT nothing FROM p")).rejects.toMatchObject({ errno: 1054 });
    await expect(client.query("SELEC 1")).rejects.toMatchObject({ errno: 1064 });
    const { body, type } = await page(gateway, "/metrics");
    expect(type).toContain("text/plain");
    const grown = (name: string, ...labels: readonly string[]): number =>
      sampled(body, name, ...labels) - sampled(before, name, ...labels);
    const selects = ['keyspace="plain"', 'type="select"', 'tier="pass-through"'];
    expect(grown("shardgate_queries_total", ...selects, 'outcome="ok"')).toBe(6);
    expect(grown("shardgate_queries_total", ...selects, 'outcome="error"')).toBe(1);
    expect(grown("shardgate_queries_total", 'type="unknown"', 'outcome="error"')).toBe(1);
    expect(grown("shardgate_query_rows_total", ...selects)).toBe(3);
    expect(grown("shardgate_query_duration_seconds_count", ...selects)).toBe(7);
    expect(grown("shardgate_query_duration_seconds_bucket", ...selects, 'le="+Inf"')).toBe(7);
    expect(grown("shardgate_tablet_call_duration_seconds_count", 'alias="zone1-0000000100"')).toBeGreaterThanOrEqual(7);
    expect(sampled(body, "shardgate_tablet_serving", 'keyspace="plain"')).toBe(1);
    expect(sampled(body, "shardgate_client_connections")).toBe(1);
    expect(body).toContain("# TYPE shardgate_queries_total counter");
    expect(body).toContain("nodejs_eventloop_lag_seconds");
    expect((await page(tablet, "/metrics")).body).toContain('shardgate_pool_connections_idle{pool="query"}');

    const digests: unknown = JSON.parse((await page(gateway, "/debug/queries")).body);
    const select = expect.objectContaining({
      keyspace: "plain",
      type: "select",
      count: 6,
      rows: 3,
      tiers: "pass-through 6",
      statement: "SELECT v FROM p WHERE id=:v1",
    });
    expect(digests).toContainEqual(select);
    const [shown] = await client.query<RowDataPacket[]>("SHOW QUERY DIGESTS");
    expect(shown.find(({ Statement }) => Statement === "SELECT v FROM p WHERE id=:v1")).toMatchObject({ Count: "6" });
    await client.query("RESET QUERY DIGESTS");
    await client.query("SELECT v FROM p WHERE id = 7");
    const [again] = await client.query<RowDataPacket[]>("SHOW QUERY DIGESTS");
    expect(again.find(({ Statement }) => Statement === "SELECT v FROM p WHERE id=:v1")).toMatchObject({ Count: "1" });
  });

  test("planning, transactions, gathers, bytes and connections are counted", async () => {
    const before = (await page(gateway, "/metrics")).body;
    await client.query("BEGIN");
    await client.query("UPDATE p SET v = v + 1 WHERE id = 2");
    await client.query("COMMIT");
    await client.query("BEGIN");
    await client.query("COMMIT");
    await client.query("BEGIN");
    await client.query("UPDATE p SET v = v + 1 WHERE id = 2");
    await client.query("ROLLBACK");
    const leaving = await createConnection({ host: "127.0.0.1", port: gateway.port, user: "root", database: "plain" });
    await leaving.query("BEGIN");
    await leaving.query("UPDATE p SET v = v + 1 WHERE id = 2");
    leaving.destroy();
    const [joined] = await client.query<RowDataPacket[]>(
      "SELECT p.id, ROW_NUMBER() OVER (ORDER BY p.v) AS n FROM p JOIN beside.q ON p.id = q.id",
    );
    expect(joined).toHaveLength(2);
    // Never seen before, however often this runs.
    const unseen = `v${Math.round(performance.now() * 1_000)}`;
    for (const each of [1, 2, 3]) await client.query(`SELECT v AS ${unseen}_${each} FROM p WHERE id = 1`);
    const impatient = await createConnection({
      host: "127.0.0.1",
      port: gateway.port,
      user: "root",
      database: "plain",
    });
    impatient.on("error", () => undefined);
    void impatient.query("SELECT SLEEP(60), v FROM p WHERE id = 1").catch(() => undefined);
    await until(async () => (await page(gateway, "/debug/connections")).body.includes("SLEEP(60)"));
    impatient.destroy();
    const name = "shardgate_transactions_total";
    await until(async () => {
      const { body } = await page(gateway, "/metrics");
      return sampled(body, name, 'outcome="rolled-back"') - sampled(before, name, 'outcome="rolled-back"') === 2;
    });
    const { body } = await page(gateway, "/metrics");
    const grown = (metric: string, ...labels: readonly string[]): number =>
      sampled(body, metric, ...labels) - sampled(before, metric, ...labels);
    expect(grown(name, 'outcome="committed"')).toBe(1);
    expect(grown(name)).toBe(3);
    expect(grown("shardgate_gather_queries_total")).toBe(1);
    expect(grown("shardgate_gather_rows_total")).toBe(5);
    expect(grown("shardgate_gather_bytes_total")).toBeGreaterThan(5);
    expect(grown("shardgate_plan_duration_seconds_count")).toBeGreaterThan(2);
    expect(grown("shardgate_queries_total", 'tier="gather"', 'outcome="ok"')).toBe(1);
    expect(grown("shardgate_client_connections_total", 'outcome="accepted"')).toBe(2);
    // Who leaves in the middle of a statement is counted, too.
    await until(async () => {
      const errors = sampled((await page(gateway, "/metrics")).body, "shardgate_queries_total", 'outcome="error"');
      return errors === sampled(before, "shardgate_queries_total", 'outcome="error"') + 1;
    });
    expect(grown("shardgate_client_bytes_total", 'direction="in"')).toBeGreaterThan(100);
    expect(grown("shardgate_client_bytes_total", 'direction="out"')).toBeGreaterThan(100);
    expect(grown("shardgate_tablet_bytes_total", 'keyspace="plain"', 'direction="out"')).toBeGreaterThan(100);
    for (const [part, names] of [
      [gateway, ["nodejs_eventloop_lag_seconds", "process_resident_memory_bytes", "shardgate_topology_age_seconds"]],
      [tablet, ["nodejs_eventloop_lag_seconds", "process_resident_memory_bytes", "shardgate_pool_wait_seconds_count"]],
    ] as const) {
      const text = (await page(part, "/metrics")).body;
      for (const each of names) expect(text, each).toMatch(new RegExp(`^${each}[ {]`, "m"));
    }
  });

  test("every metric that the dashboard and the alerts name is there", async () => {
    const overlay = join(ROOT, "deploy/overlays/production");
    const expressions = ["dashboard.json", "monitoring.yaml"].map((name) => readFileSync(join(overlay, name), "utf8"));
    const named = new Set(expressions.join("\n").match(/\b(?:shardgate|nodejs|process)_[a-z0-9_]+/g));
    const served = `${(await page(gateway, "/metrics")).body}\n${(await page(tablet, "/metrics")).body}`;
    const names = new Set(
      [...served.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = "", type]) =>
        type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    expect(named.size).toBeGreaterThan(12);
    expect([...named].filter((name) => !names.has(name))).toEqual([]);
    const dashboard: unknown = JSON.parse(expressions[0] ?? "");
    expect(dashboard).toMatchObject({ title: "Shardgate", schemaVersion: expect.any(Number) });
  });

  test("pages are JSON for programs and HTML for people", async () => {
    for (const path of ["/debug/queries", "/debug/plans", "/debug/connections", "/debug/topology", "/debug/config"]) {
      const json = await page(gateway, path);
      expect(json.type, path).toBe("application/json");
      expect(JSON.parse(json.body), path).toBeDefined();
      const html = await page(gateway, path, "text/html");
      expect(html.type, path).toContain("text/html");
      expect(html.body, path).toContain("<table");
    }
    expect((await page(gateway, "/debug/topology")).body).toContain("zone1-0000000100");
    expect((await page(tablet, "/debug/pools")).status).toBe(200);
  });

  test("not ready while a shard has no primary, and while draining", async () => {
    const draining = await startPart("gateway", "--listen", "127.0.0.1:0", "--topo-endpoints", etcd.endpoint);
    const { port, dir: mysqldDir } = mysqld;
    await mysqld.stop();
    try {
      await until(async () => {
        const { status, body } = await page(draining, "/readyz");
        return status === 503 && body.includes("plain/0: ") && body.includes("beside/0: ");
      });
      expect((await page(draining, "/livez")).status).toBe(200);
      await until(async () => (await page(tablet, "/readyz")).status === 503);
    } finally {
      mysqld = await startMysqld({ dir: mysqldDir, port });
    }
    await until(async () => (await page(draining, "/readyz")).status === 200);

    const last = await createConnection({ host: "127.0.0.1", port: draining.port, user: "root", database: "plain" });
    last.on("error", () => undefined);
    await until(async () => {
      try {
        await last.query("BEGIN");
        await last.query("SELECT v FROM p WHERE id = 1");
        return true;
      } catch {
        return false;
      }
    });
    draining.signal("SIGTERM");
    await until(async () => (await page(draining, "/readyz")).body === "draining\n");
    await last.query("COMMIT");
    expect((await draining.exited).code).toBe(0);
  });

  test("what is slow or fails is logged, without its literals", async () => {
    // What fails and is slow is told as slow.
    const what = ["--listen", "127.0.0.1:0", "--slow-query-ms", "2000", "--topo-endpoints", etcd.endpoint];
    const logging = await startPart("gateway", ...what);
    const slow = await createConnection({ host: "127.0.0.1", port: logging.port, user: "root", database: "plain" });
    await slow.query(`SELECT SLEEP(2.1) AS s FROM p WHERE v = 10 AND 'secret' <> '' ${TRACE_COMMENT}`);
    await expect(slow.query("SELECT nothing FROM p WHERE v = 'secret'")).rejects.toMatchObject({ errno: 1054 });
    await expect(slow.query("SELEC 'secret'")).rejects.toMatchObject({ errno: 1064 });
    await slow.end();
    logging.signal("SIGTERM");
    const { stderr } = await logging.exited;
    const lines = linesOf(stderr);
    expect(lines.find(({ msg }) => msg === "slow query")).toMatchObject({
      connection: expect.any(Number),
      user: "root",
      keyspace: "plain",
      shards: ["plain/0"],
      type: "select",
      tier: "pass-through",
      trace: "0af7651916cd43dd8448eb211c80319c",
      statement: expect.stringContaining("SELECT SLEEP(:v1)"),
    });
    const failed = lines.filter(({ msg }) => msg === "statement failed");
    expect(failed.map(({ errno }) => errno)).toEqual([1054, 1064]);
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["gateway started", "gateway stopped"]));
    expect(stderr).not.toContain("secret");
  });

  test("literals are logged where that is asked for; topology changes are", async () => {
    const what = ["--listen", "127.0.0.1:0", "--log-literals", "--topo-endpoints", etcd.endpoint];
    const logging = await startPart("gateway", ...what);
    const open = await createConnection({ host: "127.0.0.1", port: logging.port, user: "root", database: "plain" });
    await expect(open.query("SELECT nothing FROM p WHERE v = 'shown'")).rejects.toMatchObject({ errno: 1054 });
    await expect(open.execute("SELECT nothing FROM p WHERE v = ?", ["x"])).rejects.toMatchObject({ errno: 1054 });
    const later = `later${logging.port}`;
    await mustRun("ctl", "CreateKeyspace", later, "--topo-endpoints", etcd.endpoint);
    await until(async () => (await page(logging, "/debug/topology")).body.includes(`"${later}"`));
    await open.end();
    logging.signal("SIGTERM");
    const lines = linesOf((await logging.exited).stderr);
    expect(lines.find(({ msg }) => msg === "statement failed")).toMatchObject({
      statement: "SELECT nothing FROM p WHERE v = 'shown'",
      error: expect.stringContaining("nothing"),
    });
    expect(lines.some(({ msg }) => msg === "topology changed")).toBe(true);
  });

  test("the log's level changes while a process runs", async () => {
    const what = ["--listen", "127.0.0.1:0", "--log-level", "error", "--topo-endpoints", etcd.endpoint];
    const quiet = await startPart("gateway", ...what);
    const fail = async (column: string): Promise<void> => {
      const failing = await createConnection({
        host: "127.0.0.1",
        port: quiet.port,
        user: "root",
        database: "plain",
      });
      await expect(failing.query(`SELECT ${column} FROM p`)).rejects.toMatchObject({ errno: 1054 });
      await failing.end();
    };
    const url = `http://${quiet.admin}/debug/log-level`;
    expect(JSON.parse((await page(quiet, "/debug/log-level")).body)).toMatchObject({ level: "error" });
    await fail("c_before");
    expect((await fetch(`${url}?level=info`, { method: "PUT" })).status).toBe(200);
    expect(JSON.parse((await page(quiet, "/debug/log-level")).body)).toMatchObject({ level: "info" });
    await fail("c_between");
    expect((await fetch(`${url}?level=loud`, { method: "PUT" })).status).toBe(400);
    expect((await fetch(`${url}?level=debug`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${url}?level=error`, { method: "PUT" })).status).toBe(200);
    await fail("c_after");
    quiet.signal("SIGUSR2");
    await until(async () => (await page(quiet, "/debug/log-level")).body.includes('"level": "debug"'));
    quiet.signal("SIGUSR2");
    await until(async () => (await page(quiet, "/debug/log-level")).body.includes('"level": "error"'));
    quiet.signal("SIGTERM");
    const { stderr } = await quiet.exited;
    expect(stderr).toContain("c_between");
    expect(stderr).not.toMatch(/c_before|c_after/);
  });
});

const TRACE_COMMENT = "/*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'*/";

function linesOf(stderr: string): readonly Record<string, unknown>[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): Record<string, unknown> => JSON.parse(line));
}
