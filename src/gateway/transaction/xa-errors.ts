// What XA statements are refused with, in MariaDB's words (sql/share/errmsg-utf8.txt).

import { messageOf, MysqlError } from "../../base/errors.ts";
import type { ClientBranch } from "../session/session-holds.ts";

export const XA_ERRNO = { nota: 1397, rmfail: 1399, rolledBack: 1402 } as const;

export function xaInvalid(): MysqlError {
  return new MysqlError(1398, "XAE05", "XAER_INVAL: Invalid arguments (or unsupported command)");
}

export function xaOutside(): MysqlError {
  return new MysqlError(1400, "XAE09", "XAER_OUTSIDE: Some work is done outside global transaction");
}

export function xidTaken(): MysqlError {
  return new MysqlError(1440, "XAE08", "XAER_DUPID: The XID already exists");
}

export function xidUnknown(): MysqlError {
  return new MysqlError(XA_ERRNO.nota, "XAE04", "XAER_NOTA: Unknown XID");
}

/** The statement is not for the phase that the session's XA transaction is in. */
export function wrongPhase(own: ClientBranch | undefined): MysqlError {
  const phase = own === undefined ? "NON-EXISTING" : own.phase.toUpperCase();
  const text = `XAER_RMFAIL: The command cannot be executed when global transaction is in the  ${phase} state`;
  return new MysqlError(XA_ERRNO.rmfail, "XAE07", text);
}

export function xaRolledBack(cause?: unknown): MysqlError {
  const text = "XA_RBROLLBACK: Transaction branch was rolled back";
  const why = cause === undefined ? "" : ` (${messageOf(cause)})`;
  return new MysqlError(XA_ERRNO.rolledBack, "XA100", `${text}${why}`);
}

/** A server has undone it, of which the client was told 1213. */
export function xaDeadlocked(): MysqlError {
  return new MysqlError(1614, "XA102", "XA_RBDEADLOCK: Transaction branch was rolled back: deadlock was detected");
}
