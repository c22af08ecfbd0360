// The PROXY protocol: headers of both versions, split at every byte, mangled at every byte; who may send one.

import { describe, expect, test } from "vitest";
import {
  parseProxyNetworks,
  type ProxyHeader,
  readProxyHeader,
} from "../../../../src/gateway/client/proxy-protocol.ts";

const BEHIND = Buffer.from("\x54\0\0\x01the login");

function binary(command: number, family: number, rest: Buffer): Buffer {
  const fixed = Buffer.from("0d0a0d0a000d0a515549540a00000000", "hex");
  fixed[12] = command;
  fixed[13] = family;
  fixed.writeUInt16BE(rest.length, 14);
  return Buffer.concat([fixed, rest]);
}

const IPV4 = Buffer.from("c0000201c6336401c8220cea", "hex");
const IPV6 = Buffer.from("20010db8000000000000000000000001fe80000000000000000000000000000212340cea", "hex");
const MORE = Buffer.from("0300040102030421000401020304", "hex");

const HEADERS: readonly (readonly [string, Buffer, Partial<Extract<ProxyHeader, { kind: "proxied" }>> | "local"])[] = [
  ["1, IPv4", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 51234 3306\r\n"), { host: "192.0.2.1", port: 51_234 }],
  ["1, IPv6", Buffer.from("PROXY TCP6 2001:db8::1 fe80::2 4660 3306\r\n"), { host: "2001:db8::1", port: 4660 }],
  ["1, unknown", Buffer.from("PROXY UNKNOWN\r\n"), "local"],
  ["1, unknown with more", Buffer.from("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), "local"],
  ["2, IPv4", binary(0x21, 0x11, IPV4), { host: "192.0.2.1", port: 51_234 }],
  ["2, IPv4 with more", binary(0x21, 0x11, Buffer.concat([IPV4, MORE])), { host: "192.0.2.1", port: 51_234 }],
  ["2, IPv6", binary(0x21, 0x21, IPV6), { host: "2001:db8:0:0:0:0:0:1", port: 4660 }],
  ["2, Unix socket", binary(0x21, 0x31, Buffer.alloc(216)), "local"],
  ["2, local", binary(0x20, 0x00, Buffer.alloc(0)), "local"],
  ["2, local with an address", binary(0x20, 0x11, IPV4), "local"],
  ["2, unspecified", binary(0x21, 0x00, MORE), "local"],
];

describe("headers", () => {
  test.each(HEADERS)("version %s", (_name, header, wanted) => {
    const expected = wanted === "local" ? { kind: "local" } : { kind: "proxied", ...wanted };
    expect(readProxyHeader(header)).toEqual({ ...expected, bytes: header.length });
    expect(readProxyHeader(Buffer.concat([header, BEHIND]))).toEqual({ ...expected, bytes: header.length });
    for (let bytes = 0; bytes < header.length; bytes++) {
      expect(readProxyHeader(header.subarray(0, bytes)), `${bytes} bytes`).toEqual({ kind: "incomplete" });
    }
  });

  test("every byte changed: never more than is there, never an address that is none", () => {
    for (const [, header] of HEADERS) {
      for (let at = 0; at < header.length; at++) {
        for (const byte of [0x00, 0x0a, 0x20, 0x31, 0x7f, 0xff]) {
          const mangled = Buffer.concat([header, BEHIND]);
          mangled[at] = byte;
          const found = readProxyHeader(mangled);
          if (found.kind === "proxied" || found.kind === "local")
            expect(found.bytes).toBeLessThanOrEqual(mangled.length);
          if (found.kind === "proxied") {
            expect(found.host).toMatch(/^[0-9a-f:.]+$/i);
            expect(found.port).toBeLessThanOrEqual(65_535);
          }
        }
      }
    }
  });

  test.each([
    ["a login", BEHIND],
    ["a login of 80 bytes, which begins as PROXY does", Buffer.from("P\0\0\x01")],
    ["one that begins as version 2 does", Buffer.from("\r\0\0\x01")],
  ])("none: %s", (_name, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: "none" });
  });

  test.each([
    ["a port too large", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 65536 3306\r\n")],
    ["a port that is none", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 -1 3306\r\n")],
    ["an address of the other family", Buffer.from("PROXY TCP4 2001:db8::1 fe80::2 1 2\r\n")],
    ["another family", Buffer.from("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n")],
    ["too few words", Buffer.from("PROXY TCP4 192.0.2.1\r\n")],
    ["too many words", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n")],
    ["a line without an end", Buffer.from(`PROXY TCP4 ${"1".repeat(200)}`)],
    ["another version", binary(0x11, 0x11, IPV4)],
    ["another command", binary(0x22, 0x11, IPV4)],
    ["datagrams", binary(0x21, 0x12, IPV4)],
    ["another family of version 2", binary(0x21, 0x41, IPV4)],
    ["a short address", binary(0x21, 0x11, IPV4.subarray(1))],
    ["a short IPv6 address", binary(0x21, 0x21, IPV4)],
    ["a long one", binary(0x21, 0x11, Buffer.alloc(5_000))],
  ])("malformed: %s", (_name, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: "malformed" });
  });
});

describe("networks", () => {
  const networks = parseProxyNetworks("192.0.2.0/24, 10.1.1.1,2001:db8::/32,localhost");

  test.each([
    ["192.0.2.200", true],
    ["192.0.3.1", false],
    ["10.1.1.1", true],
    ["10.1.1.2", false],
    ["2001:db8:1::5", true],
    ["2001:db9::5", false],
    ["127.0.0.1", false],
    [undefined, true],
  ])("%s", (host, listed) => {
    expect(networks.has(host)).toBe(listed);
  });

  test("none, all, and Unix sockets", () => {
    expect(parseProxyNetworks("").has("127.0.0.1")).toBe(false);
    expect(parseProxyNetworks("").has(undefined)).toBe(false);
    expect(parseProxyNetworks("*").has("127.0.0.1")).toBe(true);
    expect(parseProxyNetworks("*").has(undefined)).toBe(true);
    expect(parseProxyNetworks("0.0.0.0/0").has(undefined)).toBe(false);
  });

  test.each(["192.0.2.0/33", "192.0.2.0/x", "2001:db8::/129", "example.com", "10.0.0", "10.0.0.0/8/8"])(
    "no network: %s",
    (text) => {
      expect(() => parseProxyNetworks(text)).toThrow("is no network");
    },
  );
});
