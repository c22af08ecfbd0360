// The choice among a shard's replicas (or rdonly tablets): those that serve and follow their primary closely, of the
// gateway's own cell if there are any, one after the other. When none is close, the nearest that tell how far behind they
// are; those that do not know, because their replication stands still, come last.

export interface ReplicaState {
  /** Undefined when it takes calls. */
  readonly problem: string | undefined;
  readonly record: { readonly cell: string };
  /** Undefined until it has told its health; `lagS` is -1 when it does not know. */
  readonly health: { readonly lagS: number } | undefined;
}

/** Undefined when none serves. `turn` counts the choices. */
export function chooseReplica<Replica extends ReplicaState>(
  replicas: readonly Replica[],
  lagMaxS: number,
  localCell: string | undefined,
  turn: number,
): Replica | undefined {
  const serving = replicas.filter(({ problem }) => problem === undefined);
  const near = serving.filter((replica) => lagOf(replica) <= lagMaxS);
  if (near.length === 0) return nearest(serving, turn);
  const local = near.filter(({ record }) => record.cell === localCell);
  const choice = local.length > 0 ? local : near;
  return choice[turn % choice.length];
}

function nearest<Replica extends ReplicaState>(serving: readonly Replica[], turn: number): Replica | undefined {
  const lagS = Math.min(...serving.map(lagOf));
  const choice = serving.filter((replica) => lagOf(replica) === lagS);
  return choice[turn % Math.max(1, choice.length)];
}

/** In seconds; Infinity when it is not known. */
function lagOf({ health }: ReplicaState): number {
  return health === undefined || health.lagS < 0 ? Number.POSITIVE_INFINITY : health.lagS;
}
