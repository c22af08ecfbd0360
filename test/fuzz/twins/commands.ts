// Commands of the protocol, valid and mangled, made from a seed: prepared statements with every type of parameter and wrong
// blocks, long data, cursors, bulk executions, and all other COM_* with cut, spliced and enormous lengths. A command does not
// know the ids that a server has given its statements: it names slots, and is told the ids when it is sent.

import { COM, MYSQL_TYPE } from "../../../src/mysql/constants.ts";
import type { SeededRandom } from "../../unit/vschema/seeded-random.ts";

/** Gives the payload for a server on which the statement of slot n has the id `ids[n]`. */
export interface FuzzedCommand {
  /** For people. */
  readonly name: string;
  payload(ids: readonly number[]): Buffer;
  /** The same as clients with CLIENT_QUERY_ATTRIBUTES send it, with some attributes. */
  attributed(ids: readonly number[]): Buffer;
  /** Its answer gives the id of a new slot. */
  readonly prepares: boolean;
  readonly opensCursor: boolean;
}

/** Statements whose answers do not depend on the server, with the number of their parameters. */
const PREPARED: readonly string[] = [
  "SELECT ? AS a",
  "SELECT ? AS a, ? AS b, ? IS NULL",
  "SELECT id, v, n, d, dt, b FROM t WHERE id = ?",
  "SELECT id, v FROM t WHERE id >= ? ORDER BY id LIMIT ?",
  "SELECT id, v, n, d, dt FROM t ORDER BY id",
  "SELECT COUNT(*) FROM t WHERE v = ? OR n = ? OR d = ?",
  "INSERT INTO t (id, v, n, d, dt, b) VALUES (?, ?, ?, ?, ?, ?)",
  "UPDATE t SET v = ? WHERE id = ?",
  "DELETE FROM t WHERE id = ?",
  "SET @a = ?",
  "DO ?",
  "SELECT 1",
  "SELECT nothing FROM t",
  "SELEKT",
  "",
  "BEGIN",
  "ROLLBACK",
];

const TEXTS: readonly string[] = [
  "SELECT 1",
  "SELECT id, v, n, d, dt FROM t ORDER BY id",
  "SELECT 1; SELECT 2",
  "SELECT 1; SELEKT; SELECT 2",
  "SELECT nothing FROM t",
  "",
  ";",
  "\0",
  "SET @a = 1, @b = 'x'",
  "SELECT @a IS NULL, @b IS NULL",
  "BEGIN",
  "COMMIT",
  "ROLLBACK",
  "INSERT INTO t (id, v) VALUES (50, 'n') ON DUPLICATE KEY UPDATE v = 'm'",
  "UPDATE t SET v = 'u' WHERE id = 2",
  "DELETE FROM t WHERE id = 50",
  "PREPARE p FROM 'SELECT ?'",
  "EXECUTE p USING @a",
  "DEALLOCATE PREPARE p",
  "SELECT 'x",
  "SELECT /* x",
  "SET sql_mode = DEFAULT",
];

/** Not those that MariaDB reads nothing for. */
const TYPES: readonly number[] = [
  ...Object.values(MYSQL_TYPE).filter((type) => ![6, 9, 13, 16, 244, 255].includes(type)),
  0x1f,
  0x60,
  0xf0,
];
const COMMANDS: readonly number[] = [
  ...Array<number>(6).fill(COM.STMT_PREPARE),
  ...Array<number>(14).fill(COM.STMT_EXECUTE),
  ...Array<number>(4).fill(COM.QUERY),
  ...Array<number>(3).fill(COM.STMT_SEND_LONG_DATA),
  ...Array<number>(4).fill(COM.STMT_FETCH),
  ...Array<number>(2).fill(COM.STMT_RESET),
  COM.STMT_CLOSE,
  COM.STMT_BULK_EXECUTE,
  COM.STMT_BULK_EXECUTE,
  COM.PING,
  COM.INIT_DB,
  COM.FIELD_LIST,
  COM.SET_OPTION,
  COM.RESET_CONNECTION,
  COM.CHANGE_USER,
  COM.PROCESS_KILL,
  COM.TIME,
  COM.SLEEP,
  COM.CONNECT,
  COM.DELAYED_INSERT,
  0x21,
  0x7f,
];

