// Random writes whose outcome does not depend on the order in which MariaDB comes upon rows: what has a LIMIT has an ORDER BY
// of unique columns, what is assigned from a joined table comes from one row of it, and values made unique stay unique on
// the way.

import type { Random } from "../../fuzz/random.ts";

type Make = (random: Random) => string;

const ID_MAX = 40;

function id(random: Random): number {
  return random.int(ID_MAX) + 1;
}

function ids(random: Random): string {
  return Array.from({ length: random.int(4) + 1 }, () => id(random)).join(", ");
}

function name(random: Random): string {
  return random.chance(0.15) ? "NULL" : `'n${random.int(7)}'`;
}

function email(random: Random): string {
  return random.chance(0.15) ? "NULL" : `'e${id(random)}@x'`;
}

function int(random: Random): string {
  return random.chance(0.1) ? "NULL" : String(random.int(20) - 4);
}

function rows(random: Random, make: Make): string {
  return Array.from({ length: random.chance(0.5) ? 1 : random.int(3) + 2 }, () => `(${make(random)})`).join(", ");
}

const ACCT_WHERE: readonly Make[] = [
  (r) => `id = ${id(r)}`,
  (r) => `id IN (${ids(r)})`,
  (r) => `email = 'e${id(r)}@x'`,
  (r) => `email IN ('e${id(r)}@x', 'E${id(r)}@X')`,
  (r) => `name = 'n${r.int(7)}'`,
  (r) => `n > ${r.int(8)}`,
  () => `n IS NULL`,
  (r) => `amt BETWEEN ${r.int(10)} AND ${10 + r.int(20)}`,
  (r) => `id % 3 = ${r.int(3)}`,
  (r) => `k = '${r.pick(["a", "b", "c"])}' AND id < ${id(r)}`,
  (r) => `id IN (SELECT aid FROM item WHERE qty = ${r.int(5)})`,
  (r) => `EXISTS (SELECT 1 FROM item WHERE item.aid = acct.id AND qty > ${r.int(4)})`,
  () => `name IN (SELECT label FROM ref)`,
  (r) => `name IN (SELECT s FROM du.box WHERE v > ${r.int(12)})`,
  () => `n < (SELECT AVG(qty) FROM item)`,
  () => `id NOT IN (SELECT aid FROM item)`,
];

const ITEM_WHERE: readonly Make[] = [
  (r) => `id = ${id(r)}`,
  (r) => `id IN (${ids(r)})`,
  (r) => `aid = ${id(r)}`,
  (r) => `aid IN (${ids(r)}) AND qty > ${r.int(3)}`,
  (r) => `note = 'n${r.int(7)}'`,
  (r) => `qty = ${r.int(5)}`,
  () => `note IS NULL`,
  (r) => `aid IN (SELECT id FROM acct WHERE n > ${r.int(6)})`,
  () => `note IN (SELECT name FROM tag)`,
  () => `qty > (SELECT MIN(w) FROM tag)`,
];

const where = (random: Random, list: readonly Make[]): string => random.pick(list)(random);

const acctRow: Make = (r) =>
  `${id(r)}, ${email(r)}, ${name(r)}, ${int(r)}, ${r.int(50)}.5, ${r.int(9)}.7, '2024-02-0${r.int(9) + 1}', ${r.pick(["'a'", "'c'", "NULL"])}`;
const ACCT_COLUMNS = "(id, email, name, n, amt, f, d, k)";
const itemRow: Make = (r) => `${id(r)}, ${id(r)}, ${r.int(6)}, ${name(r)}`;
const ITEM_COLUMNS = "(id, aid, qty, note)";

