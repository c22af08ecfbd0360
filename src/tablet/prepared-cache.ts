// The statements that are prepared on one connection to a mysqld: text to the mysqld's id, the least recently used one
// given up for a new one. A statement is read under the session's settings of that moment (sql_mode, character sets), so
// those are part of what it is known by. A reset of the connection closes them all.

import { LIMITS } from "../base/limits.ts";

interface Entry {
  readonly id: number;
  /** Grows with each use of any. */
  usedAt: number;
}

export class PreparedCache {
  readonly #entriesMax: number;
  readonly #textBytesMax: number;
  /** By settings, then by text. A use changes no map: that would cost each execution more than the few looks for a victim. */
  #under = new Map<string, Map<string, Entry>>();
  #size = 0;
  #uses = 0;

  constructor(entriesMax: number = LIMITS.preparedPerConnectionMax, textBytesMax = LIMITS.preparedTextBytesMax) {
    this.#entriesMax = entriesMax;
    this.#textBytesMax = textBytesMax;
  }

  get size(): number {
    return this.#size;
  }

  /** The mysqld's id of the statement, undefined when it is not prepared. `text` is borrowed. */
  find(settings: string, text: Buffer): number | undefined {
    const entry = this.#under.get(settings)?.get(keyOf(text));
    if (entry === undefined) return undefined;
    entry.usedAt = ++this.#uses;
    return entry.id;
  }

  /** Keeps the statement; the ids that come back are to be closed on the mysqld. */
  add(settings: string, text: Buffer, id: number): readonly number[] {
    // What is large is executed once by its id and then given up.
    if (settings.length + text.length > this.#textBytesMax) return [id];
    const closed: number[] = [];
    const known = this.forget(settings, text);
    if (known !== undefined) closed.push(known);
    if (this.#size >= this.#entriesMax) closed.push(...this.#dropOldest());
    const entries = this.#under.get(settings) ?? new Map<string, Entry>();
    entries.set(keyOf(text), { id, usedAt: ++this.#uses });
    this.#under.set(settings, entries);
    this.#size++;
    return closed;
  }

  /** The mysqld does not know the statement any more; its id, if it was kept. */
  forget(settings: string, text: Buffer): number | undefined {
    const known = this.#under.get(settings)?.get(keyOf(text));
    if (known !== undefined) this.#drop(settings, keyOf(text));
    return known?.id;
  }

  /** The connection was reset. */
  clear(): void {
    this.#under = new Map();
    this.#size = 0;
  }

  #dropOldest(): readonly number[] {
    let oldest: { readonly settings: string; readonly key: string; readonly entry: Entry } | undefined;
    for (const [settings, entries] of this.#under) {
      for (const [key, entry] of entries) {
        if (oldest === undefined || entry.usedAt < oldest.entry.usedAt) oldest = { settings, key, entry };
      }
    }
    if (oldest === undefined) return [];
    this.#drop(oldest.settings, oldest.key);
    return [oldest.entry.id];
  }

  #drop(settings: string, key: string): void {
    const entries = this.#under.get(settings);
    if (entries?.delete(key) !== true) return;
    this.#size--;
    if (entries.size === 0) this.#under.delete(settings);
  }
}

function keyOf(text: Buffer): string {
  return text.latin1Slice(0, text.length);
}
