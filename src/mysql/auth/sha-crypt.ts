// The hash that caching_sha2_password stores: SHA256-crypt (www.akkadia.org/drepper/SHA-crypt.txt) with a 20-byte salt, in
// the form `$A$005$<salt><43 characters>`, where 005 is the number of rounds in thousands, in hexadecimal. 5,000 rounds
// take about 10 ms, so checking a password gives the event loop back every few hundred rounds.

import { createHash, timingSafeEqual } from "node:crypto";

export interface ShaCryptHash {
  readonly rounds: number;
  readonly salt: Buffer;
  /** 32 bytes. */
  readonly digest: Buffer;
}

export const SALT_BYTES = 20;
export const ROUNDS_DEFAULT = 5000;
/** Above this a login would be a burden; MySQL's own default is 5,000 and its ceiling 4,095,000. */
const ROUNDS_MAX = 100_000;
const ROUNDS_PER_TURN = 250;
const DIGEST_CHARS = 43;
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** SHA-crypt writes the digest's bytes in this order, three to four characters. */
const ORDER = [
  0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28, 8, 9, 19, 29,
] as const;

/** Reads the stored form, as text or as MySQL prints it in hexadecimal (`0x2441…`). undefined if it is not one. */
export function parseShaCrypt(text: string): ShaCryptHash | undefined {
  const raw = /^0x([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text.slice(2), "hex") : Buffer.from(text, "latin1");
  const match = /^\$A\$([0-9A-Fa-f]{3})\$/.exec(raw.toString("latin1"));
  if (match === null || raw.length !== 7 + SALT_BYTES + DIGEST_CHARS) return undefined;
  const rounds = Number.parseInt(match[1] ?? "", 16) * 1000;
  if (rounds < 1000 || rounds > ROUNDS_MAX) return undefined;
  const digest = decodeDigest(raw.toString("latin1", 7 + SALT_BYTES));
  if (digest === undefined) return undefined;
  return { rounds, salt: raw.subarray(7, 7 + SALT_BYTES), digest };
}

/** The stored form of a hash. */
export function formatShaCrypt(hash: ShaCryptHash): string {
  const rounds = (hash.rounds / 1000).toString(16).toUpperCase().padStart(3, "0");
  return `$A$${rounds}$${hash.salt.toString("latin1")}${encodeDigest(hash.digest)}`;
}

/** Hashes a password; `salt` is 20 bytes of 7-bit characters without NUL and `$`. */
export async function shaCrypt(password: Buffer, salt: Buffer, rounds = ROUNDS_DEFAULT): Promise<ShaCryptHash> {
  return { rounds, salt, digest: await digestOf(password, salt, rounds) };
}

/** True if `password` has this hash. */
export async function verifyShaCrypt(password: Buffer, hash: ShaCryptHash): Promise<boolean> {
  return timingSafeEqual(await digestOf(password, hash.salt, hash.rounds), hash.digest);
}

async function digestOf(password: Buffer, salt: Buffer, rounds: number): Promise<Buffer> {
  const inner = sha256(Buffer.concat([password, salt, password]));
  const parts: Buffer[] = [password, salt, repeatTo(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? inner : password);
  let digest = sha256(Buffer.concat(parts));

  const p = repeatTo(sha256(Buffer.alloc(password.length * password.length, password)), password.length);
  const saltTimes = 16 + (digest[0] as number);
  const s = repeatTo(sha256(Buffer.alloc(salt.length * saltTimes, salt)), salt.length);

  const work = Buffer.allocUnsafe(32 + 2 * p.length + s.length);
  for (let round = 0; round < rounds; round++) {
    if (round % ROUNDS_PER_TURN === ROUNDS_PER_TURN - 1) await nextTurn();
    const odd = (round & 1) === 1;
    let filled = (odd ? p : digest).copy(work, 0);
    if (round % 3 !== 0) filled += s.copy(work, filled);
    if (round % 7 !== 0) filled += p.copy(work, filled);
    filled += (odd ? digest : p).copy(work, filled);
    digest = sha256(work.subarray(0, filled));
  }
  return digest;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function repeatTo(source: Buffer, length: number): Buffer {
  return Buffer.alloc(length, source);
}

function sha256(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}

function encodeDigest(digest: Buffer): string {
  let text = "";
  const take = (value: number, chars: number): void => {
    for (let index = 0; index < chars; index++) text += ALPHABET[(value >>> (6 * index)) & 63];
  };
  for (let at = 0; at < ORDER.length; at += 3) {
    const [high, middle, low] = [ORDER[at], ORDER[at + 1], ORDER[at + 2]] as [number, number, number];
    take(((digest[high] as number) << 16) | ((digest[middle] as number) << 8) | (digest[low] as number), 4);
  }
  take(((digest[31] as number) << 8) | (digest[30] as number), 3);
  return text;
}

function decodeDigest(text: string): Buffer | undefined {
  if (text.length !== DIGEST_CHARS) return undefined;
  const digest = Buffer.alloc(32);
  const value = (at: number, chars: number): number => {
    let bits = 0;
    for (let index = 0; index < chars; index++) {
      const digit = ALPHABET.indexOf(text[at + index] ?? "");
      if (digit < 0) return -1;
      bits |= digit << (6 * index);
    }
    return bits;
  };
  for (let group = 0; group < 10; group++) {
    const bits = value(group * 4, 4);
    if (bits < 0) return undefined;
    digest[ORDER[group * 3] as number] = bits >>> 16;
    digest[ORDER[group * 3 + 1] as number] = (bits >>> 8) & 0xff;
    digest[ORDER[group * 3 + 2] as number] = bits & 0xff;
  }
  const last = value(40, 3);
  if (last < 0 || last > 0xffff) return undefined;
  digest[31] = last >>> 8;
  digest[30] = last & 0xff;
  return digest;
}
