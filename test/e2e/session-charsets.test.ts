// Clients of other character sets than the tables': what they send, what they get, names and errors included, as bytes
// beside one plain MariaDB; on one shard, merged, and gathered.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gist, Pair, startTwins, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

const ROWS = [
  "INSERT INTO u.p (id, name, price, note) VALUES (1,'a',1.50,'grün'), (2,'ß',2.50,NULL), (3,'ü',3.50,'日本')",
  "INSERT INTO s.c (id, name, email, n) VALUES (1,'x','e1',10), (2,'Zoë','e2',20), (3,'c','e3',NULL), (4,'ä','ü@x',10), (5,'é','e5',20), (6,'Ž','e6',5), (7,'日','e7',1)",
  "INSERT INTO s.o (oid, cid, total) VALUES (11,1,1.10), (12,1,2.20), (13,4,3.30), (14,5,4.40)",
  "INSERT INTO s.m (mid, room, body) VALUES (1,'küche','warm'), (2,'Küche','süß'), (3,'bad',NULL), (4,'Ärzte','x')",
];

beforeAll(async () => {
  twins = await startTwins();
  const filler = await Pair.open(twins, "s");
  for (const sql of ROWS) {
    for (const outcome of await filler.both(sql)) expect(outcome, sql).toMatchObject({ kind: "ok" });
  }
  filler.close();
});
afterAll(async () => {
  await twins.stop();
});

const wrong: string[] = [];

/** `sql` is sent in the client's character set. */
async function alike(sql: string, encoding: BufferEncoding | "cp1250"): Promise<void> {
  const bytes = encoding === "cp1250" ? cp1250(sql) : Buffer.from(sql, encoding);
  const [got, wanted] = await pair.both(bytes);
  const [a, b] = [JSON.stringify(gist(got, sql)), JSON.stringify(gist(wanted, sql))];
  if (a !== b) wrong.push(`${encoding} ${sql}\n   ${a}\n   ${b}`);
}

/** The few letters used here that Windows-1250 has elsewhere than Latin-1, or not at all. */
function cp1250(text: string): Buffer {
  const special = new Map([
    ["Ž", 0x8e],
    ["ž", 0x9e],
  ]);
  return Buffer.from(Array.from(text, (char) => special.get(char) ?? (char.codePointAt(0) ?? 0x3f) & 0xff));
}

