// COM_STMT_*: the prepared statements of one session. An execution is the statement's text with the values in it, run as
// any other; where one shard answers it, that shard executes the statement itself, in binary form, and its reply passes
// through. So routing, transactions and everything else know nothing of prepared statements, and those that go to several
// shards have their answers turned into binary rows.
//
// Server-side cursors keep the rows here: on a shard they would hold a connection between fetches.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { BufferWriter, malformed } from "../../mysql/codec.ts";
import { COM, HEADER_ERR, MYSQL_TYPE } from "../../mysql/constants.ts";
import { decodeCommand } from "../../mysql/packets/command.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { decodeOk, type OkPacket } from "../../mysql/packets/ok.ts";
import {
  BULK_SEND_TYPES,
  type BulkParameters,
  CURSOR_READ_ONLY,
  decodeBulkParameters,
  decodeExecuteParameters,
  encodeExecute,
  type ExecuteParameters,
  wrongArguments,
} from "../../mysql/packets/stmt-execute.ts";
import { filled, type Template, templateOf } from "../../sql/parameters.ts";
import { parse } from "../../sql/parse.ts";
import { bulkInsertOf, bulkTexts, indicatedLiterals, unsupportedInBulk } from "./bulk-insert.ts";
import { CursorClient } from "./cursor-client.ts";
import { type CursorRows, CursorUse } from "./cursor-rows.ts";
import { exactFloats } from "./exact-floats.ts";
import type { SessionTarget } from "../cluster/target.ts";
import { ClientExecution, type ExactRead, literalsOf } from "./execution.ts";
import { inDatabase, isElsewhere } from "./in-database.ts";
import type { Executor } from "../executor.ts";
import type { ExecutorClient } from "../client/executor-client.ts";
import { replyInside } from "../read/inner-query.ts";
import type { PreparedText } from "./prepared-texts.ts";
import { readAlike, reread } from "./reread.ts";
import { STATEMENT_BYTES_MAX } from "../cluster/processes.ts";
import { comQuery } from "../client/com-query.ts";
import { asOneStatement } from "../transaction/statement-unit.ts";
import { textInUtf8 } from "../client/statement-encoding.ts";
import { encodingOf } from "../client/transcoded-command.ts";
import {
  checkPrepared,
  checkPreparedOfAll,
  describePrepared,
  prepareReply,
  rewrittenForPrepare,
  type StatementDescription,
} from "./statement-description.ts";

const HEADER_BYTES = 4;
/** Command, statement id, parameter: servers take no notice of less. */
const LONG_DATA_HEADER_BYTES = 7;
/** What MariaDB executes in bulk. */
const BULK_STATEMENTS: ReadonlySet<string> = new Set(["insert", "update", "delete"]);
/** MariaDB's: sent behind a preparation whose answer has not come yet. */
const ID_OF_LAST = 0xffff_ffff;

interface Prepared {
  readonly id: number;
  /** What was selected when it was prepared. */
  readonly target: SessionTarget;
  /** Under the sql_mode of its last execution. */
  read: PreparedText;
  /** Undefined: it has no FLOAT columns. */
  exact: ExactRead | undefined;
  /** Of the definitions under which it was described. */
  version: number;
  /** Parameter types of the last execution. */
  types: readonly number[] | undefined;
  /** What COM_STMT_SEND_LONG_DATA has sent, by parameter. */
  longData: Map<number, BufferWriter> | undefined;
  /** What was wrong with long data; told by each execution until the statement is reset. */
  longDataError: ShardgateError | undefined;
  cursor: CursorRows | undefined;
}

type StatementCommand = "mysqld_stmt_execute" | "mysqld_stmt_fetch" | "mysqld_stmt_reset";

export interface PreparedStatementsOptions {
  /** The client may send COM_STMT_BULK_EXECUTE. */
  readonly allowsBulk: boolean;
  /** Of the next statement; never given twice, so that what a client keeps beyond its session is nobody's. */
  takeId(): number;
}

export class PreparedStatements {
  readonly #executor: Executor;
  readonly #client: ExecutorClient;
  readonly #options: PreparedStatementsOptions;
  readonly #statements = new Map<number, Prepared>();
  /** undefined too when the last preparation failed. */
  #last: Prepared | undefined;
  #longDataBytes = 0;
  #textBytes = 0;
  readonly #cursorUse = new CursorUse();

