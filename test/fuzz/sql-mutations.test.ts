// Mutated statements: the reader answers with a tree or MySQL's syntax error, the normalizer with a key, and both soon.
// SQL_MUTATIONS=1000000 FUZZ_SEED=7 npx vitest run test/fuzz/sql-mutations.test.ts

import { expect, test } from "vitest";
import { ShardgateError } from "../../src/base/errors.ts";
import { decodeSql } from "../../src/sql/encoding.ts";
import { normalize } from "../../src/sql/normalize.ts";
import { parse } from "../../src/sql/parse.ts";
import { fillTemplate, print, printTemplate } from "../../src/sql/print.ts";
import { DEFAULT_SQL_MODE, type SqlMode, type Statement } from "../../src/sql/tree.ts";
import { sameTree } from "../../src/sql/walk.ts";
import { countOf, type Random, randomOf, seedOf } from "./random.ts";
import { corpusStatements, ownStatements } from "./sql-statements.ts";

const MODES: readonly SqlMode[] = [
  DEFAULT_SQL_MODE,
  DEFAULT_SQL_MODE,
  { ...DEFAULT_SQL_MODE, dialect: "mysql" },
  { ...DEFAULT_SQL_MODE, ansiQuotes: true, pipesAsConcat: true },
  { ...DEFAULT_SQL_MODE, noBackslashEscapes: true, ignoreSpace: true },
  { ...DEFAULT_SQL_MODE, highNotPrecedence: true },
];
const PIECES = [
  "'",
  '"',
  "`",
  "(",
  ")",
  "/*",
  "*/",
  "/*!",
  "/*!50000 ",
  "--",
  "-- ",
  "#",
  ";",
  ":",
  "::v1",
  ":v1",
  "@",
  "@@",
  ".",
  ",",
  "\\",
  "\0",
  "\n",
  "0x",
  "1e",
  "select ",
  " from ",
  " union ",
  " in (",
  "interval ",
  " as ",
  " by ",
  " over (",
  "not ",
  "é",
  "{",
  "}",
  "?",
  "||",
  ":=",
  "->",
  "N'",
  "x'",
  "_utf8'",
  "values(",
];

test("mutated statements give a tree or a syntax error", () => {
  const seed = seedOf(20_240_502);
  const count = countOf("SQL_MUTATIONS", 60_000);
  const random = randomOf(seed);
  const statements = [...ownStatements(), ...corpusStatements().map(({ sql }) => sql)].filter(
    (sql) => sql.length < 4000,
  );
  let read = 0;
  let slowestMs = 0;
  let slowest = "";
  const faults: string[] = [];
  for (let run = 0; run < count && faults.length < 10; run++) {
    const sql = mutated(Buffer.from(random.pick(statements)), random, statements);
    const mode = random.pick(MODES);
    const start = performance.now();
    const fault = faultOf(sql, mode, () => read++);
    const tookMs = performance.now() - start;
    if (tookMs > slowestMs) {
      slowestMs = tookMs;
      slowest = sql.toString();
    }
    if (fault !== undefined)
      faults.push(
        `seed ${seed} run ${run} ${JSON.stringify(mode)}: ${fault}\n  ${JSON.stringify(sql.toString("latin1"))}`,
      );
  }
  expect(faults).toEqual([]);
  expect(read).toBeGreaterThan(count / 20);
  // A pause of the machine is no hang, even when it is a matter of seconds.
  expect(slowestMs, slowest.slice(0, 500)).toBeLessThan(15_000);
}, 3_600_000);

function faultOf(sql: Buffer, mode: SqlMode, onRead: () => void): string | undefined {
  let tree: Statement | undefined;
  try {
    tree = parse(sql, mode);
    onRead();
  } catch (error) {
    if (!isRefusal(error)) return `parse: ${String(error instanceof Error ? error.stack : error)}`;
  }
  try {
    if (tree !== undefined) {
      const again = parse(print(tree, undefined, { mode }), mode);
      if (!sameTree(tree, again)) return `prints as ${print(tree, undefined, { mode })}`;
    }
  } catch (error) {
    return `print: ${String(error instanceof Error ? error.message : error)}`;
  }
  let key = "";
  try {
    const normalized = normalize(sql, mode);
    key = normalized.key;
    const template = printTemplate(parse(key, mode), { mode });
    // A client's own `:name` is read by parse() alone.
    if (tree === undefined || normalized.statementEnd !== sql.length) return undefined;
    const filled = fillTemplate(template, normalized.binds);
    if (!sameTree(tree, parse(filled, mode))) return `key ${key} fills as ${decodeSql(filled)}`;
  } catch (error) {
    if (!isRefusal(error) && !(error instanceof RangeError && /:/.test(sql.toString("latin1"))))
      return `normalize: ${String(error instanceof Error ? error.stack : error)}`;
    if (tree !== undefined && !/[:;]|\/\*!/.test(sql.toString("latin1"))) return `key ${key} is refused`;
  }
  return undefined;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ShardgateError && (error.id === "ER_PARSE" || error.id === "ER_EMPTY_QUERY");
}

function mutated(statement: Buffer, random: Random, statements: readonly string[]): Buffer {
  let sql = statement;
  const changes = 1 + random.int(4);
  for (let change = 0; change < changes; change++) {
    const at = random.int(sql.length + 1);
    const to = Math.min(sql.length, at + random.int(12));
    const before = sql.subarray(0, at);
    switch (random.int(7)) {
      case 0:
        sql = Buffer.concat([before, sql.subarray(to)]);
        break;
      case 1:
        sql = Buffer.concat([before, Buffer.from(random.pick(PIECES)), sql.subarray(at)]);
        break;
      case 2:
        sql = Buffer.concat([before, Buffer.from([random.int(256)]), sql.subarray(at + 1)]);
        break;
      case 3:
        sql = Buffer.concat([before, sql.subarray(at, to), sql.subarray(at)]);
        break;
      case 4:
        sql = before;
        break;
      case 5: {
        const other = Buffer.from(random.pick(statements));
        const from = random.int(other.length + 1);
        sql = Buffer.concat([before, other.subarray(from, from + random.int(40)), sql.subarray(to)]);
        break;
      }
      default: {
        // Two words change places.
        const words = sql.toString("latin1").split(" ");
        const [one, two] = [random.int(words.length), random.int(words.length)];
        [words[one], words[two]] = [words[two] ?? "", words[one] ?? ""];
        sql = Buffer.from(words.join(" "), "latin1");
      }
    }
  }
  return sql;
}
