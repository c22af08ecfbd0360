// Between the bytes of a statement and the text that the reader works on.

export { decodeLossless as decodeSql, encodeLossless as encodeSql } from "../base/lossless-text.ts";
