// Session settings: what a client's SET statements amount to, as one canonical SET statement. The tablet's pool keeps
// connections by it, so clients with equal settings share connections. Entries are replaced, never removed (a variable
// goes back to DEFAULT by name), so that the statement can also be run on a connection that is held already.

import { settingsText } from "../../base/settings-text.ts";
import { collationByName, defaultCollation } from "../../mysql/charsets.ts";
import { isTranscoded } from "../client/statement-encoding.ts";
import { isFlagList, withFlags } from "./flag-list.ts";

export interface CharacterSet {
  readonly charset: string;
  readonly collation: string | undefined;
}

/** What the tablets' connections log in with. */
const LOGIN_CHARSET: CharacterSet = { charset: "utf8mb4", collation: "utf8mb4_general_ci" };

/** Bounds what one client can make every statement carry. */
export const SETTINGS_BYTES_MAX = 1024 * 1024;

/** What sessions begin with, by their character set and collation: most have the same. */
const atLogins = new Map<string, Settings>();

export class Settings {
  readonly names: CharacterSet;
  /** Lower-case variable (`sql_mode`, `@a`) to the SQL text of its value. */
  readonly variables: ReadonlyMap<string, string>;
  /** The SET statement, empty when everything is as at login. */
  readonly sql: string;
  /** The character set in which the client's statements come, where they are read and sent on in UTF-8 instead. */
  readonly transcodedFrom: string | undefined;
  /** Statements, as they are read, are UTF-8 (or bytes without a character set). */
  readonly textIsUtf8: boolean;
  /** And literals are none the worse for what a server converts them to. */
  readonly literalsAreUtf8: boolean;

  private constructor(names: CharacterSet, variables: ReadonlyMap<string, string>) {
    this.names = names;
    this.variables = variables;
    const ofServers = [...variables.keys()].filter((name) => !isOfClient(name));
    const items = ofServers.sort().map((name) => `${name} = ${variables.get(name)}`);
    if (!isLogin(names)) items.unshift(namesSql(names));
    const client = unquoted(variables.get(CLIENT_CHARSET) ?? names.charset);
    this.transcodedFrom = isTranscoded(client) ? client : undefined;
    if (this.transcodedFrom !== undefined) items.push(IN_UTF8);
    this.textIsUtf8 = this.transcodedFrom !== undefined || client === "binary" || client.startsWith("utf8");
    const connection = this.connectionCharset ?? "";
    this.literalsAreUtf8 = this.textIsUtf8 && (connection === "binary" || connection.startsWith("utf"));
    this.sql = settingsText(items);
  }

  static atLogin(names: CharacterSet = LOGIN_CHARSET): Settings {
    const key = namesSql(names);
    const known = atLogins.get(key) ?? new Settings(names, new Map());
    atLogins.set(key, known);
    return known;
  }

  /** String literals of the session have another character set or collation than those of a connection at login. */
  get changesLiterals(): boolean {
    return !isLogin(this.names) || LITERAL_VARIABLES.some((name) => this.variables.has(name));
  }

  /** What is ASCII in a statement is so in the character set that its literals have. */
  get literalsHaveAscii(): boolean {
    return !/^(ucs2|utf16|utf16le|utf32)$/.test(this.connectionCharset ?? "");
  }

  /** sql_select_limit in digits; undefined when there is none. */
  get selectLimit(): string | undefined {
    const value = this.variables.get(SELECT_LIMIT)?.toLowerCase();
    if (value === undefined || value === "default") return undefined;
    if (value === "true") return "1";
    // MySQL takes a negative number for 0.
    return /^\d+$/.test(value) ? value : "0";
  }

  /** sql_select_limit where it can leave out rows. */
  get rowLimit(): string | undefined {
    const limit = this.selectLimit;
    return limit === NO_LIMIT ? undefined : limit;
  }

  /** How long one SELECT may take, by MariaDB's max_statement_time or MySQL's max_execution_time; 0: as long as it likes. */
  get timeLimitMs(): number {
    const seconds = Number(this.variables.get("max_statement_time") ?? 0);
    const ms = Number(this.variables.get("max_execution_time") ?? 0);
    const limit = seconds > 0 ? seconds * 1000 : ms;
    return Number.isFinite(limit) && limit > 0 ? limit : 0;
  }

  /** What the session has set wait_timeout or interactive_timeout to; undefined: nothing. */
  idleTimeoutS(name: "wait_timeout" | "interactive_timeout"): number | "default" | undefined {
    const value = this.variables.get(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value === "default") return "default";
    const seconds = value === "true" ? 1 : value === "false" ? 0 : Number(value);
    // A server has found it good, if with a warning.
    return Number.isNaN(seconds) ? undefined : Math.min(Math.max(1, seconds), IDLE_TIMEOUT_MAX_S);
  }

