// The SET statement that gives a connection a session's settings, put together by gateways and taken apart by tablets: a
// held connection cannot be reset, so it gets what is different, and what is no longer set goes back to its default. Knows
// how the statement is written, not what its variables mean, but for a few.

const SEPARATOR = ",\n";

/** `items` are `NAMES …` and `name = value`; none has a line break. */
export function settingsText(items: readonly string[]): string {
  return items.length === 0 ? "" : `SET ${items.join(SEPARATOR)}`;
}

/**
 * The statement that leads from `before` to `after` on a connection whose character sets are as at login; empty when there
 * is nothing to change. `after` itself where either cannot be taken apart.
 */
export function settingsChange(before: string, after: string): string {
  const old = itemsOf(before);
  const wanted = itemsOf(after);
  if (old === undefined || wanted === undefined) return after;
  const names = new Set(wanted.map(nameOf));
  const undone = old.map(nameOf).filter((name) => !names.has(name) && !STAYS.test(name));
  const known = new Set(old);
  const changed = wanted.filter((item) => !known.has(item) || IS_RESET.test(nameOf(item)));
  return settingsText([...undone.map((name) => `${name} = ${name.startsWith("@") ? "NULL" : "DEFAULT"}`), ...changed]);
}

/** Settings of a connection whose user variables may have been set by what ran there. */
export function withoutUserVariables(settings: string): string {
  const items = itemsOf(settings);
  return items === undefined ? settings : settingsText(items.filter((item) => !item.startsWith("@")));
}

/** They say something of character sets. */
export function setsCharacterSets(settings: string): boolean {
  return itemsOf(settings)?.every((item) => !CHARACTER_SETS.test(nameOf(item))) !== true;
}

function itemsOf(settings: string): readonly string[] | undefined {
  if (settings === "") return [];
  if (!settings.startsWith("SET ")) return undefined;
  const items = settings.slice("SET ".length).split(SEPARATOR);
  return items.every((item) => ITEM.test(item)) ? items : undefined;
}

function nameOf(item: string): string {
  return ITEM.exec(item)?.[1] ?? item;
}

const ITEM = /^(NAMES|[\w.]+(?= = )|@`(?:[^`\n]|``)*`(?= = ))[^\n]*$/;
const CHARACTER_SETS = /^(NAMES|character_set_(client|results|connection)|collation_connection)$/i;
/** What the connection has of them need not be what its settings say. */
const IS_RESET = new RegExp(`${CHARACTER_SETS.source}|^timestamp$`, "i");
/** They are as at login already, or there is no default to go back to. */
const STAYS = new RegExp(`${CHARACTER_SETS.source}|^(last_insert_id|identity|insert_id|rand_seed[12])$`, "i");
