// Where the first statement of a text ends. A `;` ends it, but for those inside the body of a stored program (CREATE
// PROCEDURE, FUNCTION, TRIGGER, EVENT) or of a compound statement (BEGIN NOT ATOMIC …): there, blocks are counted.

import { decodeSql, encodeSql } from "./encoding.ts";
import { T, tokenize, type Tokens } from "./lexer.ts";
import type { Normalized } from "./normalize.ts";
import type { SqlMode } from "./tree.ts";

/** First words of statements that may have a body. */
const WITH_BODY: ReadonlySet<string> = new Set([
  "alter",
  "begin",
  "case",
  "create",
  "declare",
  "for",
  "if",
  "loop",
  "repeat",
  "set",
  "while",
]);
/** What CREATE and ALTER name first decides. */
const PROGRAMS: ReadonlySet<string> = new Set(["event", "function", "package", "procedure", "trigger"]);
const OTHER_OBJECTS: ReadonlySet<string> = new Set([
  "database",
  "index",
  "instance",
  "resource",
  "role",
  "schema",
  "sequence",
  "server",
  "spatial",
  "table",
  "tablespace",
  "temporary",
  "user",
  "view",
]);
/** A statement may begin behind these. */
const OPENERS: ReadonlySet<string> = new Set(
  ["", ";", ":", ")", "begin", "do", "else", "loop", "repeat", "then"].concat("row", "data", "deterministic", "sql"),
);
/** END takes one of these along. */
const ENDED: ReadonlySet<string> = new Set(["case", "for", "if", "loop", "repeat", "while"]);

const SEMICOLON = 0x3b;
const WINDOW_BYTES_MIN = 4096;

/** Offset of the `;` that ends the first statement of `sql` (borrowed), or its length. `normalized` is of the same text. */
export function statementEnd(
  sql: Buffer,
  { verb, statementEnd: end }: Pick<Normalized, "verb" | "statementEnd">,
  mode: SqlMode,
): number {
  if (!WITH_BODY.has(verb) || !sql.includes(SEMICOLON)) return end;
  if (mode.oracle && isOracleProgram(tokenize(decodeSql(sql.subarray(0, WINDOW_BYTES_MIN)), mode))) return sql.length;
  // Bodies are short and what follows them may be long: it is looked at piece by piece.
  for (let bytes = WINDOW_BYTES_MIN; ; bytes *= 4) {
    const tokens = tokenize(decodeSql(sql.subarray(0, bytes)), mode);
    if (!hasBody(tokens)) return end;
    const last = programOf(tokens) === "package" ? packageEnd(tokens, 0) : bodyEnd(tokens, 0);
    const at = tokens.starts[last] ?? tokens.text.length;
    const isWhole = bytes >= sql.length;
    // What cannot be read may be a quoted name or a comment that the window cuts in two.
    if (at < tokens.text.length && (isWhole || tokens.kinds[last] !== T.error)) {
      return encodeSql(tokens.text.slice(0, at)).length;
    }
    if (isWhole) return sql.length;
  }
}

function hasBody(tokens: Tokens): boolean {
  const first = wordAt(tokens, 0);
  // BEGIN alone opens a transaction.
  if (first === "begin") return wordAt(tokens, 1) === "not";
  // SET STATEMENT … FOR takes any statement.
  if (first === "set") return wordAt(tokens, 1) === "statement";
  if (first !== "create" && first !== "alter") return true;
  return programOf(tokens) !== undefined;
}

/**
 * Under sql_mode ORACLE. Declarations stand before BEGIN, each with its `;`, so that only who knows all of PL/SQL can say where
 * a program ends: it is the whole text.
 */
function isOracleProgram(tokens: Tokens): boolean {
  const first = wordAt(tokens, 0);
  if (first === "begin") return wordAt(tokens, 1) !== ";" && !endsAt(tokens, 1);
  if (first === "declare") return true;
  const program = first === "create" || first === "alter" ? programOf(tokens) : undefined;
  return program !== undefined && program !== "package";
}

/** Where a program ends that is the whole text: in front of the last `;`. */
export function wholeEnd(tokens: Tokens): number {
  const { length } = tokens.kinds;
  for (let i = 0; i < length; i++) {
    const kind = tokens.kinds[i];
    if (kind === T.error) return i;
    if (kind === T.eof) return i > 0 && wordAt(tokens, i - 1) === ";" ? i - 1 : i;
  }
  return length;
}

/** What kind of program a CREATE or ALTER is about; undefined: none. */
function programOf(tokens: Tokens): string | undefined {
  for (let i = 1; i < tokens.kinds.length; i++) {
    const word = wordAt(tokens, i);
    if (PROGRAMS.has(word)) return word;
    if (OTHER_OBJECTS.has(word)) return undefined;
  }
  return undefined;
}

