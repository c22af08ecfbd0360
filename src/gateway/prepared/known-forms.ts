// The normalized form of a prepared statement with values in it, without writing the values into its text and reading that
// again: with values of the same kinds it is the same but for the bind variables, so one execution says what it is for those
// to come.
//
//   UPDATE t SET c = ? WHERE id = ?   'a', 5    UPDATE t SET c=:v1 WHERE id=:v2    v1 is parameter 0, v2 is parameter 1
//
// Values that change more than a bind variable (a negative number's sign stands beside it, a select expression keeps its
// literals) are told by the form itself: then it is none that is kept here.

import type { ExecuteParameters } from "../../mysql/packets/stmt-execute.ts";
import { type BindValue, type LiteralBind, literalBind } from "../../sql/bind-value.ts";
import { normalize, type Normalized } from "../../sql/normalize.ts";
import { filled, type Template } from "../../sql/parameters.ts";
import type { SqlMode } from "../../sql/tree.ts";
import { literalsOf } from "./execution.ts";
import { K_INT, K_OTHER, kindOf, ParameterBind } from "./parameter-bind.ts";
import { isTyped } from "./parameter-literals.ts";

/** Beyond it a client gives its values other types each time. */
const FORMS_MAX = 4;

interface Form {
  readonly kinds: Kinds;
  /** Undefined: it depends on more than the kinds. */
  readonly normalized: Normalized | undefined;
  /** Parameters in the places of bind variables; a list has one for each item. -1: a literal of the statement. */
  readonly places: readonly (number | readonly number[])[];
}

/** The kinds of all values, as a number where they have room in one. */
type Kinds = number | string;

const KINDS_IN_A_NUMBER = 17;
const KINDS = 8;
/** Of the values that are looked at. */
let scratch = Buffer.alloc(64);

/** Those of one statement under one sql_mode. */
export class KnownForms {
  readonly #template: Template;
  readonly #mode: SqlMode;
  /** Most statements are executed with values of the same kinds always, and many once. */
  #first: Form | Kinds | undefined;
  #others: Form[] | undefined;

  constructor(template: Template, mode: SqlMode) {
    this.#template = template;
    this.#mode = mode;
  }

