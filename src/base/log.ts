// The log: pino JSON, one line an event, to standard error (standard output belongs to the command's own answer).
// Literals of statements are never logged; pass the normalized text.

import { pino } from "pino";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A log that writes JSON lines to standard error. `part` names the process: gateway, tablet, local, ctl. */
export function createLog(part: string, level: LogLevel): Log {
  const base = { part, pid: process.pid };
  // An Error has no fields of its own that JSON would show; a text under the same name stays as it is.
  const serializers = { error: pino.stdSerializers.err };
  return pino({ level, base, serializers }, pino.destination({ fd: 2, sync: false }));
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
