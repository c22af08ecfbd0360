// Cuts a statement into tokens by MySQL's rules (sql_lex.cc of either server is described in their manuals under
// "Language Structure"): kinds, offsets and the word of the grammar a token is. Values of strings and quoted names are
// taken out later, and only where they are needed. Never throws: what cannot be a token becomes an ERROR token, so that
// the parser reports the first fault in reading order.

import { LIMITS } from "../base/limits.ts";
import { decodeSql, encodeSql } from "./encoding.ts";
import type { SqlMode } from "./tree.ts";
import { CHARSETS, findWord, isReservedAt, wordAt } from "./words.ts";

/** Kinds of tokens. */
export const T = {
  eof: 0,
  /** An unquoted name that is not reserved. */
  word: 1,
  /** A reserved word. */
  keyword: 2,
  quoted: 3,
  string: 4,
  int: 5,
  decimal: 6,
  float: 7,
  hexval: 8,
  hexnum: 9,
  bitval: 10,
  bitnum: 11,
  nstring: 12,
  /** `_utf8mb4` */
  introducer: 13,
  /** `@name`, `@'name'` */
  userVariable: 14,
  op: 15,
  bind: 16,
  listBind: 17,
  param: 18,
  hint: 19,
  error: 20,
} as const;

export interface Tokens {
  readonly text: string;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Lower case word of the grammar, or the operator; empty for everything else. */
  readonly words: readonly string[];
}

/** Version that executable comments are compared with. */
const VERSIONS = { mysql: 80_042, mariadb: 101_199 } as const;

// Classes of characters below 128; everything above is part of names.
const C_OTHER = 0;
const C_SPACE = 1;
const C_IDENT = 2;
const C_DIGIT = 3;
const CLASSES = new Uint8Array(128);
for (const code of [9, 10, 11, 12, 13, 32]) CLASSES[code] = C_SPACE;
for (let code = 48; code <= 57; code++) CLASSES[code] = C_DIGIT;
for (let code = 65; code <= 90; code++) CLASSES[code] = C_IDENT;
for (let code = 97; code <= 122; code++) CLASSES[code] = C_IDENT;
CLASSES[95] = C_IDENT;
CLASSES[36] = C_IDENT;

const SINGLE: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));

/**
 * Tokens of `text` from offset `from` on, the `;` that ends the first statement included, then an eof token. With `all`
 * the tokens go on to the end of the text (bodies of stored programs).
 */
