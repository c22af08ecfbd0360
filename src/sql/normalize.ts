// From a client's bytes to (plan cache key, bind values) in one pass, without a tree. Every query goes through here, so
// the loop looks at bytes through a table, copies what stays into a scratch buffer, and makes one string at its end.
//
// The key is SQL text that parse() reads. Literals of SELECT, INSERT, REPLACE, UPDATE and DELETE become `:v1`, `:v2`, …,
// an IN list of literals becomes one `::v3`. Comments and white space that mean nothing are gone. What stays:
// - NULL, TRUE, FALSE; literals that the grammar takes only as such (types, fractional seconds, DATE '…', SEPARATOR,
//   JSON paths, INTO OUTFILE …); statements of other kinds are left as they are;
// - a select expression without an alias, to the byte, when it is more than a column: its text names the result column;
// - bare literals of ORDER BY and GROUP BY, which are positions; one that also stands in the select list is treated as
//   it is there, so that equal expressions stay equal.

import { LIMITS } from "../base/limits.ts";
import type { BindValue, ListBind, LiteralBind } from "./bind-value.ts";
import { type Directives, directivesOf } from "./directives.ts";
import { decodeSql } from "./encoding.ts";
import { executableRuns } from "./lexer.ts";
import type { LiteralType, SqlMode } from "./tree.ts";
import { CHARSETS, findWord, SPACE_SENSITIVE, wordTable } from "./words.ts";

export interface Normalized {
  readonly key: string;
  readonly binds: readonly BindValue[];
  /** Directives of comments such as `/*vt+ NAME=value *\/`, undefined when there are none. */
  readonly directives: Directives | undefined;
  /** First word in lower case, opening parentheses skipped; empty for an empty statement. */
  readonly verb: string;
  /** Offset where the first statement ends: of its `;`, or the length of the buffer or more: nothing is behind it. */
  readonly statementEnd: number;
}

// Classes of bytes.
const B_SPACE = 1;
const B_NAME = 2;
const B_DIGIT = 3;
const B_QUOTE = 4;
const B_PUNCTUATION = 5;
const B_OPERATOR = 6;
const BYTES = new Uint8Array(256);
for (const code of [9, 10, 11, 12, 13, 32]) BYTES[code] = B_SPACE;
for (let code = 48; code <= 57; code++) BYTES[code] = B_DIGIT;
for (let code = 65; code <= 90; code++) BYTES[code] = BYTES[code + 32] = B_NAME;
for (let code = 128; code <= 255; code++) BYTES[code] = B_NAME;
BYTES[95] = BYTES[36] = B_NAME;
BYTES[39] = BYTES[34] = BYTES[96] = B_QUOTE;
/** 1 for bytes inside names. */
const NAMES = BYTES.map((kind) => (kind === B_NAME || kind === B_DIGIT ? 1 : 0));
for (const code of [40, 41, 44, 59, 123, 125]) BYTES[code] = B_PUNCTUATION;
for (const code of [33, 37, 38, 42, 43, 45, 46, 47, 58, 60, 61, 62, 63, 64, 94, 124, 126, 35]) BYTES[code] = B_OPERATOR;

// Classes of words.
/** A word that is none of the grammar's. */
const W_OTHER = 0;
/** Any other word of the grammar: never an alias without AS. */
const W_GRAMMAR = 1;
const W_SELECT = 2;
/** Ends a select list or the items behind BY. */
const W_CLAUSE = 3;
const W_BY = 4;
const W_IN = 5;
const W_AS = 6;
/** A type: numbers in parentheses behind it are its length. */
const W_TYPE = 7;
/** A function whose literals stay. */
const W_KEEP_CALL = 8;
/** The literal behind it stays. */
const W_KEEP_NEXT = 9;
/** All literals behind it stay. */
const W_KEEP_REST = 10;
/** Ends the items behind BY only. */
const W_FRAME = 11;
const W_HINTED = 12;

const WORD_CLASSES = wordTable(
  new Map(
    (
      [
        [W_SELECT, "select"],
        [W_CLAUSE, "from into where having limit union except intersect for order group"],
        [W_BY, "by"],
        [W_IN, "in"],
        [W_AS, "as"],
        [
          W_TYPE,
          "char character nchar nvarchar varchar binary varbinary decimal dec numeric fixed float double real datetime time timestamp int integer bigint smallint tinyint mediumint bit text blob",
        ],
        [
          W_KEEP_CALL,
          "now current_timestamp current_time localtime localtimestamp curtime sysdate utc_time utc_timestamp json_table json_value weight_string position day_second",
        ],
        [W_KEEP_NEXT, "collate using charset separator path wait date level format set"],
        [W_KEEP_REST, "outfile dumpfile"],
        [W_FRAME, "rows range groups exclude with"],
        [W_HINTED, "insert replace update delete"],
      ] as const
    ).flatMap(([kind, words]) => words.split(" ").map((word): [string, number] => [word, kind])),
  ),
  W_GRAMMAR,
);

