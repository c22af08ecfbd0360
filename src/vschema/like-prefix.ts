// The literal text that every match of a LIKE pattern begins with, as MySQL reads patterns with the default escape.
// https://dev.mysql.com/doc/refman/8.0/en/string-literals.html lists the sequences.

const PERCENT = 0x25;
const UNDERSCORE = 0x5f;
const BACKSLASH = 0x5c;

const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x30, 0x00],
  [0x62, 0x08],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x5a, 0x1a],
]);

/** Ends at the first unescaped % or _; a backslash at the very end of the pattern stands for itself. */
export function likePrefix(pattern: Buffer): Buffer {
  const prefix = Buffer.allocUnsafe(pattern.length);
  let length = 0;
  for (let i = 0; i < pattern.length; i++) {
    let byte = pattern[i] ?? 0;
    if (byte === PERCENT || byte === UNDERSCORE) break;
    if (byte === BACKSLASH && i + 1 < pattern.length) {
      i++;
      const escaped = pattern[i] ?? 0;
      byte = ESCAPES.get(escaped) ?? escaped;
    }
    prefix[length++] = byte;
  }
  return prefix.subarray(0, length);
}
