// How often each kind of statement has been run, and what else SHOW STATUS says of clients: for a session and for all of a
// gateway. Names are those of MySQL's status variables (manual: "Server Status Variables"), Com_select first. Counting
// costs an addition or two; who wants to see it adds up.

import type { Ddl, Show, Statement } from "../../sql/tree.ts";

/** Index of a status variable that counts statements; 0: none does. */
export type CommandIndex = number;

const NAMES: string[] = [""];
const INDEXES = new Map<string, CommandIndex>();

/** The index of Com_`name`, which is made when it is asked for the first time. */
export function commandIndex(name: string): CommandIndex {
  let index = INDEXES.get(name);
  if (index === undefined) {
    index = NAMES.push(`Com_${name}`) - 1;
    INDEXES.set(name, index);
  }
  return index;
}

/** Of one session, or of all. */
export class StatementCounts {
  /** Few kinds: a list is smaller than a map, and as fast. */
  readonly #indexes: CommandIndex[] = [];
  readonly #counts: number[] = [];
  /** Statements that clients have sent, also those that could not be read. */
  questions = 0;
  slow = 0;

  add(index: CommandIndex): void {
    const at = this.#indexes.indexOf(index);
    if (at >= 0) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    else {
      this.#indexes.push(index);
      this.#counts.push(1);
    }
  }

  /** By the status variable's name. */
  get byName(): ReadonlyMap<string, number> {
    return new Map(this.#indexes.map((index, at) => [NAMES[index] ?? "", this.#counts[at] ?? 0]));
  }
}

/** What a statement counts as. */
export function commandOf(statement: Statement): CommandIndex {
  const name = nameOf(statement);
  return name === undefined ? 0 : commandIndex(name);
}

function nameOf(statement: Statement): string | undefined {
  switch (statement.kind) {
    case "select":
    case "union":
    case "values":
    case "table":
      return "select";
    case "insert":
      return `${statement.replace ? "replace" : "insert"}${statement.query === undefined ? "" : "_select"}`;
    case "update":
      return statement.tables.length > 1 || statement.tables[0]?.kind === "join" ? "update_multi" : "update";
    case "delete":
      return statement.form === "single" ? "delete" : "delete_multi";
    case "begin":
    case "commit":
    case "savepoint":
    case "do":
    case "load":
    case "kill":
      return statement.kind;
    case "rollback":
      return statement.savepoint === undefined ? "rollback" : "rollback_to_savepoint";
    case "release":
      return "release_savepoint";
    case "set":
    case "setTransaction":
    case "setFor":
      return "set_option";
    case "use":
      return "change_db";
    case "describe":
      return "show_fields";
    case "explain":
      return nameOf(statement.statement);
    case "callProcedure":
      return "call_procedure";
    case "lock":
      return "lock_tables";
    case "unlock":
      return "unlock_tables";
    case "prepare":
      return "prepare_sql";
    case "execute":
      return statement.immediate === undefined ? "execute_sql" : "execute_immediate";
    case "deallocate":
      return "dealloc_sql";
    case "xa":
      return `xa_${statement.verb}`;
    case "show":
      return nameOfShow(statement);
    case "ddl":
      return nameOfDefinition(statement);
    case "admin":
      return OF_ADMIN[statement.verb] ?? statement.verb.replaceAll(" ", "_");
    default:
      return undefined;
  }
}

const OF_ADMIN: Readonly<Record<string, string>> = {
  "analyze table": "analyze",
  "check table": "check",
  "checksum table": "checksum",
  "compound statement": "compound_sql",
  "flush tables": "flush",
  "handler close": "ha_close",
  "handler open": "ha_open",
  "handler read": "ha_read",
  "load index": "preload_keys",
  "cache index": "assign_to_keycache",
  "optimize table": "optimize",
  "repair table": "repair",
  "set password": "set_option",
  "set role": "set_option",
};

function nameOfShow({ what }: Show): string {
  const known = OF_SHOW[what];
  if (known !== undefined) return known;
  return `show_${what.replaceAll(" ", "_")}`;
}

const OF_SHOW: Readonly<Record<string, string>> = {
  charset: "show_charsets",
  collation: "show_collations",
  columns: "show_fields",
  index: "show_keys",
  engines: "show_storage_engines",
  "create database": "show_create_db",
  "create function": "show_create_func",
  "create procedure": "show_create_proc",
  "create sequence": "show_create_table",
  "create view": "show_create_table",
  "count(*) warnings": "select",
  "count(*) errors": "select",
  "binary logs": "show_binlogs",
  "master status": "show_binlog_status",
  "replica status": "show_slave_status",
  replicas: "show_slave_hosts",
  slaves: "show_slave_hosts",
};

function nameOfDefinition({ verb, object, temporary }: Ddl): string {
  if (verb === "truncate") return "truncate";
  if (verb === "rename") return "rename_table";
  if (object === "database") return `${verb}_db`;
  if (object === "view") return verb === "drop" ? "drop_view" : "create_view";
  if (temporary && object === "table" && verb !== "alter") return `${verb}_temporary_table`;
  return `${verb}_${object}`.replaceAll(" ", "_");
}
