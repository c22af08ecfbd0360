// Finds where whole packets end in a stream of framed bytes, whatever they are: by their headers alone, and a payload of
// 0xFFFFFF bytes goes on in the next one. Nothing is kept but what a chunk's end has split.

import { PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";

export class PacketCutter {
  /** Bytes of the packet under way that are still to come, its header not counted. */
  #skip = 0;
  #headerFilled = 0;
  #length = 0;
  #continues = false;
  /** Of the last packet begun. */
  #sequenceId = 0;
  #wholeSequenceId = 0;

  /** Before each reply. */
  reset(): void {
    this.#skip = 0;
    this.#headerFilled = 0;
    this.#continues = false;
    this.#sequenceId = 0;
    this.#wholeSequenceId = 0;
  }

  /** Sequence id of the packet behind the last whole one. */
  get nextSequenceId(): number {
    return (this.#wholeSequenceId + 1) & 0xff;
  }

  get #isWhole(): boolean {
    return this.#skip === 0 && this.#headerFilled === 0 && !this.#continues;
  }

  /** Steps over `bytes` (borrowed until return); gives where in them the last whole packet ends, -1 if none does. */
  push(bytes: Buffer): number {
    const end = bytes.length;
    let boundary = -1;
    let pos = 0;
    while (pos < end) {
      if (this.#isWhole) {
        const stepped = this.#stepOver(bytes, pos, end);
        if (stepped > pos) {
          pos = stepped;
          boundary = pos;
          continue;
        }
      }
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, end - pos);
        this.#skip -= taken;
        pos += taken;
      } else if (this.#headerFilled === 0 && end - pos >= PACKET_HEADER_BYTES) {
        this.#length = (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8) | ((bytes[pos + 2] as number) << 16);
        this.#sequenceId = bytes[pos + 3] as number;
        pos += PACKET_HEADER_BYTES;
        this.#begin();
      } else {
        const byte = bytes[pos++] as number;
        if (this.#headerFilled === 0) this.#length = 0;
        if (this.#headerFilled < 3) {
          this.#length |= byte << (8 * this.#headerFilled++);
          continue;
        }
        this.#headerFilled = 0;
        this.#sequenceId = byte;
        this.#begin();
      }
      if (!this.#isWhole) continue;
      boundary = pos;
      this.#wholeSequenceId = this.#sequenceId;
    }
    return boundary;
  }

  /** The inner loop: packets that are whole here. Gives where the last of them ends. */
  #stepOver(bytes: Buffer, from: number, end: number): number {
    const headerEnd = end - PACKET_HEADER_BYTES;
    let pos = from;
    let last = -1;
    while (pos <= headerEnd) {
      const length = (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8) | ((bytes[pos + 2] as number) << 16);
      const next = pos + PACKET_HEADER_BYTES + length;
      if (next > end || length === PACKET_PAYLOAD_MAX) break;
      last = pos;
      pos = next;
    }
    if (last >= 0) {
      this.#sequenceId = bytes[last + 3] as number;
      this.#wholeSequenceId = this.#sequenceId;
    }
    return pos;
  }

  #begin(): void {
    this.#skip = this.#length;
    this.#continues = this.#length === PACKET_PAYLOAD_MAX;
  }
}
