// Plans made by hand, run over three shards, beside the same rows in one database.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NeedsGather } from "../../../src/engine/needs-gather.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";
import { randomOf, seedOf } from "../../fuzz/random.ts";
import {
  aggregate,
  type Bed,
  body,
  expectSame,
  key,
  limit,
  must,
  outcomeOf,
  plan,
  rowsOf,
  startBed,
  step,
  textOf,
  union,
} from "./merge-bed.ts";

let bed: Bed;
const SEED = seedOf(77);
const PEOPLE = 600;

beforeAll(async () => {
  bed = await startBed(3);
  await bed.everywhere(`CREATE TABLE people (
    id BIGINT PRIMARY KEY, name VARCHAR(30), code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_german2_ci, city INT,
    pay DECIMAL(12,3), score DOUBLE, born DATE, at TIME(2), seen DATETIME(3), flags INT UNSIGNED, raw VARBINARY(12), KEY (city))`);
  await bed.everywhere("CREATE TABLE cities (id INT PRIMARY KEY, title VARCHAR(20), KEY (title))");
  await bed.everywhere(
    "CREATE TABLE visits (id INT PRIMARY KEY, person BIGINT, city INT, note VARCHAR(20) CHARACTER SET latin1, KEY (person), KEY (city))",
  );
  const random = randomOf(SEED);
  const names = [
    "Ann",
    "ann",
    "ANN ",
    "Bob",
    "bob",
    "Bob  ",
    "Zoë",
    "zoe",
    "Ärne",
    "arne",
    "",
    " ",
    "a\tb",
    "Carl",
    "carla",
  ];
  const orNull = (text: string): string => (random.chance(0.08) ? "NULL" : text);
  const people = Array.from({ length: PEOPLE }, (_, id) =>
    [
      id + 1,
      orNull(`'${random.pick(names)}'`),
      orNull(`'${random.pick(["Aa", "ä", "AE", "ae ", "z", "Z", "ß", "ss"])}'`),
      orNull(String(random.int(40))),
      orNull(`${random.int(200_000) - 100_000}.${String(random.int(1000)).padStart(3, "0")}`),
      orNull(`${random.int(1000) - 500}e-${random.int(3)}`),
      orNull(`'19${40 + random.int(60)}-${1 + random.int(12)}-${1 + random.int(28)}'`),
      orNull(`'${random.chance(0.5) ? "-" : ""}${random.int(800)}:${random.int(60)}:00.5'`),
      orNull(`'2020-01-${1 + random.int(28)} 10:00:00.${String(random.int(1000)).padStart(3, "0")}'`),
      orNull(String(random.int(2) * 4_000_000_000 + random.int(50))),
      orNull(`x'${random.int(256).toString(16).padStart(2, "0")}00'`),
    ].join(","),
  );
  await bed.insert("people", people);
  await bed.insert(
    "cities",
    Array.from({ length: 30 }, (_, id) => `${id}, 'city ${id % 7}'`),
    (index) => (index * 7) % 3,
  );
  const visits = Array.from({ length: 900 }, (_, id) =>
    [
      id + 1,
      orNull(String(random.int(PEOPLE + 50))),
      orNull(String(random.int(35))),
      orNull(`'${random.pick(["né", "oui", "non''", "q?", "\\\\"])}'`),
    ].join(","),
  );
  await bed.insert("visits", visits, (index) => (index * 5) % 3);
});
afterAll(() => bed.stop());

const weighted = (column: number, weight: number, collationColumn: number, more = {}) =>
  key(column, { weight, collationColumn, ...more });

