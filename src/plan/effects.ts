// What running a statement means for the session: whether it writes, commits, or leaves something behind on its
// connection (locks, user variables), and where the locks of GET_LOCK() are kept. Knows no routing.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Node, Query, Statement } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import type { Effect } from "./plan.ts";
import { setsLastInsertId } from "./session-functions.ts";
import type { PlanContext } from "./tables.ts";

export const READ: Effect = { writes: false, commits: false, touchesTables: true, reserves: undefined };
export const WRITE: Effect = { writes: true, changes: true, commits: false, touchesTables: true, reserves: undefined };
export const DEFINITION: Effect = { writes: true, commits: true, touchesTables: false, reserves: undefined };

export function queryEffect(statement: Query): Effect {
  const locks = "locking" in statement && statement.locking.length > 0;
  return withReserved(statement, locks ? { ...READ, writes: true } : READ);
}

const LOCK_FUNCTIONS: ReadonlySet<string> = new Set([
  "get_lock",
  "release_lock",
  "release_all_locks",
  "is_free_lock",
  "is_used_lock",
]);

export function withReserved(statement: Statement, effect: Effect): Effect {
  let reserves: string | undefined;
  if (!effect.writes && setsLastInsertId(statement)) {
    throw notSupported("LAST_INSERT_ID(expression) in a statement that changes nothing", "use it in an UPDATE");
  }
  const assigns = new Set<string>();
  const assign = (variable: Node): void => {
    if (variable.kind === "userVariable") assigns.add(variable.name.toLowerCase());
  };
  walk(statement, (node) => {
    if (node.kind === "assign") {
      reserves = "a user variable set inside a statement";
      assigns.add(node.name.toLowerCase());
    } else if (node.kind === "intoVariables") {
      reserves = "SELECT … INTO a user variable";
      for (const target of node.targets) assign(target);
    } else if (node.kind === "callProcedure") {
      reserves = "a stored procedure";
      for (const arg of node.args) assign(arg);
    } else if (node.kind === "call" && LOCK_FUNCTIONS.has(node.name)) reserves = `${node.name.toUpperCase()}()`;
    else if (node.kind === "select" && node.options.includes("sql_calc_found_rows")) reserves = "SQL_CALC_FOUND_ROWS";
    else if (node.kind === "intoOutfile" || node.kind === "intoDumpfile") {
      throw notSupported("SELECT … INTO OUTFILE", "write the rows on the client");
    }
    return true;
  });
  if (reserves === undefined) return effect;
  return assigns.size === 0 ? { ...effect, reserves } : { ...effect, reserves, assigns: [...assigns] };
}

export function usesLocks(statement: Statement): boolean {
  let uses = false;
  walk(statement, (node) => {
    uses ||= node.kind === "call" && LOCK_FUNCTIONS.has(node.name);
    return !uses;
  });
  return uses;
}

/** All clients' locks of GET_LOCK() are kept in one place, whatever keyspace they have selected. */
export function keyspaceOfLocks({ vschema }: PlanContext): KeyspaceVSchema {
  const byName = [...vschema.keyspaces.values()].toSorted((a, b) => (a.keyspace < b.keyspace ? -1 : 1));
  const keyspace = byName.find(({ sharded }) => !sharded) ?? byName[0];
  if (keyspace === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "there is no keyspace yet");
  return keyspace;
}

export function refuseLocksElsewhere(
  statement: Statement,
  used: ReadonlySet<KeyspaceVSchema>,
  context: PlanContext,
): void {
  if (used.size === 0 || !usesLocks(statement)) return;
  const home = keyspaceOfLocks(context);
  for (const { keyspace } of used) {
    if (keyspace !== home.keyspace) throw notSupported(`GET_LOCK() and its like with tables of keyspace ${keyspace}`);
  }
}

export function refuseReserved(effect: Effect, keyspace: KeyspaceVSchema): void {
  if (effect.reserves !== undefined) throw notSupported(`${effect.reserves} in sharded keyspace ${keyspace.keyspace}`);
}
