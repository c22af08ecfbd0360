// Both directions of a connection whose login agreed on compression: plain bytes in and out on one side, compressed packets
// on the other. Pieces are compressed one after the other, so their order is that of the writes; what waits is counted, so
// that the connection's back-pressure sees it. A connection without compression has none of this.
//
// Sequence ids: an answer's first packet follows the last one of its command, and a client may have sent the next command
// already. So it is noted which bytes came in which packet, and an answer counts from the one its command ended in.

import { messageOf } from "../../base/errors.ts";
import { malformed } from "../../mysql/codec.ts";
import {
  COMPRESSIBLE_BYTES_MIN,
  CompressedPacketReader,
  encodeCompressedPacket,
} from "../../mysql/compressed-packet.ts";
import type { Compression } from "../../mysql/compression.ts";

export interface CompressedStreamPorts {
  /** To the socket; owned. */
  write(bytes: Buffer): void;
  /** Plain bytes from the client; owned. May call `hold`. */
  received(plain: Buffer): void;
  /** Of the plain bytes received, those that commands have taken. */
  takenBytes(receivedBytes: number): number;
  /** Everything written has gone to the socket. */
  drained(): void;
  /** The client's bytes, or ours, cannot be read; nothing more happens. */
  failed(error: unknown): void;
}

/** Written at once: longer ones are left to the thread pool. */
const AT_ONCE_BYTES_MAX = 8 * 1024;
/** Content of one compressed packet. */
const PIECE_BYTES_MAX = 64 * 1024;

/** Packets whose commands are not answered yet. One of 1 GiB takes 65,536 of 16 KiB. */
const ARRIVALS_MAX = 100_000;

/** Packets of one answer. */
interface Answer {
  /** Undefined: goes on counting. */
  readonly firstSequenceId: number | undefined;
  readonly chunks: Buffer[];
}

export class CompressedStream {
  readonly #compression: Compression;
  readonly #ports: CompressedStreamPorts;
  readonly #reader = new CompressedPacketReader();
  /** Which packets the plain bytes came in that are not taken yet. */
  #arrivals: { readonly startsAt: number; readonly sequenceId: number }[] = [];
  #receivedBytes = 0;
  #decompressing = false;
  #held = false;
  #answers: Answer[] = [];
  #queuedBytes = 0;
  #sequenceId = 0;
  #compressing = false;
  #planned = false;
  #closed = false;
  #onEnd: (() => void) | undefined;

  constructor(compression: Compression, ports: CompressedStreamPorts) {
    this.#compression = compression;
    this.#ports = ports;
  }

  /** Bytes written that the socket has not got yet, before compression. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes from the socket that are not decompressed yet. */
  get bufferedBytes(): number {
    return this.#reader.bufferedBytes;
  }

  /** Bytes from the socket; owned. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#pumpIn();
  }

  /** No more plain bytes until `resume`. */
  hold(): void {
    this.#held = true;
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#pumpIn();
  }

