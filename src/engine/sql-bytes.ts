// SQL text that is put together byte by byte: statements of half a megabyte made of many small values. One buffer that
// grows, no garbage per value.

const FIRST_BYTES = 64 * 1024;
const QUOTE = 0x27;
const BACKSLASH = 0x5c;

export class SqlBytes {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  length = 0;

  /** ASCII only. */
  text(ascii: string): void {
    this.#reserve(ascii.length);
    this.length += this.#buffer.write(ascii, this.length, "latin1");
  }

  bytes(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.length += source.copy(this.#buffer, this.length, start, end);
  }

  /** As a string in single quotes, for a session without NO_BACKSLASH_ESCAPES that speaks UTF-8. */
  quoted(source: Buffer, start: number, end: number): void {
    // Every byte may need a backslash.
    this.#reserve(2 * (end - start) + 2);
    const target = this.#buffer;
    let at = this.length;
    target[at++] = QUOTE;
    for (let from = start; from < end; from++) {
      const byte = source[from] as number;
      if (byte === QUOTE || byte === BACKSLASH) target[at++] = BACKSLASH;
      target[at++] = byte;
    }
    target[at++] = QUOTE;
    this.length = at;
  }

  /** The bytes so far, copied; the next ones start anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, this.length));
    this.length = 0;
    return taken;
  }

  #reserve(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(wanted, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.length);
    this.#buffer = grown;
  }
}