export function tokenize(text: string, mode: SqlMode, from = 0): Tokens {
  const length = text.length;
  const codes = codesOf(text);
  // A guess that most statements keep to; push() makes room beyond it.
  let kinds = new Uint8Array((length >> 2) + 16);
  let starts = new Int32Array(kinds.length);
  let ends = new Int32Array(kinds.length);
  const words: string[] = [];
  let pushed = 0;
  const dialect = mode.dialect;
  let at = from;
  let inExecutable = false;
  /** The token before, where the reading of the next one depends on it. */
  let afterDot = false;
  let count = 0;
  const tokensMax = LIMITS.statementTokensMax;

  while (at < length) {
    const code = codes[at] ?? 0;
    const start = at;
    const type = code < 128 ? CLASSES[code] : C_IDENT;
    if (type === C_SPACE) {
      at++;
      continue;
    }
    if (++count > tokensMax) {
      push(T.error, start, start, "");
      break;
    }
    if (type === C_IDENT) {
      // Prefixes that make the string behind them a literal of another kind.
      if ((codes[at + 1] ?? 0) === 39 && !afterDot) {
        const lower = code | 0x20;
        if (lower === 120 || lower === 98) {
          at = digitsEnd(codes, at + 2, lower === 120);
          if ((codes[at] ?? 0) !== 39 || (lower === 120 && (at - start) % 2 !== 0)) {
            push(T.error, start, length, "");
            break;
          }
          at++;
          push(lower === 120 ? T.hexval : T.bitval, start, at, "");
          continue;
        }
        if (lower === 110) {
          at = stringEnd(codes, at + 1, 39, !mode.noBackslashEscapes);
          if (at < 0) {
            push(T.error, start, length, "");
            break;
          }
          push(T.nstring, start, at, "");
          continue;
        }
      }
      let hash = 0;
      let c = code;
      let to = start;
      do {
        hash = (Math.imul(hash, 31) + (c | 0x20)) | 0;
        c = codes[++to] ?? 0;
      } while (c < 128 ? (CLASSES[c] ?? 0) >= C_IDENT : c >= 128);
      at = to;
      if (afterDot) {
        push(T.word, start, at, "");
        afterDot = false;
        continue;
      }
      if (code === 95 && CHARSETS.has(text.slice(start + 1, at).toLowerCase())) {
        push(T.introducer, start, at, "");
        continue;
      }
      // A word with a dot and a name right behind it is a name, be it reserved or not; behind @@ it may be a scope.
      if (c === 46 && isNameCode(codes[at + 1] ?? 0) && words[pushed - 1] !== "@@") {
        push(T.word, start, at, "");
        continue;
      }
      const index = findWord(codes, start, at, hash);
      if (index < 0) push(T.word, start, at, "");
      else push(isReservedAt(index, dialect) ? T.keyword : T.word, start, at, wordAt(index));
      continue;
    }
    if (type === C_DIGIT) {
      if (afterDot) {
        at = nameEnd(codes, at);
        push(T.word, start, at, "");
        afterDot = false;
      } else {
        at = number(start);
      }
      continue;
    }
    afterDot = false;
    const next = codes[at + 1] ?? 0;
    switch (code) {
      case 34: // "
      case 39: {
        // '
        const isName = code === 34 && mode.ansiQuotes;
        at = stringEnd(codes, at, code, !mode.noBackslashEscapes && !isName);
        if (at < 0) {
          push(T.error, start, length, "");
          at = length;
        } else push(isName ? T.quoted : T.string, start, at, "");
        continue;
      }
      case 96: // `
        at = stringEnd(codes, at, code, false);
        if (at < 0) {
          push(T.error, start, length, "");
          at = length;
        } else push(T.quoted, start, at, "");
        continue;
      case 35: // #
        at = lineEnd(text, at);
        count--;
        continue;
      case 45: // -
        if (next === 45 && (at + 2 >= length || (codes[at + 2] ?? 0) <= 32)) {
          at = lineEnd(text, at);
          count--;
          continue;
        }
        if (next === 62) {
          if ((codes[at + 2] ?? 0) === 62) at = op(at, "->>");
          else at = op(at, "->");
        } else at = op(at, "-");
        continue;
      case 47: // /
        if (next === 42) {
          at = comment(at);
          count--;
        } else at = op(at, "/");
        continue;
      case 42: // *
        if (inExecutable && next === 47) {
          inExecutable = false;
          at += 2;
          count--;
        } else at = op(at, "*");
        continue;
      case 46: // .
        if (next >= 48 && next <= 57 && !nameJustBefore(start)) {
          at = fraction(start, at + 1);
        } else {
          at = op(at, ".");
          afterDot = true;
        }
        continue;
      case 64: // @
        if (next === 64) at = op(at, "@@");
        else at = userVariable(at);
        continue;
      case 58: // :
        if (next === 61) at = op(at, ":=");
        else if (next === 58) at = bind(at, 2, T.listBind);
        else at = bind(at, 1, T.bind);
        continue;
      case 63: // ?
        at++;
        push(T.param, start, at, "");
        continue;
      case 60: // <
        if (next === 61) at = op(at, (codes[at + 2] ?? 0) === 62 ? "<=>" : "<=");
        else if (next === 62) at = op(at, "<>");
        else if (next === 60) at = op(at, "<<");
        else at = op(at, "<");
        continue;
      case 62: // >
        if (next === 61) at = op(at, ">=");
        else if (next === 62) at = op(at, ">>");
        else at = op(at, ">");
        continue;
      case 33: // !
        at = op(at, next === 61 ? "!=" : "!");
        continue;
      case 38: // &
        at = op(at, next === 38 ? "&&" : "&");
        continue;
      case 124: // |
        at = op(at, next === 124 ? "||" : "|");
        continue;
      case 92: // \N
        if (next === 78 && dialect === "mariadb") {
          at += 2;
          push(T.keyword, start, at, "null");
          continue;
        }
        push(T.error, start, length, "");
        at = length;
        continue;
      case 59: // ;
      case 40: // (
      case 41: // )
      case 44: // ,
      case 61: // =
      case 43: // +
      case 37: // %
      case 94: // ^
      case 126: // ~
      case 123: // {
      case 125: // }
        at++;
        push(T.op, start, at, SINGLE[code] ?? "");
        continue;
      default:
        push(T.error, start, length, "");
        at = length;
    }
  }
  if (inExecutable) push(T.error, length, length, "");
  push(T.eof, length, length, "");
  return { text, kinds, starts, ends, words };

  function push(kind: number, start: number, end: number, word: string): void {
    if (pushed === kinds.length) {
      kinds = enlarged(kinds, new Uint8Array(pushed * 2));
      starts = enlarged(starts, new Int32Array(pushed * 2));
      ends = enlarged(ends, new Int32Array(pushed * 2));
    }
    kinds[pushed] = kind;
    starts[pushed] = start;
    ends[pushed++] = end;
    words.push(word);
  }

  // The readers below take the place they read at and return the place behind, so that the loop keeps it in a register.

  function op(at: number, word: string): number {
    push(T.op, at, at + word.length, word);
    return at + word.length;
  }

  function bind(start: number, colons: number, kind: number): number {
    let end = start + colons;
    for (;;) {
      const c = codes[end] ?? 0;
      if (c >= 128 || (c < 128 && (CLASSES[c] ?? 0) >= C_IDENT) || (c === 46 && end > start + colons)) end++;
      else break;
    }
    if (end === start + colons) return colons === 1 ? op(start, ":") : fault(start);
    push(kind, start, end, "");
    return end;
  }

  /** What stands at `start` is no token; reading ends there. */
  function fault(start: number): number {
    push(T.error, start, length, "");
    return length;
  }

  function userVariable(start: number): number {
    const c = codes[start + 1] ?? 0;
    let end = start + 1;
    if (c === 39 || c === 34 || c === 96) {
      end = stringEnd(codes, end, c, c !== 96 && !mode.noBackslashEscapes);
      if (end < 0) return fault(start);
      push(T.userVariable, start, end, "");
      return end;
    }
    for (;;) {
      const each = codes[end] ?? 0;
      if (each >= 128 || (each < 128 && (CLASSES[each] ?? 0) >= C_IDENT) || each === 46) end++;
      else break;
    }
    if (end === start + 1) push(T.op, start, end, "@");
    else push(T.userVariable, start, end, "");
    return end;
  }

  /** Reads a token that starts with a digit: a number, or a name such as `1a`. Returns its end. */
  function number(start: number): number {
    const second = (codes[start + 1] ?? 0) | 0x20;
    if ((codes[start] ?? 0) === 48 && (second === 120 || second === 98)) {
      // Only a lower case x or b makes a literal: 0X1 is a name.
      const prefix = codes[start + 1] ?? 0;
      const end = prefix === second ? digitsEnd(codes, start + 2, second === 120) : start;
      if (end > start + 2 && !isNameCode(codes[end] ?? 0)) {
        push(second === 120 ? T.hexnum : T.bitnum, start, end, "");
        return end;
      }
      const name = nameEnd(codes, start);
      push(T.word, start, name, "");
      return name;
    }
    let end = start + 1;
    while (isDigit(codes[end] ?? 0)) end++;
    const c = codes[end] ?? 0;
    if (c === 46) return fraction(start, end + 1);
    if (isNameCode(c)) {
      if ((c | 0x20) === 101) {
        const exponent = exponentEnd(codes, end);
        if (exponent > 0) {
          push(T.float, start, exponent, "");
          return exponent;
        }
      }
      const name = nameEnd(codes, end);
      push(T.word, start, name, "");
      return name;
    }
    push(T.int, start, end, "");
    return end;
  }

  /** Reads what follows the decimal point at `from - 1`. */
  function fraction(start: number, from: number): number {
    let end = from;
    while (isDigit(codes[end] ?? 0)) end++;
    if (((codes[end] ?? 0) | 0x20) === 101) {
      const exponent = exponentEnd(codes, end);
      if (exponent > 0) {
        push(T.float, start, exponent, "");
        return exponent;
      }
    }
    push(T.decimal, start, end, "");
    return end;
  }

  function nameJustBefore(start: number): boolean {
    const last = pushed - 1;
    if (last < 0 || ends[last] !== start) return false;
    const kind = kinds[last];
    return kind === T.word || kind === T.keyword || kind === T.quoted;
  }

  function comment(start: number): number {
    let bang = start + 2;
    let c = codes[bang] ?? 0;
    // MariaDB's own form; for MySQL it is a comment.
    if (c === 77 && (codes[bang + 1] ?? 0) === 33 && dialect === "mariadb") {
      bang++;
      c = 33;
    }
    let end: number;
    if (c === 33) {
      end = bang + 1;
      while (end < bang + 7 && isDigit(codes[end] ?? 0)) end++;
      if (end - bang - 1 < 5) end = bang + 1;
      const version = end > bang + 1 ? Number(text.slice(bang + 1, end)) : 0;
      if (!inExecutable && executableRuns(version, dialect)) {
        inExecutable = true;
        return end;
      }
      end = commentEnd(text, end, true);
    } else if (c === 43 && takesHint()) {
      end = commentEnd(text, start + 3, false);
      if (end > 0) push(T.hint, start, end, "");
    } else end = commentEnd(text, start + 2, false);
    return end < 0 ? fault(start) : end;
  }

  function takesHint(): boolean {
    switch (words[pushed - 1]) {
      case "select":
      case "insert":
      case "replace":
      case "update":
      case "delete":
        return kinds[pushed - 1] !== T.quoted;
      default:
        return false;
    }
  }
}

