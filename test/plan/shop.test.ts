// Golden plans of a shop, its stock and its contacts: shop/*.plans has statements, each with a comment and, indented below
// it, its plan in few words. UPDATE_GOLDEN=1 writes the plans anew; what changes is then read in the diff.
//
//   -- comment
//   statement, maybe in several lines;
//     plan
//
// A merge is told by what each body sends, and after `|` what is done with the rows; `r1 =` begins a step whose rows a later
// body reads.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MysqlError, ShardgateError } from "../../src/base/errors.ts";
import { describeValue, sequenceName } from "../../src/plan/describe-plan.ts";
import type { Body, Merge, MergeKey } from "../../src/plan/merge-plan.ts";
import type { InsertPlan, Plan, Routing } from "../../src/plan/plan.ts";
import { planStatement } from "../../src/plan/planner.ts";
import type { PlanContext } from "../../src/plan/tables.ts";
import { readDefinitions } from "../../src/schema/ddl.ts";
import { clusterSchemaOf } from "../../src/schema/model.ts";
import { normalize } from "../../src/sql/normalize.ts";
import { parse } from "../../src/sql/parse.ts";
import { print, printExpr } from "../../src/sql/print.ts";
import { DEFAULT_SQL_MODE } from "../../src/sql/tree.ts";
import { parseVSchema } from "../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../src/vschema/xxh64.ts";

const DIR = join(import.meta.dirname, "shop");
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";
/** Of statements of one's own, over all files. */
const STATEMENTS_MIN = 300;

interface Case {
  readonly comment: string;
  readonly statement: string;
  readonly plan: string;
}

await loadHashes();
const context = contextOf();
const files = readdirSync(DIR)
  .filter((name) => name.endsWith(".plans"))
  .toSorted();
let count = 0;

for (const file of files) {
  const path = join(DIR, file);
  const cases = readCases(readFileSync(path, "utf8"));
  count += cases.length;
  if (UPDATE) writeFileSync(path, cases.map((each) => showCase({ ...each, plan: planOf(each.statement) })).join("\n"));
  describe(file, () => {
    for (const { comment, statement, plan } of cases) {
      test(`${comment}: ${statement}`, () => {
        if (!UPDATE) expect(planOf(statement)).toBe(plan);
      });
    }
  });
}

test("there are enough of them", () => {
  expect(count).toBeGreaterThanOrEqual(STATEMENTS_MIN);
});

function contextOf(): PlanContext {
  const vschemas = JSON.parse(readFileSync(join(DIR, "vschema.json"), "utf8")) as Record<string, unknown>;
  const keyspaces = new Map(Object.entries(vschemas).map(([name, json]) => [name, parseVSchema(name, json)]));
  const statements = readFileSync(join(DIR, "schema.sql"), "utf8")
    .split(/;\n/)
    .filter((text) => text.trim() !== "");
  const tables = new Map(
    [...keyspaces.keys()].map((name) => {
      const own = statements.filter((text) => text.includes(`CREATE TABLE ${name}.`));
      return [
        name,
        readDefinitions(
          name,
          own.map((text) => text.replace(`${name}.`, "")),
        ).tables,
      ];
    }),
  );
  return {
    vschema: { keyspaces, routingRules: [], shardRoutingRules: [], keyspaceRoutingRules: [], mirrorRules: [] },
    schema: clusterSchemaOf(tables),
    keyspace: "shop",
  };
}

function readCases(text: string): Case[] {
  const cases: Case[] = [];
  let comment: string[] = [];
  let statement: string[] = [];
  let plan: string[] = [];
  const finish = (): void => {
    if (statement.length > 0) {
      const whole = statement.join("\n").replace(/;$/, "");
      cases.push({ comment: comment.join(" "), statement: whole, plan: plan.join("\n") });
    }
    [comment, statement, plan] = [[], [], []];
  };
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    if (line.startsWith("  ") && statement.at(-1)?.endsWith(";") === true) plan.push(line);
    else {
      if (statement.at(-1)?.endsWith(";") === true) finish();
      if (line.startsWith("--")) comment.push(line.slice(2).trim());
      else statement.push(line);
    }
  }
  finish();
  return cases;
}