const STATEMENTS = {
  u: [
    "SELECT id, name, note FROM p ORDER BY id",
    "SELECT name FROM p WHERE name = 'ü'",
    "SELECT 'ü', HEX('ü'), CHARSET('ü'), COLLATION('ü'), LENGTH('ü')",
    "SELECT 1 AS `größe`, 'ä'",
    "SELECT `nö` FROM p",
    "SELECT * FROM `tüte`",
    "SELECT 'ü' FROM",
    "SET @v = 'ü'",
    "SELECT @v, HEX(@v), CHARSET(@v), COLLATION(@v)",
    "SELECT @w := 'ü', HEX(@w)",
    "SELECT @w, HEX(@w), CHARSET(@w), COLLATION(@w)",
    "SELECT id FROM p WHERE name = @v",
    "INSERT INTO p (id, name, note) VALUES (9, 'ö', 'ß')",
    "SELECT HEX(name), HEX(note), name FROM p WHERE id = 9",
    "UPDATE p SET name = 'öö' WHERE name = 'ö'",
    "DELETE FROM p WHERE name = 'öö'",
    "INSERT INTO p (id, name) VALUES (1, 'x')",
    "SHOW TABLES LIKE 'p'",
    "SHOW CREATE TABLE p",
    "SHOW WARNINGS",
    "SHOW VARIABLES LIKE 'char%client'",
    "SHOW VARIABLES LIKE 'char%results'",
    "SHOW COLUMNS FROM p",
    "SELECT DATABASE(), VERSION() > '', @@version_comment > ''",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'u' AND table_name = 'p'",
    "SELECT CAST('9ü' AS SIGNED)",
    "SHOW WARNINGS",
    "SELECT n'ü', _latin1'ü', _utf8mb4 x'C3BC', x'FC'",
    "SELECT CONCAT(name, 'ü') FROM p ORDER BY id",
  ],
  s: [
    "SELECT name FROM c WHERE id = 4",
    "SELECT id, name FROM c ORDER BY id",
    "SELECT name FROM c ORDER BY name, id",
    "SELECT id FROM c WHERE name = 'ä'",
    "SELECT name, COUNT(*) FROM c GROUP BY name ORDER BY name",
    "SELECT MAX(name), MIN(name) FROM c",
    "SELECT DISTINCT name FROM c ORDER BY name",
    "SELECT GROUP_CONCAT(name ORDER BY name, id) FROM c",
    "SELECT c.name, o.total FROM c JOIN o ON o.cid = c.id ORDER BY o.oid",
    "SELECT a.name, b.name FROM c a JOIN c b ON a.n = b.n AND a.id < b.id ORDER BY a.id, b.id",
    "SELECT name, ROW_NUMBER() OVER (ORDER BY id) AS `nümber` FROM c ORDER BY id",
    "SELECT name AS `größe`, SUM(n) AS `sümme` FROM c GROUP BY name ORDER BY 1, 2",
    "SELECT name FROM c WHERE name LIKE '%ë' ORDER BY name",
    "SELECT name FROM c WHERE name > 'é' ORDER BY name",
    "SELECT IF(name = 'ä', 'jä', 'nö') AS x FROM c ORDER BY id",
    "SELECT mid, room FROM m WHERE room = 'küche' ORDER BY mid",
    "SELECT mid FROM m WHERE room = 'ärzte'",
    "SELECT mid FROM m WHERE room IN ('Ärzte', 'bad') ORDER BY mid",
    "INSERT INTO m (mid, room, body) VALUES (9, 'Tür', 'blöd'), (10, 'Öl', 'grün')",
    "SELECT mid, HEX(room), room, body FROM m WHERE room = 'Tür'",
    "SELECT mid, HEX(room) FROM m WHERE mid > 8 ORDER BY mid",
    "UPDATE m SET body = 'größer' WHERE room = 'Öl'",
    "SELECT body, HEX(body) FROM m WHERE room = 'Öl'",
    "DELETE FROM m WHERE room IN ('Tür', 'Öl')",
    "SELECT COUNT(*) FROM m",
    "INSERT INTO c (id, name) VALUES (50, 'Böse'), (51, 'Süß')",
    "SELECT id, HEX(name) FROM c WHERE id IN (50, 51) ORDER BY id",
    "DELETE FROM c WHERE id IN (50, 51)",
    "SELECT `nö` FROM c",
    "SELECT COUNT(`nö`) FROM c",
    "SELECT 1 FROM u.`tüte`",
    "SELECT name FROM c UNION SELECT 'ü' ORDER BY 1",
    "SELECT name FROM c WHERE id = 1 UNION ALL SELECT name FROM c WHERE id = 4",
    "SET @v = 'ä'",
    "SELECT id FROM c WHERE name = @v ORDER BY id",
    "SELECT id, @v FROM c WHERE id < 3 ORDER BY id",
    "SELECT @x := MAX(name) FROM c",
    "SELECT HEX(@x), CHARSET(@x)",
    "SELECT id, CAST('9ü' AS SIGNED) FROM c WHERE id = 1",
    "SHOW WARNINGS",
  ],
} as const;

/** In ucs2 the names of the gateway's own columns, and its errors, stay ASCII; in ascii a key that is none is refused. */
const NOT_ALIKE: Readonly<Record<string, RegExp>> = {
  "SET character_set_results = ucs2": /^SHOW|FROM$/,
  "SET NAMES ascii": /^INSERT INTO m/,
};

