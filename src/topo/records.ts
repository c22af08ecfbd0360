// The records of the topology and their JSON form. Each is decoded once, at the edge, into checked data, or refused with
// TOPO_BAD_RECORD naming the key and the field. Every value has a `version`: the number of its format. Fields that are
// not known are ignored, a higher version is refused.

import { ShardgateError } from "../base/errors.ts";
import type { KeyRange } from "./key-range.ts";
import { keyRangesEqual, parseKeyRange } from "./key-range.ts";

/** `CELL-UID` with ten digits, as Vitess prints it: zone1-0000000100. */
export type TabletAlias = string & { readonly brand: "TabletAlias" };

export const TABLET_TYPES = ["primary", "replica", "rdonly"] as const;
export type TabletType = (typeof TABLET_TYPES)[number];

export interface CellRecord {
  readonly name: string;
}

export interface KeyspaceRecord {
  readonly name: string;
  /**
   * The keyspace whose tablets serve this one as well: it is another database of their mysqlds, made by CREATE DATABASE,
   * and has no shard records of its own. Its name is any that those take for a database's.
   */
  readonly servedFrom?: string;
}

export interface ShardRecord {
  readonly keyspace: string;
  readonly name: string;
  readonly keyRange: KeyRange;
  /** The tablet that takes writes; not set before the first primary is chosen. */
  readonly primaryAlias?: TabletAlias;
  /** Only serving shards take queries; the others are being filled or drained. */
  readonly isServing: boolean;
}

export interface TabletRecord {
  readonly alias: TabletAlias;
  readonly cell: string;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  readonly hostname: string;
  readonly grpcPort: number;
  readonly mysqlHostname: string;
  readonly mysqlPort: number;
  /** When the tablet process started: ISO 8601, UTC. */
  readonly startedAt: string;
}

export interface VSchemaRecord {
  readonly keyspace: string;
  /** The VSchema as JSON.parse gives it; what it means is checked in `vschema/`. */
  readonly json: unknown;
}

/** Queries that name `fromTable` go to `toTables` (Vitess's routing rules; one target each). */
export interface RoutingRule {
  readonly fromTable: string;
  readonly toTables: readonly string[];
}

/** A global value of a system variable, as SET GLOBAL has left it. */
export interface GlobalVariable {
  /** As SQL text that means the same on every connection. */
  readonly sql: string;
  /** As SHOW GLOBAL VARIABLES has it. */
  readonly shown: string;
}

/** By name in lower case; what is not in it is as the servers are configured. */
export type GlobalVariablesRecord = ReadonlyMap<string, GlobalVariable>;

/** How one kind of record is read and written. */
export interface RecordCodec<T> {
  /** Throws TOPO_BAD_RECORD. */
  decode(key: string, text: string): T;
  encode(record: T): string;
}

const FORMAT_VERSION = 1;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_$.-]{0,63}$/;
const ALIAS = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)-(\d{10})$/;
const PORT_MAX = 65_535;

/** Throws CONFIG_BAD when `name` cannot name a cell or keyspace: letters, digits, _ $ . -, at most 64, no / or space. */
export function checkName(what: "cell" | "keyspace", name: string): string {
  if (NAME.test(name)) return name;
  throw new ShardgateError(
    "CONFIG_BAD",
    `${what} name "${name}" is not valid: use 1 to 64 letters, digits or _ $ . - and begin with a letter, digit or _`,
  );
}

/** Throws CONFIG_BAD unless `text` is CELL-UID with a ten-digit uid. */
export function parseTabletAlias(text: string): TabletAlias {
  if (!isTabletAlias(text)) {
    throw new ShardgateError(
      "CONFIG_BAD",
      `tablet alias "${text}" is not valid: expected CELL-UID, as in zone1-0000000100`,
    );
  }
  return text;
}

export function tabletAliasOf(cell: string, uid: number): TabletAlias {
  return parseTabletAlias(`${cell}-${String(uid).padStart(10, "0")}`);
}

export function cellOfAlias(alias: TabletAlias): string {
  return alias.slice(0, alias.lastIndexOf("-"));
}

