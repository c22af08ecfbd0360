// Passes on what several processes write to one stream, in whole lines: a pipe mixes long writes of several writers.

const NEWLINE = 0x0a;
/** A line that is longer goes in pieces. */
const LINE_BYTES_MAX = 1024 * 1024;

export class WholeLines {
  readonly #target: { write(bytes: Buffer): unknown };
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(target: { write(bytes: Buffer): unknown }) {
    this.#target = target;
  }

  /** `chunk` is owned. */
  take(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      this.#target.write(Buffer.concat([...this.#rest, chunk.subarray(0, end)]));
      this.#rest = [];
      this.#restBytes = 0;
    }
    if (end < chunk.length) {
      this.#rest.push(chunk.subarray(end));
      this.#restBytes += chunk.length - end;
    }
    if (this.#restBytes > LINE_BYTES_MAX) this.end();
  }

  /** What was begun and has no end is a line of its own. */
  end(): void {
    if (this.#restBytes > 0) this.#target.write(Buffer.concat([...this.#rest, Buffer.of(NEWLINE)]));
    this.#rest = [];
    this.#restBytes = 0;
  }
}
