// Query rules on a running cluster: each action, in text, prepared and several statements, by user, and never where it could
// change an answer; edits by ctl, their preview, and what a gateway does with a record that somebody has broken.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ctlCommand } from "../../src/bin/ctl.ts";
import { processTerminal } from "../../src/bin/terminal.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { applyQueryRules } from "../../src/control/query-rules.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import { describeAction } from "../../src/rules/describe-rules.ts";
import { readRulesText, rulesOf } from "../../src/rules/read-rules.ts";
import { HEADER_ERR } from "../../src/mysql/constants.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { createEtcdStore } from "../../src/topo/etcd.ts";
import type { TopoStore } from "../../src/topo/store.ts";
import { queryRulesKey, Topology } from "../../src/topo/topology.ts";
import { startCluster, temporaryDir } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { failureOf } from "./load.ts";
import { StatementClient } from "./statement-client.ts";

const ROOT = "/shardgate";
const USERS = {
  users: {
    root: { emptyPassword: true, rights: { "*": ["read", "write", "ddl", "admin"] } },
    raw: { emptyPassword: true, rights: { "*": ["read"] } },
    app: { emptyPassword: true, rights: { "*": ["read", "write"] } },
  },
};
const WHO = "SELECT @@global.port AS port, v FROM split.t WHERE id = 1";
const TABLE = "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);";

const dir = temporaryDir("rules");
let cluster: Cluster;
let store: TopoStore;
let topology: Topology;
let root: Connection;
let app: Connection;
let endpoint = "";

beforeAll(async () => {
  const users = join(dir.path, "users.json");
  writeFileSync(users, JSON.stringify(USERS));
  cluster = await startCluster({
    topo: "etcd",
    replicas: 1,
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        // hash(1) and hash(2) lie on -80, hash(4) on 80-.
        sql: `${TABLE} INSERT INTO t (id, v) VALUES (1, 10), (2, 20), (4, 40);`,
      },
      shadow: { sql: `${TABLE} INSERT INTO t VALUES (1, 11);` },
    },
    gatewayArgs: ["--users-file", users],
  });
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  endpoint = `http://127.0.0.1:${etcd?.port ?? 0}`;
  store = createEtcdStore({ endpoints: [endpoint], clock: systemClock, log: silentLog });
  topology = new Topology(store, ROOT);
  root = await connect("root");
  app = await connect("app");
  await until(async () => (await rows(root, "SELECT /*sg+ TABLET_TYPE=replica */ id FROM t")).length === 3);
}, 480_000);

afterAll(async () => {
  root?.destroy();
  app?.destroy();
  await store?.close();
  await cluster?.stop();
  dir.remove();
});

