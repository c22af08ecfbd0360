// An independent reader: wherever node-sql-parser and ours both accept a statement, they find the same tables and
// columns. What it is known to misread is listed here by name; anything else is a fault of ours until shown otherwise.

import nodeSqlParser from "node-sql-parser";
import { expect, test } from "vitest";
import { parse } from "../../../src/sql/parse.ts";
import { tablesOf } from "../../../src/sql/tables.ts";
import type { Statement } from "../../../src/sql/tree.ts";
import { walk } from "../../../src/sql/walk.ts";
import { corpusStatements, ownStatements } from "../../fuzz/sql-statements.ts";

const OURS_ONLY: readonly { readonly name: string; readonly sql: RegExp }[] = [
  { name: "tables of a parenthesised join are left out", sql: /join\s*\(|\)\s*(left\s+)?join/i },
  { name: "UPDATE IGNORE: the option becomes the table", sql: /^update ignore/i },
  { name: "executable comments are skipped", sql: /\/\*!/ },
  { name: "doubled backquotes stay doubled", sql: /``/ },
  { name: "INSERT … SET: columns are left out", sql: /^(insert|replace)\b.*\bset\b/i },
  { name: "ON DUPLICATE KEY UPDATE: columns are left out", sql: /on duplicate key update/i },
  { name: "options of SELECT become columns", sql: /select (distinctrow|straight_join|high_priority|sql_\w+)\b/i },
  { name: "BINARY becomes a column", sql: /\bbinary\b/i },
  { name: "INTO variable is left out", sql: /\binto \w+/i },
  { name: "names with $ are left out", sql: /\$/ },
];

const THEIRS_ONLY: readonly { readonly name: string; readonly sql: RegExp; readonly item: RegExp }[] = [
  {
    name: "keywords become columns",
    sql: /./,
    item: /^(default|unknown|next|binary|date|time|datetime|distinctrow|straight_join|high_priority|sql_\w+|localtime|localtimestamp|utc_\w+|sql_tsi_\w+|microsecond|second|minute|hour|day|week|month|quarter|year|_\w+)$/,
  },
  { name: "bit literals become columns", sql: /0b/, item: /^0b[01]+$/ },
  { name: "numbers with exponents become columns", sql: /\de/i, item: /^\d+e\d*$/ },
  { name: "strings with escapes become columns", sql: /['"][^'"]*\\/, item: /[\\\n]|^$/ },
  { name: "UPDATE IGNORE: the option becomes the table", sql: /^update ignore/i, item: /^ignore$/ },
  { name: "doubled backquotes stay doubled", sql: /``/, item: /``/ },
  { name: "executable comments are skipped", sql: /\/\*!/, item: /./ },
];

test("node-sql-parser sees the same tables and columns", () => {
  const reader = new nodeSqlParser.Parser();
  const statements = [...new Set([...ownStatements(), ...corpusStatements().map(({ sql }) => sql)])];
  const faults: string[] = [];
  let both = 0;
  for (const sql of statements) {
    const tree = treeOf(sql);
    if (tree === undefined) continue;
    let theirs: { readonly tableList: readonly string[]; readonly columnList: readonly string[] };
    try {
      theirs = reader.parse(sql, { database: "mariadb" });
    } catch {
      continue;
    }
    both++;
    const { tables, columns, strings, ctes } = namesOf(tree, sql);
    const fault = [
      ...differences(sql, tables, lastParts(theirs.tableList), new Set([...ctes, "dual", "null"])),
      ...differences(sql, columns, lastParts(theirs.columnList), new Set([...strings, "(.*)", "*"])),
    ];
    if (fault.length > 0) faults.push(`${sql}\n  ${fault.join("; ")}`);
  }
  process.stdout.write(`both readers took ${both} statements\n`);
  expect(faults).toEqual([]);
  expect(both).toBeGreaterThan(500);
});

function treeOf(sql: string): Statement | undefined {
  try {
    const tree = parse(sql);
    return ["select", "union", "insert", "update", "delete"].includes(tree.kind) ? tree : undefined;
  } catch {
    return undefined;
  }
}

function namesOf(tree: Statement, sql: string): Record<"tables" | "columns" | "strings" | "ctes", Set<string>> {
  const tables = new Set(tablesOf(tree).map(({ name }) => name.toLowerCase()));
  const columns = new Set<string>();
  const strings = new Set<string>();
  const ctes = new Set<string>();
  walk(tree, (node) => {
    if (node.kind === "column") columns.add(node.name.toLowerCase());
    else if (node.kind === "cte") ctes.add(node.name.toLowerCase());
    else if (node.kind === "expr") for (const text of quoted(sql.slice(node.pos))) strings.add(text);
  });
  return { tables, columns, strings, ctes };
}

/** A string of a select list becomes a column there, as it stands between its quotes. */
function quoted(text: string): string[] {
  return [...text.matchAll(/'((?:[^'\\]|\\[\s\S]|'')*)'|"((?:[^"\\]|\\[\s\S]|"")*)"/g)].map((match) =>
    (match[1] ?? match[2] ?? "").toLowerCase(),
  );
}

function lastParts(list: readonly string[]): Set<string> {
  return new Set(list.map((entry) => (entry.split("::").at(-1) ?? "").toLowerCase()));
}

function differences(
  sql: string,
  ours: ReadonlySet<string>,
  theirs: ReadonlySet<string>,
  ignored: ReadonlySet<string>,
): string[] {
  const found: string[] = [];
  for (const name of ours)
    if (!theirs.has(name) && !OURS_ONLY.some((rule) => rule.sql.test(sql))) found.push(`${name} is ours alone`);
  for (const name of theirs)
    if (
      !ours.has(name) &&
      !ignored.has(name) &&
      !THEIRS_ONLY.some((rule) => rule.sql.test(sql) && rule.item.test(name))
    )
      found.push(`${name} is theirs alone`);
  return found;
}