// What a level of parentheses holds.
const C_NORMAL = 0;
/** The items of a SELECT. */
const C_ITEMS = 1;
/** The items behind ORDER BY or GROUP BY. */
const C_BY = 2;
/** Parentheses inside such an item. */
const C_IN_BY = 3;
/** Literals stay. */
const C_KEEP = 4;

const VERBS: ReadonlySet<string> = new Set([
  "select",
  "insert",
  "replace",
  "update",
  "delete",
  "with",
  "values",
  "table",
]);
const PROGRAMS = /^\s*create\b[^(;]*?\b(procedure|function|trigger|event|package)\b/i;

const LEVELS_MAX = LIMITS.statementDepthMax + 2;
/** Select lists inside select lists beyond which literals are left alone: each costs a copy of its text. */
const NESTED_ITEMS_MAX = 24;
/** Literals of select lists that those of ORDER BY and GROUP BY are compared with. */
const ITEM_LITERALS_MAX = 64;
const SCRATCH_KEPT_BYTES_MAX = 1 << 20;

// Scratch space, valid within one call.
let scratch = Buffer.allocUnsafe(16 * 1024);
const levels = new Uint8Array(LEVELS_MAX);
const itemStarts = new Int32Array(LEVELS_MAX);
const itemOuts = new Int32Array(LEVELS_MAX);
const itemBinds = new Int32Array(LEVELS_MAX);
const itemLiterals = new Int32Array(LEVELS_MAX);
const itemComplex = new Uint8Array(LEVELS_MAX);
const literalStarts = new Int32Array(ITEM_LITERALS_MAX);
const literalEnds = new Int32Array(ITEM_LITERALS_MAX);
const literalIndexes = new Int32Array(ITEM_LITERALS_MAX);

/** Kinds of the token before, for spacing and for telling aliases. */
const P_NONE = 0;
const P_WORD = 1;
const P_OPERATOR = 2;
const P_PUNCTUATION = 3;

/** Normalizes the first statement of `sql`, which the bind values keep slices of. */
export function normalize(sql: Buffer, mode: SqlMode): Normalized {
  const backslash = !mode.noBackslashEscapes;
  const length = sql.length;
  let buffer = length + 256 <= scratch.length ? scratch : grown(length * 2 + 256);
  let out = 0;
  let at = 0;
  let verb = "";
  let verbStart = 0;
  /** Literals become bind variables. */
  let binding = false;
  let directives: Directives | undefined;
  const binds: BindValue[] = [];
  let level = 0;
  let context = C_NORMAL;
  levels[0] = C_NORMAL;
  let itemLevels = 0;
  let literals = 0;
  let highBits = 0;
  /** White space or a comment stood before the current token. */
  let gap = false;
  let previous = P_NONE;
  /** The last output was a bind variable or a copied item: a name must not run into it. */
  let apart = false;
  /** The last token ends an operand. */
  let operand = false;
  /** Class and place of the last token when it was a word, W_GRAMMAR when it was none. */
  let wordClass = W_GRAMMAR;
  let wordStart = 0;
  /** The last token was AS, and the place where a type may stand. */
  let afterAs = false;
  let typePlace = false;
  let afterComma = false;
  let lastEnd = 0;
  /** The last token of the select expression is an alias. */
  let aliased = false;
  let keepNext = false;
  /** The token stands right behind BY or a comma of its list. */
  let bare = false;
  let braces = 0;
  let inExecutable = false;
  /** The statement with the marks of executable comments blanked, once there is one. */
  let plain: Buffer | undefined;
  /** The client wrote a `:name`, which no server reads: the key must be refused, too. */
  let foreign = false;
  let introducerStart = -1;
  let end = length;

  scan: while (at < length) {
    const byte = sql[at] ?? 0;
    const start = at;
    let type: LiteralType | undefined;
    let items: LiteralBind[] | undefined;
    switch (BYTES[byte]) {
      case B_SPACE:
        gap = true;
        at++;
        continue;

      case B_NAME: {
        if (sql[at + 1] === 39) {
          const lower = byte | 0x20;
          if (
            (lower === 120 || lower === 98 || lower === 110) &&
            !(previous === P_PUNCTUATION && buffer[out - 1] === 46)
          ) {
            const close = stringEnd(sql, at + 1, 39, lower === 110 && backslash);
            if (close < 0) {
              copyRest(start);
              break scan;
            }
            at = close;
            type = lower === 120 ? "hexval" : lower === 98 ? "bitval" : "nstring";
            break;
          }
        }
        let hash = 0;
        let bits = 0;
        let to = at;
        let c = byte;
        do {
          hash = (Math.imul(hash, 31) + (c | 0x20)) | 0;
          bits |= c;
          c = sql[++to] ?? 0;
        } while (NAMES[c] === 1);
        at = to;
        highBits |= bits;
        // Beside a dot any word is a name.
        const index =
          (c === 46 && NAMES[sql[to + 1] ?? 0] === 1) || (previous === P_PUNCTUATION && buffer[out - 1] === 46)
            ? -1
            : findWord(sql, start, to, hash);
        word(start, to, index < 0 ? W_OTHER : (WORD_CLASSES[index] ?? W_GRAMMAR));
        if (at !== to) break scan;
        continue;
      }

      case B_DIGIT: {
        if (previous === P_PUNCTUATION && buffer[out - 1] === 46) {
          while (NAMES[sql[at] ?? 0] === 1) highBits |= sql[at++] ?? 0;
          word(start, at, W_OTHER);
          continue;
        }
        const close = numberEnd(sql, at);
        if (close < 0) {
          // A name that starts with digits.
          at = -close;
          for (let each = start; each < at; each++) highBits |= sql[each] ?? 0;
          word(start, at, W_OTHER);
          continue;
        }
        at = close;
        type = numberType(sql, start, at);
        break;
      }

      case B_QUOTE: {
        const isName = byte === 96 || (byte === 34 && mode.ansiQuotes);
        const close = stringEnd(sql, at, byte, backslash && !isName);
        if (close < 0) {
          copyRest(start);
          break scan;
        }
        at = close;
        if (!isName) {
          type = "string";
          break;
        }
        for (let each = start; each < at; each++) highBits |= sql[each] ?? 0;
        const alias = operand || afterAs;
        name(start, at);
        aliased = alias;
        operand = true;
        wordClass = W_GRAMMAR;
        afterAs = false;
        keepNext = false;
        bare = false;
        continue;
      }

      case B_PUNCTUATION:
        if (byte === 59) {
          end = at;
          break scan;
        }
        at++;
        if (byte === 40) {
          if (wordClass === W_IN && binding && previous === P_WORD && context !== C_KEEP && braces === 0) {
            const list: LiteralBind[] = [];
            const close = literalList(sql, at, mode, list);
            if (close > 0) {
              at = close;
              items = list;
              break;
            }
          }
          if (!open(start)) {
            copyRest(start);
            break scan;
          }
        } else if (byte === 41) close();
        else if (byte === 44 && context === C_ITEMS) {
          finishItem();
          buffer[out++] = 44;
          startItem();
        } else {
          if (byte === 123) braces++;
          else if (byte === 125 && braces > 0) braces--;
          buffer[out++] = byte;
        }
        previous = P_PUNCTUATION;
        operand = byte === 41;
        aliased = false;
        wordClass = W_GRAMMAR;
        afterAs = false;
        afterComma = byte === 44;
        bare = afterComma && context === C_BY;
        keepNext = false;
        gap = false;
        apart = false;
        lastEnd = at;
        continue;

      case B_OPERATOR: {
        const next = sql[at + 1] ?? 0;
        if (byte === 35 || (byte === 45 && next === 45 && (at + 2 >= length || (sql[at + 2] ?? 0) <= 32))) {
          at = lineEnd(sql, at);
          gap = true;
          continue;
        }
        if (byte === 47 && next === 42) {
          if (!comment()) {
            copyRest(start);
            break scan;
          }
          gap = true;
          continue;
        }
        if (byte === 42 && next === 47 && inExecutable) {
          inExecutable = false;
          plain?.fill(32, at, at + 2);
          at += 2;
          gap = true;
          continue;
        }
        if (byte === 46 && BYTES[next] === B_DIGIT && !(previous === P_WORD && !gap)) {
          at = fractionEnd(sql, at + 1);
          type = numberType(sql, start, at);
          break;
        }
        if (!operator(byte, next)) {
          copyRest(start);
          break scan;
        }
        continue;
      }

      default:
        // Nothing of SQL: the parser will say so.
        copyRest(start);
        break scan;
    }

    literal(start, type, items);
  }
  if (plain !== undefined && !inExecutable) return normalize(plain, mode);
  if (context === C_ITEMS) finishItem();
  // Other statements are read from their own text.
  if (verb !== "" && !VERBS.has(verb) && (!foreign || verb === "use"))
    return { key: decodeSql(sql.subarray(verbStart, end)).trimEnd(), binds: [], directives, verb, statementEnd: end };
  const key = highBits < 128 ? buffer.latin1Slice(0, out) : decodeSql(buffer.subarray(0, out));
  return { key, binds, directives, verb, statementEnd: end };

  function space(): void {
    if (previous === P_WORD) {
      if (gap || apart) buffer[out++] = 32;
    } else if (gap && previous === P_OPERATOR && ((buffer[out - 2] ?? 0) | 0x20) === 101) {
      // `1e + 2` must not become the number 1e+2.
      buffer[out++] = 32;
    }
  }

  function copy(from: number, to: number): void {
    if (to - from > 48) {
      sql.copy(buffer, out, from, to);
      out += to - from;
    } else for (let each = from; each < to; each++) buffer[out++] = sql[each] ?? 0;
  }

  /** Copies all that is left, which is not read any further. */
  function copyRest(from: number): void {
    if (gap) buffer[out++] = 32;
    copy(from, length);
    at = length;
    highBits = 128;
    context = C_NORMAL;
  }

  function name(from: number, to: number): void {
    space();
    copy(from, to);
    previous = P_WORD;
    gap = false;
    apart = false;
    lastEnd = to;
  }

  function word(from: number, to: number, kind: number): void {
    if (verb === "" && kind !== W_OTHER) {
      verb = sql.latin1Slice(from, to).toLowerCase();
      verbStart = from;
      binding = VERBS.has(verb);
      if (verb === "create" && PROGRAMS.test(sql.latin1Slice(from, Math.min(length, from + 1024)))) {
        copyRest(from);
        return;
      }
    }
    if (sql[from] === 95 && binding && isIntroducer(from, to)) {
      introducerStart = from;
      return;
    }
    if (context !== C_NORMAL) {
      if (context === C_ITEMS) {
        if (kind === W_CLAUSE && !isWithinGroup()) {
          finishItem();
          itemLevels--;
          context = C_NORMAL;
        } else aliased = afterAs || (kind === W_OTHER && operand);
      } else if (context === C_BY && (kind === W_CLAUSE || kind === W_FRAME)) context = C_NORMAL;
    }
    typePlace = afterAs || afterComma || (previous === P_WORD && wordClass === W_GRAMMAR);
    name(from, to);
    wordClass = kind;
    wordStart = from;
    afterAs = false;
    afterComma = false;
    operand = kind === W_OTHER;
    keepNext = false;
    bare = false;
    switch (kind) {
      case W_SELECT:
        operand = false;
        if (itemLevels < NESTED_ITEMS_MAX) {
          context = C_ITEMS;
          itemLevels++;
          startItem();
        } else binding = false;
        break;
      case W_BY:
        if (context !== C_KEEP) context = C_BY;
        bare = true;
        break;
      case W_AS:
        afterAs = true;
        keepNext = true;
        break;
      case W_KEEP_NEXT:
        keepNext = true;
        break;
      case W_TYPE:
        // TIME '…' and TIMESTAMP '…'
        keepNext = ((sql[from] ?? 0) | 0x20) === 116;
        break;
      case W_KEEP_REST:
        binding = false;
        break;
      default:
        break;
    }
  }

  /** The word before was `within`: what follows is no clause of the query but a part of an aggregate function. */
  function isWithinGroup(): boolean {
    return previous === P_WORD && lastEnd - wordStart === 6 && /within/i.test(sql.latin1Slice(wordStart, lastEnd));
  }

  /** `_charset` with a literal behind it. */
  function isIntroducer(from: number, to: number): boolean {
    if (!CHARSETS.has(sql.latin1Slice(from + 1, to).toLowerCase())) return false;
    const next = skipSpace(sql, to);
    const byte = sql[next] ?? 0;
    if (byte === 39 || (byte === 34 && !mode.ansiQuotes)) return true;
    const lower = byte | 0x20;
    if ((lower === 120 || lower === 98) && sql[next + 1] === 39) return true;
    return byte === 48 && (sql[next + 1] === 120 || sql[next + 1] === 98) && numberEnd(sql, next) > 0;
  }

  /** `(`; false when it is deeper than anything the parser reads. */
  function open(from: number): boolean {
    if (level + 1 >= LEVELS_MAX) return false;
    if (
      previous === P_WORD &&
      gap &&
      wordClass !== W_OTHER &&
      wordStart < from &&
      isSpaceSensitive(sql, wordStart, lastEnd)
    )
      buffer[out++] = 32;
    let inner = C_NORMAL;
    if (context === C_ITEMS) itemComplex[level] = 1;
    if (
      context === C_KEEP ||
      (previous === P_WORD && (wordClass === W_KEEP_CALL || (wordClass === W_TYPE && typePlace)))
    )
      inner = C_KEEP;
    else if (context === C_BY || context === C_IN_BY) inner = C_IN_BY;
    levels[level] = context;
    levels[++level] = inner;
    context = inner;
    buffer[out++] = 40;
    return true;
  }

  function close(): void {
    if (context === C_ITEMS) {
      finishItem();
      itemLevels--;
    }
    if (level > 0) level--;
    context = levels[level] ?? C_NORMAL;
    buffer[out++] = 41;
  }

  function operator(byte: number, next: number): boolean {
    const from = at;
    if (byte === 46) {
      if (gap && previous === P_WORD && BYTES[buffer[out - 1] ?? 0] === B_DIGIT) buffer[out++] = 32;
      buffer[out++] = 46;
      at++;
      previous = P_PUNCTUATION;
    } else if (byte === 64 && next !== 64) {
      let to = at + 1;
      const quote = sql[to] ?? 0;
      if (quote === 39 || quote === 34 || quote === 96) to = stringEnd(sql, to, quote, quote !== 96 && backslash);
      else while (NAMES[sql[to] ?? 0] === 1 || sql[to] === 46) to++;
      if (to < 0) return false;
      at = to;
      for (let each = from; each < to; each++) highBits |= sql[each] ?? 0;
      name(from, to);
    } else if (byte === 63) {
      at++;
      name(from, at);
    } else {
      if (byte === 64) space();
      else if (gap && previous === P_OPERATOR) buffer[out++] = 32;
      buffer[out++] = byte;
      at++;
      previous = P_OPERATOR;
      if (byte === 58 && next !== 61) {
        // `:name` is a client's text, not a bind variable of ours: kept from being read as one.
        buffer[out++] = 32;
        foreign ||= NAMES[next] === 1 || next === 58;
      } else if ((byte === 58 && next === 61) || byte === 64 || (byte === 45 && next === 62)) {
        buffer[out++] = next;
        at++;
        if (byte === 64) previous = P_PUNCTUATION;
        if (byte === 45 && sql[at] === 62) {
          buffer[out++] = 62;
          at++;
        }
      }
    }
    // A path of names, and the `*` that stands for columns, leave a select expression a plain one.
    if (context === C_ITEMS && byte !== 46 && (byte !== 42 || operand)) itemComplex[level] = 1;
    aliased = false;
    operand = byte === 63 || (byte === 64 && next !== 64);
    keepNext = byte === 45 && next === 62;
    wordClass = W_GRAMMAR;
    afterAs = false;
    afterComma = false;
    bare = false;
    gap = false;
    apart = false;
    lastEnd = at;
    return true;
  }

  /** A comment at the current place; false when it does not end. */
  function comment(): boolean {
    const from = at;
    let mark = at + 2;
    if (sql[mark] === 77 && sql[mark + 1] === 33 && mode.dialect === "mariadb") mark++;
    if (sql[mark] === 33) {
      let to = mark + 1;
      while (to < mark + 7 && BYTES[sql[to] ?? 0] === B_DIGIT) to++;
      if (to - mark - 1 < 5) to = mark + 1;
      const version = to > mark + 1 ? Number(sql.latin1Slice(mark + 1, to)) : 0;
      if (!inExecutable && executableRuns(version, mode.dialect)) {
        inExecutable = true;
        plain ??= Buffer.from(sql);
        plain.fill(32, from, to);
        at = to;
        return true;
      }
      at = commentEnd(sql, to, true);
      // Inside another one it is skipped, and must be once the outer marks are gone.
      if (inExecutable && at > 0) plain?.fill(32, from, at);
      return at > 0;
    }
    const to = commentEnd(sql, mark, false);
    if (to < 0) return false;
    if (sql[mark] === 43 && previous === P_WORD && (wordClass === W_SELECT || wordClass === W_HINTED)) {
      buffer[out++] = 32;
      for (let each = from; each < to; each++) highBits |= sql[each] ?? 0;
      copy(from, to);
      apart = true;
      if (context === C_ITEMS) startItemAt(to);
    } else if (sql[mark + 2] === 43) {
      const first = (sql[mark] ?? 0) | 0x20;
      const second = (sql[mark + 1] ?? 0) | 0x20;
      if ((first === 118 && second === 116) || (first === 115 && second === 103))
        directives = directivesOf(sql.toString("utf8", mark + 3, to - 2), directives);
    }
    at = to;
    return true;
  }

  function startItem(): void {
    startItemAt(at);
  }

  function startItemAt(from: number): void {
    itemStarts[level] = from;
    itemOuts[level] = out;
    itemBinds[level] = binds.length;
    itemLiterals[level] = literals;
    itemComplex[level] = 0;
    aliased = false;
  }

  /** The text of a select expression without an alias names its column: it is put back as it was written. */
  function finishItem(): void {
    if (itemComplex[level] === 0 || aliased || foreign) return;
    const from = skipSpace(sql, itemStarts[level] ?? 0);
    const to = lastEnd;
    if (from >= to) return;
    out = itemOuts[level] ?? 0;
    if (isNameByte(buffer[out - 1] ?? 0) || buffer[out - 1] === 47) buffer[out++] = 32;
    copy(from, to);
    for (let each = from; each < to; each++) highBits |= sql[each] ?? 0;
    binds.length = itemBinds[level] ?? 0;
    for (let each = itemLiterals[level] ?? 0; each < literals; each++) literalIndexes[each] = -1;
    previous = P_WORD;
    apart = true;
  }

  /** A literal that ends at `at`, or the list of an IN. */
  function literal(from: number, type: LiteralType | undefined, items: LiteralBind[] | undefined): void {
    if (type === "string") {
      // Adjacent strings are one.
      for (;;) {
        const next = skipSpace(sql, at);
        const quote = sql[next] ?? 0;
        if (quote !== 39 && !(quote === 34 && !mode.ansiQuotes)) break;
        const to = stringEnd(sql, next, quote, backslash);
        if (to < 0) break;
        at = to;
      }
    }
    const to = at;
    const start = introducerStart < 0 ? from : introducerStart;
    let kept = !binding || keepNext || braces > 0 || context === C_KEEP;
    let index = -1;
    if (type === "string" && (afterAs || (operand && introducerStart < 0))) {
      // An alias in quotes.
      kept = true;
      aliased = true;
    } else if (context === C_ITEMS) {
      aliased = false;
      itemComplex[level] = 1;
    } else if (!kept && type !== undefined && (context === C_BY || context === C_IN_BY)) {
      const found = findLiteral(sql, start, to, literals);
      if (bare && context === C_BY) kept = true;
      else if (found >= 0) {
        index = literalIndexes[found] ?? -1;
        kept = index < 0;
      } else kept = literals >= ITEM_LITERALS_MAX;
    }
    if (kept) {
      space();
      for (let each = start; each < to; each++) highBits |= sql[each] ?? 0;
      copy(start, to);
      apart = false;
    } else {
      if (previous === P_WORD && (gap || apart || items !== undefined)) buffer[out++] = 32;
      if (index < 0) {
        index = binds.length;
        if (items !== undefined) binds.push(new List(items));
        else if (type !== undefined) binds.push(new Taken(type, sql, start, from, to, mode));
      }
      if (itemLevels > 0 && type !== undefined && literals < ITEM_LITERALS_MAX) {
        literalStarts[literals] = start;
        literalEnds[literals] = to;
        literalIndexes[literals++] = index;
      }
      if (buffer.length - out < length - at + 64) {
        const bigger = grown(buffer.length * 2 + 256);
        buffer.copy(bigger, 0, 0, out);
        buffer = bigger;
      }
      buffer[out++] = 58;
      if (items !== undefined) buffer[out++] = 58;
      buffer[out++] = 118;
      out = writeNumber(buffer, out, index + 1);
      apart = true;
    }
    introducerStart = -1;
    previous = P_WORD;
    operand = true;
    wordClass = W_GRAMMAR;
    afterAs = false;
    afterComma = false;
    keepNext = false;
    bare = false;
    gap = false;
    lastEnd = to;
  }
}

/** A literal taken out of a statement's bytes; its value is made when asked for. */
class Taken implements LiteralBind {
  readonly kind = "literal";
  readonly type: LiteralType;
  private readonly sql: Buffer;
  /** Where the literal starts, its introducer included. */
  private readonly start: number;
  private readonly from: number;
  private readonly to: number;
  private readonly mode: SqlMode;

  constructor(type: LiteralType, sql: Buffer, start: number, from: number, to: number, mode: SqlMode) {
    this.type = type;
    this.sql = sql;
    this.start = start;
    this.from = from;
    this.to = to;
    this.mode = mode;
  }

  get source(): Buffer {
    return this.sql.subarray(this.start, this.to);
  }

  get introducer(): string | undefined {
    if (this.start === this.from) return undefined;
    let to = this.start + 1;
    while (NAMES[this.sql[to] ?? 0] === 1) to++;
    return this.sql.latin1Slice(this.start + 1, to).toLowerCase();
  }

  get raw(): Buffer {
    switch (this.type) {
      case "string":
        return stringBytes(this.sql, skipSpace(this.sql, this.from), this.to, this.mode);
      case "nstring":
        return stringBytes(this.sql, this.from + 1, this.to, this.mode);
      case "hexval":
      case "bitval":
        return this.sql.subarray(this.from + 2, this.to - 1);
      case "hexnum":
      case "bitnum":
        return this.sql.subarray(this.from + 2, this.to);
      default:
        return this.sql.subarray(this.from, this.to);
    }
  }
}

class List implements ListBind {
  readonly kind = "list";
  readonly items: readonly LiteralBind[];

  constructor(items: readonly LiteralBind[]) {
    this.items = items;
  }
}

/** Bytes of the string literal (or adjacent ones) from `start` to `end`, quotes and escapes taken out. */
function stringBytes(sql: Buffer, start: number, end: number, mode: SqlMode): Buffer {
  const backslash = !mode.noBackslashEscapes;
  const quote = sql[start] ?? 39;
  const inside = sql.subarray(start + 1, end - 1);
  if (!inside.includes(quote) && !(backslash && inside.includes(92))) return inside;
  const bytes = Buffer.allocUnsafe(end - start);
  let out = 0;
  for (let at = start; at < end; at = skipSpace(sql, at)) {
    const open = sql[at] ?? 39;
    const close = stringEnd(sql, at, open, backslash);
    if (close < 0) break;
    for (let each = at + 1; each < close - 1; each++) {
      const byte = sql[each] ?? 0;
      if (byte === open) bytes[out++] = sql[++each] ?? 0;
      else if (byte === 92 && backslash && each + 1 < close - 1) {
        const next = sql[++each] ?? 0;
        const plain = ESCAPES[next] ?? 0;
        if (plain === KEEP_BACKSLASH) {
          bytes[out++] = 92;
          bytes[out++] = next;
        } else bytes[out++] = plain === NO_ESCAPE ? next : plain;
      } else bytes[out++] = byte;
    }
    at = close;
  }
  return bytes.subarray(0, out);
}

const NO_ESCAPE = 255;
const KEEP_BACKSLASH = 254;
const ESCAPES = new Uint8Array(256).fill(NO_ESCAPE);
ESCAPES[48] = 0;
ESCAPES[98] = 8;
ESCAPES[110] = 10;
ESCAPES[114] = 13;
ESCAPES[116] = 9;
ESCAPES[90] = 26;
ESCAPES[37] = KEEP_BACKSLASH;
ESCAPES[95] = KEEP_BACKSLASH;

function grown(size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  if (size <= SCRATCH_KEPT_BYTES_MAX) scratch = buffer;
  return buffer;
}

function writeNumber(buffer: Buffer, at: number, value: number): number {
  if (value < 10) {
    buffer[at] = 48 + value;
    return at + 1;
  }
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
  let rest = value;
  for (let place = at + digits - 1; place >= at; place--) {
    buffer[place] = 48 + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
  return at + digits;
}

function isNameByte(byte: number): boolean {
  return NAMES[byte] === 1;
}

function isSpaceSensitive(sql: Buffer, start: number, end: number): boolean {
  return SPACE_SENSITIVE.has(sql.latin1Slice(start, end).toLowerCase());
}

/** Index of a literal of the select list with the same text, or -1. */
function findLiteral(sql: Buffer, start: number, end: number, count: number): number {
  for (let index = 0; index < count; index++) {
    const from = literalStarts[index] ?? 0;
    const to = literalEnds[index] ?? 0;
    if (to - from === end - start && sql.compare(sql, from, to, start, end) === 0) return index;
  }
  return -1;
}

/**
 * Reads `literal, literal, … )` at `at` into `list`: signed numbers, strings, hex and bit literals. Returns the offset
 * behind the `)`, or -1 when anything else is in it.
 */
function literalList(sql: Buffer, from: number, mode: SqlMode, list: LiteralBind[]): number {
  let at = from;
  for (;;) {
    at = skipSpace(sql, at);
    const start = at;
    let byte = sql[at] ?? 0;
    let type: LiteralType;
    if (byte === 45) byte = sql[++at] ?? 0;
    if (BYTES[byte] === B_DIGIT) {
      const close = numberEnd(sql, at);
      if (close < 0) return -1;
      type = numberType(sql, at, close);
      if (at !== start && type !== "int" && type !== "decimal" && type !== "float") return -1;
      at = close;
    } else if (at === start && (byte === 39 || (byte === 34 && !mode.ansiQuotes))) {
      const close = stringEnd(sql, at, byte, !mode.noBackslashEscapes);
      if (close < 0) return -1;
      at = close;
      type = "string";
    } else if (at === start && sql[at + 1] === 39 && ((byte | 0x20) === 120 || (byte | 0x20) === 98)) {
      const close = stringEnd(sql, at + 1, 39, false);
      if (close < 0) return -1;
      at = close;
      type = (byte | 0x20) === 120 ? "hexval" : "bitval";
    } else return -1;
    list.push(new Taken(type, sql, start, start, at, mode));
    at = skipSpace(sql, at);
    const next = sql[at];
    if (next === 41) return at + 1;
    if (next !== 44) return -1;
    at++;
  }
}

function numberType(sql: Buffer, start: number, end: number): LiteralType {
  if (sql[start] === 48 && end > start + 2) {
    if (sql[start + 1] === 120) return "hexnum";
    if (sql[start + 1] === 98) return "bitnum";
  }
  let type: LiteralType = "int";
  for (let at = start; at < end; at++) {
    const byte = sql[at] ?? 0;
    if (byte === 46) type = "decimal";
    else if ((byte | 0x20) === 101) return "float";
  }
  return type;
}

/** End of the number at `at`, or the negative end of the name that it is. */
function numberEnd(sql: Buffer, at: number): number {
  let end = at + 1;
  if (sql[at] === 48) {
    const second = sql[end];
    if (second === 120 || second === 98) {
      let to = end + 1;
      while (second === 120 ? isHex(sql[to] ?? 0) : sql[to] === 48 || sql[to] === 49) to++;
      if (to > end + 1 && !isNameByte(sql[to] ?? 0)) return to;
    }
  }
  while (BYTES[sql[end] ?? 0] === B_DIGIT) end++;
  const byte = sql[end] ?? 0;
  if (byte === 46) return fractionEnd(sql, end + 1);
  if (!isNameByte(byte)) return end;
  if ((byte | 0x20) === 101) {
    const exponent = exponentEnd(sql, end);
    if (exponent > 0) return exponent;
  }
  while (isNameByte(sql[end] ?? 0)) end++;
  return -end;
}

function fractionEnd(sql: Buffer, from: number): number {
  let end = from;
  while (BYTES[sql[end] ?? 0] === B_DIGIT) end++;
  if (((sql[end] ?? 0) | 0x20) === 101) {
    const exponent = exponentEnd(sql, end);
    if (exponent > 0) return exponent;
  }
  return end;
}

function exponentEnd(sql: Buffer, at: number): number {
  let end = at + 1;
  if (sql[end] === 43 || sql[end] === 45) end++;
  if (BYTES[sql[end] ?? 0] !== B_DIGIT) return -1;
  while (BYTES[sql[end] ?? 0] === B_DIGIT) end++;
  return end;
}

function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= 48 && byte <= 57) || (lower >= 97 && lower <= 102);
}