/**
 * `slots` has the number of parameters of each. With `exact` executions fit their statement, since blocks that do not mean
 * other things with attributes.
 */
export function fuzzedCommand(random: SeededRandom, slots: readonly number[], exact: boolean): FuzzedCommand {
  const command = random.pick(COMMANDS) ?? COM.PING;
  const made = argumentOf(command, random, slots, exact);
  const isFixed = made.fixedBytes === Number.POSITIVE_INFINITY || made.attributed !== undefined;
  const mangle = isFixed ? UNMANGLED : mangling(random, made.fixedBytes);
  const whole = (bytes: Buffer): Buffer => mangle.of(Buffer.concat([Buffer.of(command), bytes]));
  return {
    name: `${nameOf(command)} ${made.name}${mangle.name}`,
    payload: (ids) => whole(made.bytes(ids)),
    attributed: (ids) => whole((made.attributed ?? made.bytes)(ids)),
    prepares: command === COM.STMT_PREPARE,
    opensCursor: command === COM.STMT_EXECUTE && made.opensCursor === true,
  };
}

interface Argument {
  readonly name: string;
  /** With the command's byte, at the beginning, which are not mangled; infinity: nor what would follow them. */
  readonly fixedBytes: number;
  readonly opensCursor?: boolean;
  readonly bytes: (ids: readonly number[]) => Buffer;
  /** Undefined: the same. */
  readonly attributed?: (ids: readonly number[]) => Buffer;
}

function plain(name: string, bytes: Buffer, fixedBytes = 1): Argument {
  return { name, fixedBytes, bytes: () => bytes };
}

function argumentOf(command: number, random: SeededRandom, slots: readonly number[], exact: boolean): Argument {
  switch (command) {
    case COM.QUERY: {
      const text = random.pick(TEXTS) ?? "";
      const argument = { ...plain(JSON.stringify(text), Buffer.from(text)), fixedBytes: Number.POSITIVE_INFINITY };
      if (!exact) return argument;
      const attributes = attributesOf(random);
      const block = attributes.length === 0 ? Buffer.of(0, 1) : namedBlock(Buffer.of(attributes.length, 1), attributes);
      return { ...argument, attributed: () => Buffer.concat([block, Buffer.from(text)]) };
    }
    case COM.STMT_PREPARE: {
      const text = random.pick(PREPARED) ?? "";
      return { ...plain(JSON.stringify(text), Buffer.from(text)), fixedBytes: Number.POSITIVE_INFINITY };
    }
    case COM.STMT_EXECUTE: {
      if (exact) return exactExecution(random, slots);
      const block = executeBlock(random);
      return { ...ofStatement(random, slots, block), opensCursor: block[0] === 1 };
    }
    case COM.STMT_BULK_EXECUTE:
      return ofStatement(random, slots, bulkBlock(random));
    case COM.STMT_SEND_LONG_DATA:
      return ofStatement(random, slots, Buffer.concat([Buffer.of(random.below(4), 0), random.bytes(random.below(20))]));
    case COM.STMT_FETCH: {
      const rows = Buffer.alloc(4);
      rows.writeUInt32LE(random.pick([0, 1, 2, 100, 0xffff_ffff]) ?? 1);
      return { ...ofStatement(random, slots, rows), fixedBytes: 9 };
    }
    case COM.STMT_CLOSE:
    case COM.STMT_RESET:
      return ofStatement(random, slots, Buffer.alloc(0));
    case COM.INIT_DB:
      return plain("", Buffer.from(random.pick(["u", "u", "nowhere", "u\0"]) ?? ""));
    case COM.FIELD_LIST:
      return plain("", Buffer.from(random.pick(["t\0", "t\0%", "nothing\0", "t\0v%\0", "t"]) ?? ""));
    case COM.SET_OPTION:
      return plain("", Buffer.of(random.below(3), 0), 3);
    case COM.PROCESS_KILL:
      return { ...plain("", Buffer.of(0xfe, 0xff, 0xff, 0x7f)), fixedBytes: 5 };
    case COM.CHANGE_USER:
      return { ...plain("", CHANGE_USER), fixedBytes: 1 + CHANGE_USER.length };
    default:
      return plain("", random.bytes(random.below(3) === 0 ? random.below(12) : 0));
  }
}

