// Temporary tables in sharded keyspaces. A session has each of its own on one shard, its home, as a table pinned there, which
// hides a real one of the same name; so queries and changes are planned with it as with any pinned table.

import { notSupported } from "../base/errors.ts";
import type { Ddl, ObjectName } from "../sql/tree.ts";
import { DEFINITION } from "./effects.ts";
import type { Effect, SendPlan } from "./plan.ts";
import { send } from "./send.ts";
import type { PlanContext } from "./tables.ts";

/** What of a session's temporary tables plans depend on. */
export interface SessionTemporaries {
  /** A keyspace id of the shard that has them. */
  readonly home: Buffer;
  has(keyspace: string, table: string): boolean;
}

const OF_CONNECTION: Effect = { ...DEFINITION, commits: false, reserves: "a temporary table" };

/** Undefined when no temporary table of a sharded keyspace is meant. Throws 1235 for what cannot be done with them. */
export function planTemporary(statement: Ddl, context: PlanContext): SendPlan | undefined {
  const { verb, object, temporary, names, references } = statement;
  if (object !== "table" && object !== "index") return undefined;
  const meant = object === "index" ? references.slice(0, 1) : names;
  const [first] = meant;
  const keyspace = context.vschema.keyspaces.get(first?.schema ?? context.keyspace ?? "");
  const { temporaries } = context;
  if (first === undefined || temporaries === undefined || keyspace?.sharded !== true) return undefined;
  const isTemporary = ({ schema = context.keyspace, name }: ObjectName): boolean =>
    schema !== undefined && temporaries.has(schema, name);
  const text = `${verb} ${temporary ? "temporary " : ""}${object}`.toUpperCase();
  if (!temporary && !meant.some(isTemporary)) return undefined;
  if (verb === "rename" || (verb === "alter" && /\brename\s+(?!column\b|index\b|key\b)/i.test(statement.text))) {
    throw notSupported(
      `renaming a temporary table in sharded keyspace ${keyspace.keyspace}`,
      "make it by its new name",
    );
  }
  if (meant.some(({ schema = context.keyspace }) => schema !== keyspace.keyspace)) {
    throw notSupported(`${text} over several keyspaces`, "name those of one keyspace at a time");
  }
  if (!temporary && !meant.every(isTemporary)) {
    throw notSupported(`${text} of temporary and other tables at once`, "name them one after the other");
  }
  if (verb === "create" && statement.query !== undefined) {
    throw notSupported(`${text} … SELECT in sharded keyspace ${keyspace.keyspace}`, "create it, then INSERT … SELECT");
  }
  const effect = temporary ? OF_CONNECTION : DEFINITION;
  return send(statement, keyspace.keyspace, { kind: "pinned", keyspaceId: temporaries.home }, undefined, effect);
}
