// Logins of real clients: mysql2 and the mariadb command line against the handshake machine, over plain TCP and TLS, with
// both plugins, fast and full. What a client cannot do here (plugin or program absent) is skipped with a notice.

import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Connection, type ConnectionOptions, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hashPassword, parseUsers, Users } from "../../src/gateway/access/users.ts";
import { generateRsaKeys } from "../../src/mysql/auth/caching-sha2.ts";
import { type LoginServer, startLoginServer } from "./login-server.ts";

const run = promisify(execFile);
const SHA2_PLUGIN = "/usr/lib/x86_64-linux-gnu/libmariadb3/plugin/caching_sha2_password.so";
const hasMariadb = spawnSync("mariadb", ["--version"]).status === 0;
const hasSha2 = hasMariadb && existsSync(SHA2_PLUGIN);
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasMariadb) process.stderr.write("logins.test.ts: no mariadb client, its logins are skipped\n");
else if (!hasSha2) process.stderr.write("logins.test.ts: no caching_sha2_password in libmariadb, skipped\n");
if (!hasOpenssl) process.stderr.write("logins.test.ts: no openssl, logins over TLS are skipped\n");

const PASSWORD = "sécret, longer than twenty bytes";
let server: LoginServer;
let file: string;
let tls: { key: string; cert: string } | undefined;

beforeAll(async () => {
  const hashes = await hashPassword(PASSWORD);
  const rights = { "*": ["read"] };
  file = JSON.stringify({
    users: {
      both: { ...hashes, rights },
      native: { mysql_native_password: hashes.mysql_native_password, rights },
      sha2: { caching_sha2_password: hashes.caching_sha2_password, rights },
      open: { emptyPassword: true, rights },
    },
  });
  tls = hasOpenssl ? certificate() : undefined;
  server = await startLoginServer({
    users: new Users(parseUsers(file)),
    ...(tls === undefined ? {} : { tls }),
    handshake: { rsaKeys: await generateRsaKeys() },
  });
});

beforeEach(() => {
  // Forgets the fast paths.
  server.users.replace(new Map());
  server.users.replace(parseUsers(file));
  server.log.length = 0;
});

afterAll(() => server.close());

describe("mysql2", () => {
  test.each([
    ["both", "caching_sha2_password"],
    ["sha2", "caching_sha2_password"],
    ["native", "mysql_native_password"],
  ])("%s over plain TCP, twice", async (user, plugin) => {
    for (let round = 0; round < 2; round++) {
      const connection = await mysql2(user);
      expect((await connection.query("select who"))[0]).toEqual([{ user, schema: "customer", sql: "select who" }]);
      await connection.end();
    }
    expect(server.log).toEqual([`${user} ${plugin} plain`, `${user} ${plugin} plain`]);
  });

  test.skipIf(!hasOpenssl)("over TLS", async () => {
    const connection = await mysql2("sha2", { ssl: { rejectUnauthorized: false } });
    await connection.ping();
    await connection.end();
    expect(server.log).toEqual(["sha2 caching_sha2_password tls"]);
  });

  test("wrong passwords and unknown users read the same", async () => {
    for (const user of ["both", "native", "sha2", "open", "nobody"]) {
      await expect(mysql2(user, { password: "wrong" })).rejects.toMatchObject({
        errno: 1045,
        sqlState: "28000",
        message: `Access denied for user '${user}'@'127.0.0.1' (using password: YES)`,
      });
    }
    await expect(mysql2("sha2", { password: "" })).rejects.toMatchObject({ message: /using password: NO/ });
  });

  test("an empty password", async () => {
    await (await mysql2("open", { password: "" })).end();
    expect(server.log).toEqual(["open caching_sha2_password plain"]);
  });

  test("COM_CHANGE_USER", async () => {
    const connection = await mysql2("native");
    await connection.changeUser({ user: "both", password: PASSWORD, database: "commerce" });
    expect((await connection.query("q"))[0]).toEqual([{ user: "both", schema: "commerce", sql: "q" }]);
    await connection.end();
  });

  test("many at once", async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => mysql2("sha2")));
    await Promise.all(all.map((connection) => connection.end()));
    expect(server.log).toHaveLength(50);
  });
});

describe.skipIf(!hasMariadb)("the mariadb command line", () => {
  test("native, plain", async () => {
    expect(await mariadb("native", ["--skip-ssl"])).toBe("native\tcustomer\tselect who\n");
    expect(server.log).toEqual(["native mysql_native_password plain"]);
  });

  test("native as its default plugin for a user with both", async () => {
    await mariadb("both", ["--skip-ssl", "--default-auth=mysql_native_password"]);
    expect(server.log).toEqual(["both mysql_native_password plain"]);
  });

  test.skipIf(!hasSha2)("caching_sha2, full by RSA, then fast", async () => {
    await mariadb("sha2", ["--skip-ssl", "--default-auth=caching_sha2_password"]);
    await mariadb("sha2", ["--skip-ssl"]);
    expect(server.log).toEqual(["sha2 caching_sha2_password plain", "sha2 caching_sha2_password plain"]);
  });

  test.skipIf(!hasOpenssl)("TLS", async () => {
    await mariadb("native", ["--ssl"]);
    if (hasSha2) await mariadb("sha2", ["--ssl"]);
    expect(server.log.every((line) => line.endsWith(" tls"))).toBe(true);
  });

  test("a wrong password", async () => {
    await expect(mariadb("both", ["--skip-ssl"], "wrong")).rejects.toMatchObject({
      stderr: expect.stringContaining("ERROR 1045 (28000)"),
    });
  });
});

function mysql2(user: string, change: ConnectionOptions = {}): Promise<Connection> {
  const { port } = server;
  return createConnection({ host: "127.0.0.1", port, user, password: PASSWORD, database: "customer", ...change });
}

async function mariadb(user: string, args: string[], password = PASSWORD): Promise<string> {
  const base = ["--no-defaults", "-h127.0.0.1", `-P${server.port}`, `-u${user}`, "-N", ...args, "customer"];
  const { stdout } = await run("mariadb", [...base, "-e", "select who"], {
    env: { ...process.env, MYSQL_PWD: password },
  });
  return stdout;
}

function certificate(): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), "sg-tls-"));
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-days", "2"];
  spawnSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject]);
  const pair = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(dir, { recursive: true });
  return pair;
}
