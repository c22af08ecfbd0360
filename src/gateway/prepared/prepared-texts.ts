// What is known of the texts of prepared statements, whoever has prepared them: sessions of one application prepare the
// same ones. Two generations stand in for LRU, as for plans; a session keeps what it has, also when it is dropped here.

import { LIMITS } from "../../base/limits.ts";
import { type Template, templateOf } from "../../sql/parameters.ts";
import type { SqlMode } from "../../sql/tree.ts";
import { KnownForms } from "./known-forms.ts";

export interface PreparedText {
  /** As the client wrote it, or as it means the same under another sql_mode. */
  readonly text: Buffer;
  /** What values are put into. */
  readonly template: Template;
  /** What they are read by. */
  readonly mode: SqlMode;
  readonly forms: KnownForms;
}

/** What an entry takes beside its text, about. */
const ENTRY_BYTES = 1_024;
/** The text as key, the text, the template's if it is another one, and in its forms. */
const COPIES = 4;

export class PreparedTexts {
  readonly #bytesMax: number;
  #young = new Map<string, PreparedText>();
  #old = new Map<string, PreparedText>();
  /** Of the young ones. */
  #bytes = 0;

  constructor(bytesMax: number = LIMITS.preparedTextsBytesMax) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** `text` is borrowed; `readingMode` stands for `mode`. Throws what parse() throws for statements with parameters. */
  of(text: Buffer, mode: SqlMode, readingMode: string): PreparedText {
    const key = `${readingMode}\n${text.latin1Slice(0, text.length)}`;
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const entry = this.#old.get(key) ?? preparedText(text, mode);
    const bytes = COPIES * text.length + ENTRY_BYTES;
    if (this.#bytes + bytes > this.#bytesMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#young.set(key, entry);
    this.#bytes += bytes;
    return entry;
  }
}

function preparedText(borrowed: Buffer, mode: SqlMode): PreparedText {
  const text = Buffer.from(borrowed);
  const template = templateOf(text, mode);
  return { text, template, mode, forms: new KnownForms(template, mode) };
}
