// The certificates of one side of the gateway-tablet connection, as gRPC asks for them: read at the start and again when the
// files change, so that new connections have the new ones. Files that are no good leave those in force.

import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { experimental } from "@grpc/grpc-js";
import type { Clock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { FileReloader } from "../base/reloaded-files.ts";

/** PEM files; each side demands the other's certificate, signed by the authority. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface Pems {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly caCertificate: Buffer;
}

const LOOK_MS = 2_000;

export class Certificates implements experimental.CertificateProvider {
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  #pems: Pems;

  /** Throws CONFIG_BAD when a file cannot be read or is no good. */
  constructor(files: CertificateFiles, clock: Clock, log: Log) {
    this.#pems = readPems(files);
    const paths = [files.certFile, files.keyFile, files.caFile];
    new FileReloader([{ name: "gRPC certificates", paths, load: () => this.#load(files) }], LOOK_MS, clock, log);
  }

  /** Those in force; other ones are another object. */
  get pems(): Pems {
    return this.#pems;
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    // gRPC is ready for it once this call has returned.
    process.nextTick(() => {
      if (this.#caListeners.has(listener)) listener(this.#pems);
    });
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(() => {
      if (this.#identityListeners.has(listener)) listener(this.#pems);
    });
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener);
  }

  #load(files: CertificateFiles): void {
    this.#pems = readPems(files);
    for (const listener of this.#caListeners) listener(this.#pems);
    for (const listener of this.#identityListeners) listener(this.#pems);
  }
}

function readPems({ certFile, keyFile, caFile }: CertificateFiles): Pems {
  const pems = { caCertificate: readPem(caFile), privateKey: readPem(keyFile), certificate: readPem(certFile) };
  try {
    createSecureContext({ cert: pems.certificate, key: pems.privateKey, ca: pems.caCertificate });
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `bad TLS files ${certFile}, ${keyFile}: ${messageOf(error)}`, error);
  }
  return pems;
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `cannot read TLS file ${file}: ${messageOf(error)}`, error);
  }
}
