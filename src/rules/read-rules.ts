// Query rules from their JSON, with every fault at once, each with its rule and field; a set with a fault gives no rules, so
// it can never replace a good one. The fields are in README.md and vschema/query-rules.example.json.

import { BlockList, isIP } from "node:net";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { TABLET_TYPES, type TabletType } from "../topo/records.ts";
import { Faults, type FieldReader, quoted, readObject } from "../vschema/field-reader.ts";
import { type JsonValue, jsonFrom, readJson } from "../vschema/json-text.ts";
import type { VSchemaFault } from "../vschema/model.ts";
import { type Pattern, readPattern } from "./pattern.ts";
import {
  type BlockAction,
  FORBIDDEN_TIERS,
  LIMIT_EXCESSES,
  LIMIT_SCOPES,
  type LimitAction,
  type MirrorAction,
  type QueryRule,
  type RewriteAction,
  RULE_TIERS,
  type RuleAction,
  type RuleMatch,
  type SourceNetworks,
} from "./query-rule.ts";
import { highestGroup } from "./rewrite.ts";
import { STATEMENT_TYPES } from "./statement-facts.ts";

export type ReadRules =
  | { readonly kind: "good"; readonly rules: readonly QueryRule[]; readonly warnings: readonly VSchemaFault[] }
  | { readonly kind: "bad"; readonly faults: readonly VSchemaFault[] };

/** The fields of each object. */
export const RULE_FIELDS = {
  file: ["$schema", "rules"],
  rule: ["name", "comment", "priority", "enabled", "dry_run", "continue", "match", "action"],
  match: ["user", "source", "keyspace", "digest", "pattern", "type"],
  action: ["block", "timeout_ms", "route", "force_tier", "forbid_tiers", "rewrite", "mirror", "limit", "log"],
  block: ["message", "errno", "sqlstate"],
  rewrite: ["replace", "all"],
  mirror: ["percent", "keyspace", "tablet_type"],
  limit: ["per_second", "burst", "per", "on_excess", "delay_max_ms"],
} as const;

const PRIORITY_DEFAULT = 1_000;
const DELAY_MAX_MS_DEFAULT = 1_000;
/** What MySQL says of a command that is not allowed. */
const ERRNO_DEFAULT = 1148;
const SQLSTATE_DEFAULT = "42000";
const ERRNO_MAX = 65_535;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Rules of `{"rules": […]}` in their order. Throws VSCHEMA_BAD for what is no JSON. */
export function readRulesText(text: string): ReadRules {
  return readRules(readJson(text, "query rules"));
}

/** The same of a value that was parsed elsewhere. */
export function readRulesJson(value: unknown): ReadRules {
  return readRules(jsonFrom(value, "query rules"));
}

/** One line for each fault. */
export function faultsText(faults: readonly VSchemaFault[]): string {
  return faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("\n");
}

function readRules(json: JsonValue): ReadRules {
  const faults = new Faults();
  const file = readObject(json, "", RULE_FIELDS.file, faults);
  if (file !== undefined && !file.has("rules")) faults.add("rules", "missing: a list of rules");
  const items = file?.items("rules") ?? [];
  if (items.length > LIMITS.queryRulesMax) {
    faults.add("rules", `${items.length} rules, the most are ${LIMITS.queryRulesMax}`);
  }
  const names = new Set<string>();
  const rules: QueryRule[] = [];
  for (const { path, value } of items.slice(0, LIMITS.queryRulesMax)) {
    const rule = readRule(value, path, names, faults);
    if (rule !== undefined) rules.push(rule);
  }
  if (faults.count > 0) return { kind: "bad", faults: faults.list };
  const ordered = rules.toSorted((one, other) => one.priority - other.priority);
  return { kind: "good", rules: ordered, warnings: warningsOf(ordered) };
}

function readRule(json: JsonValue, path: string, names: Set<string>, faults: Faults): QueryRule | undefined {
  // Faults are told with the rule's name where it has one: people do not count list items.
  const named = nameOf(json);
  const fields = readObject(json, named === undefined ? path : `rule ${named}`, RULE_FIELDS.rule, faults);
  if (fields === undefined) return undefined;
  const name = fields.text("name");
  if (!NAME.test(name)) fields.fault("name", "1 to 64 letters, digits or _ . - expected, a letter or digit first");
  else if (names.has(name)) fields.fault("name", `another rule has the name ${name}`);
  names.add(name);
  const matchFields = fields.object("match", RULE_FIELDS.match);
  const actionFields = fields.object("action", RULE_FIELDS.action);
  const match = matchFields === undefined ? MATCH_ALL : readMatch(matchFields);
  const action = actionFields === undefined ? NO_ACTION : readAction(actionFields, match);
  return {
    name,
    comment: fields.text("comment"),
    priority: fields.has("priority") ? fields.wholeNumber("priority") : PRIORITY_DEFAULT,
    enabled: fields.flag("enabled") ?? true,
    dryRun: fields.flag("dry_run") ?? false,
    continues: fields.flag("continue") ?? false,
    match,
    action,
  };
}

