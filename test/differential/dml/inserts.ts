// Random INSERTs and REPLACEs: of rows, with every rule for duplicates, and of what queries give.

import {
  ACCT_WHERE,
  bits,
  decimal,
  email,
  id,
  int,
  ITEM_WHERE,
  KEYED_WHERE,
  LOOSE_WHERE,
  type Make,
  moment,
  name,
  region,
  RICH_WHERE,
  rows,
  spelled,
  TRG_WHERE,
  where,
} from "./values.ts";

const acctRow: Make = (r) =>
  `${id(r)}, ${email(r)}, ${name(r)}, ${int(r)}, ${r.int(50)}.5, ${r.int(9)}.7, '2024-02-0${r.int(9) + 1}', ${r.pick(["'a'", "'c'", "NULL"])}`;
const ACCT_COLUMNS = "(id, email, name, n, amt, f, d, k)";
const itemRow: Make = (r) => `${id(r)}, ${id(r)}, ${r.int(6)}, ${name(r)}`;
const ITEM_COLUMNS = "(id, aid, qty, note)";
const looseRow: Make = (r) => `${id(r)}, ${r.int(4)}, ${r.pick(["'x'", "'X'", "'y'", "'é'", "NULL"])}`;

const richRow: Make = (r) =>
  `${region(r)}, ${r.int(9)}, ${r.pick(["'a'", "'b'", "2", "NULL", "'zz'", "''"])}, ${r.pick(["'x'", "'y,x'", "5", "NULL", "'q'"])}, ${r.pick(["'{}'", "'[1]'", "NULL", "'bad'"])}, ${decimal(r)}, ${moment(r)}, ${r.pick(["1", "b'11'", "5000", "NULL"])}, ${r.int(130)}`;
const RICH_COLUMNS = "(region, id, e, st, j, d4, dt6, b, base)";
const keyedRow: Make = (r) =>
  `${r.int(9)}, '${r.pick(["p", "q", "r"])}', ${r.pick(["'2024-01-01'", "'2024-01-01 00:00:00.0014'", "NOW(3)"])}, ${bits(r)}, ${r.int(3)}.0005, ${r.pick(["'a'", "x'00'", "''", "'A'"])}, ${r.pick(["'k'", "''", "3"])}, ${int(r)}`;