describe("blocking", () => {
  test("by pattern and user, in every protocol; others pass", async () => {
    await rules({
      name: "no-scan",
      match: { user: ["app", "raw"], pattern: "^(select|delete) .* ?from (split\\.)?t$", keyspace: "split" },
      action: { block: { message: "give a WHERE", errno: 1644, sqlstate: "45000" } },
    });
    const refused = { errno: 1644, sqlState: "45000", sqlMessage: "give a WHERE" };
    await expect(app.query("SELECT * FROM t")).rejects.toMatchObject(refused);
    await expect(app.query("/* hidden */ select*from(`split`.`t`)")).rejects.toMatchObject(refused);
    await expect(app.query("DELETE FROM t")).rejects.toMatchObject(refused);
    await expect(app.query("SET STATEMENT max_statement_time = 100 FOR DELETE FROM t")).rejects.toMatchObject(refused);
    await expect(app.execute("SELECT * FROM t")).rejects.toMatchObject(refused);
    await expect(app.query("SELECT 1; SELECT * FROM t; SELECT 2")).rejects.toMatchObject(refused);
    await expect(refusedCursor("SELECT * FROM t")).resolves.toBe(1644);
    await app.query("PREPARE p FROM 'SELECT * FROM t'");
    await expect(app.query("EXECUTE p")).rejects.toMatchObject(refused);
    expect(await rows(app, "SELECT id FROM t WHERE id = 4")).toEqual([{ id: 4 }]);
    expect(await rows(root, "SELECT COUNT(*) AS n FROM t")).toEqual([{ n: 3 }]);
    expect(await rows(root, "SELECT * FROM t")).toHaveLength(3);
    // The session lives, in its transaction, too.
    await app.query("BEGIN");
    await app.query("UPDATE t SET v = 21 WHERE id = 2");
    await expect(app.query("SELECT * FROM t")).rejects.toMatchObject(refused);
    expect(await rows(app, "SELECT v FROM t WHERE id = 2")).toEqual([{ v: 21 }]);
    await app.query("ROLLBACK");
    expect((await shown("no-scan"))["Blocked"]).toBe("9");
  });

  test("the first match decides; a dry run and one that continues do not", async () => {
    const block = { block: { message: "no" } };
    await rules(
      { name: "tried", priority: 1, dry_run: true, action: block },
      { name: "counted", priority: 2, continue: true, match: { user: "app" } },
      { name: "let-ones", priority: 3, match: { pattern: "^select :v1 as n$" } },
      { name: "rest", priority: 4, match: { user: "app", type: "select" }, action: block },
    );
    expect(await rows(app, "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await expect(app.query("SELECT 2 AS m")).rejects.toMatchObject({ errno: 1148, sqlState: "42000" });
    expect([
      (await shown("counted"))["Hits"],
      (await shown("let-ones"))["Hits"],
      (await shown("rest"))["Hits"],
    ]).toEqual(["2", "1", "1"]);
    expect(await shown("tried")).toMatchObject({ Blocked: "0", Flags: "dry run" });
  });
});

test("reads go to replicas, but not in transactions, nor what locks or writes", async () => {
  await rules({ name: "reports", match: { user: "app" }, action: { route: "replica" } });
  const [primary, replica] = [portOf("primary"), portOf("replica")];
  expect(await portSeen(app, WHO)).toBe(replica);
  expect((await app.execute<RowDataPacket[]>(WHO.replace("1", "?"), [1]))[0]).toEqual([{ port: replica, v: 10 }]);
  expect(await portSeen(root, WHO)).toBe(primary);
  expect(await portSeen(app, `${WHO} FOR UPDATE`)).toBe(primary);
  await app.query("BEGIN");
  expect(await portSeen(app, WHO)).toBe(primary);
  await app.query("UPDATE t SET v = 12 WHERE id = 1");
  expect(await rows(app, "SELECT v FROM t WHERE id = 1")).toEqual([{ v: 12 }]);
  await app.query("ROLLBACK");
  await app.query("SET autocommit = 0");
  expect(await portSeen(app, WHO)).toBe(primary);
  await app.query("COMMIT");
  await app.query("SET autocommit = 1");
  await app.query("UPDATE t SET v = 10 WHERE id = 1");
  expect(await portSeen(app, WHO)).toBe(replica);
});

test("tiers are forbidden, and no directive lets them pass", async () => {
  await rules({ name: "one-shard", match: { user: "app" }, action: { force_tier: "pass-through" } });
  expect(await rows(app, "SELECT v FROM t WHERE id = 4")).toEqual([{ v: 40 }]);
  for (const sql of ["SELECT v FROM t", "SELECT /*vt+ ALLOW_SCATTER */ COUNT(*) FROM t"]) {
    await expect(app.query(sql)).rejects.toThrow("disallowed using query rule one-shard");
  }
  await expect(app.query("SELECT /*sg+ ALLOW_GATHER */ ROW_NUMBER() OVER (ORDER BY v) FROM t")).rejects.toThrow(
    "gather, which is disallowed using query rule one-shard",
  );
  await rules({ name: "no-scatter", action: { forbid_tiers: ["scatter"] } });
  await expect(app.query("UPDATE t SET v = v + 1")).rejects.toMatchObject({ errno: 1235 });
  await rules({ name: "gathered", action: { force_tier: "gather" } });
  expect(await rows(app, "SELECT COUNT(*) AS n FROM t")).toEqual([{ n: 3 }]);
});

test("a statement becomes another one, its values kept, in binary, too", async () => {
  await rules({
    name: "add-limit",
    match: { pattern: "^select id, v from t where v > (:v1) order by id$" },
    action: { rewrite: { replace: "select id, v + 1 as v from t where v > $1 order by id desc limit 2" } },
  });
  const expected = [
    { id: 4, v: 41 },
    { id: 2, v: 21 },
  ];
  expect(await rows(app, "SELECT id, v FROM t WHERE v > 5 ORDER BY id")).toEqual(expected);
  expect((await app.execute("SELECT id, v FROM t WHERE v > ? ORDER BY id", [5]))[0]).toEqual(expected);
  for (const over of [5, 6]) {
    expect((await app.execute("SELECT id, v FROM t WHERE v > ? ORDER BY id", [over]))[0]).toEqual(expected);
  }
  // Longer values than those that its form was learned with.
  for (const over of [30, 31, 32, 33]) {
    expect((await app.execute("SELECT id, v FROM t WHERE v > ? ORDER BY id", [over]))[0]).toEqual([{ id: 4, v: 41 }]);
  }
  const [results] = await app.query("SELECT id, v FROM t WHERE v > 5 ORDER BY id; SELECT 7 AS n");
  expect(results).toEqual([expected, [{ n: 7 }]]);
  const alone = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "app", database: "split" });
  const sql = "SELECT id, v FROM t WHERE v > 5 ORDER BY id";
  expect(await rows(alone, `${sql};  -- nothing`)).toEqual(expected);
  // One packet was agreed to be one statement, whatever a rule makes of it.
  await expect(alone.query(`${sql}; SELECT 7`)).rejects.toMatchObject({ errno: 1064 });
  alone.destroy();
  await rules({ name: "breaks", match: { pattern: "^select 5$" }, action: { rewrite: { replace: "selec 5" } } });
  await expect(app.query("SELECT 5")).rejects.toThrow("query rule breaks rewrites the statement into none");
});