export const cellCodec: RecordCodec<CellRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    return { name: fields.name("name") };
  },
  encode: (record) => seal({ name: record.name }),
};

export const keyspaceCodec: RecordCodec<KeyspaceRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    if (!fields.has("servedFrom")) return { name: fields.name("name") };
    return { name: fields.text("name"), servedFrom: fields.name("servedFrom") };
  },
  encode: (record) => seal({ name: record.name, servedFrom: record.servedFrom }),
};

export const shardCodec: RecordCodec<ShardRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    const name = fields.text("name");
    const keyRange = fields.keyRange("keyRange");
    if (!keyRangesEqual(keyRange, fields.keyRange("name"))) fields.fail("keyRange", `the range of shard ${name}`);
    const base = { keyspace: fields.name("keyspace"), name, keyRange, isServing: fields.flag("isServing") };
    const primaryAlias = fields.has("primaryAlias") ? fields.alias("primaryAlias") : undefined;
    return primaryAlias === undefined ? base : { ...base, primaryAlias };
  },
  encode: (record) =>
    seal({
      keyspace: record.keyspace,
      name: record.name,
      keyRange: `${record.keyRange.start.toString("hex")}-${record.keyRange.end.toString("hex")}`,
      primaryAlias: record.primaryAlias,
      isServing: record.isServing,
    }),
};

export const tabletCodec: RecordCodec<TabletRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    const alias = fields.alias("alias");
    const cell = fields.name("cell");
    if (cellOfAlias(alias) !== cell) fields.fail("cell", `the cell of alias ${alias}`);
    fields.keyRange("shard");
    return {
      alias,
      cell,
      keyspace: fields.name("keyspace"),
      shard: fields.text("shard"),
      type: fields.oneOf("type", TABLET_TYPES),
      hostname: fields.text("hostname"),
      grpcPort: fields.port("grpcPort"),
      mysqlHostname: fields.text("mysqlHostname"),
      mysqlPort: fields.port("mysqlPort"),
      startedAt: fields.time("startedAt"),
    };
  },
  encode: (record) => seal({ ...record }),
};

export const vschemaCodec: RecordCodec<VSchemaRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    return { keyspace: fields.text("keyspace"), json: fields.object("vschema") };
  },
  encode: (record) => seal({ keyspace: record.keyspace, vschema: record.json }),
};

export const routingRulesCodec: RecordCodec<readonly RoutingRule[]> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    return decodeRoutingRules(fields.value("rules"), (path, expected) => fields.fail(`rules${path}`, expected));
  },
  encode: (rules) => seal({ rules: routingRulesJson(rules) }),
};

/** The `rules` list of query rules as JSON.parse gives it; what it means is checked in `rules/`. */
export const queryRulesCodec: RecordCodec<readonly unknown[]> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    const rules = fields.value("rules");
    return Array.isArray(rules) ? rules : fields.fail("rules", "a list");
  },
  encode: (rules) => seal({ rules }),
};

export const globalVariablesCodec: RecordCodec<GlobalVariablesRecord> = {
  decode(key, text) {
    const fields = openRecord(key, text);
    const variables = new Map<string, GlobalVariable>();
    for (const [name, value] of Object.entries(fields.object("variables"))) {
      const [sql, shown] = isObject(value) ? [value["sql"], value["shown"]] : [];
      if (typeof sql === "string" && typeof shown === "string") variables.set(name, { sql, shown });
      else fields.fail(`variables.${name}`, "an object with the texts sql and shown");
    }
    return variables;
  },
  encode: (variables) => seal({ variables: Object.fromEntries(variables) }),
};

/**
 * Checks the `rules` list of Vitess's routing rules JSON (`from_table`/`to_tables`, or the same in camel case).
 * `fail` gets the path of the fault, as `[2].to_tables`, and what was expected there; it must throw.
 */
