// Connection attributes (CLIENT_CONNECT_ATTRS): a length-encoded block of length-encoded key/value pairs at the end of a
// handshake response or COM_CHANGE_USER. Drivers tell their name and version here.

import { BufferReader, type BufferWriter } from "../codec.ts";

/** Reads the block; the reader stands before its length. A key given twice keeps its last value. */
export function readConnectAttributes(reader: BufferReader): Map<string, string> {
  const attributes = new Map<string, string>();
  const block = new BufferReader(reader.lenencBytes());
  while (block.left > 0) {
    const key = block.lenencString();
    attributes.set(key, block.lenencString());
  }
  return attributes;
}

export function writeConnectAttributes(writer: BufferWriter, attributes: ReadonlyMap<string, string>): void {
  let bytes = 0;
  for (const [key, value] of attributes) bytes += lenencStringBytes(key) + lenencStringBytes(value);
  writer.lenenc(bytes);
  for (const [key, value] of attributes) {
    writer.lenencString(key);
    writer.lenencString(value);
  }
}

function lenencStringBytes(text: string): number {
  const bytes = Buffer.byteLength(text, "utf8");
  return bytes + (bytes < 0xfb ? 1 : bytes <= 0xffff ? 3 : 4);
}
