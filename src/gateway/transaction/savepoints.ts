// The savepoints of a session's transaction. SAVEPOINT itself goes to no shard: the session remembers it, and a shard gets
// a savepoint of its own right before its next statement, in the same write, which is as good as one set when the client
// said so, since nothing has happened there in between. So one savepoint of a shard may stand for several of the session,
// and a shard that has done nothing since one has none for it, nor anything to undo.
//
//   session:   a──────b─────────c          ROLLBACK TO b: shard 1 to its second, shard 2 to its only one
//   shard 1:   a'  ·  b'   ·                (· is a statement)
//   shard 2:          b' ·      c' ·
//
// Manual: "SAVEPOINT, ROLLBACK TO SAVEPOINT, and RELEASE SAVEPOINT Statements". Knows no connections.

/** A savepoint on a shard's connection. Its slot, small and used again, names it there. */
export interface ShardSavepoint {
  /** It stands for the session's savepoints up to this serial. */
  readonly serial: number;
  readonly slot: number;
}

interface Savepoint {
  readonly key: string;
  readonly serial: number;
}

export class Savepoints {
  /** Oldest first. */
  #set: readonly Savepoint[] = [];
  #lastSerial = 0;

  /** Replaces one of the same name, which may have been set before others. */
  set(name: string): void {
    const key = keyOf(name);
    this.#set = [...this.#set.filter((other) => other.key !== key), { key, serial: ++this.#lastSerial }];
  }

  /** One without a name, for what must be undone as a whole. Gives its serial. */
  mark(): number {
    this.#set = [...this.#set, { key: "", serial: ++this.#lastSerial }];
    return this.#lastSerial;
  }

  unmark(serial: number): void {
    this.#set = this.#set.filter((savepoint) => savepoint.serial !== serial);
  }

  /** Forgets those after it. Gives its serial; undefined if there is none of the name. */
  backTo(name: string): number | undefined {
    const at = this.#indexOf(name);
    if (at < 0) return undefined;
    this.#set = this.#set.slice(0, at + 1);
    return this.#set[at]?.serial;
  }

  /** Forgets it and those after it. False if there is none of the name. */
  release(name: string): boolean {
    const at = this.#indexOf(name);
    if (at >= 0) this.#set = this.#set.slice(0, at);
    return at >= 0;
  }

  clear(): void {
    this.#set = [];
  }

  /** What a shard that has set `before`, oldest first, is to set before its next statement; undefined: nothing. */
  missing(before: readonly ShardSavepoint[]): ShardSavepoint | undefined {
    const newest = this.#set.at(-1);
    if (newest === undefined || newest.serial <= (before.at(-1)?.serial ?? 0)) return undefined;
    const taken = new Set(this.needed(before).map(({ slot }) => slot));
    let slot = 1;
    while (taken.has(slot)) slot++;
    return { serial: newest.serial, slot };
  }

  /** Those of a shard that a savepoint of the session still goes back to: the first one set since. */
  needed(onShard: readonly ShardSavepoint[]): readonly ShardSavepoint[] {
    const needed = new Set(this.#set.map(({ serial }) => firstSince(onShard, serial)));
    return onShard.filter((savepoint) => needed.has(savepoint));
  }

  #indexOf(name: string): number {
    const key = keyOf(name);
    return this.#set.findIndex((savepoint) => savepoint.key === key);
  }
}

/** Where a shard goes back to for the session's savepoint; undefined: it has done nothing since. */
export function firstSince(onShard: readonly ShardSavepoint[], serial: number): ShardSavepoint | undefined {
  return onShard.find((savepoint) => savepoint.serial >= serial);
}

export function setSavepoint({ slot }: ShardSavepoint): string {
  return `SAVEPOINT ${nameOf(slot)}`;
}

export function rollBackToSavepoint({ slot }: ShardSavepoint): string {
  return `ROLLBACK TO SAVEPOINT ${nameOf(slot)}`;
}

function nameOf(slot: number): string {
  return `shardgate_${slot}`;
}

/** Names differ neither by case nor by accents. */
function keyOf(name: string): string {
  return name.normalize("NFD").replaceAll(/\p{M}/gu, "").toUpperCase();
}
