// What the gateway remembers of one client between statements. Plain state with the few rules that keep it consistent;
// running statements is the executor's business.

import type { MysqlError, ShardgateError } from "../../base/errors.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { User } from "../access/users.ts";
import { SERVER } from "../../mysql/constants.ts";
import type { ResultsetMetadata } from "../../mysql/optional-metadata.ts";
import type { Tier } from "../../plan/describe-plan.ts";
import type { Template } from "../../sql/parameters.ts";
import { DEFAULT_SQL_MODE, type SqlMode } from "../../sql/tree.ts";
import type { LockOwner } from "../transaction/deadlock-watch.ts";
import { KeptState } from "./kept-state.ts";
import type { Digest } from "../observe/query-stats.ts";
import { StatementCounts } from "../observe/statement-counts.ts";
import type { SessionHolds } from "./session-holds.ts";
import type { SessionGtids } from "./session-gtids.ts";
import type { SessionTracker } from "./session-tracker.ts";
import { Settings } from "./settings.ts";
import { NO_TARGET, type SessionTarget } from "../cluster/target.ts";
import { isReadOnly } from "../transaction/transaction-start.ts";

/** An entry of SHOW WARNINGS that the gateway made itself. */
export interface SessionWarning {
  readonly level: "Note" | "Warning" | "Error";
  readonly code: number;
  readonly message: string;
  /** Undefined: the code's own. */
  readonly sqlState?: string;
}

export type LastWarnings =
  /** A shard's own reply to SHOW WARNINGS, framed. */
  | { readonly kind: "reply"; readonly reply: Buffer }
  | { readonly kind: "list"; readonly warnings: readonly SessionWarning[] };

/** Session variables of the same names. */
export interface IdleTimeouts {
  readonly waitTimeoutS: number;
  readonly interactiveTimeoutS: number;
}

/** What PREPARE has prepared. */
export interface NamedStatement extends Template {
  /** What its text is read by. */
  readonly mode: SqlMode;
  /** What was selected then. */
  readonly target: SessionTarget;
}

export interface LastStatement {
  /** Undefined for commands that are no statements, and once it was counted. */
  digest: Digest | undefined;
  tier: Tier;
  /** 0: none. */
  errno: number;
  error: ShardgateError | MysqlError | undefined;
  rows: number;
  /** Where it went, as far as the log names shards. */
  readonly targets: ShardTarget[];
}

export const NO_WARNINGS: LastWarnings = { kind: "list", warnings: [] };

const OWN_FLAGS = SERVER.STATUS_AUTOCOMMIT | SERVER.STATUS_IN_TRANS | SERVER.STATUS_IN_TRANS_READONLY;

export class SessionState {
  readonly connectionId: number;
  readonly user: User;
  /** Host part of USER(): what the client's address looks like. */
  readonly clientHost: string;
  /** What the client's connection is encrypted with. */
  tls: { readonly cipher: string; readonly version: string } | undefined;
  /** The client's connection is compressed. */
  isCompressed = false;
  /** CLIENT_FOUND_ROWS was agreed. */
  readonly foundRows: boolean;
  readonly holds: SessionHolds;
  /** For SHOW STATUS. */
  counts = new StatementCounts();
  /** From the client and to it. Undefined for sessions of the gateway's own. */
  bytes: (() => { readonly received: number; readonly sent: number }) | undefined;
  /** Undefined for sessions of the gateway's own. */
  lockOwner: LockOwner | undefined;
  /** What is on the connections that `holds` has reserved. */
  kept = new KeptState();
  target: SessionTarget = NO_TARGET;
  settings: Settings = Settings.atLogin();
  sqlMode: SqlMode;
  /** What `sqlMode` was read from. */
  sqlModeText = "";
  /** What sql_mode is at login. */
  serverSqlMode = "";
  /** What of it clients must know to write literals. */
  #modeFlags = 0;
  /** Stands for `sqlMode` in keys: statements of the same text may read differently. Empty for the default. */
  readingMode = "";
  /** 0 in an auto-increment column asks for an id: sql_mode has no NO_AUTO_VALUE_ON_ZERO. */
  autoValueOnZero = true;
  autocommit = true;
  #begin: string | undefined;
  /** SET TRANSACTION for the next transaction only. */
  nextIsolation: string | undefined;
  nextReadOnly: boolean | undefined;
  lastInsertId = 0n;
  rowCount = -1;
  /** What FOUND_ROWS() says. */
  foundRowsCount = 0;
  /** The session has asked for FOUND_ROWS(): it may do so again. */
  usesFoundRows = false;
  /** User variables, in lower case, that have values which are not known here; undefined: none. */
  lostVariables: ReadonlySet<string> | undefined;
  /** What is counted of the statement under way, or the last one. */
  readonly last: LastStatement = {
    digest: undefined,
    tier: "pass-through",
    errno: 0,
    error: undefined,
    rows: 0,
    targets: [],
  };
  #prepared: Map<string, NamedStatement> | undefined;
  lastWarnings: LastWarnings = NO_WARNINGS;
  /** CLIENT_OPTIONAL_RESULTSET_METADATA was agreed. */
  metadataIsOptional = false;
  resultsetMetadata: ResultsetMetadata = "FULL";
  /** max_allowed_packet, as far as it is the gateway's. */
  packetBytesMax = Number.MAX_SAFE_INTEGER;
  /** Of clients that are told of changes. */
  tracker: SessionTracker | undefined;
  /** Of sessions that have asked for what they get. */
  gtids: SessionGtids | undefined;
  /** A stored program has run, which may have committed. */
  callsStored = false;
  #idleTimeouts: IdleTimeouts = { waitTimeoutS: 0, interactiveTimeoutS: 0 };
  #isInteractive = false;

