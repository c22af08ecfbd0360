// What becomes of replies that are no client's: kept, or only asked whether they are errors.

import { MysqlError } from "../base/errors.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import type { ReplyScanner } from "../mysql/reply-scanner.ts";
import { EMPTY, type ReplyEnd } from "../rpc/frame.ts";
import type { MysqldConnection, RawReplySink } from "./mysqld-connection.ts";

/** Collects one reply; gives an empty buffer when it is too large, or the connection is lost and that has no callback. */
export class Collect implements RawReplySink {
  readonly #bytesMax: number;
  readonly #done: (reply: Buffer) => void;
  readonly #lost: ((error: Error) => void) | undefined;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number, done: (reply: Buffer) => void, lost?: (error: Error) => void) {
    this.#bytesMax = bytesMax;
    this.#done = done;
    this.#lost = lost;
  }

  part(chunk: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start;
    if (this.#bytes <= this.#bytesMax) this.#parts.push(Buffer.from(chunk.subarray(start, end)));
    return true;
  }

  end(_scanner: ReplyScanner, tail: Buffer | undefined, chunk: Buffer, start: number, end: number): void {
    if (tail !== undefined) this.#parts.push(tail);
    this.#parts.push(Buffer.from(chunk.subarray(start, end)));
    this.#bytes += (tail?.length ?? 0) + end - start;
    this.#done(this.#bytes <= this.#bytesMax ? Buffer.concat(this.#parts) : EMPTY);
  }

  lost(error: Error): void {
    if (this.#lost === undefined) this.#done(EMPTY);
    else this.#lost(error);
  }
}

/** A sink for a reply nobody reads but for its error. */
export function swallow(done: (error: Error | undefined) => void): RawReplySink {
  return {
    part: () => true,
    end(scanner, tail, chunk, start, end) {
      if (!scanner.failed) {
        done(undefined);
        return;
      }
      const packet =
        tail === undefined ? chunk.subarray(start, end) : Buffer.concat([tail, chunk.subarray(start, end)]);
      const { errno, sqlState, message } = decodeErr(
        packet.subarray(packet.length - (scanner.replyBytes - scanner.lastPacketOffset) + 4),
      );
      done(new MysqlError(errno, sqlState, message));
    },
    lost: done,
  };
}

/** Runs commands in one write and calls `done` once, with the first error there was. */
export function runAll(
  connection: MysqldConnection,
  payloads: readonly Buffer[],
  done: (error: Error | undefined) => void,
): void {
  let failed: Error | undefined;
  let left = payloads.length;
  const step = swallow((error) => {
    failed ??= error;
    left--;
    if (left === 0) done(failed);
  });
  connection.send(
    payloads,
    payloads.map(() => step),
  );
}

/** An ERR after rows makes the whole reply an error. */
export function replyKind(scanner: ReplyScanner): ReplyEnd["kind"] {
  if (scanner.failed) return "err";
  // A field list is definitions and an EOF: it ends as a result set does.
  return scanner.kind === "resultset" || scanner.kind === "none" ? "resultset" : "ok";
}
