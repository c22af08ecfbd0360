// Random writes whose outcome does not depend on the order in which MariaDB comes upon rows: what has a LIMIT has an ORDER BY
// of unique columns, what is assigned from a joined table comes from one row of it, and values made unique stay unique on
// the way.

import type { Random } from "../../fuzz/random.ts";
import { DELETES, UPDATES } from "./changes.ts";
import { INSERT_SELECTS, INSERTS } from "./inserts.ts";
import { ACCT_WHERE, ITEM_WHERE, LOOSE_WHERE, type Make, where } from "./values.ts";

const SELECTS: readonly Make[] = [
  (r) => `SELECT id, email, name, n FROM acct WHERE ${where(r, ACCT_WHERE)} ORDER BY id`,
  (r) => `SELECT * FROM item WHERE ${where(r, ITEM_WHERE)} ORDER BY id`,
  (r) =>
    `SELECT a.id, i.id, i.note FROM acct a JOIN item i ON i.aid = a.id WHERE a.name = 'n${r.int(7)}' ORDER BY a.id, i.id`,
  (r) => `SELECT * FROM loose WHERE ${where(r, LOOSE_WHERE)} ORDER BY aid, v, BINARY s`,
];

/** The statement of one step. */
export function dmlStatement(random: Random): string {
  const kind = random.int(100);
  if (kind < 32) return random.pick(INSERTS)(random);
  if (kind < 42) return random.pick(INSERT_SELECTS)(random);
  if (kind < 74) return random.pick(UPDATES)(random);
  if (kind < 90) return random.pick(DELETES)(random);
  return random.pick(SELECTS)(random);
}

const MODES = [
  "DEFAULT",
  "DEFAULT",
  "''",
  "'STRICT_ALL_TABLES'",
  "'NO_ZERO_IN_DATE,NO_ZERO_DATE'",
  "'TRADITIONAL'",
  "'ANSI,STRICT_TRANS_TABLES'",
];

/** Some steps open, close or undo a transaction first, or a part of it, or change the session's sql_mode. */
export function transactionStatement(random: Random): string | undefined {
  const kind = random.int(100);
  if (kind < 6) return "BEGIN";
  if (kind < 9) return "COMMIT";
  if (kind < 12) return "ROLLBACK";
  if (kind < 15) return `SAVEPOINT p${random.int(2)}`;
  if (kind < 17) return `ROLLBACK TO p${random.int(2)}`;
  if (kind < 18) return `RELEASE SAVEPOINT p${random.int(2)}`;
  return kind < 22 ? `SET sql_mode = ${random.pick(MODES)}` : undefined;
}
