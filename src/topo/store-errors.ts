// The errors of the store contract (`store.ts`), in the words that both stores use.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

export function nodeExists(key: string): ShardgateError {
  return new ShardgateError("TOPO_NODE_EXISTS", `topology key ${key} exists already`);
}

export function noNode(key: string): ShardgateError {
  return new ShardgateError("TOPO_NO_NODE", `topology key ${key} does not exist`);
}

export function badVersion(key: string): ShardgateError {
  return new ShardgateError("TOPO_BAD_VERSION", `topology key ${key} was changed by someone else meanwhile`);
}

export function locked(key: string, holder: string): ShardgateError {
  return new ShardgateError("TOPO_LOCKED", `topology lock ${key} is held by ${holder}; try again when it is done`);
}

export function unavailable(why: string, cause?: unknown): ShardgateError {
  return new ShardgateError("TOPO_UNAVAILABLE", why, cause);
}

export function checkValue(key: string, value: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes <= LIMITS.topoValueBytesMax) return;
  throw new ShardgateError(
    "LIMIT_REACHED",
    `the value of topology key ${key} has ${bytes} bytes, more than the ${LIMITS.topoValueBytesMax} a store takes`,
  );
}
