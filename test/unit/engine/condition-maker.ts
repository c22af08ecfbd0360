// Random conditions on the columns of a table, as SQL text: comparisons of all kinds with values that MySQL compares in
// surprising ways, joined by AND, OR and NOT.

import type { Random } from "../../fuzz/random.ts";

export interface KeyColumns {
  /** Names of the sharding key's columns, in order. */
  readonly keys: readonly string[];
  /** Literals worth comparing each of them with. */
  readonly literals: readonly (readonly string[])[];
}

/** Compared with any column. */
const ODD_LITERALS = [
  "NULL",
  "0",
  "1",
  "''",
  "'0'",
  "'x'",
  "1.5",
  "1e0",
  "TRUE",
  "x'61'",
  "0x31",
  "-1",
  "b'1'",
  "'1 '",
  "' 1'",
];
const COMPARISONS = ["=", "=", "=", "<=>", "<", "<=", ">", ">=", "<>"];
const CONSTANTS = ["1 = 0", "1 = 1", "FALSE", "TRUE", "NULL", "2 > 1", "'a' = 'a'", "NULL IS NULL", "0 = NULL"];

export function randomCondition(random: Random, columns: KeyColumns, depth: number): string {
  if (depth > 0 && random.chance(0.5)) {
    const operands = Array.from({ length: 2 + random.int(2) }, () => randomCondition(random, columns, depth - 1));
    return random.chance(0.2) ? `NOT (${operands[0]})` : `(${operands.join(random.chance(0.5) ? " AND " : " OR ")})`;
  }
  return comparison(random, columns);
}

function comparison(random: Random, columns: KeyColumns): string {
  const at = random.int(columns.keys.length);
  const column = columns.keys[at] ?? "";
  const value = (): string => randomValue(random, columns.literals[at] ?? []);
  const list = (): string => Array.from({ length: 1 + random.int(4) }, value).join(", ");
  const not = random.chance(0.15) ? "NOT " : "";
  switch (random.int(14)) {
    case 0:
      return `${column} ${not}IN (${list()})`;
    case 1:
      return `${column} ${not}IN (${list()})`;
    case 2:
      return `${column} ${not}BETWEEN ${value()} AND ${value()}`;
    case 3:
      return `${column} ${not}LIKE ${pattern(random, columns.literals[at] ?? [])}`;
    case 4:
      return `${column} IS ${not}NULL`;
    case 5:
      return random.pick(CONSTANTS);
    case 6:
      return `filler ${random.pick(["=", "<", ">"])} ${random.int(4)}`;
    case 7:
      return rowComparison(random, columns);
    case 8:
      return `(${column} ${random.pick(COMPARISONS)} ${value()}) IS ${not}${random.pick(["TRUE", "FALSE"])}`;
    case 9:
      return `${value()} ${random.pick(COMPARISONS)} ${column}`;
    default:
      return `${column} ${random.pick(COMPARISONS)} ${value()}`;
  }
}

function rowComparison(random: Random, columns: KeyColumns): string {
  const names = random.chance(0.5) ? [...columns.keys, "filler"] : ["filler", ...columns.keys];
  const row = (): string => {
    const values = names.map((name) => {
      const at = columns.keys.indexOf(name);
      return at < 0 ? String(random.int(4)) : randomValue(random, columns.literals[at] ?? []);
    });
    return `(${values.join(", ")})`;
  };
  const left = `(${names.join(", ")})`;
  if (random.chance(0.3)) return `${left} ${random.pick(["=", "<", ">=", "<=>", "<>"])} ${row()}`;
  return `${left} IN (${Array.from({ length: 1 + random.int(3) }, row).join(", ")})`;
}

function randomValue(random: Random, literals: readonly string[]): string {
  const literal = random.chance(0.15) ? random.pick(ODD_LITERALS) : random.pick(literals);
  if (/^\d{1,6}$/.test(literal) && random.chance(0.2)) {
    const number = Number(literal);
    const part = random.int(5);
    return random.pick([
      `${number + part} - ${part}`,
      `${number}.0`,
      `-(-${number})`,
      `IF(1, ${number}, 0)`,
      `COALESCE(NULL, ${number})`,
      `'${number}'`,
      `${number}e0`,
      `0${number}`,
    ]);
  }
  return literal;
}

function pattern(random: Random, literals: readonly string[]): string {
  const literal = random.pick(literals);
  const text = literal.startsWith("'") ? literal.slice(1, -1) : literal.replaceAll("'", "");
  const cut = text.slice(0, random.int(text.length + 1)).replace(/\\$/, "");
  return `'${cut}${random.pick(["%", "_", "", "%%", "\\\\%", "_%"])}'`;
}