function showCase({ comment, statement, plan }: Case): string {
  return `-- ${comment}\n${statement};\n${plan}\n`;
}

function planOf(statement: string): string {
  return linesOf(statement)
    .map((line) => `  ${line}`)
    .join("\n");
}

function linesOf(statement: string): string[] {
  try {
    const { key } = normalize(Buffer.from(statement), DEFAULT_SQL_MODE);
    return showPlan(planStatement(parse(key, DEFAULT_SQL_MODE), context));
  } catch (error) {
    if (error instanceof ShardgateError || error instanceof MysqlError)
      return [`error ${error.errno}: ${error.message}`];
    throw error;
  }
}

function showPlan(plan: Plan): string[] {
  switch (plan.kind) {
    case "session":
      return ["session"];
    case "send": {
      const { keyspace, routing, crossShard, severalShards, effect } = plan;
      const flags = [effect.writes ? "writes" : "", plan.onOne === true ? "on one of them" : ""].filter(Boolean);
      const first = [`send to ${keyspace}: ${showRouting(routing)}`, ...flags].join(", ");
      if (crossShard === undefined) return [first];
      const several = severalShards === undefined ? ["refused"] : showPlan(severalShards);
      return [`${first}; on several: ${crossShard}`, ...several.map((line) => `  ${line}`)];
    }
    case "insert":
      return showInsert(plan);
    case "merge":
      return [
        `merge: ${plan.reason}`,
        ...plan.steps.flatMap(({ name, batched, numbered, body }) => {
          const how = [batched ? "batches" : "", numbered ? "numbered" : ""].filter(Boolean).join(", ");
          return showBody(body, `${short(name)}${how === "" ? "" : ` (${how})`} = `);
        }),
        ...showBody(plan.body, ""),
        ...(plan.gather === undefined ? ["no gather in its place"] : []),
      ];
    case "change":
      return [
        `change: ${plan.reason}`,
        `find ${print(plan.find)}`,
        ...plan.targets.map(({ keyspace, table, key }) => {
          return `write ${keyspace}.${table} by ${key.map(({ column }) => column.name).join(", ")}`;
        }),
      ];
    case "insert-rows":
      return [`insert into ${plan.keyspace}: rows computed first`];
    case "gather":
      return [
        `gather on ${plan.keyspace}: ${plan.reason}`,
        ...plan.sources.map(({ keyspace, table, alias, routing, columns, where, locking }) => {
          const needed = columns === "all" ? "*" : [...columns].join(", ");
          const filter = where === undefined ? "" : ` where ${printExpr(where)}`;
          const locks = locking === undefined ? "" : " locking";
          return `${keyspace}.${table}${alias === table ? "" : ` ${alias}`} (${needed}): ${showRouting(routing)}${filter}${locks}`;
        }),
      ];
    case "catalog":
      return [`catalog: ${plan.sources.map(({ schema, table }) => `${schema}.${table}`).join(", ")}`];
  }
}

function showInsert({ keyspace, table, primary, verify, generate }: InsertPlan): string[] {
  const rows = primary.values.map(
    (row) => `(${row.map((ref) => (ref === undefined ? "generated" : describeValue(ref))).join(", ")})`,
  );
  return [
    `insert into ${keyspace}.${table}: ${primary.vindex.name} of ${rows.join(", ")}`,
    ...verify.map(({ vindex }) => `verified by ${vindex.name}`),
    ...(generate === undefined ? [] : [`${generate.column} from ${sequenceName(generate)}`]),
  ];
}

