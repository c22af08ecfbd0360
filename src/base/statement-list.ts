// Several SQL statements as one text, for fields that mostly carry one: the statements that open a transaction, or that
// conclude it.

/** No statement has it: names and literals have it escaped, or not at all. */
const SEPARATOR = "\0";

export function joinStatements(statements: readonly string[]): string {
  return statements.join(SEPARATOR);
}

export function splitStatementList(text: string): readonly string[] {
  return text === "" ? [] : text.split(SEPARATOR);
}
