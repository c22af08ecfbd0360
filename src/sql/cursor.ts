// The parser's place in the tokens: look, step, take names and strings, raise the syntax error at the current token.
// `w` is the lower case word or operator of the current token, empty when it is none of the grammar's.

import { LIMITS } from "../base/limits.ts";
import type { ShardgateError } from "../base/errors.ts";
import { nestingError, syntaxError } from "./syntax-error.ts";
import { rejoined, T, type Tokens, unescape } from "./lexer.ts";
import type { ObjectName, SqlMode } from "./tree.ts";

export class Cursor {
  readonly text: string;
  readonly mode: SqlMode;
  readonly mariadb: boolean;
  readonly tokens: Tokens;
  /** Index of the current token. */
  i = 0;
  /** Kind of the current token. */
  k = 0;
  /** Word or operator of the current token. */
  w = "";
  /** Offset of the current token. */
  pos = 0;
  /** Nesting at this point of the parse. */
  depth = 0;
  /** Height of the expression that was read last, or the greatest of several. */
  height = 0;
  /** INTO may stand in the query that is read: it is no part of another one. */
  into = true;
  /** Parameters (`?`) seen so far. */
  params = 0;
  /** Level of the operator at token `levelIndex`, see parse-expr.ts. */
  levelIndex = -1;
  level: number | undefined = undefined;
  /** Where the run of opening parentheses at `runStart` ends. */
  runStart = -1;
  runEnd = -1;

  constructor(tokens: Tokens, mode: SqlMode) {
    this.text = tokens.text;
    this.mode = mode;
    this.mariadb = mode.dialect === "mariadb";
    this.tokens = tokens;
    this.seek(0);
  }

  seek(index: number): void {
    this.i = index;
    this.k = this.tokens.kinds[index] ?? T.eof;
    this.w = this.tokens.words[index] ?? "";
    this.pos = this.k === T.eof ? this.text.length : (this.tokens.starts[index] ?? 0);
  }

  next(): void {
    this.seek(this.i + 1);
  }

  /** Word of the token `ahead` places on. */
  peek(ahead: number): string {
    return this.tokens.words[this.i + ahead] ?? "";
  }

  peekKind(ahead: number): number {
    return this.tokens.kinds[this.i + ahead] ?? T.eof;
  }

  /** End offset of the token before the current one. */
  lastEnd(): number {
    return this.i === 0 ? 0 : (this.tokens.ends[this.i - 1] ?? 0);
  }

  end(): number {
    return this.tokens.ends[this.i] ?? 0;
  }

  atEnd(): boolean {
    return this.k === T.eof || this.w === ";";
  }

  /** At what no token begins with. A colon alone belongs to labels, which only bodies of programs have. */
  atFault(): boolean {
    return this.k === T.error || this.w === ":";
  }

  /** The current word, where the compiler believes it unchanged since an earlier look. */
  is(word: string): boolean {
    return this.w === word;
  }

  isKind(kind: number): boolean {
    return this.k === kind;
  }

  /** The statement ends before the token `ahead` places on. */
  peekEnd(ahead: number): boolean {
    return this.peekKind(ahead) === T.eof || this.peek(ahead) === ";";
  }

  accept(word: string): boolean {
    if (this.w !== word) return false;
    this.next();
    return true;
  }

  /** Takes two words when both stand there. */
  accept2(first: string, second: string): boolean {
    if (this.w !== first || this.peek(1) !== second) return false;
    this.seek(this.i + 2);
    return true;
  }

  expect(word: string): void {
    if (this.w !== word) throw this.error();
    this.next();
  }

  /** Takes the first of `words` that stands here, or raises the syntax error. */
  oneOf<const W extends string>(words: readonly W[]): W {
    const found = this.maybeOneOf(words);
    if (found === undefined) throw this.error();
    return found;
  }

  maybeOneOf<const W extends string>(words: readonly W[]): W | undefined {
    const found = words.find((word) => word === this.w);
    if (found !== undefined) this.next();
    return found;
  }

  error(): ShardgateError {
    // Behind a comma the servers' lexers have moved on already.
    return syntaxError(this.text, this.w === "," ? this.pos + 1 : this.pos, this.mode);
  }

  errorAt(pos: number): ShardgateError {
    return syntaxError(this.text, pos, this.mode);
  }

  /** Goes one level of nesting down; leave() must follow unless an error ends the parse. */
  enter(): void {
    if (++this.depth > LIMITS.statementDepthMax) throw nestingError(this.text, this.pos);
  }

  leave(): void {
    this.depth--;
  }

  /** Notes that a node was put on top of what was read. */
  grow(): void {
    if (++this.height > LIMITS.statementDepthMax * 2) throw nestingError(this.text, this.pos);
  }

  // -------------------------------------------------------------------------------------------------------- names

  /** A name may stand here. */
  isName(): boolean {
    return this.k === T.word || this.k === T.quoted;
  }

