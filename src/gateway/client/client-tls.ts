// The certificate that clients are shown, from its files. A file may be read while it is being written.

import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { messageOf, ShardgateError } from "../../base/errors.ts";

export interface ClientTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Throws CONFIG_BAD for files that cannot be read or are no certificate and its key. */
export function readClientTls({ certFile, keyFile }: ClientTlsFiles): SecureContext {
  // As Buffers: an empty string would be no certificate at all, which makes a context that no client can talk to.
  const cert = readPem(certFile);
  const key = readPem(keyFile);
  try {
    return createSecureContext({ cert, key });
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `--tls-cert or --tls-key is no good: ${messageOf(error)}`, error);
  }
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `cannot read ${file}: ${messageOf(error)}`, error);
  }
}
