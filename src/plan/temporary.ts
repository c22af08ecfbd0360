// Temporary tables in sharded keyspaces, and in the schema `mysql`. A session has each of its own on one shard, its home, as a
// table pinned there, which hides a real one of the same name; so queries and changes are planned with it as with any pinned
// table. Those in `mysql`, which is no keyspace, lie on the server of an unsharded one and are named as they are there.

import { notSupported } from "../base/errors.ts";
import type { Ddl, ObjectName, Statement, TableName } from "../sql/tree.ts";
import { rewrite, walk } from "../sql/walk.ts";
import { DEFINITION } from "./effects.ts";
import type { Effect, Routing, SendPlan } from "./plan.ts";
import { send } from "./send.ts";
import type { PlanContext } from "./tables.ts";

/** What of a session's temporary tables plans depend on. */
export interface SessionTemporaries {
  /** A keyspace id of the shard that has them. */
  readonly home: Buffer;
  /** The unsharded keyspace on whose server those in schema `mysql` are; undefined: there are none. */
  readonly systemHome: string | undefined;
  has(keyspace: string, table: string): boolean;
}

const OF_CONNECTION: Effect = { ...DEFINITION, commits: false, reserves: "a temporary table" };

/** A definition of temporary tables in `mysql`, by that name; they are made with it, so none goes by the selected schema. */
export function definesSystemTemporary(
  { verb, object, temporary, names, references }: Ddl,
  context: PlanContext,
): boolean {
  const { temporaries } = context;
  const meant = object === "index" ? references.slice(0, 1) : names;
  if (temporaries === undefined || meant.length === 0 || (object !== "table" && object !== "index")) return false;
  if (!meant.every(({ schema }) => schema === SYSTEM_SCHEMA)) return false;
  if (verb === "create" && object === "table") return temporary && unshardedHome(context) !== undefined;
  return verb !== "rename" && meant.every(({ name }) => temporaries.has(SYSTEM_SCHEMA, name));
}

/** The only system schema that servers let sessions have tables of their own in and that tools use so. */
export const SYSTEM_SCHEMA = "mysql";

/** Where all that a session has in `mysql` is. */
function unshardedHome({ temporaries, keyspace, vschema }: PlanContext): string | undefined {
  if (temporaries?.systemHome !== undefined) return temporaries.systemHome;
  const selected = keyspace === undefined ? undefined : vschema.keyspaces.get(keyspace);
  if (selected?.sharded === false) return selected.keyspace;
  // One that a client has made may be gone at any time.
  const all = [...vschema.keyspaces.values()].filter(({ sharded }) => !sharded);
  return (all.find(({ servedFrom }) => servedFrom === undefined) ?? all[0])?.keyspace;
}

/**
 * The statement with `mysql` before a session's own tables of that schema, where it is the selected one: a shard's connection
 * has selected its keyspace. The same statement where there is nothing to name.
 */
export function namedInSystem(statement: Statement, context: PlanContext): Statement {
  const { keyspace, temporaries } = context;
  if (keyspace !== SYSTEM_SCHEMA || temporaries === undefined) return statement;
  const isOwn = ({ schema, name }: ObjectName | TableName): boolean =>
    schema === undefined && temporaries.has(SYSTEM_SCHEMA, name);
  if (statement.kind === "ddl") {
    const [name, ...others] = statement.names;
    if (name === undefined || name.schema !== undefined || others.length > 0) return statement;
    const named = {
      ...statement,
      names: [{ ...name, schema: SYSTEM_SCHEMA }],
      text: statement.text.replace(BEFORE_NAME, `$&${SYSTEM_SCHEMA}.`),
    };
    return definesSystemTemporary(named, context) && named.text !== statement.text ? named : statement;
  }
  if (statement.kind !== "insert" && statement.kind !== "update" && statement.kind !== "delete") return statement;
  let names = false;
  walk(statement, (node) => {
    names ||= (node.kind === "tableName" && isOwn(node)) || (node.kind === "insert" && isOwn(node.table));
    return !names;
  });
  if (!names) return statement;
  const named = rewrite(statement, {
    table: (ref) => (ref.kind === "tableName" && isOwn(ref) ? { ...ref, schema: SYSTEM_SCHEMA } : ref),
  });
  return named.kind === "insert" && isOwn(named.table)
    ? { ...named, table: { ...named.table, schema: SYSTEM_SCHEMA } }
    : named;
}

/** Of a definition's text up to the name of its one table. */
const BEFORE_NAME = /^(?:create|alter|drop|truncate)(?: \w+)*? table (?:if (?:not )?exists )?/i;

/** A definition of temporary tables that are followed by name, as it was planned. */
export function isOfTemporaries({ names, references, object }: Ddl, routing: Routing): boolean {
  const [first] = object === "index" ? references : names;
  return routing.kind === "pinned" || (object !== "database" && first?.schema === SYSTEM_SCHEMA);
}

/** Undefined when no temporary table of a sharded keyspace or of `mysql` is meant. Throws 1235 for what cannot be done with them. */
export function planTemporary(statement: Ddl, context: PlanContext): SendPlan | undefined {
  const { verb, object, temporary, names, references } = statement;
  if (object !== "table" && object !== "index") return undefined;
  if (definesSystemTemporary(statement, context)) {
    const home = unshardedHome(context) ?? "";
    return send(statement, home, { kind: "unsharded" }, undefined, temporary ? OF_CONNECTION : DEFINITION);
  }
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
