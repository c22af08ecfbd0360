// Clients that write gbk, big5, sjis and cp932, whose characters have the bytes of quotes and backslashes in them, beside one
// plain MariaDB: statements, names, answers and errors as bytes; text and prepared; one shard, merged, gathered.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BufferWriter } from "../../src/mysql/codec.ts";
import { COM, MYSQL_TYPE } from "../../src/mysql/constants.ts";
import { encodeText } from "../../src/mysql/text-encodings.ts";
import { hex, merged, type Parameter, StatementClient } from "./statement-client.ts";
import { startTwins, type Twins } from "./twin.ts";

let twins: Twins;

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});

/** Each set with characters whose second byte is a backslash, a quote's neighbour, or a second code for a character. */
const CLIENTS = [
  { charset: "gbk", words: ["縗中文", "誠", "一丂"], odd: [[0x81, 0x20], [0xff], [0xa2, 0xab]] },
  { charset: "big5", words: ["功許蓋", "中文", "ヾ"], odd: [[0xa1, 0x5a], [0xff], [0xf9, 0xfe]] },
  { charset: "sjis", words: ["表示ソ", "ｱｲｳ", "能"], odd: [[0x81, 0x5f], [0x87, 0x90], [0x80]] },
  {
    charset: "cp932",
    words: ["表示ソ", "髙①", "能"],
    odd: [
      [0x87, 0x90],
      [0xed, 0x40],
      [0xfa, 0x4a],
    ],
  },
] as const;

type Words = readonly [string, string, string];

const U_STATEMENTS = ([a, b, c]: Words): readonly string[] => [
  `SELECT '${a}', HEX('${a}'), CHARSET('${a}'), COLLATION('${a}'), LENGTH('${a}'), CHAR_LENGTH('${a}')`,
  `SELECT '${a}\\'${b}', "${c}""${a}", '${b}''${c}' AS \`${b}\``,
  `SELECT '${a}\\\\' AS v, '\\${"x"}${b}\\n' AS w`,
  `INSERT INTO p (id, name, price, note) VALUES (1, '${a}', 1.5, '${b}'), (2, '${b}', 2.5, NULL), (3, '${c}', 3.5, '${a}${b}')`,
  "SELECT id, name, note, HEX(name), HEX(note) FROM p ORDER BY id",
  `SELECT id FROM p WHERE name = '${a}'`,
  `SELECT id FROM p WHERE note LIKE '%${b}' ORDER BY id`,
  `UPDATE p SET note = CONCAT(note, '${c}') WHERE name = '${b}' OR id = 3`,
  `SELECT name AS \`${a}\`, note FROM p AS \`${b}\` ORDER BY \`${b}\`.id -- ${c}`,
  `SELECT 1 /* ${a} */ + 1 # ${b}`,
  `SELECT \`${a}\` FROM p`,
  `SELECT * FROM \`${b}\``,
  `SELEC '${a}'`,
  `INSERT INTO p (id, name) VALUES (9, '${a}')`,
  `SET @v = '${a}'`,
  "SELECT @v, HEX(@v), CHARSET(@v)",
  `SELECT _utf8'abc' AS x, _latin1'${a}' AS y, HEX(_binary'${c}') AS z`,
  "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection",
  "SHOW VARIABLES LIKE 'character_set_client'",
  `CREATE TABLE \`${b}\` (\`${a}\` INT COMMENT '${c}')`,
  `SHOW CREATE TABLE \`${b}\``,
  `SELECT COLUMN_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_NAME = '${b}'`,
  `DROP TABLE \`${b}\``,
  "DELETE FROM p",
];

const S_STATEMENTS = ([a, b, c]: Words): readonly string[] => [
  `INSERT INTO c (id, name, email, n) VALUES (1, '${a}', '1${a}', 1), (2, '${b}', '2${b}', 1), (3, '${c}', '3', 2), (4, 'x', '4', 3)`,
  `INSERT INTO m (mid, room, body) VALUES (1, 'r1', '${a}'), (2, 'r2', '${b}'), (3, '${a}', '${c}')`,
  "SELECT id, name, email FROM c ORDER BY id",
  "SELECT name FROM c WHERE id = 1",
  `SELECT id, HEX(name) FROM c WHERE name IN ('${a}', '${b}') ORDER BY id`,
  `SELECT mid, body FROM m WHERE room = '${a}'`,
  `SELECT name, COUNT(*) FROM c GROUP BY name ORDER BY name`,
  "SELECT MAX(name), MIN(email) FROM c",
  `SELECT n, GROUP_CONCAT(name ORDER BY id SEPARATOR '${c}') AS \`${a}\` FROM c GROUP BY n ORDER BY n`,
  `SELECT c.name, m.body FROM c JOIN m ON c.id = m.mid AND m.body <> '${c}' ORDER BY c.id`,
  `SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS r, '${b}' FROM c WHERE name <> '${b}' ORDER BY id`,
  `UPDATE c SET name = '${c}' WHERE name = '${a}'`,
  "SELECT id, name FROM c ORDER BY id",
  "DELETE FROM c",
  "DELETE FROM m",
];

