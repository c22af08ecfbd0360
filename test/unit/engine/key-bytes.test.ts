// Keys of texts under PAD SPACE: every two short texts of weights below, at and above a space's, compared by their keys and
// as if followed by spaces for ever; the key of a first column never runs into that of a second one.

import { expect, test } from "vitest";
import { KeyBytes } from "../../../src/engine/key-bytes.ts";

const LONGEST = 4;

function texts(units: readonly Buffer[]): Buffer[] {
  let last: Buffer[] = [Buffer.alloc(0)];
  const all = [...last];
  for (let length = 1; length <= LONGEST; length++) {
    last = last.flatMap((text) => units.map((unit) => Buffer.concat([text, unit])));
    all.push(...last);
  }
  return all;
}

function keyOf(keys: KeyBytes, space: Buffer, ...values: readonly Buffer[]): string {
  keys.begin();
  for (const value of values) {
    const row = Buffer.concat([Buffer.of(0), value, Buffer.of(0xff)]);
    keys.padded(row, 1, 1 + value.length, space);
  }
  return keys.take();
}

test.each([
  ["one byte", [0x10, 0x20, 0x30].map((byte) => Buffer.of(byte))],
  ["two bytes", [0x0110, 0x0120, 0x0130, 0x0220].map((weight) => Buffer.of(weight >> 8, weight & 0xff))],
])("padded texts of weights of %s", (_name, units) => {
  const keys = new KeyBytes();
  const space = units[1] as Buffer;
  const short = texts(units.slice(0, 3));
  const all = units.length > 3 ? [...short, ...texts(units.slice(1))] : short;
  const endless = (text: Buffer): string =>
    Buffer.concat([text, ...Array.from({ length: LONGEST - text.length / space.length }, () => space)]).toString("hex");
  const pairs = all.map((text) => ({ key: keyOf(keys, space, text), text: endless(text) }));
  for (const one of pairs) {
    for (const other of pairs) {
      if (one.key < other.key !== one.text < other.text || (one.key === other.key) !== (one.text === other.text)) {
        expect.unreachable(`${one.text} and ${other.text} compare as ${JSON.stringify([one.key, other.key])}`);
      }
    }
  }
  const few = all.filter((text) => text.length <= 2 * space.length);
  const two = few.flatMap((first) =>
    few.map((second) => ({ key: keyOf(keys, space, first, second), text: endless(first) + endless(second) })),
  );
  for (const one of two) for (const other of two) expect(one.key < other.key).toBe(one.text < other.text);
});
