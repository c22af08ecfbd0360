// Builds mysqld replies for tests, in the classic framing and in that of CLIENT_DEPRECATE_EOF, from one description, so
// that a test can say what the scanner must find and what the reframer must produce.

import { BufferWriter } from "../../src/mysql/codec.ts";
import { CLIENT, HEADER_EOF, SERVER } from "../../src/mysql/constants.ts";
import { writeColumnDefinition } from "../../src/mysql/packets/column-definition.ts";
import { encodeEof } from "../../src/mysql/packets/eof.ts";
import { encodeErr } from "../../src/mysql/packets/err.ts";
import { okPacket, writeOk } from "../../src/mysql/packets/ok.ts";
import { type TextValue, writeTextRow } from "../../src/mysql/packets/text-row.ts";
import { textColumn } from "../../src/mysql/result-writer.ts";

export type Part =
  | { readonly kind: "ok"; readonly affectedRows?: number; readonly lastInsertId?: bigint; readonly info?: string }
  | { readonly kind: "err"; readonly errno: number; readonly message: string }
  | { readonly kind: "infile"; readonly file: string }
  | {
      readonly kind: "rows";
      readonly columns: readonly string[];
      readonly rows: readonly (readonly TextValue[])[];
      /** Ends the rows with an ERR instead of an EOF. */
      readonly error?: { readonly errno: number; readonly message: string };
      readonly statusFlags?: number;
      readonly warnings?: number;
    };

/**
 * A whole reply: several parts are several results. Sequence ids begin at 1. `extended` is put into each definition;
 * `optional`: under CLIENT_OPTIONAL_RESULTSET_METADATA, with this resultset_metadata.
 */
export function buildReply(
  parts: readonly Part[],
  deprecateEof: boolean,
  extended?: Buffer,
  optional?: "NONE" | "FULL",
): Buffer {
  const writer = new BufferWriter(1024);
  writer.sequenceId = 1;
  for (const [index, part] of parts.entries()) {
    const more = index + 1 < parts.length ? SERVER.MORE_RESULTS_EXISTS : 0;
    const statusFlags = SERVER.STATUS_AUTOCOMMIT | more;
    switch (part.kind) {
      case "ok":
        framed(writer, () => writeOk(writer, okPacket({ ...part, statusFlags }), 0, 0));
        break;
      case "err":
        framed(writer, () => writer.bytes(encodeErr(part.errno, "HY000", part.message)));
        break;
      case "infile":
        framed(writer, () => {
          writer.u8(0xfb);
          writer.string(part.file);
        });
        break;
      case "rows": {
        const flags = statusFlags | (part.statusFlags ?? 0);
        const warnings = part.warnings ?? 0;
        framed(writer, () => {
          writer.lenenc(part.columns.length);
          if (optional !== undefined) writer.u8(optional === "FULL" ? 1 : 0);
        });
        for (const name of optional === "NONE" ? [] : part.columns) {
          framed(writer, () => writeColumnDefinition(writer, { ...textColumn(name), extended }));
        }
        if (!deprecateEof) framed(writer, () => writer.bytes(encodeEof({ statusFlags: flags, warnings })));
        for (const row of part.rows) framed(writer, () => writeTextRow(writer, row));
        const { error } = part;
        framed(writer, () => {
          if (error !== undefined) writer.bytes(encodeErr(error.errno, "HY000", error.message));
          else if (deprecateEof) {
            writeOk(writer, okPacket({ statusFlags: flags, warnings }), CLIENT.DEPRECATE_EOF, HEADER_EOF);
          } else writer.bytes(encodeEof({ statusFlags: flags, warnings }));
        });
        break;
      }
    }
  }
  return writer.finish();
}

