// What is known of a shard's finished reply beside its bytes.

export interface ReplyEnd {
  readonly kind: "ok" | "resultset" | "err";
  /** SERVER_STATUS_* of the last packet; 0 for err. */
  readonly status: number;
  readonly warnings: number;
  /** Bytes of the last packet with its header; it lies whole at the end of the last chunk. */
  readonly lastPacketBytes: number;
  /** The connection held for this session after the reply; 0: none. */
  readonly holdId: number;
  /** Raw reply of SHOW WARNINGS for the statement, when it left warnings on a pooled connection; empty otherwise. */
  readonly warningsReply: Buffer;
  /** Rows of the (last) result set; 0 for an OK. */
  readonly rows: number;
  /** Raw reply of the request's `after`; empty when it was not run. */
  readonly afterReply: Buffer;
}