describe("ordered merge", () => {
  const cases: readonly (readonly [column: string, direction: string])[] = [
    ["city", ""],
    ["pay", "DESC"],
    ["score", ""],
    ["born", "DESC"],
    ["at", ""],
    ["seen", "DESC"],
    ["flags", ""],
    ["raw", "DESC"],
  ];
  test.each(cases)("by %s %s", async (column, direction) => {
    const sql = `SELECT ${column}, id FROM people ORDER BY ${column} ${direction}, id`;
    const order = [key(0, { descending: direction === "DESC" }), key(1)];
    await expectSame(bed, sql, plan(body({ statement: sql, width: 2, merge: { order, sorted: true } })), {
      ordered: true,
    });
  });

  test.each(["name", "code"])("by text in %s, its weight hidden", async (column) => {
    const order = `ORDER BY ${column} DESC, id`;
    const statement = `SELECT id, ${column}, WEIGHT_STRING(${column}), COLLATION(${column}) FROM people ${order}`;
    const merge = { order: [weighted(1, 2, 3, { descending: true }), key(0)], sorted: true };
    const original = `SELECT id, ${column} FROM people ${order}`;
    await expectSame(bed, original, plan(body({ statement, typing: original, width: 2, merge })), { ordered: true });
  });

  test("equal keys come in the order of the shards", async () => {
    const statement = "SELECT city DIV 100 c, id FROM people WHERE city IS NOT NULL ORDER BY c, id";
    const rows = await rowsOf(bed, plan(body({ statement, width: 2, merge: { order: [key(0)], sorted: true } })));
    const shards = rows.map((row) => (Number(row.split("|")[1]) - 1) % 3);
    expect(shards).toEqual([...shards].sort((a, b) => a - b));
  });

  test("LIMIT and OFFSET", async () => {
    const sql = "SELECT id, pay FROM people ORDER BY pay, id";
    for (const [count, offset] of [
      [10, 0],
      [10, 25],
      [1, 599],
      [5, 600],
      [0, 3],
      [1000, 590],
    ] as const) {
      const merge = { order: [key(1), key(0)], sorted: true, limit: limit(count, offset), pushLimit: true };
      const original = `${sql} LIMIT ${offset}, ${count}`;
      await expectSame(bed, original, plan(body({ statement: sql, width: 2, merge })), { ordered: true });
    }
  });

  test("a shard gives no more than the limit asks for, and what the credit lets through", async () => {
    await bed.everywhere("CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000))");
    for (let shard = 0; shard < 3; shard++) {
      await must(
        bed.whole,
        `INSERT INTO s${shard}.wide SELECT seq * 3 + ${shard}, REPEAT('x', 1000) FROM seq_1_to_20000`,
      );
    }
    const statement = "SELECT id, pad FROM wide ORDER BY id";
    const order = [key(0)];
    bed.port.sent.length = 0;
    const pushed = { order, sorted: true, limit: limit(10, 5), pushLimit: true };
    const rows = await rowsOf(bed, plan(body({ statement, width: 1, typing: "SELECT id FROM wide", merge: pushed })));
    expect(rows.map(Number)).toEqual(Array.from({ length: 10 }, (_, index) => 8 + index));
    const pushedStatements = bed.port.sent.filter(({ sql }) => sql.includes("order by"));
    expect(pushedStatements.map((sent) => sent.rows)).toEqual([15, 15, 15]);
    bed.port.sent.length = 0;
    const kept = { order, sorted: true, limit: limit(10) };
    await rowsOf(bed, plan(body({ statement, width: 1, typing: "SELECT id FROM wide", merge: kept })));
    for (const sent of bed.port.sent.filter(({ sql }) => sql.includes("order by"))) {
      expect(sent.isCancelled).toBe(true);
      expect(sent.rows).toBeLessThan(15_000);
    }
    await bed.everywhere("DROP TABLE wide");
  });
});