  /** What normalize() makes of the statement with these values (kept); undefined: it is to be asked. */
  with(parameters: ExecuteParameters): Normalized | undefined {
    if (this.#first === undefined) return undefined;
    const form = this.#find(this.#kindsOf(parameters));
    if (form?.normalized === undefined) return undefined;
    const { normalized, places } = form;
    if (this.#template.offsets.length === 0) return normalized;
    const binds: BindValue[] = [];
    for (let index = 0; index < places.length; index++) {
      const place = places[index] as number | readonly number[];
      const own = normalized.binds[index] as BindValue;
      if (typeof place === "number") binds.push(place < 0 ? own : this.#bind(place, parameters));
      else if (own.kind === "list") binds.push({ kind: "list", items: this.#items(own.items, place, parameters) });
    }
    return { ...normalized, binds };
  }

  /**
   * What normalize() makes of the statement with these values (kept), whose types are in no text; undefined where all of
   * them are: it is to be asked. Throws ER_MALFORMED_PACKET for values that cannot be read.
   */
  once(parameters: ExecuteParameters): Normalized | undefined {
    const { types, values } = parameters;
    if (!values.some((value, index) => value !== null && isTyped(types[index] as number, value))) return undefined;
    const { noBackslashEscapes } = this.#mode;
    const literals = literalsOf(this.#template, parameters, noBackslashEscapes, false);
    const sql = filled(this.#template, literals);
    const normalized = normalize(sql, this.#mode);
    // Then its text, with the types in it, is what is read.
    if (normalized.binds.length === 0 || normalized.statementEnd < sql.length) return undefined;
    const parameterOf = parametersIn(this.#template, literals, parameters, sql);
    const typed = (own: LiteralBind): LiteralBind => {
      const index = parameterOf(own);
      const value = index < 0 ? undefined : values[index];
      if (value === undefined || value === null || this.#template.limits.has(index)) return own;
      const type = types[index] as number;
      if (!isTyped(type, value)) return own;
      return new ParameterBind(kindOf(parameters, index), type, value, false, noBackslashEscapes);
    };
    const binds = normalized.binds.map(
      (bind): BindValue => (bind.kind === "list" ? { kind: "list", items: bind.items.map(typed) } : typed(bind)),
    );
    return { ...normalized, binds, statementEnd: BEHIND_ALL };
  }

  /**
   * The form for these values is to be known the next time, if it is the second one that asks for it. Throws
   * ER_MALFORMED_PACKET for values that cannot be read.
   */
  learn(parameters: ExecuteParameters): void {
    // Equal values of select lists and of GROUP BY are one bind variable, others are two.
    if (this.#template.shown.size > 0) return;
    const kinds = this.#kindsOf(parameters);
    if (kinds === undefined || this.#find(kinds) !== undefined) return;
    if (this.#first === undefined) this.#first = kinds;
    else if (typeof this.#first !== "object") this.#first = this.#formOf(kinds, parameters);
    else if ((this.#others?.length ?? 0) < FORMS_MAX - 1) {
      this.#others = [...(this.#others ?? []), this.#formOf(kinds, parameters)];
    }
  }

  #find(kinds: Kinds | undefined): Form | undefined {
    const first = this.#first;
    if (kinds === undefined || typeof first !== "object") return undefined;
    return first.kinds === kinds ? first : this.#others?.find((form) => form.kinds === kinds);
  }

  #formOf(kinds: Kinds, parameters: ExecuteParameters): Form {
    const literals = literalsOf(this.#template, parameters, this.#mode.noBackslashEscapes, false);
    const sql = filled(this.#template, literals);
    const normalized = normalize(sql, this.#mode);
    const places = placesOf(this.#template, literals, parameters, sql, normalized);
    if (places === undefined) return { kinds, normalized: undefined, places: [] };
    const binds = detached(normalized.binds, places);
    return { kinds, normalized: { ...normalized, binds, statementEnd: BEHIND_ALL }, places };
  }

  /** Undefined where one of them has no kind. */
  #kindsOf(parameters: ExecuteParameters): Kinds | undefined {
    const { limits, offsets } = this.#template;
    const count = offsets.length;
    if (count > scratch.length) scratch = Buffer.alloc(2 * count);
    let number = 0;
    for (let index = 0; index < count; index++) {
      const kind = limits.size > 0 && limits.has(index) ? K_INT : kindOf(parameters, index);
      if (kind === K_OTHER) return undefined;
      scratch[index] = kind;
      number = number * KINDS + kind;
    }
    return count <= KINDS_IN_A_NUMBER ? number : scratch.latin1Slice(0, count);
  }

  #items(own: readonly LiteralBind[], places: readonly number[], parameters: ExecuteParameters): LiteralBind[] {
    return places.map((place, index) => (place < 0 ? (own[index] as LiteralBind) : this.#bind(place, parameters)));
  }

  #bind(parameter: number, { types, values }: ExecuteParameters): LiteralBind {
    const isLimit = this.#template.limits.has(parameter);
    const kind = scratch[parameter] as number;
    const { noBackslashEscapes } = this.#mode;
    return new ParameterBind(kind, types[parameter] as number, values[parameter] ?? null, isLimit, noBackslashEscapes);
  }
}

/** Undefined where a value is in no bind variable, or in one with something else. */
function placesOf(
  template: Template,
  literals: readonly Buffer[],
  parameters: ExecuteParameters,
  sql: Buffer,
  { key, binds, statementEnd }: Normalized,
): readonly (number | readonly number[])[] | undefined {
  // What follows is looked at each time, and so is a statement of nothing.
  if (statementEnd < sql.length || key === "") return undefined;
  const parameterOf = parametersIn(template, literals, parameters, sql);
  let found = 0;
  const placeOf = (bind: LiteralBind): number => {
    const parameter = parameterOf(bind);
    if (parameter >= 0) found++;
    return parameter;
  };
  const places = binds.map((bind) => (bind.kind === "list" ? bind.items.map(placeOf) : placeOf(bind)));
  const wanted = parameters.values.filter((value, index) => value !== null || template.limits.has(index)).length;
  return found === wanted ? places : undefined;
}

/** Tells the parameter whose literal in `sql` a bind variable is; -1 for a literal of the statement, or one with a sign. */
function parametersIn(
  { offsets, limits }: Template,
  literals: readonly Buffer[],
  { values }: ExecuteParameters,
  sql: Buffer,
): (bind: LiteralBind) => number {
  const parameterAt = new Map<number, number>();
  let added = 0;
  for (const [index, literal] of literals.entries()) {
    if (values[index] !== null || limits.has(index)) parameterAt.set((offsets[index] as number) + added + 1, index);
    added += literal.length - 1;
  }
  return ({ source }) => {
    if (source?.buffer !== sql.buffer) return -1;
    const parameter = parameterAt.get(source.byteOffset - sql.byteOffset);
    if (parameter === undefined || source.length !== (literals[parameter] as Buffer).length - 2) return -1;
    return parameter;
  };
}

/** Without the memory of the text that they come from. Those of parameters are never asked for. */
function detached(binds: readonly BindValue[], places: readonly (number | readonly number[])[]): readonly BindValue[] {
  const own = (bind: LiteralBind, place: number): LiteralBind => {
    if (place >= 0) return literalBind(bind.type, NOTHING);
    const { kind, type, raw, introducer, source } = bind;
    return { kind, type, raw: Buffer.from(raw), introducer, source: source && Buffer.from(source) };
  };
  return binds.map((bind, index) => {
    const place = places[index] as number | readonly number[];
    if (bind.kind === "literal") return own(bind, place as number);
    const items = place as readonly number[];
    return { kind: "list", items: bind.items.map((item, at) => own(item, items[at] as number)) };
  });
}

const NOTHING = Buffer.alloc(0);
/** Values have other lengths each time. */
const BEHIND_ALL = Number.MAX_SAFE_INTEGER;
