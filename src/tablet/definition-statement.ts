// Whether a command looks like a statement that changes definitions. A hint only: what it misses (a procedure that runs
// DDL) the tracking of definitions finds by itself a moment later.

const COM_QUERY = 3;
const LOOKED_AT_BYTES = 512;
const DEFINITION = /^(?:\s+|\/\*[^]*?\*\/|--[^\n]*\n|#[^\n]*\n|\/\*M?!\d*)*(?:create|alter|drop|rename|repair)\b/i;

/** `payload` is a whole packet, command byte first. Costs next to nothing for SELECT, INSERT, UPDATE, DELETE, COMMIT. */
export function changesDefinitions(payload: Buffer): boolean {
  if (payload[0] !== COM_QUERY) return false;
  const first = (payload[1] ?? 0) | 0x20;
  const second = (payload[2] ?? 0) | 0x20;
  switch (first) {
    case 0x63: // cr
    case 0x64: // dr
      if (second !== 0x72) return false;
      break;
    case 0x61: // al
      if (second !== 0x6c) return false;
      break;
    case 0x72: // re
      if (second !== 0x65) return false;
      break;
    case 0x20:
    case 0x23:
    case 0x29:
    case 0x2a:
    case 0x2d:
    case 0x2f:
      break;
    default:
      return false;
  }
  return DEFINITION.test(payload.toString("latin1", 1, LOOKED_AT_BYTES));
}

const DATABASE =
  /^(?:\s+|\/\*[^]*?\*\/|--[^\n]*\n|#[^\n]*\n|\/\*M?!\d*)*(?:create\s+or\s+replace|create|alter|drop)\s+(?:database|schema)\b/i;

/** Whether it makes, changes or drops a database, as far as its words tell. Costs as little. */
export function changesDatabases(payload: Buffer): boolean {
  return changesDefinitions(payload) && DATABASE.test(payload.toString("latin1", 1, LOOKED_AT_BYTES));
}
