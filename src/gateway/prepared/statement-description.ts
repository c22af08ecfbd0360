// What COM_STMT_PREPARE tells of a statement before it runs: how many parameters it has and what its columns are. A shard
// is asked to prepare the statement, so that this, and what is wrong with it, is MySQL's own word. Where no one shard has
// all of its tables the statement is run without rows instead. Answers are kept until a definition changes.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { BufferReader, BufferWriter } from "../../mysql/codec.ts";
import { COLLATION_BINARY } from "../../mysql/charsets.ts";
import { COLUMN_FLAG, COM, HEADER_ERR, HEADER_OK, MYSQL_TYPE } from "../../mysql/constants.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { encodeEof } from "../../mysql/packets/eof.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import type { Plan } from "../../plan/plan.ts";
import { tableNamesOf } from "../../plan/tables.ts";
import { literalNode, tableNode } from "../../sql/new-nodes.ts";
import { normalize } from "../../sql/normalize.ts";
import { filled, parameterOffsets } from "../../sql/parameters.ts";
import { parse } from "../../sql/parse.ts";
import { print } from "../../sql/print.ts";
import type { Node, ObjectName, Statement } from "../../sql/tree.ts";
import { isQuery, mapChildren } from "../../sql/walk.ts";
import { EMPTY_SELECT } from "../write/empty-statements.ts";
import type { Executor } from "../executor.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { replyInside } from "../read/inner-query.ts";
import { warningsOf } from "../show/show-warnings.ts";
import { globalNumber } from "../session/global-variables.ts";
import { type LastWarnings, NO_WARNINGS } from "../session/session-state.ts";
import { anyKeyspace } from "../session/any-keyspace.ts";
import { ruledText } from "../rules/run-ruled.ts";
import { askedSyntaxError, isSyntaxError } from "../plans/asked-syntax.ts";
import { isDone } from "../plans/statement-facts.ts";

export interface StatementDescription {
  /** Payloads of column definitions. */
  readonly columns: readonly Buffer[];
  /** Those of its parameters, as a shard tells them; a parameter that has none is like any other. */
  readonly parameters: readonly Buffer[];
  /** What preparing it has warned of; undefined: the session's warnings stay, as where no table is named. */
  readonly told?: PreparationWarnings | undefined;
}

interface PreparationWarnings {
  readonly count: number;
  readonly warnings: LastWarnings;
}

/** Errors of a shard about names that another keyspace may have. */
const OF_NAMES: ReadonlySet<number> = new Set([1044, 1046, 1049, 1142, 1146]);
const NULL = Buffer.from(" NULL ");
const ZERO = 0x30;
const NO_COLUMNS: StatementDescription = { columns: [], parameters: [] };
const NOTHING_TOLD: PreparationWarnings = { count: 0, warnings: NO_WARNINGS };
/** Statements of the text protocol's prepared statements, which are not prepared themselves. */
const UNSUPPORTED: ReadonlySet<Statement["kind"]> = new Set(["prepare", "execute", "deallocate"]);

/** The definition that MariaDB gives every parameter. */
const PARAMETER_DEFINITION = encodeColumnDefinition({
  schema: "",
  table: "",
  orgTable: "",
  name: "?",
  orgName: "",
  collation: COLLATION_BINARY,
  columnLength: 0,
  type: MYSQL_TYPE.NULL,
  flags: COLUMN_FLAG.BINARY,
  decimals: 0,
});

/** Throws 1461 when all of the gateway's sessions together have as many as SET GLOBAL lets them. */
export function checkPreparedOfAll({ globals, totals }: GatewayContext): void {
  const most = globalNumber(globals.current, "max_prepared_stmt_count");
  if (most !== undefined && totals().preparedStatements >= most) throw tooManyPrepared(most);
}

/** Throws 1461 when a session has `count` prepared statements and may have no more. */
export function checkPrepared(count: number, textBytes: number): void {
  if (textBytes >= LIMITS.preparedBytesPerSessionMax) {
    const text = `prepared statements of the session have ${LIMITS.preparedBytesPerSessionMax} bytes or more: close some`;
    throw new ShardgateError("LIMIT_REACHED", text);
  }
  const most = LIMITS.preparedPerSessionMax;
  if (count >= most) throw tooManyPrepared(most);
}

function tooManyPrepared(most: number): ShardgateError {
  const text = `Can't create more than max_prepared_stmt_count statements (current value: ${most})`;
  return new ShardgateError("ER_MAX_PREPARED_STMT_COUNT_REACHED", text);
}

/** Descriptions by what they depend on, the oldest dropped; all of them when definitions change. */
export class StatementDescriptions {
  #version = -1;
  #entries = new Map<string, StatementDescription>();
  #bytes = 0;

  get(version: number, key: string): StatementDescription | undefined {
    this.#turnTo(version);
    return this.#entries.get(key);
  }