describe("rows in any order", () => {
  test("a plain scatter, with the definitions of the statement as it was written", async () => {
    const sql = "SELECT id, name AS n, pay FROM people";
    await expectSame(bed, sql, plan(body({ statement: sql, width: 3 })));
    const answer = await outcomeOf(bed, plan(body({ statement: sql, width: 3 })));
    expect(answer.includes(Buffer.from("\u0001n\u0004name"))).toBe(true);
  });

  test.each([false, true])("packets are numbered, and none is written over (idle client: %s)", async (isIdle) => {
    const sql = "SELECT id, name, pay, REPEAT('x', 200) FROM people";
    for (const [statement, width] of [
      [sql, 4],
      [`${sql} ORDER BY id`, 4],
      ["SELECT id, name, pay, REPEAT('x', 200), id FROM people ORDER BY id", 4],
    ] as const) {
      const sorted = statement.includes("ORDER");
      const merge = sorted ? { order: [key(0)], sorted } : {};
      const reply = await outcomeOf(bed, plan(body({ statement, typing: sql, width, merge })), { isIdle });
      const reader = new PacketReader(1 << 20);
      reader.expectSequence(1);
      reader.push(reply);
      const packets: Buffer[] = [];
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet);
      const rows = packets.slice(6, -1).map((packet) => textOf(packet, width));
      expect(rows.sort()).toEqual([...(await bed.whole.rows(sql))].sort());
    }
  });

  test("rows larger than a packet arrive whole", async () => {
    await bed.everywhere("CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB)");
    for (const size of [16_777_210, 17_000_000]) {
      for (const database of ["s1", "whole"]) {
        await must(bed.whole, `REPLACE INTO ${database}.big VALUES (${size}, REPEAT('y', ${size - 100}))`).catch(
          () => undefined,
        );
      }
    }
    const original = "SELECT id, LENGTH(b), MD5(b) FROM big ORDER BY id";
    const statement = "SELECT id, LENGTH(b), MD5(b), b FROM big ORDER BY id";
    await expectSame(
      bed,
      original,
      plan(body({ statement, typing: original, width: 3, merge: { order: [key(0)], sorted: true } })),
      { ordered: true },
    );
    await bed.everywhere("DROP TABLE big");
  });

  test("sorted here when the shards do not", async () => {
    const sql = "SELECT id, pay FROM people ORDER BY pay DESC, id LIMIT 40";
    const statement = "SELECT id, pay FROM people";
    const merge = { order: [key(1, { descending: true }), key(0)], limit: limit(40) };
    await expectSame(bed, sql, plan(body({ statement, width: 2, merge })), { ordered: true });
  });

  test("a LIMIT without an order", async () => {
    const statement = "SELECT id FROM people";
    const rows = await rowsOf(bed, plan(body({ statement, width: 1, merge: { limit: limit(50, 7) } })));
    expect(new Set(rows).size).toBe(50);
  });
});

