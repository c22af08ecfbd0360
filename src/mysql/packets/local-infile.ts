// LOCAL INFILE request: 0xFB and the file's name. The client then sends the file as packets and an empty one at its end.

import { malformed } from "../codec.ts";
import { HEADER_LOCAL_INFILE } from "../constants.ts";

export function encodeLocalInfile(filename: string): Buffer {
  return Buffer.concat([Buffer.of(HEADER_LOCAL_INFILE), Buffer.from(filename, "utf8")]);
}

export function decodeLocalInfile(payload: Buffer): string {
  if (payload[0] !== HEADER_LOCAL_INFILE) throw malformed("not a LOCAL INFILE request");
  return payload.toString("utf8", 1);
}