  /** For a part of a statement: the number of its rows is the whole statement's business. */
  get ofParts(): Settings {
    return this.variables.has(SELECT_LIMIT) ? this.withVariable(SELECT_LIMIT, "DEFAULT") : this;
  }

  /** For what the gateway reads itself: texts come in utf8mb4. */
  get ofGateway(): Settings {
    const isOwn = this.names.charset === "utf8mb4" && !this.variables.has(RESULTS);
    return isOwn ? this.ofParts : this.ofParts.withVariable(RESULTS, "'utf8mb4'");
  }

  /** Items of a SET with what a server has to be told besides: statements come to it in UTF-8. */
  told(items: string): string {
    return this.transcodedFrom === undefined ? items : `${items}, ${IN_UTF8}`;
  }

  /** The character set of statements as they are read; undefined: it is not known here. */
  get clientCharset(): string | undefined {
    return this.transcodedFrom === undefined ? this.#charsetOf(CLIENT_CHARSET) : "utf8mb4";
  }

  /** What a server converts a statement's literals to; undefined: it is not known here. */
  get connectionCharset(): string | undefined {
    const collation = this.variables.get("collation_connection");
    if (collation === undefined) return this.#charsetOf("character_set_connection");
    return collationByName(unquoted(collation))?.charset;
  }

  /** What answers are converted to, in which collation they are shown; without a set as they are stored. */
  get results(): ResultCharset {
    const value = this.variables.get(RESULTS);
    if (value === undefined) return this.names.charset === "utf8" ? { ...this.names, charset: "utf8mb3" } : this.names;
    if (value.toUpperCase() === "NULL") return { charset: undefined, collation: undefined };
    const charset = this.#charsetOf(RESULTS) ?? LOGIN_CHARSET.charset;
    return { charset, collation: undefined };
  }

  #charsetOf(variable: string): string | undefined {
    const value = this.variables.get(variable);
    if (value === undefined) return this.names.charset;
    const charset = unquoted(value);
    if (charset === "utf8") return "utf8mb3";
    return defaultCollation(charset)?.charset;
  }

  withNames(names: CharacterSet): Settings {
    // SET NAMES sets these three anew (manual: "SET NAMES"); what was said of them before no longer counts.
    const variables = new Map(this.variables);
    for (const name of ["character_set_client", "character_set_results", "character_set_connection"]) {
      variables.delete(name);
    }
    variables.delete("collation_connection");
    return new Settings(names, variables);
  }

  withUserVariable(name: string, sql: string): Settings {
    return this.withVariable(userVariable(name), sql);
  }

  /** `sql` is the value as SQL text. */
  withVariable(name: string, sql: string): Settings {
    const value = isFlagList(name) ? withFlags(this.variables.get(name), sql) : sql;
    const variables = new Map(this.variables).set(name, value);
    // Each of these two sets the other one; the last one that was set counts.
    if (name === "character_set_connection") variables.delete("collation_connection");
    else if (name === "collation_connection") variables.delete("character_set_connection");
    return new Settings(this.names, variables);
  }
}

export interface ResultCharset {
  readonly charset: string | undefined;
  /** Undefined: the set's own. */
  readonly collation: string | undefined;
}

/** A name in a value as SQL text; upper-case DEFAULT is none. */
function unquoted(sql: string): string {
  return sql.replaceAll("'", "").toLowerCase();
}

const RESULTS = "character_set_results";
const CLIENT_CHARSET = "character_set_client";
const IN_UTF8 = `${CLIENT_CHARSET} = utf8mb4`;

/** MySQL's bound, outside Windows. */
const IDLE_TIMEOUT_MAX_S = 31_536_000;

/** A variable about the client's own connection, which the gateway watches; shards' connections do not get it. */
export function isOfClient(name: string): boolean {
  return name === "wait_timeout" || name === "interactive_timeout";
}

const SELECT_LIMIT = "sql_select_limit";
const NO_LIMIT = "18446744073709551615";
const LITERAL_VARIABLES = ["character_set_client", "character_set_connection", "collation_connection"];

/** What SET says of character sets. */
export function namesSql({ charset, collation }: CharacterSet): string {
  return `NAMES ${charset}${collation === undefined ? "" : ` COLLATE ${collation}`}`;
}

/** `@name`, quoted. */
export function userVariable(name: string): string {
  return `@\`${name.toLowerCase().replaceAll("`", "``")}\``;
}

/** The name that `userVariable` was given. */
export function nameOfUserVariable(quoted: string): string {
  return quoted.slice(2, -1).replaceAll("``", "`");
}

/** A name among `variables` is one of a user variable. */
export function isUserVariable(name: string): boolean {
  return name.startsWith("@`");
}

function isLogin(names: CharacterSet): boolean {
  return (
    names.charset === LOGIN_CHARSET.charset &&
    (names.collation === undefined || names.collation === LOGIN_CHARSET.collation)
  );
}
