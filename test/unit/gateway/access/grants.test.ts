// Rights of the users file in MySQL's words.

import { describe, expect, test } from "vitest";
import {
  createUserLine,
  grantLines,
  schemaPrivileges,
  tablePrivileges,
  userPrivileges,
} from "../../../../src/gateway/access/grants.ts";
import { defaultUsers, hashPassword, parseUsers, type User } from "../../../../src/gateway/access/users.ts";

function user(rights: object): User {
  const users = parseUsers(JSON.stringify({ users: { app: { emptyPassword: true, rights } } }));
  const found = users.get("app");
  if (found === undefined) throw new Error("the user is there");
  return found;
}

const root = defaultUsers().get("root");

describe("grants", () => {
  test("an administrator has all, on everything", () => {
    if (root === undefined) throw new Error("root is there");
    expect(grantLines(root)).toEqual(["GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION"]);
    expect(userPrivileges(root)).toContainEqual(
      expect.objectContaining({ grantee: "'root'@'%'", privilege_type: "SELECT", is_grantable: "YES" }),
    );
    expect(schemaPrivileges(root)).toEqual([]);
  });

  test("rights on keyspaces, on tables, on patterns of either", () => {
    const app = user({
      customer: ["read", "write"],
      "commerce.product*": ["read"],
      "log_*": ["ddl"],
      "a`b": ["admin"],
    });
    expect(grantLines(app)).toEqual([
      "GRANT USAGE ON *.* TO `app`@`%`",
      "GRANT SELECT, INSERT, UPDATE, DELETE, LOCK TABLES, EXECUTE, SHOW VIEW ON `customer`.* TO `app`@`%`",
      "GRANT SELECT, SHOW VIEW ON `commerce`.`product%` TO `app`@`%`",
      "GRANT CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER ON `log_%`.* TO `app`@`%`",
      "GRANT ALL PRIVILEGES ON `a``b`.* TO `app`@`%`",
    ]);
    expect(userPrivileges(app).map(({ privilege_type: type }) => type)).toEqual(["USAGE"]);
    const schemas = schemaPrivileges(app).map((row) => `${row["table_schema"]} ${row["privilege_type"]}`);
    expect(schemas).toContain("customer SELECT");
    expect(schemas).toContain("log_% CREATE");
    expect(schemas.filter((row) => row.startsWith("commerce"))).toEqual([]);
    expect(
      tablePrivileges(app).map((row) => `${row["table_schema"]}.${row["table_name"]} ${row["privilege_type"]}`),
    ).toEqual(["commerce.product% SELECT", "commerce.product% SHOW VIEW"]);
  });

  test("SHOW CREATE USER has what the users file says, in the servers' words", async () => {
    if (root === undefined) throw new Error("root is there");
    expect(createUserLine(root, "mariadb")).toBe("CREATE USER `root`@`%`");
    const { mysql_native_password: native, caching_sha2_password: sha } = await hashPassword("x");
    const of = (fields: object): User => {
      const found = parseUsers(JSON.stringify({ users: { app: { ...fields, rights: {} } } })).get("app");
      if (found === undefined) throw new Error("app is there");
      return found;
    };
    const both = of({ mysql_native_password: native, caching_sha2_password: sha, requireTls: true, maxConnections: 5 });
    expect(createUserLine(both, "mariadb")).toBe(
      `CREATE USER \`app\`@\`%\` IDENTIFIED BY PASSWORD '${native}' REQUIRE SSL WITH MAX_USER_CONNECTIONS 5`,
    );
    expect(createUserLine(both, "mysql")).toMatch(
      /^CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '\$A\$/,
    );
    expect(createUserLine(of({ mysql_native_password: native }), "mysql")).toBe(
      `CREATE USER \`app\`@\`%\` IDENTIFIED WITH 'mysql_native_password' AS '${native}'`,
    );
    expect(createUserLine(of({ caching_sha2_password: sha }), "mariadb")).toContain(
      "VIA 'caching_sha2_password' USING '",
    );
  });

  test("a user without rights", () => {
    expect(grantLines(user({ customer: [] }))).toEqual(["GRANT USAGE ON *.* TO `app`@`%`"]);
  });
});
