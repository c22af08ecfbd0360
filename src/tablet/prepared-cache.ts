// The statements that are prepared on one connection to a mysqld: text to the mysqld's id, the least recently used one
// given up for a new one. A statement is read under the session's settings of that moment (sql_mode, character sets), so
// those are part of what it is known by. A reset of the connection closes them all.

import { LIMITS } from "../base/limits.ts";

export class PreparedCache {
  readonly #entriesMax: number;
  readonly #textBytesMax: number;
  /** Least recently used first. */
  #ids = new Map<string, number>();

  constructor(entriesMax: number = LIMITS.preparedPerConnectionMax, textBytesMax = LIMITS.preparedTextBytesMax) {
    this.#entriesMax = entriesMax;
    this.#textBytesMax = textBytesMax;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** The mysqld's id of the statement, undefined when it is not prepared. `text` is borrowed. */
  find(settings: string, text: Buffer): number | undefined {
    const key = keyOf(settings, text);
    const id = this.#ids.get(key);
    if (id === undefined) return undefined;
    this.#ids.delete(key);
    this.#ids.set(key, id);
    return id;
  }

  /** Keeps the statement; the ids that come back are to be closed on the mysqld. */
  add(settings: string, text: Buffer, id: number): readonly number[] {
    // What is large is executed once by its id and then given up.
    if (settings.length + text.length > this.#textBytesMax) return [id];
    const key = keyOf(settings, text);
    const closed: number[] = [];
    const known = this.#ids.get(key);
    if (known !== undefined) closed.push(known);
    this.#ids.delete(key);
    if (this.#ids.size >= this.#entriesMax) {
      for (const [oldest, oldId] of this.#ids) {
        this.#ids.delete(oldest);
        closed.push(oldId);
        break;
      }
    }
    this.#ids.set(key, id);
    return closed;
  }

  /** The mysqld does not know the statement any more. */
  forget(settings: string, text: Buffer): void {
    this.#ids.delete(keyOf(settings, text));
  }

  /** The connection was reset. */
  clear(): void {
    this.#ids = new Map();
  }
}

function keyOf(settings: string, text: Buffer): string {
  const sql = text.latin1Slice(0, text.length);
  return settings === "" ? sql : `${settings}\0${sql}`;
}
