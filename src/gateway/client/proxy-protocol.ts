// The PROXY protocol, versions 1 and 2 (haproxy.org/download/1.8/doc/proxy-protocol.txt): the header in which a proxy says
// whose connection it passes on. As in MariaDB (manual: "Proxy Protocol Support") the greeting does not wait for it, a proxy
// of the listed networks may leave it out, and nobody else may send one: the bytes of a header cannot begin a login. Reads
// bytes and addresses; knows no sockets.

import { BlockList, isIP } from "node:net";
import { ShardgateError } from "../../base/errors.ts";

export type ProxyHeader =
  /** More bytes decide. */
  | { readonly kind: "incomplete" }
  /** What comes is the client's own. */
  | { readonly kind: "none" }
  /** The proxy speaks for itself (a health check), or does not know: its own address counts. */
  | { readonly kind: "local"; readonly bytes: number }
  | { readonly kind: "proxied"; readonly bytes: number; readonly host: string; readonly port: number }
  | { readonly kind: "malformed" };

const SIGNATURE_1 = Buffer.from("PROXY ");
const SIGNATURE_2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Longest header of version 1, with its line end. */
const LINE_BYTES_MAX = 107;
const FIXED_BYTES_2 = 16;
/** Addresses and type-length-values of version 2; proxies send some hundred bytes. */
const REST_BYTES_MAX = 4096;
const INCOMPLETE = { kind: "incomplete" } as const;
const MALFORMED = { kind: "malformed" } as const;

/** Reads the header that `received`, all bytes of a connection so far, begins with. Borrowed. */
export function readProxyHeader(received: Buffer): ProxyHeader {
  if (received.length === 0) return INCOMPLETE;
  if (beginsAlike(received, SIGNATURE_2)) {
    return received.length < SIGNATURE_2.length ? INCOMPLETE : readBinary(received);
  }
  if (beginsAlike(received, SIGNATURE_1)) {
    return received.length < SIGNATURE_1.length ? INCOMPLETE : readLine(received);
  }
  return { kind: "none" };
}

function beginsAlike(received: Buffer, signature: Buffer): boolean {
  const bytes = Math.min(received.length, signature.length);
  return received.compare(signature, 0, bytes, 0, bytes) === 0;
}

// PROXY TCP4 192.0.2.1 198.51.100.1 51234 3306\r\n
function readLine(received: Buffer): ProxyHeader {
  const end = received.subarray(0, LINE_BYTES_MAX).indexOf("\r\n");
  if (end < 0) return received.length < LINE_BYTES_MAX ? INCOMPLETE : MALFORMED;
  const bytes = end + 2;
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] = received
    .toString("latin1", 0, end)
    .split(" ");
  if (family === "UNKNOWN") return { kind: "local", bytes };
  const version = family === "TCP4" ? 4 : family === "TCP6" ? 6 : undefined;
  const isGood = version !== undefined && isIP(source) === version && isIP(destination) === version;
  const port = portOf(sourcePort);
  if (!isGood || port === undefined || portOf(destinationPort) === undefined || more.length > 0) return MALFORMED;
  return { kind: "proxied", bytes, host: source, port };
}

function portOf(text: string): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

// 12 bytes signature │ version 2 and command │ family and transport │ 2 bytes length of the rest │ addresses, ports, more
function readBinary(received: Buffer): ProxyHeader {
  if (received.length < FIXED_BYTES_2) return INCOMPLETE;
  const command = received[12] ?? 0;
  const family = (received[13] ?? 0) >>> 4;
  const transport = (received[13] ?? 0) & 0xf;
  const restBytes = received.readUInt16BE(14);
  const bytes = FIXED_BYTES_2 + restBytes;
  if ((command !== 0x20 && command !== 0x21) || restBytes > REST_BYTES_MAX) return MALFORMED;
  if (received.length < bytes) return INCOMPLETE;
  if (command === 0x20 || family === 0) return { kind: "local", bytes };
  if (transport !== 1) return MALFORMED;
  switch (family) {
    case 1: {
      if (restBytes < 12) return MALFORMED;
      return { kind: "proxied", bytes, host: received.subarray(16, 20).join("."), port: received.readUInt16BE(24) };
    }
    case 2: {
      if (restBytes < 36) return MALFORMED;
      const groups = Array.from({ length: 8 }, (_, i) => received.readUInt16BE(16 + 2 * i).toString(16));
      return { kind: "proxied", bytes, host: groups.join(":"), port: received.readUInt16BE(48) };
    }
    case 3:
      // A Unix socket of the proxy's machine.
      return restBytes < 216 ? MALFORMED : { kind: "local", bytes };
    default:
      return MALFORMED;
  }
}

/** Who may send a header. */
export interface ProxyNetworks {
  /** `host` is an IP address, or undefined for a Unix socket. */
  has(host: string | undefined): boolean;
}

export const NO_PROXIES: ProxyNetworks = { has: () => false };

/**
 * Reads `192.0.2.0/24,2001:db8::/32,10.1.1.1,localhost` as MariaDB's proxy_protocol_networks: networks, addresses,
 * `localhost` for the Unix socket, `*` for all. Throws CONFIG_BAD.
 */
export function parseProxyNetworks(text: string): ProxyNetworks {
  const list = new BlockList();
  let everywhere = false;
  let unixSocket = false;
  for (const item of text.split(",").map((part) => part.trim())) {
    if (item === "") continue;
    if (item === "*") everywhere = true;
    else if (item === "localhost") unixSocket = true;
    else addNetwork(list, item);
  }
  return {
    has(host) {
      if (everywhere) return true;
      if (host === undefined) return unixSocket;
      return list.check(host, host.includes(":") ? "ipv6" : "ipv4");
    },
  };
}

function addNetwork(list: BlockList, item: string): void {
  const [address = "", prefix, ...more] = item.split("/");
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (version === 0 || !(length <= bits) || more.length > 0) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `--proxy-protocol-networks: "${item}" is no network; expected such as 192.0.2.0/24, 2001:db8::/32, 10.1.1.1, localhost, *`,
    );
  }
  const family = version === 6 ? "ipv6" : "ipv4";
  list.addSubnet(address, length, family);
}
