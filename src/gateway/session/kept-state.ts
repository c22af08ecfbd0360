// What a session has left on connections that are held for it: its temporary tables and the locks of GET_LOCK(). When
// nothing is left, the connection can be given back. What cannot be followed (a name that is computed row by row, a
// stored procedure) keeps it until the session ends.

import { isAscii } from "node:buffer";
import { resolveValue, valueRefOf } from "../../plan/value-ref.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { Statement } from "../../sql/tree.ts";
import { TemporaryTables } from "./temporary-tables.ts";
import { walk } from "../../sql/walk.ts";

/** What a statement may leave or take away. */
export interface Keeping {
  readonly made: readonly string[];
  readonly dropped: readonly string[];
  /** Names of locks that it may take. */
  readonly locks: readonly string[];
  /** It may give up locks. */
  readonly releases: boolean;
  /** It may leave something that is not named here. */
  readonly isUnknown: boolean;
  /** It says of itself that it makes or drops temporary tables. */
  readonly isTemporary: boolean;
}

const NO_NAMES: ReadonlySet<string> = new Set();

export class KeptState {
  /** Those in sharded keyspaces. */
  readonly temporaries = new TemporaryTables();
  /** Replaced when they change: most sessions have none. */
  #tables = NO_NAMES;
  #locks = NO_NAMES;
  #isUnknown = false;

  get isEmpty(): boolean {
    return this.#tables.size === 0 && this.#locks.size === 0 && !this.#isUnknown;
  }

  get hasTables(): boolean {
    return this.#tables.size > 0;
  }

  /** Names of locks that may be held. */
  get locks(): readonly string[] {
    return [...this.#locks];
  }

  /** Something is left that cannot be followed. */
  keepUnknown(): void {
    this.#isUnknown = true;
  }

  /** The statement has run; whether it failed counts for tables only, since locks are taken as a statement goes along. */
  ran({ made, dropped, locks, isUnknown }: Keeping, failed: boolean): void {
    this.#isUnknown ||= isUnknown;
    if (locks.length > 0) this.#locks = new Set([...this.#locks, ...locks]);
    if (failed || made.length + dropped.length === 0) return;
    const tables = new Set(this.#tables);
    for (const name of dropped) tables.delete(name);
    for (const name of made) tables.add(name);
    this.#tables = tables;
  }

  /** Of the locks asked about, those that are still held. */
  locksHeld(names: readonly string[]): void {
    this.#locks = new Set(names);
  }
}

/** Undefined: nothing. `hasTables`: the session has temporary tables, which other statements may drop or rename. */
export function keepingOf(
  statement: Statement,
  binds: readonly BindValue[],
  keyspace: string,
  hasTables: boolean,
): Keeping | undefined {
  const locks: string[] = [];
  let releases = false;
  let isUnknown =
    statement.kind === "callProcedure" ||
    (statement.kind === "admin" && (statement.verb === "compound statement" || statement.verb === "handler open"));
  walk(statement, (node) => {
    if (node.kind !== "call" || node.stored) return true;
    if (node.name === "get_lock") {
      const [name] = node.args;
      const ref = name === undefined ? undefined : valueRefOf(name);
      const value = ref === undefined ? undefined : resolveValue(ref, binds);
      if (value?.type === "VARCHAR" && isAscii(value.raw)) locks.push(value.raw.toString("latin1"));
      else isUnknown ||= value?.type !== "NULL_TYPE";
    }
    releases ||= node.name === "release_lock" || node.name === "release_all_locks";
    return true;
  });
  let made: readonly string[] = [];
  let dropped: readonly string[] = [];
  if (statement.kind === "ddl" && (statement.temporary || hasTables)) {
    const { verb, object, names, temporary, text } = statement;
    const full = names.map(({ schema = keyspace, name }) => `${schema}.${name}`.toLowerCase());
    if (verb === "drop" && object === "table") dropped = full;
    else if (verb === "create" && temporary) made = full;
    else isUnknown ||= verb === "rename" || /\brename\b/i.test(text);
  }
  const isNothing = locks.length === 0 && !releases && !isUnknown && made.length === 0 && dropped.length === 0;
  const isTemporary = statement.kind === "ddl" && statement.temporary;
  return isNothing ? undefined : { made, dropped, locks, releases, isUnknown, isTemporary };
}
