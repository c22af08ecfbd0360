// Every statement of the project's own file and of the public corpora: read or refused as it should be, the same tree
// again from its printed text, and from its normalized text with the bind values put back.

import { describe, expect, test } from "vitest";
import { messageOf, ShardgateError } from "../../../src/base/errors.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { fillTemplate, print, printTemplate } from "../../../src/sql/print.ts";
import { DEFAULT_SQL_MODE, type Statement } from "../../../src/sql/tree.ts";
import { sameTree } from "../../../src/sql/walk.ts";
import { corpusStatements, ownStatements } from "../../fuzz/sql-statements.ts";

const own = ownStatements();
const corpus = corpusStatements();

/** Statements labelled as invalid that the servers read: the label is about a test's expectation, not the syntax. */
const READ_ALTHOUGH_INVALID: ReadonlyMap<string, string> = new Map([
  ["select t1.*,t2.* from { oj t2 left outer join t1 on (t1.a=t2.a) }", "ODBC join escape, in both servers' grammar"],
  ["select t1.*,t2.* from t1 as t0,{ oj t2 left outer join t1 on (t1.a=t2.a) } WHERE t0.a=2", "the same"],
  ['select {fn length("hello")}, { date "1997-10-20" }', "ODBC escapes, in both servers' grammar"],
  ["select cast(1.0e+300 as signed int)", "SIGNED INT is SIGNED INTEGER"],
  ["select 'null' sounds like null", "SOUNDS LIKE is an operator"],
  ["select 'mood' sounds like 'mud'", "the same"],
  ["select null sounds like null", "the same"],
  [
    "select * from имя_таблицы_в_кодировке_утф8_длиной_больше_чем_48",
    "a name in letters beyond ASCII; its length is no matter of syntax",
  ],
  [
    "select 1ea10.1a20,1e+ 1e+10 from 1ea10",
    "1ea10, 1a20 and 1e are names: only an exponent with digits makes a number",
  ],
  [
    "select sum(all a),count(all a),avg(all a),std(all a),variance(all a),bit_or(all a),bit_and(all a),min(all a),max(all a),min(all c),max(all c) from t1",
    "ALL is the default of aggregates and may be written",
  ],
  ["select 1/*!000002*/", "an executable comment of version 2 without text"],
  ["prepare prep from 'wrong query syntax'", "the inner text is read when PREPARE runs"],
]);

function isRead(sql: string): boolean {
  try {
    parse(sql);
    return true;
  } catch (error) {
    if (error instanceof ShardgateError && (error.id === "ER_PARSE" || error.id === "ER_EMPTY_QUERY")) return false;
    throw error;
  }
}

describe("own statements", () => {
  test("there are at least 1,000 and each is read", () => {
    expect(own.length).toBeGreaterThanOrEqual(1_000);
    expect(own.filter((sql) => !isRead(sql))).toEqual([]);
  });

  test("each prints to the same tree", () => {
    expect(own.map(printFault).filter((fault) => fault !== undefined)).toEqual([]);
  });

  test("each gives a key whose tree with the bind values is the same", () => {
    expect(own.map(keyFault).filter((fault) => fault !== undefined)).toEqual([]);
  });
});

describe.skipIf(corpus.length === 0)("public corpora", () => {
  const valid = corpus.filter((statement) => statement.valid === true);
  const invalid = corpus.filter((statement) => statement.valid === false);
  const readable = corpus.map(({ sql }) => sql).filter(isRead);

  test("at least 99.7 % of the valid statements are read", () => {
    const refused = valid.filter(({ sql }) => !isRead(sql)).map(({ sql }) => sql);
    expect(refused.length / valid.length, refused.join("\n")).toBeLessThanOrEqual(0.003);
  });

  test("the invalid statements are refused, but for those that the servers read", () => {
    const read = invalid.filter(({ sql }) => isRead(sql) && !READ_ALTHOUGH_INVALID.has(sql)).map(({ sql }) => sql);
    expect(read.length / invalid.length, read.join("\n")).toBeLessThanOrEqual(0.03);
  });

  test("each that is read prints to the same tree", () => {
    expect(readable.map(printFault).filter((fault) => fault !== undefined)).toEqual([]);
  });

  test("each that is read gives a key whose tree with the bind values is the same", () => {
    // `:name` in a client's text is no bind variable of the normalizer.
    const plain = readable.filter((sql) => !/:[\w:]/.test(sql.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`/g, "")));
    expect(plain.length).toBeGreaterThan(3_000);
    expect(plain.map(keyFault).filter((fault) => fault !== undefined)).toEqual([]);
  });
});

function printFault(sql: string): string | undefined {
  try {
    const tree = parse(sql);
    const text = print(tree);
    if (!sameTree(parse(text), tree)) return `${sql}\n  prints as ${text}`;
    return print(parse(text)) === text ? undefined : `${sql}\n  prints as ${text}, then ${print(parse(text))}`;
  } catch (error) {
    return `${sql}\n  ${messageOf(error)}`;
  }
}

function keyFault(sql: string): string | undefined {
  const normalized = normalize(Buffer.from(sql), DEFAULT_SQL_MODE);
  try {
    const tree: Statement = parse(sql.slice(0, endOf(sql, normalized.statementEnd)));
    const filled = fillTemplate(printTemplate(parse(normalized.key)), normalized.binds);
    return sameTree(parse(filled), tree) ? undefined : `${sql}\n  key ${normalized.key}\n  gives ${filled.toString()}`;
  } catch (error) {
    return `${sql}\n  key ${normalized.key}\n  ${messageOf(error)}`;
  }
}

/** The place in the text of an offset in its bytes. */
function endOf(sql: string, bytes: number): number {
  return Buffer.from(sql).toString("utf8", 0, bytes).length;
}
