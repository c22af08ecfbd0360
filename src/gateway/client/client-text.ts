// What the gateway makes itself (lists, errors) in the character set that the session's answers have, and the session's
// literals as text that vindexes can read.

import { isAscii } from "node:buffer";
import type { MysqlError, ShardgateError } from "../../base/errors.ts";
import { COLLATION_UTF8MB4_GENERAL_CI, collationByName, defaultCollation } from "../../mysql/charsets.ts";
import { encodeErr } from "../../mysql/packets/err.ts";
import type { TextValue } from "../../mysql/packets/text-row.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import { bytesOfChar, decodeText, encodeText } from "../../mysql/text-encodings.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { Settings } from "../session/settings.ts";

/** What NULL as character_set_results leaves names and messages in. */
const SYSTEM_CHARSET = "utf8mb3";
const BYTES_OF_UTF8MB4 = 4;

/** `result`, whose texts are UTF-8, as the session's client gets it. */
export function inResultCharset(result: ResultSet, { results }: Settings): ResultSet {
  const charset = results.charset ?? SYSTEM_CHARSET;
  const named = results.collation === undefined ? undefined : collationByName(results.collation);
  const collation = (named ?? defaultCollation(charset))?.id;
  if (charset === "utf8mb4" && collation === COLLATION_UTF8MB4_GENERAL_CI) return result;
  const columns = result.columns.map((column) => {
    if (column.collation !== COLLATION_UTF8MB4_GENERAL_CI || collation === undefined) return column;
    const columnLength = (column.columnLength / BYTES_OF_UTF8MB4) * bytesOfChar(charset);
    return { ...column, collation, columnLength };
  });
  const rows = result.rows.map((row) =>
    row.map((value): TextValue => {
      if (value === null) return null;
      return encodeText(charset, typeof value === "string" ? value : value.toString("utf8"));
    }),
  );
  return { columns, rows };
}

/** The ERR packet's payload; a message that came in the client's character set stays in it. */
export function errInResultCharset(
  { errno, sqlState, message }: ShardgateError | MysqlError,
  settings: Settings,
): Buffer {
  const charset = settings.results.charset ?? SYSTEM_CHARSET;
  // Clients read errors of any set but these, which have no ASCII, in it.
  const isWide = /^(ucs2|utf16|utf16le|utf32)$/.test(charset);
  return encodeErr(errno, sqlState, isWide ? message : encodeText(charset, message));
}

/** Literals as a server will have them, in UTF-8. Undefined when that is not known of one of them. */
export function literalsInUtf8(binds: readonly BindValue[], settings: Settings): readonly BindValue[] | undefined {
  if (settings.literalsAreUtf8 || !binds.some((bind) => isForeign(bind))) return binds;
  const { clientCharset: client, connectionCharset: connection } = settings;
  if (client === undefined || connection === undefined) return undefined;
  const keepsAll = UNICODE.test(connection);
  const converted: BindValue[] = [];
  for (const bind of binds) {
    if (!isForeign(bind)) {
      converted.push(bind);
      continue;
    }
    if (bind.kind === "list") {
      const items = literalsInUtf8(bind.items, settings);
      if (items === undefined) return undefined;
      converted.push({ ...bind, items: items.flatMap((item) => (item.kind === "list" ? [] : [item])) });
      continue;
    }
    const text = bind.type === "nstring" ? undefined : decodeText(client, bind.raw);
    const kept = text === undefined ? undefined : decodeText(connection, encodeText(connection, text));
    if (text === undefined || (!keepsAll && kept === undefined)) return undefined;
    converted.push({ ...bind, raw: Buffer.from(keepsAll ? text : (kept ?? ""), "utf8") });
  }
  return converted;
}

/** Sets that have every character of every other one. */
const UNICODE = /^(utf8mb4|utf16|utf16le|utf32)$/;

/** A text with characters beyond ASCII, without a character set of its own. */
function isForeign(bind: BindValue): boolean {
  if (bind.kind === "list") return bind.items.some((item) => isForeign(item));
  return (bind.type === "string" || bind.type === "nstring") && bind.introducer === undefined && !isAscii(bind.raw);
}
