// The key range of all keyspace ids that begin with a prefix.

import type { Destination } from "./vindex.ts";

const OPEN_END = Buffer.alloc(0);

/** [prefix, prefix + 1) with carry in the same length; all bytes 0xff: open end; empty prefix: every keyspace id. */
export function prefixRange(prefix: Buffer): Destination {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  if (last < 0) return { kind: "range", start: prefix, end: OPEN_END };
  const end = Buffer.alloc(prefix.length);
  prefix.copy(end, 0, 0, last + 1);
  end[last] = (end[last] ?? 0) + 1;
  return { kind: "range", start: prefix, end };
}
