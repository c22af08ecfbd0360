// COM_* payloads that a tablet sends of its own accord.

import { COM } from "../mysql/constants.ts";

export function setNow(nowUs: number): Buffer {
  if (nowUs === 0) return SET_NOW_DEFAULT;
  const digits = String(nowUs).padStart(7, "0");
  return query(`SET timestamp = ${digits.slice(0, -6)}.${digits.slice(-6)}`);
}

export function prepareCommand(text: Buffer): Buffer {
  return Buffer.concat([PREPARE_BYTE, text]);
}

export function closeCommand(id: number): Buffer {
  const command = Buffer.alloc(5);
  command[0] = COM.STMT_CLOSE;
  command.writeUInt32LE(id, 1);
  return command;
}

export function initDb(name: string): Buffer {
  return Buffer.concat([Buffer.of(COM.INIT_DB), Buffer.from(name, "utf8")]);
}

export function query(sql: string): Buffer {
  return Buffer.concat([Buffer.of(COM.QUERY), Buffer.from(sql, "utf8")]);
}

export const COM_RESET_CONNECTION = Buffer.of(COM.RESET_CONNECTION);
export const SHOW_WARNINGS = query("SHOW WARNINGS");
/** What COM_RESET_CONNECTION undoes of the login: the character set falls back to the server's global one. */
export const LOGIN_NAMES = query("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci");
/** Takes the blow of a KILL QUERY that came too late for its statement. */
export const ABSORB_KILL = query("DO 0");
const SET_NOW_DEFAULT = query("SET timestamp = DEFAULT");
const PREPARE_BYTE = Buffer.of(COM.STMT_PREPARE);
