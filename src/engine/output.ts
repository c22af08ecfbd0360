// Where an answer goes: the client's connection, seen from the engine. One answer at a time.

export interface Output {
  /**
   * Queues framed bytes for the client; they must not be changed afterwards. False when so much is queued that the
   * writer should wait for `onDrain`.
   */
  write(bytes: Buffer): boolean;
  /** True when nothing of what was written is held any more: its memory may be used again. */
  readonly isIdle?: boolean;
  /** Calls back once, when what is queued has gone out, or when the client is gone. */
  onDrain(resume: () => void): void;
}
