// What a gateway enters in the topology of itself, so that the others can ask it about its clients; and the watch by which
// they know of it. Nothing is planned by it: a gateway that is not listed serves its clients all the same.

import { openRecord, type RecordCodec, seal } from "./records.ts";

export interface GatewayRecord {
  /** The upper bits of its connections' ids: of one gateway at a time, in all cells. */
  readonly number: number;
  readonly cell: string;
  /** Where other gateways reach it. */
  readonly hostname: string;
  readonly grpcPort: number;
  /** host:port on which it listens for clients. */
  readonly listen: string;
  /** When the process started: ISO 8601, UTC. */
  readonly startedAt: string;
}

export const gatewayCodec: RecordCodec<GatewayRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    const number = fields.value("number");
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
      return fields.fail("number", "1 or more");
    }
    return {
      number,
      cell: fields.name("cell"),
      hostname: fields.text("hostname"),
      grpcPort: fields.port("grpcPort"),
      listen: fields.text("listen"),
      startedAt: fields.time("startedAt"),
    };
  },
  encode: (record) => seal({ ...record }),
};
