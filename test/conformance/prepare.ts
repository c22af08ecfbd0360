// Makes a client ready to run: tries its toolchain, copies its folder into the cache directory, installs or compiles there
// what the folder's manifest names. A client that cannot be made ready is absent, with the reason.

import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client, Preparation } from "./clients.ts";

/** The folder to run the client in, or why it is absent. */
export type Ready =
  | { readonly kind: "ready"; readonly folder: string }
  | { readonly kind: "absent"; readonly why: string };

/** Compiling Rust takes minutes on a small machine. */
const STEP_MS_MAX = 900_000;

/** Prepares the folders of clients, each once. */
export class Preparations {
  readonly #sources: string;
  readonly #cache: string;
  readonly #folders = new Map<string, Promise<Ready>>();

  /** `sources` is clients/; `cache` keeps installed packages between runs. */
  constructor(sources: string, cache: string) {
    this.#sources = sources;
    this.#cache = cache;
  }

  async ready(client: Client): Promise<Ready> {
    const failure = await run(client.probe, this.#sources);
    if (failure !== undefined) return { kind: "absent", why: `${client.probe[0] ?? ""} is missing: ${failure}` };
    const known = this.#folders.get(client.folder);
    if (known !== undefined) return known;
    const made = this.#make(client.folder, client.preparation);
    this.#folders.set(client.folder, made);
    return made;
  }

  async #make(name: string, preparation: Preparation): Promise<Ready> {
    const folder = join(this.#cache, name);
    mkdirSync(folder, { recursive: true });
    cpSync(join(this.#sources, name), folder, { recursive: true });
    if (preparation === "npm") cpSync(join(this.#sources, "check.mjs"), join(folder, "check.mjs"));
    for (const command of stepsOf(preparation, folder)) {
      const failure = await run(command, folder);
      if (failure !== undefined) return { kind: "absent", why: `${command.join(" ")}: ${failure}` };
    }
    return { kind: "ready", folder };
  }
}

function stepsOf(preparation: Preparation, folder: string): readonly (readonly string[])[] {
  switch (preparation) {
    case "none":
      return [];
    case "npm":
      // What a package's install script would download is not needed by any of them.
      return [["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]];
    case "python":
      return [
        ...(existsSync(join(folder, "venv/bin/python")) ? [] : [["python3", "-m", "venv", "venv"]]),
        ["venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
      ];
    case "go":
      return [
        ["go", "mod", "tidy"],
        ["go", "build", "-o", "bin/", "./..."],
      ];
    case "cargo":
      return [["cargo", "build", "--quiet"]];
    case "maven":
      return [
        ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-Dmdep.overWriteReleases=false"],
        ["sh", "-c", "mkdir -p classes && javac -d classes -cp 'lib/*' *.java"],
      ];
    case "c":
      return [["sh", "-c", "gcc -O1 -Wall -o client client.c $(mariadb_config --cflags --libs)"]];
  }
}

/** undefined when the command succeeds, else the last line that it wrote. */
async function run(command: readonly string[], cwd: string): Promise<string | undefined> {
  const [program = "", ...args] = command;
  try {
    await promisify(execFile)(program, args, { cwd, timeout: STEP_MS_MAX, maxBuffer: 64 << 20 });
    return undefined;
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout?: string; stderr?: string; code?: unknown };
    const lines = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n");
    return lines.find((line) => /error|not found|cannot|missing/i.test(line))?.trim() || lines.at(-1) || String(code);
  }
}
