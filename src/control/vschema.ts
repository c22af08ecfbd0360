// Commands on VSchemas. A VSchema with a fault is refused and never replaces a good one; a write is compare-and-set, so
// that of two operators who edit at once the second learns of the first.

import { MysqlError, ShardgateError } from "../base/errors.ts";
import type { Revision } from "../topo/store.ts";
import { checkVSchemas } from "../vschema/check-cluster.ts";
import { diffVSchema } from "../vschema/diff-vschema.ts";
import type { KeyspaceVSchema, VSchemaFault } from "../vschema/model.ts";
import { checkVSchema, parseVSchemaText } from "../vschema/parse-vschema.ts";
import type { ControlContext } from "./context.ts";
import { requireKeyspace, TABLET_READ_TIMEOUT_MS } from "./context.ts";
import { foreignKeyFaults } from "./foreign-keys.ts";
import { primariesOf } from "./tablets.ts";

export interface StoredVSchema {
  readonly keyspace: string;
  readonly json: unknown;
  /** Undefined: none is stored, `json` is empty. */
  readonly revision: Revision | undefined;
}

/** The stored VSchema, or an empty one. TOPO_NO_NODE when there is no such keyspace. */
export async function getVSchema(context: ControlContext, keyspace: string): Promise<StoredVSchema> {
  await requireKeyspace(context, keyspace);
  const found = await context.topology.getVSchema(keyspace);
  return { keyspace, json: found?.record.json ?? {}, revision: found?.revision };
}

export interface ApplyVSchemaOptions {
  /** Check and compare only. */
  readonly dryRun?: boolean;
  /**
   * The VSchema this one was made from (as `getVSchema` told): any other is TOPO_BAD_VERSION. Not given: the one that is
   * there now.
   */
  readonly base?: { readonly revision: Revision | undefined };
  /** Files that vindex parameters name are relative to it. */
  readonly folder?: string;
}

export interface ApplyVSchemaResult {
  readonly keyspace: string;
  readonly outcome: "applied" | "unchanged" | "dry-run";
  /** See `diffVSchema`; empty without a change. */
  readonly diff: string;
  /** Accepted, but probably not meant; names of other keyspaces that lead nowhere (yet). */
  readonly warnings: readonly VSchemaFault[];
}

/** Throws VSCHEMA_BAD with every fault and its path, TOPO_BAD_VERSION when someone else was faster. */
export async function applyVSchema(
  context: ControlContext,
  keyspace: string,
  text: string,
  options: ApplyVSchemaOptions = {},
): Promise<ApplyVSchemaResult> {
  await requireKeyspace(context, keyspace);
  const after = parseVSchemaText(keyspace, text, options.folder === undefined ? {} : { folder: options.folder });
  const { topology } = context;
  const shards = (await topology.getShards(keyspace)).filter((shard) => shard.record.isServing);
  if (!after.sharded && shards.length > 1) {
    throw new ShardgateError(
      "VSCHEMA_BAD",
      `${keyspace}.sharded: must be true, the keyspace has ${shards.length} serving shards`,
    );
  }
  const crossing = await foreignKeysAcross(context, after);
  if (crossing.length > 0) {
    throw new ShardgateError("VSCHEMA_BAD", crossing.map(({ path, message }) => `${path}: ${message}`).join("; "));
  }
  const stored = await topology.getVSchema(keyspace);
  if (options.base !== undefined && options.base.revision !== stored?.revision) {
    throw new ShardgateError("TOPO_BAD_VERSION", `the VSchema of ${keyspace} was changed by someone else meanwhile`);
  }
  const before = stored === undefined ? undefined : goodModel(keyspace, stored.record.json);
  const diff = diffVSchema(before, after);
  const warnings = [...after.warnings, ...(await crossChecks(context, after))];
  const json: unknown = JSON.parse(text);
  if (stored !== undefined && JSON.stringify(stored.record.json) === JSON.stringify(json)) {
    return { keyspace, outcome: "unchanged", diff, warnings };
  }
  if (options.dryRun === true) return { keyspace, outcome: "dry-run", diff, warnings };
  await topology.putVSchema({ keyspace, json }, stored?.revision);
  return { keyspace, outcome: "applied", diff, warnings };
}

/** Every keyspace's VSchema that is good. */
export async function goodVSchemas(context: ControlContext): Promise<Map<string, KeyspaceVSchema>> {
  const models = new Map<string, KeyspaceVSchema>();
  for (const [keyspace, { record }] of await context.topology.getVSchemas()) {
    const model = goodModel(keyspace, record.json);
    if (model !== undefined) models.set(keyspace, model);
  }
  return models;
}

function goodModel(keyspace: string, json: unknown): KeyspaceVSchema | undefined {
  const result = checkVSchema(keyspace, json);
  return result.kind === "good" ? result.vschema : undefined;
}

async function crossChecks(context: ControlContext, after: KeyspaceVSchema): Promise<readonly VSchemaFault[]> {
  const keyspaces = await goodVSchemas(context);
  const { rules } = await context.topology.getRoutingRules();
  const known = new Set(checkVSchemas({ keyspaces, routingRules: rules }).map(showFault));
  keyspaces.set(after.keyspace, after);
  const faults = checkVSchemas({ keyspaces, routingRules: rules });
  return faults.filter((fault) => fault.path.startsWith(`${after.keyspace}.`) || !known.has(showFault(fault)));
}

/** None are known where no shard tells its tables. */
async function foreignKeysAcross(context: ControlContext, after: KeyspaceVSchema): Promise<readonly VSchemaFault[]> {
  if (!after.sharded || after.tables.size === 0) return [];
  try {
    const [first] = await primariesOf(context, after.keyspace);
    if (first === undefined) return [];
    const names = [...after.tables.keys()];
    return foreignKeyFaults(after, await context.tablets.getSchema(first.primary, names, TABLET_READ_TIMEOUT_MS));
  } catch (error) {
    if (error instanceof ShardgateError || error instanceof MysqlError) return [];
    throw error;
  }
}

function showFault(fault: VSchemaFault): string {
  return `${fault.path}: ${fault.message}`;
}
