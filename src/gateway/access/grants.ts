// A user's rights in MySQL's words: the lines of SHOW GRANTS and the rows of information_schema's tables of privileges.
// "read", "write" and "ddl" stand for the privileges that let a MySQL user do the same; patterns keep their wildcards.

import { formatShaCrypt } from "../../mysql/auth/sha-crypt.ts";
import { quoteString } from "../../sql/quoting.ts";
import type { Grant, Right, User } from "./users.ts";
import { isAdmin } from "./users.ts";

const PRIVILEGES: Readonly<Record<Exclude<Right, "admin">, readonly string[]>> = {
  read: ["SELECT", "SHOW VIEW"],
  write: ["INSERT", "UPDATE", "DELETE", "LOCK TABLES", "EXECUTE"],
  ddl: [
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
    "TRIGGER",
  ],
};

/** In MySQL's order. */
const ALL_PRIVILEGES: readonly string[] = [
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "CREATE",
  "DROP",
  "RELOAD",
  "PROCESS",
  "REFERENCES",
  "INDEX",
  "ALTER",
  "SHOW DATABASES",
  "CREATE TEMPORARY TABLES",
  "LOCK TABLES",
  "EXECUTE",
  "CREATE VIEW",
  "SHOW VIEW",
  "CREATE ROUTINE",
  "ALTER ROUTINE",
  "EVENT",
  "TRIGGER",
];

/** Lines of SHOW GRANTS. */
export function grantLines(user: User): readonly string[] {
  const account = `${quoted(user.user)}@\`%\``;
  if (isAdmin(user)) return [`GRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION`];
  const lines = user.grants.flatMap((grant) => {
    const privileges = privilegesOf(grant);
    if (privileges.length === 0) return [];
    const what = privileges === ALL_PRIVILEGES ? "ALL PRIVILEGES" : privileges.join(", ");
    return [`GRANT ${what} ON ${objectOf(grant)} TO ${account}`];
  });
  return [`GRANT USAGE ON *.* TO ${account}`, ...lines];
}

/** The line of SHOW CREATE USER; of a password its hash, which a server would show as well. */
export function createUserLine(user: User, dialect: "mysql" | "mariadb"): string {
  const requirement = user.requireTls ? " REQUIRE SSL" : "";
  const limit = user.maxConnections === undefined ? "" : ` WITH MAX_USER_CONNECTIONS ${user.maxConnections}`;
  return `CREATE USER ${quoted(user.user)}@\`%\`${identified(user, dialect)}${requirement}${limit}`;
}

function identified({ nativeHash, shaCrypt }: User, dialect: "mysql" | "mariadb"): string {
  if (nativeHash === undefined && shaCrypt === undefined) return "";
  const hash = nativeHash === undefined ? "" : `*${nativeHash.toString("hex").toUpperCase()}`;
  if (dialect === "mariadb" && hash !== "") return ` IDENTIFIED BY PASSWORD '${hash}'`;
  const [how, as] = dialect === "mariadb" ? ["VIA", "USING"] : ["WITH", "AS"];
  const plugin = shaCrypt === undefined ? "mysql_native_password" : "caching_sha2_password";
  const kept = shaCrypt === undefined ? hash : formatShaCrypt(shaCrypt);
  return ` IDENTIFIED ${how} '${plugin}' ${as} ${quoteString(kept, false)}`;
}

export type PrivilegeRow = Readonly<Record<string, string>>;

/** Rows of USER_PRIVILEGES: rights on everything. */
export function userPrivileges(user: User): readonly PrivilegeRow[] {
  const granted = isAdmin(user) ? ALL_PRIVILEGES : ["USAGE"];
  return granted.map((privilege) => ({ ...rowOf(user, privilege), is_grantable: isAdmin(user) ? "YES" : "NO" }));
}

/** Rows of SCHEMA_PRIVILEGES: rights on whole keyspaces. */
export function schemaPrivileges(user: User): readonly PrivilegeRow[] {
  if (isAdmin(user)) return [];
  return user.grants
    .filter(({ wholeKeyspace }) => wholeKeyspace)
    .flatMap((grant) =>
      privilegesOf(grant).map((privilege) => ({
        ...rowOf(user, privilege),
        table_schema: wildcards(grant.pattern.keyspace),
      })),
    );
}

/** Rows of TABLE_PRIVILEGES: rights on some tables. */
export function tablePrivileges(user: User): readonly PrivilegeRow[] {
  if (isAdmin(user)) return [];
  return user.grants
    .filter(({ wholeKeyspace }) => !wholeKeyspace)
    .flatMap((grant) =>
      privilegesOf(grant).map((privilege) => ({
        ...rowOf(user, privilege),
        table_schema: wildcards(grant.pattern.keyspace),
        table_name: wildcards(grant.pattern.table),
      })),
    );
}

function rowOf({ user }: User, privilege: string): PrivilegeRow {
  return { grantee: `'${user}'@'%'`, table_catalog: "def", privilege_type: privilege, is_grantable: "NO" };
}

function privilegesOf({ rights }: Grant): readonly string[] {
  if (rights.has("admin")) return ALL_PRIVILEGES;
  const given = new Set<string>();
  for (const right of ["read", "write", "ddl"] as const) {
    if (rights.has(right)) for (const privilege of PRIVILEGES[right]) given.add(privilege);
  }
  return ALL_PRIVILEGES.filter((privilege) => given.has(privilege));
}

function objectOf({ pattern, wholeKeyspace }: Grant): string {
  const keyspace = /^\*+$/.test(pattern.keyspace) ? "*" : quoted(wildcards(pattern.keyspace));
  return `${keyspace}.${wholeKeyspace ? "*" : quoted(wildcards(pattern.table))}`;
}

function wildcards(pattern: string): string {
  return pattern.replaceAll(/\*+/g, "%");
}

function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
