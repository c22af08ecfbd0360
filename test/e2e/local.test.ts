// `shardgate local` from outside, as a person or a script uses it: the ready line, rows on their shards, restarts, and that
// nothing is left of starts that fail, are interrupted, or whose process is killed.

import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delay, isListening, startTicks } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt, SCRIPT } from "../fixture/build.ts";
import { temporaryDir } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";

interface ReadyLine {
  readonly ready: true;
  readonly port: number;
  readonly connect: string;
  readonly processes: readonly {
    readonly name: string;
    readonly kind: string;
    readonly pid: number;
    readonly port: number;
    readonly keyspace?: string;
    readonly shard?: string;
    readonly type?: string;
  }[];
}

interface Run {
  readonly child: ChildProcess;
  readonly ready: Promise<ReadyLine>;
  readonly exit: Promise<{ code: number | null; stderr: string }>;
}

const SHARDED = hashedBy({ t: "id" });
const TIMEOUT_MS = 300_000;

let dir: ReturnType<typeof temporaryDir>;
let runs: Run[];

beforeAll(ensureBuilt);
beforeEach(() => {
  dir = temporaryDir("local");
  runs = [];
  writeKeyspace("plain", {}, "CREATE TABLE p (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO p VALUES (1, 'one');\n");
  writeKeyspace(
    "split",
    SHARDED,
    // hash(1) is 166b40b44aba4bd6, hash(4) d2fd8867d50d2dfe: one on each shard.
    "CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO t (id, v) VALUES (1, 'a'), (4, 'b');\n",
  );
});
afterEach(async () => {
  for (const { child, exit } of runs) {
    child.kill("SIGTERM");
    await exit;
  }
  dir.remove();
});

describe("shardgate local", () => {
  test(
    "serves, places rows, restarts what dies, stops all, and keeps the data",
    async () => {
      const first = local();
      const line = await first.ready;
      expect(line.connect).toBe(`mysql -h127.0.0.1 -P${line.port} -uroot`);
      expect(line.processes.map(({ name }) => name).toSorted()).toEqual([
        "etcd",
        "gateway",
        "mysqld plain/0",
        "mysqld split/-80",
        "mysqld split/80-",
        "tablet plain/0",
        "tablet split/-80",
        "tablet split/80-",
      ]);
      for (const { pid, port } of line.processes) {
        expect(startTicks(pid)).toBeDefined();
        expect(await isListening(port)).toBe(true);
      }
      const shardRows = (shard: string) =>
        withServer(
          line.processes.find((entry) => entry.kind === "mysqld" && entry.shard === shard)?.port ?? 0,
          (server) => server.rows("SELECT id, v FROM t ORDER BY id"),
          "split",
        );
      expect(await shardRows("-80")).toEqual([{ id: "1", v: "a" }]);
      expect(await shardRows("80-")).toEqual([{ id: "4", v: "b" }]);
      expect(await through(line.port, "plain", "SELECT v FROM p WHERE id = 1")).toBe("one");
      expect(await through(line.port, "split", "SELECT v FROM t WHERE id = 4")).toBe("b");
      await expectUnixSocket();

      for (const kind of ["tablet", "mysqld", "gateway"]) {
        const victim = line.processes.find((entry) => entry.kind === kind && entry.keyspace !== "plain");
        process.kill(victim?.pid ?? 0, "SIGKILL");
        await eventually(() => through(line.port, "split", "SELECT COUNT(*) FROM t WHERE id = 1"), "1");
      }

      first.child.kill("SIGTERM");
      expect((await first.exit).code).toBe(0);
      await expectNothingLeft(line);

      appendFileSync(
        join(dir.path, "schema/split/schema.sql"),
        "ALTER TABLE t ADD w INT;\nINSERT INTO t (id, v, w) VALUES (5, 'c', 7);\n",
      );
      const second = local();
      const again = await second.ready;
      expect(await through(again.port, "split", "SELECT v FROM t WHERE id = 1")).toBe("a");
      expect(await through(again.port, "split", "SELECT w FROM t WHERE id = 5")).toBe("7");
      second.child.kill("SIGINT");
      expect((await second.exit).code).toBe(0);
      await expectNothingLeft(again);

      const other = await local({ shards: "plain=1,split=4" }).exit;
      expect(other.code).toBe(1);
      expect(other.stderr).toContain("holds plain=1,split=2, not plain=1,split=4");
    },
    TIMEOUT_MS,
  );

  test(
    "all dies with a local that is killed, and the next start cleans up and serves",
    async () => {
      const first = local();
      const line = await first.ready;
      first.child.kill("SIGKILL");
      await first.exit;
      await eventually(
        async () => String(line.processes.filter(({ pid }) => startTicks(pid) !== undefined).length),
        "0",
      );
      const again = await local().ready;
      expect(await through(again.port, "split", "SELECT v FROM t WHERE id = 4")).toBe("b");
    },
    TIMEOUT_MS,
  );

  test(
    "embedded, with a replica of every shard that follows its primary and takes no writes",
    async () => {
      const line = await local({ args: ["--topo", "embedded", "--replicas", "1"] }).ready;
      const mysqlds = line.processes.filter(({ kind }) => kind === "mysqld");
      expect(mysqlds.map(({ type = "" }) => type).toSorted((a, b) => a.localeCompare(b))).toEqual([
        "primary",
        "primary",
        "primary",
        "replica",
        "replica",
        "replica",
      ]);
      await expectUnixSocket();
      const replica = mysqlds.find(({ type, shard }) => type === "replica" && shard === "80-")?.port ?? 0;
      await through(line.port, "split", "UPDATE t SET v = 'changed' WHERE id = 4");
      await eventually(() => withServer(replica, (server) => server.value("SELECT v FROM split.t")), "changed");
      expect(await withServer(replica, (server) => server.value("SELECT @@read_only"))).toBe("1");
    },
    TIMEOUT_MS,
  );
});

