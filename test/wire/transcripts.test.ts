// Logins recorded between a real client and the server, replayed into the reader and the handshake machine cut at every
// byte: the machine must say the same bytes and come to the same end wherever the socket cuts what the client said.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createConnection } from "mysql2/promise";
import { beforeAll, describe, expect, test } from "vitest";
import { hashPassword, parseUsers, type User, Users } from "../../src/gateway/access/users.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { encodeErrOf } from "../../src/mysql/packets/err.ts";
import { encodeOk, okPacket } from "../../src/mysql/packets/ok.ts";
import {
  type HandshakeEvent,
  OFFERED_CAPABILITIES,
  ServerHandshake,
  type ServerHandshakeOptions,
} from "../../src/mysql/server-handshake.ts";
import { generateRsaKeys, type RsaKeys } from "../../src/mysql/auth/caching-sha2.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { type LoginServer, startLoginServer } from "./login-server.ts";

const SCRAMBLE = Buffer.from("a scramble of 20 byt");
const PASSWORD = "secret";

let file: string;
let rsaKeys: RsaKeys;

beforeAll(async () => {
  const hashes = await hashPassword(PASSWORD);
  const rights = { "*": ["read"] };
  file = JSON.stringify({
    users: {
      native: { mysql_native_password: hashes.mysql_native_password, rights },
      sha2: { caching_sha2_password: hashes.caching_sha2_password, rights },
    },
  });
  rsaKeys = await generateRsaKeys();
});

describe("recorded logins, replayed at every split point", () => {
  test.each([
    ["native after a switch", "native", PASSWORD, false, "accepted"],
    ["sha2 in full, by RSA", "sha2", PASSWORD, false, "accepted"],
    ["sha2 fast", "sha2", PASSWORD, true, "accepted"],
    ["wrong password", "sha2", "wrong", false, "rejected"],
    ["unknown user", "nobody", PASSWORD, false, "rejected"],
  ])("%s", async (_name, user, password, fast, end) => {
    const users = new Users(parseUsers(file));
    const accounts = users.accountsFor(true);
    if (fast) await users.checkPassword(accounts.find(user), Buffer.from(password));
    const options: ServerHandshakeOptions<User> = {
      serverVersion: "8.0.36-shardgate",
      connectionId: 1,
      newScramble: () => SCRAMBLE,
      capabilities: OFFERED_CAPABILITIES,
      mariadbCapabilities: 0,
      defaultPlugin: "caching_sha2_password",
      tlsAvailable: false,
      tlsRequired: false,
      safeTransport: false,
      rsaKeys,
      clientHost: "127.0.0.1",
      accounts: {
        find: (name) => accounts.find(name),
        fastDigestOf: (account) => (fast ? accounts.fastDigestOf(account) : undefined),
      },
    };
    const server = await startLoginServer({ users, handshake: options });
    const recorded = await record(server, user, password);
    server.close();
    const heard = Buffer.concat(recorded.filter((turn) => turn.from === "server").map((turn) => turn.bytes));
    // A cut may only fall within what the client said at once: it speaks in turns.
    const turns: Buffer[] = [];
    for (const turn of recorded) {
      if (turn.from === "server") turns.push(Buffer.alloc(0));
      else turns.push(Buffer.concat([turns.pop() ?? Buffer.alloc(0), turn.bytes]));
    }
    const spoken = turns.filter((turn) => turn.length > 0);
    const saidBytes = Buffer.concat(spoken).length;
    expect(saidBytes).toBeGreaterThan(60);
    for (let cut = 0; cut <= saidBytes; cut++) {
      const replayed = replay(options, spoken, cut, end === "accepted");
      expect(replayed.end).toBe(end);
      if (!replayed.sent.equals(heard)) expect.fail(`cut at ${cut}`);
    }
  });
});

interface Turn {
  readonly from: "client" | "server";
  readonly bytes: Buffer;
}

/** A login by mysql2 through a proxy that writes down who says what, up to the server's OK or ERR. */
async function record(server: LoginServer, user: string, password: string): Promise<Turn[]> {
  const turns: Turn[] = [];
  const sockets: Socket[] = [];
  const proxy = createServer((client) => {
    const upstream = connect(server.port, "127.0.0.1");
    sockets.push(client, upstream);
    const relay = (from: Turn["from"], source: Socket, target: Socket): void => {
      source.on("data", (bytes: Buffer) => {
        turns.push({ from, bytes: Buffer.from(bytes) });
        target.write(bytes);
      });
      source.on("error", () => undefined);
      source.on("close", () => target.end());
    };
    relay("client", client, upstream);
    relay("server", upstream, client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const connection = await createConnection({ host: "127.0.0.1", port, user, password }).catch(() => undefined);
  const login = turns.slice();
  connection?.destroy();
  for (const socket of sockets) socket.destroy();
  proxy.close();
  return login;
}

/** Plays the client's turns into a fresh machine, with one extra cut at `cut`. */
function replay(
  options: ServerHandshakeOptions<User>,
  turns: readonly Buffer[],
  cut: number,
  passwordRight: boolean,
): { sent: Buffer; end: string } {
  const machine = new ServerHandshake(options);
  const sent = [machine.greet()];
  const reader = new PacketReader(1 << 16);
  let end = "";
  let offset = 0;
  const handle = (events: readonly HandshakeEvent<User>[]): void => {
    for (const event of events) {
      if (event.kind === "send") sent.push(event.bytes);
      else if (event.kind === "check-password") handle(machine.passwordChecked(passwordRight));
      else if (event.kind === "accepted") {
        sent.push(writeFrame(encodeOk(okPacket(), event.login.capabilities), event.login.sequenceId));
        end = event.kind;
      } else if (event.kind === "rejected") {
        sent.push(writeFrame(encodeErrOf(event.error), event.sequenceId));
        end = event.kind;
      }
    }
  };
  for (const turn of turns) {
    const at = Math.min(Math.max(cut - offset, 0), turn.length);
    offset += turn.length;
    for (const piece of [turn.subarray(0, at), turn.subarray(at)]) {
      reader.push(piece);
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        handle(machine.receive(packet, reader.sequenceId));
      }
    }
  }
  return { sent: Buffer.concat(sent), end };
}
