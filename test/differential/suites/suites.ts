// The hand-written suites: files of SELECTs over the tables of schema.ts, by what they are about. A line of a file is a
// statement; lines that start with # say why. Like the generated ones, each has one answer: LIMIT stands on a total order.

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Beside the sources, also when this runs compiled. */
const FOLDER = [import.meta.dirname, resolve(import.meta.dirname, "../../../../test/differential/suites")];

function read(): Readonly<Record<string, readonly string[]>> {
  const suites: Record<string, readonly string[]> = {};
  for (const folder of FOLDER) {
    for (const file of namesIn(folder)) {
      const lines = readFileSync(resolve(folder, file), "utf8").split("\n");
      suites[file.slice(0, -".sql".length)] = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
    }
  }
  return suites;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".sql"));
  } catch {
    return [];
  }
}

export const SUITES = read();