test(
  "the demo shows queries with their answers and the shards that were asked",
  async () => {
    const child = spawn(process.execPath, [SCRIPT, "local", "--demo", "--port", "0", "--data-dir", dataDir()], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    const connectable = new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => {
        stdout += chunk.toString();
        if (stdout.includes("Ctrl-C stops all of it")) resolve();
      });
      child.once("close", () => resolve());
    });
    await connectable;
    child.kill("SIGTERM");
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    const asked = lines.filter((line) => line.startsWith("  asked: ")).map((line) => line.slice(9));
    expect(asked).toEqual([
      "commerce/0",
      "customer/-80",
      "customer/80-",
      expect.stringMatching(/^customer\/(-80|80-)$/),
      "customer/-80, customer/80-",
    ]);
    expect(stdout).not.toContain("ERROR");
    expect(lines.some((line) => line.startsWith('{"ready":true'))).toBe(true);
    expect(stdout).toMatch(/mysql -h127\.0\.0\.1 -P\d+ -uroot customer/);
    expect(childrenOf(dir.path)).toEqual([]);
  },
  TIMEOUT_MS,
);

describe("a start that fails leaves nothing", () => {
  test("port taken", async () => {
    const holder = createServer();
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, "127.0.0.1", () => {
        const address = holder.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    const { code, stderr } = await local({ args: ["--port", String(port)] }).exit;
    holder.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`port ${port} of 127.0.0.1 is taken .*--port`));
    expect(existsSync(dataDir())).toBe(false);
  });

  test("a VSchema with a fault", async () => {
    writeKeyspace("split", { ...SHARDED, tables: { t: { column_vindexes: [{ column: "id", name: "hsah" }] } } }, "");
    const { code, stderr } = await local().exit;
    expect(code).toBe(1);
    expect(stderr).toContain(
      'split.tables.t.column_vindexes[0].name: vindex "hsah" is not defined; did you mean "hash"?',
    );
    expect(existsSync(dataDir())).toBe(false);
  });

  test(
    "SQL that a shard refuses",
    async () => {
      appendFileSync(join(dir.path, "schema/split/schema.sql"), "\nCREATE TABLE u (id INT, id INT);\n");
      const { code, stderr } = await local().exit;
      expect(code).toBe(1);
      expect(stderr).toMatch(/schema\.sql:4: shard split\/-80 refused it: Duplicate column name 'id'/);
      expect(existsSync(dataDir())).toBe(false);
      expect(childrenOf(dir.path)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "a signal in the middle",
    async () => {
      for (const afterMs of [300, 900, 1_500, 2_500]) {
        const run = local();
        await delay(afterMs);
        run.child.kill("SIGINT");
        // Null: the signal came before the process listened to it, so it had not started anything.
        expect([130, null]).toContain((await run.exit).code);
        expect(existsSync(dataDir())).toBe(false);
        expect(childrenOf(dir.path)).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  test("flags that are wrong", async () => {
    expect((await local({ shards: "plain" }).exit).stderr).toContain("is not KEYSPACE=NUMBER");
    expect((await local({ shards: "nope=1" }).exit).stderr).toContain(
      "has no folder of that name; it has plain, split",
    );
    expect((await local({ args: ["--port", "99999"] }).exit).stderr).toContain("a port is 0 to 65535");
  });
});

function writeKeyspace(name: string, vschema: object, sql: string): void {
  const folder = join(dir.path, "schema", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "vschema.json"), JSON.stringify(vschema));
  writeFileSync(join(folder, "schema.sql"), sql);
}

function dataDir(): string {
  return join(dir.path, "data");
}

function local(options: { shards?: string; args?: readonly string[] } = {}): Run {
  const args = ["local", "--schema-dir", join(dir.path, "schema"), "--shards", options.shards ?? "plain=1,split=2"];
  args.push("--port", "0", "--data-dir", dataDir(), "--log-level", "warn", ...(options.args ?? []));
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exit = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, stderr }));
  });
  const ready = new Promise<ReadyLine>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    void exit.then(({ code }) => reject(new Error(`exit code ${code}: ${stderr}`)));
  });
  // Tests that expect a failure look at `exit` only.
  ready.catch(() => {});
  const run = { child, ready, exit };
  runs.push(run);
  return run;
}

/** The first value of the answer to `sql` through the gateway. */
function through(port: number, keyspace: string, sql: string): Promise<string> {
  return withServer(port, (server) => server.value(sql), keyspace);
}

async function eventually(ask: () => Promise<string>, wanted: string): Promise<void> {
  let last = "";
  for (let i = 0; i < 900; i++) {
    last = await ask().catch(String);
    if (last === wanted) return;
    await delay(100);
  }
  throw new Error(`not ${wanted} within 90 s, but ${last}`);
}

/** The gateway has one, which clients find. */
async function expectUnixSocket(): Promise<void> {
  const path = join(dir.path, "data/gateway/gateway.sock");
  expect(await withServer(path, (server) => server.value("SELECT @@socket"))).toBe(path);
}

async function expectNothingLeft(line: ReadyLine): Promise<void> {
  for (const { pid, port } of line.processes) {
    expect(startTicks(pid)).toBeUndefined();
    expect(await isListening(port)).toBe(false);
  }
  expect(childrenOf(dir.path)).toEqual([]);
  expect(readdirSync(dataDir()).includes("local.pid")).toBe(false);
}

/** Command lines of processes that name `path`: mysqlds, etcds and tablets started below it. */
function childrenOf(path: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return command.includes(path) ? [command] : [];
      } catch {
        return [];
      }
    });
}
