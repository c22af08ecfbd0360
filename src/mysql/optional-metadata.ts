// Metadata that is optional (MySQL 8's CLIENT_OPTIONAL_RESULTSET_METADATA): to clients that have agreed to it the packet with
// the column count, and the first one of a PREPARE's answer, say in one byte more whether column definitions follow; with
// resultset_metadata = NONE they are left out, and the sequence ids behind them move down.
//
//   in:   count        defs…  EOF  row…  EOF
//   out:  count 0x01   defs…  EOF  row…  EOF        FULL
//         count 0x00          EOF  row…  EOF        NONE; of a PREPARE and of COM_FIELD_LIST the EOF goes and stays, respectively
//
// Knows the classic framing alone, whose definitions have their final form already. The manual:
// dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html

import { malformed } from "./codec.ts";
import { HEADER_EOF, HEADER_ERR, PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";
import type { ReframedMode } from "./reply-reframe.ts";

/** enum_resultset_metadata. */
export type ResultsetMetadata = "NONE" | "FULL";

type Phase = "head" | "definitions" | "definitions-eof" | "rows" | "prepare-head" | "fields";

const EOF_BYTES_MAX = 9;
/** Counts of columns and parameters end here in a PREPARE's first packet. */
const COUNTS_END = 9;
const COUNT_BYTES_MAX = 4;

export class OptionalMetadata {
  readonly #wanted: () => ResultsetMetadata;
  #phase: Phase = "head";
  #isFull = true;
  #prepares = false;
  #definitionsLeft = 0;
  /** Columns of a prepared statement, while its parameters are described. */
  #definitionsNext = 0;
  /** Packets left out so far, by which sequence ids move down. */
  #dropped = 0;
  /** Bytes of the current packet still to come, and whether they are left out. */
  #skip = 0;
  #skipsDropped = false;
  #continued = false;
  /** A packet that a chunk's end split before it could be judged. */
  #held: Buffer | undefined;

  /** `wanted` is asked at the beginning of each result. */
  constructor(wanted: () => ResultsetMetadata) {
    this.#wanted = wanted;
  }

  /** Before each reply. */
  reset(mode: ReframedMode): void {
    this.#prepares = mode === "prepare";
    this.#phase =
      mode === "prepare" ? "prepare-head" : mode === "rows" ? "rows" : mode === "fields" ? "fields" : "head";
    this.#isFull = mode !== "fields" || this.#wanted() === "FULL";
    this.#definitionsLeft = 0;
    this.#definitionsNext = 0;
    this.#dropped = 0;
    this.#skip = 0;
    this.#continued = false;
    this.#held = undefined;
  }

  /**
   * Takes the next bytes of the reply (owned: they are changed, and the result may share their memory) and gives what is to
   * be sent; empty when more has to come first. Throws ER_MALFORMED_PACKET when they are no reply.
   */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    const out: Buffer[] = [];
    // `[from, pos)` goes out as it is.
    let from = 0;
    let pos = 0;
    while (pos < bytes.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - pos);
        this.#skip -= step;
        pos += step;
        if (this.#skipsDropped) from = pos;
        continue;
      }
      const left = bytes.length - pos;
      const length = left < PACKET_HEADER_BYTES ? 0 : bytes.readUIntLE(pos, 3);
      if (left < this.#judgedBytes(length)) {
        this.#held = Buffer.from(bytes.subarray(pos));
        break;
      }
      bytes[pos + 3] = ((bytes[pos + 3] as number) - this.#dropped) & 0xff;
      const action = this.#packet(bytes, pos + PACKET_HEADER_BYTES, length);
      this.#skip = PACKET_HEADER_BYTES + length;
      this.#skipsDropped = action === "drop";
      if (action === "keep") continue;
      if (pos > from) out.push(bytes.subarray(from, pos));
      from = pos;
      if (action === "drop") this.#dropped++;
      else {
        const packet = bytes.subarray(pos, pos + this.#skip);
        packet.writeUIntLE(length + 1, 0, 3);
        out.push(packet, this.#isFull ? FULL : NONE);
        pos += this.#skip;
        from = pos;
        this.#skip = 0;
      }
    }
    const end = this.#held === undefined ? bytes.length : pos;
    if (end > from) out.push(bytes.subarray(from, end));
    return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
  }

  /** Bytes of a packet with `length` bytes of payload that have to be there. */
  #judgedBytes(length: number): number {
    const isWhole = this.#phase === "prepare-head" || (this.#phase === "head" && length <= COUNT_BYTES_MAX);
    return PACKET_HEADER_BYTES + (isWhole ? length : Math.min(length, 1));
  }

  #packet(bytes: Buffer, at: number, length: number): "keep" | "drop" | "flag" {
    const continues = this.#continued;
    this.#continued = length === PACKET_PAYLOAD_MAX;
    if (continues) return "keep";
    if (length === 0) throw malformed("empty packet in a reply");
    const first = bytes[at] as number;
    const isEof = first === HEADER_EOF && length < EOF_BYTES_MAX;
    if (first === HEADER_ERR) {
      this.#phase = "head";
      return "keep";
    }
    switch (this.#phase) {
      case "head":
        // What a client sends of its file numbers anew.
        if (first === 0xfb) this.#dropped = 0;
        // An OK, a LOCAL INFILE request, a bare EOF: what follows, if anything does, is another result.
        if (first === 0 || first === 0xfb || first === HEADER_EOF) return "keep";
        if (length > COUNT_BYTES_MAX) throw malformed("bad column count");
        this.#isFull = this.#wanted() === "FULL";
        this.#describe(
          first === 0xfc ? bytes.readUInt16LE(at + 1) : first === 0xfd ? bytes.readUIntLE(at + 1, 3) : first,
        );
        return "flag";
      case "definitions":
        if (--this.#definitionsLeft === 0) this.#phase = "definitions-eof";
        return this.#isFull ? "keep" : "drop";
      case "definitions-eof":
        if (this.#definitionsNext > 0) {
          this.#describe(this.#definitionsNext);
          this.#definitionsNext = 0;
        } else this.#phase = this.#prepares ? "head" : "rows";
        return this.#prepares && !this.#isFull ? "drop" : "keep";
      case "rows":
        if (isEof) this.#phase = "head";
        return "keep";
      case "fields":
        return isEof || this.#isFull ? "keep" : "drop";
      case "prepare-head": {
        if (length < COUNTS_END) throw malformed("bad prepare reply");
        const columns = bytes.readUInt16LE(at + 5);
        const parameters = bytes.readUInt16LE(at + 7);
        this.#isFull = this.#wanted() === "FULL";
        this.#definitionsNext = parameters > 0 ? columns : 0;
        this.#phase = "head";
        if (parameters + columns > 0) this.#describe(parameters > 0 ? parameters : columns);
        return "flag";
      }
    }
  }

  #describe(count: number): void {
    this.#definitionsLeft = count;
    this.#phase = "definitions";
  }
}

const FULL = Buffer.of(1);
const NONE = Buffer.of(0);