test("a timeout", async () => {
  await rules({ name: "quick", match: { pattern: "sleep" }, action: { timeout_ms: 200 } });
  expect([1969, 3024]).toContain((await failureOf(app.query("SELECT SLEEP(60) FROM shadow.t"))).errno);
});

describe("limits", () => {
  test("by user: what is beyond the burst is refused", async () => {
    // So slow that no token comes back while the test runs.
    await rules({
      name: "slow",
      action: { limit: { per_second: 0.0001, burst: 2, per: "user" } },
      match: { type: "do" },
    });
    for (const client of [app, root]) {
      await client.query("DO 1");
      await client.query("DO 2");
      expect(await failureOf(client.query("DO 3"))).toMatchObject({ errno: 1226, sqlState: "42000" });
    }
    expect(await shown("slow")).toMatchObject({ Hits: "6", Limited: "2" });
  });

  test("or waits, and can be killed while it does", async () => {
    await rules({
      name: "paced",
      match: { type: "do" },
      action: { limit: { per_second: 5, burst: 1, on_excess: "delay", delay_max_ms: 60_000 } },
    });
    await Promise.all([app.query("DO 1"), root.query("DO 1")]);
    expect(Number((await shown("paced"))["Delayed"])).toBeLessThanOrEqual(1);
    await rules({
      name: "paced",
      match: { type: "do" },
      action: { limit: { per_second: 0.01, burst: 1, on_excess: "delay", delay_max_ms: 600_000 } },
    });
    const [{ id }] = (await rows(app, "SELECT CONNECTION_ID() AS id")) as [{ id: number }];
    await app.query("DO 1");
    const waiting = failureOf(app.query("DO 2"));
    await until(async () => Number((await shown("paced"))["Delayed"]) > 0);
    await root.query(`KILL QUERY ${id}`);
    expect((await waiting).errno).toBe(1317);
    expect(await rows(app, "SELECT 3 AS n")).toEqual([{ n: 3 }]);
  });
});

test("reads are mirrored, and what becomes of that changes nothing for the client", async () => {
  await rules({
    name: "shadowed",
    match: { keyspace: "split", user: "app" },
    action: { mirror: { keyspace: "shadow" } },
  });
  for (const sql of ["SELECT v FROM t WHERE id = 1", "SELECT split.t.v FROM split.t WHERE split.t.id = 1"]) {
    expect(await rows(app, sql)).toEqual([{ v: 10 }]);
  }
  expect((await app.execute("SELECT v FROM t WHERE id = ?", [1]))[0]).toEqual([{ v: 10 }]);
  await app.query("UPDATE t SET v = 10 WHERE id = 1");
  expect(await rows(app, "SELECT v FROM t WHERE id = 1 FOR UPDATE")).toEqual([{ v: 10 }]);
  expect(await shown("shadowed")).toMatchObject({
    Hits: "5",
    Mirrored: "3",
    Mirrors_dropped: "0",
    Mirrors_failed: "0",
  });
  expect(await rows(app, "SELECT v FROM shadow.t WHERE id = 1")).toEqual([{ v: 11 }]);
  // Where there is no such table, only the counter tells.
  await rules({ name: "lost", match: { keyspace: "shadow" }, action: { mirror: { tablet_type: "rdonly" } } });
  expect(await rows(app, "SELECT v FROM shadow.t WHERE id = 1")).toEqual([{ v: 11 }]);
  await until(async () => (await shown("lost"))["Mirrors_failed"] === "1");
});