export const INSERTS: readonly Make[] = [
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
  // Keys in other spellings, and columns' defaults.
  (r) => `INSERT INTO log (aid, seq, msg) VALUES (${spelled(r, id(r))}, ${r.int(4)}, 's')`,
  (r) => `INSERT IGNORE INTO item (id, aid, qty) VALUES (${spelled(r, id(r))}, ${spelled(r, id(r))}, '${r.int(4)}')`,
  (r) => `INSERT INTO opt (id, v) VALUES (${r.int(30)}, 'd'), (${r.int(30) + 30}, DEFAULT)`,
  (r) => `INSERT IGNORE INTO opt (region, id, v) VALUES (DEFAULT, ${r.int(30)}, 'e'), (${id(r)}, ${r.int(3)}, 'f')`,
  (r) => `REPLACE INTO opt VALUES (${id(r)}, ${r.int(9)}, NULL)`,
  (r) => `INSERT INTO loose (aid, v, s) VALUES ${rows(r, looseRow)}`,
  (r) => `INSERT INTO loose SET aid = ${id(r)}, v = ${r.int(4)}, s = 'x'`,
  // Ids that are made.
  (r) => `INSERT INTO num (v) VALUES ('${r.int(9)}')`,
  (r) => `INSERT INTO num (v) VALUES ('a${r.int(9)}'), ('b'), ('c')`,
  (r) => `INSERT INTO num (id, v) VALUES (NULL, 'x${r.int(9)}'), (0, 'y')`,
  (r) => `INSERT INTO num (id, v) VALUES (${-id(r)}, 'given')`,
  () => `INSERT INTO num () VALUES ()`,
  (r) => `INSERT INTO nref (label) VALUES ('l${r.int(40)}'), ('m${r.int(400)}')`,
  (r) => `INSERT INTO nref (label) VALUES ('l${r.int(40)}')`,
  // RETURNING.
  (r) => `INSERT INTO acct ${ACCT_COLUMNS} VALUES ${rows(r, acctRow)} RETURNING id, email, ver`,
  (r) => `INSERT IGNORE INTO item ${ITEM_COLUMNS} VALUES ${rows(r, itemRow)} RETURNING id, CONCAT(note, '!')`,
  (r) => `REPLACE INTO log (aid, seq, msg) VALUES (${id(r)}, 1, 'r'), (${id(r)}, 2, 'r3') RETURNING aid, msg`,
  (r) => `INSERT INTO num (v) VALUES ('r${r.int(9)}'), ('q') RETURNING v, id > 0`,
  // Rows that move by ON DUPLICATE KEY UPDATE.
  (r) => `INSERT INTO log (aid, seq, msg) VALUES (${id(r)}, 1, 'k') ON DUPLICATE KEY UPDATE aid = aid + 100, seq = 7`,
  (r) =>
    `INSERT INTO item ${ITEM_COLUMNS} VALUES (${itemRow(r)}) ON DUPLICATE KEY UPDATE aid = VALUES(aid), qty = qty + 1`,
  (r) =>
    `INSERT INTO acct ${ACCT_COLUMNS} VALUES (${acctRow(r)}) ON DUPLICATE KEY UPDATE id = acct.id + ${3000 + r.int(1000)}`,
  (r) =>
    `INSERT INTO opt (id, v) VALUES (${r.int(30)}, 'd') ON DUPLICATE KEY UPDATE region = ${50 + id(r)}, v = 'moved'`,
  (r) =>
    `INSERT INTO tag (name, w) VALUES ('n${r.int(7)}', 1) ON DUPLICATE KEY UPDATE w = (SELECT COUNT(*) FROM item), name = tag.name`,
  // Columns of all kinds.
  (r) => `INSERT INTO rich ${RICH_COLUMNS} VALUES ${rows(r, richRow)}`,
  (r) => `INSERT IGNORE INTO rich ${RICH_COLUMNS} VALUES ${rows(r, richRow)}`,
  (r) => `REPLACE INTO rich ${RICH_COLUMNS} VALUES ${rows(r, richRow)}`,
  (r) =>
    `INSERT INTO rich ${RICH_COLUMNS} VALUES ${rows(r, richRow)} ON DUPLICATE KEY UPDATE base = VALUES(base), e = VALUES(e), made = 'dup'`,
  (r) =>
    `INSERT INTO rich (region, id, base) VALUES (${region(r)}, ${r.int(9)}, ${r.int(40)}) ON DUPLICATE KEY UPDATE region = VALUES(region), d4 = twice + 1`,
  (r) =>
    `INSERT INTO rich (region, id, base, twice) VALUES (${region(r)}, ${r.int(9)}, 1, ${r.pick(["DEFAULT", "2", "NULL"])})`,
  (r) =>
    `INSERT INTO rich (region, id, base) VALUES (${region(r)}, ${r.int(9)}, 3), ('s', ${r.int(99)}, 4) RETURNING HEX(region), twice, shown, made, at6`,
  (r) => `INSERT INTO keyed VALUES ${rows(r, keyedRow)}`,
  (r) => `INSERT INTO keyed VALUES ${rows(r, keyedRow)} ON DUPLICATE KEY UPDATE v = IFNULL(keyed.v, 0) + 100`,
  (r) => `REPLACE INTO keyed VALUES ${rows(r, keyedRow)} RETURNING aid, HEX(b), v`,
  (r) => `INSERT INTO trg (id, v, x) VALUES (${id(r)}, ${int(r)}, 'i'), (${id(r)}, 3, 'k')`,
  (r) =>
    `INSERT INTO trg (id, v) VALUES (${r.int(9)}, ${int(r)}), (${r.int(9)}, 1) ON DUPLICATE KEY UPDATE v = VALUES(v) + trg.w`,
  (r) => `REPLACE INTO trg (id, v) VALUES (${r.int(9)}, ${int(r)}), (${r.int(9)}, 1)`,
  (r) => `INSERT INTO par (id, v) VALUES (${r.int(12)}, ${int(r)})`,
  (r) => `INSERT INTO kid (pid, id, v) VALUES (${r.int(12)}, ${r.int(4)}, 1), (${r.int(12)}, ${r.int(4)}, 2)`,
  (r) => `INSERT IGNORE INTO kid (pid, id, v) VALUES (${r.int(12)}, ${r.int(4)}, 1), (${r.int(12)}, ${r.int(4)}, 2)`,
  (r) => `REPLACE INTO par (id, v) VALUES (${r.int(12)}, ${int(r)})`,
  (r) =>
    `INSERT INTO kid (pid, id, v) VALUES (${r.int(12)}, 1, 1), (${r.int(12)}, 2, 2) ON DUPLICATE KEY UPDATE v = kid.v + 1, id = kid.id + 10`,
  (r) =>
    `INSERT IGNORE INTO item (id, aid, qty) VALUES (${id(r)}, ${id(r)}, 'x'), (${id(r)}, ${id(r)}, '3y'), (${id(r)}, NULL, 1)`,
  (r) =>
    `INSERT IGNORE INTO tag (name, w) VALUES ('a name that is longer than this', '5z'), ('n${r.int(7)}', 99999999999)`,
  // Through views.
  (r) => `INSERT INTO vacct (id, label, n) VALUES (${id(r)}, ${name(r)}, ${int(r)}), (${id(r)}, ${name(r)}, 30)`,
  (r) =>
    `INSERT INTO vacct VALUES (${id(r)}, ${name(r)}, 1) ON DUPLICATE KEY UPDATE n = vacct.n + VALUES(n), label = 'n1'`,
  (r) => `REPLACE INTO vacct (id, n) VALUES (${id(r)}, ${int(r)})`,
  (r) => `INSERT INTO vopt (id, v) VALUES (${r.int(60)}, 'v'), (${r.pick([60, 1999, 2000])}, DEFAULT)`,
  (r) =>
    `INSERT IGNORE INTO vopt VALUES (${id(r)}, ${r.pick([70, 3000])}, 'i'), (${id(r)}, ${r.pick([71, 3001])}, 'j')`,
  (r) =>
    `INSERT INTO vopt (r, id) VALUES (${id(r)}, ${r.int(9)}) ON DUPLICATE KEY UPDATE id = vopt.id + ${r.pick([9, 1999])}`,
  (r) =>
    `REPLACE INTO vopt (r, id, v) SELECT id, n + ${r.pick([0, 0, 1990])}, label FROM vacct WHERE n > ${r.int(9)} ORDER BY id`,
  // Errors.
  (r) => `INSERT INTO acct (id, n) VALUES (${id(r)}, 'no number')`,
  (r) => `INSERT INTO item (id, aid) VALUES (${id(r)}, NULL)`,
  (r) => `INSERT INTO item (id, aid, nope) VALUES (${id(r)}, 1, 2)`,
  (r) => `INSERT INTO item (id, aid) VALUES (${id(r)}, 1, 2)`,
  (r) => `INSERT IGNORE INTO acct (id, n, k) VALUES (${id(r)}, 'no number', 'b')`,
  (r) => `INSERT INTO log (aid, seq, msg) VALUES (${id(r)}, 3, REPEAT('x', ${r.int(80)}))`,
];

