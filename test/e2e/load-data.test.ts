// LOAD DATA LOCAL INFILE beside one MariaDB: the same file, the same table afterwards, the same answer.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delay } from "../../src/local/process.ts";
import { BufferReader } from "../../src/mysql/codec.ts";
import { HEADER_EOF, HEADER_ERR, HEADER_LOCAL_INFILE, HEADER_OK } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeLocalInfile } from "../../src/mysql/packets/local-infile.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { RawClient } from "../wire/raw-client.ts";
import { must, startTwins, TwinClient, type Twins } from "./twin.ts";

interface Loaded {
  readonly errno?: number;
  readonly affectedRows?: number;
  readonly info?: string;
  readonly warnings?: readonly string[];
}

async function load(
  port: number,
  keyspace: string,
  sql: string,
  file: Buffer,
  pieceBytes: number,
  before: readonly string[] = [],
): Promise<Loaded> {
  const raw = await RawClient.login({ target: { host: "127.0.0.1", port }, user: "root" });
  const reader = new PacketReader(1 << 20);
  try {
    for (const first of [`USE ${keyspace}`, ...before]) {
      raw.query(first);
      expect((await raw.packet(reader))[0], first).toBe(HEADER_OK);
    }
    raw.query(sql);
    const asked = await raw.packet(reader);
    if (asked[0] === HEADER_ERR) return { errno: decodeErr(asked).errno };
    expect(asked[0]).toBe(HEADER_LOCAL_INFILE);
    expect(decodeLocalInfile(asked)).toBe("some.file");
    let sequenceId = reader.sequenceId;
    for (let at = 0; at < file.length; at += pieceBytes) {
      raw.write(writeFrame(file.subarray(at, at + pieceBytes), ++sequenceId));
    }
    raw.write(writeFrame(Buffer.alloc(0), ++sequenceId));
    const answer = await raw.packet(reader);
    if (answer[0] === HEADER_ERR) return { errno: decodeErr(answer).errno };
    expect(reader.sequenceId).toBe((sequenceId + 1) & 0xff);
    const { affectedRows, info } = decodeOk(answer, 0);
    return { affectedRows, info, warnings: await warningsOf(raw) };
  } finally {
    raw.close();
  }
}

async function warningsOf(raw: RawClient): Promise<readonly string[]> {
  const reader = new PacketReader(1 << 20);
  raw.query("SHOW WARNINGS");
  const count = (await raw.packet(reader))[0] ?? 0;
  for (let i = 0; i <= count; i++) await raw.packet(reader);
  const rows: string[] = [];
  for (;;) {
    const packet = await raw.packet(reader);
    if (packet[0] === HEADER_EOF) return rows;
    const values = new BufferReader(packet);
    rows.push(Array.from({ length: count }, () => values.lenencBytes().toString("utf8")).join("|"));
  }
}