describe("edits", () => {
  const RULES = { rules: [{ name: "one", match: { user: "app" }, action: { timeout_ms: 60_000 } }] };

  test("by ctl: a preview, a fault with its rule and field, a revision, a trial", async () => {
    await rules();
    const apply = ["ApplyQueryRules", "--rules"];
    const text = JSON.stringify(RULES);
    expect((await ctl(...apply, text, "--dry-run")).out).toBe(
      "+ 1000 one: user app => time out after 60000 ms\nThe set of query rules is good; nothing was applied (dry run).\n",
    );
    expect(await rows(root, "SHOW QUERY RULES")).toEqual([]);
    const bad = await ctl(...apply, text.replace("timeout_ms", "time_out_ms"));
    expect([bad.code, bad.err]).toEqual([
      1,
      'Error: query rules are bad:\nrule one.action.time_out_ms: unknown field; did you mean "timeout_ms"?\n',
    ]);
    expect((await ctl(...apply, text)).out).toContain("is applied");
    await until(async () => (await rows(root, "SHOW QUERY RULES")).length === 1);
    const { revision } = await topology.getQueryRules();
    const next = text.replace("60000", "1000");
    expect((await ctl(...apply, next, "--revision", "1")).code).toBe(3);
    expect((await ctl(...apply, next, "--revision", String(revision))).out).toBe(
      "- 1000 one: user app => time out after 60000 ms\n+ 1000 one: user app => time out after 1000 ms\n" +
        "The set of query rules is applied.\n",
    );
    const trial = (await ctl("QueryRulesTest", "--user", "app", "--sql", "select * from t where id=5")).out;
    expect(trial).toContain("text:      select * from t where id = :v1\n");
    expect(trial).toContain("  one  applies: time out after 1000 ms\n");
    expect(trial).toContain("keyspaces: split\n");
  });

  test("a record that cannot be read, or has a fault, leaves those of before in force", async () => {
    await rules({ name: "stays", match: { user: "app", type: "do" }, action: { block: { message: "still" } } });
    const key = queryRulesKey(ROOT);
    for (const [value, fault] of [
      ["{", "is not JSON"],
      ['{"version":1,"rules":[{"name":"stays","x":1}]}', "rule stays.x: unknown field"],
      ['{"version":2,"rules":[]}', "has version 2"],
    ] as const) {
      const entry = await store.get(key);
      await store.update(key, value, entry?.revision ?? 0);
      await until(async () => (await problemShown()).includes(fault));
      await expect(app.query("DO 1")).rejects.toThrow("still");
    }
    // Good ones may take its place.
    await rules();
    await app.query("DO 1");
    await store.delete(key);
    await rules({ name: "first-again" });
  });

  test("only administrators see them", async () => {
    await expect(app.query("SHOW QUERY RULES")).rejects.toMatchObject({ errno: 1142 });
  });
});

/** Puts these in the place of all others, and waits until the gateway follows them. */
async function rules(...list: readonly object[]): Promise<void> {
  const text = JSON.stringify({ rules: list });
  await applyQueryRules({ topology }, text);
  const wanted = rulesOf(readRulesText(text)).map((rule) => `${rule.name} ${describeAction(rule.action)}`);
  await until(async () => {
    const found = await rows(root, "SHOW QUERY RULES");
    return found.map((row) => `${row["Rule"]} ${row["Action"]}`).join("\n") === wanted.join("\n");
  });
}

/** `shardgate ctl` with these arguments. */
async function ctl(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { code: 0, out: "", err: "" };
  const exited = new Error("exited");
  const command = ctlCommand({
    terminal: {
      ...processTerminal({}),
      out: (text) => (said.out += text),
      err: (text) => (said.err += text),
    },
    exit: (code) => {
      said.code = code;
      throw exited;
    },
  });
  try {
    await command.parseAsync(["--topo-endpoints", endpoint, ...args], { from: "user" });
  } catch (error) {
    if (error !== exited) throw error;
  }
  return said;
}

/** What is told of a record that is not followed. */
async function problemShown(): Promise<string> {
  const row = (await rows(root, "SHOW QUERY RULES")).find((each) => each["Rule"] === "(bad rules in the topology)");
  return String(row?.["Comment"] ?? "");
}

async function shown(rule: string): Promise<RowDataPacket> {
  const found = (await rows(root, "SHOW QUERY RULES")).find((row) => row["Rule"] === rule);
  if (found === undefined) throw new Error(`no rule ${rule}`);
  return found;
}

/** The error that opening a cursor is answered with; 0: none. */
async function refusedCursor(sql: string): Promise<number> {
  const raw = await StatementClient.connect(cluster.port, "split", 0, "raw");
  const { id } = await raw.prepare(sql);
  const [first] = await raw.execute(id, [], 1);
  raw.close();
  return first?.[0] === HEADER_ERR ? decodeErr(first).errno : 0;
}

/** A connection of the user, in keyspace `split`. */
function connect(user: string): Promise<Connection> {
  return createConnection({
    host: "127.0.0.1",
    port: cluster.port,
    user,
    database: "split",
    multipleStatements: true,
  });
}

async function rows(client: Connection, sql: string): Promise<RowDataPacket[]> {
  return (await client.query<RowDataPacket[]>(sql))[0];
}

async function portSeen(client: Connection, sql: string): Promise<unknown> {
  return (await rows(client, sql))[0]?.["port"];
}

/** Of the mysqld that has the row with id 1. */
function portOf(type: "primary" | "replica"): number | undefined {
  return cluster.processes().find((each) => each.kind === "mysqld" && each.shard === "-80" && each.type === type)?.port;
}
