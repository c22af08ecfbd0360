// `shardgate explain`: shows how a list of queries would be read and routed, from files alone. One JSON line
// `{"sql":…,"keyspace"?:…}` in gives one JSON line out; with --keys the whole list gives one answer.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Command, Option } from "commander";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { readSchemaDir } from "../local/schema-dir.ts";
import { parseShardCounts } from "../local/shard-names.ts";
import type { QueryRule } from "../rules/query-rule.ts";
import { readRulesText, rulesOf } from "../rules/read-rules.ts";
import { parse } from "../sql/parse.ts";
import { print } from "../sql/print.ts";
import { tablesOf } from "../sql/tables.ts";
import { parseVSchemaText } from "../vschema/parse-vschema.ts";
import { loadHashes } from "../vschema/xxh64.ts";
import { explainRouting, type OfflineCluster, offlineCluster } from "./explain-routing.ts";
import { explainText } from "./explain-text.ts";
import { explainWorkload, type Request } from "./explain-workload.ts";
import { tryRules } from "./try-rules.ts";

interface ExplainFlags {
  readonly schemaDir?: string;
  readonly shards: ReadonlyMap<string, number>;
  readonly parseOnly?: boolean;
  readonly text?: boolean;
  readonly keys?: boolean;
  readonly rules?: string;
  readonly asSharded: readonly string[];
}

/** Query rules ask who sends it. */
export interface RuledRequest extends Request {
  readonly user: string | undefined;
  readonly source: string | undefined;
}

export function explainCommand(): Command {
  return new Command("explain")
    .description("show how queries (NDJSON on standard input) would be routed")
    .option("--schema-dir <dir>", "directory with a folder for each keyspace: *.sql files and vschema.json")
    .addOption(
      new Option("--shards <list>", "number of shards of each keyspace, as ks1=2,ks2=1 (default: 1 each)")
        .argParser(parseShardCounts)
        .default(new Map(), "1 each"),
    )
    .option("--parse-only", "stop after reading: type, tables and canonical text; needs no schema")
    .option("--text", "lines for people instead of JSON")
    .option(
      "--keys",
      "of all queries together: columns they use, and sharding keys that would answer more on one shard",
    )
    .addOption(
      new Option("--as-sharded <keyspaces>", "for --keys: unsharded keyspaces to plan as sharded by their primary keys")
        .argParser((text) => text.split(",").map((name) => name.trim()))
        .default([], "none"),
    )
    .option("--rules <file>", "query rules, to tell for each query which apply (its user and source may be given, too)")
    .action(async (options: ExplainFlags) => {
      const show = options.text === true ? showText : showJson;
      if (options.parseOnly === true) {
        await answerLines(parseOnly, show);
        return;
      }
      try {
        if (options.schemaDir === undefined) {
          throw new ShardgateError("CONFIG_BAD", "explain needs --schema-dir, or --parse-only");
        }
        await loadHashes();
        const check = (keyspace: string, text: string, folder: string): void => {
          parseVSchemaText(keyspace, text, { folder });
        };
        const cluster = offlineCluster(readSchemaDir(options.schemaDir, options.shards, check));
        for (const message of cluster.unread) process.stderr.write(`shardgate explain: not read: ${message}\n`);
        if (options.keys === true) {
          const requests: Request[] = [];
          for await (const request of readRequests()) requests.push(request);
          const answer = explainWorkload(requests, cluster, options.asSharded);
          process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
        } else if (options.rules !== undefined) {
          const rules = rulesOf(readRulesText(readFileSync(options.rules, "utf8")));
          await answerLines((request) => explainRuled(request, cluster, rules), show);
        } else await answerLines((request) => explain(request, cluster), show);
      } catch (error) {
        process.stderr.write(`shardgate explain: ${messageOf(error)}\n`);
        process.exitCode = 1;
      }
    });
}

type Show = (request: Request, answer: object) => string;

const showJson: Show = (_, answer) => `${JSON.stringify(answer)}\n`;
const showText: Show = ({ sql }, answer) => `${explainText(sql, answer)}\n`;

/** Answers each line of standard input on standard output, at the pace of the reader. */
async function answerLines(answer: (request: RuledRequest) => object, show: Show): Promise<void> {
  for await (const request of readRequests()) {
    const result = show(request, answer(request));
    if (!process.stdout.write(result)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}

async function* readRequests(): AsyncGenerator<RuledRequest> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) if (line.trim() !== "") yield requestOf(line);
}

function requestOf(line: string): RuledRequest {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("sql" in value) || typeof value.sql !== "string")
    throw new ShardgateError("CONFIG_BAD", `expected {"sql": "…"} on a line, got ${line.slice(0, 80)}`);
  const keyspace = "keyspace" in value && typeof value.keyspace === "string" ? value.keyspace : undefined;
  const user = "user" in value && typeof value.user === "string" ? value.user : undefined;
  const source = "source" in value && typeof value.source === "string" ? value.source : undefined;
  return { sql: value.sql, keyspace, user, source };
}

/** What `--parse-only` says about a statement. */
function parseOnly(request: Request): object {
  try {
    const statement = parse(request.sql);
    const tables = tablesOf(statement).map(({ schema, name }) => {
      const keyspace = schema ?? request.keyspace;
      return keyspace === undefined ? name : `${keyspace}.${name}`;
    });
    return { ok: true, type: statementType(statement), tables: [...new Set(tables)], canonical: print(statement) };
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    return { ok: false, phase: "parse", errno: error.errno, error: error.message };
  }
}

/** What is said about a statement with VSchemas at hand. */
export function explain(request: Request, cluster: OfflineCluster): object {
  const read = parseOnly(request);
  if (!("ok" in read) || read.ok !== true) return read;
  try {
    return { ...read, ...explainRouting(parse(request.sql), request.keyspace, cluster) };
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    return { ok: false, phase: "plan", errno: error.errno, error: error.message };
  }
}

/** The same, of what query rules make of the statement, and what they do. */
export function explainRuled(request: RuledRequest, cluster: OfflineCluster, rules: readonly QueryRule[]): object {
  const { user = "root", source = "127.0.0.1" } = request;
  const trial = tryRules(rules, { ...request, user, source }, cluster.vschema.keyspaces);
  const applied = trial.rules.filter(({ outcome }) => outcome.startsWith("applies"));
  const { rewritten, error } = trial;
  const ruled = {
    rules: applied.map(({ rule, detail }) => `${rule}: ${detail}`),
    ...(rewritten === undefined ? {} : { rewritten }),
  };
  if (error !== undefined) return { ok: false, phase: "rules", errno: error.errno, error: error.message, ...ruled };
  return { ...explain({ ...request, sql: rewritten ?? request.sql }, cluster), ...ruled };
}

/** The statement's class: its kind, with INSERT and REPLACE, and the verbs of DDL and SHOW told apart. */
function statementType(statement: ReturnType<typeof parse>): string {
  switch (statement.kind) {
    case "insert":
      return statement.replace ? "replace" : "insert";
    case "callProcedure":
      return "call";
    case "setFor":
    case "setTransaction":
      return "set";
    case "alterVschema":
      return "alter vschema";
    default:
      return statement.kind;
  }
}
