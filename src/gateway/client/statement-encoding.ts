// Statements of clients in big5, cp932, gbk and sjis, whose characters may have the bytes of quotes and backslashes in them,
// in UTF-8, so that everything behind can read them. Shards get them in UTF-8, too, with the same character sets otherwise,
// and convert literals to the connection's set: back to the client's bytes, where that is the same set.
//
// Where there is no way back (bytes that are no character, characters with a second code, texts with an introducer, which a
// server takes as they are) a literal becomes a hexadecimal one. Cut as MySQL's lexer does: an escaped byte is skipped alone.

import { isAscii } from "node:buffer";
import { MysqlError } from "../../base/errors.ts";
import { BufferWriter } from "../../mysql/codec.ts";
import { type MultibyteSet, multibyteSet } from "../../mysql/multibyte-encodings.ts";
import { ESCAPED_BYTES } from "../../sql/quoting.ts";

const TRANSCODED: ReadonlySet<string> = new Set(["big5", "cp932", "gbk", "sjis"]);

/** Statements of clients in this set are read in UTF-8. */
export function isTranscoded(charset: string): boolean {
  return TRANSCODED.has(charset);
}

export interface StatementEncoding {
  readonly charset: string;
  /** What literals are converted to is the same set. */
  readonly isConnection: boolean;
  readonly noBackslashEscapes: boolean;
  readonly ansiQuotes: boolean;
}

/** `sql` (borrowed until return) in UTF-8. Throws 1300 for names that are no text. */
export function statementInUtf8(sql: Buffer, encoding: StatementEncoding): Buffer {
  const set = multibyteSet(encoding.charset);
  if (set === undefined || isSame(sql, set)) return sql;
  return new Statement(sql, set, encoding).converted();
}

/** `text` in UTF-8; undefined where a server would not get the same bytes back from it. */
export function textInUtf8(text: Buffer, { charset, isConnection }: StatementEncoding): Buffer | undefined {
  const set = multibyteSet(charset);
  if (set === undefined || isSame(text, set)) return text;
  const writer = new BufferWriter(text.length * 2);
  for (let at = 0; at < text.length; ) {
    const { point, bytes, isOnly } = characterAt(text, at, set);
    if (point === 0 || (isConnection && !isOnly)) return undefined;
    if (isConnection && point === BACKSLASH && set.movesBackslash) return undefined;
    writer.bytes(Buffer.from(String.fromCodePoint(point), "utf8"));
    at += bytes;
  }
  return writer.finish();
}

