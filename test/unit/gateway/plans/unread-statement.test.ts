// Which statements that the grammar refuses may be left to a server.

import { describe, expect, test } from "vitest";
import { parseTarget } from "../../../../src/gateway/cluster/target.ts";
import { unreadStatement } from "../../../../src/gateway/plans/unread-statement.ts";
import { Settings } from "../../../../src/gateway/session/settings.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";
import type { ClusterVSchema } from "../../../../src/vschema/model.ts";
import { parseClusterVSchema } from "../../../../src/vschema/parse-cluster.ts";
import { loadHashes } from "../../../../src/vschema/xxh64.ts";

await loadHashes();

const KEYSPACES = { main: {}, other: {}, spread: { sharded: true } };
const vschema = parseClusterVSchema({ keyspaces: KEYSPACES });

function verbOf(sql: string, target = "main", settings = Settings.atLogin(), of: ClusterVSchema = vschema) {
  const session = { target: parseTarget(target), settings, sqlMode: DEFAULT_SQL_MODE };
  return unreadStatement(Buffer.from(sql), session, of)?.verb;
}

describe("what only a server reads", () => {
  test.each([
    ["SELECT a FROM t NEW SYNTAX", "unread query"],
    ["(SELECT a FROM main.t) NEW SYNTAX", "unread query"],
    ["SELECT 'other.t' AS `other`, spread.a FROM t AS x NEW SYNTAX", undefined],
    ["SELECT 'other.t' AS `other` FROM t NEW SYNTAX", "unread query"],
    ["SELECT @a := a FROM t NEW SYNTAX", "unread query"],
    ["EXPLAIN ALL SELECT a FROM t", "unread query"],
    ["INSERT t VALUES (NEW SYNTAX)", "unread change"],
    ["WITH a AS (SELECT 1) UPDATE t NEW SYNTAX", "unread change"],
    ["ALTER TABLE t NEW SYNTAX", "unread definition"],
    ["CREATE OR REPLACE VIEW v NEW SYNTAX", "unread definition"],
    ["CREATE TABLE t (user INT NEW SYNTAX)", "unread definition"],
    ["CREATE TEMPORARY TABLE t NEW SYNTAX", undefined],
    ["CREATE USER u NEW SYNTAX", undefined],
    ["DROP DATABASE main NEW SYNTAX", undefined],
    ["SELECT a FROM other.t NEW SYNTAX", undefined],
    ["SELECT a FROM `spread` . t NEW SYNTAX", undefined],
    ["SELECT a FROM MYSQL.user NEW SYNTAX", undefined],
    ["SELECT LAST_INSERT_ID() NEW SYNTAX", undefined],
    ["SELECT CURRENT_USER NEW SYNTAX", undefined],
    ["SELECT @@autocommit NEW SYNTAX", undefined],
    ["SELECT a FROM t INTO OUTFILE 'x' NEW SYNTAX", undefined],
    ["SELECT ? NEW SYNTAX", undefined],
    ["SELECT 'a NEW SYNTAX", undefined],
    ["SET a NEW SYNTAX", undefined],
    ["COMMIT NEW SYNTAX", undefined],
    ["GRANT NEW SYNTAX", undefined],
    ["CALL p NEW SYNTAX", undefined],
  ])("%s: %s", (sql, verb) => {
    expect(verbOf(sql)).toBe(verb);
  });

  test("is left only to the server of a selected unsharded keyspace", () => {
    const sql = "SELECT a FROM t NEW SYNTAX";
    expect(["", "spread", "spread:-80", "main:-", "mysql", "gone"].map((target) => verbOf(sql, target))).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
  });

  test("is refused where the gateway would have to look into it", () => {
    const sql = "SELECT a FROM t NEW SYNTAX";
    const limited = Settings.atLogin().withVariable("sql_select_limit", "5");
    expect(verbOf(sql, "main", limited)).toBeUndefined();
    const unlimited = Settings.atLogin().withVariable("sql_select_limit", "18446744073709551615");
    expect(verbOf(sql, "main", unlimited)).toBe("unread query");
    const rules = { rules: [{ from_table: "t", to_tables: ["other.t"] }] };
    const ruled = parseClusterVSchema({ keyspaces: KEYSPACES, routing_rules: rules });
    expect(verbOf(sql, "main", Settings.atLogin(), ruled)).toBeUndefined();
    const tables = { t: { auto_increment: { column: "id", sequence: "ids" } }, ids: { type: "sequence" } };
    const numbered = parseClusterVSchema({ keyspaces: { main: { tables } } });
    expect(verbOf(sql, "main", Settings.atLogin(), numbered)).toBeUndefined();
  });
});
