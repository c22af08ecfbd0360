// Reads of SHOW CREATE TABLE's answer what no other answer tells as it is: defaults, constraints that make a text JSON, keys.
// A server writes one column or key a line, in its own spelling; what does not look like it is left out.

export interface KeyPart {
  /** Lower-case name of the column. */
  readonly lower: string;
  /** Characters of a prefix; undefined for the whole value. */
  readonly chars: number | undefined;
}

export interface TableKey {
  readonly kind: "primary" | "unique" | "plain";
  readonly parts: readonly KeyPart[];
}

export interface ColumnDetail {
  /** SQL; undefined when there is none, or one that names other columns or sequences. */
  readonly defaultSql: string | undefined;
  readonly json: boolean;
}

export interface TableDetails {
  /** By name. */
  readonly columns: ReadonlyMap<string, ColumnDetail>;
  /** The primary key first, if there is one; without those for text search and for geometry. */
  readonly keys: readonly TableKey[];
  readonly isVersioned: boolean;
}

/** Of a view nothing is told. */
export function readDefinition(sql: string): TableDetails {
  const columns = new Map<string, ColumnDetail>();
  const keys: TableKey[] = [];
  const lines = sql.split("\n");
  for (const line of lines) {
    const column = /^ {2}`((?:[^`]|``)+)` (.*?),?$/.exec(line);
    if (column !== null) columns.set(unquoted(column[1]), detailOf(column[2] ?? ""));
    const key = /^ {2}(PRIMARY KEY|UNIQUE KEY|KEY)(?: `(?:[^`]|``)+`)? \((.*)\)/.exec(line);
    const parts = key === null ? undefined : partsOf(key[2] ?? "");
    if (parts !== undefined) keys.push({ kind: KINDS[key?.[1] ?? ""] ?? "plain", parts });
  }
  const options = lines.findLast((line) => line.startsWith(")")) ?? "";
  return { columns, keys, isVersioned: options.includes(" WITH SYSTEM VERSIONING") };
}

const KINDS: Readonly<Record<string, TableKey["kind"]>> = { "PRIMARY KEY": "primary", "UNIQUE KEY": "unique" };

/** Undefined for a key of expressions. */
function partsOf(text: string): readonly KeyPart[] | undefined {
  const parts: KeyPart[] = [];
  let at = 0;
  for (const match of text.matchAll(/`((?:[^`]|``)+)`(?:\((\d+)\))?(?: ASC| DESC)?,? ?/g)) {
    if (match.index !== at) return undefined;
    at += match[0].length;
    parts.push({
      lower: unquoted(match[1]).toLowerCase(),
      chars: match[2] === undefined ? undefined : Number(match[2]),
    });
  }
  return at === text.length || text.startsWith(")", at) ? parts : undefined;
}

/** `text` is what stands behind a column's name. */
function detailOf(text: string): ColumnDetail {
  const words = wordsOf(text);
  const at = words.indexOf("DEFAULT");
  const value = at < 0 ? undefined : words[at + 1];
  // `current_timestamp()`, `(expression)` and the like are one word; so is a string.
  const isPlain = value !== undefined && (value.startsWith("'") || !/`|nextval|lastval/i.test(value));
  return { defaultSql: isPlain ? value : undefined, json: /CHECK \(json_valid\(`(?:[^`]|``)+`\)\)/i.test(text) };
}

/** Words at the top level: strings, names and what is in parentheses stay whole, with what they hang on. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === " " && depth === 0) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    if (char === "'" || char === "`") {
      const end = endOfQuoted(text, at);
      word += text.slice(at, end);
      at = end - 1;
      continue;
    }
    if (char === "(") depth++;
    else if (char === ")") depth--;
    word += char;
  }
  return word === "" ? words : [...words, word];
}

/** Behind the closing quote. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote === "'") at++;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return text.length;
}

function unquoted(name: string | undefined): string {
  return (name ?? "").replaceAll("``", "`");
}