/** Replies of every kind, small enough to be cut at every byte. */
export const REPLIES: readonly (readonly [name: string, parts: readonly Part[]])[] = [
  ["OK", [{ kind: "ok" }]],
  [
    "OK with long integers and info",
    [{ kind: "ok", affectedRows: 70_000, lastInsertId: 1n << 63n, info: "Rows matched: 1" }],
  ],
  ["OK with info longer than the head", [{ kind: "ok", info: "x".repeat(300) }]],
  ["ERR", [{ kind: "err", errno: 1062, message: "Duplicate entry '1' for key 'PRIMARY'" }]],
  ["no rows", [{ kind: "rows", columns: ["a"], rows: [] }]],
  ["one row", [{ kind: "rows", columns: ["id", "name"], rows: [["1", "one"]] }]],
  [
    "NULLs and empty strings",
    [
      {
        kind: "rows",
        columns: ["a", "b"],
        rows: [
          [null, ""],
          ["", null],
          [null, null],
        ],
      },
    ],
  ],
  ["one empty value", [{ kind: "rows", columns: ["a"], rows: [[""], [""], [null]], warnings: 3 }]],
  [
    "rows of every length form",
    [{ kind: "rows", columns: ["a"], rows: [["x".repeat(250)], ["y".repeat(251)], ["z".repeat(700)]] }],
  ],
  [
    "a row that looks like an EOF",
    [{ kind: "rows", columns: ["a"], rows: [[Buffer.of(5, 0, 0, 6, 0xfe, 0, 0, 2, 0)]] }],
  ],
  [
    "rows of 0xFE and 0xFF bytes",
    [{ kind: "rows", columns: ["a"], rows: [[Buffer.alloc(20, 0xfe)], [Buffer.alloc(20, 0xff)]] }],
  ],
  ["ERR after rows", [{ kind: "rows", columns: ["a"], rows: [["1"]], error: { errno: 1317, message: "interrupted" } }]],
  ["many columns", [{ kind: "rows", columns: Array.from({ length: 260 }, (_, i) => `c${i}`), rows: [] }]],
  ["sequence ids wrap", [{ kind: "rows", columns: ["a"], rows: Array.from({ length: 300 }, (_, i) => [`${i}`]) }]],
  [
    "two results",
    [
      { kind: "rows", columns: ["a"], rows: [["1"]] },
      { kind: "rows", columns: ["b", "c"], rows: [["2", null]] },
    ],
  ],
  [
    "result, OK, result",
    [{ kind: "rows", columns: ["a"], rows: [] }, { kind: "ok" }, { kind: "rows", columns: ["b"], rows: [["2"]] }],
  ],
  [
    "call: result then OK",
    [
      { kind: "rows", columns: ["a"], rows: [["1"], ["2"]] },
      { kind: "ok", affectedRows: 1 },
    ],
  ],
  [
    "result then ERR",
    [
      { kind: "rows", columns: ["a"], rows: [["1"]] },
      { kind: "err", errno: 1146, message: "no such table" },
    ],
  ],
  [
    "state-changed flag in an EOF",
    [{ kind: "rows", columns: ["a"], rows: [["1"]], statusFlags: SERVER.STATUS_IN_TRANS }],
  ],
];

/** Payloads of the frames in `bytes`, joined where a payload took several, with the sequence ids of all frames. */
export function unframe(bytes: Buffer): { payloads: Buffer[]; sequenceIds: number[] } {
  const payloads: Buffer[] = [];
  const sequenceIds: number[] = [];
  let joined: Buffer[] = [];
  let pos = 0;
  while (pos < bytes.length) {
    const length = bytes.readUIntLE(pos, 3);
    sequenceIds.push(bytes.readUInt8(pos + 3));
    joined.push(bytes.subarray(pos + 4, pos + 4 + length));
    pos += 4 + length;
    if (length === 0xffffff) continue;
    payloads.push(joined.length === 1 && joined[0] !== undefined ? joined[0] : Buffer.concat(joined));
    joined = [];
  }
  if (pos !== bytes.length || joined.length > 0) throw new Error("bytes end inside a packet");
  return { payloads, sequenceIds };
}

function framed(writer: BufferWriter, write: () => void): void {
  writer.beginPacket();
  write();
  writer.endPacket();
}