export function decodeRoutingRules(value: unknown, fail: (path: string, expected: string) => never): RoutingRule[] {
  if (!Array.isArray(value)) return fail("", "a list");
  return value.map((rule: unknown, index) => {
    if (!isObject(rule)) return fail(`[${index}]`, "an object");
    const fromTable = rule["from_table"] ?? rule["fromTable"];
    if (typeof fromTable !== "string" || fromTable === "") return fail(`[${index}].from_table`, "a table name");
    const toTables = rule["to_tables"] ?? rule["toTables"];
    if (!isTextList(toTables)) return fail(`[${index}].to_tables`, "a list of table names");
    return { fromTable, toTables };
  });
}

/** The `rules` list in Vitess's JSON form. */
export function routingRulesJson(rules: readonly RoutingRule[]): unknown[] {
  return rules.map((rule) => ({ from_table: rule.fromTable, to_tables: rule.toTables }));
}

function isTabletAlias(text: string): text is TabletAlias {
  return ALIAS.test(text);
}

/** The JSON form, with the version of the format. */
export function seal(fields: object): string {
  return JSON.stringify({ version: FORMAT_VERSION, ...fields });
}

/** A checked record's fields. Throws TOPO_BAD_RECORD for what is no record of this version. */
export function openRecord(key: string, text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ShardgateError("TOPO_BAD_RECORD", `topology record ${key} is not JSON`, cause);
  }
  if (!isObject(value)) throw new ShardgateError("TOPO_BAD_RECORD", `topology record ${key} is not a JSON object`);
  const fields = new Fields(key, value);
  const version = fields.value("version");
  if (typeof version === "number" && version > FORMAT_VERSION) {
    throw new ShardgateError(
      "TOPO_BAD_RECORD",
      `topology record ${key} has version ${version}, written by a newer Shardgate; this one reads version ${FORMAT_VERSION}`,
    );
  }
  if (version !== FORMAT_VERSION) fields.fail("version", String(FORMAT_VERSION));
  return fields;
}

/** Typed access to the fields of one record; every refusal names the record's key and the field. */
class Fields {
  readonly #key: string;
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(key: string, object: Readonly<Record<string, unknown>>) {
    this.#key = key;
    this.#object = object;
  }

  fail(field: string, expected: string): never {
    throw new ShardgateError("TOPO_BAD_RECORD", `topology record ${this.#key}: field ${field} must be ${expected}`);
  }

  has(field: string): boolean {
    const value = this.value(field);
    return value !== undefined && value !== null;
  }

  value(field: string): unknown {
    return Object.hasOwn(this.#object, field) ? this.#object[field] : undefined;
  }

  text(field: string): string {
    const value = this.value(field);
    if (typeof value !== "string" || value === "") this.fail(field, "a text");
    return value;
  }

  name(field: string): string {
    const value = this.text(field);
    if (!NAME.test(value)) this.fail(field, "a name");
    return value;
  }

  flag(field: string): boolean {
    const value = this.value(field);
    if (typeof value !== "boolean") this.fail(field, "true or false");
    return value;
  }

  port(field: string): number {
    const value = this.value(field);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > PORT_MAX) {
      this.fail(field, `a port number up to ${PORT_MAX}`);
    }
    return value;
  }

  time(field: string): string {
    const value = this.text(field);
    if (Number.isNaN(Date.parse(value))) this.fail(field, "a time like 2024-05-01T12:00:00.000Z");
    return value;
  }

  alias(field: string): TabletAlias {
    const value = this.text(field);
    if (!isTabletAlias(value)) this.fail(field, "a tablet alias like zone1-0000000100");
    return value;
  }

  keyRange(field: string): KeyRange {
    try {
      return parseKeyRange(this.text(field));
    } catch {
      return this.fail(field, "a key range like -80");
    }
  }

  oneOf<const T extends string>(field: string, choices: readonly T[]): T {
    const value = this.value(field);
    return choices.find((choice) => choice === value) ?? this.fail(field, `one of ${choices.join(", ")}`);
  }

  object(field: string): Readonly<Record<string, unknown>> {
    const value = this.value(field);
    if (!isObject(value)) this.fail(field, "a JSON object");
    return value;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
}
