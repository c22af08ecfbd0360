// What a session is pointed at by USE or at login: a keyspace, maybe one shard of it, and a tablet type. Vitess's forms:
// `ks`, `ks:-80`, `ks/-80`, `ks@replica`, `ks:-80@rdonly`, `@replica`.

import { ShardgateError } from "../../base/errors.ts";
import type { TabletType } from "../../topo/records.ts";

export interface SessionTarget {
  /** Undefined when none is selected. */
  readonly keyspace: string | undefined;
  readonly shard: string | undefined;
  readonly tabletType: TabletType;
  /** As the client wrote it. */
  readonly text: string;
}

export const NO_TARGET: SessionTarget = { keyspace: undefined, shard: undefined, tabletType: "primary", text: "" };

/** Throws ER_BAD_DB for a tablet type that is none; whether keyspace and shard exist is the caller's to check. */
export function parseTarget(text: string): SessionTarget {
  let rest = text;
  let tabletType: TabletType = "primary";
  const at = rest.lastIndexOf("@");
  if (at >= 0) {
    const word = rest.slice(at + 1).toLowerCase();
    if (word === "primary" || word === "master") tabletType = "primary";
    else if (word === "replica" || word === "rdonly") tabletType = word;
    else {
      throw new ShardgateError("ER_BAD_DB", `Unknown database '${text}': tablet types are primary, replica and rdonly`);
    }
    rest = rest.slice(0, at);
  }
  const separator = rest.search(/[:/]/);
  const keyspace = separator < 0 ? rest : rest.slice(0, separator);
  const shard = separator < 0 ? undefined : rest.slice(separator + 1);
  return { keyspace: keyspace === "" ? undefined : keyspace, shard, tabletType, text };
}