const CLIENTS: readonly (readonly [names: readonly string[], encoding: "latin1" | "utf8" | "cp1250"])[] = [
  [["SET NAMES latin1"], "latin1"],
  [["SET NAMES latin1 COLLATE latin1_german1_ci"], "latin1"],
  [["SET NAMES utf8mb3"], "utf8"],
  [["SET NAMES cp1250"], "cp1250"],
  [["SET NAMES ascii"], "latin1"],
  [["SET NAMES binary"], "utf8"],
  [["SET NAMES utf8mb4 COLLATE utf8mb4_bin"], "utf8"],
  [["SET NAMES utf8mb4", "SET character_set_results = latin1"], "utf8"],
  [["SET NAMES utf8mb4", "SET character_set_results = ucs2"], "utf8"],
  [["SET NAMES utf8mb4", "SET character_set_results = NULL"], "utf8"],
  [["SET CHARACTER SET latin1"], "latin1"],
];

describe.each(["u", "s"] as const)("keyspace %s", (keyspace) => {
  test.each(CLIENTS.map(([names, encoding]) => ({ title: names.join("; "), names, encoding })))(
    "$title",
    async ({ names, encoding }) => {
      pair = await Pair.open(twins, keyspace);
      wrong.length = 0;
      for (const sql of names) await alike(sql, "utf8");
      const notAlike = names.flatMap((name) => NOT_ALIKE[name] ?? []);
      for (const sql of STATEMENTS[keyspace]) {
        if (!notAlike.some((pattern) => pattern.test(sql))) await alike(sql, encoding);
      }
      pair.close();
      expect(wrong.join("\n")).toBe("");
    },
  );
});

/** What a client writes in any set, and bytes that it may write in few. */
const IN_ANY_SET = [
  "SELECT 'abc', HEX('abc'), CHARSET('a'), COLLATION('a')",
  "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection",
  "SELECT '[a]{b}|~^' AS x, HEX('[\\\\]{}|~^@') AS y",
  "SELECT 1 AS `a b`, 'it''s', \"q\\\"q\", 2 -- end",
  "SET @v = 'plain'",
  "SELECT @v, HEX(@v), CHARSET(@v), COLLATION(@v)",
  "SELECT 'ÄÖ¡¡', LENGTH('¤¤¤¤'), HEX('¡¤°°')",
  "SET @v = 'ä'",
  "SELECT HEX(@v)",
];

test("every character set that the server has: spoken as there, or refused as there", async () => {
  pair = await Pair.open(twins, "u");
  wrong.length = 0;
  const sets = (await pair.direct.rows("SHOW CHARACTER SET")).map((row) => row.split("|")[0] ?? "");
  expect(sets.length).toBeGreaterThanOrEqual(40);
  for (const set of sets) {
    if (set === "swe7") continue;
    await alike(`SET NAMES ${set}`, "utf8");
    for (const sql of IN_ANY_SET) await alike(sql, "latin1");
    await alike("SET NAMES utf8mb4", "utf8");
    for (const variable of ["character_set_client", "character_set_results", "character_set_connection"]) {
      await alike(`SET ${variable} = ${set}`, "utf8");
      await alike("SELECT 'abc' AS z, HEX('abc'), _utf8mb4 x'61C3A4E282AC'", "utf8");
      await alike("SET NAMES utf8mb4", "utf8");
    }
  }
  expect(await pair.gateway.query("SET NAMES swe7")).toMatchObject({ errno: 1235 });
  pair.close();
  expect(wrong.join("\n")).toBe("");
});

test("a variable keeps bytes that are no text of its set", async () => {
  pair = await Pair.open(twins, "s");
  for (const bytes of ["äåö¤", "ab\u00ff", "\u00f0\u0090"]) {
    expect(await pair.gateway.query(Buffer.from(`SET @v = '${bytes}'`, "latin1"))).toMatchObject({ kind: "ok" });
    await pair.direct.query(Buffer.from(`SET @v = '${bytes}'`, "latin1"));
    await pair.same("SELECT HEX(@v), LENGTH(@v)");
    await pair.same("SELECT id FROM c WHERE HEX(@v) <> '' ORDER BY id");
  }
  pair.close();
});
