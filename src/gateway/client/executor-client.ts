// The client of a session's statements as they are run: takes the answer. The outermost is the client's connection; what only
// changes how an answer looks (its framing, binary rows, a bound of rows) is one that stands in front of another.

import type { Output } from "../../engine/output.ts";

export interface ExecutorClient extends Output {
  /** CLIENT_* flags both sides have. */
  readonly capabilities: number;
  /** The statement is answered. */
  commandDone(): void;
  /** Closes after what is queued has gone out. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /**
   * What the client sends while its command is answered (the file of LOAD DATA LOCAL), packet by packet; undefined when it
   * is gone. Only for clients that were asked for a file.
   */
  nextPacket?(): Promise<ClientPacket | undefined>;
}

export interface ClientPacket {
  /** Borrowed until the next one. */
  readonly payload: Buffer;
  readonly sequenceId: number;
}
