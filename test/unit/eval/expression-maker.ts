// Random expressions of the kinds the exact evaluator knows, near the edges of MySQL's exact types, as SQL text.

import type { Random } from "../../fuzz/random.ts";

const NUMBERS = [
  "0",
  "1",
  "2",
  "3",
  "7",
  "10",
  "007",
  "255",
  "4294967296",
  "4611686018427387904",
  "9223372036854775806",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551614",
  "18446744073709551615",
  "18446744073709551616",
  "99999999999999999999999999999999",
  "0.5",
  ".5",
  "5.",
  "1.50",
  "00.250",
  "2.5",
  "0.0",
  "123456789012345678901234567890.123456789",
  "0.000000000000000000000000000001",
];
const TEXTS = ["'a'", "'b'", "''", "'5'", "'a '", "'-12'", "'00000000000000000042'"];
const OTHERS = ["NULL", "TRUE", "FALSE"];
const ARITHMETIC = ["+", "-", "*", "DIV", "%"];
const COMPARISONS = ["=", "<>", "<", "<=", ">", ">=", "<=>"];

export function randomExpression(random: Random, depth: number): string {
  if (depth === 0 || random.chance(0.15)) return leaf(random);
  const some = (): string => randomExpression(random, depth - 1);
  const list = (): string => Array.from({ length: 1 + random.int(3) }, some).join(", ");
  const not = random.chance(0.3) ? "NOT " : "";
  switch (random.int(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return `(${some()} ${random.pick(ARITHMETIC)} ${some()})`;
    case 4:
    case 5:
      return `(${some()} ${random.pick(COMPARISONS)} ${some()})`;
    case 6:
      return `(${some()} ${random.pick(["AND", "OR", "XOR"])} ${some()})`;
    case 7:
      return `(${random.pick(["NOT ", "- ", "+ ", "! "])}${some()})`;
    case 8:
      return `(${some()} ${not}IN (${list()}))`;
    case 9:
      return `(${some()} ${not}BETWEEN ${some()} AND ${some()})`;
    case 10:
      return `(${some()} IS ${not}${random.pick(["NULL", "TRUE", "FALSE", "UNKNOWN"])})`;
    case 11:
      return `IF(${some()}, ${some()}, ${some()})`;
    case 12:
      return `CASE WHEN ${some()} THEN ${some()} WHEN ${some()} THEN ${some()} ELSE ${some()} END`;
    case 13:
      return `CASE ${some()} WHEN ${some()} THEN ${some()} END`;
    case 14:
      return `${random.pick(["COALESCE", "IFNULL", "NULLIF", "MOD"])}(${some()}, ${some()})`;
    default:
      return random.chance(0.5)
        ? `CAST(${some()} AS ${random.pick(["SIGNED", "UNSIGNED"])})`
        : `ISNULL(COALESCE(${list()}))`;
  }
}

function leaf(random: Random): string {
  if (random.chance(0.12)) return random.pick(OTHERS);
  if (random.chance(0.1)) return random.pick(TEXTS);
  const number = random.chance(0.5) ? String(random.int(20)) : random.pick(NUMBERS);
  return random.chance(0.2) ? `-${number}` : number;
}
