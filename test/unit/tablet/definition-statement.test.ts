// Which commands make a tablet look at its definitions.

import { describe, expect, test } from "vitest";
import { changesDatabases, changesDefinitions } from "../../../src/tablet/definition-statement.ts";

const query = (sql: string): Buffer => Buffer.from(`\x03${sql}`);

describe("changesDefinitions", () => {
  test.each([
    "CREATE TABLE t (a INT)",
    "alter table t add b int",
    "Drop View v",
    "rename table a to b",
    "REPAIR TABLE t",
    "  \n\tcreate table t (a int)",
    "/* a comment */ alter table t force",
    "-- a comment\ndrop table t",
    "# a comment\ndrop table t",
    "/*!40101 CREATE TABLE t (a INT) */",
    "/*M!100000 create table t (a int) */",
  ])("yes: %s", (sql) => {
    expect(changesDefinitions(query(sql))).toBe(true);
  });

  test.each([
    "SELECT 1",
    "delete from t",
    "commit",
    "call p()",
    "replace into t values (1)",
    "reset query cache",
    "analyze table t",
    "/* create table */ select 1",
    "create_this()",
    "",
  ])("no: %s", (sql) => {
    expect(changesDefinitions(query(sql))).toBe(false);
  });

  test("other commands are none", () => {
    expect(changesDefinitions(Buffer.from("\x16create table t (a int)"))).toBe(false);
    expect(changesDefinitions(Buffer.alloc(0))).toBe(false);
  });
});

describe("changesDatabases", () => {
  test.each([
    "CREATE DATABASE a",
    "create or  replace schema a",
    "/* x */ DROP DATABASE IF EXISTS a",
    "alter database character set latin1",
    "/*!40000 DROP DATABASE a */",
  ])("yes: %s", (sql) => {
    expect(changesDatabases(query(sql))).toBe(true);
  });

  test.each(["CREATE TABLE database_a (a INT)", "drop table a", "show create database a", "create view v as select 1"])(
    "no: %s",
    (sql) => {
      expect(changesDatabases(query(sql))).toBe(false);
    },
  );
});
