// Who may speak to whom: mTLS between gateway and tablets, TLS and logins of clients with both password plugins by mysql2
// and the mariadb client, rights and connection limits of the users file. Certificates are made for the test.

import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hashPassword } from "../../src/gateway/access/users.ts";
import type { Etcd } from "../../src/local/etcd.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt } from "../fixture/build.ts";
import { startEtcd, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { eventually, firstAnswer } from "../fixture/until.ts";
import { failureOf } from "./load.ts";
import { mustRun, type Part, runPart, startPart, stopAll } from "./parts.ts";

const dir = temporaryDir("tls");
const file = (name: string): string => join(dir.path, name);
let etcd: Etcd;
let mysqld: Mysqld;
let topo: readonly string[];
let gateway: Part;
let open: Connection[] = [];

beforeAll(async () => {
  await ensureBuilt();
  [etcd, mysqld] = await Promise.all([startEtcd(), startMysqld()]);
  topo = ["--topo-endpoints", etcd.endpoint];
  for (const authority of ["ours", "theirs"]) makeAuthority(authority);
  makeCertificate("ours", "tablet");
  makeCertificate("ours", "gateway");
  makeCertificate("ours", "client-side");
  makeCertificate("theirs", "stranger");
  const { mysql_native_password: native } = await hashPassword("native secret");
  const { caching_sha2_password: sha2 } = await hashPassword("sha2 secret");
  const both = await hashPassword("both");
  const customer = { customer: ["read", "write"] };
  const users = {
    native: { mysql_native_password: native, defaultKeyspace: "customer", rights: customer },
    sha2: { caching_sha2_password: sha2, defaultKeyspace: "customer", rights: customer },
    both: { ...both, rights: { "*": ["admin"] } },
    reader: { ...both, rights: { "customer.customer": ["read"] } },
    definer: { ...both, defaultKeyspace: "customer", rights: { customer: ["read", "ddl"] } },
    few: { ...both, maxConnections: 2, rights: customer },
    careful: { ...both, requireTls: true, rights: customer },
  };
  writeFileSync(file("users.json"), JSON.stringify({ users }));
  await withServer(mysqld.socketPath, async (server) => {
    for (const keyspace of ["customer", "commerce"]) await server.run(`CREATE DATABASE ${keyspace}`);
    await server.run("CREATE TABLE customer.customer (id BIGINT PRIMARY KEY, name VARCHAR(20))");
    await server.run("CREATE TABLE customer.corder (id BIGINT PRIMARY KEY)");
    await server.run("INSERT INTO customer.customer VALUES (1, 'Ann')");
    await server.run("CREATE TABLE commerce.product (sku VARCHAR(20) PRIMARY KEY)");
  });
  await mustRun("ctl", "AddCellInfo", "zone1", ...topo);
  let uid = 100;
  for (const keyspace of ["customer", "commerce"]) {
    await mustRun("ctl", "CreateKeyspace", keyspace, ...topo);
    await mustRun("ctl", "CreateShard", `${keyspace}/0`, ...topo);
    const what = ["--alias", `zone1-0000000${uid++}`, "--keyspace", keyspace, "--shard", "0", "--log-level", "warn"];
    const where = ["--listen", "127.0.0.1:0", "--mysql-socket", mysqld.socketPath, ...grpc("ours", "tablet"), ...topo];
    await startPart("tablet", ...what, ...where);
  }
  gateway = await startGateway(grpc("ours", "gateway"));
});

afterEach(() => {
  for (const connection of open) connection.destroy();
  open = [];
});

afterAll(async () => {
  await stopAll();
  await Promise.all([etcd?.stop(), mysqld?.stop()]);
  dir.remove();
});

describe("gateway and tablet", () => {
  test("speak mTLS", async () => {
    const both = await client({ user: "both", password: "both" });
    expect(await value(both, "SELECT name FROM customer.customer WHERE id = 1")).toBe("Ann");
  });

  const strangers: Record<string, () => readonly string[]> = {
    "without TLS": () => [],
    "with a certificate of another authority": () => grpc("theirs", "stranger"),
    "that trusts ours, but shows a certificate of another": () => [
      "--grpc-ca",
      file("ours.pem"),
      "--grpc-cert",
      file("stranger.pem"),
      "--grpc-key",
      file("stranger.key"),
    ],
  };
  test(`a gateway that is a stranger gets nothing, and tells its clients at once`, async () => {
    await Promise.all(
      Object.entries(strangers).map(async ([name, flags]) => {
        const stranger = await startGateway(flags());
        const both = await client({ user: "both", password: "both", port: stranger.port });
        const failure = await failureOf(both.query("SELECT name FROM customer.customer WHERE id = 1"));
        expect(failure, name).toMatchObject({ errno: 1053, sqlState: "08S01" });
        expect(failure.afterMs).toBeLessThan(15_000);
        stranger.signal("SIGKILL");
      }),
    );
  });

  test("certificates that are put in the place of others count for new connections", async () => {
    for (const kind of ["pem", "key"]) copyFileSync(file(`stranger.${kind}`), file(`swapped.${kind}`));
    const swapped = await startGateway(grpc("ours", "swapped"));
    const both = await client({ user: "both", password: "both", port: swapped.port });
    const names = "SELECT name FROM customer.customer WHERE id = 1";
    expect(await failureOf(both.query(names))).toMatchObject({ errno: 1053 });
    // Bad ones change nothing.
    writeFileSync(file("swapped.key"), "no key");
    for (const kind of ["pem", "key"]) copyFileSync(file(`gateway.${kind}`), file(`swapped.${kind}`));
    await eventually(async () => (await value(both, names)) === "Ann");
    swapped.signal("SIGTERM");
    expect((await swapped.exited).code).toBe(0);
  });

  test("flags that do not belong together are refused", async () => {
    const half = await runPart("gateway", "--listen", "127.0.0.1:0", "--grpc-cert", file("gateway.pem"), ...topo);
    expect(half).toMatchObject({ code: 1 });
    expect(half.stderr).toContain("--grpc-cert, --grpc-key and --grpc-ca belong together");
    const missing = await runPart("gateway", "--listen", "127.0.0.1:0", ...grpc("ours", "nobody"), ...topo);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain(`cannot read TLS file ${file("nobody.key")}`);
  });
});

describe("logins", () => {
  const transports: Record<string, () => ConnectionOptions> = {
    // The first login needs the password itself, by RSA; later ones the cached digest, until a wrong one comes.
    "in plain": () => ({}),
    "over TLS": () => ({ ssl: { ca: readFileSync(file("ours.pem")) } }),
  };
  for (const [transport, options] of Object.entries(transports)) {
    for (const [user, password] of [
      ["native", "native secret"],
      ["sha2", "sha2 secret"],
    ] as const) {
      test(`${user} with mysql2 ${transport}, first and again`, async () => {
        for (let n = 0; n < 2; n++) {
          const connection = await client({ user, password, ...options() });
          expect(await value(connection, "SELECT name FROM customer WHERE id = 1")).toBe("Ann");
        }
        for (const wrong of ["", "wrong"]) {
          const failure = await failureOf(client({ user, password: wrong, ...options() }));
          expect(failure).toMatchObject({ errno: 1045, sqlState: "28000" });
        }
      });
    }
  }

  test("a user without an account is refused as one with a wrong password", async () => {
    const failure = await failureOf(client({ user: "nobody", password: "x" }));
    expect(failure).toMatchObject({ errno: 1045, sqlState: "28000" });
  });

  test("a user that needs TLS is refused without", async () => {
    expect((await failureOf(client({ user: "careful", password: "both" }))).errno).toBeGreaterThan(1_000);
    const careful = await client({ user: "careful", password: "both", ssl: { ca: readFileSync(file("ours.pem")) } });
    expect(await value(careful, "SELECT name FROM customer.customer")).toBe("Ann");
  });

  test("the server's certificate is what a client can check", async () => {
    const failure = await failureOf(
      client({ user: "both", password: "both", ssl: { ca: readFileSync(file("theirs.pem")) } }),
    );
    expect(failure.message).toMatch(/certificate/);
  });

  test("a certificate that is put in the place of another is shown to new clients", async () => {
    const both = { user: "both", password: "both" };
    const theirs = (): Promise<Connection> => client({ ...both, ssl: { ca: readFileSync(file("theirs.pem")) } });
    const before = await client({ ...both, ssl: { ca: readFileSync(file("ours.pem")) } });
    expect((await failureOf(theirs())).message).toMatch(/certificate/);
    const kept = ["client-side.pem", "client-side.key"].map((name) => readFileSync(file(name)));
    try {
      copyFileSync(file("stranger.pem"), file("client-side.pem"));
      copyFileSync(file("stranger.key"), file("client-side.key"));
      await eventually(async () => (await value(await theirs(), "SELECT 1")) === 1);
      writeFileSync(file("client-side.pem"), "no certificate");
      await delay(3_000);
      expect(await value(await theirs(), "SELECT 1")).toBe(1);
      expect(await value(before, "SELECT 1")).toBe(1);
    } finally {
      for (const [index, name] of ["client-side.pem", "client-side.key"].entries()) {
        writeFileSync(file(name), kept[index] ?? "");
      }
      await eventually(async () => {
        const after = await client({ ...both, ssl: { ca: readFileSync(file("ours.pem")) } });
        return (await value(after, "SELECT 1")) === 1;
      });
    }
  });

  const native = ["native", "native secret"] as const;
  const sha2 = ["sha2", "sha2 secret"] as const;
  const tls = ["--ssl", `--ssl-ca=${file("ours.pem")}`, "--ssl-verify-server-cert"];
  for (const [name, [user, password], flags] of [
    ["native with the mariadb client", native, ["--skip-ssl"]],
    ["native with the mariadb client over TLS", native, tls],
    ["sha2 with the mariadb client over TLS", sha2, tls],
    ["sha2 with the mariadb client, by the fast path and RSA", sha2, ["--skip-ssl"]],
  ] as const) {
    test(name, async (context) => {
      if (user === "sha2" && !hasSha2Plugin()) {
        process.stdout.write("the mariadb client has no caching_sha2_password plugin here; skipped\n");
        context.skip();
      }
      const where = ["--no-defaults", "-h127.0.0.1", `-P${gateway.port}`, `-u${user}`, ...flags];
      const what = ["-N", "-e", "SELECT name FROM customer WHERE id = 1"];
      const flagsOf = (secret: string): string[] => [...where, `-p${secret}`, ...what];
      const { stdout } = await promisify(execFile)("mariadb", flagsOf(password));
      expect(stdout.trim()).toBe("Ann");
      await expect(promisify(execFile)("mariadb", flagsOf("wrong"))).rejects.toThrow(/ERROR 1045 \(28000\)/);
    });
  }
});

describe("rights", () => {
  test("what is not granted is refused, in MySQL's words", async () => {
    const reader = await client({ user: "reader", password: "both" });
    await reader.query("USE customer");
    expect(await value(reader, "SELECT name FROM customer")).toBe("Ann");
    const refused: readonly (readonly [string, number, RegExp])[] = [
      ["INSERT INTO customer VALUES (2, 'Bob')", 1142, /INSERT command denied to user 'reader' for table/],
      ["UPDATE customer SET name = 'Bob'", 1142, /denied/],
      ["DELETE FROM customer", 1142, /denied/],
      ["SELECT * FROM corder", 1142, /SELECT command denied/],
      ["SELECT * FROM customer JOIN corder USING (id)", 1142, /denied/],
      ["SELECT (SELECT COUNT(*) FROM corder) FROM customer", 1142, /denied/],
      ["SELECT * FROM commerce.product", 1142, /denied/],
      ["SELECT * FROM mysql.user", 1142, /denied/],
      ["VEXPLAIN PLAN SELECT * FROM corder", 1142, /SELECT command denied/],
      ["VEXPLAIN KEYS SELECT * FROM corder", 1142, /SELECT command denied/],
      ["VEXPLAIN QUERIES SELECT * FROM corder", 1142, /SELECT command denied/],
      ["VEXPLAIN /*vt+ EXECUTE_DML_QUERIES */ QUERIES DELETE FROM customer", 1142, /DELETE command denied/],
      ["ALTER TABLE customer ADD x INT", 1142, /ALTER command denied/],
      ["USE commerce", 1044, /Access denied for user 'reader'@'%' to database 'commerce'/],
    ];
    for (const [sql, errno, message] of refused) {
      const failure = await failureOf(reader.query(sql));
      expect(failure, sql).toMatchObject({ errno, sqlState: "42000" });
      expect(failure.message, sql).toMatch(message);
    }
    const [databases] = await reader.query<RowDataPacket[]>("SHOW DATABASES");
    expect(databases.map((row) => String(Object.values(row)[0]))).not.toContain("commerce");
    expect(await value(reader, "SELECT COUNT(*) FROM customer")).toBe(1);

    const definer = await client({ user: "definer", password: "both" });
    await definer.query("CREATE TABLE made (id INT PRIMARY KEY)");
    await definer.query("DROP TABLE made");
    expect(await failureOf(definer.query("INSERT INTO corder VALUES (1)"))).toMatchObject({ errno: 1142 });
  });

  test("a login to a keyspace without rights is refused", async () => {
    expect(await failureOf(client({ user: "reader", password: "both", database: "commerce" }))).toMatchObject({
      errno: 1044,
      sqlState: "42000",
    });
    expect(await failureOf(client({ user: "both", password: "both", database: "nowhere" }))).toMatchObject({
      errno: 1049,
      sqlState: "42000",
    });
  });

  test("SIGHUP puts the users file in force again; a bad one changes nothing", async () => {
    const good = readFileSync(file("users.json"), "utf8");
    const open = await client({ user: "both", password: "both" });
    const guest = { emptyPassword: true, rights: { "customer.*": ["read"] } };
    const withGuest = JSON.stringify({ users: { ...JSON.parse(good).users, guest } });
    try {
      writeFileSync(file("users.json"), withGuest.slice(0, -5));
      gateway.signal("SIGHUP");
      await client({ user: "both", password: "both" });
      expect(await failureOf(client({ user: "guest" }))).toMatchObject({ errno: 1045 });
      writeFileSync(file("users.json"), withGuest);
      gateway.signal("SIGHUP");
      await firstAnswer(() => client({ user: "guest" }), "a guest is let in");
      expect(await value(open, "SELECT 1")).toBe(1);
    } finally {
      writeFileSync(file("users.json"), good);
      gateway.signal("SIGHUP");
      await firstAnswer(() => failureOf(client({ user: "guest" })), "a guest is not let in");
    }
  });

  test("a user has no more connections than the file says, and gets them back", async () => {
    const few = (): Promise<Connection> => client({ user: "few", password: "both" });
    for (let n = 0; n < 3; n++) await failureOf(client({ user: "few", password: "wrong" }));
    for (let n = 0; n < 3; n++) await failureOf(client({ user: "few", password: "both", database: "commerce" }));
    const first = await few();
    await few();
    const failure = await failureOf(few());
    expect(failure).toMatchObject({ errno: 1226, sqlState: "42000" });
    expect(failure.message).toContain("max_user_connections");
    await client({ user: "both", password: "both" });
    first.destroy();
    await firstAnswer(few, "the connection is given back");
  });
});

test("a users file with a fault is refused with its place", async () => {
  writeFileSync(file("bad.json"), JSON.stringify({ users: { app: { emptyPassword: true, rights: { a: ["reed"] } } } }));
  const { code, stderr } = await runPart(
    "gateway",
    "--listen",
    "127.0.0.1:0",
    "--users-file",
    file("bad.json"),
    ...topo,
  );
  expect(code).toBe(1);
  expect(stderr).toContain('users.app.rights["a"][0]: "reed" is not one of read, write, ddl, admin');
});

function startGateway(grpcFlags: readonly string[]): Promise<Part> {
  const tls = ["--tls-cert", file("client-side.pem"), "--tls-key", file("client-side.key")];
  const rest = ["--users-file", file("users.json"), "--log-level", "error", ...grpcFlags, ...topo];
  return startPart("gateway", "--listen", "127.0.0.1:0", ...tls, ...rest);
}

async function client(options: ConnectionOptions): Promise<Connection> {
  const connection = await createConnection({ host: "127.0.0.1", port: gateway.port, ...options });
  connection.on("error", () => {});
  open.push(connection);
  return connection;
}

async function value(connection: Connection, sql: string): Promise<unknown> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return Object.values(rows[0] ?? {})[0];
}

function grpc(authority: string, name: string): readonly string[] {
  return ["--grpc-ca", file(`${authority}.pem`), "--grpc-cert", file(`${name}.pem`), "--grpc-key", file(`${name}.key`)];
}

function makeAuthority(name: string): void {
  const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
  openssl("req", "-x509", ...NEW_KEY, "-days", "2", "-subj", `/CN=authority ${name}`, ...out);
}

/** NAME.pem and NAME.key, for 127.0.0.1, signed by the authority. */
function makeCertificate(authority: string, name: string): void {
  const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`)];
  openssl("req", ...NEW_KEY, "-subj", "/CN=127.0.0.1", ...out);
  writeFileSync(file("ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const signer = ["-CA", file(`${authority}.pem`), "-CAkey", file(`${authority}.key`), "-CAcreateserial"];
  const request = ["-in", file(`${name}.csr`), "-out", file(`${name}.pem`), "-days", "2", "-extfile", file("ext")];
  openssl("x509", "-req", ...signer, ...request);
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}

function hasSha2Plugin(): boolean {
  const folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
  return folders.some((folder) => existsSync(join(folder, "libmariadb3/plugin/caching_sha2_password.so")));
}
