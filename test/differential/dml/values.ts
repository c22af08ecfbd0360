// Values and conditions of random writes.

import type { Random } from "../../fuzz/random.ts";

export type Make = (random: Random) => string;

const ID_MAX = 40;

export function id(random: Random): number {
  return random.int(ID_MAX) + 1;
}

export function ids(random: Random): string {
  return Array.from({ length: random.int(4) + 1 }, () => id(random)).join(", ");
}

export function name(random: Random): string {
  return random.chance(0.15) ? "NULL" : `'n${random.int(7)}'`;
}

export function email(random: Random): string {
  return random.chance(0.15) ? "NULL" : `'e${id(random)}@x'`;
}

export function int(random: Random): string {
  return random.chance(0.1) ? "NULL" : String(random.int(20) - 4);
}

/** An id in one of the spellings that MySQL takes for the same integer. */
export function spelled(random: Random, number: number): string {
  const hex = number.toString(16).padStart(2, "0");
  const forms = [`${number}`, `'0${number}'`, `${number}.0`, `${number}e0`, `0x${hex}`, `' ${number}'`, `+${number}`];
  return random.pick(forms);
}

export function rows(random: Random, make: Make): string {
  return Array.from({ length: random.chance(0.5) ? 1 : random.int(3) + 2 }, () => `(${make(random)})`).join(", ");
}

export const ACCT_WHERE: readonly Make[] = [
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
  (r) => `(id, n) IN ((${id(r)}, ${r.int(9)}), (${id(r)}, ${r.int(9)}))`,
  (r) => `id = ${id(r)} OR email = 'e${id(r)}@x'`,
  (r) => `d > '2024-01-${10 + r.int(18)}' AND id < ${id(r)}`,
];

export const ITEM_WHERE: readonly Make[] = [
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
  (r) => `id = ${id(r)} AND note = 'n${r.int(7)}'`,
];

export const LOOSE_WHERE: readonly Make[] = [
  (r) => `aid = ${id(r)}`,
  (r) => `v = ${r.int(4)}`,
  (r) => `s = '${r.pick(["x", "X", "y", "é"])}'`,
  () => `s IS NULL`,
  (r) => `v < (SELECT MAX(qty) FROM item) AND aid > ${id(r)}`,
  (r) => `aid IN (SELECT id FROM acct WHERE name = 'n${r.int(7)}')`,
];

export function region(random: Random): string {
  return random.pick(["'n'", "'s'", "'east'", "x'00ff'", "'N'", "0x6e", "'w'", "''", "'n '"]);
}

export function decimal(random: Random): string {
  return random.pick([
    "1.5",
    "'2.50'",
    "-3",
    "1e2",
    "0.00005",
    "4999.99999",
    "6000",
    "NULL",
    "'7x'",
    "0x31",
    "12345678.12345",
  ]);
}

export function moment(random: Random): string {
  return random.pick([
    "'2024-01-01 01:02:03.000004'",
    "'2024-05-05'",
    "'2024-02-30'",
    "20240203040506.7",
    "NULL",
    "NOW(6)",
    "'2024-01-01T10:00:00.1234567'",
    "DATE '2024-07-08' + INTERVAL 3 HOUR",
    "'0000-00-00'",
    "'x'",
  ]);
}

export function bits(random: Random): string {
  return random.pick(["b'0'", "b'1010'", "0x41", "255", "'A'", "256", "0"]);
}

export const RICH_WHERE: readonly Make[] = [
  (r) => `region = ${region(r)}`,
  (r) => `region = ${region(r)} AND id = ${r.int(5)}`,
  (r) => `id = ${r.int(5)}`,
  (r) => `(region, id) IN ((${region(r)}, ${r.int(4)}), ('n', ${r.int(4)}))`,
  () => `e = 'a' OR e > 2`,
  () => `FIND_IN_SET('y', st)`,
  (r) => `twice > ${r.int(60)}`,
  (r) => `shown LIKE '${r.int(4)}/%'`,
  () => `dt6 > '2024-01-01 01:02:03.000003'`,
  (r) => `b & ${r.int(8)}`,
  () => `JSON_EXTRACT(j, '$.k') = 1`,
  (r) => `d4 < (SELECT MAX(d) FROM keyed) AND id <> ${r.int(4)}`,
];

export const KEYED_WHERE: readonly Make[] = [
  (r) => `aid = ${r.int(6)}`,
  (r) => `aid IN (${r.int(6)}, ${r.int(6)}, ${id(r)})`,
  (r) => `e = '${r.pick(["p", "q", "r"])}'`,
  () => `dt = '2024-01-01'`,
  (r) => `b = ${r.pick(["b'0'", "b'1010'", "0x41", "255", "0"])}`,
  (r) => `d > ${r.int(3)}.0005`,
  () => `vb IN ('a', 'A', '')`,
  () => `s = 'k'`,
  (r) => `v IN (SELECT id FROM rich) OR aid = ${r.int(6)}`,
];

export const TRG_WHERE: readonly Make[] = [
  (r) => `id = ${id(r)}`,
  (r) => `id IN (${ids(r)})`,
  (r) => `v > ${r.int(6)}`,
  () => `x = 'a'`,
  (r) => `w > ${r.int(20)}`,
  (r) => `id IN (SELECT pid FROM kid WHERE v < ${r.int(70)})`,
];

export const where = (random: Random, list: readonly Make[]): string => random.pick(list)(random);
