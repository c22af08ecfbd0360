// Where a client comes from: its socket's peer, or what a proxy says of it.

import { isIPv6, type Socket, SocketAddress } from "node:net";

export interface ClientAddress {
  /** As USER() and errors have it: an IP address, or "localhost" for a Unix socket. */
  readonly host: string;
  /** Undefined for a Unix socket. */
  readonly port: number | undefined;
  /** The client runs on this machine: it may be a user that is allowed from here only. */
  readonly isLoopback: boolean;
  /** Nobody can listen: passwords may come in clear. */
  readonly isSafe: boolean;
}

export function peerAddress({ remoteAddress, remotePort }: Socket, isUnixSocket: boolean): ClientAddress {
  if (isUnixSocket) return { host: "localhost", port: undefined, isLoopback: true, isSafe: true };
  // A client that has gone already has no address; it is from elsewhere.
  const host = plainAddress(remoteAddress ?? "0.0.0.0");
  return { host, port: remotePort, isLoopback: isLoopback(host), isSafe: false };
}

/** A client is of this machine only if its proxy is, too; and the way to the proxy is anybody's. */
export function proxiedAddress(proxy: ClientAddress, said: string, port: number): ClientAddress {
  const host = plainAddress(said);
  return { host, port, isLoopback: proxy.isLoopback && isLoopback(host), isSafe: false };
}

/** host:port, or only the host of a Unix socket. */
export function addressText({ host, port }: ClientAddress): string {
  return port === undefined ? host : `${host}:${port}`;
}

/** In its shortest form; an IPv4 address that came over an IPv6 socket is one, as MySQL shows it. */
function plainAddress(text: string): string {
  if (!isIPv6(text)) return text;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
