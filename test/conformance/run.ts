// `npm run conformance`: every client of clients.ts against every server of targets.ts, one at a time, and the matrix into
// the README. Results are kept in the cache directory, so that a run of some clients leaves the other rows as they were.
//
//   npm run conformance -- [--only mysql2,PyMySQL] [--targets MariaDB,unsharded] [--no-readme] [--verbose]
//   npm run conformance -- --serve     starts the servers, tells where they are, and waits: for running a script by hand
//
// The exit code is 1 if a check of the clients that were run is red.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CLIENTS, type Client } from "./clients.ts";
import { failuresOf, type Result, renderMatrix } from "./matrix.ts";
import { Preparations } from "./prepare.ts";
import { type Run, runClient } from "./run-client.ts";
import { serverVersion, startTargets, TARGET_NAMES, type Target, type TargetName } from "./targets.ts";

/** From dist-conformance/test/conformance. */
const ROOT = resolve(import.meta.dirname, "../../..");
const BLOCK = /(<!-- conformance: [^\n]*-->\n)([\s\S]*?)(<!-- \/conformance -->)/;

interface Kept {
  readonly versions: Readonly<Record<"MariaDB" | "Shardgate", string>>;
  readonly results: Readonly<Record<string, Result>>;
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    targets: { type: "string" },
    "no-readme": { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const wanted = values.only?.split(",").map((name) => name.trim());
const targetNames: readonly string[] = values.targets?.split(",") ?? TARGET_NAMES;
const clients = CLIENTS.filter(({ name }) => wanted === undefined || wanted.includes(name));
const unknown = (wanted ?? []).filter((name) => !CLIENTS.some((client) => client.name === name));
if (unknown.length > 0) {
  say(`No such client: ${unknown.join(", ")}. There are: ${CLIENTS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
process.exitCode = (await main()) ? 0 : 1;

/** True when no check is red. */
async function main(): Promise<boolean> {
  const cache = process.env["SHARDGATE_CONFORMANCE_CACHE"] ?? join(cacheHome(), "shardgate-conformance");
  mkdirSync(cache, { recursive: true });
  const resultsFile = join(cache, "results.json");
  const kept: Kept | undefined = existsSync(resultsFile)
    ? (JSON.parse(readFileSync(resultsFile, "utf8")) as Kept)
    : undefined;
  const preparations = new Preparations(join(ROOT, "test/conformance/clients"), cache);
  const targets = await startTargets(process.env["SHARDGATE_SCRIPT"] ?? join(ROOT, "dist/bin/shardgate.js"));
  const stopAndExit = (): void => {
    void targets.stop().finally(() => process.exit(130));
  };
  process.once("SIGINT", stopAndExit).once("SIGTERM", stopAndExit);
  if (values.serve) {
    for (const target of targets.list) say(JSON.stringify(target));
    await new Promise(() => undefined);
  }
  const results: Record<string, Result> = { ...kept?.results };
  let green = true;
  try {
    const [plain, whole] = targets.list;
    if (plain === undefined || whole === undefined) return false;
    const versions = { MariaDB: await serverVersion(plain), Shardgate: await serverVersion(whole) };
    for (const client of clients) {
      const result = await runEverywhere(client, preparations, targets.list, results[client.name]);
      results[client.name] = result;
      green = tell(client, result) && green;
      writeFileSync(resultsFile, JSON.stringify({ versions, results } satisfies Kept));
    }
    if (!values["no-readme"]) writeReadme(results, versions);
  } finally {
    await targets.stop();
  }
  return green;
}

async function runEverywhere(
  client: Client,
  preparations: Preparations,
  targets: readonly Target[],
  before: Result | undefined,
): Promise<Result> {
  const ready = await preparations.ready(client);
  if (ready.kind === "absent") return { absent: ready.why, runs: {} };
  const runs: Partial<Record<TargetName, Run>> = { ...before?.runs };
  for (const target of targets) {
    if (targetNames.includes(target.name)) runs[target.name] = await runClient(client, ready.folder, target);
  }
  return { runs };
}

function tell(client: Client, result: Result): boolean {
  if (result.absent !== undefined) {
    say(`${client.name}: absent: ${result.absent}`);
    return true;
  }
  const failures = failuresOf(client.name, result).filter(({ target }) => targetNames.includes(target));
  const counts = TARGET_NAMES.filter((name) => targetNames.includes(name)).map((name) => {
    const failed = failures.filter(({ target }) => target === name).length;
    return `${name} ${result.runs[name]?.checks.length ?? 0}${failed === 0 ? "" : ` (${failed} red)`}`;
  });
  say(`${client.name} ${result.runs.MariaDB?.version ?? ""}: ${counts.join(", ")}`);
  for (const { target, group, check, detail } of failures) {
    say(`  ${target}: ${group}: ${check}: ${values.verbose ? detail : detail.replaceAll(/\s+/g, " ").slice(0, 200)}`);
  }
  return failures.length === 0;
}

function writeReadme(results: Readonly<Record<string, Result>>, versions: Kept["versions"]): void {
  const file = join(ROOT, "README.md");
  const text = readFileSync(file, "utf8");
  const rows = CLIENTS.map(({ name, language }) => ({ name, language, result: results[name] }));
  const matrix = renderMatrix(rows, versions);
  writeFileSync(
    file,
    text.replace(BLOCK, (_, open: string, __, close: string) => `${open}${matrix}\n${close}`),
  );
}

function cacheHome(): string {
  return process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
