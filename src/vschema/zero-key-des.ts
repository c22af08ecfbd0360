// DES (FIPS 46-3) of one block under the all-zero key, the scrambler of the `hash` vindex. It hides nothing; it spreads
// consecutive ids evenly over the shards. With that key every round key is zero, so a round is eight table look-ups on the
// right half, and encryption undoes itself: the same function reads an id back from a keyspace id.

// The eight substitution boxes, one string each: four rows of sixteen values as hexadecimal digits.
const BOXES = [
  "e4d12fb83a6c5907" + "0f74e2d1a6cb9538" + "41e8d62bfc973a50" + "fc8249175b3ea06d",
  "f18e6b34972dc05a" + "3d47f28ec01a69b5" + "0e7ba4d158c6932f" + "d8a13f42b67c05e9",
  "a09e63f51dc7b428" + "d709346a285ecbf1" + "d6498f30b12c5ae7" + "1ad069874fe3b52c",
  "7de3069a1285bc4f" + "d8b56f03472c1ae9" + "a690cb7df13e5284" + "3f06a1d8945bc72e",
  "2c417ab6853fd0e9" + "eb2c47d150fa3986" + "421bad78f9c5630e" + "b8c71e2d6f09a453",
  "c1af92680d34e75b" + "af427c9561de0b38" + "9ef528c3704a1db6" + "432c95fabe17608d",
  "4b2ef08d3c975a61" + "d0b7491ae35c2f86" + "14bdc37eaf680592" + "6bd814a7950fe23c",
  "d2846fb1a93e50c7" + "1fd8a374c56b0e92" + "7b419ce206adf358" + "21e74a8dfc90356b",
];

// Where each bit of the boxes' output goes, counted from the left starting at 1.
const PERMUTATION = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];

const ROUNDS = 16;
const TABLE = buildTable();

/** Scrambles the 64-bit block [high, low] into `out` at `offset`, eight bytes big-endian. */
export function scramble(high: number, low: number, out: Buffer, offset: number): void {
  let left = high | 0;
  let right = low | 0;
  let swap = ((left >>> 4) ^ right) & 0x0f0f0f0f;
  right ^= swap;
  left ^= swap << 4;
  swap = ((left >>> 16) ^ right) & 0x0000ffff;
  right ^= swap;
  left ^= swap << 16;
  swap = ((right >>> 2) ^ left) & 0x33333333;
  left ^= swap;
  right ^= swap << 2;
  swap = ((right >>> 8) ^ left) & 0x00ff00ff;
  left ^= swap;
  right ^= swap << 8;
  swap = ((left >>> 1) ^ right) & 0x55555555;
  right ^= swap;
  left ^= swap << 1;

  for (let i = 0; i < ROUNDS; i += 2) {
    left ^= round(right);
    right ^= round(left);
  }

  // The halves change places after the last round, so the final permutation undoes the first on (right, left).
  swap = ((right >>> 1) ^ left) & 0x55555555;
  left ^= swap;
  right ^= swap << 1;
  swap = ((left >>> 8) ^ right) & 0x00ff00ff;
  right ^= swap;
  left ^= swap << 8;
  swap = ((left >>> 2) ^ right) & 0x33333333;
  right ^= swap;
  left ^= swap << 2;
  swap = ((right >>> 16) ^ left) & 0x0000ffff;
  left ^= swap;
  right ^= swap << 16;
  swap = ((right >>> 4) ^ left) & 0x0f0f0f0f;
  left ^= swap;
  right ^= swap << 4;
  out.writeInt32BE(right, offset);
  out.writeInt32BE(left, offset + 4);
}

/** The round function: each box sees four bits of the half and one neighbour on either side. */
function round(half: number): number {
  const turned = (half >>> 1) | (half << 31);
  return (
    (TABLE[turned >>> 26] ?? 0) |
    (TABLE[64 + ((turned >>> 22) & 63)] ?? 0) |
    (TABLE[128 + ((turned >>> 18) & 63)] ?? 0) |
    (TABLE[192 + ((turned >>> 14) & 63)] ?? 0) |
    (TABLE[256 + ((turned >>> 10) & 63)] ?? 0) |
    (TABLE[320 + ((turned >>> 6) & 63)] ?? 0) |
    (TABLE[384 + ((turned >>> 2) & 63)] ?? 0) |
    (TABLE[448 + (((half & 31) << 1) | (half >>> 31))] ?? 0)
  );
}

/** Per box and six-bit input: the box's output, already permuted to its place in the half. */
function buildTable(): Int32Array {
  const table = new Int32Array(8 * 64);
  for (let box = 0; box < 8; box++) {
    for (let input = 0; input < 64; input++) {
      const row = ((input >> 4) & 2) | (input & 1);
      const column = (input >> 1) & 15;
      const output = Number.parseInt(BOXES[box]?.[row * 16 + column] ?? "0", 16) << (28 - 4 * box);
      let permuted = 0;
      PERMUTATION.forEach((from, to) => {
        if (((output >>> (32 - from)) & 1) === 1) permuted |= 1 << (31 - to);
      });
      table[box * 64 + input] = permuted;
    }
  }
  return table;
}
