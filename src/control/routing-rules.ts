// Commands on routing rules: which table a query that names another one is sent to.

import { ShardgateError } from "../base/errors.ts";
import type { RoutingRule } from "../topo/records.ts";
import { decodeRoutingRules } from "../topo/records.ts";
import type { Revision } from "../topo/store.ts";
import { checkVSchemas } from "../vschema/check-cluster.ts";
import type { ControlContext } from "./context.ts";
import { goodVSchemas } from "./vschema.ts";

export interface StoredRoutingRules {
  readonly rules: readonly RoutingRule[];
  /** Undefined: none were ever applied. */
  readonly revision: Revision | undefined;
}

export function getRoutingRules(context: ControlContext): Promise<StoredRoutingRules> {
  return context.topology.getRoutingRules();
}

export interface ApplyRoutingRulesResult {
  readonly outcome: "applied" | "unchanged" | "dry-run";
  /** Lines `+ from -> to` and `- from -> to`; empty without a change. */
  readonly diff: string;
}

/**
 * Replaces all rules by those of `text`: Vitess's JSON, `{"rules":[{"from_table":…,"to_tables":[…]}]}`. Throws
 * VSCHEMA_BAD for what is none, and for rules that lead nowhere; TOPO_BAD_VERSION when someone else was faster.
 */
export async function applyRoutingRules(
  context: ControlContext,
  text: string,
  options: { readonly dryRun?: boolean } = {},
): Promise<ApplyRoutingRulesResult> {
  const rules = parseRoutingRules(text);
  const faults = checkVSchemas({ keyspaces: await goodVSchemas(context), routingRules: rules });
  const own = faults.filter((fault) => fault.path.startsWith("routing_rules."));
  if (own.length > 0) {
    throw new ShardgateError("VSCHEMA_BAD", own.map((fault) => `${fault.path}: ${fault.message}`).join("\n"));
  }
  const stored = await context.topology.getRoutingRules();
  const diff = diffRules(stored.rules, rules);
  if (options.dryRun === true) return { outcome: "dry-run", diff };
  if (diff === "" && stored.revision !== undefined) return { outcome: "unchanged", diff };
  await context.topology.putRoutingRules(rules, stored.revision);
  return { outcome: "applied", diff };
}

function parseRoutingRules(text: string): RoutingRule[] {
  const fail = (path: string, expected: string): never => {
    throw new ShardgateError("VSCHEMA_BAD", `routing_rules${path}: must be ${expected}`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return fail("", `JSON (${cause instanceof Error ? cause.message : "unreadable"})`);
  }
  if (typeof json !== "object" || json === null || !("rules" in json)) return fail("", 'an object {"rules": […]}');
  return decodeRoutingRules(json.rules, (path, expected) => fail(`.rules${path}`, expected));
}

function diffRules(before: readonly RoutingRule[], after: readonly RoutingRule[]): string {
  const show = (rule: RoutingRule): string => `${rule.fromTable} -> ${rule.toTables.join(", ") || "(nothing)"}`;
  const old = new Set(before.map(show));
  const now = new Set(after.map(show));
  const lines = [
    ...Array.from(old).flatMap((line) => (now.has(line) ? [] : [`- ${line}`])),
    ...Array.from(now).flatMap((line) => (old.has(line) ? [] : [`+ ${line}`])),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