  isNameAt(ahead: number): boolean {
    const kind = this.peekKind(ahead);
    return kind === T.word || kind === T.quoted;
  }

  name(): string {
    const name = this.maybeName();
    if (name === undefined) throw this.error();
    return name;
  }

  maybeName(): string | undefined {
    if (this.k === T.word) {
      const name = this.text.slice(this.pos, this.end());
      this.next();
      return name;
    }
    if (this.k === T.quoted) {
      const name = unescape(this.text, this.pos + 1, this.end() - 1, this.text[this.pos] ?? "`", false);
      this.next();
      return name;
    }
    return undefined;
  }

  /** A name, reserved or not: what stands behind a dot or where the manual allows any word. */
  anyWord(): string {
    if (this.k === T.keyword) {
      const name = this.text.slice(this.pos, this.end());
      this.next();
      return name;
    }
    return this.name();
  }

  /** A name, or DEFAULT as the name of MySQL's key cache (`SET default.key_buffer_size = 1`). */
  anyWordOrDefault(): string {
    return this.w === "default" && this.peek(1) === "." ? this.anyWord() : this.name();
  }

  /** End of a target form (`ks:-80@replica`) that starts at `start`, or `end` when there is none. */
  targetEnd(start: number, end: number): number {
    let at = end;
    const first = this.text[at];
    if (first !== ":" && first !== "@" && first !== "/") return end;
    while (at < this.text.length && at > start && !/[\s;`'"]/.test(this.text[at] ?? " ")) at++;
    return at;
  }

  /** A name or a string, as MySQL's ident_or_text. */
  nameOrString(): string {
    return this.k === T.string ? this.string() : this.name();
  }

  objectName(): ObjectName {
    const pos = this.pos;
    const first = this.name();
    if (this.w !== ".") return { kind: "name", schema: undefined, name: first, pos };
    this.next();
    return { kind: "name", schema: first, name: this.name(), pos };
  }

  /** `(a, b, …)` of names; at least one. */
  nameList(): string[] {
    this.expect("(");
    const names = this.names();
    this.expect(")");
    return names;
  }

  /** `a, b, …` */
  names(): string[] {
    const names = [this.name()];
    while (this.accept(",")) names.push(this.name());
    return names;
  }

  // ------------------------------------------------------------------------------------------------------ literals

  /** A quoted string, adjacent ones joined. */
  string(): string {
    if (this.k !== T.string) throw this.error();
    let value = this.oneString();
    if (this.k !== T.string) return value;
    while (this.k === T.string) value += this.oneString();
    return rejoined(value);
  }

  oneString(): string {
    const value = unescape(
      this.text,
      this.pos + 1,
      this.end() - 1,
      this.text[this.pos] ?? "'",
      !this.mode.noBackslashEscapes,
    );
    this.next();
    return value;
  }

  /** An unsigned integer as written. */
  integer(): string {
    if (this.k !== T.int) throw this.error();
    return this.raw();
  }

  /** Text of the current token as written; steps on. */
  raw(): string {
    const value = this.text.slice(this.pos, this.end());
    this.next();
    return value;
  }

  /** Name of a user variable token, without the `@` and quotes. */
  userVariable(): string {
    if (this.k !== T.userVariable) throw this.error();
    const start = this.pos + 1;
    const quote = this.text[start] ?? "";
    const name =
      quote === "'" || quote === '"' || quote === "`"
        ? unescape(this.text, start + 1, this.end() - 1, quote, quote !== "`" && !this.mode.noBackslashEscapes)
        : this.text.slice(start, this.end());
    this.next();
    return name;
  }

  // --------------------------------------------------------------------------------------------------- look ahead

  /** A query starts here, after any number of opening parentheses. */
  atQuery(ahead = 0): boolean {
    const start = this.i + ahead;
    let index = start;
    if (start >= this.runStart && start < this.runEnd) index = this.runEnd;
    else {
      while (this.tokens.words[index] === "(") index++;
      if (index > start) {
        this.runStart = start;
        this.runEnd = index;
      }
    }
    const word = this.tokens.words[index];
    switch (word) {
      case "select":
        return true;
      case "with":
        return this.tokens.kinds[index] === T.keyword;
      case "values":
        return this.isRowsAt(index + 1);
      case "table":
        return this.tokens.kinds[index] === T.keyword && isNameKind(this.tokens.kinds[index + 1]);
      default:
        return false;
    }
  }

  /** Behind VALUES: rows of a VALUES statement, not the column of the function VALUES(column). */
  private isRowsAt(index: number): boolean {
    const { words, kinds } = this.tokens;
    if (words[index] === "row") return words[index + 1] === "(";
    if (words[index] !== "(" || !this.mariadb) return false;
    let at = index + 1;
    while (isNameKind(kinds[at]) && words[at + 1] === ".") at += 2;
    return !(isNameKind(kinds[at]) && words[at + 1] === ")");
  }
}

function isNameKind(kind: number | undefined): boolean {
  return kind === T.word || kind === T.quoted;
}
