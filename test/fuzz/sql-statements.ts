// Statements for tests: the project's own file, and the public corpora where they are at hand.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const projectRoot = rootOf(import.meta.dirname);

/** The project's folder, from here or from where this file was compiled to. */
function rootOf(folder: string): string {
  const parent = resolve(folder, "..");
  return parent === folder || existsSync(join(folder, "test/sql/statements.sql")) ? folder : rootOf(parent);
}

export interface CorpusStatement {
  readonly sql: string;
  readonly source: string;
  /** True: MySQL reads it; false: a parser must refuse it; null: not known. */
  readonly valid: boolean | null;
}

/** The statements of test/sql/statements.sql, one a line, comment lines left out. */
export function ownStatements(): string[] {
  return readFileSync(join(projectRoot, "test/sql/statements.sql"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("-- "));
}

/** Folder of the public corpora: SHARDGATE_SHARED, or `shared` beside the project; undefined where it is absent. */
export function corpusFolder(): string | undefined {
  const folder = join(process.env.SHARDGATE_SHARED ?? resolve(projectRoot, "../shared"), "corpus");
  return existsSync(folder) ? folder : undefined;
}

/** The public corpora, or an empty list with a notice. */
export function corpusStatements(): CorpusStatement[] {
  const folder = corpusFolder();
  if (folder === undefined) {
    process.stderr.write("public corpora absent (set SHARDGATE_SHARED): their tests are skipped\n");
    return [];
  }
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ndjson"))
    .flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map(decoded);
}

function decoded(line: string): CorpusStatement {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("sql" in value) || typeof value.sql !== "string")
    throw new TypeError(`not a corpus line: ${line.slice(0, 80)}`);
  const valid = "valid" in value && typeof value.valid === "boolean" ? value.valid : null;
  const source = "source" in value && typeof value.source === "string" ? value.source : "";
  return { sql: value.sql, source, valid };
}