  constructor(
    connectionId: number,
    user: User,
    clientHost: string,
    foundRows: boolean,
    holds: SessionHolds,
    dialect: SqlMode["dialect"],
  ) {
    this.connectionId = connectionId;
    this.user = user;
    this.clientHost = clientHost;
    this.foundRows = foundRows;
    this.holds = holds;
    this.sqlMode = { ...DEFAULT_SQL_MODE, dialect };
  }

  /** What PREPARE has prepared, by name in lower case. */
  get prepared(): Map<string, NamedStatement> {
    this.#prepared ??= new Map();
    return this.#prepared;
  }

  get preparedCount(): number {
    return this.#prepared?.size ?? 0;
  }

  /** Statements that open the transaction on each shard, as one text; undefined while none is open. */
  get begin(): string | undefined {
    return this.#begin;
  }

  set begin(start: string | undefined) {
    this.#begin = start;
    this.tracker?.transactionBegins();
  }

  /** The open transaction is opened in other words from now on. */
  rewriteBegin(start: string): void {
    this.#begin = start;
  }

  get inTransaction(): boolean {
    return this.#begin !== undefined;
  }

  /** SERVER_STATUS_* that this session's client has to see. */
  get statusFlags(): number {
    const { begin } = this;
    const kept = this.#modeFlags | (this.autocommit ? SERVER.STATUS_AUTOCOMMIT : 0);
    if (begin === undefined) return kept;
    return kept | SERVER.STATUS_IN_TRANS | (isReadOnly(begin) ? SERVER.STATUS_IN_TRANS_READONLY : 0);
  }

  /** A shard's flags with the session's own put in. */
  statusFrom(shardStatus: number): number {
    return (shardStatus & ~OWN_FLAGS) | this.statusFlags;
  }

  /** What of sql_mode decides how the gateway reads statements. */
  readSqlMode(value: string): void {
    this.sqlModeText = value;
    const modes = new Set(value.toUpperCase().split(","));
    this.autoValueOnZero = !modes.has("NO_AUTO_VALUE_ON_ZERO");
    // ANSI and the modes of other products stand for several (manual: "Combination SQL Modes").
    const ansi =
      modes.has("ANSI") || modes.has("DB2") || modes.has("MAXDB") || modes.has("MSSQL") || modes.has("ORACLE");
    this.sqlMode = {
      dialect: this.sqlMode.dialect,
      ansiQuotes: ansi || modes.has("ANSI_QUOTES") || modes.has("POSTGRESQL"),
      pipesAsConcat: ansi || modes.has("PIPES_AS_CONCAT") || modes.has("POSTGRESQL"),
      ignoreSpace: ansi || modes.has("IGNORE_SPACE") || modes.has("POSTGRESQL"),
      noBackslashEscapes: modes.has("NO_BACKSLASH_ESCAPES"),
      oracle: modes.has("ORACLE") && this.sqlMode.dialect === "mariadb",
      highNotPrecedence: modes.has("HIGH_NOT_PRECEDENCE"),
    };
    this.#modeFlags = this.sqlMode.noBackslashEscapes ? SERVER.STATUS_NO_BACKSLASH_ESCAPES : 0;
    if (this.sqlMode.ansiQuotes && this.sqlMode.dialect === "mariadb") this.#modeFlags |= SERVER.STATUS_ANSI_QUOTES;
    this.readingMode = Object.entries(this.sqlMode)
      .flatMap(([name, on]) => (on === true ? [name] : []))
      .join(",");
  }

  /** What the session begins with, and goes back to. An interactive client has wait_timeout from interactive_timeout. */
  idlesAfter(timeouts: IdleTimeouts, isInteractive: boolean): void {
    this.#idleTimeouts = timeouts;
    this.#isInteractive = isInteractive;
  }

  /** wait_timeout: a client without a command for so long is to go; 0: never. */
  get waitTimeoutS(): number {
    const { waitTimeoutS, interactiveTimeoutS } = this.#idleTimeouts;
    const set = this.settings.idleTimeoutS("wait_timeout");
    if (set === "default") return waitTimeoutS;
    return set ?? (this.#isInteractive ? interactiveTimeoutS : waitTimeoutS);
  }

  /** interactive_timeout, which is only shown: it is for clients that log in. */
  get interactiveTimeoutS(): number {
    const set = this.settings.idleTimeoutS("interactive_timeout");
    return typeof set === "number" ? set : this.#idleTimeouts.interactiveTimeoutS;
  }

  /** Everything as after login, as COM_RESET_CONNECTION demands; the target stays. */
  reset(names: Settings): void {
    this.settings = names;
    this.readSqlMode(this.serverSqlMode);
    this.autocommit = true;
    this.resultsetMetadata = "FULL";
    this.begin = undefined;
    this.holds.resetMode();
    this.nextIsolation = undefined;
    this.nextReadOnly = undefined;
    this.kept = new KeptState();
    this.lastInsertId = 0n;
    this.rowCount = -1;
    this.foundRowsCount = 0;
    this.usesFoundRows = false;
    this.lostVariables = undefined;
    this.lastWarnings = NO_WARNINGS;
    this.#prepared = undefined;
    this.counts = new StatementCounts();
    this.gtids?.reset();
    this.callsStored = false;
    this.tracker?.forget();
  }
}