function nameOf(json: JsonValue): string | undefined {
  const name = json instanceof Map ? (json.get("name") as JsonValue | undefined) : undefined;
  return typeof name === "string" && NAME.test(name) ? name : undefined;
}

const MATCH_ALL: RuleMatch = {
  users: undefined,
  sources: undefined,
  keyspaces: undefined,
  digests: undefined,
  pattern: undefined,
  types: undefined,
};

const NO_ACTION: RuleAction = {
  block: undefined,
  timeoutMs: undefined,
  route: undefined,
  forceTier: undefined,
  forbidTiers: [],
  rewrite: undefined,
  mirror: undefined,
  limit: undefined,
  log: false,
};

function readMatch(fields: FieldReader): RuleMatch {
  return {
    users: namesOf(fields, "user"),
    sources: readSources(fields),
    keyspaces: namesOf(fields, "keyspace"),
    digests: namesOf(fields, "digest"),
    pattern: readPatternOf(fields),
    types: choicesOf(fields, "type", STATEMENT_TYPES),
  };
}

/** A text or a list of them; undefined: not given. */
function namesOf(fields: FieldReader, name: string): readonly string[] | undefined {
  if (!fields.has(name)) return undefined;
  const texts = fields.textOrTexts(name);
  if (texts.length === 0) fields.fault(name, "at least one expected; leave the field out for any");
  if (texts.length > LIMITS.ruleNamesMax) fields.fault(name, `the most are ${LIMITS.ruleNamesMax}`);
  if (texts.includes("")) fields.fault(name, "a text that is not empty expected");
  return texts;
}

function choicesOf<const T extends string>(
  fields: FieldReader,
  name: string,
  choices: readonly T[],
): readonly T[] | undefined {
  const texts = namesOf(fields, name);
  return texts?.flatMap((text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined && text !== "") {
      fields.fault(name, `${quoted(text)} is not known; one of ${choices.join(", ")} expected`);
    }
    return found === undefined ? [] : [found];
  });
}

function readPatternOf(fields: FieldReader): Pattern | undefined {
  if (!fields.has("pattern")) return undefined;
  const text = fields.text("pattern");
  const pattern = text === "" ? "it is empty" : readPattern(text);
  if (typeof pattern !== "string") return pattern;
  fields.fault("pattern", pattern);
  return undefined;
}

function readSources(fields: FieldReader): SourceNetworks | undefined {
  const texts = namesOf(fields, "source");
  if (texts === undefined) return undefined;
  const list = new BlockList();
  let unixSocket = false;
  for (const text of texts) {
    if (text === "localhost") unixSocket = true;
    else if (text !== "" && !addNetwork(list, text)) {
      fields.fault(
        "source",
        `${quoted(text)} is no network: 192.0.2.0/24, 2001:db8::/32, 10.1.1.1 or localhost expected`,
      );
    }
  }
  return {
    texts,
    has: (host) => (isIP(host) === 0 ? unixSocket : list.check(host, host.includes(":") ? "ipv6" : "ipv4")),
  };
}

function addNetwork(list: BlockList, text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (version === 0 || more.length > 0 || !(length <= bits)) return false;
  list.addSubnet(address, length, version === 6 ? "ipv6" : "ipv4");
  return true;
}

function readAction(fields: FieldReader, match: RuleMatch): RuleAction {
  const block = readBlock(fields);
  const rewrite = readRewrite(fields, match);
  const action: RuleAction = {
    block,
    timeoutMs: positive(fields, "timeout_ms", LIMITS.ruleTimeoutMsMax),
    route: tabletTypeOf(fields, "route"),
    forceTier: oneOf(fields, "force_tier", RULE_TIERS),
    forbidTiers: choicesOf(fields, "forbid_tiers", FORBIDDEN_TIERS) ?? [],
    rewrite,
    mirror: readMirror(fields),
    limit: readLimit(fields),
    log: fields.flag("log") ?? false,
  };
  const { route, timeoutMs, forceTier, forbidTiers, mirror } = action;
  const others = [route, timeoutMs, forceTier, rewrite, mirror].some((each) => each !== undefined);
  if (block !== undefined && (others || forbidTiers.length > 0)) {
    fields.fault(
      "block",
      "a statement that is blocked cannot be timed out, routed, planned, rewritten or mirrored, too",
    );
  }
  if (forceTier === "gather" && forbidTiers.includes("gather")) {
    fields.fault("force_tier", "gather is forbidden by forbid_tiers");
  }
  return action;
}

