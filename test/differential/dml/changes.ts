// Random UPDATEs and DELETEs: of one table and several, with joins, inner queries and limits, of rows that move.

import { ACCT_WHERE, email, id, int, ITEM_WHERE, LOOSE_WHERE, type Make, name, where } from "./values.ts";

export const UPDATES: readonly Make[] = [
  (r) => `UPDATE acct SET n = ${int(r)} WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET n = n + 1, amt = amt * 2, ver = ver + n WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET name = ${name(r)} WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET email = CONCAT('u', id, '@', ${r.int(99)}) WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET email = ${email(r)} WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET email = NULL WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET t = CONCAT(t, 'ü'), f = f / 3 WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET id = ${id(r) + 200} WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET id = id + ${1000 * (r.int(50) + 1)} WHERE (${where(r, ACCT_WHERE)}) AND id < 1000`,
  (r) => `UPDATE acct SET id = id % 1000 WHERE id = ${1000 * (r.int(3) + 1) + id(r)}`,
  (r) => `UPDATE acct SET k = 'b', n = DEFAULT WHERE ${where(r, ACCT_WHERE)} ORDER BY id LIMIT ${r.int(5)}`,
  (r) => `UPDATE acct SET ver = ver + 1 ORDER BY n DESC, id LIMIT ${r.int(6) + 1}`,
  (r) => `UPDATE acct SET n = (SELECT COUNT(*) FROM item WHERE item.aid = acct.id) WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET name = (SELECT MAX(s) FROM du.box), n = (SELECT SUM(w) FROM tag) WHERE id < ${id(r)}`,
  (r) => `UPDATE item SET aid = ${id(r)} WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET aid = aid + 1, qty = qty + 1 WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET note = ${name(r)} WHERE ${where(r, ITEM_WHERE)}`,
  (r) => `UPDATE item SET id = id + ${1000 * (r.int(50) + 1)} WHERE (${where(r, ITEM_WHERE)}) AND id < 1000`,
  (r) =>
    `UPDATE item JOIN acct ON acct.id = item.aid SET item.note = acct.name, item.qty = item.qty + 1 WHERE acct.n > ${r.int(5)}`,
  (r) =>
    `UPDATE item JOIN acct ON acct.id = item.aid SET acct.ver = acct.ver + 1, item.qty = 0 WHERE item.qty = ${r.int(5)}`,
  (r) => `UPDATE item LEFT JOIN tag ON tag.name = item.note SET item.qty = tag.w WHERE item.id < ${id(r)}`,
  (r) => `UPDATE tag JOIN ref ON ref.label = tag.name SET tag.w = ref.id WHERE ref.id < ${r.int(6)}`,
  () => `UPDATE acct, du.box SET acct.n = du.box.v WHERE acct.id = du.box.id`,
  () => `UPDATE du.box JOIN acct ON acct.id = du.box.id SET du.box.v = acct.n, du.box.s = acct.name`,
  (r) => `UPDATE log SET aid = aid + ${r.int(9) + 1}, seq = seq + 1000 WHERE aid = ${id(r)} AND seq < 1000`,
  (r) => `UPDATE log SET msg = CONCAT(aid, ':', seq) WHERE seq > ${r.int(9)} ORDER BY aid, seq LIMIT 3`,
  (r) => `UPDATE tag SET w = w + 1 WHERE name = '${r.pick(["red", "RED", "n1", "nope"])}'`,
  (r) => `UPDATE tag SET name = CONCAT(name, '${r.int(1000)}') WHERE w = ${r.int(6)} AND LENGTH(name) < 15`,
  (r) => `UPDATE ref SET label = ${name(r)} WHERE id > ${r.int(8)}`,
  (r) => `UPDATE IGNORE acct SET n = n + 1 WHERE ${where(r, ACCT_WHERE)}`,
  // Rows that move past others.
  (r) => `UPDATE IGNORE acct SET id = ${id(r)} WHERE id = ${id(r)}`,
  (r) =>
    `UPDATE IGNORE item SET id = id + ${r.int(3) + 1}, aid = aid + 1 WHERE ${where(r, ITEM_WHERE)} ORDER BY id DESC`,
  (r) => `UPDATE IGNORE acct SET email = ${email(r)} WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) => `UPDATE IGNORE log SET aid = ${id(r)} WHERE seq = ${r.int(3)} ORDER BY aid, seq`,
  (r) => `UPDATE item SET id = id + 1 WHERE id > ${id(r)} ORDER BY id DESC`,
  (r) => `UPDATE acct SET id = ${id(r)} WHERE id = ${id(r)}`,
  (r) => `UPDATE opt SET region = region + 1000, v = 'm' WHERE region = ${id(r)}`,
  (r) => `UPDATE opt SET v = DEFAULT(v), id = id + 5000 WHERE id = ${r.int(9)} AND region < ${id(r)}`,
  // Without a key.
  (r) => `UPDATE loose SET v = v + 1 WHERE ${where(r, LOOSE_WHERE)}`,
  (r) =>
    `UPDATE loose SET s = 'z', v = NULL WHERE ${where(r, LOOSE_WHERE)} ORDER BY aid, v, BINARY s LIMIT ${r.int(4)}`,
  (r) => `UPDATE loose SET v = (SELECT MAX(qty) FROM item) WHERE aid > ${id(r)}`,
  // Ids.
  (r) => `UPDATE acct SET n = LAST_INSERT_ID(IFNULL(ABS(n), 0) + 1) WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET n = LAST_INSERT_ID(${r.int(90)}) WHERE ${where(r, ACCT_WHERE)}`,
  (r) => `UPDATE acct SET ver = LAST_INSERT_ID(ver + id) WHERE n > ${r.int(5)} ORDER BY id LIMIT ${r.int(5) + 1}`,
  (r) => `UPDATE num SET v = CONCAT(v, '+') WHERE id = LAST_INSERT_ID() OR v = 'b${r.int(3)}'`,
  // Several tables, also the same one twice.
  (r) => `UPDATE acct a JOIN acct b ON b.id = a.id + 1 SET a.n = b.n WHERE a.id < ${id(r)}`,
  (r) =>
    `UPDATE item i JOIN (SELECT aid, COUNT(*) AS c FROM log GROUP BY aid) x ON x.aid = i.aid SET i.qty = x.c WHERE i.id > ${r.int(9)}`,
  (r) =>
    `UPDATE acct a, item i, tag t SET a.ver = a.ver + 1, t.w = t.w + 1 WHERE i.aid = a.id AND t.name = i.note AND i.id = ${id(r)}`,
  (r) => `UPDATE opt o JOIN acct a ON a.id = o.region SET o.v = a.name, a.t = o.v WHERE a.n > ${r.int(6)}`,
  (r) =>
    `UPDATE nref n JOIN ref ON ref.id = n.id SET n.label = CONCAT(n.label, 'u') WHERE ref.id < ${r.int(6)} AND LENGTH(n.label) < 12`,
  // Errors.
  (r) => `UPDATE acct SET email = 'e1@x' WHERE id IN (${id(r)}, ${id(r)}, 2)`,
  (r) => `UPDATE acct SET nope = 1 WHERE id = ${id(r)}`,
  (r) => `UPDATE item SET aid = NULL WHERE id = ${id(r)}`,
  (r) => `UPDATE acct SET n = 'x${r.int(3)}' WHERE id < ${id(r)}`,
];

export const DELETES: readonly Make[] = [
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
  (r) => `DELETE FROM acct WHERE ${where(r, ACCT_WHERE)} AND id + 0 > ${id(r)} RETURNING id, name`,
  (r) => `DELETE FROM loose WHERE ${where(r, LOOSE_WHERE)} ORDER BY aid, v, BINARY s LIMIT ${r.int(5)}`,
  (r) => `DELETE FROM loose WHERE aid > ${id(r)}`,
  (r) => `DELETE FROM loose ORDER BY v, aid, BINARY s LIMIT ${r.int(20)}`,
  (r) => `DELETE FROM opt WHERE id IN (SELECT qty FROM item) OR region > ${900 + r.int(400)}`,
  (r) => `DELETE a FROM acct a JOIN acct b ON b.id = a.id + 1 WHERE b.n = ${r.int(9)}`,
  (r) => `DELETE FROM num WHERE id < ${id(r)} OR v LIKE '%+'`,
  (r) => `DELETE FROM nref WHERE label LIKE '%${r.int(10)}' ORDER BY id LIMIT 3`,
  (r) => `DELETE t FROM tag t, item i WHERE t.name = i.note AND i.qty = ${r.int(6)} AND t.w > 2`,
];
