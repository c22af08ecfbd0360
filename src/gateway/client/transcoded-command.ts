// Commands of a client whose statements are read in UTF-8 (statement-encoding.ts): the same commands with their texts in it.
// All other clients' commands pass this with one look at the session's settings.

import { COM } from "../../mysql/constants.ts";
import type { SessionState } from "../session/session-state.ts";
import { type StatementEncoding, statementInUtf8, textInUtf8 } from "./statement-encoding.ts";

/** In what the client's texts come; undefined: as they are read. */
export function encodingOf({ settings, sqlMode }: SessionState): StatementEncoding | undefined {
  const charset = settings.transcodedFrom;
  if (charset === undefined) return undefined;
  const { noBackslashEscapes, ansiQuotes } = sqlMode;
  return { charset, isConnection: settings.connectionCharset === charset, noBackslashEscapes, ansiQuotes };
}

/** `payload` (owned) is the whole command. Throws 1300 for names that are no text. */
export function commandInUtf8(payload: Buffer, state: SessionState): Buffer {
  const encoding = encodingOf(state);
  if (encoding === undefined) return payload;
  switch (payload[0]) {
    case COM.QUERY:
    case COM.STMT_PREPARE:
      return Buffer.concat([payload.subarray(0, 1), statementInUtf8(payload.subarray(1), encoding)]);
    case COM.INIT_DB:
    case COM.CREATE_DB:
    case COM.DROP_DB:
    case COM.FIELD_LIST:
      return textInUtf8(payload, encoding) ?? payload;
    default:
      return payload;
  }
}
