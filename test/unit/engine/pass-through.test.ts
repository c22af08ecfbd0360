// The pass-through tier: bytes in, bytes out, whatever the cuts; and what may still be said when the shard breaks off.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../src/base/limits.ts";
import type { Output } from "../../../src/engine/output.ts";
import { PassThrough, type PassThroughOwner, type Written } from "../../../src/engine/pass-through.ts";
import type { ReplyEnd } from "../../../src/engine/reply.ts";
import { END as OK_END } from "../../fixture/shard-port.ts";
import { PacketCutter } from "../../../src/mysql/packet-cutter.ts";
import { buildReply, REPLIES, unframe } from "../../wire/reply-builder.ts";

class Client implements Output {
  readonly written: Buffer[] = [];
  takesMore = true;
  drain: (() => void) | undefined;
  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return this.takesMore;
  }
  onDrain(resume: () => void): void {
    this.drain = resume;
  }
  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }
}

class Owner implements PassThroughOwner {
  readonly #client: Client;
  written: Written | undefined;
  constructor(client: Client) {
    this.#client = client;
  }
  finish(_info: ReplyEnd, chunk: Buffer): void {
    this.#client.write(chunk);
  }
  failed(_error: Error, _holdLost: boolean, written: Written): void {
    this.written = written;
  }
}

const END: ReplyEnd = { ...OK_END, kind: "resultset", status: 2, lastPacketBytes: 9 };

describe("a reply passes, cut anywhere", () => {
  for (const [name, parts] of REPLIES) {
    test(name, () => {
      const reply = buildReply(parts, false);
      for (const step of [1, 2, 5, 13, 4096]) {
        const { client, pass } = made();
        for (let n = 0; n < 2; n++) {
          client.written.length = 0;
          pass.begin();
          const last = Math.max(0, reply.length - 9);
          for (let at = 0; at < last; at += step) pass.data(Buffer.from(reply.subarray(at, Math.min(at + step, last))));
          pass.end(END, Buffer.from(reply.subarray(last)));
          expect(client.bytes.equals(reply), `pieces of ${step}`).toBe(true);
        }
      }
    });
  }
});

describe("when the shard breaks off", () => {
  const reply = buildReply(
    [
      {
        kind: "rows",
        columns: ["a", "b"],
        rows: [
          ["1", "x"],
          ["2", "yyyy"],
          ["3", ""],
        ],
      },
    ],
    false,
  );
  const { sequenceIds } = unframe(reply);

  test("what is written ends with a packet, and the next id is known", () => {
    for (let cut = 1; cut < reply.length; cut++) {
      const { client, owner, pass } = made();
      pass.begin();
      pass.data(Buffer.from(reply.subarray(0, cut)));
      pass.fail(new Error("gone"), false);
      const { payloads } = unframe(client.bytes);
      const wanted: Written =
        payloads.length === 0
          ? { kind: "nothing" }
          : { kind: "whole", sequenceId: (sequenceIds[payloads.length - 1] ?? 0) + 1 };
      expect(owner.written, `cut at ${cut}`).toEqual(wanted);
      expect(reply.subarray(0, client.bytes.length).equals(client.bytes)).toBe(true);
    }
  });

  test("nothing is written before the first chunk, and nothing of an earlier reply counts", () => {
    const { owner, pass } = made();
    pass.begin().data(Buffer.from(reply.subarray(0, 40)));
    pass.begin();
    pass.fail(new Error("gone"), false);
    expect(owner.written).toEqual({ kind: "nothing" });
  });

  test("a row that is larger than what is kept passes in pieces; after it the next one is whole again", () => {
    const size = LIMITS.passThroughHeldBytesMax;
    const large = buildReply([{ kind: "rows", columns: ["a"], rows: [[Buffer.alloc(5 * size, 0x61)], ["2"]] }], false);
    const { client, owner, pass } = made();
    pass.begin();
    let at = 0;
    for (; at < 4 * size; at += size) pass.data(Buffer.from(large.subarray(at, at + size)));
    expect(client.bytes.length).toBeGreaterThan(2 * size);
    pass.fail(new Error("gone"), false);
    expect(owner.written).toEqual({ kind: "part" });

    pass.begin();
    client.written.length = 0;
    for (at = 0; at < large.length - 9; at += size) {
      pass.data(Buffer.from(large.subarray(at, Math.min(at + size, large.length - 9))));
    }
    pass.fail(new Error("gone"), false);
    expect(owner.written).toEqual({ kind: "whole", sequenceId: 6 });
  });
});

test("a slow client holds the shard back, and what waits is granted at once when it has drained", () => {
  const { client, pass } = made();
  let granted = 0;
  pass.begin();
  pass.attach({ consumed: (bytes) => (granted += bytes), cancel() {} });
  const reply = buildReply([{ kind: "rows", columns: ["a"], rows: [["1"], ["2"]] }], false);
  client.takesMore = false;
  pass.data(Buffer.from(reply.subarray(0, 30)));
  pass.data(Buffer.from(reply.subarray(30, 50)));
  expect(granted).toBe(0);
  client.takesMore = true;
  client.drain?.();
  expect(granted).toBe(50);
});

test("a payload of 16 MiB - 1 goes on in the next packet", () => {
  const cutter = new PacketCutter();
  const full = Buffer.alloc(4 + 0xffffff);
  full.writeUIntLE(0xffffff, 0, 3);
  full[3] = 7;
  expect(cutter.push(full)).toBe(-1);
  expect(cutter.push(Buffer.of(1, 0, 0, 8, 0x61, 1))).toBe(5);
  expect(cutter.nextSequenceId).toBe(9);
});

function made(): { client: Client; owner: Owner; pass: PassThrough } {
  const client = new Client();
  const owner = new Owner(client);
  return { client, owner, pass: new PassThrough(client, owner) };
}
