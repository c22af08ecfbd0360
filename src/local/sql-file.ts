// Cuts an SQL file into its statements, as the mysql client does: `;` ends one, DELIMITER changes that, quotes and
// comments are skipped over. Says of each whether it defines (goes to every shard) or changes rows (goes through the
// gateway). It does not read SQL any further.

export interface FileStatement {
  readonly sql: string;
  readonly file: string;
  /** Line of its first character, counted from 1. */
  readonly line: number;
  readonly kind: "ddl" | "dml";
}

const DML = /^(insert|replace|update|delete|select|with|call|do|load)\b/i;

/** The statements of `text` in order, without their delimiters and without the comments before them. */
export function splitStatements(text: string, file: string): FileStatement[] {
  const found: FileStatement[] = [];
  let delimiter = ";";
  let start = -1;
  let line = 1;
  let startLine = 1;
  let at = 0;

  const end = (to: number) => {
    if (start >= 0) {
      const sql = text.slice(start, to).trimEnd();
      if (sql !== "") found.push({ sql, file, line: startLine, kind: DML.test(sql) ? "dml" : "ddl" });
    }
    start = -1;
  };
  const skipTo = (to: number) => {
    for (let i = at; i < to; i++) if (text.charCodeAt(i) === 10) line++;
    at = to;
  };

  while (at < text.length) {
    const char = text[at] ?? "";
    if (start < 0) {
      const order = /^delimiter[ \t]+(\S+)[^\n]*/i.exec(text.slice(at, at + 200));
      if (order !== null) {
        delimiter = order[1] ?? ";";
        skipTo(at + order[0].length);
        continue;
      }
    }
    const comment = commentEnd(text, at);
    if (comment !== undefined) {
      skipTo(comment);
      continue;
    }
    if (text.startsWith(delimiter, at)) {
      end(at);
      skipTo(at + delimiter.length);
      continue;
    }
    if (start < 0 && !/\s/.test(char)) {
      start = at;
      startLine = line;
    }
    skipTo(char === "'" || char === '"' || char === "`" ? quoteEnd(text, at) : at + 1);
  }
  end(text.length);
  return found;
}

/** Where the comment that starts at `at` ends; undefined when none starts there. Executable ones (`/*!`) are none. */
function commentEnd(text: string, at: number): number | undefined {
  const lineComment = text[at] === "#" || (text.startsWith("--", at) && /^(\s|$)/.test(text.slice(at + 2, at + 3)));
  if (lineComment) {
    const newline = text.indexOf("\n", at);
    return newline < 0 ? text.length : newline;
  }
  if (!text.startsWith("/*", at) || text[at + 2] === "!" || text.startsWith("M!", at + 2)) return undefined;
  const close = text.indexOf("*/", at + 2);
  return close < 0 ? text.length : close + 2;
}

function quoteEnd(text: string, at: number): number {
  const quote = text[at];
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\" && quote !== "`") i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}
