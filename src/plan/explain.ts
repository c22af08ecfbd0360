// EXPLAIN and DESCRIBE: MySQL's own words about a statement or a table, from one shard, as all shards of a keyspace have the
// same definitions. For a statement over several shards that is one shard's part of it: each runs it, or pieces of it, over
// its own rows. What Shardgate makes of the statement is told by VEXPLAIN.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Describe, Explain, ObjectName, Statement, TableName } from "../sql/tree.ts";
import { isQuery } from "../sql/walk.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import { analyzedEffect, READ, withReserved } from "./effects.ts";
import type { Plan, Routing, SendPlan } from "./plan.ts";
import { keyspaceForAny, send } from "./send.ts";
import { isSystemSchema } from "./system-tables.ts";
import { type PlanContext, resolveTable, tableNamesOf } from "./tables.ts";
import { unknownDatabase } from "./unknown-database.ts";

const ANY: Routing = { kind: "any" };

export function planDescribe(statement: Describe, context: PlanContext): SendPlan {
  const { table } = statement;
  const effect = withReserved(statement, { ...READ, touchesTables: false });
  const keyspace = keyspaceOfName(table, context);
  if (keyspace !== undefined) {
    const { temporaries } = context;
    const isTemporary = keyspace.sharded && temporaries?.has(keyspace.keyspace, table.name) === true;
    const routing: Routing = isTemporary ? { kind: "pinned", keyspaceId: temporaries.home } : ANY;
    return send(statement, keyspace.keyspace, routing, undefined, effect);
  }
  const plan = send(statement, keyspaceForAny(undefined, context).keyspace, ANY, undefined, effect);
  // A shard's connection has selected its keyspace.
  return { ...plan, substitute: { ...statement, table: { ...table, schema: table.schema ?? context.keyspace } } };
}

/** `planOf` plans the statement inside, for the shards it goes to. */
export function planExplain(
  statement: Explain,
  context: PlanContext,
  planOf: (inner: Statement, context: PlanContext) => Plan,
): SendPlan {
  const inner = statement.statement;
  const runs = statement.verb === "analyze" || statement.options.includes("analyze");
  if (runs && !isQuery(inner)) {
    const plan = planOf(inner, context);
    if (plan.kind !== "send") throw notSupported(`ANALYZE of ${inner.kind.toUpperCase()} over several shards`);
    const crossShard = plan.crossShard ?? "ANALYZE of a statement that changes rows";
    return send(statement, plan.keyspace, plan.routing, crossShard, plan.effect);
  }
  const keyspaces = new Set<KeyspaceVSchema>();
  for (const name of tableNamesOf(inner)) {
    const keyspace = keyspaceOfName(name, context);
    if (keyspace !== undefined) keyspaces.add(keyspace);
  }
  const [only, ...more] = keyspaces;
  if (more.length > 0) {
    const names = [...keyspaces].map(({ keyspace }) => keyspace).join(", ");
    throw notSupported(`EXPLAIN of a statement over keyspaces ${names}`);
  }
  const effect = runs ? analyzedEffect(inner) : READ;
  if (only === undefined) return send(statement, keyspaceForAny(undefined, context).keyspace, ANY, undefined, effect);
  const routing = only.sharded ? routingOf(inner, context, planOf) : ANY;
  return { ...send(statement, only.keyspace, routing, undefined, effect), onOne: true };
}

/** Where the statement's rows are, if that is known: there the optimizer sees them. */
function routingOf(
  inner: Statement,
  context: PlanContext,
  planOf: (inner: Statement, context: PlanContext) => Plan,
): Routing {
  try {
    const plan = planOf(inner, context);
    if (plan.kind === "send") return plan.routing;
  } catch (error) {
    // What cannot be run can be explained all the same.
    if (!(error instanceof ShardgateError)) throw error;
  }
  return ANY;
}

/** Undefined for a system schema. Throws 1046 for a name in none, 1146 for one in a keyspace that is not there. */
export function keyspaceOfName(name: TableName | ObjectName, context: PlanContext): KeyspaceVSchema | undefined {
  const schema = name.schema ?? context.keyspace;
  if (schema === undefined) return resolveTable(name, context).keyspace;
  if (isSystemSchema(schema)) return undefined;
  const keyspace = context.vschema.keyspaces.get(schema);
  if (keyspace !== undefined) return keyspace;
  if (schema === "") throw unknownDatabase(schema);
  throw new ShardgateError("ER_NO_SUCH_TABLE", `Table '${schema}.${name.name}' doesn't exist`);
}
