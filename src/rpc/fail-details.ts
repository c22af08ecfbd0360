// How errors cross gRPC: as structured details, never parsed from text. A mysqld's error keeps errno, SQLSTATE and message.

import { type ErrorId, ERRORS, MysqlError, ShardgateError } from "../base/errors.ts";
import type { FailDetails } from "./frame.ts";

/** Errors cross the stream as id, errno, SQLSTATE and message; a mysqld's own error has the id "MYSQL". */
export function errorOf(details: FailDetails): Error {
  if (isErrorId(details.id)) return new ShardgateError(details.id, details.message);
  return new MysqlError(details.errno, details.sqlState, details.message);
}

function isErrorId(id: string): id is ErrorId {
  return Object.hasOwn(ERRORS, id);
}

/** What of `error` crosses the stream. Anything unknown is a bug: its text stays here. */
export function failDetailsOf(error: unknown, holdLost: boolean): FailDetails {
  if (error instanceof ShardgateError) {
    const { id, errno, sqlState, message } = error;
    return { id, errno, sqlState, message, holdLost };
  }
  if (error instanceof MysqlError) {
    return { id: "MYSQL", errno: error.errno, sqlState: error.sqlState, message: error.message, holdLost };
  }
  const { errno, sqlState } = ERRORS.INTERNAL;
  return { id: "INTERNAL", errno, sqlState, message: "internal error in the tablet; see its log", holdLost };
}
