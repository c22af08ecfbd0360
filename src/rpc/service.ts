// Loads proto/tablet.proto and names what gRPC needs to know of it. The `Calls` method gets codecs of our own, because
// its messages are built and read as bytes (frame.ts); the other methods go through proto-loader.

import { fileURLToPath } from "node:url";
import {
  type ChannelOptions,
  ChannelCredentials,
  experimental,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { assert } from "../base/assert.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeBatch, encodeBatch } from "./frame.ts";

/** The certificates in force on one side of the gateway-tablet connection; each side demands the other's. */
export type GrpcTls = experimental.CertificateProvider;

/** Keepalive finds a gateway that is stopped or cut off within about six seconds; the windows let one stream fill a link. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": LIMITS.grpcMessageBytesMax,
  "grpc.max_send_message_length": LIMITS.grpcMessageBytesMax,
  "grpc.keepalive_time_ms": 3_000,
  "grpc.keepalive_timeout_ms": 3_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
};

/**
 * A gateway's: it finds out for itself that a tablet is silent (tabletclient/tablet-connection.ts). Keepalive takes a pause of
 * the gateway's own for one of the tablet's, and the streams it gives up then with data half written can keep node's http2
 * busy for ever (nodejs/node issue 52952).
 */
export const CLIENT_CHANNEL_OPTIONS: ChannelOptions = {
  ...CHANNEL_OPTIONS,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 40_000,
};

export const CALLS_PATH = "/shardgate.tablet.v1.Tablet/Calls";

/** A service as a file in proto/ defines it. */
export function loadService(fileName: string, path: string): ServiceDefinition {
  const protoFile = fileURLToPath(new URL(`../../proto/${fileName}`, import.meta.url));
  const service = loadSync(protoFile, { keepCase: false, longs: Number, defaults: true, enums: String })[path];
  assert(service !== undefined && !("format" in service), `proto/${fileName} defines ${path}`);
  return service;
}

/** The Tablet service with the codecs of `Calls` replaced. */
export function tabletService(): ServiceDefinition {
  const methods: Record<string, ServiceDefinition[string]> = {};
  const loaded = loadService("tablet.proto", "shardgate.tablet.v1.Tablet");
  for (const [name, method] of Object.entries(loaded)) methods[name] = method;
  const calls = methods["Calls"];
  assert(calls !== undefined, "the Tablet service has Calls");
  methods["Calls"] = {
    ...calls,
    requestSerialize: encodeBatch,
    requestDeserialize: decodeBatch,
    responseSerialize: encodeBatch,
    responseDeserialize: decodeBatch,
  };
  return methods;
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
