// Buffer's one-call string makers, which Node has always had and its type package leaves out: half the time of
// toString() on short slices, and the normalizer makes one for every query.

declare global {
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
  }
}

export {};
