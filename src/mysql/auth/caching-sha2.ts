// caching_sha2_password (PAGE_CACHING_SHA2_AUTHENTICATION_EXCHANGES of the manual). Fast path: the client sends
// SHA256(password) XOR SHA256(SHA256(SHA256(password)) + scramble), checked against a digest that the server remembers
// from an earlier login. Full path: the server gets the password itself, over TLS or a Unix socket in clear, else
// encrypted with its RSA key, and checks it against the stored SHA-crypt hash.

import { constants, createHash, generateKeyPair, privateDecrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

export const CACHING_SHA2_PASSWORD = "caching_sha2_password";

/** Client to server: send me your public key. */
export const REQUEST_PUBLIC_KEY = 0x02;
/** Server to client, in an AuthMoreData packet. */
export const FAST_AUTH_SUCCESS = 0x03;
export const PERFORM_FULL_AUTHENTICATION = 0x04;

/** MySQL refuses longer passwords; the RSA path carries at most key size - 42 bytes anyway. */
export const PASSWORD_BYTES_MAX = 255;

/** The key pair for full logins over plain TCP. */
export interface RsaKeys {
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
}

const RSA_BITS = 2048;

/** A fresh key pair, as a mysqld makes one when it has none (about 0.1 s, off the main thread). */
export async function generateRsaKeys(): Promise<RsaKeys> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { publicKeyPem: publicKey, privateKeyPem: privateKey };
}

/** What the fast path keeps of a password: SHA256(SHA256(password)). */
export function fastDigest(password: Buffer): Buffer {
  return sha256(sha256(password));
}

/** What a client answers to `scramble`; empty for an empty password. */
export function cachingSha2Answer(password: string, scramble: Buffer): Buffer {
  if (password === "") return Buffer.alloc(0);
  const stage1 = sha256(Buffer.from(password, "utf8"));
  return xorInto(stage1, sha256(Buffer.concat([sha256(stage1), scramble])));
}

/** True if `answer` proves the password with this fast digest. */
export function verifyFast(answer: Buffer, scramble: Buffer, digest: Buffer): boolean {
  if (answer.length !== 32) return false;
  const stage1 = xorInto(sha256(Buffer.concat([digest, scramble])), answer);
  return timingSafeEqual(sha256(stage1), digest);
}

/** The password in an answer of the full path over a safe transport: it ends with one NUL. undefined if it does not. */
export function passwordInClear(answer: Buffer): Buffer | undefined {
  if (answer.length === 0 || answer.at(-1) !== 0 || answer.length > PASSWORD_BYTES_MAX + 1) return undefined;
  return answer.subarray(0, -1);
}

/** The password in an answer encrypted with our public key (RSA-OAEP over password and NUL, XORed with the scramble). */
export function passwordEncrypted(answer: Buffer, scramble: Buffer, privateKeyPem: string): Buffer | undefined {
  let mixed: Buffer;
  try {
    mixed = privateDecrypt({ key: privateKeyPem, padding: constants.RSA_PKCS1_OAEP_PADDING }, answer);
  } catch {
    return undefined;
  }
  for (let index = 0; index < mixed.length; index++) {
    mixed[index] = (mixed[index] as number) ^ (scramble[index % scramble.length] as number);
  }
  return passwordInClear(mixed);
}

function sha256(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}

function xorInto(target: Buffer, other: Buffer): Buffer {
  for (let index = 0; index < target.length; index++) {
    target[index] = (target[index] as number) ^ (other[index] as number);
  }
  return target;
}
