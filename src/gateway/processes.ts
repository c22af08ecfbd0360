// What SHOW PROCESSLIST says: the client connections of this gateway, as a server lists its threads.

import { COM } from "../mysql/constants.ts";
import type { SessionState } from "./session-state.ts";
import { isAdmin } from "./users.ts";

/** A client connection that has logged in. */
export interface Process {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly keyspace: string | undefined;
  /** `Query`, `Sleep`, … */
  readonly command: string;
  /** Since its command began. */
  readonly seconds: number;
  /** The statement under way. */
  readonly statement: string | undefined;
}

/** Those the session's user may see, by their ids: users see their own, administrators all. */
export function visibleProcesses(all: readonly Process[], { user }: SessionState): readonly Process[] {
  const visible = isAdmin(user) ? all : all.filter((process) => process.user === user.user);
  return visible.toSorted((a, b) => a.id - b.id);
}

/** What the process list calls a COM_* packet's command, and the statement in it. */
export function commandShown(payload: Buffer | undefined): Pick<Process, "command" | "statement"> {
  if (payload === undefined) return { command: "Sleep", statement: undefined };
  const statement = (): string => payload.toString("utf8", 1, 1 + STATEMENT_BYTES_MAX);
  switch (payload[0]) {
    case COM.QUERY:
      return { command: "Query", statement: statement() };
    case COM.STMT_PREPARE:
      return { command: "Prepare", statement: statement() };
    case COM.STMT_EXECUTE:
      return { command: "Execute", statement: undefined };
    case COM.INIT_DB:
      return { command: "Init DB", statement: undefined };
    case COM.FIELD_LIST:
      return { command: "Field List", statement: undefined };
    case COM.PING:
      return { command: "Ping", statement: undefined };
    default:
      return { command: "Daemon", statement: undefined };
  }
}

/** Enough to recognise a statement by. */
const STATEMENT_BYTES_MAX = 64 * 1024;
