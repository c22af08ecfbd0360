// Files whose contents are put in force anew while a process runs: users, certificates. They are looked at once in a
// while (also where a directory is mounted from elsewhere, which tells nobody of changes), and read on demand. What cannot
// be read leaves the one in force.

import { statSync } from "node:fs";
import type { Clock, Timer } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./log.ts";

export interface ReloadedFiles {
  /** For the log: what the files hold. */
  readonly name: string;
  readonly paths: readonly string[];
  /** Reads them and puts them in force; throws when they are no good, and then nothing has changed. */
  readonly load: () => void;
}

export class FileReloader {
  readonly #files: readonly ReloadedFiles[];
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #log: Log;
  /** How the files of each looked when they were read last. */
  #looks: string[];
  #timer: Timer | undefined;

  /** The files have been read already. */
  constructor(files: readonly ReloadedFiles[], intervalMs: number, clock: Clock, log: Log) {
    this.#files = files;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#log = log;
    this.#looks = files.map(({ paths }) => lookOf(paths));
    if (files.length > 0) this.#plan();
  }

  /** Reads all of them, changed or not. */
  reload(): void {
    for (const [index, files] of this.#files.entries()) this.#load(index, files, lookOf(files.paths));
  }

  close(): void {
    this.#timer?.cancel();
  }

  #plan(): void {
    this.#timer = this.#clock.after(this.#intervalMs, () => {
      for (const [index, files] of this.#files.entries()) {
        const look = lookOf(files.paths);
        if (look !== this.#looks[index]) this.#load(index, files, look);
      }
      this.#plan();
    });
  }

  #load(index: number, { name, load }: ReloadedFiles, look: string): void {
    // A file that is being written is looked at again when it has changed once more.
    this.#looks[index] = look;
    try {
      load();
      this.#log.info({ files: name }, "files read again");
    } catch (error) {
      this.#log.error({ files: name, error: messageOf(error) }, "files are bad; what is in force stays");
    }
  }
}

function lookOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false, bigint: true });
      return found === undefined ? "none" : `${found.mtimeNs} ${found.ctimeNs} ${found.size} ${found.ino}`;
    })
    .join("\n");
}
