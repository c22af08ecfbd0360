// The VSchema of a whole cluster in one JSON: `{"keyspaces": {…}, "routing_rules": {…}, …}`, Vitess's SrvVSchema.

import { ShardgateError } from "../base/errors.ts";
import type { RoutingRule } from "../topo/records.ts";
import { Faults, type FieldReader, readObject } from "./field-reader.ts";
import { type JsonValue, jsonFrom, readJson } from "./json-text.ts";
import type { ClusterVSchema, KeyspaceRoutingRule, KeyspaceVSchema, MirrorRule, ShardRoutingRule } from "./model.ts";
import { checkKeyspace, type ParseOptions, showFaults } from "./parse-vschema.ts";

/** The fields of each message beside those of a keyspace. */
export const CLUSTER_FIELDS = {
  cluster: ["keyspaces", "routing_rules", "shard_routing_rules", "keyspace_routing_rules", "mirror_rules"],
  rules: ["rules"],
  routingRule: ["from_table", "to_tables"],
  shardRoutingRule: ["from_keyspace", "to_keyspace", "shard"],
  keyspaceRoutingRule: ["from_keyspace", "to_keyspace"],
  mirrorRule: ["from_table", "to_table", "percent"],
} as const satisfies Record<string, readonly string[]>;

/** `json` as JSON.parse gives it. Throws VSCHEMA_BAD with one fault a line. */
export function parseClusterVSchema(json: unknown, options: ParseOptions = {}): ClusterVSchema {
  return parseCluster(jsonFrom(json, "vschema"), options);
}

/** From the text of a file: syntax errors name line and column. */
export function parseClusterVSchemaText(text: string, options: ParseOptions = {}): ClusterVSchema {
  return parseCluster(readJson(text, "vschema"), options);
}

function parseCluster(json: JsonValue, options: ParseOptions): ClusterVSchema {
  const faults = new Faults();
  const fields = readObject(json, "", CLUSTER_FIELDS.cluster, faults);
  const keyspaces = new Map<string, KeyspaceVSchema>();
  for (const { name, value } of fields?.members("keyspaces") ?? []) {
    const result = checkKeyspace(name, value, options);
    if (result.kind === "good") keyspaces.set(name, result.vschema);
    else for (const fault of result.faults) faults.add(fault.path, fault.message);
  }
  const cluster: ClusterVSchema = {
    keyspaces,
    routingRules: rules(fields, "routing_rules", CLUSTER_FIELDS.routingRule, faults, routingRule),
    shardRoutingRules: rules(fields, "shard_routing_rules", CLUSTER_FIELDS.shardRoutingRule, faults, shardRoutingRule),
    keyspaceRoutingRules: rules(
      fields,
      "keyspace_routing_rules",
      CLUSTER_FIELDS.keyspaceRoutingRule,
      faults,
      keyspaceRoutingRule,
    ),
    mirrorRules: rules(fields, "mirror_rules", CLUSTER_FIELDS.mirrorRule, faults, mirrorRule),
  };
  if (faults.list.length > 0) throw new ShardgateError("VSCHEMA_BAD", showFaults(faults.list));
  return cluster;
}

function rules<T>(
  fields: FieldReader | undefined,
  name: string,
  known: readonly string[],
  faults: Faults,
  read: (rule: FieldReader) => T,
): readonly T[] {
  const list = fields?.object(name, CLUSTER_FIELDS.rules);
  return (list?.items("rules") ?? []).flatMap(({ path, value }) => {
    const rule = readObject(value, path, known, faults);
    return rule === undefined ? [] : [read(rule)];
  });
}

function routingRule(rule: FieldReader): RoutingRule {
  return { fromTable: required(rule, "from_table"), toTables: rule.texts("to_tables") };
}

function shardRoutingRule(rule: FieldReader): ShardRoutingRule {
  return {
    fromKeyspace: required(rule, "from_keyspace"),
    toKeyspace: required(rule, "to_keyspace"),
    shard: required(rule, "shard"),
  };
}

function keyspaceRoutingRule(rule: FieldReader): KeyspaceRoutingRule {
  return { fromKeyspace: required(rule, "from_keyspace"), toKeyspace: required(rule, "to_keyspace") };
}

function mirrorRule(rule: FieldReader): MirrorRule {
  const percent = rule.number("percent");
  if (!(percent >= 0 && percent <= 100)) rule.fault("percent", "a number between 0 and 100 expected");
  return { fromTable: required(rule, "from_table"), toTable: required(rule, "to_table"), percent };
}

function required(rule: FieldReader, name: string): string {
  const text = rule.text(name);
  if (text === "" && !rule.has(name)) rule.fault(name, "missing");
  else if (text === "") rule.fault(name, "must not be empty");
  return text;
}