describe("aggregates", () => {
  const outputs = [
    { kind: "value", column: 0 },
    { kind: "count", column: 1 },
    { kind: "sum", column: 2 },
    { kind: "avg", sum: 2, count: 3 },
    { kind: "min", key: key(4), take: 4 },
    { kind: "max", key: weighted(5, 6, 7), take: 5 },
    { kind: "sum", column: 8 },
    { kind: "avg", sum: 8, count: 9 },
    { kind: "bit_and", column: 10 },
    { kind: "bit_or", column: 11 },
    { kind: "bit_xor", column: 12 },
    { kind: "avg", sum: 13, count: 14 },
  ] as const;
  const original =
    "SELECT city, COUNT(*), SUM(pay), AVG(pay), MIN(born), MAX(code), SUM(score), AVG(score), BIT_AND(flags), BIT_OR(flags), BIT_XOR(flags), AVG(id) FROM people";
  const statement =
    "SELECT city, COUNT(*), SUM(pay), COUNT(pay), MIN(born), MAX(code), WEIGHT_STRING(MAX(code)), COLLATION(MAX(code)), SUM(score), COUNT(score), " +
    "BIT_AND(flags), BIT_OR(flags), BIT_XOR(flags), SUM(id), COUNT(id) FROM people";
  /** Doubles are added in another order than one server adds them in. */
  const rounded = (row: string): string =>
    row
      .split("|")
      .map((value, at) => ((at === 6 || at === 7) && value !== "\\N" ? Number(value).toFixed(6) : value))
      .join("|");

  test("by group", async () => {
    const typing = `${original} GROUP BY city`;
    const wanted = plan(
      body({ statement: `${statement} GROUP BY city`, typing, width: 12, merge: aggregate([key(0)], outputs) }),
    );
    const rows = await rowsOf(bed, wanted);
    // Which of texts that are equal under the collation is given out is free.
    const comparable = (row: string): string =>
      rounded(row)
        .split("|")
        .map((value, at) => (at === 5 ? germanOf(value) : value))
        .join("|");
    const expected = await bed.whole.rows(typing);
    expect(rows.map(comparable).sort()).toEqual(expected.map(comparable).sort());
  });

  test("without groups, also over no rows at all", async () => {
    for (const where of ["", " WHERE id < 0"]) {
      const sql = "SELECT COUNT(*), SUM(pay), AVG(pay), MIN(born), BIT_AND(flags), BIT_OR(flags) FROM people";
      const partial = "SELECT COUNT(*), SUM(pay), COUNT(pay), MIN(born), BIT_AND(flags), BIT_OR(flags) FROM people";
      const merge = aggregate(
        [],
        [
          { kind: "count", column: 0 },
          { kind: "sum", column: 1 },
          { kind: "avg", sum: 1, count: 2 },
          { kind: "min", key: key(3), take: 3 },
          { kind: "bit_and", column: 4 },
          { kind: "bit_or", column: 5 },
        ],
      );
      await expectSame(
        bed,
        sql + where,
        plan(body({ statement: partial + where, typing: sql + where, width: 6, merge })),
      );
    }
  });

  test("over different values", async () => {
    const sql =
      "SELECT city % 5, COUNT(DISTINCT name, flags), SUM(DISTINCT pay), AVG(DISTINCT pay) FROM people GROUP BY city % 5";
    const partial =
      "SELECT city % 5, name, WEIGHT_STRING(name), COLLATION(name), flags, pay FROM people GROUP BY 1, 2, 5, 6";
    const merge = aggregate(
      [key(0)],
      [
        { kind: "value", column: 0 },
        { kind: "count-distinct", keys: [weighted(1, 2, 3), key(4)] },
        { kind: "sum-distinct", keys: [key(5)] },
        { kind: "avg-distinct", keys: [key(5)] },
      ],
    );
    const wanted = plan(body({ statement: partial, typing: sql, width: 4, merge }));
    await expectSame(bed, sql, wanted);
    await expectSame(bed, sql, wanted, { limits: { memoryBytesMax: 2_000 } });
  });

  test("over different values of no rows", async () => {
    const sql = "SELECT COUNT(DISTINCT city), SUM(DISTINCT pay) FROM people WHERE id < 0";
    const partial = "SELECT city, pay FROM people WHERE id < 0 GROUP BY 1, 2";
    const merge = aggregate(
      [],
      [
        { kind: "count-distinct", keys: [key(0)] },
        { kind: "sum-distinct", keys: [key(1)] },
      ],
    );
    expect(await expectSame(bed, sql, plan(body({ statement: partial, typing: sql, width: 2, merge })))).toEqual([
      "0|\\N",
    ]);
  });

  test("ordered by what is hidden", async () => {
    const sql = "SELECT city, COUNT(*) FROM people GROUP BY city ORDER BY AVG(pay) DESC, city LIMIT 12";
    const partial = "SELECT city, COUNT(*), SUM(pay), COUNT(pay) FROM people GROUP BY 1";
    const merge = {
      ...aggregate(
        [key(0)],
        [
          { kind: "value", column: 0 },
          { kind: "count", column: 1 },
          { kind: "avg", sum: 2, count: 3 },
        ],
      ),
      order: [key(2, { descending: true }), key(0)],
      limit: limit(12),
    };
    await expectSame(bed, sql, plan(body({ statement: partial, typing: sql, width: 2, merge })), { ordered: true });
  });

  test("one row of no rows, ordered by what is hidden", async () => {
    const sql = "SELECT COUNT(DISTINCT city) FROM people WHERE id < 0 ORDER BY MIN(pay), COUNT(DISTINCT flags)";
    const partial = "SELECT city, MIN(pay), flags FROM people WHERE id < 0 GROUP BY 1, 3";
    const merge = {
      ...aggregate(
        [],
        [
          { kind: "count-distinct", keys: [key(0)] },
          { kind: "min", key: key(1), take: 1 },
          { kind: "count-distinct", keys: [key(2)] },
        ],
      ),
      order: [key(1), key(2)],
    };
    expect(await expectSame(bed, sql, plan(body({ statement: partial, typing: sql, width: 1, merge })))).toEqual(["0"]);
  });

  test("groups that outgrow the memory", async () => {
    const sql = "SELECT id, COUNT(*), SUM(flags), MAX(at) FROM people GROUP BY id";
    const merge = aggregate(
      [key(0)],
      [
        { kind: "value", column: 0 },
        { kind: "count", column: 1 },
        { kind: "sum", column: 2 },
        { kind: "max", key: key(3), take: 3 },
      ],
    );
    await expectSame(bed, sql, plan(body({ statement: sql, width: 4, merge })), { limits: { memoryBytesMax: 20_000 } });
  });
});