  /** `client` is the one of `executor`. */
  constructor(executor: Executor, client: ExecutorClient, options: PreparedStatementsOptions) {
    this.#executor = executor;
    this.#client = client;
    this.#options = options;
  }

  /** The statement that a command is about, as the client wrote it; undefined for commands without one. */
  textOf(payload: Buffer): string | undefined {
    const isOfStatement = payload[0] === COM.STMT_EXECUTE || payload[0] === COM.STMT_FETCH;
    if (!isOfStatement || payload.length < HEADER_BYTES + 1) return undefined;
    return this.#statements.get(payload.readUInt32LE(1))?.read.text.toString("utf8", 0, STATEMENT_BYTES_MAX);
  }

  get count(): number {
    return this.#statements.size;
  }

  /** `payload` of COM_STMT_PREPARE. */
  prepare(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    this.#last = undefined;
    try {
      checkPrepared(this.#statements.size, this.#textBytes);
      checkPreparedOfAll(executor.context);
      const { sqlMode, readingMode } = executor.state;
      const read = executor.context.preparedTexts.of(payload.subarray(1), sqlMode, readingMode);
      const described = describePrepared(executor, read.text);
      if (described instanceof Promise) {
        described.then(
          (description) => this.#prepared(read, description),
          (error: unknown) => executor.fail(error),
        );
      } else this.#prepared(read, described);
    } catch (error) {
      executor.fail(error);
    }
  }

  /** `payload` of COM_STMT_EXECUTE. */
  execute(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    try {
      const command = decodeCommand(payload, this.#client.capabilities);
      if (command.kind !== "stmt-execute") throw malformed("COM_STMT_EXECUTE expected");
      const statement = this.#find(command.statementId, "mysqld_stmt_execute");
      if (statement.longDataError !== undefined) throw statement.longDataError;
      this.#read(statement);
      this.#closeCursor(statement);
      const parameters = this.#takeParameters(statement, command.parameters, command.cursorFlags);
      const withCursor = (command.cursorFlags & CURSOR_READ_ONLY) !== 0;
      const isKnown = statement.exact === undefined || statement.version === executor.context.cluster().version;
      if (isKnown) this.#run(statement, parameters, withCursor, sequenceId);
      else {
        this.#describeAnew(statement).then(
          () => this.#run(statement, parameters, withCursor, sequenceId),
          (error: unknown) => executor.fail(error),
        );
      }
    } catch (error) {
      executor.fail(error);
    }
  }

  /** `payload` of MariaDB's COM_STMT_BULK_EXECUTE: one execution after the other, one answer. */
  bulkExecute(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    try {
      const command = decodeCommand(payload, this.#client.capabilities);
      if (command.kind !== "stmt-bulk-execute") throw malformed("COM_STMT_BULK_EXECUTE expected");
      const { parameters, flags } = command;
      if (!this.#options.allowsBulk || (flags & ~BULK_SEND_TYPES) !== 0) throw unsupportedInBulk();
      // The name is MariaDB's.
      const statement = this.#find(command.statementId, "mysqld_stmt_execute");
      const { template } = this.#read(statement);
      const rows = readAs("mysqld_stmt_bulk_execute", () => {
        if (statement.longData !== undefined) throw malformed("long data in a bulk execution");
        return decodeBulkParameters(parameters, flags, template.offsets.length, statement.types);
      });
      if (rows === undefined) throw unsupportedInBulk();
      statement.types = rows[0]?.types ?? statement.types;
      const sent = rows.map((row) => ({ ...this.#inUtf8(row), indicated: row.indicated }));
      const inside = this.#executorFor(statement).answering(sequenceId);
      this.#bulk(inside, statement, sent, sequenceId).catch((error: unknown) => inside.fail(error));
    } catch (error) {
      executor.fail(error);
    }
  }

  /** `payload` of COM_STMT_FETCH. */
  fetch(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    try {
      const command = decodeCommand(payload, this.#client.capabilities);
      if (command.kind !== "stmt-fetch") throw malformed("COM_STMT_FETCH expected");
      const statement = this.#find(command.statementId, "mysqld_stmt_fetch");
      const { cursor, id } = statement;
      if (cursor === undefined) {
        throw new ShardgateError("ER_STMT_HAS_NO_OPEN_CURSOR", `The statement (${id}) has no open cursor`);
      }
      cursor.fetch(command.rows, executor.state.statusFlags, sequenceId + 1, this.#client).then(
        (isLast) => {
          if (isLast) this.#closeCursor(statement);
          this.#client.commandDone();
        },
        (error: unknown) => executor.fail(error),
      );
    } catch (error) {
      executor.fail(error);
    }
  }

  /** `payload` of COM_STMT_SEND_LONG_DATA, which has no answer: what is wrong with it is told by the execution. */
  sendLongData(payload: Buffer): void {
    try {
      if (payload.length < LONG_DATA_HEADER_BYTES) return;
      const command = decodeCommand(payload, this.#client.capabilities);
      if (command.kind !== "stmt-send-long-data") return;
      const statement = this.#withId(command.statementId);
      if (statement === undefined) return;
      if (command.parameter >= statement.read.template.offsets.length) {
        statement.longDataError = new ShardgateError(
          "ER_WRONG_ARGUMENTS",
          "Incorrect arguments to mysqld_stmt_send_long_data",
        );
        return;
      }
      this.#longDataBytes += command.data.length;
      if (this.#longDataBytes > LIMITS.longDataBytesMax) {
        this.#dropLongData(statement);
        const text = `Parameter of prepared statement which is set through mysql_send_long_data() is longer than ${LIMITS.longDataBytesMax} bytes`;
        statement.longDataError = new ShardgateError("ER_NET_PACKET_TOO_LARGE", text);
        return;
      }
      statement.longData ??= new Map();
      let written = statement.longData.get(command.parameter);
      if (written === undefined) {
        // Parts may be of a byte each: they are no objects of their own.
        written = new BufferWriter(command.data.length);
        statement.longData.set(command.parameter, written);
      }
      written.bytes(command.data);
    } finally {
      this.#client.commandDone();
    }
  }

  /** `payload` of COM_STMT_RESET. */
  reset(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    try {
      const statement = this.#find(statementIdOf(payload), "mysqld_stmt_reset");
      this.#dropLongData(statement);
      statement.longDataError = undefined;
      this.#closeCursor(statement);
      executor.ok({ statusFlags: executor.state.statusFlags });
    } catch (error) {
      executor.fail(error);
    }
  }

  /** `payload` of COM_STMT_CLOSE, which has no answer. */
  close(payload: Buffer): void {
    const statement = payload.length >= 5 ? this.#withId(statementIdOf(payload)) : undefined;
    if (statement !== undefined) this.#forget(statement);
    this.#client.commandDone();
  }

  /** All of them: COM_RESET_CONNECTION, COM_CHANGE_USER, the end of the session. */
  closeAll(): void {
    for (const statement of this.#statements.values()) this.#forget(statement);
  }

  #prepared(read: PreparedText, description: StatementDescription): void {
    const id = this.#options.takeId();
    this.#last = {
      id,
      target: this.#executor.state.target,
      read,
      exact: this.#exactOf(read, description),
      version: this.#executor.context.cluster().version,
      types: undefined,
      longData: undefined,
      longDataError: undefined,
      cursor: undefined,
    };
    this.#statements.set(id, this.#last);
    this.#textBytes += read.text.length;
    const { state, sequenceId } = this.#executor;
    if (description.told !== undefined) state.lastWarnings = description.told.warnings;
    this.#client.write(prepareReply(id, read.template.offsets.length, description, state.statusFlags, sequenceId));
    this.#client.commandDone();
  }

  /** Definitions have changed since its FLOAT columns were described. */
  async #describeAnew(statement: Prepared): Promise<void> {
    const { state, context } = this.#executor;
    const { version } = context.cluster();
    const { read, target } = statement;
    const before = state.target;
    if (isElsewhere(state, target)) state.target = target;
    try {
      statement.exact = this.#exactOf(read, await describePrepared(this.#executor, read.text));
    } finally {
      state.target = before;
    }
    statement.version = version;
  }

  #exactOf(read: PreparedText, { columns }: StatementDescription): ExactRead | undefined {
    // Then the columns are another statement's.
    if (rewrittenForPrepare(this.#executor, read.text) !== undefined) return undefined;
    const exact = exactFloats(read.text, columns, read.mode);
    return exact && { template: templateOf(exact.text, read.mode), definitions: exact.definitions };
  }

  #run(statement: Prepared, parameters: ExecuteParameters, withCursor: boolean, sequenceId: number): void {
    const { exact } = statement;
    const { text, template, mode, forms } = statement.read;
    const { noBackslashEscapes } = mode;
    let normalized = forms.with(parameters);
    if (normalized === undefined) {
      // What is wrong with the values is told before anything is done.
      void new ClientExecution({ text, template, exact, parameters, noBackslashEscapes, normalized }).payload;
      forms.learn(parameters);
      normalized = forms.once(parameters);
    }
    const execution = new ClientExecution({ text, template, exact, parameters, noBackslashEscapes, normalized });
    if (withCursor) this.#withCursor(statement).execute(execution, sequenceId);
    else this.#executorFor(statement).execute(execution, sequenceId);
  }

  #find(id: number, command: StatementCommand): Prepared {
    const statement = this.#withId(id);
    if (statement !== undefined) return statement;
    throw new ShardgateError(
      "ER_UNKNOWN_STMT_HANDLER",
      `Unknown prepared statement handler (${id}) given to ${command}`,
    );
  }

  #withId(id: number): Prepared | undefined {
    return id === ID_OF_LAST ? this.#last : this.#statements.get(id);
  }

  #parametersOf(statement: Prepared, block: Buffer, flags: number): ExecuteParameters {
    const { read, types, longData } = statement;
    const given = decodeExecuteParameters(block, {
      parameterCount: read.template.offsets.length,
      flags,
      capabilities: this.#client.capabilities,
      types,
      longData(parameter) {
        return longData?.get(parameter)?.finish();
      },
    });
    statement.types = given.types;
    return this.#inUtf8(given);
  }

  /** The sql_mode may be another one than when it was prepared. */
  #read(statement: Prepared): PreparedText {
    const { state, context } = this.#executor;
    const { text, mode } = statement.read;
    if (!readAlike(mode, state.sqlMode)) {
      this.#textBytes -= text.length;
      const anew = reread(text, mode, state.sqlMode);
      statement.read = context.preparedTexts.of(anew, state.sqlMode, state.readingMode);
      this.#textBytes += anew.length;
      // Its FLOAT columns are described anew.
      statement.version = -1;
    }
    return statement.read;
  }

  /** Texts of a client whose statements are read in UTF-8; what cannot come back from there goes as bytes. */
  #inUtf8(parameters: ExecuteParameters): ExecuteParameters {
    const encoding = encodingOf(this.#executor.state);
    if (encoding === undefined) return parameters;
    const { types, values } = parameters;
    const sentTypes = [...types];
    const sent = values.map((value, index) => {
      if (value === null || !isText(types[index] ?? 0)) return value;
      const text = textInUtf8(value, encoding);
      if (text === undefined) sentTypes[index] = MYSQL_TYPE.BLOB;
      return text ?? value;
    });
    return { types: sentTypes, values: sent };
  }

  /** Who runs it so that its rows are fetched. A CALL opens no cursor: its results come at once, as without. */
  /** With the statement's database selected until it is answered. */
  #executorFor({ target }: Prepared, client = this.#client): Executor {
    const { state } = this.#executor;
    if (isElsewhere(state, target)) return this.#executor.forClient(inDatabase(client, state, target), true);
    return client === this.#client ? this.#executor : this.#executor.forClient(client, true);
  }

  #withCursor(statement: Prepared): Executor {
    const read = parse(statement.read.text, this.#executor.state.sqlMode);
    if ("into" in read && read.into !== undefined) {
      throw new MysqlError(1323, "42000", "Cursor SELECT must not have INTO");
    }
    if (read.kind === "callProcedure") return this.#executorFor(statement);
    const opened = (rows: CursorRows): void => {
      statement.cursor = rows;
    };
    return this.#executorFor(statement, new CursorClient(this.#client, { opened }, this.#cursorUse));
  }

  /** An INSERT is one statement with all rows, as on MariaDB; others are one after the other, and what was done stays. */
  async #bulk(
    executor: Executor,
    statement: Prepared,
    rows: readonly BulkParameters[],
    sequenceId: number,
  ): Promise<void> {
    const { sqlMode } = executor.state;
    const { text, template } = statement.read;
    if (!BULK_STATEMENTS.has(parse(text, sqlMode).kind)) throw unsupportedInBulk();
    const insert = bulkInsertOf(template, sqlMode);
    const list = insert?.rows;
    const texts =
      insert === undefined || list === undefined
        ? rows.map((row) => filled(template, this.#bulkLiterals(template, row)))
        : [...bulkTexts({ ...insert, rows: list }, this.#literalsOf(template, rows), LIMITS.bulkStatementBytesMax)];
    const [only] = texts;
    if (only !== undefined && texts.length === 1) {
      const payload = comQuery(only);
      if (insert?.returns !== true) executor.query(payload, sequenceId);
      else {
        const command = encodeExecute({ types: [], values: [] });
        executor.execute({ payload, normalized: undefined, text: only, command, exact: undefined }, sequenceId);
      }
      return;
    }
    if (insert?.returns === true) {
      throw notSupported("a bulk execution of RETURNING in several statements", "execute fewer rows at once");
    }
    const run = (): Promise<Partial<OkPacket>> => runAll(executor, texts);
    const ok = await (insert === undefined ? run() : asOneStatement(executor, run));
    executor.ok({ statusFlags: executor.state.statusFlags, ...ok });
  }

  *#literalsOf(template: Template, rows: readonly BulkParameters[]): Generator<readonly Buffer[]> {
    for (const row of rows) yield this.#bulkLiterals(template, row);
  }

  #bulkLiterals(template: Template, row: BulkParameters): readonly Buffer[] {
    const { sqlMode } = this.#executor.state;
    const literals = literalsOf(template, row, sqlMode.noBackslashEscapes, false);
    const indicated = indicatedLiterals(template, row.indicated, sqlMode);
    return indicated.size === 0 ? literals : literals.map((literal, index) => indicated.get(index) ?? literal);
  }

  #closeCursor(statement: Prepared): void {
    void statement.cursor?.close();
    statement.cursor = undefined;
  }

  /** Long data is for one execution, also for one whose parameters cannot be read. */
  #takeParameters(statement: Prepared, block: Buffer, flags: number): ExecuteParameters {
    try {
      return this.#parametersOf(statement, block, flags);
    } finally {
      this.#dropLongData(statement);
    }
  }

