// The users file: what is refused and where, rights, and that a bad file never takes the place of a good one.

import { describe, expect, test } from "vitest";
import {
  allows,
  defaultUsers,
  hashPassword,
  isAdmin,
  parseUsers,
  seesKeyspace,
  type User,
  Users,
} from "../../../../src/gateway/access/users.ts";

const NATIVE = `*${"0A".repeat(20)}`;
const entry = (change: object) =>
  JSON.stringify({ users: { app: { mysql_native_password: NATIVE, rights: {}, ...change } } });

describe("faults are told with their path", () => {
  test.each<[string, string, string]>([
    ["not JSON", "{", "users file: not JSON"],
    ["no users", "{}", 'expected an object with "users"'],
    ["unknown field above", '{"users": {}, "user": {}}', "user: unknown field"],
    ["unknown field of a user", entry({ right: {} }), "users.app.right: unknown field"],
    ["bad native hash", entry({ mysql_native_password: "secret" }), 'users.app.mysql_native_password: expected "*"'],
    ["bad sha2 hash", entry({ caching_sha2_password: "$A$005$x" }), "users.app.caching_sha2_password: expected"],
    ["hash of a wrong type", entry({ mysql_native_password: 1 }), "users.app.mysql_native_password: expected a string"],
    ["no hash", '{"users": {"app": {"rights": {}}}}', "users.app: no password hash"],
    ["empty password with a hash", entry({ emptyPassword: true }), "users.app.emptyPassword: contradicts"],
    ["no rights", entry({ rights: undefined }), "users.app.rights: expected an object"],
    [
      "bad right",
      entry({ rights: { customer: ["read", "reed"] } }),
      'users.app.rights["customer"][1]: "reed" is not one of',
    ],
    ["bad pattern", entry({ rights: { "a.b.c": [] } }), 'users.app.rights["a.b.c"]: expected "keyspace"'],
    ["rights no list", entry({ rights: { a: "read" } }), 'users.app.rights["a"]: expected a list'],
    ["bad limit", entry({ maxConnections: 0 }), "users.app.maxConnections: expected a whole number"],
    ["long name", JSON.stringify({ users: { ["x".repeat(33)]: { emptyPassword: true, rights: {} } } }), "at most 32"],
  ])("%s", (_name, text, message) => {
    expect(() => parseUsers(text)).toThrowError(expect.objectContaining({ id: "CONFIG_BAD" }));
    expect(() => parseUsers(text)).toThrowError(message);
  });

  test("all of them at once", () => {
    expect(() => parseUsers(entry({ maxConnections: "1", requireTls: 1 }))).toThrowError(
      /maxConnections: expected a number\nusers\.app\.requireTls: expected a boolean/,
    );
  });
});

test("rights are the union of the patterns that match", () => {
  const users = parseUsers(
    entry({ rights: { customer: ["read"], "customer.c*": ["write"], "comm*.product": ["ddl"], "ops.*": ["admin"] } }),
  );
  const user = users.get("app") as User;
  expect(allows(user, "read", "customer", "anything")).toBe(true);
  expect(allows(user, "write", "customer", "corder")).toBe(true);
  expect(allows(user, "write", "customer", "order")).toBe(false);
  expect(allows(user, "ddl", "commerce", "product")).toBe(true);
  expect(allows(user, "ddl", "commerce", "products")).toBe(false);
  expect(allows(user, "read", "commerce", "product")).toBe(false);
  expect(allows(user, "write", "ops", "t")).toBe(true);
  expect(seesKeyspace(user, "commerce")).toBe(true);
  expect(seesKeyspace(user, "other")).toBe(false);
  expect(isAdmin(user)).toBe(false);
});

test("without a file: root without a password, from this machine only", () => {
  const users = new Users(defaultUsers());
  const root = users.get("root") as User;
  expect(isAdmin(root) && allows(root, "ddl", "any", "table")).toBe(true);
  expect(users.accountsFor(true).find("root")).toBe(root);
  expect(users.accountsFor(false).find("root")).toMatchObject({ decoy: true, emptyPassword: false });
});

test("decoys are the same for the same name, and have the plugins that real users have", () => {
  const users = new Users(parseUsers(entry({})));
  const accounts = users.accountsFor(false);
  expect(accounts.find("nobody")).toEqual(accounts.find("nobody"));
  expect(accounts.find("nobody")).not.toEqual(accounts.find("anybody"));
  expect(accounts.find("nobody")).toMatchObject({ decoy: true, shaCrypt: undefined });
});

test("a reload keeps the fast path of unchanged passwords, and a bad file changes nothing", async () => {
  const [one, two] = [await hashPassword("one"), await hashPassword("two")];
  const text = (hash: string) => JSON.stringify({ users: { app: { caching_sha2_password: hash, rights: {} } } });
  const users = new Users(parseUsers(text(one.caching_sha2_password)));
  const accounts = users.accountsFor(false);
  expect(await users.checkPassword(accounts.find("app"), Buffer.from("wrong"))).toBe(false);
  expect(accounts.fastDigestOf(accounts.find("app"))).toBeUndefined();
  expect(await users.checkPassword(accounts.find("app"), Buffer.from("one"))).toBe(true);
  const digest = accounts.fastDigestOf(accounts.find("app"));
  expect(digest).toHaveLength(32);
  expect(() => users.replace(parseUsers('{"users": 1}'))).toThrowError();
  users.replace(parseUsers(text(one.caching_sha2_password)));
  expect(accounts.fastDigestOf(accounts.find("app"))).toBe(digest);
  users.replace(parseUsers(text(two.caching_sha2_password)));
  expect(accounts.fastDigestOf(accounts.find("app"))).toBeUndefined();
  expect(await users.checkPassword(accounts.find("app"), Buffer.from("one"))).toBe(false);
  expect(await users.checkPassword(accounts.find("nobody"), Buffer.from("one"))).toBe(false);
});

test("many checks of the same right password cost one hash; too many waiting are refused", async () => {
  const { caching_sha2_password } = await hashPassword("one");
  const users = new Users(parseUsers(JSON.stringify({ users: { app: { caching_sha2_password, rights: {} } } })));
  const app = users.accountsFor(false).find("app");
  const checks = Array.from({ length: 500 }, () => users.checkPassword(app, Buffer.from("one")));
  await expect(users.checkPassword(app, Buffer.from("one"))).rejects.toMatchObject({ id: "LIMIT_REACHED" });
  expect((await Promise.all(checks)).every(Boolean)).toBe(true);
  expect(await users.checkPassword(app, Buffer.from("one"))).toBe(true);
});