export const INSERT_SELECTS: readonly Make[] = [
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
  (r) =>
    `INSERT INTO loose (aid, v, s) SELECT id, n, name FROM acct WHERE id < ${id(r)} UNION ALL SELECT aid, qty, note FROM item WHERE ${where(r, ITEM_WHERE)}`,
  (r) =>
    `INSERT INTO log (aid, seq, msg) SELECT aid, 500 + ${r.int(100)}, CONCAT(MAX(v), ':', COUNT(*)) FROM loose GROUP BY aid`,
  (r) =>
    `INSERT INTO loose (aid, v) WITH w AS (SELECT aid, SUM(qty) AS q FROM item GROUP BY aid) SELECT aid, q FROM w WHERE q > ${r.int(6)}`,
  (r) => `INSERT INTO loose SELECT aid, qty, note FROM item WHERE ${where(r, ITEM_WHERE)} RETURNING aid, v`,
  (r) =>
    `INSERT INTO item (id, aid, qty) SELECT id, aid, qty FROM item i2 WHERE i2.qty = ${r.int(5)} ORDER BY i2.id ON DUPLICATE KEY UPDATE qty = item.qty + 1`,
  (r) => `INSERT IGNORE INTO tag (name, w) SELECT DISTINCT note, 0 FROM item WHERE ${where(r, ITEM_WHERE)}`,
  (r) =>
    `REPLACE INTO opt (region, id, v) SELECT aid, MIN(v), MAX(s) FROM loose WHERE ${where(r, LOOSE_WHERE)} GROUP BY aid`,
  (r) =>
    `INSERT INTO rich (region, id, base) SELECT 'w', 100 + id, n FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) =>
    `INSERT IGNORE INTO rich ${RICH_COLUMNS} SELECT IFNULL(e, 'n'), id + ${r.int(9)}, NULLIF(e, ''), st, j, d4, dt6, b, base + 50 FROM rich WHERE ${where(r, RICH_WHERE)} ORDER BY region, id`,
  (r) =>
    `REPLACE INTO rich (region, id, d4, dt6, b) SELECT vb, v, d, dt, b FROM keyed WHERE v IS NOT NULL AND ${where(r, KEYED_WHERE)} ORDER BY aid, e`,
  (r) =>
    `INSERT IGNORE INTO keyed SELECT aid + 1, e, dt, b, d, vb, s, v FROM keyed WHERE ${where(r, KEYED_WHERE)} ORDER BY aid, e, dt`,
  (r) =>
    `INSERT INTO trg (id, v, x) SELECT pid, SUM(v), 'sum' FROM kid GROUP BY pid ON DUPLICATE KEY UPDATE v = IFNULL(trg.v, 0) + ${r.int(9) + 1}, x = 'dup'`,
  (r) => `INSERT IGNORE INTO kid (pid, id, v) SELECT id, 7, v FROM trg WHERE ${where(r, TRG_WHERE)} ORDER BY id`,
  (r) => `INSERT INTO opt (id, v) SELECT 1000 + id + ${100 * r.int(9)}, label FROM ref ORDER BY id`,
];
