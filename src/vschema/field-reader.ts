// Reads one JSON object field by field, collecting every fault with its path instead of stopping at the first. Names are
// accepted as in the proto (`column_vindexes`) and in camel case (`columnVindexes`), as protobuf's JSON mapping does
// (https://protobuf.dev/programming-guides/json/); null counts as not given; an unknown name is a fault.

import { didYouMean } from "./did-you-mean.ts";
import { isJsonArray, isJsonNumber, isJsonObject, type JsonObject, type JsonValue } from "./json-text.ts";
import type { VSchemaFault } from "./model.ts";

/** Faults told at once; more are counted. */
export const FAULTS_MAX = 100;
const NAME_SHOWN_MAX = 80;
const SPELLINGS = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

export class Faults {
  readonly #list: VSchemaFault[] = [];
  #more = 0;

  get list(): readonly VSchemaFault[] {
    return this.#more === 0 ? this.#list : [...this.#list, { path: "…", message: `and ${this.#more} more faults` }];
  }

  get count(): number {
    return this.#list.length + this.#more;
  }

  /** `message` is made only when it will be shown. */
  add(path: string, message: string | (() => string)): void {
    if (this.#list.length >= FAULTS_MAX) this.#more++;
    else this.#list.push({ path, message: typeof message === "string" ? message : message() });
  }
}

export class FieldReader {
  readonly path: string;
  readonly #faults: Faults;
  readonly #fields = new Map<string, { readonly written: string; readonly value: JsonValue }>();

  /** `known` are the names in the proto's form. */
  constructor(json: JsonObject, path: string, known: readonly string[], faults: Faults) {
    this.path = path;
    this.#faults = faults;
    const spellings = spellingsOf(known);
    for (const [written, value] of json) {
      const name = spellings.get(written);
      if (name === undefined) {
        faults.add(memberPath(path, written), () => `unknown field${didYouMean(written, known)}`);
      } else if (value !== null) {
        const before = this.#fields.get(name);
        if (before !== undefined) faults.add(memberPath(path, written), `the same as ${before.written}; give it once`);
        else this.#fields.set(name, { written, value });
      }
    }
  }

  /** The field's place as the author wrote it. */
  pathOf(name: string): string {
    return memberPath(this.path, this.#fields.get(name)?.written ?? name);
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  fault(name: string, message: string | (() => string)): void {
    this.#faults.add(this.pathOf(name), message);
  }

  text(name: string): string {
    const value = this.#value(name);
    if (value === undefined || typeof value === "string") return value ?? "";
    this.fault(name, `a text in quotes expected, found ${kindOf(value)}`);
    return "";
  }

  flag(name: string): boolean | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "boolean") return value;
    this.fault(name, `true or false expected, found ${kindOf(value)}`);
    return undefined;
  }

  /** A 32-bit whole number; protobuf's JSON also allows it in quotes. */
  wholeNumber(name: string): number {
    const value = this.#value(name);
    if (value === undefined) return 0;
    const text = isJsonNumber(value) ? value.text : typeof value === "string" ? value : "";
    const number = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= -2147483648 && number <= 2147483647) return number;
    this.fault(name, `a whole number expected, found ${kindOf(value)}`);
    return 0;
  }

  number(name: string): number {
    const value = this.#value(name);
    if (value === undefined) return 0;
    if (isJsonNumber(value)) return Number(value.text);
    this.fault(name, `a number expected, found ${kindOf(value)}`);
    return 0;
  }

  /** `value` must be one of `choices`; the first one stands for "not given". */
  oneOf<T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const text = this.text(name);
    const found = choices.find((choice) => choice === text);
    if (found === undefined && text !== "") {
      this.fault(name, () => `${quoted(text)} is not known${didYouMean(text, choices)}`);
    }
    return found ?? choices[0];
  }

  /** Members of a map field with their paths. */
  members(name: string): readonly { readonly name: string; readonly path: string; readonly value: JsonValue }[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!isJsonObject(value)) {
      this.fault(name, `an object { } expected, found ${kindOf(value)}`);
      return [];
    }
    return [...value].map(([member, json]) => ({
      name: member,
      path: memberPath(this.pathOf(name), member),
      value: json,
    }));
  }

  /** Items of a list field with their paths. */
  items(name: string): readonly { readonly path: string; readonly value: JsonValue }[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!isJsonArray(value)) {
      this.fault(name, `a list [ ] expected, found ${kindOf(value)}`);
      return [];
    }
    return value.map((item, i) => ({ path: `${this.pathOf(name)}[${i}]`, value: item }));
  }

  texts(name: string): readonly string[] {
    return this.items(name).map(({ path, value }) => {
      if (typeof value === "string") return value;
      this.#faults.add(path, `a text in quotes expected, found ${kindOf(value)}`);
      return "";
    });
  }

  /** The same, where one text may stand for a list of one. */
  textOrTexts(name: string): readonly string[] {
    const value = this.#value(name);
    return typeof value === "string" ? [value] : this.texts(name);
  }

  /** An object field, read with its own names. */
  object(name: string, known: readonly string[]): FieldReader | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : readObject(value, this.pathOf(name), known, this.#faults);
  }

  #value(name: string): JsonValue | undefined {
    return this.#fields.get(name)?.value;
  }
}

/** A reader for `json`, or a fault at `path` if it is no object. */
export function readObject(
  json: JsonValue,
  path: string,
  known: readonly string[],
  faults: Faults,
): FieldReader | undefined {
  if (isJsonObject(json)) return new FieldReader(json, path, known, faults);
  faults.add(path, `an object { } expected, found ${kindOf(json)}`);
  return undefined;
}

/** `path.name`, or `path["odd name"]`. */
export function memberPath(path: string, name: string): string {
  if (/^[\w$@-]{1,64}$/.test(name)) return path === "" ? name : `${path}.${name}`;
  return `${path}[${quoted(name)}]`;
}

/** A name as messages show it, cut if it is very long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > NAME_SHOWN_MAX ? `${name.slice(0, NAME_SHOWN_MAX)}…` : name);
}

function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "string") return `the text ${quoted(value)}`;
  if (typeof value === "boolean") return String(value);
  if (isJsonNumber(value)) return `the number ${value.text.slice(0, NAME_SHOWN_MAX)}`;
  return isJsonArray(value) ? "a list" : "an object";
}

/** The proto's name by either spelling; kept per list of names, because a large VSchema has thousands of objects. */
function spellingsOf(known: readonly string[]): ReadonlyMap<string, string> {
  const before = SPELLINGS.get(known);
  if (before !== undefined) return before;
  const spellings = new Map(
    known.flatMap((name) => [
      [name, name],
      [name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), name],
    ]),
  );
  SPELLINGS.set(known, spellings);
  return spellings;
}