/** End of the quoted text that opens at `at`, or -1. */
function stringEnd(sql: Buffer, at: number, quote: number, backslash: boolean): number {
  const length = sql.length;
  let end = at + 1;
  while (end < length) {
    const byte = sql[end];
    if (byte === quote) {
      if (sql[end + 1] !== quote) return end + 1;
      end += 2;
    } else if (byte === 92 && backslash) end += 2;
    else end++;
  }
  return -1;
}

function lineEnd(sql: Buffer, at: number): number {
  const end = sql.indexOf(10, at);
  return end < 0 ? sql.length : end + 1;
}

function commentEnd(sql: Buffer, at: number, nested: boolean): number {
  let from = at;
  for (;;) {
    const end = sql.indexOf("*/", from, "latin1");
    if (end < 0) return -1;
    if (nested) {
      const inner = sql.indexOf("/*", from, "latin1");
      if (inner >= 0 && inner < end) {
        const close = sql.indexOf("*/", inner + 2, "latin1");
        if (close < 0) return -1;
        from = close + 2;
        continue;
      }
    }
    return end + 2;
  }
}

/** Skips white space and comments that mean nothing. */
function skipSpace(sql: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = sql[at] ?? 0;
    if (BYTES[byte] === B_SPACE) at++;
    else if (byte === 47 && sql[at + 1] === 42 && sql[at + 2] !== 33 && sql[at + 2] !== 43 && sql[at + 2] !== 77) {
      const end = commentEnd(sql, at + 2, false);
      if (end < 0) return at;
      at = end;
    } else if (byte === 35 || (byte === 45 && sql[at + 1] === 45 && (sql[at + 2] ?? 32) <= 32)) at = lineEnd(sql, at);
    else return at;
  }
}
