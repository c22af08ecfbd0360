// The edge of the protocol: what clients with CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK get of an answer in the classic
// framing, and what the session's tracker makes of its changes.

import { expect, test } from "vitest";
import { ClientFraming } from "../../../../src/gateway/client/client-framing.ts";
import type { ExecutorClient } from "../../../../src/gateway/client/executor-client.ts";
import { CLIENT, COM, SERVER } from "../../../../src/mysql/constants.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import {
  decodeOk,
  encodeOk,
  okPacket,
  type SessionStateChange,
  schemaChange,
  stringsOfChange,
} from "../../../../src/mysql/packets/ok.ts";
import type { SessionChanges } from "../../../../src/mysql/reply-reframe.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { buildReply, unframe } from "../../../wire/reply-builder.ts";

const ROWS = [{ kind: "rows", columns: ["a"], rows: [["1"], ["2"]] }] as const;

class Client implements ExecutorClient {
  readonly capabilities: number;
  readonly written: Buffer[] = [];
  readonly isIdle = true;
  calls = "";
  takesMore = true;

  constructor(capabilities: number) {
    this.capabilities = capabilities | CLIENT.PROTOCOL_41;
  }

  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return this.takesMore;
  }
  onDrain(resume: () => void): void {
    this.calls += "drain ";
    resume();
  }
  commandDone(): void {
    this.calls += "done ";
  }
  end(): void {
    this.calls += "end ";
  }
  destroy(): void {
    this.calls += "destroy ";
  }
}

class Changes implements SessionChanges {
  list: SessionStateChange[] = [];
  get pending(): boolean {
    return this.list.length > 0;
  }
  rowsSent(): void {}
  take(): readonly SessionStateChange[] {
    const taken = this.list;
    this.list = [];
    return taken;
  }
}

test("a client with neither capability gets the same bytes", () => {
  const { client, framing } = framed(CLIENT.CONNECT_WITH_DB);
  framing.begin(COM.QUERY, 0);
  framing.write(buildReply(ROWS, false));
  expect(Buffer.concat(client.written)).toEqual(buildReply(ROWS, false));
});

test.each([[CLIENT.CONNECT_WITH_DB], [CLIENT.DEPRECATE_EOF]])(
  "an answer follows on its command, whichever packets its shard has numbered (%i)",
  (capabilities) => {
    const { client, framing } = framed(capabilities);
    framing.begin(COM.STMT_EXECUTE, 0);
    const reply = buildReply(ROWS, false);
    const { payloads } = unframe(reply);
    // As behind a statement of three packets, in pieces that end anywhere.
    const later = Buffer.concat(payloads.map((payload, index) => writeFrame(payload, 3 + index)));
    for (const [from, to] of [
      [0, 7],
      [7, 40],
      [40, later.length],
    ]) {
      framing.write(Buffer.from(later.subarray(from, to)));
    }
    const { sequenceIds } = unframe(Buffer.concat(client.written));
    expect(sequenceIds).toEqual(sequenceIds.map((_, index) => 1 + index));
    expect(sequenceIds.length).toBeGreaterThan(3);

    client.written.length = 0;
    framing.begin(COM.QUERY, 254);
    framing.write(Buffer.concat(payloads.map((payload, index) => writeFrame(payload, 1 + index))));
    expect(unframe(Buffer.concat(client.written)).sequenceIds.slice(0, 3)).toEqual([255, 0, 1]);
  },
);

test("definitions have the client's form, whichever they come in", () => {
  const block = Buffer.from("\u0001\u0004json");
  const plain = buildReply(ROWS, true);
  const extended = buildReply(ROWS, true, block);
  for (const [asks, given, wanted] of [
    [false, buildReply(ROWS, false), plain],
    [false, buildReply(ROWS, false, block), plain],
    [true, buildReply(ROWS, false), buildReply(ROWS, true, Buffer.alloc(0))],
    [true, buildReply(ROWS, false, block), extended],
  ] as const) {
    const client = new Client(CLIENT.DEPRECATE_EOF);
    const framing = new ClientFraming(client, undefined, asks, silentLog);
    framing.begin(COM.QUERY, 0);
    framing.write(Buffer.from(given));
    expect(Buffer.concat(client.written)).toEqual(wanted);
  }
});

test("nothing behind it knows of the two capabilities", () => {
  const { framing } = framed(CLIENT.DEPRECATE_EOF | CLIENT.SESSION_TRACK);
  expect(framing.capabilities).toBe(CLIENT.PROTOCOL_41);
});

