// mysql_native_password: the server keeps SHA1(SHA1(password)); the client proves SHA1(password) by sending it XORed with
// SHA1(scramble + SHA1(SHA1(password))). An empty answer means an empty password.

import { createHash, timingSafeEqual } from "node:crypto";

export const NATIVE_PASSWORD = "mysql_native_password";

/** The stored form of a password: 20 bytes. */
export function nativeHash(password: string): Buffer {
  return sha1(sha1(Buffer.from(password, "utf8")));
}

/** What a client answers to `scramble`; empty for an empty password. */
export function nativeAnswer(password: string, scramble: Buffer): Buffer {
  if (password === "") return Buffer.alloc(0);
  const stage1 = sha1(Buffer.from(password, "utf8"));
  return xor(stage1, sha1(Buffer.concat([scramble, sha1(stage1)])));
}

/** True if `answer` proves the password whose stored hash is given; takes the same time either way. */
export function verifyNative(answer: Buffer, scramble: Buffer, hash: Buffer): boolean {
  if (answer.length !== 20) return false;
  const stage1 = xor(answer, sha1(Buffer.concat([scramble, hash])));
  return timingSafeEqual(sha1(stage1), hash);
}

function sha1(data: Buffer): Buffer {
  return createHash("sha1").update(data).digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  const out = Buffer.allocUnsafe(left.length);
  for (let index = 0; index < left.length; index++) out[index] = (left[index] as number) ^ (right[index] as number);
  return out;
}