function readBlock(fields: FieldReader): BlockAction | undefined {
  const block = fields.object("block", RULE_FIELDS.block);
  if (block === undefined) return undefined;
  const message = block.text("message");
  if (message === "") block.fault("message", "a text for the client expected");
  else if (message.length > LIMITS.ruleMessageMax) block.fault("message", `longer than ${LIMITS.ruleMessageMax}`);
  const sqlState = block.has("sqlstate") ? block.text("sqlstate") : SQLSTATE_DEFAULT;
  if (!/^[0-9A-Z]{5}$/.test(sqlState) || sqlState.startsWith("00")) {
    block.fault("sqlstate", "five digits or capital letters of an error expected");
  }
  return { message, errno: positive(block, "errno", ERRNO_MAX) ?? ERRNO_DEFAULT, sqlState };
}

function readRewrite(fields: FieldReader, { pattern }: RuleMatch): RewriteAction | undefined {
  const rewrite = fields.object("rewrite", RULE_FIELDS.rewrite);
  if (rewrite === undefined) return undefined;
  const replace = rewrite.text("replace");
  if (!rewrite.has("replace")) rewrite.fault("replace", "missing: what to put in place of the pattern's match");
  if (replace.length > LIMITS.rulePatternMax) rewrite.fault("replace", `longer than ${LIMITS.rulePatternMax}`);
  if (pattern === undefined) fields.fault("rewrite", "match.pattern expected: it says what is replaced");
  else if (highestGroup(replace) > pattern.groupCount) {
    rewrite.fault("replace", `$${highestGroup(replace)} names a group, the pattern has ${pattern.groupCount}`);
  }
  return { replace, all: rewrite.flag("all") ?? false };
}

function readMirror(fields: FieldReader): MirrorAction | undefined {
  const mirror = fields.object("mirror", RULE_FIELDS.mirror);
  if (mirror === undefined) return undefined;
  const percent = mirror.has("percent") ? mirror.number("percent") : 100;
  if (!(percent > 0 && percent <= 100)) mirror.fault("percent", "above 0 and up to 100 expected");
  const keyspace = mirror.has("keyspace") ? mirror.text("keyspace") : undefined;
  const tabletType = tabletTypeOf(mirror, "tablet_type");
  if (keyspace === undefined && tabletType === undefined) {
    fields.fault("mirror", "keyspace or tablet_type expected: where to");
  }
  return { percent, keyspace, tabletType };
}

function readLimit(fields: FieldReader): LimitAction | undefined {
  const limit = fields.object("limit", RULE_FIELDS.limit);
  if (limit === undefined) return undefined;
  const perSecond = limit.number("per_second");
  if (!(perSecond > 0 && perSecond <= LIMITS.ruleRateMax)) {
    limit.fault("per_second", `a number above 0 and up to ${LIMITS.ruleRateMax} expected`);
  }
  return {
    perSecond,
    burst: positive(limit, "burst", LIMITS.ruleRateMax) ?? Math.max(1, Math.ceil(perSecond)),
    per: oneOf(limit, "per", LIMIT_SCOPES) ?? "total",
    onExcess: oneOf(limit, "on_excess", LIMIT_EXCESSES) ?? "error",
    delayMaxMs: positive(limit, "delay_max_ms", LIMITS.ruleTimeoutMsMax) ?? DELAY_MAX_MS_DEFAULT,
  };
}

function tabletTypeOf(fields: FieldReader, name: string): TabletType | undefined {
  return oneOf(fields, name, TABLET_TYPES);
}

function oneOf<const T extends string>(fields: FieldReader, name: string, choices: readonly T[]): T | undefined {
  if (!fields.has(name)) return undefined;
  const text = fields.text(name);
  const found = choices.find((choice) => choice === text);
  if (found === undefined) fields.fault(name, `one of ${choices.join(", ")} expected, found ${quoted(text)}`);
  return found;
}

function positive(fields: FieldReader, name: string, most: number): number | undefined {
  if (!fields.has(name)) return undefined;
  const value = fields.wholeNumber(name);
  if (value < 1 || value > most) fields.fault(name, `a whole number from 1 to ${most} expected`);
  return value;
}

/** Accepted, but probably not meant. */
function warningsOf(rules: readonly QueryRule[]): readonly VSchemaFault[] {
  const warnings: VSchemaFault[] = [];
  let last: string | undefined;
  for (const { name, match, enabled, continues, dryRun } of rules) {
    if (last !== undefined) {
      warnings.push({ path: `rule ${name}`, message: `never reached: rule ${last} before it matches every statement` });
    }
    const isForAll = Object.values(match).every((condition) => condition === undefined);
    if (isForAll && enabled && !continues && !dryRun) last ??= name;
  }
  return warnings;
}

/** Throws VSCHEMA_BAD with every fault. */
export function rulesOf(read: ReadRules): readonly QueryRule[] {
  if (read.kind === "good") return read.rules;
  throw new ShardgateError("VSCHEMA_BAD", `query rules:\n${faultsText(read.faults)}`);
}
