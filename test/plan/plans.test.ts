// Golden plans: each case of cases/*.json is {comment, query, plan}. UPDATE_GOLDEN=1 writes the plans anew; what changes is
// then read in the diff. Keyspaces as in vschema.json beside the cases.

import { print, printExpr } from "../../src/sql/print.ts";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MysqlError, ShardgateError } from "../../src/base/errors.ts";
import { describePlan } from "../../src/plan/describe-plan.ts";
import type { Plan, Routing } from "../../src/plan/plan.ts";
import { NO_SCHEMA } from "../../src/schema/model.ts";
import { describeRouting, describeValue } from "../../src/plan/describe-plan.ts";
import { planStatement } from "../../src/plan/planner.ts";
import type { PlanContext } from "../../src/plan/tables.ts";
import type { ValueRef } from "../../src/plan/value-ref.ts";
import { normalize } from "../../src/sql/normalize.ts";
import { parse } from "../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../src/sql/tree.ts";
import type { KeyspaceVSchema } from "../../src/vschema/model.ts";
import { checkVSchema } from "../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../src/vschema/xxh64.ts";

interface Case {
  readonly comment: string;
  readonly query: string;
  /** Default: `s`; empty: none selected. */
  readonly keyspace?: string;
  readonly plan: unknown;
}

const HERE = import.meta.dirname;
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

await loadHashes();
const keyspaces = keyspacesOf(join(HERE, "vschema.json"));

for (const file of readdirSync(join(HERE, "cases")).toSorted()) {
  const path = join(HERE, "cases", file);
  const cases = JSON.parse(readFileSync(path, "utf8")) as Case[];
  describe(file, () => {
    if (UPDATE) {
      const updated = cases.map((each) => ({ ...each, plan: planOf(each) }));
      writeFileSync(path, `${JSON.stringify(updated, undefined, 2)}\n`);
    }
    for (const each of cases) {
      test(each.comment === "" ? each.query : `${each.comment}: ${each.query}`, () => {
        if (!UPDATE) expect(planOf(each)).toEqual(each.plan);
      });
    }
  });
}

function planOf({ query, keyspace = "s" }: Case): unknown {
  const context: PlanContext = {
    schema: NO_SCHEMA,
    vschema: { keyspaces, routingRules: [], shardRoutingRules: [], keyspaceRoutingRules: [], mirrorRules: [] },
    keyspace: keyspace === "" ? undefined : keyspace,
  };
  try {
    const { key } = normalize(Buffer.from(query), DEFAULT_SQL_MODE);
    return shown(planStatement(parse(key, DEFAULT_SQL_MODE), context));
  } catch (error) {
    if (error instanceof ShardgateError || error instanceof MysqlError) {
      return { errno: error.errno, error: error.message };
    }
    throw error;
  }
}

function shown(plan: Plan): object {
  switch (plan.kind) {
    case "session":
      return { kind: "session", statement: plan.statement.kind };
    case "insert":
      return {
        kind: "insert",
        keyspace: plan.keyspace,
        vindex: plan.primary.vindex.name,
        values: plan.primary.values.map((row) => row.map((ref) => (ref === undefined ? "generated" : shownRef(ref)))),
        ...(plan.generate === undefined ? {} : { generate: `${plan.generate.column} at ${plan.generate.position}` }),
      };
    case "change":
      return {
        kind: "change",
        reason: plan.reason,
        find: print(plan.find),
        write: plan.targets.map(({ keyspace, table }) => `${keyspace}.${table}`),
      };
    case "insert-rows":
      return { kind: "insert-rows", keyspace: plan.keyspace, asked: plan.asked.map(({ expr }) => printExpr(expr)) };
    case "gather":
      return {
        kind: "gather",
        reason: plan.reason.replace("This version of Shardgate doesn't yet support ", ""),
        sources: plan.sources.map(({ keyspace, table, routing }) => ({
          table: `${keyspace}.${table}`,
          ...shownRouting(routing),
        })),
      };
    case "merge":
    case "catalog":
      return describePlan(plan);
    case "send": {
      const { effect } = plan;
      return {
        kind: "send",
        keyspace: plan.keyspace,
        ...shownRouting(plan.routing),
        ...(plan.crossShard === undefined ? {} : { crossShard: plan.crossShard }),
        ...(plan.severalShards === undefined ? {} : { severalShards: shown(plan.severalShards) }),
        ...(effect.writes ? { writes: true } : {}),
        ...(effect.commits ? { commits: true } : {}),
        ...(effect.touchesTables ? {} : { touchesTables: false }),
        ...(effect.reserves === undefined ? {} : { reserves: effect.reserves }),
        ...(plan.substitute === undefined ? {} : { substitute: true }),
      };
    }
  }
}

function shownRouting(routing: Routing): object {
  switch (routing.kind) {
    case "equal-unique":
      return { routing: "equal-unique", vindex: routing.vindex.name, values: [shownRef(routing.value)] };
    case "all-of":
      return { routing: "all-of", parts: routing.parts.map(shownRouting) };
    case "in":
    case "equal-multi":
      return { routing: routing.kind, vindex: routing.vindex.name, values: routing.values.map(shownRef) };
    case "pinned":
      return { routing: "pinned", keyspaceId: routing.keyspaceId.toString("hex") };
    case "unsharded":
    case "any":
    case "none":
    case "scatter":
      return { routing: routing.kind };
    case "common":
      return { routing: "common", parts: routing.parts.map(shownRouting) };
    default: {
      const { kind, ...rest } = describeRouting(routing);
      return { routing: kind, ...rest };
    }
  }
}

function shownRef(ref: ValueRef): string {
  switch (ref.kind) {
    case "constant":
      return ref.value.type === "NULL_TYPE" ? "NULL" : `${ref.value.type} ${ref.value.raw.toString("latin1")}`;
    case "bind":
      return `${ref.negate ? "-" : ""}:v${ref.index + 1}`;
    case "bind-list":
      return `::v${ref.index + 1}`;
    default:
      return describeValue(ref);
  }
}

function keyspacesOf(file: string): ReadonlyMap<string, KeyspaceVSchema> {
  const all = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  return new Map(
    Object.entries(all).map(([name, json]) => {
      const parsed = checkVSchema(name, json);
      if (parsed.kind === "bad") throw new Error(JSON.stringify(parsed.faults));
      return [name, parsed.vschema];
    }),
  );
}
