// The nearest known name to one that is not known, for error messages.

const NAME_CHARACTERS_MAX = 64;
const CANDIDATES_MAX = 2_000;

/** `; did you mean "hash"?`, or nothing when no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  if (name.length > NAME_CHARACTERS_MAX) return "";
  const wanted = name.toLowerCase();
  let nearest: string | undefined;
  // A third of the letters may be wrong; swapped neighbours count once.
  let limit = Math.max(1, Math.floor(name.length / 3)) + 1;
  let tried = 0;
  for (const candidate of candidates) {
    if (++tried > CANDIDATES_MAX) break;
    if (candidate.length > NAME_CHARACTERS_MAX) continue;
    const edits = editDistance(wanted, candidate.toLowerCase());
    if (edits < limit) {
      limit = edits;
      nearest = candidate;
    }
  }
  return nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
}

/** Optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