/** As latin1_german2_ci compares. */
function germanOf(text: string): string {
  const lower = Buffer.from(text, "latin1").toString("utf8").toLowerCase().trimEnd();
  return lower.replace("ß", "ss").replace("ä", "ae");
}

describe("DISTINCT", () => {
  const statement = "SELECT DISTINCT name, city % 3, WEIGHT_STRING(name), COLLATION(name) FROM people";
  const original = "SELECT DISTINCT name, city % 3 FROM people";
  const distinct = [weighted(0, 2, 3), key(1)];
  /** Which of equal texts is given out is free. */
  const folded = (rows: readonly string[]): string[] =>
    rows
      .map((row) =>
        Buffer.from(row, "latin1")
          .toString("utf8")
          .normalize("NFD")
          .replaceAll(/\p{M}| +(?=\|)/gu, ""),
      )
      .map((row) => row.toLowerCase())
      .sort();

  test.each([undefined, 1_000])("with %s bytes of memory", async (memoryBytesMax) => {
    const limits = memoryBytesMax === undefined ? {} : { memoryBytesMax };
    const rows = await rowsOf(bed, plan(body({ statement, typing: original, width: 2, merge: { distinct } })), {
      limits,
    });
    expect(folded(rows)).toEqual(folded(await bed.whole.rows(original)));
  });

  test.each([undefined, 1_000])("in order, with %s bytes of memory", async (memoryBytesMax) => {
    const limits = memoryBytesMax === undefined ? {} : { memoryBytesMax };
    const sql = "SELECT DISTINCT city, pay > 0 p FROM people ORDER BY p DESC, city";
    const merge = { distinct: [key(0), key(1)], order: [key(1, { descending: true }), key(0)], sorted: true };
    await expectSame(bed, sql, plan(body({ statement: sql, width: 2, merge })), { limits, ordered: true });
  });
});

describe("UNION", () => {
  test("parts one after the other, then different rows in order", async () => {
    const sql = "SELECT city FROM people UNION SELECT city FROM visits ORDER BY 1 DESC LIMIT 20";
    const parts = ["people", "visits"].map((table) => body({ statement: `SELECT city FROM ${table}`, width: 1 }));
    const merge = { distinct: [key(0)], order: [key(0, { descending: true })], limit: limit(20) };
    await expectSame(bed, sql, plan(union(parts, sql, 1, merge)), { ordered: true });
  });

  test("parts of different types are gathered", async () => {
    const parts = ["SELECT pay FROM people", "SELECT city FROM people"].map((statement) =>
      body({ statement, width: 1 }),
    );
    const wanted = plan(union(parts, "SELECT pay FROM people UNION ALL SELECT city FROM people", 1));
    await expect(rowsOf(bed, wanted)).rejects.toThrow(NeedsGather);
  });
});

