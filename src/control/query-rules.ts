// Commands on query rules: what gateways do with statements that match. Rules with a fault are refused and never replace
// good ones; a write is compare-and-set.

import { ShardgateError } from "../base/errors.ts";
import { diffRules } from "../rules/describe-rules.ts";
import type { QueryRule } from "../rules/query-rule.ts";
import { faultsText, readRulesJson, readRulesText } from "../rules/read-rules.ts";
import type { Revision } from "../topo/store.ts";
import type { VSchemaFault } from "../vschema/model.ts";
import type { ControlContext } from "./context.ts";

export interface StoredQueryRules {
  /** As JSON, in the order they were given. */
  readonly rules: readonly unknown[];
  /** Undefined: none were ever applied. */
  readonly revision: Revision | undefined;
}

/** Throws TOPO_BAD_RECORD when what is stored cannot be read. */
export async function getQueryRules({ topology }: Pick<ControlContext, "topology">): Promise<StoredQueryRules> {
  const { rules, revision } = await topology.getQueryRules();
  if (rules === undefined) throw new ShardgateError("TOPO_BAD_RECORD", "the stored query rules cannot be read");
  return { rules, revision };
}

/** Those that are stored, in the order they are looked at. Throws VSCHEMA_BAD when they are no good. */
export async function storedRules(context: ControlContext): Promise<readonly QueryRule[]> {
  const { rules } = await getQueryRules(context);
  const read = readRulesJson({ rules });
  if (read.kind === "good") return read.rules;
  throw new ShardgateError("VSCHEMA_BAD", `the stored query rules are bad:\n${faultsText(read.faults)}`);
}

export interface ApplyQueryRulesOptions {
  /** Check and compare only. */
  readonly dryRun?: boolean;
  /** What these were made from, as `getQueryRules` told: any other is TOPO_BAD_VERSION. Not given: what is there now. */
  readonly base?: { readonly revision: Revision | undefined };
}

export interface ApplyQueryRulesResult {
  readonly outcome: "applied" | "unchanged" | "dry-run";
  /** See `diffRules`; empty without a change. */
  readonly diff: string;
  /** Accepted, but probably not meant. */
  readonly warnings: readonly VSchemaFault[];
  /** Of what is stored now; undefined: nothing. */
  readonly revision: Revision | undefined;
}

/**
 * Replaces all rules by those of `text`, `{"rules": […]}`. Throws VSCHEMA_BAD with every fault, its rule and field;
 * TOPO_BAD_VERSION when someone else was faster.
 */
export async function applyQueryRules(
  context: Pick<ControlContext, "topology">,
  text: string,
  options: ApplyQueryRulesOptions = {},
): Promise<ApplyQueryRulesResult> {
  const read = readRulesText(text);
  if (read.kind === "bad") throw new ShardgateError("VSCHEMA_BAD", `query rules are bad:\n${faultsText(read.faults)}`);
  const { topology } = context;
  const stored = await topology.getQueryRules();
  if (options.base !== undefined && options.base.revision !== stored.revision) {
    throw new ShardgateError(
      "TOPO_BAD_VERSION",
      `the set of query rules was changed by someone else meanwhile: it has revision ${stored.revision ?? 0} now`,
    );
  }
  const before = readRulesJson({ rules: stored.rules ?? [] });
  const diff = diffRules(before.kind === "good" ? before.rules : [], read.rules);
  const warnings = [...read.warnings, ...(await strangeKeyspaces(context, read.rules))];
  const rules = rulesIn(text);
  const { revision } = stored;
  const isSame = JSON.stringify(stored.rules) === JSON.stringify(rules) && revision !== undefined;
  if (isSame) return { outcome: "unchanged", diff, warnings, revision };
  if (options.dryRun === true) return { outcome: "dry-run", diff, warnings, revision };
  return { outcome: "applied", diff, warnings, revision: await topology.putQueryRules(rules, revision) };
}

/** `text` has been read. */
function rulesIn(text: string): readonly unknown[] {
  const json: unknown = JSON.parse(text);
  const isFile = typeof json === "object" && json !== null && "rules" in json && Array.isArray(json.rules);
  return isFile ? (json.rules as readonly unknown[]) : [];
}

/** Keyspaces may come later, or be misspelt. */
async function strangeKeyspaces(
  { topology }: Pick<ControlContext, "topology">,
  rules: readonly QueryRule[],
): Promise<readonly VSchemaFault[]> {
  const known = new Set([...(await topology.getKeyspaceNames()), "information_schema"]);
  return rules.flatMap(({ name, match, action }) => {
    const matched = (match.keyspaces ?? []).filter((keyspace) => !keyspace.includes("*"));
    const mirrored = action.mirror?.keyspace === undefined ? [] : [action.mirror.keyspace];
    return [
      ...matched.map((keyspace) => ({ keyspace, field: "match.keyspace" })),
      ...mirrored.map((keyspace) => ({ keyspace, field: "action.mirror.keyspace" })),
    ].flatMap(({ keyspace, field }) =>
      known.has(keyspace) ? [] : [{ path: `rule ${name}.${field}`, message: `there is no keyspace ${keyspace}` }],
    );
  });
}
