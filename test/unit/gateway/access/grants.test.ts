// Rights of the users file in MySQL's words.

import { describe, expect, test } from "vitest";
import {
  grantLines,
  schemaPrivileges,
  tablePrivileges,
  userPrivileges,
} from "../../../../src/gateway/access/grants.ts";
import { defaultUsers, parseUsers, type User } from "../../../../src/gateway/access/users.ts";

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

  test("a user without rights", () => {
    expect(grantLines(user({ customer: [] }))).toEqual(["GRANT USAGE ON *.* TO `app`@`%`"]);
  });
});