const CHANGE_USER = Buffer.from("root\0\0u\0\u002d\0mysql_native_password\0\0");
const NOT_A_SLOT = [0, 9_999, 0x7fff_ffff] as const;

function ofStatement(random: SeededRandom, slots: readonly number[], rest: Buffer): Argument {
  const slot = random.below(8) === 0 ? -1 : random.below(Math.max(1, slots.length));
  const wrong = random.pick(NOT_A_SLOT) ?? 0;
  return {
    name: `#${slot < 0 ? `id ${wrong}` : slot} ${rest.toString("hex").slice(0, 200)}`,
    fixedBytes: 5,
    bytes(ids) {
      const id = Buffer.alloc(4);
      id.writeUInt32LE(ids[slot] ?? wrong);
      return Buffer.concat([id, rest]);
    },
  };
}

/** Flags, iterations, and a block for zero to six parameters: most fit one of the statements. */
function executeBlock(random: SeededRandom): Buffer {
  const count = random.below(7);
  const cursor = random.below(4) === 0 ? (random.pick([1, 1, 1, 2, 4, 8, 128]) ?? 1) : 0;
  const parts: Buffer[] = [Buffer.of(cursor, 1, 0, 0, 0)];
  if (count === 0) return Buffer.concat(parts);
  const nulls = Buffer.alloc((count + 7) >> 3);
  for (let i = 0; i < count; i++) if (random.below(4) === 0) nulls[i >> 3] = (nulls[i >> 3] ?? 0) | (1 << (i & 7));
  const givesTypes = random.below(6) > 0;
  parts.push(nulls, Buffer.of(givesTypes ? 1 : 0));
  const types = Array.from({ length: count }, () => random.pick(TYPES) ?? MYSQL_TYPE.LONG);
  if (givesTypes) for (const type of types) parts.push(Buffer.of(type, random.below(3) === 0 ? 0x80 : 0));
  for (const [i, type] of types.entries()) {
    if (((nulls[i >> 3] ?? 0) & (1 << (i & 7))) === 0) parts.push(valueOf(type, random));
  }
  return Buffer.concat(parts);
}

/** A parameter or an attribute; `value` is empty for NULL. */
interface Named {
  readonly name: string;
  readonly type: number;
  readonly isNull: boolean;
  readonly value: Buffer;
}

function named(random: SeededRandom, name: string): Named {
  const type = random.pick(TYPES.filter((each) => each !== MYSQL_TYPE.NULL)) ?? MYSQL_TYPE.LONG;
  const isNull = random.below(4) === 0;
  return { name, type, isNull, value: isNull ? Buffer.alloc(0) : rightValueOf(type, random) };
}

function attributesOf(random: SeededRandom): readonly Named[] {
  return Array.from({ length: random.below(3) }, (_, at) => named(random, ["", "traceparent", "größe"][at] ?? ""));
}

const PARAMETER_COUNT_AVAILABLE = 8;

/** An execution that has what its statement needs, and in its other form also attributes. */
function exactExecution(random: SeededRandom, slots: readonly number[]): Argument {
  const slot = random.below(Math.max(1, slots.length));
  const cursor = random.below(4) === 0 ? 1 : 0;
  const parameters = Array.from({ length: slots[slot] ?? 0 }, () => named(random, ""));
  const attributes = attributesOf(random);
  const all = [...parameters, ...attributes];
  const head = (ids: readonly number[], flags: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes.writeUInt32LE(ids[slot] ?? 9_999);
    bytes[4] = flags;
    bytes[5] = 1;
    return bytes;
  };
  const flags = cursor | (attributes.length > 0 ? PARAMETER_COUNT_AVAILABLE : 0);
  const block = all.length === 0 ? Buffer.alloc(0) : namedBlock(Buffer.of(all.length), all);
  return {
    name: `#${slot} ${all.map(({ type, isNull, value }) => `${type} ${isNull ? "NULL" : value.toString("hex")}`).join()}`,
    fixedBytes: 5,
    opensCursor: cursor === 1,
    bytes: (ids) =>
      Buffer.concat([head(ids, cursor), parameters.length === 0 ? Buffer.alloc(0) : unnamedBlock(parameters)]),
    attributed: (ids) => Buffer.concat([head(ids, flags), block]),
  };
}