/**
 * The characters of `text` as numbers: strings come in several representations, and asking each character of one for its
 * code costs more than this copy.
 */
function codesOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, "utf16le");
  // Buffers start at even offsets; were one not to, a copy does.
  if (bytes.byteOffset % 2 !== 0) return new Uint16Array(Uint8Array.from(bytes).buffer);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, text.length);
}

function enlarged<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** The server executes what stands in a comment of that version (0: without one). */
export function executableRuns(version: number, dialect: SqlMode["dialect"]): boolean {
  if (version > VERSIONS[dialect]) return false;
  // MariaDB leaves out what MySQL 5.7 and later wrote for themselves.
  return !(dialect === "mariadb" && version >= 50_700 && version <= 99_999);
}

/** End of the string that opens at `at`, behind its closing quote, or -1. */
export function stringEnd(codes: Uint16Array, at: number, quote: number, backslash: boolean): number {
  const length = codes.length;
  let end = at + 1;
  while (end < length) {
    const c = codes[end] ?? 0;
    if (c === quote) {
      if ((codes[end + 1] ?? 0) !== quote) return end + 1;
      end += 2;
    } else if (c === 92 && backslash) end += 2;
    else end++;
  }
  return -1;
}

/** Text of a string token's inside (`start` and `end` exclude the quotes), escapes and doubled quotes taken out. */
export function unescape(text: string, start: number, end: number, quote: string, backslash: boolean): string {
  const raw = text.slice(start, end);
  if (isBare(raw, quote.charCodeAt(0), backslash)) return raw;
  let out = "";
  let from = 0;
  for (let at = 0; at < raw.length; at++) {
    const c = raw[at];
    if (c === quote) {
      out += raw.slice(from, at);
      // The second of the two quotes is kept.
      from = ++at;
    } else if (c === "\\" && backslash && at + 1 < raw.length) {
      out += raw.slice(from, at) + escaped(raw[at + 1] ?? "");
      from = ++at + 1;
    }
  }
  return rejoined(out + raw.slice(from));
}