describe("rows tables", () => {
  test("a subquery's rows shipped to the shards", async () => {
    const sql = "SELECT id, name FROM people WHERE city IN (SELECT id FROM cities WHERE title = 'city 3')";
    const rows = step(
      "shardgate_rows_1",
      ["c0"],
      body({ statement: "SELECT id AS c0 FROM cities WHERE title = 'city 3'", width: 1 }),
    );
    const statement = "SELECT id, name FROM people WHERE city IN (SELECT c0 FROM shardgate_rows_1)";
    await expectSame(bed, sql, plan(body({ statement, typing: sql, width: 2, uses: ["shardgate_rows_1"] }), rows));
  });

  test("no rows, and rows beside a statement's own WITH", async () => {
    for (const where of ["id < 0", "id < 9"]) {
      const sql = `SELECT id FROM people WHERE city NOT IN (SELECT id FROM cities WHERE ${where})`;
      const rows = step(
        "shardgate_rows_1",
        ["c0"],
        body({ statement: `SELECT id AS c0 FROM cities WHERE ${where}`, width: 1 }),
      );
      const statement =
        "WITH p AS (SELECT id, city FROM people) SELECT id FROM p WHERE city NOT IN (SELECT c0 FROM shardgate_rows_1)";
      await expectSame(bed, sql, plan(body({ statement, typing: sql, width: 1, uses: ["shardgate_rows_1"] }), rows));
    }
  });

  test("too many rows are gathered", async () => {
    const rows = step("shardgate_rows_1", ["c0"], body({ statement: "SELECT id AS c0 FROM people", width: 1 }));
    const statement = "SELECT id FROM visits WHERE person IN (SELECT c0 FROM shardgate_rows_1)";
    const wanted = plan(
      body({ statement, width: 1, typing: "SELECT id FROM visits", uses: ["shardgate_rows_1"] }),
      rows,
    );
    await expect(rowsOf(bed, wanted, { limits: { shippedRowsMax: 50 } })).rejects.toThrow(NeedsGather);
    await expect(rowsOf(bed, wanted, { limits: { shippedBytesMax: 500 } })).rejects.toThrow(NeedsGather);
  });

  const JOIN = {
    sql: "SELECT p.id, p.name, p.code, v.id, v.note FROM people p JOIN visits v ON v.person = p.id WHERE p.city < 30",
    left: "SELECT id AS c0, name AS c1, code AS c2, flags AS c3, pay AS c4, at AS c5, raw AS c6 FROM people WHERE city < 30",
    statement: "SELECT r.c0, r.c1, r.c2, v.id, v.note FROM shardgate_rows_1 r JOIN visits v ON v.person = r.c0",
  };
  const LEFT_COLUMNS = ["c0", "c1", "c2", "c3", "c4", "c5", "c6"];

  test.each([500, 7])("a join in batches that begin with %s rows", async (shippedBatchRowsMin) => {
    const rows = step("shardgate_rows_1", LEFT_COLUMNS, body({ statement: JOIN.left, width: 7 }), { batched: true });
    const wanted = plan(
      body({ statement: JOIN.statement, typing: JOIN.sql, width: 5, uses: ["shardgate_rows_1"] }),
      rows,
    );
    bed.port.sent.length = 0;
    await expectSame(bed, JOIN.sql, wanted, { limits: { shippedBatchRowsMin } });
    const statements = bed.port.sent.filter(({ sql }) => sql.startsWith("with "));
    expect(statements.length).toBeGreaterThanOrEqual(shippedBatchRowsMin === 7 ? 15 : 3);
  });

  test("an aggregate, an order and a limit over all batches", async () => {
    const rows = () =>
      step("shardgate_rows_1", LEFT_COLUMNS, body({ statement: JOIN.left, width: 7 }), { batched: true });
    const limits = { shippedBatchRowsMin: 20, shippedBatchRowsMax: 40 };
    const counted = "SELECT COUNT(*), SUM(p.pay) FROM people p JOIN visits v ON v.person = p.id WHERE p.city < 30";
    const partial = "SELECT COUNT(*), SUM(r.c4) FROM shardgate_rows_1 r JOIN visits v ON v.person = r.c0";
    const merge = aggregate(
      [],
      [
        { kind: "count", column: 0 },
        { kind: "sum", column: 1 },
      ],
    );
    await expectSame(
      bed,
      counted,
      plan(body({ statement: partial, typing: counted, width: 2, uses: ["shardgate_rows_1"], merge }), rows()),
      { limits },
    );
    const ordered = `${JOIN.sql} ORDER BY p.pay, v.id LIMIT 30`;
    const statement =
      "SELECT r.c0, r.c1, r.c2, v.id, v.note, r.c4 FROM shardgate_rows_1 r JOIN visits v ON v.person = r.c0";
    const order = { order: [key(5), key(3)], limit: limit(30) };
    await expectSame(
      bed,
      ordered,
      plan(body({ statement, typing: ordered, width: 5, uses: ["shardgate_rows_1"], merge: order }), rows()),
      { limits, ordered: true },
    );
  });

  test("an aggregate over a join of no rows still has its row", async () => {
    const sql = "SELECT 'x', COUNT(*) FROM people p JOIN visits v ON v.person = p.id WHERE p.id < 0";
    const rows = step(
      "shardgate_rows_1",
      ["c0"],
      body({ statement: "SELECT id AS c0 FROM people WHERE id < 0", width: 1 }),
      { batched: true },
    );
    const statement = "SELECT 'x', COUNT(*) FROM shardgate_rows_1 r JOIN visits v ON v.person = r.c0";
    const merge = aggregate(
      [],
      [
        { kind: "value", column: 0 },
        { kind: "count", column: 1 },
      ],
    );
    expect(
      await expectSame(
        bed,
        sql,
        plan(body({ statement, typing: sql, width: 2, uses: ["shardgate_rows_1"], merge }), rows),
      ),
    ).toEqual(["x|0"]);
  });

  test.each([500, 9])("a left join in batches that begin with %s rows", async (shippedBatchRowsMin) => {
    const sql = "SELECT p.id, p.code, v.id, v.note FROM people p LEFT JOIN visits v ON v.person = p.id AND v.city > 10";
    const left = "SELECT id AS c0, code AS c1 FROM people";
    const rows = step("shardgate_rows_1", ["c0", "c1"], body({ statement: left, width: 2 }), {
      batched: true,
      numbered: true,
    });
    const join = "FROM shardgate_rows_1 r JOIN visits v ON v.person = r.c0 AND v.city > 10";
    const wanted = body({
      statement: `SELECT r.c0, r.c1, v.id, v.note ${join}`,
      typing: sql,
      width: 4,
      uses: ["shardgate_rows_1"],
      outer: {
        matched: `SELECT DISTINCT r.shardgate_n ${join}`,
        unmatched: "SELECT r.c0, r.c1, v.id, v.note FROM shardgate_rows_1 r LEFT JOIN visits v ON FALSE",
      },
    });
    await expectSame(bed, sql, plan(wanted, rows), { limits: { shippedBatchRowsMin } });
  });

  test("one step reads another's rows", async () => {
    const sql =
      "SELECT COUNT(*) FROM visits WHERE person IN (SELECT id FROM people WHERE city IN (SELECT id FROM cities WHERE title = 'city 1'))";
    const first = step(
      "shardgate_rows_1",
      ["c0"],
      body({ statement: "SELECT id AS c0 FROM cities WHERE title = 'city 1'", width: 1 }),
    );
    const second = step(
      "shardgate_rows_2",
      ["c0"],
      body({
        statement: "SELECT id AS c0 FROM people WHERE city IN (SELECT c0 FROM shardgate_rows_1)",
        typing: "SELECT id AS c0 FROM people",
        width: 1,
        uses: ["shardgate_rows_1"],
      }),
    );
    const statement = "SELECT COUNT(*) FROM visits WHERE person IN (SELECT c0 FROM shardgate_rows_2)";
    const merge = aggregate([], [{ kind: "count", column: 0 }]);
    await expectSame(
      bed,
      sql,
      plan(body({ statement, typing: sql, width: 1, uses: ["shardgate_rows_2"], merge }), first, second),
    );
  });
});