function showBody(body: Body, name: string): string[] {
  if (body.kind === "union") {
    const parts = body.parts.flatMap((part) => showBody(part, "").map((line) => `  ${line}`));
    return [`${name}union${showMerge(body.merge)}`, ...parts];
  }
  const outer =
    body.outer === undefined
      ? []
      : [`  matched: ${short(print(body.outer.matched))}`, `  unmatched: ${short(print(body.outer.unmatched))}`];
  const sent = `${name}${body.keyspace}, ${showRouting(body.routing)}: ${short(print(body.statement))}`;
  return [`${sent}${showMerge(body.merge)}`, ...outer];
}

function showMerge({ aggregate, distinct, order, sorted, limit, pushLimit }: Merge): string {
  const done: string[] = [];
  if (aggregate !== undefined) {
    const outputs = aggregate.outputs.map((output) =>
      "column" in output ? `${output.kind} ${output.column}` : output.kind,
    );
    done.push(`group by (${aggregate.keys.map(showKey).join(", ")}): ${outputs.join(", ")}`);
  }
  if (distinct !== undefined) done.push(`distinct (${distinct.map(showKey).join(", ")})`);
  if (order.length > 0) done.push(`${sorted ? "in order of" : "sort by"} ${order.map(showKey).join(", ")}`);
  if (limit !== undefined) {
    const offset = limit.offset === undefined ? "" : ` offset ${describeValue(limit.offset)}`;
    done.push(`limit ${describeValue(limit.count)}${offset}${pushLimit ? " pushed" : ""}`);
  }
  return done.map((each) => ` | ${each}`).join("");
}

/** Column, `/` and its weight's column when it is text, `-` when descending. */
function showKey({ column, weight, descending }: MergeKey): string {
  return `${column}${weight === undefined ? "" : `/${weight}`}${descending ? "-" : ""}`;
}

function showRouting(routing: Routing): string {
  switch (routing.kind) {
    case "unsharded":
      return "its shard";
    case "any":
      return "any shard";
    case "none":
      return "no rows";
    case "scatter":
      return "all shards";
    case "pinned":
      return `pinned to ${routing.keyspaceId.toString("hex")}`;
    case "equal-unique":
      return `${routing.vindex.name} = ${describeValue(routing.value)}`;
    case "in":
      return `${routing.vindex.name} in (${routing.values.map(describeValue).join(", ")})`;
    case "equal-multi":
      return `${routing.vindex.name} = (${routing.values.map(describeValue).join(", ")})`;
    case "in-multi":
      return `${routing.vindex.name} in (${routing.columns.map((values) => values.map(describeValue).join(" | ")).join(", ")})`;
    case "in-tuples":
      return `${routing.vindex.name} in (${routing.rows.map((values) => `(${values.map(describeValue).join(", ")})`).join(", ")})`;
    case "in-rows":
      return `${routing.vindex.name} of ${short(routing.step)}.${short(routing.column)}`;
    case "range": {
      const { low, high } = routing;
      const from = low === undefined ? "" : `${low.inclusive ? "from" : "above"} ${describeValue(low.value)} `;
      const to = high === undefined ? "" : `${high.inclusive ? "to" : "below"} ${describeValue(high.value)}`;
      return `${routing.vindex.name} ${from}${to}`.trim();
    }
    case "lookup":
      return `${routing.vindex.name} looked up for (${routing.values.map(describeValue).join(", ")})`;
    case "keyspace-ids":
      return `ids ${routing.ids.map((id) => id.toString("hex")).join(", ")}`;
    case "like":
      return `${routing.vindex.name} like ${describeValue(routing.pattern)}`;
    case "null-key":
      return `${routing.vindex.name} null${routing.when === undefined ? "" : ` when ${describeValue(routing.when)} is`}`;
    case "if":
      return `all shards if ${printExpr(routing.condition)}`;
    case "all-of":
      return `(${routing.parts.map(showRouting).join(") and (")})`;
    case "common":
      return `(${routing.parts.map(showRouting).join(") within (")})`;
  }
}

/** Made-up names without their prefix. */
function short(text: string): string {
  return text.replaceAll(/shardgate_rows_(\d+)( as shardgate_rows_\1)?/g, "r$1").replaceAll(/shardgate_(\w+)/g, "~$1");
}
