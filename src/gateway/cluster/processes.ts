// What SHOW PROCESSLIST says: the client connections of all gateways, as a server lists its threads.

import { ERRORS } from "../../base/errors.ts";
import { COM } from "../../mysql/constants.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { SessionState, SessionWarning } from "../session/session-state.ts";
import { isAdmin } from "../access/users.ts";

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

export interface ProcessList {
  /** By their ids. */
  readonly processes: readonly Process[];
  /** Gateways that could not be asked. */
  readonly warnings: readonly SessionWarning[];
}

/** Those of all gateways that the session's user may see: users see their own, administrators all. */
export async function visibleProcesses(
  context: GatewayContext,
  { user }: SessionState,
  statementBytesMax: number = STATEMENT_BYTES_MAX,
): Promise<ProcessList> {
  const heard = await context.peers?.processes(statementBytesMax);
  const all = [...context.processes(), ...(heard?.answers ?? []).flat()];
  const visible = isAdmin(user) ? all : all.filter((process) => process.user === user.user);
  const warnings = (heard?.silent ?? []).map(({ peer, error }) => ({
    level: "Warning" as const,
    code: ERRORS.ER_UNKNOWN.errno,
    message: `clients of the gateway at ${peer.listen} are not listed: ${error}`,
  }));
  return { processes: visible.toSorted((a, b) => a.id - b.id), warnings };
}

/** What the process list calls a COM_* packet's command, and the statement in it. */
export function commandShown(payload: Buffer | undefined): Pick<Process, "command" | "statement"> {
  if (payload === undefined) return { command: "Sleep", statement: undefined };
  const statement = (): string => withoutEnds(payload.toString("utf8", 1, 1 + STATEMENT_BYTES_MAX));
  switch (payload[0]) {
    case COM.QUERY:
      return { command: "Query", statement: statement() };
    case COM.STMT_PREPARE:
      return { command: "Prepare", statement: statement() };
    case COM.STMT_EXECUTE:
      return { command: "Execute", statement: undefined };
    case COM.STMT_FETCH:
      return { command: "Fetch", statement: undefined };
    case COM.INIT_DB:
      return { command: "Init DB", statement: undefined };
    case COM.FIELD_LIST:
      return { command: "Field List", statement: undefined };
    case COM.PING:
      return { command: "Ping", statement: undefined };
    case COM.PROCESS_INFO:
      return { command: "Processlist", statement: undefined };
    case COM.PROCESS_KILL:
      return { command: "Kill", statement: undefined };
    default:
      return { command: "Daemon", statement: undefined };
  }
}

/** Without the spaces around it and the semicolons behind it, as servers keep it. */
function withoutEnds(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s;]/.test(text.charAt(end - 1))) end--;
  return text.slice(0, end).trimStart();
}

/** Enough to recognise a statement by. */
export const STATEMENT_BYTES_MAX = 64 * 1024;