function namedBlock(count: Buffer, all: readonly Named[]): Buffer {
  const types = all.flatMap(({ type, name }) => [Buffer.of(type, 0, Buffer.byteLength(name)), Buffer.from(name)]);
  return Buffer.concat([count, nullsOf(all), Buffer.of(1), ...types, ...all.map(({ value }) => value)]);
}

function unnamedBlock(all: readonly Named[]): Buffer {
  return Buffer.concat([
    nullsOf(all),
    Buffer.of(1),
    ...all.map(({ type }) => Buffer.of(type, 0)),
    ...all.map(({ value }) => value),
  ]);
}

function nullsOf(all: readonly Named[]): Buffer {
  const nulls = Buffer.alloc((all.length + 7) >> 3);
  for (const [at, { isNull }] of all.entries()) if (isNull) nulls[at >> 3] = (nulls[at >> 3] ?? 0) | (1 << (at & 7));
  return nulls;
}

function bulkBlock(random: SeededRandom): Buffer {
  const count = 1 + random.below(6);
  const rows = 1 + random.below(3);
  const parts: Buffer[] = [Buffer.of(random.pick([128, 128, 128, 0, 64, 192]) ?? 128, 0)];
  const types = Array.from({ length: count }, () => random.pick(TYPES) ?? MYSQL_TYPE.LONG);
  for (const type of types) parts.push(Buffer.of(type, 0));
  for (let row = 0; row < rows; row++) {
    for (const type of types) {
      const indicator = random.below(4) === 0 ? random.below(5) : 0;
      parts.push(Buffer.of(indicator));
      if (indicator === 0) parts.push(valueOf(type, random));
    }
  }
  return Buffer.concat(parts);
}

const INTEGER_BYTES: ReadonlyMap<number, number> = new Map([
  [MYSQL_TYPE.TINY, 1],
  [MYSQL_TYPE.SHORT, 2],
  [MYSQL_TYPE.YEAR, 2],
  [MYSQL_TYPE.LONG, 4],
  [MYSQL_TYPE.INT24, 4],
  [MYSQL_TYPE.LONGLONG, 8],
]);
const STRINGS: readonly string[] = ["", "a", "1", "12.50", "2020-02-30", "-1e3", "it's", "\\", "größe", "\0x"];

/** One whose length is right. */
function rightValueOf(type: number, random: SeededRandom): Buffer {
  for (;;) {
    const value = valueOf(type, random);
    if (!LENGTHS.some((length) => value.equals(Buffer.from(length, "hex")))) return value;
  }
}

/** A value of the type, seldom a wrong one: times that do not exist, lengths that are too long. */
function valueOf(type: number, random: SeededRandom): Buffer {
  const integerBytes = INTEGER_BYTES.get(type);
  if (integerBytes !== undefined) {
    const small = Buffer.alloc(integerBytes);
    small[0] = random.below(5);
    return random.below(3) > 0 ? small : random.bytes(integerBytes);
  }
  switch (type) {
    case MYSQL_TYPE.NULL:
      return Buffer.alloc(0);
    case MYSQL_TYPE.FLOAT: {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(random.pick([0, 1.5, -2.25, 1e10]) ?? 0);
      return bytes;
    }
    case MYSQL_TYPE.DOUBLE: {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(random.pick([0, 1.5, -2.25, 1e10, 1e100]) ?? 0);
      return bytes;
    }
    case MYSQL_TYPE.DATE:
      return random.pick(DATES) ?? Buffer.of(0);
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return random.pick(DATETIMES) ?? Buffer.of(0);
    case MYSQL_TYPE.TIME:
      return random.pick(TIMES) ?? Buffer.of(0);
    default: {
      const text = Buffer.from(random.pick(STRINGS) ?? "");
      return random.below(12) === 0
        ? Buffer.from(random.pick(LENGTHS) ?? "fb", "hex")
        : Buffer.concat([Buffer.of(text.length), text]);
    }
  }
}

