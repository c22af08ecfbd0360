// The edge of the protocol: what a client's own capabilities make of an answer. Everything behind it speaks the classic
// framing, with column definitions in either form; here definitions get the client's form or are left out, the framing
// becomes that of CLIENT_DEPRECATE_EOF, and for CLIENT_SESSION_TRACK the OK packets tell what has changed in the session.
//
//   executor ──classic packets──► DefinitionForm ──► OptionalMetadata ──► ReplyReframer ──► ClientConnection

import type { Log } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import { CLIENT, COM, HEADER_ERR, HEADER_OK, PACKET_HEADER_BYTES } from "../../mysql/constants.ts";
import { DefinitionForm, type StatusFlags } from "../../mysql/definition-form.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { OptionalMetadata, type ResultsetMetadata } from "../../mysql/optional-metadata.ts";
import { withSessionState } from "../../mysql/packets/ok.ts";
import { type ReframedMode, ReplyReframer, type SessionChanges } from "../../mysql/reply-reframe.ts";
import { Resequencer } from "../../mysql/row-cutter.ts";
import type { ExecutorClient } from "./executor-client.ts";
import { EdgeClient } from "./forwarding-client.ts";

/** Flags that only this file knows of: nothing behind it frames by them. */
const EDGE_FLAGS = CLIENT.DEPRECATE_EOF | CLIENT.SESSION_TRACK | CLIENT.OPTIONAL_RESULTSET_METADATA;

const SEQUENCE_OFFSET = 3;

export class ClientFraming extends EdgeClient {
  readonly #capabilities: number;
  readonly #changes: SessionChanges | undefined;
  readonly #log: Log;
  readonly #form: DefinitionForm;
  /** Undefined for clients that always get definitions. */
  readonly #metadata: OptionalMetadata | undefined;
  /** Undefined for clients of the classic framing, which only want to be told of changes. */
  readonly #reframer: ReplyReframer | undefined;
  readonly #out: Buffer[] = [];
  /** The next packet is the first of a result. */
  #isAtHead = true;
  /** Of the next packet if it is an answer's first; undefined behind that. */
  #firstSequenceId: number | undefined;
  /** Set while an answer is numbered anew. */
  #resequencer: Resequencer | undefined;

  /**
   * `changes`: the client is to be told of them. `isExtended`: it has asked for MariaDB's extended metadata. `metadata`:
   * whether a client gets definitions for which they are optional. `flags`: of the session, for every EOF.
   */
  constructor(
    connection: ExecutorClient,
    changes: SessionChanges | undefined,
    isExtended: boolean,
    log: Log,
    metadata: () => ResultsetMetadata = () => "FULL",
    flags?: StatusFlags,
  ) {
    super(connection);
    const { capabilities } = connection;
    this.#capabilities = capabilities & ~EDGE_FLAGS;
    this.#log = log;
    this.#changes = changes;
    const isOptional = (capabilities & CLIENT.OPTIONAL_RESULTSET_METADATA) !== 0;
    this.#metadata = isOptional ? new OptionalMetadata(metadata) : undefined;
    const hasNoEof = (capabilities & CLIENT.DEPRECATE_EOF) !== 0;
    this.#form = new DefinitionForm(isExtended, hasNoEof ? undefined : flags);
    this.#reframer = hasNoEof ? new ReplyReframer("query", changes, isOptional) : undefined;
  }

  /**
   * Before each command; `command` is its COM_* byte, which says what its reply consists of, and `sequenceId` that of its
   * last packet.
   */
  begin(command: number, sequenceId: number): void {
    const mode = modeOf(command);
    this.#firstSequenceId = (sequenceId + 1) & 0xff;
    this.#resequencer = undefined;
    this.#isAtHead = mode === "query" || mode === "execute";
    this.#form.reset(mode);
    this.#metadata?.reset(mode);
    this.#reframer?.reset(mode);
  }

  /** Before each further statement of one command, whose reply follows on the one before. */
  nextStatement(): void {
    this.#isAtHead = true;
  }

  override get capabilities(): number {
    return this.#capabilities;
  }

  /** The bytes are owned, and changed. */
  override write(bytes: Buffer): boolean {
    const reframer = this.#reframer;
    const out = this.#out;
    if (this.#firstSequenceId !== undefined) this.#number(bytes, this.#firstSequenceId);
    this.#resequencer?.push(bytes);
    try {
      let formed = this.#form.push(bytes);
      if (this.#metadata !== undefined) formed = this.#metadata.push(formed);
      if (formed.length === 0) return true;
      if (reframer === undefined) return this.client.write(this.#changes === undefined ? formed : this.#told(formed));
      reframer.push(formed, 0, formed.length, out);
    } catch (error) {
      out.length = 0;
      this.#log.error({ error: messageOf(error) }, "bug: an answer was no reply; closing the client's connection");
      this.client.destroy();
      return true;
    }
    let takesMore = true;
    for (const piece of out) takesMore = this.client.write(piece);
    out.length = 0;
    return takesMore;
  }

  /**
   * A statement may take another number of packets to its shard than it came in: with the parameters sent before it, or
   * from another character set.
   */
  #number(head: Buffer, sequenceId: number): void {
    this.#firstSequenceId = undefined;
    if (head.length >= PACKET_HEADER_BYTES && head[SEQUENCE_OFFSET] !== sequenceId) {
      this.#resequencer = new Resequencer(sequenceId);
    }
  }

  /** In the classic framing only an OK that is the whole of a result tells what has changed. */
  #told(bytes: Buffer): Buffer {
    if (!this.#isAtHead || bytes.length === 0) return bytes;
    const isOk =
      bytes[PACKET_HEADER_BYTES] === HEADER_OK && bytes.readUIntLE(0, 3) + PACKET_HEADER_BYTES === bytes.length;
    this.#isAtHead = isOk;
    if (!isOk && bytes[PACKET_HEADER_BYTES] !== HEADER_ERR) this.#changes?.rowsSent();
    if (!isOk || this.#changes?.pending !== true) return bytes;
    return writeFrame(withSessionState(bytes.subarray(PACKET_HEADER_BYTES), this.#changes.take()), bytes[3] ?? 1);
  }
}

function modeOf(command: number): ReframedMode {
  switch (command) {
    case COM.STMT_PREPARE:
      return "prepare";
    case COM.STMT_EXECUTE:
    case COM.STMT_BULK_EXECUTE:
      return "execute";
    case COM.FIELD_LIST:
      return "fields";
    // A bare EOF.
    case COM.STMT_FETCH:
    case COM.SET_OPTION:
    case COM.DEBUG:
      return "rows";
    default:
      return "query";
  }
}
