// ProtocolText::ResultsetRow: each column a length-encoded string, NULL as 0xFB.

import type { BufferWriter } from "../codec.ts";

export type TextValue = string | Buffer | null;

export function writeTextRow(writer: BufferWriter, values: readonly TextValue[]): void {
  for (const value of values) {
    if (value === null) writer.u8(0xfb);
    else if (typeof value === "string") writer.lenencString(value);
    else writer.lenencBytes(value);
  }
}