  set(version: number, key: string, description: StatementDescription): void {
    this.#turnTo(version);
    const bytes = bytesOf(key, description);
    if (bytes > LIMITS.preparedTextBytesMax || this.#entries.has(key)) return;
    this.#entries.set(key, description);
    this.#bytes += bytes;
    for (const [oldest, value] of this.#entries) {
      if (this.#entries.size <= LIMITS.preparedDescriptionsMax && this.#bytes <= LIMITS.preparedDescriptionBytesMax)
        break;
      this.#entries.delete(oldest);
      this.#bytes -= bytesOf(oldest, value);
    }
  }

  #turnTo(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#entries = new Map();
    this.#bytes = 0;
  }
}

/**
 * Describes `sent`, or what a query rule will make of it. Throws what is wrong with it. The result is a promise only
 * where somebody has to be asked.
 */
export function describePrepared(
  executor: Executor,
  sent: Buffer,
): StatementDescription | Promise<StatementDescription> {
  const { state, context } = executor;
  const text = rewrittenForPrepare(executor, sent) ?? sent;
  const { version } = context.cluster();
  const { target } = state;
  const key = `${target.text}\n${state.readingMode}\n${state.settings.sql}\n${text.latin1Slice(0, text.length)}`;
  const isOwn = state.holds.empty;
  const known = isOwn ? context.descriptions.get(version, key) : undefined;
  if (known !== undefined) return known;
  let statement: Statement;
  try {
    statement = parse(text, state.sqlMode);
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "ER_EMPTY_QUERY") {
      // A comment alone is a statement that does nothing.
      if (isDone(text, normalize(text, state.sqlMode))) return NO_COLUMNS;
    }
    if (!isSyntaxError(error)) throw error;
    return askedSyntaxError(executor, text, error).then((asked) => {
      throw asked;
    });
  }
  if (UNSUPPORTED.has(statement.kind)) {
    const said = "This command is not supported in the prepared statement protocol yet";
    throw new ShardgateError("ER_UNSUPPORTED_PS", said);
  }
  const silent = tableNamesOf(statement).length > 0 ? NOTHING_TOLD : undefined;
  return describe(executor, text, statement).then((described) => {
    const description = { ...described, told: described.told ?? silent };
    if (isOwn && executor.context.cluster().version === version) context.descriptions.set(version, key, description);
    return description;
  });
}

/** What a query rule will make of a statement with parameter markers; undefined: it stays as it is. */
export function rewrittenForPrepare(executor: Executor, text: Buffer): Buffer | undefined {
  if (executor.context.rules.current === undefined) return undefined;
  return ruledText(executor, numbered(text, parameterOffsets(text, executor.state.sqlMode)));
}

/** The answer to COM_STMT_PREPARE, in classic framing. */
export function prepareReply(
  statementId: number,
  parameterCount: number,
  { columns, parameters, told }: StatementDescription,
  statusFlags: number,
  sequenceId: number,
): Buffer {
  const writer = new BufferWriter(64 + (parameterCount + columns.length) * 80);
  writer.sequenceId = sequenceId;
  writer.beginPacket();
  writer.u8(HEADER_OK);
  writer.u32(statementId);
  writer.u16(columns.length);
  writer.u16(parameterCount);
  writer.u8(0);
  const warnings = told?.count ?? 0;
  writer.u16(warnings);
  writer.endPacket();
  if (parameterCount > 0) {
    for (let index = 0; index < parameterCount; index++) packet(writer, parameters[index] ?? PARAMETER_DEFINITION);
    packet(writer, encodeEof({ warnings, statusFlags }));
  }
  if (columns.length > 0) {
    for (const column of columns) packet(writer, column);
    packet(writer, encodeEof({ warnings, statusFlags }));
  }
  return writer.finish();
}

async function describe(executor: Executor, text: Buffer, statement: Statement): Promise<StatementDescription> {
  const offsets = parameterOffsets(text, executor.state.sqlMode);
  const plan = executor.planOfPrepared(numbered(text, offsets));
  if (plan === undefined) return describeOther(executor, text, offsets, statement);
  const keyspace = keyspaceOf(plan);
  if (keyspace === undefined) return NO_COLUMNS;
  try {
    return await askShard(executor, text, keyspace);
  } catch (error) {
    const isElsewhere = error instanceof MysqlError && OF_NAMES.has(error.errno) && plan.kind !== "insert";
    if (!isElsewhere) throw error;
    if (isQuery(statement)) return run(executor, text, offsets, statement);
    // A write over several keyspaces: its names have been found by the planner.
    if (plan.kind !== "change" && plan.kind !== "insert-rows") throw error;
    return describeReturning(executor, statement);
  }
}