const INSERTS: readonly Make[] = [
  (r) => `INSERT INTO acct ${ACCT_COLUMNS} VALUES ${rows(r, acctRow)}`,
  (r) => `INSERT INTO acct ${ACCT_COLUMNS} VALUES (${acctRow(r)})`,
  (r) => `INSERT INTO acct SET id = ${id(r)}, name = ${name(r)}, n = ${int(r)} + 1`,
  (r) => `INSERT INTO acct (id, email) VALUES (${id(r)} + 1, CONCAT('e', ${id(r)}, '@x'))`,
  (r) => `INSERT INTO item ${ITEM_COLUMNS} VALUES ${rows(r, itemRow)}`,
  (r) => `INSERT INTO item ${ITEM_COLUMNS} VALUES (${itemRow(r)})`,
  (r) => `INSERT INTO item (id, aid, qty) VALUES (${id(r)}, (SELECT MAX(id) FROM acct), (SELECT COUNT(*) FROM tag))`,
  (r) => `INSERT IGNORE INTO acct ${ACCT_COLUMNS} VALUES ${rows(r, acctRow)}`,
  (r) => `INSERT IGNORE INTO item ${ITEM_COLUMNS} VALUES ${rows(r, itemRow)}`,
  (r) =>
    `INSERT INTO acct ${ACCT_COLUMNS} VALUES ${rows(r, acctRow)} ON DUPLICATE KEY UPDATE n = IFNULL(n, 0) + 1, ver = ver + 1`,
  (r) =>
    `INSERT INTO acct ${ACCT_COLUMNS} VALUES (${acctRow(r)}) ON DUPLICATE KEY UPDATE name = VALUES(name), amt = VALUES(amt)`,
  (r) =>
    `INSERT INTO acct ${ACCT_COLUMNS} VALUES (${acctRow(r)}) ON DUPLICATE KEY UPDATE email = CONCAT('o', acct.id, '@y')`,
  (r) =>
    `INSERT INTO item ${ITEM_COLUMNS} VALUES (${itemRow(r)}) ON DUPLICATE KEY UPDATE qty = qty + VALUES(qty), note = VALUES(note)`,
  (r) => `REPLACE INTO acct ${ACCT_COLUMNS} VALUES ${rows(r, acctRow)}`,
  (r) => `REPLACE INTO item ${ITEM_COLUMNS} VALUES (${itemRow(r)})`,
  (r) => `INSERT INTO log (aid, seq, msg) VALUES (${id(r)}, ${r.int(4)}, 'm'), (${id(r)}, ${r.int(4) + 4}, NULL)`,
  (r) =>
    `INSERT INTO log (aid, seq, msg) VALUES (${id(r)}, 1, 'q') ON DUPLICATE KEY UPDATE msg = CONCAT(IFNULL(msg, ''), 'x'), aid = VALUES(aid)`,
  (r) => `REPLACE INTO log (aid, seq, msg) VALUES (${id(r)}, 1, 'r'), (${id(r)}, 2, 'r2')`,
  (r) =>
    `INSERT IGNORE INTO tag (name, w) VALUES (${r.pick(["'red'", "'pink'", "'n3'", "'Red'"])}, ${r.int(9)}), ('n${r.int(7)}', 1)`,
  (r) => `REPLACE INTO tag (name, w) VALUES ('n${r.int(7)}', ${r.int(9)})`,
  (r) => `INSERT INTO ref (id, label) VALUES (${r.int(9) + 1}, ${name(r)})`,
  (r) => `REPLACE INTO ref (id, label) VALUES (${r.int(9) + 1}, ${name(r)}), (${r.int(9) + 10}, 'x')`,
  (r) => `INSERT INTO du.box (id, v, s) VALUES (${r.int(12) + 1}, ${int(r)}, ${name(r)})`,
];

const INSERT_SELECTS: readonly Make[] = [
  (r) =>
    `INSERT INTO item (id, aid, qty, note) SELECT id + ${100 * (r.int(5) + 1)}, id, n, name FROM acct WHERE ${where(r, ACCT_WHERE)}`,
  (r) =>
    `INSERT IGNORE INTO log (aid, seq, msg) SELECT aid, id, note FROM item WHERE ${where(r, ITEM_WHERE)} ORDER BY id`,
  (r) => `REPLACE INTO log (aid, seq, msg) SELECT id, 9, email FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) =>
    `INSERT IGNORE INTO acct (id, name, f, d, dt, k, t) SELECT id + ${r.int(20)}, name, f, d, dt, k, t FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) =>
    `INSERT INTO acct (id, email, name) SELECT id + 1000, CONCAT('z', id, '@', ${r.int(50)}), s FROM du.box ORDER BY id`,
  (r) =>
    `INSERT IGNORE INTO du.box (id, v, s) SELECT id, qty, note FROM item WHERE ${where(r, ITEM_WHERE)} ORDER BY id`,
  () =>
    `INSERT INTO tag (name, w) SELECT note, COUNT(*) FROM item WHERE note IS NOT NULL GROUP BY note ON DUPLICATE KEY UPDATE w = w + 1`,
  (r) => `INSERT INTO ref (id, label) SELECT id + 20, label FROM ref WHERE id = ${r.int(6)}`,
  (r) =>
    `INSERT INTO log (aid, seq, msg) SELECT a.id, i.id + ${100 * (r.int(9) + 1)}, i.note FROM acct a JOIN item i ON i.aid = a.id WHERE a.n > ${r.int(6)}`,
];

