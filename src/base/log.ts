// The log: pino JSON, one line an event, to standard error (standard output belongs to the command's own answer).
// Literals of statements are logged only where an operator has asked for them; pass the normalized text.

import { pino } from "pino";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
  /** What is logged, here and in all children; undefined for a log that says nothing. */
  readonly threshold?: LogThreshold;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The least severe level that is logged; may change while the process runs. */
export class LogThreshold {
  #level: LogLevel;
  #rank: number;
  readonly #listeners: ((level: LogLevel) => void)[] = [];

  constructor(level: LogLevel) {
    this.#level = level;
    this.#rank = LOG_LEVELS.indexOf(level);
  }

  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    this.#level = level;
    this.#rank = LOG_LEVELS.indexOf(level);
    for (const listener of this.#listeners) listener(level);
  }

  lets(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#rank;
  }

  onChange(listener: (level: LogLevel) => void): void {
    this.#listeners.push(listener);
  }
}

/** A log that writes JSON lines to standard error. `part` names the process: gateway, tablet, local, ctl. */
export function createLog(part: string, level: LogLevel): Log {
  const base = { part, pid: process.pid };
  // An Error has no fields of its own that JSON would show; a text under the same name stays as it is.
  const serializers = { error: pino.stdSerializers.err };
  const writer = pino({ level: "debug", base, serializers }, pino.destination({ fd: 2, sync: false }));
  return new ThresholdLog(writer, new LogThreshold(level));
}

/** pino's children have levels of their own; these have one together. */
class ThresholdLog implements Log {
  readonly threshold: LogThreshold;
  readonly #writer: pino.Logger;

  constructor(writer: pino.Logger, threshold: LogThreshold) {
    this.#writer = writer;
    this.threshold = threshold;
  }

  debug(fields: object, message: string): void {
    if (this.threshold.lets("debug")) this.#writer.debug(fields, message);
  }

  info(fields: object, message: string): void {
    if (this.threshold.lets("info")) this.#writer.info(fields, message);
  }

  warn(fields: object, message: string): void {
    if (this.threshold.lets("warn")) this.#writer.warn(fields, message);
  }

  error(fields: object, message: string): void {
    if (this.threshold.lets("error")) this.#writer.error(fields, message);
  }

  child(fields: object): Log {
    return new ThresholdLog(this.#writer.child(fields), this.threshold);
  }
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
