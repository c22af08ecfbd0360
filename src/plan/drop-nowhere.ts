// Definitions in a database that there is not: nothing is sent to a mysqld, which might have one of that name that is no
// keyspace. DROP … IF EXISTS is content with that, as MySQL is.

import { MysqlError } from "../base/errors.ts";
import type { Ddl, ObjectName } from "../sql/tree.ts";
import type { SessionPlan } from "./plan.ts";
import { isSystemSchema } from "./system-tables.ts";
import type { PlanContext } from "./tables.ts";
import { unknownDatabase } from "./unknown-database.ts";

/** Throws 1049 for what is made in a database that there is not. */
export function refuseMakingNowhere({ verb, object, names }: Ddl, context: PlanContext): void {
  const [name] = names;
  // Of a trigger the server says whether it is where its table is.
  if (verb !== "create" || object === "index" || object === "trigger" || name === undefined) return;
  if (name.schema !== undefined && isNowhere(name, context)) throw unknownDatabase(name.schema);
}

/** For DROP of tables and such that are all in databases that there are not (`droppedNowhere` has its outcome). */
export function planDropNowhere(statement: Ddl, context: PlanContext): SessionPlan | undefined {
  return isDropNowhere(statement, context) ? { kind: "session", statement } : undefined;
}

export function isDropNowhere({ verb, object, names }: Ddl, context: Pick<PlanContext, "vschema">): boolean {
  if (verb !== "drop" || !(object in UNKNOWN)) return false;
  return names.length > 0 && names.every((name) => isNowhere(name, context));
}

/** With IF EXISTS, what the client is to be warned of (Notes); throws it as an error otherwise. */
export function droppedNowhere(
  { object, names, ifExists }: Ddl,
  dialect: PlanContext["dialect"],
): readonly MysqlError[] {
  const unknown = UNKNOWN[object];
  if (unknown === undefined) return [];
  const said = (each: readonly ObjectName[]): MysqlError => {
    if (dialect !== "mariadb") return new MysqlError(1049, "42000", `Unknown database '${each[0]?.schema}'`);
    const { errno, sqlState, text } = (ifExists ? unknown.noted : undefined) ?? unknown;
    const [first] = each;
    const names = each.map(({ schema, name }) => `${schema}.${name}`).join(",");
    return new MysqlError(errno, sqlState, text(names, first?.name ?? ""));
  };
  if (!ifExists) throw said(names);
  return object === "table" && dialect === "mariadb" ? [said(names)] : names.map((name) => said([name]));
}

interface Said {
  readonly errno: number;
  readonly sqlState: string;
  /** Of the names with their databases; `first` is the first one without. */
  readonly text: (names: string, first: string) => string;
}

interface Unknown extends Said {
  /** With IF EXISTS, where that is something else. */
  readonly noted?: Said;
}

const UNKNOWN: Readonly<Partial<Record<Ddl["object"], Unknown>>> = {
  table: { errno: 1051, sqlState: "42S02", text: (names) => `Unknown table '${names}'` },
  view: { errno: 4092, sqlState: "42S02", text: (names) => `Unknown VIEW: '${names}'` },
  sequence: { errno: 4091, sqlState: "42S02", text: (names) => `Unknown SEQUENCE: '${names}'` },
  procedure: { errno: 1305, sqlState: "42000", text: (name) => `PROCEDURE ${name} does not exist` },
  function: { errno: 1305, sqlState: "42000", text: (name) => `FUNCTION ${name} does not exist` },
  trigger: { errno: 1360, sqlState: "HY000", text: () => "Trigger does not exist" },
  event: {
    errno: 1539,
    sqlState: "HY000",
    text: (_, name) => `Unknown event '${name}'`,
    noted: { errno: 1305, sqlState: "42000", text: (_, name) => `Event ${name} does not exist` },
  },
};

function isNowhere({ schema }: ObjectName, { vschema }: Pick<PlanContext, "vschema">): boolean {
  return schema !== undefined && !vschema.keyspaces.has(schema) && !isSystemSchema(schema);
}
