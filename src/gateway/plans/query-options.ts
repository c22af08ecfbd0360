// What one statement may do: the gateway's flags, and above them what its client says in a comment, `/*sg+ NO_GATHER */`
// or Vitess's `/*vt+ ALLOW_SCATTER */`. Most statements say nothing and share the gateway's own object.
//
//   QUERY_TIMEOUT_MS=n           stop it on every shard after so long
//   ALLOW_SCATTER, NO_SCATTER    to all shards of a sharded keyspace, or not
//   ALLOW_GATHER, NO_GATHER      by way of temporary tables, or not
//   FORCE_GATHER                 by way of temporary tables also where the gateway can merge
//   MAX_ROWS=n                   no more rows than these to the client; 0: any number
//   TABLET_TYPE=replica          read from there, unless a transaction is open
//   SCATTER_ERRORS_AS_WARNINGS   rows of the shards that answer, and a warning for each that does not
//   IGNORE_MAX_MEMORY_ROWS       gather more rows than --gather-max-rows
//   SHARD=-80                    run CALL there, in a sharded keyspace
//   EXECUTE_DML_QUERIES          lets VEXPLAIN run what changes rows
//
// Further ones are taken without effect, as Vitess does: PRIORITY, WORKLOAD_NAME, MULTI_SHARD_AUTOCOMMIT, PLANNER, …

import { ShardgateError } from "../../base/errors.ts";
import type { Plan } from "../../plan/plan.ts";
import { isScatter } from "../../plan/routing.ts";
import { routingsOf } from "../../plan/routings-of.ts";
import type { Directives } from "../../sql/directives.ts";
import type { TabletType } from "../../topo/records.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";

export interface QueryOptions {
  /** 0: none but the tablets' own. */
  readonly timeoutMs: number;
  /** What forbids scattering; undefined: nothing. */
  readonly noScatter: string | undefined;
  /** What forbids merging rows of several shards; undefined: nothing. Only query rules do. */
  readonly noMerge: string | undefined;
  /** What forbids gathering; undefined: nothing. */
  readonly noGather: string | undefined;
  /** Gathers also what could be merged. */
  readonly forcesGather: boolean;
  /** 0: any number. */
  readonly rowsMax: number;
  /** Undefined: the session's. */
  readonly tabletType: TabletType | undefined;
  readonly scatterErrorsAsWarnings: boolean;
  readonly ignoreMaxMemoryRows: boolean;
  readonly runsDml: boolean;
  /** Where a procedure runs; undefined: not told. */
  readonly shard: string | undefined;
}

export interface QueryDefaults {
  readonly noScatter: boolean;
  readonly noGather: boolean;
  /** 0: any number. */
  readonly rowsMax: number;
}

const BY_DIRECTIVE = "the directive";
/** Begins the name of what forbids something that no directive can allow. */
export const BY_RULE = "query rule ";

/** What holds for statements without directives. */
export function defaultOptions({ noScatter, noGather, rowsMax }: QueryDefaults): QueryOptions {
  return {
    timeoutMs: 0,
    noScatter: noScatter ? "the `no_scatter` command line argument" : undefined,
    noMerge: undefined,
    noGather: noGather ? "the `no_gather` command line argument" : undefined,
    forcesGather: false,
    rowsMax,
    tabletType: undefined,
    scatterErrorsAsWarnings: false,
    ignoreMaxMemoryRows: false,
    runsDml: false,
    shard: undefined,
  };
}

/** Throws 1231 for a value of ours that is none; a timeout that is no number is no timeout, as in Vitess. */
export function optionsOf(directives: Directives | undefined, defaults: QueryOptions): QueryOptions {
  if (directives === undefined) return defaults;
  const isSet = (name: string): boolean => /^(true|t|1)$/i.test(directives.get(name) ?? "");
  return {
    timeoutMs: numberOf(directives.get("query_timeout_ms")) ?? defaults.timeoutMs,
    noScatter: isSet("no_scatter") ? BY_DIRECTIVE : isSet("allow_scatter") ? undefined : defaults.noScatter,
    noMerge: defaults.noMerge,
    noGather: isSet("no_gather") ? BY_DIRECTIVE : isSet("allow_gather") ? undefined : defaults.noGather,
    forcesGather: isSet("force_gather"),
    rowsMax: rowsMaxOf(directives.get("max_rows")) ?? defaults.rowsMax,
    tabletType: tabletTypeOf(directives.get("tablet_type")) ?? defaults.tabletType,
    scatterErrorsAsWarnings: isSet("scatter_errors_as_warnings"),
    ignoreMaxMemoryRows: isSet("ignore_max_memory_rows"),
    runsDml: isSet("execute_dml_queries"),
    shard: directives.get("shard"),
  };
}

/** Throws 1235 when the plan scatters over a keyspace that has several shards, or could have. */
export function refuseScatter(plan: Plan, noScatter: string, { vschema }: ClusterView): void {
  for (const { keyspace, routing } of routingsOf(plan)) {
    if (!isScatter(routing) || vschema.keyspaces.get(keyspace)?.sharded !== true) continue;
    throw new ShardgateError(
      "QUERY_FORBIDDEN",
      `plan includes scatter, which is disallowed using ${noScatter}: give a sharding key of ${keyspace}` +
        (noScatter.startsWith(BY_RULE) ? "" : ", or /*vt+ ALLOW_SCATTER */"),
    );
  }
}

export function gatherForbidden(noGather: string, reason: string): ShardgateError {
  const hint = noGather.startsWith(BY_RULE) ? "" : "; /*sg+ ALLOW_GATHER */ lets it pass";
  return new ShardgateError(
    "QUERY_FORBIDDEN",
    `plan includes gather, which is disallowed using ${noGather} (${reason})${hint}`,
  );
}

export function mergeForbidden(noMerge: string): ShardgateError {
  const text = `plan merges rows of several shards, which is disallowed using ${noMerge}: give a sharding key`;
  return new ShardgateError("QUERY_FORBIDDEN", text);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function rowsMaxOf(text: string | undefined): number | undefined {
  const value = numberOf(text);
  if (text === undefined || value !== undefined) return value;
  throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", `the directive MAX_ROWS wants a whole number, not '${text}'`);
}

function tabletTypeOf(text: string | undefined): TabletType | undefined {
  const word = text?.toLowerCase();
  if (word === undefined) return undefined;
  if (word === "master") return "primary";
  if (word === "primary" || word === "replica" || word === "rdonly") return word;
  const message = `the directive TABLET_TYPE wants primary, replica or rdonly, not '${text}'`;
  throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", message);
}
