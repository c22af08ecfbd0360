// LOAD DATA LOCAL INFILE beside one MariaDB: the same file, the same table afterwards, the same answer.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HEADER_ERR, HEADER_LOCAL_INFILE } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeLocalInfile } from "../../src/mysql/packets/local-infile.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { RawClient } from "../wire/raw-client.ts";
import { must, startTwins, TwinClient, type Twins } from "./twin.ts";

async function load(port: number, keyspace: string, sql: string, file: Buffer, pieceBytes: number): Promise<unknown> {
  const raw = await RawClient.login({ target: { host: "127.0.0.1", port }, user: "root" });
  const reader = new PacketReader(1 << 20);
  try {
    raw.query(`USE ${keyspace}`);
    await raw.packet(reader);
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
    return { affectedRows, info };
  } finally {
    raw.close();
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
      for (const table of ["s.x", "s.c", "u.p"]) await must(client, `DELETE FROM ${table}`);
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
    expect(got, sql).toEqual(await load(twins.plain.port, keyspace, sql, bytes, pieceBytes));
    const [rows, wanted] = await Promise.all(
      [gateway, direct].map((client) => client.rows(`SELECT * FROM ${table} ORDER BY 1`)),
    );
    expect(rows, sql).toEqual(wanted);
    return got;
  }

  test("rows go to their shards, whatever the format", async () => {
    await same("s.x", "", "1\tone\n2\t\\N\n3\tdrei\\nvier\n");
    await same(
      "s.x",
      "FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n'",
      '4,"a,b"\r\n5,NULL\r\n6,"NULL"\r\n',
    );
    await same("s.x", "FIELDS TERMINATED BY ';' IGNORE 2 LINES (v, k)", "v;k\nx;y\nseven;7\neight;8\n", 3);
    await same("s.x", "(k, @v) SET v = CONCAT('<', @v, '>')", "9\tneun\n10\tit's\\\\\n");
    await same("s.c", "(id, name, @n) SET n = @n * 2, email = CONCAT(@n, '@x')", "1\tA\t1\n2\tB\t2\n-5\tC\t3\n");
  });

  test("duplicates are left out or replaced, lines too short or too long are told", async () => {
    await same("s.x", "", "1\tone\n2\ttwo\n");
    await same("s.x", "", "1\tagain\n3\tthree\n");
    await same("s.x", "REPLACE|", "1\tagain\n2\ttwo\n4\tfour\n");
    await same("s.x", "", "5\n6\tsix\tmore\n");
  });

  test("a large file in many packets, inside and outside of a transaction", async () => {
    const lines: string[] = [];
    for (let i = 1; i <= 20_000; i++) lines.push(`${i}\tvalue ${i % 977}\n`);
    expect(await same("s.x", "", lines.join(""), 60_000)).toMatchObject({ affectedRows: 20_000 });
    await same("u.p", "(name, price)", "a\t1.5\nb\t2.25\n");
  });

  test("what cannot be loaded is refused before the file is asked for", async () => {
    expect(
      await load(twins.cluster.port, "s", "LOAD DATA LOCAL INFILE 'some.file' INTO TABLE nothing", Buffer.alloc(0), 1),
    ).toEqual({ errno: 1146 });
    await expect(gateway.query("LOAD DATA LOCAL INFILE 'some.file' INTO TABLE s.x")).resolves.toMatchObject({
      errno: 1148,
    });
  });
});
