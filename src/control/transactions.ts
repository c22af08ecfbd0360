// Commands on transactions over several shards that were not concluded: tablets conclude them by themselves within seconds,
// unless the shard that decides is away. See src/gateway/transaction/two-phase.ts.

import { ShardgateError } from "../base/errors.ts";
import type { TabletRecord } from "../topo/records.ts";
import { type ControlContext, TABLET_READ_TIMEOUT_MS } from "./context.ts";
import { primaryOf } from "./tablets.ts";

export type Decision = "commit" | "abort";
/** `prepared`: by a client that has named it, and has still to say how it ends (XA COMMIT, XA ROLLBACK). */
export type Outcome = Decision | "prepared";

export interface UnresolvedTransaction {
  readonly transaction: string;
  /** `keyspace/shard` of the shard that decides; undefined when only its record is left. */
  readonly coordinator: string | undefined;
  /** How it was decided; undefined: it was not, or the coordinator cannot be asked. */
  readonly decision: Outcome | undefined;
  /** `keyspace/shard` of tablets on whose mysqlds it is prepared. */
  readonly prepared: readonly string[];
  /** Since a tablet has seen it first. */
  readonly ageMs: number;
}

export interface TransactionList {
  readonly transactions: readonly UnresolvedTransaction[];
  /** Primaries that could not be asked, and why. */
  readonly unreachable: readonly { readonly tablet: string; readonly error: string }[];
}

interface Branch {
  readonly transaction: string;
  readonly coordinator: string;
  readonly tablet: TabletRecord;
  readonly ageMs: number;
}

/** Those that are prepared on some shard, oldest first. */
export async function listTransactions(context: ControlContext): Promise<TransactionList> {
  const { branches, decisions, unreachable } = await ask(context);
  const names = [...new Set(branches.map(({ transaction }) => transaction))];
  const transactions = names.map((transaction): UnresolvedTransaction => {
    const own = branches.filter((branch) => branch.transaction === transaction);
    return {
      transaction,
      coordinator: own[0]?.coordinator,
      decision: decisions.get(transaction),
      prepared: own.map(({ tablet }) => placeOf(tablet)),
      ageMs: Math.max(...own.map(({ ageMs }) => ageMs)),
    };
  });
  return { transactions: transactions.toSorted((a, b) => b.ageMs - a.ageMs), unreachable };
}

/** TOPO_NO_NODE when no shard knows of it. */
export async function showTransaction(context: ControlContext, transaction: string): Promise<UnresolvedTransaction> {
  const { branches, decisions } = await ask(context);
  const own = branches.filter((branch) => branch.transaction === transaction);
  const decision = decisions.get(transaction);
  if (own.length === 0 && decision === undefined) throw unknown(transaction);
  return {
    transaction,
    coordinator: own[0]?.coordinator,
    decision,
    prepared: own.map(({ tablet }) => placeOf(tablet)),
    ageMs: Math.max(0, ...own.map(({ ageMs }) => ageMs)),
  };
}

/**
 * Ends it on all shards that have it prepared, as its coordinator decides; resolves to the decision and the number of
 * branches. `wanted` is for a coordinator that is gone for good: SHARD_UNAVAILABLE without it, CONFIG_BAD when it is there
 * and has decided otherwise. TOPO_NO_NODE when no shard has it prepared.
 */
export async function concludeTransaction(
  context: ControlContext,
  transaction: string,
  wanted?: Decision,
): Promise<{ readonly decision: Decision; readonly resolved: number }> {
  const own = (await ask(context)).branches.filter((branch) => branch.transaction === transaction);
  const [first] = own;
  if (first === undefined) throw unknown(transaction);
  const decision = await decide(context, first, wanted);
  const resolved = await Promise.all(
    own.map(({ tablet }) => context.tablets.resolveTransaction(tablet, transaction, decision, TABLET_READ_TIMEOUT_MS)),
  );
  return { decision, resolved: resolved.reduce((a, b) => a + b, 0) };
}

async function decide(
  { topology, tablets }: ControlContext,
  { transaction, coordinator }: Branch,
  wanted: Decision | undefined,
): Promise<Decision> {
  const [keyspace = "", shard = ""] = coordinator.split("/");
  let decided: string;
  try {
    const { servedFrom = keyspace } = (await topology.getKeyspace(keyspace)).record;
    const { record } = await topology.getShard(servedFrom, shard);
    const primary = primaryOf(record, await topology.getTablets());
    if (primary === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${coordinator} has no primary`);
    decided = await tablets.decideTransaction(primary, transaction, TABLET_READ_TIMEOUT_MS);
  } catch (error) {
    if (wanted !== undefined) return wanted;
    throw error;
  }
  if (wanted !== undefined && decided !== wanted && decided !== "prepared") {
    throw new ShardgateError("CONFIG_BAD", `shard ${coordinator} has decided to ${decided} transaction ${transaction}`);
  }
  if (decided === "prepared") {
    throw new ShardgateError("CONFIG_BAD", `a client has prepared transaction ${transaction}: see XA RECOVER`);
  }
  return decided === "commit" ? "commit" : "abort";
}

async function ask({ topology, tablets }: ControlContext): Promise<{
  readonly branches: readonly Branch[];
  readonly decisions: ReadonlyMap<string, Outcome>;
  readonly unreachable: TransactionList["unreachable"];
}> {
  const branches: Branch[] = [];
  const decisions = new Map<string, Outcome>();
  const unreachable: { tablet: string; error: string }[] = [];
  const primaries = (await topology.getTablets()).filter(({ type }) => type === "primary");
  await Promise.all(
    primaries.map(async (tablet) => {
      try {
        const told = await tablets.getTransactions(tablet, TABLET_READ_TIMEOUT_MS);
        for (const { transaction, coordinatorKeyspace, coordinatorShard, ageMs } of told.prepared) {
          branches.push({ transaction, coordinator: `${coordinatorKeyspace}/${coordinatorShard}`, tablet, ageMs });
        }
        for (const { transaction, decision } of told.decisions) {
          decisions.set(transaction, decision === "commit" || decision === "prepared" ? decision : "abort");
        }
      } catch (error) {
        unreachable.push({ tablet: tablet.alias, error: error instanceof Error ? error.message : String(error) });
      }
    }),
  );
  return { branches, decisions, unreachable };
}

function placeOf({ keyspace, shard }: TabletRecord): string {
  return `${keyspace}/${shard}`;
}

function unknown(transaction: string): ShardgateError {
  return new ShardgateError("TOPO_NO_NODE", `no shard that can be asked knows of transaction ${transaction}`);
}
