// Variables whose value is a list of flags (manual: "Switchable Optimizations"): a SET names some of them, the others stay
// as they are. Settings are one SET for a connection of any past, so what several SETs have said is put into one list that
// begins with "default". Which flags there are is a mysqld's knowledge.

const FLAG_LISTS: ReadonlySet<string> = new Set(["optimizer_switch", "optimizer_trace", "optimizer_trace_features"]);

/** A SET of the variable changes a part of its value. */
export function isFlagList(name: string): boolean {
  return FLAG_LISTS.has(name);
}

/**
 * The SQL text of the value after `before` (undefined: as at login) and then `set` were set; `set` itself where it is no
 * list of flags.
 */
export function withFlags(before: string | undefined, set: string): string {
  const added = flagsOf(set);
  if (added === undefined) return set;
  const known = before === undefined ? undefined : flagsOf(before);
  const flags = new Map(added.isReset ? [] : known?.flags);
  for (const [name, state] of added.flags) {
    // Moved to the end or taken out: "default" at the beginning is what it goes back to.
    flags.delete(name);
    if (state !== "default") flags.set(name, state);
  }
  return `'${["default", ...[...flags].map(([name, state]) => `${name}=${state}`)].join(",")}'`;
}

interface FlagList {
  /** The word "default" is in the list: all other flags go back to what they were. */
  readonly isReset: boolean;
  readonly flags: ReadonlyMap<string, string>;
}

function flagsOf(sql: string): FlagList | undefined {
  if (sql.toUpperCase() === "DEFAULT") return { isReset: true, flags: new Map() };
  const hex = /^_\w+ x'([\da-f]*)'/.exec(sql)?.[1];
  const text = hex === undefined ? /^'([\w=,]*)'$/.exec(sql)?.[1] : Buffer.from(hex, "hex").toString("latin1");
  if (text === undefined) return undefined;
  const items = text === "" ? [] : text.toLowerCase().split(",");
  const flags = new Map<string, string>();
  for (const item of items) {
    if (item === "default") continue;
    const [, name, state] = /^(\w+)=(on|off|default)$/.exec(item) ?? [];
    if (name === undefined || state === undefined) return undefined;
    flags.set(name, state);
  }
  return { isReset: items.includes("default"), flags };
}