/** Its bytes mean the same in UTF-8, there and back. */
function isSame(text: Buffer, { movesBackslash }: MultibyteSet): boolean {
  return isAscii(text) && !(movesBackslash && text.includes(BACKSLASH));
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKQUOTE = 0x60;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const HASH = 0x23;
const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION_MARK = 0x3f;

class Statement {
  readonly #sql: Buffer;
  readonly #set: MultibyteSet;
  readonly #encoding: StatementEncoding;
  readonly #out: BufferWriter;
  #at = 0;

  constructor(sql: Buffer, set: MultibyteSet, encoding: StatementEncoding) {
    this.#sql = sql;
    this.#set = set;
    this.#encoding = encoding;
    this.#out = new BufferWriter(sql.length * 2);
  }

  converted(): Buffer {
    const sql = this.#sql;
    while (this.#at < sql.length) {
      const byte = sql[this.#at] as number;
      const next = sql[this.#at + 1];
      if (byte === QUOTE || (byte === DOUBLE_QUOTE && !this.#encoding.ansiQuotes)) this.#literal(byte);
      else if (byte === BACKQUOTE || byte === DOUBLE_QUOTE) this.#name(byte);
      else if (byte === HASH || (byte === MINUS && next === MINUS && isBlank(sql[this.#at + 2])))
        this.#comment(NEWLINE);
      else if (byte === SLASH && next === STAR && !isCode(sql, this.#at + 2)) this.#comment(SLASH);
      else this.#character(undefined);
    }
    return this.#out.finish();
  }

  /** One character as it is; one that is not known as `instead`, or refused. */
  #character(instead: number | undefined): void {
    const { point, bytes } = characterAt(this.#sql, this.#at, this.#set);
    if (point < 0x80 && bytes === 1 && point > 0) this.#out.u8(point);
    else if (point === 0 || point < 0x80) {
      if (this.#sql[this.#at] === 0) this.#out.u8(0);
      else if (instead === undefined) throw notText(this.#sql.subarray(this.#at), this.#encoding.charset);
      else this.#out.u8(instead);
    } else this.#out.bytes(Buffer.from(String.fromCodePoint(point), "utf8"));
    this.#at += bytes;
  }

  #name(quote: number): void {
    do this.#character(undefined);
    while (this.#at < this.#sql.length && this.#sql[this.#at] !== quote);
    if (this.#at < this.#sql.length) this.#character(undefined);
  }

  /** Up to the end of the line, or to the end of a comment in the middle of one. */
  #comment(end: typeof NEWLINE | typeof SLASH): void {
    const sql = this.#sql;
    while (this.#at < sql.length) {
      const isEnd = end === NEWLINE ? sql[this.#at] === NEWLINE : sql[this.#at] === STAR && sql[this.#at + 1] === SLASH;
      if (isEnd) return;
      this.#character(QUESTION_MARK);
    }
  }

  #literal(quote: number): void {
    const sql = this.#sql;
    const start = this.#at;
    // A backslash that stays one would come back as another character.
    const losesBackslash = this.#set.movesBackslash && this.#encoding.isConnection;
    let isPlain = true;
    let at = start + 1;
    for (; at < sql.length; ) {
      const byte = sql[at] as number;
      if (byte === BACKSLASH && !this.#encoding.noBackslashEscapes) {
        const next = sql[at + 1] ?? 0;
        isPlain &&= next < 0x80 && !(losesBackslash && KEEPS_BACKSLASH.includes(next));
        at += 2;
      } else if (byte === quote) {
        if (sql[at + 1] !== quote) break;
        at += 2;
      } else if (byte < 0x80) {
        isPlain &&= !(losesBackslash && byte === BACKSLASH);
        at++;
      } else {
        const { point, bytes, isOnly } = characterAt(sql, at, this.#set);
        isPlain &&= this.#encoding.isConnection ? isOnly && point >= 0x80 : point === 0 || point >= 0x80;
        at += bytes;
      }
    }
    const end = Math.min(at, sql.length);
    const body = sql.subarray(start + 1, end);
    this.#at = start;
    if (isSame(body, this.#set) || end === sql.length) this.#copyTo(end + 1);
    else if (this.#hasIntroducer(start)) this.#hexadecimal(this.#unescaped(body, quote), true);
    else if (isPlain) this.#copyTo(end + 1);
    else this.#hexadecimal(this.#unescaped(body, quote), false);
    this.#at = Math.min(end + 1, sql.length);
  }

  #copyTo(end: number): void {
    const stop = Math.min(end, this.#sql.length);
    while (this.#at < stop) {
      // An escape is two bytes, also before what would begin a character.
      if (this.#sql[this.#at] === BACKSLASH && !this.#encoding.noBackslashEscapes && this.#at + 1 < stop) {
        this.#out.u8(BACKSLASH);
        this.#at++;
      }
      this.#character(QUESTION_MARK);
    }
  }

  /** What stands before the literal, blanks aside, is the name of a character set. */
  #hasIntroducer(start: number): boolean {
    return /(?:^|[^\w$])_[a-z0-9]+\s*$/i.test(this.#sql.latin1Slice(Math.max(0, start - INTRODUCER_BYTES_MAX), start));
  }

  #hexadecimal(bytes: Buffer, hasIntroducer: boolean): void {
    const { charset } = this.#encoding;
    const introducer = !hasIntroducer && this.#isWellFormed(bytes) ? `_${charset}` : "";
    this.#out.string(`${introducer} X'${bytes.toString("hex")}'`);
  }

  #isWellFormed(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at] as number;
      const isPair = this.#set.isPair(byte, bytes[at + 1] ?? 0);
      if (byte >= 0x80 && !isPair && this.#set.codePoints[byte] === 0) return false;
      at += isPair ? 2 : 1;
    }
    return true;
  }

  /** What a literal's text stands for (manual: "String Literals"). */
  #unescaped(body: Buffer, quote: number): Buffer {
    const out: number[] = [];
    for (let at = 0; at < body.length; at++) {
      const byte = body[at] as number;
      const next = body[at + 1];
      if (this.#set.isPair(byte, next ?? 0)) {
        out.push(byte, next ?? 0);
        at++;
      } else if (byte === BACKSLASH && !this.#encoding.noBackslashEscapes && next !== undefined) {
        const meant = ESCAPED_BYTES.get(next);
        if (meant === undefined && (next === 0x25 || next === 0x5f)) out.push(BACKSLASH);
        out.push(meant ?? next);
        at++;
      } else {
        out.push(byte);
        if (byte === quote) at++;
      }
    }
    return Buffer.from(out);
  }
}

const INTRODUCER_BYTES_MAX = 40;
/** Behind a backslash: itself, and what LIKE reads. */
const KEEPS_BACKSLASH = Buffer.from("\\%_");

interface Character {
  /** 0: none. */
  readonly point: number;
  readonly bytes: number;
  /** Nothing else stands for it. */
  readonly isOnly: boolean;
}

function characterAt(bytes: Buffer, at: number, { codePoints, codes, isPair }: MultibyteSet): Character {
  const byte = bytes[at] as number;
  if (byte < 0x80) return { point: byte, bytes: 1, isOnly: true };
  const trail = bytes[at + 1] ?? 0;
  const code = isPair(byte, trail) ? (byte << 8) | trail : byte;
  const point = codePoints[code] ?? 0;
  return { point, bytes: code > 0xff ? 2 : 1, isOnly: codes.get(point) === code };
}

/** `/*!` and `/*M!` begin statements' text. */
function isCode(sql: Buffer, at: number): boolean {
  return sql[at] === 0x21 || (sql[at] === 0x4d && sql[at + 1] === 0x21);
}

function isBlank(byte: number | undefined): boolean {
  return byte === undefined || byte <= 0x20;
}

function notText(bytes: Buffer, charset: string): MysqlError {
  const shown = bytes.subarray(0, 6).toString("hex").toUpperCase().replace(/../g, "\\x$&");
  return new MysqlError(1300, "HY000", `Invalid ${charset} character string: '${shown}'`);
}