test("rows, and again for the next command", () => {
  const { client, framing } = framed(CLIENT.DEPRECATE_EOF);
  for (let n = 0; n < 2; n++) {
    client.written.length = 0;
    framing.begin(COM.QUERY, 0);
    expect(framing.write(buildReply(ROWS, false))).toBe(true);
    expect(Buffer.concat(client.written)).toEqual(buildReply(ROWS, true));
  }
});

test("back-pressure is the connection's", () => {
  const { client, framing } = framed(CLIENT.DEPRECATE_EOF);
  client.takesMore = false;
  framing.begin(COM.QUERY, 0);
  expect(framing.write(buildReply(ROWS, false))).toBe(false);
  let resumed = false;
  framing.onDrain(() => {
    resumed = true;
  });
  expect(resumed).toBe(true);
  expect(framing.isIdle).toBe(true);
  framing.commandDone();
  framing.end();
  framing.destroy();
  expect(client.calls).toBe("drain done end destroy ");
});

test("bytes that are no reply close the connection, and throw nothing", () => {
  const { client, framing } = framed(CLIENT.DEPRECATE_EOF);
  framing.begin(COM.QUERY, 0);
  expect(framing.write(writeFrame(Buffer.alloc(0), 1))).toBe(true);
  expect(client.calls).toBe("destroy ");
});

test.each([
  ["classic", 0],
  ["without EOFs", CLIENT.DEPRECATE_EOF],
])("an OK tells what has changed, once (%s)", (_, more) => {
  const { client, framing, changes } = framed(CLIENT.SESSION_TRACK | more);
  changes.list.push(schemaChange("ks"));
  framing.begin(COM.QUERY, 0);
  framing.write(writeFrame(encodeOk(okPacket({ affectedRows: 300, info: "told" }), 0), 1));
  framing.begin(COM.QUERY, 0);
  framing.write(writeFrame(encodeOk(okPacket(), 0), 1));
  const [first, second] = unframe(Buffer.concat(client.written)).payloads.map((payload) =>
    decodeOk(payload, CLIENT.SESSION_TRACK),
  );
  expect(first).toMatchObject({ affectedRows: 300, info: "told" });
  expect((first?.statusFlags ?? 0) & SERVER.SESSION_STATE_CHANGED).not.toBe(0);
  expect(first?.sessionState.map(stringsOfChange)).toEqual([["ks"]]);
  expect(second?.sessionState).toEqual([]);
});

test("rows tell it in the OK that ends them; the classic EOF cannot, and the next OK does", () => {
  const modern = framed(CLIENT.SESSION_TRACK | CLIENT.DEPRECATE_EOF);
  modern.changes.list.push(schemaChange("ks"));
  modern.framing.begin(COM.QUERY, 0);
  modern.framing.write(buildReply(ROWS, false));
  const told = unframe(Buffer.concat(modern.client.written));
  expect(told.sequenceIds).toEqual([1, 2, 3, 4, 5]);
  const last = decodeOk(told.payloads.at(-1) ?? Buffer.alloc(0), CLIENT.SESSION_TRACK);
  expect(last.sessionState.map(stringsOfChange)).toEqual([["ks"]]);

  const classic = framed(CLIENT.SESSION_TRACK);
  classic.changes.list.push(schemaChange("ks"));
  classic.framing.begin(COM.QUERY, 0);
  classic.framing.write(buildReply(ROWS, false));
  expect(Buffer.concat(classic.client.written)).toEqual(buildReply(ROWS, false));
  expect(classic.changes.pending).toBe(true);
});

test.each([COM.STMT_PREPARE, COM.STMT_FETCH, COM.FIELD_LIST])(
  "what begins with 0 is no OK in the reply to %i",
  (command) => {
    const { client, framing, changes } = framed(CLIENT.SESSION_TRACK);
    changes.list.push(schemaChange("ks"));
    framing.begin(command, 0);
    const isField = command === COM.FIELD_LIST;
    const bytes = Buffer.concat([Buffer.alloc(6), Buffer.of(12), Buffer.alloc(12), Buffer.of(0xfb)]);
    const packet = writeFrame(isField ? bytes : Buffer.alloc(12), 1);
    framing.write(packet);
    expect(client.written).toEqual([packet]);
  },
);

function framed(capabilities: number): { client: Client; framing: ClientFraming; changes: Changes } {
  const client = new Client(capabilities);
  const changes = new Changes();
  const tracked = (capabilities & CLIENT.SESSION_TRACK) === 0 ? undefined : changes;
  const framing = new ClientFraming(client, tracked, false, silentLog);
  return { client, framing, changes };
}
