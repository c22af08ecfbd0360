// What query rules look at of a statement: its normalized text, its type, the keyspaces it names. Depends on the text and
// what is selected, on nothing else of the session, so that a gateway works it out once for each normalized text.

import { ShardgateError } from "../base/errors.ts";
import type { Normalized } from "../sql/normalize.ts";
import { normalize } from "../sql/normalize.ts";
import { parse } from "../sql/parse.ts";
import { print } from "../sql/print.ts";
import { statementEnd } from "../sql/statement-end.ts";
import { tablesOf, type TableUse } from "../sql/tables.ts";
import type { SqlMode, Statement } from "../sql/tree.ts";

/** One for each statement. `unreadable` is what the grammar does not take. */
export const STATEMENT_TYPES = [
  "select",
  "insert",
  "replace",
  "update",
  "delete",
  "load",
  "call",
  "do",
  "ddl",
  "set",
  "show",
  "use",
  "begin",
  "commit",
  "rollback",
  "savepoint",
  "release",
  "xa",
  "lock",
  "unlock",
  "kill",
  "prepare",
  "execute",
  "deallocate",
  "explain",
  "describe",
  "admin",
  "unreadable",
] as const;
export type StatementType = (typeof STATEMENT_TYPES)[number];

export interface StatementFacts {
  /** What patterns are matched against: canonical, with `:v1` or `::v1` where literals were taken out. */
  readonly text: string;
  /** As SHOW QUERY DIGESTS shows it. */
  readonly digest: string;
  readonly type: StatementType;
  readonly keyspaces: readonly string[];
  /** With bind variables where literals were taken out; undefined: it cannot be read. */
  readonly statement: Statement | undefined;
  /** It runs inside of another one (SET STATEMENT … FOR, EXPLAIN ANALYZE, VEXPLAIN), which is what the client has sent. */
  readonly isInside: boolean;
}

export interface FactsContext {
  readonly mode: SqlMode;
  /** The selected keyspace. */
  readonly keyspace: string | undefined;
  /** That of a table without one, where none is selected; undefined: not known. */
  keyspaceOf(table: TableUse): string | undefined;
}

/** First words of statements whose literals are taken out; only those are told apart as digests. */
const NORMALIZED_VERBS: ReadonlySet<string> = new Set(["select", "insert", "update", "delete", "replace", "with", "("]);

/** `normalized` is of `sql`, which is borrowed. */
export function factsOf(sql: Buffer, normalized: Normalized, context: FactsContext): StatementFacts {
  const hasKey = NORMALIZED_VERBS.has(normalized.verb);
  const end = hasKey ? 0 : statementEnd(sql, normalized, context.mode);
  const statement = readStatement(hasKey ? normalized.key : sql.subarray(0, end), context.mode);
  if (statement === undefined) {
    const { keyspace } = context;
    const keyspaces = keyspace === undefined ? [] : [keyspace];
    const text = normalized.key;
    return { text, digest: text, type: "unreadable", keyspaces, statement, isInside: false };
  }
  const inner = innerOf(statement);
  if (inner !== undefined) {
    const text = Buffer.from(print(inner, [], { mode: context.mode }));
    return { ...factsOf(text, normalize(text, context.mode), context), isInside: true };
  }
  // Printed anew, so that quotes, spaces, parentheses and comments hide nothing from a pattern.
  const text = print(statement, undefined, { mode: context.mode });
  const digest = hasKey ? normalized.key : statement.kind.toUpperCase();
  const keyspaces = keyspacesOf(statement, context);
  return { text, digest, type: typeOf(statement), keyspaces, statement, isInside: false };
}

function readStatement(sql: string | Buffer, mode: SqlMode): Statement | undefined {
  try {
    return parse(sql, mode);
  } catch (error) {
    if (error instanceof ShardgateError) return undefined;
    throw error;
  }
}

/** The statement that runs when this one does, with literals in it; undefined: itself. */
function innerOf(statement: Statement): Statement | undefined {
  if (statement.kind === "setFor") return statement.statement;
  if (statement.kind !== "explain") return undefined;
  const runs = statement.verb !== "explain" || statement.options.includes("analyze");
  return runs ? statement.statement : undefined;
}

/** Of `customer:-80@replica` what is no keyspace. */
const TARGET = /[:/@].*$/s;

function keyspacesOf(statement: Statement, context: FactsContext): readonly string[] {
  const found = new Set<string>();
  const tables = tablesOf(statement);
  for (const table of tables) {
    const named = table.schema?.replace(TARGET, "");
    const keyspace = named ?? context.keyspace ?? context.keyspaceOf(table);
    if (keyspace !== undefined) found.add(keyspace);
  }
  if (tables.length === 0 && context.keyspace !== undefined) found.add(context.keyspace);
  return [...found];
}

function typeOf(statement: Statement): StatementType {
  switch (statement.kind) {
    case "select":
    case "union":
    case "values":
    case "table":
      return "select";
    case "insert":
      return statement.replace ? "replace" : "insert";
    case "callProcedure":
      return "call";
    case "setTransaction":
    case "setFor":
      return "set";
    case "alterVschema":
      return "ddl";
    default:
      return statement.kind;
  }
}