  #dropLongData(statement: Prepared): void {
    if (statement.longData === undefined) return;
    for (const written of statement.longData.values()) this.#longDataBytes -= written.length;
    statement.longData = undefined;
  }

  #forget(statement: Prepared): void {
    this.#dropLongData(statement);
    this.#closeCursor(statement);
    if (this.#statements.delete(statement.id)) this.#textBytes -= statement.read.text.length;
    if (this.#last === statement) this.#last = undefined;
  }
}

/** One after the other, up to the first that fails; the counts of all. */
async function runAll(executor: Executor, texts: readonly Buffer[]): Promise<Partial<OkPacket>> {
  let affectedRows = 0;
  let lastInsertId = 0n;
  let warnings = 0;
  for (const text of texts) {
    const reply = await replyInside(executor, text, true);
    const packet = reply.subarray(HEADER_BYTES);
    if (packet[0] === HEADER_ERR) throw decodeErr(packet);
    const ok = decodeOk(packet, 0);
    affectedRows += ok.affectedRows;
    warnings += ok.warnings;
    if (lastInsertId === 0n) lastInsertId = ok.lastInsertId;
  }
  return { affectedRows, lastInsertId, warnings };
}

function isText(type: number): boolean {
  const kind = type & 0xff;
  return kind === MYSQL_TYPE.VARCHAR || kind === MYSQL_TYPE.VAR_STRING || kind === MYSQL_TYPE.STRING;
}

function statementIdOf(payload: Buffer): number {
  if (payload.length < 5) throw malformed("no statement id");
  return payload.readUInt32LE(1);
}

/** What cannot be read is what MySQL calls wrong arguments of its function. */
function readAs<Read>(command: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    throw wrongArguments(error, command);
  }
}
