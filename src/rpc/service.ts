// Loads the services of proto/ and names what gRPC needs to know of them. The data path is no gRPC (call-socket.ts).

import { fileURLToPath } from "node:url";
import {
  type ChannelOptions,
  ChannelCredentials,
  Client,
  experimental,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { assert } from "../base/assert.ts";
import { LIMITS } from "../base/limits.ts";
import type { Pems } from "./certificates.ts";

/** The certificates in force on one side of the gateway-tablet connection; each side demands the other's. */
export type GrpcTls = experimental.CertificateProvider & { readonly pems: Pems };

/** Keepalive finds who is stopped or cut off as late as call streams do by default; the windows let one stream fill a link. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": LIMITS.messageBytesMax,
  "grpc.max_send_message_length": LIMITS.messageBytesMax,
  "grpc.keepalive_time_ms": 5_000,
  "grpc.keepalive_timeout_ms": (LIMITS.peerSilenceS - 5) * 1_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
};

/** A service as a file in proto/ defines it. */
export function loadService(fileName: string, path: string): ServiceDefinition {
  const protoFile = fileURLToPath(new URL(`../../proto/${fileName}`, import.meta.url));
  const service = loadSync(protoFile, { keepCase: false, longs: Number, defaults: true, enums: String })[path];
  assert(service !== undefined && !("format" in service), `proto/${fileName} defines ${path}`);
  return service;
}

export function tabletService(): ServiceDefinition {
  return loadService("tablet.proto", "shardgate.tablet.v1.Tablet");
}

/** Where a gateway's rare calls to a tablet go (tablet-client.ts). Connects when it is used. */
export function tabletChannel(address: string, tls: GrpcTls | undefined): Client {
  return new Client(address, channelCredentials(tls), CHANNEL_OPTIONS);
}

/** Credentials a gateway dials with; plain text without `tls`. */
export function channelCredentials(tls: GrpcTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  return experimental.createCertificateProviderChannelCredentials(tls, tls);
}

/** Credentials a tablet listens with; with `tls` a gateway must show a certificate signed by the same authority. */
export function serverCredentials(tls: GrpcTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return experimental.createCertificateProviderServerCredentials(tls, tls, true);
}
