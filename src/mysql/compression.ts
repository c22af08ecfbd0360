// What bodies of compressed packets are compressed with: zlib, as CLIENT_COMPRESS asks for, and zstd, MySQL 8's
// CLIENT_ZSTD_COMPRESSION_ALGORITHM, which Node has from 22.15 on. Short pieces are done at once, long ones by Node's
// thread pool. Knows no headers.

import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { malformed } from "./codec.ts";
import { CLIENT } from "./constants.ts";

export interface Compression {
  readonly compressSync: (plain: Buffer) => Buffer;
  readonly compress: (plain: Buffer) => Promise<Buffer>;
  /** Throws, or rejects with, ER_MALFORMED_PACKET unless the outcome has exactly `plainBytes`. */
  readonly decompressSync: (body: Buffer, plainBytes: number) => Buffer;
  readonly decompress: (body: Buffer, plainBytes: number) => Promise<Buffer>;
}

/** The CLIENT_* flags of the compressions that there are. */
export const COMPRESSION_CAPABILITIES: number =
  CLIENT.COMPRESS | (zstdOf(zlib) === undefined ? 0 : CLIENT.ZSTD_COMPRESSION_ALGORITHM);

/** The compression that both sides have (zlib if both are agreed, as in MySQL); undefined: none. `zstdLevel` is the client's. */
export function compressionFor(capabilities: number, zstdLevel: number): Compression | undefined {
  if ((capabilities & CLIENT.COMPRESS) !== 0) return zlibCompression;
  if ((capabilities & CLIENT.ZSTD_COMPRESSION_ALGORITHM) !== 0) return zstdCompression(zstdLevel);
  return undefined;
}

/** Two thirds of the time of zlib's own default, for a twentieth more bytes, on rows of text. */
const ZLIB_LEVEL = 3;
const ZSTD_LEVEL_DEFAULT = 3;
/** Higher ones take seconds for a large answer; a client does not notice which level its answers have. */
const ZSTD_LEVEL_MAX = 9;

const deflate = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.deflate);
const inflate = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.inflate);

const zlibCompression: Compression = {
  compressSync: (plain) => zlib.deflateSync(plain, { level: ZLIB_LEVEL }),
  compress: (plain) => deflate(plain, { level: ZLIB_LEVEL }),
  decompressSync(body, plainBytes) {
    try {
      return checked(zlib.inflateSync(body, { maxOutputLength: plainBytes }), plainBytes);
    } catch {
      throw malformed("a compressed packet cannot be read");
    }
  },
  decompress: (body, plainBytes) =>
    inflate(body, { maxOutputLength: plainBytes }).then(
      (plain) => checked(plain, plainBytes),
      () => {
        throw malformed("a compressed packet cannot be read");
      },
    ),
};

function checked(plain: Buffer, plainBytes: number): Buffer {
  if (plain.length !== plainBytes) throw malformed("a compressed packet has another length than it says");
  return plain;
}

type Callback = (error: Error | null, result: Buffer) => void;

/** The part of Node 22's zlib that Node 20's types do not have. */
interface Zstd {
  readonly zstdCompressSync: (plain: Buffer, options: object) => Buffer;
  readonly zstdCompress: (plain: Buffer, options: object, done: Callback) => void;
  readonly zstdDecompressSync: (body: Buffer, options: object) => Buffer;
  readonly zstdDecompress: (body: Buffer, options: object, done: Callback) => void;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

function zstdOf(module: object): Zstd | undefined {
  return hasZstd(module) ? module : undefined;
}

function hasZstd(module: object): module is Zstd {
  return "zstdCompress" in module && "zstdDecompress" in module && "constants" in module;
}

function zstdCompression(level: number): Compression | undefined {
  const zstd = zstdOf(zlib);
  if (zstd === undefined) return undefined;
  const wanted = level === 0 ? ZSTD_LEVEL_DEFAULT : Math.min(level, ZSTD_LEVEL_MAX);
  const options = { params: { [zstd.constants.ZSTD_c_compressionLevel]: wanted } };
  return {
    compressSync: (plain) => zstd.zstdCompressSync(plain, options),
    compress: (plain) => promised((done) => zstd.zstdCompress(plain, options, done)),
    decompressSync(body, plainBytes) {
      try {
        return checked(zstd.zstdDecompressSync(body, { maxOutputLength: plainBytes }), plainBytes);
      } catch {
        throw malformed("a compressed packet cannot be read");
      }
    },
    decompress: (body, plainBytes) =>
      promised((done) => zstd.zstdDecompress(body, { maxOutputLength: plainBytes }, done)).then(
        (plain) => checked(plain, plainBytes),
        () => {
          throw malformed("a compressed packet cannot be read");
        },
      ),
  };
}

function promised(start: (done: Callback) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}