function rowsOf(packets: readonly Buffer[]): readonly string[] {
  return hex(packets.slice(1 + (packets[0]?.[0] ?? 0), -1)).slice(1);
}

describe.each(CLIENTS)("$charset", ({ charset, words, odd }) => {
  const clients: StatementClient[] = [];

  beforeAll(async () => {
    for (const port of [twins.cluster.port, twins.plain.port]) {
      const client = await StatementClient.connect(port, "u");
      await client.query(`SET NAMES ${charset}`);
      clients.push(client);
    }
  });
  afterAll(() => {
    for (const client of clients) client.close();
  });

  async function both<T>(run: (client: StatementClient) => Promise<T>): Promise<readonly [T, T]> {
    const [gateway, direct] = clients as [StatementClient, StatementClient];
    return [await run(gateway), await run(direct)];
  }

  test.each(["u", "s"] as const)("statements on keyspace %s", async (keyspace) => {
    await both((client) => client.query(`USE ${keyspace}`));
    const wrong: unknown[] = [];
    for (const sql of (keyspace === "u" ? U_STATEMENTS : S_STATEMENTS)(words)) {
      const bytes = encodeText(charset, sql);
      const [got, wanted] = await both((client) => client.query(bytes));
      // What the gateway says of variables has other lengths.
      const shown = keyspace === "s" ? merged : /@@|SHOW VAR/.test(sql) ? rowsOf : hex;
      if (JSON.stringify(shown(got)) !== JSON.stringify(shown(wanted))) wrong.push([sql, shown(got), shown(wanted)]);
    }
    expect(wrong).toEqual([]);
  });

  test("bytes that are no character, or one with a second code", async () => {
    await both((client) => client.query("USE u"));
    const wrong: unknown[] = [];
    for (const bytes of odd) {
      const writer = new BufferWriter(64);
      writer.string("INSERT INTO blobs VALUES (1, 'a\\'");
      writer.bytes(Buffer.from(bytes));
      writer.string("\\n')");
      for (const sql of [writer.finish(), "SELECT id, HEX(b) FROM blobs", "DELETE FROM blobs"]) {
        const [got, wanted] = await both((client) => client.query(sql));
        if (JSON.stringify(merged(got)) !== JSON.stringify(merged(wanted)))
          wrong.push([bytes, merged(got), merged(wanted)]);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each(["u", "s"] as const)("prepared, on keyspace %s", async (keyspace) => {
    await both((client) => client.query(`USE ${keyspace}`));
    const table = keyspace === "u" ? "p (id, name, note)" : "m (mid, room, body)";
    const [a, b] = words;
    const id: Parameter = [MYSQL_TYPE.TINY, Buffer.of(1)];
    const text = (value: string): Parameter => [MYSQL_TYPE.VAR_STRING, encodeText(charset, value)];
    const run = async (sql: string, ...parameters: Parameter[]): Promise<void> => {
      const [got, wanted] = await both(async (client) => {
        const statement = await client.prepare(encodeText(charset, sql));
        const reply = merged(await client.execute(statement.id, parameters));
        await client.tell(COM.STMT_CLOSE, statement.id);
        return [hex(statement.packets), reply];
      });
      expect(got, sql).toEqual(wanted);
    };
    await run(`INSERT INTO ${table} VALUES (?, ?, ?)`, id, text(a), text(b));
    const [name, key, value] = table.split(/[ (,)]+/);
    await run(`SELECT ${value}, HEX(${value}), '${a}' AS \`${b}\` FROM ${name} WHERE ${key} > ? - 1`, id);
    const text2 = keyspace === "u" ? "name" : "room";
    await run(`SELECT ${value} FROM ${name} WHERE ${text2} = ?`, text(a));
    await run(`DELETE FROM ${name}`);
  });
});
