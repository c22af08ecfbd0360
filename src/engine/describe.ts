// The column definitions that a shard gives for a statement without rows, and a reply with its definitions replaced by
// others: what the gateway computes, or has computed over tables of its own, is shown to the client as one MySQL shows it.

import { BufferReader } from "../mysql/codec.ts";
import { writeFrame } from "../mysql/frame.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { ColumnOrigin } from "../plan/column-origins.ts";
import { LIMITS } from "../base/limits.ts";
import { collect, errorOfReply } from "./collect.ts";
import type { Output } from "./output.ts";
import type { ShardPort, ShardRequest, ShardTarget } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

/** Payloads of ColumnDefinition41 packets, one for each column of a result. */
export type Definitions = readonly Buffer[];

/**
 * Runs a statement that gives a result set; its rows, if any, are not looked at. Throws the shard's error. `onEnd` is told
 * how the reply ended.
 */
export async function describe(
  port: ShardPort,
  target: ShardTarget,
  request: ShardRequest,
  signal: AbortSignal,
  onEnd?: (info: ReplyEnd) => void,
): Promise<Definitions> {
  const reply = await collect(port, target, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  onEnd?.(reply.info);
  return definitionsOf(reply.bytes);
}

/** Of a whole framed reply; none when it is no result set. Copied, so that they do not pin the reply. */
export function definitionsOf(reply: Buffer): Definitions {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply);
  const count = new BufferReader(reader.next() ?? EMPTY).lenenc();
  return Array.from({ length: count }, () => Buffer.from(reader.next() ?? EMPTY));
}

/** With the columns' tables called as the client knows them. */
export function withOrigins(own: Definitions, origins: readonly (ColumnOrigin | undefined)[]): Definitions {
  if (origins.length !== own.length) return own;
  return own.map((payload, index) => {
    const origin = origins[index];
    if (origin === undefined) return payload;
    const { alias, table } = origin;
    const definition = decodeColumnDefinition(payload);
    // What came through a temporary table is shown without one.
    if (definition.table === "") return payload;
    return encodeColumnDefinition({
      ...definition,
      schema: table?.keyspace ?? "",
      table: alias,
      orgTable: table?.name ?? alias,
      orgName: table?.column ?? definition.name,
    });
  });
}

/** Gives the definitions to show in place of a reply's own. */
export type Redefine = (own: Definitions) => Definitions;

/**
 * Passes one framed reply on, with other definitions in place of its own if they are as many. Sequence ids stay as they
 * are: a head of as many packets has the same.
 */
export class HeadSwap implements Output {
  readonly #output: Output;
  readonly #redefine: Redefine;
  /** The head as far as it has come; undefined once it has been passed on. */
  #head: Buffer | undefined = EMPTY;

  constructor(output: Output, redefine: Redefine) {
    this.#output = output;
    this.#redefine = redefine;
  }

  write(bytes: Buffer): boolean {
    if (this.#head === undefined) return this.#output.write(bytes);
    const head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    const swapped = this.#swapped(head);
    this.#head = swapped === undefined ? head : undefined;
    return swapped === undefined || this.#output.write(swapped);
  }

  onDrain(resume: () => void): void {
    this.#output.onDrain(resume);
  }

  /** Undefined until all definitions are there. */
  #swapped(reply: Buffer): Buffer | undefined {
    const first = packetAt(reply, 0);
    if (first === undefined) return undefined;
    if (new BufferReader(first.payload).peek() === 0xff) return reply;
    const count = first.payload[0] === 0 ? 0 : new BufferReader(first.payload).lenenc();
    const own: Packet[] = [];
    for (let at = first.end; own.length < count; ) {
      const packet = packetAt(reply, at);
      if (packet === undefined) return undefined;
      own.push(packet);
      at = packet.end;
    }
    const definitions = this.#redefine(own.map(({ payload }) => payload));
    if (definitions.length !== own.length) return reply;
    const framed = own.map(({ sequenceId, payload }, i) => writeFrame(definitions[i] ?? payload, sequenceId));
    return Buffer.concat([reply.subarray(0, first.end), ...framed, reply.subarray(own.at(-1)?.end ?? first.end)]);
  }
}

interface Packet {
  readonly payload: Buffer;
  readonly sequenceId: number;
  readonly end: number;
}

/** A packet of a head: those are short. Undefined when it is not all there. */
function packetAt(bytes: Buffer, at: number): Packet | undefined {
  if (bytes.length < at + HEADER_BYTES) return undefined;
  const start = at + HEADER_BYTES;
  const end = start + bytes.readUIntLE(at, 3);
  if (bytes.length < end) return undefined;
  return { payload: bytes.subarray(start, end), sequenceId: bytes[at + 3] ?? 0, end };
}

const HEADER_BYTES = 4;
const EMPTY = Buffer.alloc(0);
