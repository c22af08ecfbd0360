// COM_REFRESH as the FLUSH statement it stands for (dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_refresh.html).

import { notSupported } from "../../base/errors.ts";
import { comQuery } from "./com-query.ts";

const TABLES = 0x04;
const READ_LOCK = 0x4000;

/** What may stand together in one FLUSH, by the command's bits. */
const OPTIONS: readonly (readonly [bit: number, option: string])[] = [
  [0x01, "PRIVILEGES"],
  [0x02, "LOGS"],
  [0x08, "HOSTS"],
  [0x10, "STATUS"],
];
/** The thread cache: a gateway has none. */
const THREADS = 0x20;

/** The payload of a COM_QUERY. Throws 1235 for what no FLUSH of a gateway does: replication, tables beside others. */
export function flushStatement(payload: Buffer): Buffer {
  const bits = payload.length > 2 ? payload.readUInt16LE(1) : (payload[1] ?? 0);
  const wanted = bits & ~THREADS;
  if (wanted === TABLES) return comQuery("FLUSH TABLES");
  if (wanted === (TABLES | READ_LOCK)) return comQuery("FLUSH TABLES WITH READ LOCK");
  const options = OPTIONS.filter(([bit]) => (wanted & bit) !== 0);
  const rest = options.reduce((left, [bit]) => left & ~bit, wanted);
  if (rest !== 0) throw notSupported(`COM_REFRESH ${bits}`, "send FLUSH statements");
  return comQuery(options.length === 0 ? "FLUSH STATUS" : `FLUSH ${options.map(([, option]) => option).join(", ")}`);
}