/** The token that ends a body, or what stands around one: a `;` outside of all blocks, or the end; `from`: where to begin. */
export function bodyEnd(tokens: Tokens, from: number): number {
  let depth = 0;
  for (let i = from; ; i++) {
    const kind = tokens.kinds[i];
    if (kind === undefined || kind === T.eof || kind === T.error) return i;
    const word = wordAt(tokens, i);
    if (word === ";" && depth <= 0) return i;
    if (word === "end") {
      // A column may have that name.
      if (wordAt(tokens, i - 1) === ".") continue;
      depth--;
      if (ENDED.has(wordAt(tokens, i + 1))) i++;
    } else if (opensBlock(tokens, i, word)) depth++;
  }
}

/**
 * The same for CREATE PACKAGE [BODY]: AS, then routines or what they are like, each with its `;`, maybe BEGIN and statements,
 * and one END for all (MariaDB's manual: "CREATE PACKAGE BODY").
 */
export function packageEnd(tokens: Tokens, from: number): number {
  let at = from;
  while (!endsAt(tokens, at) && wordAt(tokens, at) !== ";" && !isAs(tokens, at)) at++;
  if (!isAs(tokens, at)) return at;
  let routine: "none" | "header" | "body" = "none";
  let depth = 0;
  for (at++; !endsAt(tokens, at); at++) {
    const word = wordAt(tokens, at);
    if (word === "end" && wordAt(tokens, at - 1) !== ".") {
      if (depth === 0) return bodyEnd(tokens, at + 1);
      depth--;
      if (ENDED.has(wordAt(tokens, at + 1))) at++;
    } else if (depth === 0 && (word === "procedure" || word === "function")) routine = "header";
    else if (routine === "header" && word === ";") routine = "none";
    else if (routine === "header" && isAs(tokens, at)) routine = "body";
    else if (opensBlock(tokens, at, word)) {
      // The package's own BEGIN shares its END.
      const isOwn = depth === 0 && word === "begin" && routine !== "body";
      if (!isOwn) depth++;
      if (word === "begin") routine = "none";
    }
  }
  return at;
}

function endsAt({ kinds }: Tokens, at: number): boolean {
  return kinds[at] === undefined || kinds[at] === T.eof || kinds[at] === T.error;
}

function isAs(tokens: Tokens, at: number): boolean {
  const word = wordAt(tokens, at);
  return word === "as" || word === "is";
}

function opensBlock(tokens: Tokens, i: number, word: string): boolean {
  const next = wordAt(tokens, i + 1);
  if (wordAt(tokens, i - 1) === ".") return false;
  switch (word) {
    case "begin":
    case "case":
    case "loop":
      return true;
    case "while":
      return !hasLoop(tokens, i);
    case "repeat":
      return next !== "(";
    case "if": {
      const exists = next === "not" ? i + 2 : i + 1;
      // DROP … IF EXISTS name, or IF EXISTS (query) THEN.
      if (wordAt(tokens, exists) === "exists" && wordAt(tokens, exists + 1) !== "(") return false;
      return (
        next !== "(" ||
        OPENERS.has(wordAt(tokens, i - 1)) ||
        wordAt(tokens, behindParentheses(tokens, i + 1)) === "then"
      );
    }
    case "for":
      return wordAt(tokens, i + 2) === "in" && !hasLoop(tokens, i);
    default:
      return false;
  }
}

/** FOR and WHILE of sql_mode ORACLE have LOOP where others have DO, and END LOOP in the end. */
function hasLoop(tokens: Tokens, from: number): boolean {
  for (let at = from + 1; !endsAt(tokens, at); at++) {
    const word = wordAt(tokens, at);
    if (word === "loop") return true;
    if (word === "do" || word === ";") return false;
  }
  return false;
}

/** The token behind the parentheses that token `i` opens. */
function behindParentheses(tokens: Tokens, i: number): number {
  let depth = 0;
  for (let at = i; at < tokens.kinds.length; at++) {
    const word = wordAt(tokens, at);
    if (word === "(") depth++;
    else if (word === ")" && --depth === 0) return at + 1;
  }
  return tokens.kinds.length;
}

/**
 * In lower case, an operator as it is; `?` for quoted names and values, empty where nothing is. Right behind a label's colon
 * a word looks like a bind variable.
 */
function wordAt({ text, kinds, starts, ends }: Tokens, i: number): string {
  const kind = kinds[i];
  if (kind === undefined) return "";
  if (kind === T.bind) return text.slice((starts[i] ?? 0) + 1, ends[i]).toLowerCase();
  if (kind !== T.word && kind !== T.keyword && kind !== T.op) return "?";
  return text.slice(starts[i], ends[i]).toLowerCase();
}
