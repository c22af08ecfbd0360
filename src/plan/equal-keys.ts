// Names that are known to be equal (union-find), and pairs that are so in matches of an outer join only: the latter are
// never carried further, because they say nothing about rows without a match.

export class EqualKeys {
  readonly #parents: Map<string, string>;
  readonly #outer: (readonly [string, string])[];

  constructor(from?: EqualKeys) {
    this.#parents = new Map(from === undefined ? [] : from.#parents);
    this.#outer = from === undefined ? [] : [...from.#outer];
  }

  add(a: string, b: string): void {
    this.#parents.set(this.#root(a), this.#root(b));
  }

  /** Holds for matches of an outer join. */
  addOuter(a: string, b: string): void {
    this.#outer.push([a, b]);
  }

  /** Takes over all that `other`, which was made from this, knows. */
  absorb(other: EqualKeys): void {
    for (const [key, parent] of other.#parents) this.#parents.set(key, parent);
    this.#outer.splice(0, this.#outer.length, ...other.#outer);
  }

  /** Equal in every row. */
  same(a: string, b: string): boolean {
    return this.#root(a) === this.#root(b);
  }

  /** Equal in every row, or in every match of an outer join. */
  equal(a: string, b: string): boolean {
    const rootA = this.#root(a);
    const rootB = this.#root(b);
    if (rootA === rootB) return true;
    return this.#outer.some(([x, y]) => {
      const rootX = this.#root(x);
      const rootY = this.#root(y);
      return (rootX === rootA && rootY === rootB) || (rootX === rootB && rootY === rootA);
    });
  }

  #root(key: string): string {
    let at = key;
    for (;;) {
      const parent = this.#parents.get(at);
      if (parent === undefined || parent === at) return at;
      at = parent;
    }
  }
}