const DATES = ["00", "04e4070101", "04e407021d", "04e4070c1f", "04e8030101"].map((hex) => Buffer.from(hex, "hex"));
const DATETIMES = ["00", "04e4070101", "07e407021d173b3b", "0be407010101020340e20100"].map((hex) =>
  Buffer.from(hex, "hex"),
);
const TIMES = ["00", "080000000000010203", "080122000000173b3b", "0c000100000001020340e20100"].map((hex) =>
  Buffer.from(hex, "hex"),
);
const LENGTHS = ["fb", "ff", "fcffff", "fdffffff", "feffffffffffffffff", "fe0000000000000080", "fa", "fc"] as const;

interface Mangling {
  readonly name: string;
  of(payload: Buffer): Buffer;
}

const UNMANGLED: Mangling = { name: "", of: (payload) => payload };

function mangling(random: SeededRandom, fixedBytes: number): Mangling {
  const kind = random.below(12);
  const at = random.below(40);
  const bytes = random.bytes(1 + random.below(8));
  const length = Buffer.from(random.pick(LENGTHS) ?? "fb", "hex");
  const place = (payload: Buffer): number => Math.min(payload.length, fixedBytes + at);
  switch (kind) {
    case 0:
      return { name: " cut", of: (payload) => payload.subarray(0, place(payload)) };
    case 1:
      return {
        name: ` with ${bytes.toString("hex")} at +${at}`,
        of: (payload) => Buffer.concat([payload.subarray(0, place(payload)), bytes, payload.subarray(place(payload))]),
      };
    case 2:
      return {
        name: ` with length ${length.toString("hex")} at +${at}`,
        of: (payload) => Buffer.concat([payload.subarray(0, place(payload)), length, payload.subarray(place(payload))]),
      };
    default:
      return UNMANGLED;
  }
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(COM).map(([name, byte]) => [byte, `COM_${name}`]));

function nameOf(command: number): string {
  return NAMES.get(command) ?? `command 0x${command.toString(16)}`;
}

/** Statements of as many parameters as there can be, and of one more, and executions of them. */
export function enormousCommands(): readonly FuzzedCommand[] {
  const command = (name: string, payload: (ids: readonly number[]) => Buffer, prepares = false): FuzzedCommand => ({
    name,
    payload,
    attributed: payload,
    prepares,
    opensCursor: false,
  });
  const preparation = (count: number): FuzzedCommand => {
    const sql = `SELECT COUNT(*), MIN(v) FROM t WHERE id IN (${Array<string>(count).fill("?").join()})`;
    return command(`${count} parameters`, () => Buffer.concat([Buffer.of(COM.STMT_PREPARE), Buffer.from(sql)]), true);
  };
  const execution = (name: string, count: number, nulls: number, cutBytes: number): FuzzedCommand => {
    const types = Buffer.alloc(count * 2);
    const values = Buffer.alloc(nulls === 0 ? count * 4 : 0);
    for (let at = 0; at < count; at++) types[at * 2] = MYSQL_TYPE.LONG;
    for (let at = 0; at + 4 <= values.length; at += 4) values.writeInt32LE(at >> 2, at);
    const block = [Buffer.alloc((count + 7) >> 3, nulls), Buffer.of(1), types, values];
    return command(name, (ids) => {
      const head = Buffer.alloc(10);
      head[0] = COM.STMT_EXECUTE;
      head.writeUInt32LE(ids[0] ?? 0, 1);
      head[6] = 1;
      const whole = Buffer.concat([head, ...block]);
      return whole.subarray(0, whole.length - cutBytes);
    });
  };
  return [
    preparation(PARAMETERS_MAX),
    execution("with all of them", PARAMETERS_MAX, 0, 0),
    execution("all of them NULL", PARAMETERS_MAX, 0xff, 0),
    execution("with a byte too few", PARAMETERS_MAX, 0, 1),
    execution("with all of them again", PARAMETERS_MAX, 0, 0),
    preparation(PARAMETERS_MAX + 1),
  ];
}

const PARAMETERS_MAX = 65_535;
