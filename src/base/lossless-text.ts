// Between bytes and text: UTF-8, where a byte that is not UTF-8 becomes a lone surrogate U+DC80..U+DCFF and comes back from
// it. So statements and messages in whatever character set survive being read and written unchanged.

import { isAscii, isUtf8 } from "node:buffer";

/** The text of `bytes` (borrowed until return). */
export function decodeLossless(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString("latin1");
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let out = "";
  let from = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    out += bytes.toString("utf8", from, at) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    from = ++at;
  }
  return out + bytes.toString("utf8", from, at);
}

/** The bytes of `text`, the opposite of decodeLossless. */
export function encodeLossless(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length === text.length || !hasLoneByte(text)) return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code <= 0xdbff) at++;
    else if (isLoneByte(code)) {
      parts.push(Buffer.from(text.slice(from, at), "utf8"), Buffer.from([code - 0xdc00]));
      from = at + 1;
    }
  }
  parts.push(Buffer.from(text.slice(from), "utf8"));
  return Buffer.concat(parts);
}

function hasLoneByte(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code <= 0xdbff) at++;
    else if (isLoneByte(code)) return true;
  }
  return false;
}

function isLoneByte(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}

/** Bytes of the well-formed UTF-8 sequence at `at`, 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(bytes, at + 1)) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) {
    if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) || !continues(bytes, at + 2)) return 0;
    return 3;
  }
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return continues(bytes, at + 2) && continues(bytes, at + 3) ? 4 : 0;
}

function continues(bytes: Buffer, at: number): boolean {
  return ((bytes[at] ?? 0) & 0xc0) === 0x80;
}