function isBare(raw: string, quote: number, backslash: boolean): boolean {
  for (let at = 0; at < raw.length; at++) {
    const code = raw.charCodeAt(at);
    if (code === quote || (code === 92 && backslash)) return false;
  }
  return true;
}

/** Bytes that an escape stood between may be a character together. */
export function rejoined(text: string): string {
  return /[\udc80-\udcff]/.test(text) ? decodeSql(encodeSql(text)) : text;
}

function escaped(c: string): string {
  switch (c) {
    case "0":
      return "\0";
    case "b":
      return "\b";
    case "n":
      return "\n";
    case "r":
      return "\r";
    case "t":
      return "\t";
    case "Z":
      return "\x1a";
    // In patterns \% and \_ keep their backslash for LIKE.
    case "%":
      return "\\%";
    case "_":
      return "\\_";
    default:
      return c;
  }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isNameCode(code: number): boolean {
  return code >= 128 || (code < 128 && (CLASSES[code] ?? C_OTHER) >= C_IDENT);
}

function nameEnd(codes: Uint16Array, at: number): number {
  let end = at;
  while (isNameCode(codes[end] ?? 0)) end++;
  return end;
}

function digitsEnd(codes: Uint16Array, at: number, hex: boolean): number {
  let end = at;
  for (;;) {
    const c = codes[end] ?? 0;
    const lower = c | 0x20;
    if (hex ? isDigit(c) || (lower >= 97 && lower <= 102) : c === 48 || c === 49) end++;
    else return end;
  }
}

/** End of `e10`, `e+10`, `e-10` at `at`, or -1. */
function exponentEnd(codes: Uint16Array, at: number): number {
  let end = at + 1;
  const sign = codes[end] ?? 0;
  if (sign === 43 || sign === 45) end++;
  if (!isDigit(codes[end] ?? 0)) return -1;
  while (isDigit(codes[end] ?? 0)) end++;
  return end;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** End of a comment whose inside starts at `at`; a skipped executable comment may have comments inside. */
function commentEnd(text: string, at: number, nested: boolean): number {
  let from = at;
  for (;;) {
    const end = text.indexOf("*/", from);
    if (end < 0) return -1;
    if (nested) {
      const inner = text.indexOf("/*", from);
      if (inner >= 0 && inner < end) {
        const close = text.indexOf("*/", inner + 2);
        if (close < 0) return -1;
        from = close + 2;
        continue;
      }
    }
    return end + 2;
  }
}
