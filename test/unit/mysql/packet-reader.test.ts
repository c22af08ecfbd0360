// The reader must give the same packets wherever the socket cuts them, without copying what lies in one chunk.

import { describe, expect, test } from "vitest";
import { BufferWriter } from "../../../src/mysql/codec.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";

const PAYLOADS = [
  Buffer.from("first"),
  Buffer.alloc(0),
  Buffer.of(1),
  Buffer.from("x".repeat(300)),
  Buffer.from("end"),
];
const STREAM = Buffer.concat(PAYLOADS.map((payload, index) => writeFrame(payload, index)));

describe("PacketReader", () => {
  test("cut anywhere, with one or two chunks waiting", () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const chunks = [STREAM.subarray(0, cut), STREAM.subarray(cut)];
      expect(readAll(chunks, true)).toEqual(PAYLOADS);
      expect(readAll(chunks, false)).toEqual(PAYLOADS);
    }
    const bytes = [...STREAM].map((byte) => Buffer.of(byte));
    expect(readAll(bytes, true)).toEqual(PAYLOADS);
    expect(readAll(bytes, false)).toEqual(PAYLOADS);
  });

  test("whole packets by their places, cut anywhere, the others one by one", () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const reader = new PacketReader(1000);
      const packets: Buffer[] = [];
      for (const chunk of [STREAM.subarray(0, cut), STREAM.subarray(cut)]) {
        reader.push(chunk);
        for (;;) {
          const starts: number[] = [];
          const ends: number[] = [];
          const bytes = reader.takeWhole(starts, ends);
          for (const [index, start] of starts.entries()) packets.push((bytes ?? STREAM).subarray(start, ends[index]));
          const next = reader.next();
          if (next !== undefined) packets.push(next);
          else if (bytes === undefined) break;
        }
      }
      expect(packets).toEqual(PAYLOADS);
      expect(reader.bufferedBytes).toBe(0);
      expect(reader.sequenceId).toBe(PAYLOADS.length - 1);
    }
  });

  test("a packet that lies in one chunk shares its memory", () => {
    const reader = new PacketReader(1000);
    reader.push(STREAM);
    expect(reader.next()?.buffer).toBe(STREAM.buffer);
    expect(reader.sequenceId).toBe(0);
    reader.next();
    expect(reader.sequenceId).toBe(1);
  });

  test("knows whether it is inside a packet", () => {
    const reader = new PacketReader(1000);
    const states: boolean[] = [];
    for (const byte of writeFrame(Buffer.from("ab"), 0)) {
      reader.push(Buffer.of(byte));
      reader.next();
      states.push(reader.isInsidePacket);
    }
    expect(states).toEqual([true, true, true, true, true, false]);
  });

  test("a payload that is too large is refused at once, or behind its last byte", () => {
    const large = writeFrame(Buffer.alloc(0xffffff + 1000), 3);
    const strict = new PacketReader(1000);
    strict.push(large.subarray(0, 4));
    expect(() => strict.next()).toThrow("Got a packet bigger than 'max_allowed_packet' bytes");

    for (const [packet, max] of [
      [large, 1000],
      [large, 0xffffff + 999],
      [writeFrame(Buffer.alloc(1001), 3), 1000],
      [writeFrame(Buffer.alloc(0xffffff), 3), 1000],
    ] as const) {
      const patient = new PacketReader(max);
      patient.stepsOverTooLarge = true;
      for (let at = 0; at < packet.length - 1; at += 65_536) {
        patient.push(packet.subarray(at, Math.min(at + 65_536, packet.length - 1)));
        expect(patient.next()).toBeUndefined();
        if (max === 1000) expect(patient.bufferedBytes).toBeLessThan(5);
      }
      patient.push(packet.subarray(packet.length - 1));
      expect(() => patient.next()).toThrow("Got a packet bigger than 'max_allowed_packet' bytes");
      expect(patient.bufferedBytes).toBe(0);
    }
  });

  test.each([0xfffffe, 0xffffff, 0x1000000, 2 * 0xffffff, 2 * 0xffffff + 1])("joins a payload of %i bytes", (size) => {
    const payload = Buffer.alloc(size, "abcdefg");
    const frame = writeFrame(payload, 254);
    const writer = new BufferWriter(16);
    writer.sequenceId = 254;
    writer.beginPacket();
    writer.bytes(payload);
    writer.endPacket();
    expect(writer.finish().equals(frame)).toBe(true);
    for (const step of [frame.length, 65_536, 0xffffff + 3]) {
      const reader = new PacketReader(size);
      let got: Buffer | undefined;
      for (let at = 0; at < frame.length; at += step) {
        reader.push(frame.subarray(at, at + step));
        got = reader.next() ?? got;
      }
      expect(got?.equals(payload)).toBe(true);
      expect(reader.bufferedBytes).toBe(0);
    }
  });

  test("a claimed length alone costs no memory, and a larger one than allowed is refused at its header", () => {
    const reader = new PacketReader(64 * 1024 * 1024);
    reader.push(Buffer.of(0xff, 0xff, 0xff, 0, 1, 2));
    expect(reader.next()).toBeUndefined();
    expect(reader.bufferedBytes).toBe(2);
    const strict = new PacketReader(1000);
    strict.push(Buffer.of(0xe9, 3, 0, 0));
    expect(() => strict.next()).toThrowError(expect.objectContaining({ errno: 1153 }));
    const joined = new PacketReader(0xffffff + 10);
    joined.push(writeFrame(Buffer.alloc(0xffffff + 11), 0));
    expect(() => joined.next()).toThrowError(expect.objectContaining({ errno: 1153 }));
  });

  test("sequence ids are checked when asked for, and always between joined frames", () => {
    const reader = new PacketReader(100);
    reader.expectSequence(0);
    reader.push(Buffer.concat([writeFrame(Buffer.of(1), 0), writeFrame(Buffer.of(1), 1), writeFrame(Buffer.of(1), 3)]));
    reader.next();
    reader.next();
    expect(() => reader.next()).toThrowError(expect.objectContaining({ errno: 1156 }));
    const frame = writeFrame(Buffer.alloc(0xffffff + 1), 7);
    frame[4 + 0xffffff + 3] = 9;
    const joined = new PacketReader(0x2000000);
    joined.push(frame);
    expect(() => joined.next()).toThrowError(expect.objectContaining({ errno: 1156 }));
  });

  test("the rest can be taken out, for TLS", () => {
    const reader = new PacketReader(100);
    reader.push(Buffer.concat([writeFrame(Buffer.of(1), 0), Buffer.from("client ")]));
    reader.push(Buffer.from("hello"));
    expect(reader.next()).toEqual(Buffer.of(1));
    expect(reader.takeRest().toString()).toBe("client hello");
    expect(reader.takeRest()).toHaveLength(0);
    reader.push(writeFrame(Buffer.of(2), 0));
    expect(reader.next()).toEqual(Buffer.of(2));
  });
});

function readAll(chunks: readonly Buffer[], drain: boolean): Buffer[] {
  const reader = new PacketReader(1000);
  const packets: Buffer[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    if (!drain) continue;
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet);
  }
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet);
  return packets;
}
