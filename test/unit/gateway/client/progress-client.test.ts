// Progress reports in front of an answer: what the client gets, and in which order it is numbered.

import { expect, test } from "vitest";
import { ProgressClient } from "../../../../src/gateway/client/progress-client.ts";
import type { ClientPacket, ExecutorClient } from "../../../../src/gateway/client/executor-client.ts";
import { decodeProgress, encodeProgress } from "../../../../src/mysql/packets/progress.ts";
import { buildReply, unframe } from "../../../wire/reply-builder.ts";

class Client implements ExecutorClient {
  readonly capabilities = 0;
  readonly written: Buffer[] = [];
  isIdle = true;
  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return true;
  }
  onDrain(resume: () => void): void {
    resume();
  }
  nextPacket(): Promise<ClientPacket> {
    return Promise.resolve({ payload: Buffer.alloc(0), sequenceId: 9 });
  }
  commandDone(): void {}
  end(): void {}
  destroy(): void {}
}

const PROGRESS = { stage: 1, stages: 2, done: 85_867, info: "copy to tmp table" };
const ROWS = buildReply([{ kind: "rows", columns: ["a"], rows: [["1"], ["2"]] }], false);

test("the packet is as MariaDB's server writes it", () => {
  const written = Buffer.from("ffffff0102020000000d456e61626c696e67206b657973", "hex");
  expect(decodeProgress(written)).toEqual({ stage: 2, stages: 2, done: 0, info: "Enabling keys" });
  expect(encodeProgress({ stage: 2, stages: 2, done: 0, info: "Enabling keys" })).toEqual(written);
  expect(decodeProgress(encodeProgress(PROGRESS))).toEqual(PROGRESS);
  expect(decodeProgress(Buffer.from("ff1604", "hex"))).toBeUndefined();
});

test("the answer's ids go on behind the reports, cut anywhere", () => {
  for (let cut = 1; cut < ROWS.length; cut += 3) {
    const client = new Client();
    const progress = new ProgressClient(client);
    progress.begin(0);
    progress.report(PROGRESS);
    progress.report(PROGRESS);
    progress.write(Buffer.from(ROWS.subarray(0, cut)));
    progress.write(Buffer.from(ROWS.subarray(cut)));
    const { payloads, sequenceIds } = unframe(Buffer.concat(client.written));
    expect(payloads.slice(0, 2).map(decodeProgress)).toEqual([PROGRESS, PROGRESS]);
    expect(payloads.slice(2)).toEqual(unframe(ROWS).payloads);
    expect(sequenceIds).toEqual(payloads.map((_, at) => at + 1));
  }
});

test("without a report nothing changes, and the next command begins anew", () => {
  const client = new Client();
  const progress = new ProgressClient(client);
  for (let n = 0; n < 2; n++) {
    client.written.length = 0;
    progress.begin(0);
    progress.write(Buffer.from(ROWS));
    expect(Buffer.concat(client.written)).toEqual(ROWS);
    client.written.length = 0;
    progress.begin(0);
    progress.report(PROGRESS);
    expect(client.written).toHaveLength(1);
  }
});

test("nothing is reported into an answer, between commands, or to who does not read", () => {
  const client = new Client();
  const progress = new ProgressClient(client);
  progress.report(PROGRESS);
  expect(client.written).toEqual([]);
  progress.begin(0);
  client.isIdle = false;
  progress.report(PROGRESS);
  expect(client.written).toEqual([]);
  client.isIdle = true;
  progress.write(Buffer.from(ROWS));
  progress.report(PROGRESS);
  expect(Buffer.concat(client.written)).toEqual(ROWS);
});

test("behind a client's file ids go on from it", async () => {
  const client = new Client();
  const progress = new ProgressClient(client);
  progress.begin(0);
  progress.report(PROGRESS);
  await progress.nextPacket();
  progress.write(Buffer.from(buildReply([{ kind: "ok" }], false)));
  expect(unframe(Buffer.concat(client.written)).sequenceIds).toEqual([1, 10]);
});