describe("LOAD DATA LOCAL INFILE", () => {
  let twins: Twins;
  let gateway: TwinClient;
  let direct: TwinClient;

  beforeAll(async () => {
    twins = await startTwins();
    gateway = await TwinClient.connect(twins.cluster.port);
    direct = await TwinClient.connect(twins.plain.port);
  });

  beforeEach(async () => {
    for (const client of [gateway, direct]) {
      for (const table of ["s.x", "s.c", "s.m"]) await must(client, `DELETE FROM ${table}`);
      await must(client, "TRUNCATE TABLE u.p");
    }
  });

  afterAll(async () => {
    gateway.close();
    direct.close();
    await twins.stop();
  });

  /** Loads into both, compares answers and contents, and empties the table again. */
  async function same(table: string, clauses: string, file: string | Buffer, pieceBytes = 1_000): Promise<unknown> {
    const [keyspace = "", name = ""] = table.split(".");
    const [into, rest] =
      clauses.startsWith("REPLACE") || clauses.startsWith("IGNORE INTO") ? clauses.split("|") : ["", clauses];
    const sql = `LOAD DATA LOCAL INFILE 'some.file' ${into === "" ? "" : into} INTO TABLE ${name} ${rest}`;
    const bytes = Buffer.from(file);
    const got = await load(twins.cluster.port, keyspace, sql, bytes, pieceBytes);
    const expected = await load(twins.plain.port, keyspace, sql, bytes, pieceBytes);
    // Over shards a duplicate, of which no row is told, may stand elsewhere.
    const told = ({ warnings = [], ...answer }: Loaded): Loaded => ({
      ...answer,
      warnings: keyspace === "s" ? warnings.toSorted() : warnings,
    });
    expect(told(got), sql).toEqual(told(expected));
    const [rows, wanted] = await Promise.all(
      [gateway, direct].map((client) => client.rows(`SELECT * FROM ${table} ORDER BY 1`)),
    );
    expect(rows, sql).toEqual(wanted);
    return got;
  }

  test("a temporary table is loaded, and not what it hides", async () => {
    for (const before of [
      ["CREATE TEMPORARY TABLE loaded (a BLOB, b INT AS (1), c INT)"],
      ["CREATE TEMPORARY TABLE p (a BLOB, c INT, d INT INVISIBLE)"],
    ]) {
      const table = before[0]?.split(" ")[3] ?? "";
      const answers: unknown[] = [];
      for (const port of [twins.cluster.port, twins.plain.port]) {
        const sql = `LOAD DATA LOCAL INFILE 'some.file' INTO TABLE ${table} FIELDS TERMINATED BY ','`;
        answers.push(await load(port, "u", sql, Buffer.from("x,1,2\ny,3,4\n"), 1_000, before));
      }
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]).toMatchObject({ affectedRows: 2 });
      expect(await gateway.rows("SELECT * FROM u.p")).toEqual([]);
    }
  });

  test("rows go to their shards, whatever the format", async () => {
    await same("s.x", "", "1\tone\n2\t\\N\n3\tdrei\\nvier\n");
    await same(
      "s.x",
      "FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n'",
      '4,"a,b"\r\n5,NULL\r\n6,"NULL"\r\n',
    );
    await same("s.x", "FIELDS TERMINATED BY ';' IGNORE 2 LINES (v, k)", "v;k\nx;y\nseven;7\neight;8\n", 3);
    await same("s.x", "(k, @v) SET v = CONCAT('<', @v, '>')", "9\tneun\n10\tit's\\\\\n");
    await same("s.x", "(k, @v) SET v = @v", "11\televen\n12\t\\N\n");
    await same("u.p", "(id, @n, @n2) SET name = (@n), note = @N2", "1\tone\teins\n2\ttwo\n");
    await same("s.c", "(id, name, @n) SET n = @n * 2, email = CONCAT(@n, '@x')", "1\tA\t1\n2\tB\t2\n-5\tC\t3\n");
  });

  test("warnings are in the order of the lines", async () => {
    const file = "1\ta\t1.5\n1\tb\t2\n2\tc\n3\td\tx\n4\te\t1.239\tmore\n5\ta\t7\n6\tf\t99999999\n";
    await same("u.p", "(id, name, price)", file);
  });

  test("duplicates are left out or replaced, lines too short or too long are told", async () => {
    await same("s.x", "", "1\tone\n2\ttwo\n");
    await same("s.x", "", "1\tagain\n3\tthree\n");
    await same("s.x", "REPLACE|", "1\tagain\n2\ttwo\n4\tfour\n");
    await same("s.x", "", "5\n6\tsix\tmore\n");
    await same(
      "s.x",
      "FIELDS TERMINATED BY ',' ENCLOSED BY '\"'",
      '7,seven,\n8,eight,,\n9,nine,""\n10,ten,\\N\n11,eleven,',
      2,
    );
  });

  test("values that do not fit are told line by line", async () => {
    await same("s.x", "", "");
    await same("s.x", "IGNORE 5 LINES", "1\ta\n2\tb\n");
    await same("s.c", "", "1\tname\te1\t1\n\tx\te2\t2\n3\ty\te3\tnone\n4\tz\te4\t99999999999\n5\tv\te5\t7x\n");
    await same(
      "s.c",
      "",
      "11\tmuch too long for this column\te11\t\n12\t\\N\te12\t\\N\n\\N\tnull\te13\t1\n14\n15\ta\te15\n",
    );
    await same(
      "s.c",
      "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''",
      '21,"a\\n",e21,1\n22,a"b,e22,2\n23,"x""y",e23,3\n',
    );
    await same(
      "s.c",
      "FIELDS ESCAPED BY '!' LINES STARTING BY '>>'",
      "31\tno\n>>32\t!Nx\te!t32\t!N\njunk >>33\ta\te33\t5\n",
    );
    await same("s.c", "CHARACTER SET latin1 (id, name)", Buffer.from("41\tgr\u00fcn\n42\t\u00e9t\u00e9\n", "latin1"));
    await same(
      "s.c",
      "(id, @a, @b) SET name = IFNULL(@a, 'none'), n = @b + 1, email = CONCAT('e', id)",
      "51\t\\N\t1\n52\tx\t2\n53\ty\n",
    );
    await same("s.c", "(id, @skip, n)", "61\tignored\t6\n62\tignored\t7\n");
    await same("s.c", "LINES TERMINATED BY ''", "71\ta\te71\t1\n72");
    await same(
      "s.c",
      "FIELDS TERMINATED BY '||' LINES TERMINATED BY '\\n--\\n' (id, name)",
      "81||a|b\n--\n82||c\n-\n--\n83",
      2,
    );
    await same("s.m", "(mid, room, body)", "91\tred\t\\N\n92\t\\N\tx\n93\tblue\n");
    await same("u.p", "", "1\ta\t1.555\tn\n2\tb\tx\tn\n1\tc\t1\tn\n3\ta\t1\tn\n");
    await same("u.p", "REPLACE|(id, name, price)", "1\tz\t1\n2\tz\t2\n");
    const lines = Array.from(
      { length: 5_000 },
      (_, i) => `${i + 1000}\tv${i}\te${i + 1000}\t${i % 1_000 === 999 ? "x" : i}\n`,
    );
    await same("s.c", "", lines.join(""), 50_000);
  });

  test("a large file in many packets, inside and outside of a transaction", async () => {
    const lines: string[] = [];
    for (let i = 1; i <= 20_000; i++) lines.push(`${i}\tvalue ${i % 977}\n`);
    expect(await same("s.x", "", lines.join(""), 60_000)).toMatchObject({ affectedRows: 20_000 });
    await same("u.p", "(name, price)", "a\t1.5\nb\t2.25\n");
  });

  test("of a file that breaks off nothing is left", async () => {
    const raw = await RawClient.login({ target: { host: "127.0.0.1", port: twins.cluster.port }, user: "root" });
    const reader = new PacketReader(1 << 20);
    raw.query("LOAD DATA LOCAL INFILE 'some.file' INTO TABLE s.x");
    expect((await raw.packet(reader))[0]).toBe(HEADER_LOCAL_INFILE);
    const lines = Array.from({ length: 5_000 }, (_, i) => `${i}\tbroken off\n`).join("");
    raw.write(writeFrame(Buffer.from(lines), reader.sequenceId + 1));
    raw.close();
    // Nothing holds the rows, and none is there.
    await must(gateway, "INSERT INTO s.x (k, v) VALUES (1, 'a'), (4999, 'b')");
    expect(await gateway.rows("SELECT * FROM s.x ORDER BY k")).toEqual(["1|a", "4999|b"]);
  });

  test("max_statement_time is about the time that the client takes, too", async () => {
    const raw = await RawClient.login({ target: { host: "127.0.0.1", port: twins.cluster.port }, user: "root" });
    const reader = new PacketReader(1 << 20);
    raw.query("SET max_statement_time = 1");
    expect((await raw.packet(reader))[0]).toBe(HEADER_OK);
    raw.query("LOAD DATA LOCAL INFILE 'some.file' INTO TABLE s.x");
    expect((await raw.packet(reader))[0]).toBe(HEADER_LOCAL_INFILE);
    const { sequenceId } = reader;
    raw.write(writeFrame(Buffer.from("7001\ttoo late\n"), sequenceId + 1));
    await delay(1_500);
    raw.write(writeFrame(Buffer.alloc(0), sequenceId + 2));
    expect(decodeErr(await raw.packet(reader)).errno).toBe(1969);
    raw.close();
    expect(await gateway.rows("SELECT * FROM s.x WHERE k = 7001")).toEqual([]);
  });

  test("what cannot be loaded is refused before the file is asked for", async () => {
    expect(
      await load(twins.cluster.port, "s", "LOAD DATA LOCAL INFILE 'some.file' INTO TABLE nothing", Buffer.alloc(0), 1),
    ).toEqual({ errno: 1146 });
    await expect(gateway.query("LOAD DATA LOCAL INFILE 'some.file' INTO TABLE s.x")).resolves.toMatchObject({
      errno: 4166,
      sqlState: "HY000",
    });
  });
});
