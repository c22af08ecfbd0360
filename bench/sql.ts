// Reading SQL: normalize of a point select, parse over the statements of the project (and the public corpora where they
// are at hand), and an INSERT of 10,000 rows. Budgets are those of the README; figures are the best of several rounds,
// which a busy machine disturbs least.

import { performance } from "node:perf_hooks";
import { normalize } from "../src/sql/normalize.ts";
import { parse } from "../src/sql/parse.ts";
import { fillTemplate, print, printTemplate } from "../src/sql/print.ts";
import { DEFAULT_SQL_MODE } from "../src/sql/tree.ts";
import { corpusStatements, ownStatements } from "../test/fuzz/sql-statements.ts";

const ROUNDS = 10;
const CALLS = 100_000;

function bestUs(calls: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let call = 0; call < calls; call++) run();
    best = Math.min(best, ((performance.now() - start) * 1_000) / calls);
  }
  return best;
}

function row(what: string, value: number, unit: string, budget: number): void {
  const held = value <= budget ? "held" : "NOT HELD";
  process.stdout.write(
    `${what.padEnd(52)} ${value.toFixed(2).padStart(9)} ${unit}   budget ${budget} ${unit}   ${held}\n`,
  );
}

const point = Buffer.from("SELECT c FROM sbtest1 WHERE id=12345");
row(
  "normalize SELECT c FROM sbtest1 WHERE id=12345",
  bestUs(CALLS, () => normalize(point, DEFAULT_SQL_MODE)),
  "us",
  3,
);

const template = printTemplate(parse(normalize(point, DEFAULT_SQL_MODE).key));
const { binds } = normalize(point, DEFAULT_SQL_MODE);
row(
  "fill its template",
  bestUs(CALLS, () => fillTemplate(template, binds)),
  "us",
  3,
);

const statements = [...ownStatements(), ...corpusStatements().map(({ sql }) => sql)].filter((sql) => {
  try {
    parse(sql);
    return true;
  } catch {
    return false;
  }
});
const times = statements.map((sql) => bestUs(3, () => parse(sql))).sort((a, b) => a - b);
row(`parse, median of ${statements.length} statements`, times[times.length >> 1] ?? 0, "us", 25);
row("parse, slowest statement", times.at(-1) ?? 0, "us", 1_000);
const printTimes = statements.map((sql) => {
  const tree = parse(sql);
  return bestUs(3, () => print(tree));
});
row("print, median", printTimes.sort((a, b) => a - b)[printTimes.length >> 1] ?? 0, "us", 25);

let text = "insert into t (a, b, c, d, e) values ";
for (let each = 0; each < 10_000; each++)
  text += `${each === 0 ? "" : ","}(${each},'name${each}',${each * 3.5},'${"x".repeat(65)}',null)`;
const insert = Buffer.from(text);
row(
  `normalize + parse, INSERT of 10,000 rows, ${(insert.length / 1_000_000).toFixed(2)} MB`,
  bestUs(1, () => parse(normalize(insert, DEFAULT_SQL_MODE).key)) / 1_000,
  "ms",
  60,
);