const UPDATES: readonly Make[] = [
  (r) => `UPDATE acct SET n = ${int(r)} WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET n = n + 1, amt = amt * 2, ver = ver + n WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET name = ${name(r)} WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET email = CONCAT('u', id, '@', ${r.int(99)}) WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET email = ${email(r)} WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET email = NULL WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET t = CONCAT(t, 'ü'), f = f / 3 WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET id = ${id(r) + 200} WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET id = id + ${1000 * (r.int(50) + 1)} WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET id = id % 1000 WHERE id = ${1000 * (r.int(3) + 1) + id(r)}`,
  (r) => `UPDATE acct SET k = 'b', n = DEFAULT WHERE ${where(r, ACCT_WHERE)} ORDER BY id LIMIT ${r.int(5)}`,
  (r) => `UPDATE acct SET ver = ver + 1 ORDER BY n DESC, id LIMIT ${r.int(6) + 1}`,
  (r) => `UPDATE acct SET n = (SELECT COUNT(*) FROM item WHERE item.aid = acct.id) WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET name = (SELECT MAX(s) FROM du.box), n = (SELECT SUM(w) FROM tag) WHERE id < ${id(r)}`,
  (r) => `UPDATE item SET aid = ${id(r)} WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET aid = aid + 1, qty = qty + 1 WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET note = ${name(r)} WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET id = id + ${1000 * (r.int(50) + 1)} WHERE ${where(r, ITEM_WHERE)}`,
  (r) =>
    `UPDATE item JOIN acct ON acct.id = item.aid SET item.note = acct.name, item.qty = item.qty + 1 WHERE acct.n > ${r.int(5)}`,
  (r) =>
    `UPDATE item JOIN acct ON acct.id = item.aid SET acct.ver = acct.ver + 1, item.qty = 0 WHERE item.qty = ${r.int(5)}`,
  (r) => `UPDATE item LEFT JOIN tag ON tag.name = item.note SET item.qty = tag.w WHERE item.id < ${id(r)}`,
  (r) => `UPDATE tag JOIN ref ON ref.label = tag.name SET tag.w = ref.id WHERE ref.id < ${r.int(6)}`,
  () => `UPDATE acct, du.box SET acct.n = du.box.v WHERE acct.id = du.box.id`,
  () => `UPDATE du.box JOIN acct ON acct.id = du.box.id SET du.box.v = acct.n, du.box.s = acct.name`,
  (r) => `UPDATE log SET aid = aid + ${r.int(9) + 1}, seq = seq + 1000 WHERE aid = ${id(r)}`,
  (r) => `UPDATE log SET msg = CONCAT(aid, ':', seq) WHERE seq > ${r.int(9)} ORDER BY aid, seq LIMIT 3`,
  (r) => `UPDATE tag SET w = w + 1 WHERE name = '${r.pick(["red", "RED", "n1", "nope"])}'`,
  (r) => `UPDATE tag SET name = CONCAT(name, '${r.int(1000)}') WHERE w = ${r.int(6)}`,
  (r) => `UPDATE ref SET label = ${name(r)} WHERE id > ${r.int(8)}`,
  (r) => `UPDATE IGNORE acct SET n = n + 1 WHERE ${where(r, ACCT_WHERE)}`,
];

const DELETES: readonly Make[] = [
  (r) => `DELETE FROM acct WHERE ${where(r, ACCT_WHERE)} AND id > ${id(r)}`,
  (r) => `DELETE FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id DESC LIMIT ${r.int(3)}`,
  (r) => `DELETE FROM acct WHERE id = ${id(r)}`,
  (r) => `DELETE FROM item WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `DELETE FROM item ORDER BY qty, id LIMIT ${r.int(4)}`,
  (r) => `DELETE item FROM item JOIN acct ON acct.id = item.aid WHERE acct.n = ${r.int(9)}`,
  (r) => `DELETE FROM i, l USING item i JOIN log l ON l.aid = i.aid WHERE i.qty = ${r.int(5)}`,
  (r) => `DELETE acct, item FROM acct LEFT JOIN item ON item.note = acct.name WHERE acct.id = ${id(r)}`,
  (r) =>
    `DELETE item FROM item LEFT JOIN acct ON acct.id = item.aid WHERE acct.id IS NULL AND item.id % 2 = ${r.int(2)}`,
  () => `DELETE log FROM log, du.box WHERE log.seq = du.box.v`,
  (r) => `DELETE FROM log WHERE seq > ${r.int(200)}`,
  (r) => `DELETE FROM tag WHERE w > ${r.int(9)}`,
  () => `DELETE FROM tag WHERE name NOT IN (SELECT IFNULL(note, '') FROM item) AND w > 3`,
  (r) => `DELETE FROM ref WHERE id > ${r.int(6) + 4}`,
  (r) => `DELETE FROM du.box WHERE id IN (SELECT id FROM acct WHERE n > ${r.int(9)}) AND id > 2`,
  () => `DELETE FROM acct WHERE id > 900`,
  () => `DELETE FROM item WHERE id > 900`,
];

const SELECTS: readonly Make[] = [
  (r) => `SELECT id, email, name, n FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) => `SELECT * FROM item WHERE ${where(r, ITEM_WHERE)} ORDER BY id`,
  (r) =>
    `SELECT a.id, i.id, i.note FROM acct a JOIN item i ON i.aid = a.id WHERE a.name = 'n${r.int(7)}' ORDER BY a.id, i.id`,
];

/** The statement of one step. */
export function dmlStatement(random: Random): string {
  const kind = random.int(100);
  if (kind < 30) return random.pick(INSERTS)(random);
  if (kind < 40) return random.pick(INSERT_SELECTS)(random);
  if (kind < 70) return random.pick(UPDATES)(random);
  if (kind < 83) return random.pick(DELETES)(random);
  return random.pick(SELECTS)(random);
}

/** Some steps open, close or undo a transaction first. */
export function transactionStatement(random: Random): string | undefined {
  const kind = random.int(100);
  if (kind < 6) return "BEGIN";
  if (kind < 9) return "COMMIT";
  return kind < 12 ? "ROLLBACK" : undefined;
}