/** Of what is no query and no change of rows. It runs only if that has no effect. */
async function describeOther(
  executor: Executor,
  text: Buffer,
  offsets: readonly number[],
  statement: Statement,
): Promise<StatementDescription> {
  const { kind } = statement;
  if (kind === "show") return run(executor, text, offsets, statement);
  if (kind === "explain") {
    const runs = statement.verb === "analyze" || statement.options.includes("analyze");
    if (!runs || isQuery(statement.statement)) return run(executor, text, offsets, statement);
  } else if (kind !== "admin") return NO_COLUMNS;
  try {
    return await askShard(executor, text, anyKeyspace(executor.state, executor.context.cluster()));
  } catch (error) {
    // One of the gateway's own, or about names that another shard has.
    if (error instanceof MysqlError && (error.errno === ER_PARSE || OF_NAMES.has(error.errno))) return NO_COLUMNS;
    throw error;
  }
}

const ER_PARSE = 1064;

async function askShard(executor: Executor, text: Buffer, keyspace: string): Promise<StatementDescription> {
  const { context } = executor;
  const target = executor.shards.any(keyspace, context.cluster());
  const payload = Buffer.concat([Buffer.of(COM.STMT_PREPARE), text]);
  const reply = await collect(
    context.tablets,
    target,
    executor.requestFor(target, payload, false, false),
    executor.signal,
  );
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply.bytes);
  const head = reader.next();
  if (head === undefined) throw new ShardgateError("ER_MALFORMED_PACKET", "empty answer to COM_STMT_PREPARE");
  const columnCount = head.readUInt16LE(5);
  const parameterCount = head.readUInt16LE(7);
  const take = (count: number): readonly Buffer[] =>
    Array.from({ length: count }, () => Buffer.from(reader.next() ?? []));
  const parameters = take(parameterCount);
  // An EOF.
  if (parameterCount > 0) reader.next();
  const { info } = reply;
  const told = info.warnings > 0 ? { count: info.warnings, warnings: warningsOf([info]) } : undefined;
  return { columns: take(columnCount), parameters: parameters.some(isOfOwn) ? parameters : [], told };
}

/** Columns of RETURNING, as a query of the table has them. */
async function describeReturning(executor: Executor, statement: Statement): Promise<StatementDescription> {
  if ((statement.kind !== "insert" && statement.kind !== "delete") || statement.returning.length === 0) {
    return NO_COLUMNS;
  }
  const from = statement.kind === "insert" ? [{ ...tableNode("", ""), ...nameOf(statement.table) }] : statement.tables;
  const query = { ...EMPTY_SELECT, items: statement.returning, from };
  return run(executor, Buffer.alloc(0), [], query);
}

function nameOf({ schema, name }: ObjectName): Pick<ObjectName, "schema" | "name"> {
  return { schema, name };
}

/** Columns of the statement's own answer, without rows if it is a query. */
async function run(
  executor: Executor,
  text: Buffer,
  offsets: readonly number[],
  statement: Statement,
): Promise<StatementDescription> {
  const { sqlMode } = executor.state;
  let sql: Buffer | string = filled(
    { text, offsets },
    offsets.map(() => NULL),
  );
  if (isQuery(statement)) {
    const { pos } = statement;
    const count = literalNode("int", "0", pos);
    const limit = { kind: "limit", offset: undefined, count, withTies: false, rowsExamined: undefined, pos } as const;
    sql = print(withNumbers({ ...statement, limit }), [], { mode: sqlMode, columnNames: true });
  }
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(await replyInside(executor, sql));
  const columns: Buffer[] = [];
  let count: number | undefined;
  for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
    if (payload[0] === HEADER_ERR) throw decodeErr(payload);
    if (count === undefined) {
      if (payload[0] === HEADER_OK) break;
      count = new BufferReader(payload).lenenc();
    } else if (columns.length < count) columns.push(Buffer.from(payload));
  }
  return { columns, parameters: [] };
}

/** With a number in each marker's place: the values decide nothing here. */
function numbered(text: Buffer, offsets: readonly number[]): Buffer {
  const copy = Buffer.from(text);
  for (const offset of offsets) copy[offset] = ZERO;
  return copy;
}

/** The same of a tree. There is no column 0 to sort or group by. */
function withNumbers<N extends Node>(tree: N): N {
  const change = (node: Node): Node => {
    if (node.kind === "param") return literalNode("int", "0", node.pos);
    if (node.kind === "order" && node.expr.kind === "param") return { ...node, expr: literalNode("null", "null") };
    return mapChildren(node, change);
  };
  return mapChildren(tree, change);
}

function keyspaceOf(plan: Plan): string | undefined {
  if (plan.kind === "session") return undefined;
  return plan.kind === "merge" ? plan.body.keyspace : plan.keyspace;
}

function packet(writer: BufferWriter, payload: Buffer): void {
  writer.beginPacket();
  writer.bytes(payload);
  writer.endPacket();
}

/** A parameter with an alias is called by it. */
function isOfOwn(definition: Buffer): boolean {
  return decodeColumnDefinition(definition).name !== "?";
}

function bytesOf(key: string, { columns, parameters }: StatementDescription): number {
  return [...columns, ...parameters].reduce((sum, column) => sum + column.length, key.length);
}
