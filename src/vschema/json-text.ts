// Reads JSON that people write: a fault is told with line and column, a name given twice is a fault instead of silently
// losing the first, numbers keep their digits (a 64-bit id does not fit a double), and objects are Maps, so that no name
// (`__proto__`, `constructor`) is special. RFC 8259, nothing more.

import { ShardgateError } from "../base/errors.ts";

export interface JsonNumber {
  readonly kind: "number";
  /** As written. */
  readonly text: string;
}

export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;

/** Bounds: what a VSchema or a map file may hold. */
export const JSON_DEPTH_MAX = 64;
export const JSON_VALUES_MAX = 5_000_000;
export const JSON_CHARACTERS_MAX = 32 * 1024 * 1024;

/** Throws VSCHEMA_BAD as `<what>:3:14: …`. */
export function readJson(text: string, what: string): JsonValue {
  if (text.length > JSON_CHARACTERS_MAX) {
    throw new ShardgateError("VSCHEMA_BAD", `${what}: longer than ${JSON_CHARACTERS_MAX} characters`);
  }
  const reader = new Reader(text, what);
  return reader.document();
}

/**
 * The same shape from a value that was parsed elsewhere. Throws VSCHEMA_BAD for what JSON cannot hold (functions, cycles,
 * NaN) and beyond the bounds.
 */
export function jsonFrom(value: unknown, what: string): JsonValue {
  let left = JSON_VALUES_MAX;

  function convert(from: unknown, depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX)
      throw new ShardgateError("VSCHEMA_BAD", `${what}: nested deeper than ${JSON_DEPTH_MAX}`);
    if (--left < 0) throw new ShardgateError("VSCHEMA_BAD", `${what}: more than ${JSON_VALUES_MAX} values`);
    if (from === null || typeof from === "boolean" || typeof from === "string") return from;
    if (typeof from === "bigint" || (typeof from === "number" && Number.isFinite(from))) {
      return { kind: "number", text: String(from) };
    }
    if (Array.isArray(from)) return from.map((item: unknown) => convert(item, depth + 1));
    if (typeof from === "object") {
      const members = new Map<string, JsonValue>();
      for (const [name, member] of Object.entries(from)) {
        if (member !== undefined) members.set(name, convert(member, depth + 1));
      }
      return members;
    }
    throw new ShardgateError("VSCHEMA_BAD", `${what}: ${typeof from} is no JSON value`);
  }

  return convert(value, 0);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isJsonNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === "object" && value !== null && "kind" in value;
}

class Reader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  document(): JsonValue {
    // An editor's byte order mark is no fault.
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail(`${this.#here()} after the end of the document`);
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) this.#fail(`nested deeper than ${JSON_DEPTH_MAX}`);
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#at++;
    this.#skipBlanks();
    if (this.#take("}")) return members;
    for (;;) {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') {
        this.#fail(
          members.size > 0 && this.#text[this.#at] === "}"
            ? "a comma before }"
            : `a name in quotes expected, found ${this.#here()}`,
        );
      }
      const nameAt = this.#at;
      const name = this.#string();
      if (members.has(name)) this.#fail(`name ${JSON.stringify(name)} is given twice`, nameAt);
      this.#skipBlanks();
      if (!this.#take(":")) this.#fail(`: expected after the name, found ${this.#here()}`);
      members.set(name, this.#value(depth + 1));
      this.#skipBlanks();
      if (this.#take("}")) return members;
      if (!this.#take(",")) this.#fail(`, or } expected, found ${this.#here()}`);
    }
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#take("]")) return items;
    for (;;) {
      this.#skipBlanks();
      if (items.length > 0 && this.#text[this.#at] === "]") this.#fail("a comma before ]");
      items.push(this.#value(depth + 1));
      this.#skipBlanks();
      if (this.#take("]")) return items;
      if (!this.#take(",")) this.#fail(`, or ] expected, found ${this.#here()}`);
    }
  }

  #string(): string {
    const start = this.#at;
    let at = start + 1;
    for (;;) {
      const code = this.#text.charCodeAt(at);
      if (code === 0x22) break;
      if (Number.isNaN(code)) this.#fail("the text that begins here has no closing quote", start);
      if (code < 0x20) this.#fail(`character ${code} must be escaped inside a text`, at);
      if (code === 0x5c) {
        const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
        escape.lastIndex = at;
        const match = escape.exec(this.#text);
        if (match === null) this.#fail("unknown escape sequence", at);
        at += match[0].length;
      } else at++;
    }
    this.#at = at + 1;
    const literal = this.#text.slice(start, at + 1);
    return literal.includes("\\") ? unescaped(literal) : literal.slice(1, -1);
  }

  #number(): JsonNumber {
    const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) this.#fail(`a value expected, found ${this.#here()}`);
    this.#at += match[0].length;
    if (/[\w.+-]/.test(this.#text[this.#at] ?? "")) this.#fail(`malformed number, found ${this.#here()}`);
    return { kind: "number", text: match[0] };
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at) || /\w/.test(this.#text[this.#at + word.length] ?? "")) {
      this.#fail(`a value expected, found ${this.#here()}`);
    }
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #here(): string {
    const found = /[\w.+-]{1,20}/y;
    found.lastIndex = this.#at;
    const token = found.exec(this.#text)?.[0] ?? String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    return this.#at >= this.#text.length ? "the end of the document" : JSON.stringify(token);
  }

  #fail(reason: string, at = this.#at): never {
    const before = this.#text.slice(0, at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new ShardgateError("VSCHEMA_BAD", `${this.#what}:${before.length}:${column}: ${reason}`);
  }
}

/** The text of a literal whose escapes have been checked. */
function unescaped(literal: string): string {
  const text: unknown = JSON.parse(literal);
  return String(text);
}
