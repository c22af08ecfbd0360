// KILL, and COM_PROCESS_KILL: ends a client's connection, or the statement it runs, on whichever gateway it is. The
// connection's own gateway decides who may; this one only asks around. As in MySQL the statement is answered once the
// other one has been told to end, not when it has.

import { MysqlError, notSupported } from "../../base/errors.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr, Kill } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import { likePattern } from "../show/like-pattern.ts";
import type { Process } from "./processes.ts";
import { isAdmin, type User } from "../access/users.ts";

export type KillWhat = Kill["what"];

export interface KillRequest {
  readonly what: KillWhat;
  readonly whom:
    | { readonly kind: "id"; readonly id: number }
    /** `host` is a pattern as in LIKE; undefined: any. */
    | { readonly kind: "user"; readonly user: string; readonly host: string | undefined };
  readonly by: { readonly user: string; readonly isAdmin: boolean };
}

/** Connections that were meant, and those among them that the asking user could end. */
export interface Killed {
  readonly found: number;
  readonly killed: number;
}

/** Answers the client, or throws. */
export async function runKill(executor: Executor, statement: Kill): Promise<void> {
  const { state } = executor;
  if (statement.target === "query id") {
    const { text } = await idOf(executor, statement.id);
    throw new MysqlError(1957, "HY000", `Unknown query id: ${text}`);
  }
  if (statement.target === "user") {
    await killUser(executor, statement);
    return;
  }
  const { id, text } = await idOf(executor, statement.id);
  if (id === state.connectionId) killSelf(executor, statement.what);
  else await killOther(executor, statement.what, id, text);
}

/** COM_PROCESS_KILL: KILL CONNECTION by an id of four bytes. */
export async function killProcess(executor: Executor, payload: Buffer): Promise<void> {
  if (payload.length < 5) throw new MysqlError(1835, "HY000", "Malformed communication packet");
  const id = payload.readUInt32LE(1);
  if (id === executor.state.connectionId) killSelf(executor, "connection");
  else await killOther(executor, "connection", id, String(id));
}

async function killOther(executor: Executor, what: KillWhat, id: number, text: string): Promise<void> {
  const { found, killed, silent } = await killEverywhere(executor, {
    what,
    whom: { kind: "id", id },
    by: by(executor),
  });
  if (killed > 0) executor.ok();
  else if (found > 0) throw new MysqlError(1095, "HY000", `You are not owner of thread ${text}`);
  else throw new MysqlError(1094, "HY000", `Unknown thread id: ${text}${silent}`);
}

async function killUser(executor: Executor, { id, what }: Kill): Promise<void> {
  if (id.kind !== "literal") throw notSupported("KILL USER");
  const account = ACCOUNT.exec(id.value);
  const user = unquoted(account?.[1] ?? "");
  if (/^current_user(\(\))?$/i.test(id.value)) {
    await killUserNamed(executor, what, executor.state.user.user, undefined);
    return;
  }
  const host = account?.[2] === undefined ? undefined : unquoted(account[2]);
  await killUserNamed(executor, what, user, host);
}

async function killUserNamed(
  executor: Executor,
  what: KillWhat,
  user: string,
  host: string | undefined,
): Promise<void> {
  const whom = { kind: "user" as const, user, host };
  const { found, killed } = await killEverywhere(executor, { what, whom, by: by(executor) });
  if (found > killed) throw new MysqlError(1095, "HY000", `You are not owner of connections of '${user}'`);
  executor.ok({ statusFlags: executor.state.statusFlags, affectedRows: killed });
}

/** What MySQL answers to those who end themselves: no other statement of theirs is stopped by it. */
function killSelf(executor: Executor, what: KillWhat): void {
  const interrupted = new MysqlError(1317, "70100", "Query execution was interrupted");
  if (what === "query") throw interrupted;
  const isMariadb = executor.state.sqlMode.dialect === "mariadb";
  executor.fail(isMariadb ? new MysqlError(1927, "70100", "Connection was killed") : interrupted);
  executor.client.end();
}

async function killEverywhere(executor: Executor, request: KillRequest): Promise<Killed & { readonly silent: string }> {
  const { context } = executor;
  const here = context.kill(request, executor.state.connectionId);
  // An id is one connection's only.
  if (request.whom.kind === "id" && here.found > 0) return { ...here, silent: "" };
  const heard = await context.peers?.kill(request);
  const all = [here, ...(heard?.answers ?? [])];
  const silent = (heard?.silent ?? []).map(({ peer }) => peer.listen).join(", ");
  return {
    found: all.reduce((sum, { found }) => sum + found, 0),
    killed: all.reduce((sum, { killed }) => sum + killed, 0),
    silent: silent === "" ? "" : `; the gateways at ${silent} could not be asked`,
  };
}

/** The connection is meant by a KILL. */
export function isMeant({ whom }: KillRequest, { id, user, host }: Process): boolean {
  if (whom.kind === "id") return id === whom.id;
  if (user !== whom.user) return false;
  const address = host.replace(/:\d+$/, "");
  return whom.host === undefined || likePattern(whom.host).test(isLoopback(address) ? "localhost" : address);
}

/** As in MySQL one's own connections, and for administrators all. */
export function mayKill({ by: { user, isAdmin: ofAdmin } }: KillRequest, process: Process): boolean {
  return ofAdmin || process.user === user;
}

function by({ state }: Executor): KillRequest["by"] {
  return { user: state.user.user, isAdmin: mayKillAll(state.user) };
}

function mayKillAll(user: User): boolean {
  return isAdmin(user);
}

/** The value as MySQL takes it: a number of 64 bits without sign, of which text is 0 and NULL is 0. */
async function idOf(executor: Executor, expr: Expr): Promise<{ readonly id: number; readonly text: string }> {
  if (expr.kind === "literal" && expr.type === "int" && /^\d{1,15}$/.test(expr.value)) {
    return { id: Number(expr.value), text: expr.value };
  }
  const sql = `SELECT CAST((${printExpr(expr, [], { mode: executor.state.sqlMode })}) AS UNSIGNED)`;
  const { rows } = await queryInside(executor, sql);
  const text = rows[0]?.[0]?.toString("latin1") ?? "0";
  return { id: Number(text), text };
}

/** `name` or `name@host`, each perhaps quoted. */
const ACCOUNT = /^((?:`[^`]*`|'[^']*'|"[^"]*"|[^@\s]+))(?:\s*@\s*(.+))?$/;

function unquoted(text: string): string {
  const quote = text[0];
  return quote !== undefined && "`'\"".includes(quote) && text.length >= 2 ? text.slice(1, -1) : text;
}

function isLoopback(address: string): boolean {
  return (
    address === "localhost" || address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.")
  );
}
