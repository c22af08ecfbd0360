// Which variables are set by what runs by itself with a database's tables: their triggers, and functions that views call; also
// by what those call and write to, however deep, in other databases as well. Asked in a few queries for all tables at once,
// with one where nothing has triggers or views.

import { type Programs, textsReached, variablesSetIn } from "../schema/trigger-variables.ts";
import type { TextRow } from "../schema/information-schema.ts";

type Ask = (sql: string, values: readonly unknown[]) => Promise<readonly TextRow[]>;

/** Of which tables: of all, or of `names`. */
export interface ProgramsOf {
  readonly database: string;
  readonly names: readonly string[] | undefined;
  /** There are views among them. */
  readonly hasViews: boolean;
}

/** As `variablesSetIn` has them, by name of the table or view; what sets none is left out. */
export async function programVariables(
  ask: Ask,
  { database, names, hasViews }: ProgramsOf,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const isWanted = (name: string): boolean => names?.includes(name) !== false;
  const found = new Map<string, ReadonlySet<string>>();
  const own =
    names === undefined
      ? await ask(`${TRIGGERS} WHERE EVENT_OBJECT_SCHEMA = ?`, [database])
      : await ask(`${TRIGGERS} WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE IN (?)`, [database, names]);
  if (own.length === 0 && !hasViews) return new Map();
  const routines = await ask(ROUTINES, []);
  const triggers = own.length === 0 && names === undefined ? [] : await ask(`${TRIGGERS} WHERE ${OF_USERS}`, []);
  const areViewsAsked = triggers.length > 0 || (hasViews && routines.length > 0);
  const views = areViewsAsked ? await ask(VIEWS, []) : [];
  const programs = byName([...routines, ...triggers, ...views]);
  const texts: TextRow[] = [...own];
  // A view's text sets nothing by itself, and MySQL lets it name no variable.
  for (const [name = "", text = "", schema] of views) if (schema === database) texts.push([name, text]);
  for (const [name, text] of texts) {
    if (name === null || name === undefined || !isWanted(name)) continue;
    const set = textsReached(text ?? "", programs).flatMap((each) => variablesSetIn(each));
    if (set.length > 0) found.set(name, new Set([...(found.get(name) ?? []), ...set]));
  }
  return new Map([...found].map(([name, set]) => [name, [...set].toSorted()]));
}

/** All but servers' own schemas, whose programs nobody's triggers run. */
const OF_USERS = "EVENT_OBJECT_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";
const TRIGGERS =
  "SELECT CONVERT(EVENT_OBJECT_TABLE USING utf8mb4) COLLATE utf8mb4_bin AS name, ACTION_STATEMENT " +
  "FROM information_schema.TRIGGERS";
const ROUTINES =
  "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES " +
  `WHERE ${OF_USERS.replace("EVENT_OBJECT", "ROUTINE")} AND ROUTINE_DEFINITION IS NOT NULL`;
const VIEWS =
  "SELECT TABLE_NAME, VIEW_DEFINITION, TABLE_SCHEMA FROM information_schema.VIEWS " +
  `WHERE ${OF_USERS.replace("EVENT_OBJECT", "TABLE")}`;

function byName(rows: readonly TextRow[]): Programs {
  const programs = new Map<string, string[]>();
  for (const [name, text] of rows) {
    const key = name?.toLowerCase() ?? "";
    const texts = programs.get(key);
    if (texts === undefined) programs.set(key, [text ?? ""]);
    else texts.push(text ?? "");
  }
  return programs;
}