  /** Owned. */
  write(plain: Buffer): void {
    if (plain.length === 0 || this.#closed) return;
    const firstSequenceId = this.#answerStart();
    const last = this.#answers.at(-1);
    if (last === undefined || firstSequenceId !== undefined) this.#answers.push({ firstSequenceId, chunks: [plain] });
    else last.chunks.push(plain);
    this.#queuedBytes += plain.length;
    if (this.#planned || this.#compressing) return;
    this.#planned = true;
    // What is written in one turn shares a packet.
    process.nextTick(() => {
      this.#planned = false;
      this.#pumpOut();
    });
  }

  /** Calls `ended` when all that is written has gone to the socket. */
  end(ended: () => void): void {
    if (this.#queuedBytes === 0 || this.#closed) ended();
    else this.#onEnd = ended;
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    this.#held = true;
    this.#answers = [];
    this.#queuedBytes = 0;
  }

  #pumpIn(): void {
    while (!this.#decompressing && !this.#held) {
      const packet = this.#reader.next();
      if (packet === undefined) return;
      const { body, plainBytes, sequenceId } = packet;
      if (plainBytes === 0) this.#deliver(body, sequenceId);
      else if (plainBytes <= AT_ONCE_BYTES_MAX) {
        this.#deliver(this.#compression.decompressSync(body, plainBytes), sequenceId);
      } else {
        this.#decompressing = true;
        this.#compression.decompress(body, plainBytes).then(
          (plain) => this.#arrived(plain, sequenceId),
          (error: unknown) => this.#fail(error),
        );
      }
    }
  }

  #arrived(plain: Buffer, sequenceId: number): void {
    this.#decompressing = false;
    if (this.#closed) return;
    try {
      this.#deliver(plain, sequenceId);
      this.#pumpIn();
    } catch (error) {
      this.#fail(error);
    }
  }

  #deliver(plain: Buffer, sequenceId: number): void {
    if (this.#arrivals.length >= ARRIVALS_MAX) this.#forgetTaken();
    this.#arrivals.push({ startsAt: this.#receivedBytes, sequenceId });
    this.#receivedBytes += plain.length;
    this.#ports.received(plain);
  }

  /** Commands without an answer (COM_STMT_SEND_LONG_DATA) leave their packets' entries. */
  #forgetTaken(): void {
    const takenBytes = this.#ports.takenBytes(this.#receivedBytes);
    const taken = this.#arrivals.filter(({ startsAt }) => startsAt < takenBytes).length;
    this.#arrivals.splice(0, taken - 1);
    if (this.#arrivals.length >= ARRIVALS_MAX) throw malformed("a command in too many compressed packets");
  }

  /** The sequence id of the next packet if a command has been taken since the last write. */
  #answerStart(): number | undefined {
    const takenBytes = this.#ports.takenBytes(this.#receivedBytes);
    let taken: number | undefined;
    let count = 0;
    for (const { startsAt, sequenceId } of this.#arrivals) {
      if (startsAt >= takenBytes) break;
      taken = sequenceId;
      count++;
    }
    if (taken === undefined) return undefined;
    // Two commands may share a packet: the last one taken from is kept.
    const last = this.#arrivals[count - 1];
    this.#arrivals.splice(0, count);
    const next = this.#arrivals[0];
    if (last !== undefined && (next?.startsAt ?? this.#receivedBytes) > takenBytes) {
      this.#arrivals.unshift({ startsAt: takenBytes, sequenceId: last.sequenceId });
    }
    return (taken + 1) & 0xff;
  }

  #pumpOut(): void {
    while (!this.#compressing && !this.#closed) {
      const [answer] = this.#answers;
      if (answer === undefined) {
        this.#ports.drained();
        const ended = this.#onEnd;
        this.#onEnd = undefined;
        ended?.();
        return;
      }
      if (answer.firstSequenceId !== undefined) this.#sequenceId = answer.firstSequenceId;
      const piece = takePiece(answer.chunks);
      if (answer.chunks.length === 0) this.#answers.shift();
      else this.#answers[0] = { firstSequenceId: undefined, chunks: answer.chunks };
      if (piece.length < COMPRESSIBLE_BYTES_MIN) this.#send(piece, undefined);
      else if (piece.length <= AT_ONCE_BYTES_MAX) this.#send(piece, this.#compression.compressSync(piece));
      else {
        this.#compressing = true;
        this.#compression.compress(piece).then(
          (body) => {
            this.#compressing = false;
            if (this.#closed) return;
            this.#send(piece, body);
            this.#pumpOut();
          },
          (error: unknown) => this.#fail(error),
        );
      }
    }
  }

  #send(piece: Buffer, body: Buffer | undefined): void {
    const isSmaller = body !== undefined && body.length < piece.length;
    const packet = isSmaller
      ? encodeCompressedPacket(body, piece.length, this.#sequenceId)
      : encodeCompressedPacket(piece, 0, this.#sequenceId);
    this.#sequenceId = (this.#sequenceId + 1) & 0xff;
    this.#queuedBytes -= piece.length;
    this.#ports.write(packet);
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#ports.failed(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

/** Takes up to PIECE_BYTES_MAX off the front. */
function takePiece(chunks: Buffer[]): Buffer {
  const [first] = chunks;
  if (first !== undefined && first.length >= PIECE_BYTES_MAX) {
    if (first.length === PIECE_BYTES_MAX) chunks.shift();
    else chunks[0] = first.subarray(PIECE_BYTES_MAX);
    return first.subarray(0, PIECE_BYTES_MAX);
  }
  let bytes = 0;
  let count = 0;
  for (const chunk of chunks) {
    if (bytes + chunk.length > PIECE_BYTES_MAX) break;
    bytes += chunk.length;
    count++;
  }
  const taken = chunks.splice(0, count);
  return taken.length === 1 && taken[0] !== undefined ? taken[0] : Buffer.concat(taken, bytes);
}
