import { expect, test } from "vitest";
import { MYSQL_TYPE } from "../../../../src/mysql/constants.ts";
import { type ExecuteParameters, TYPE_UNSIGNED } from "../../../../src/mysql/packets/stmt-execute.ts";
import type { BindValue } from "../../../../src/sql/bind-value.ts";
import { normalize } from "../../../../src/sql/normalize.ts";
import { filled, templateOf } from "../../../../src/sql/parameters.ts";
import { DEFAULT_SQL_MODE, type SqlMode } from "../../../../src/sql/tree.ts";
import { literalsOf } from "../../../../src/gateway/prepared/execution.ts";
import { KnownForms } from "../../../../src/gateway/prepared/known-forms.ts";
import { randomFrom } from "../../topo/random.ts";

type Parameter = readonly [type: number, value: Buffer | null];

const int = (value: number): Parameter => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return [MYSQL_TYPE.LONG, bytes];
};
const bigint = (value: bigint): Parameter => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return [MYSQL_TYPE.LONGLONG | TYPE_UNSIGNED, bytes];
};
const double = (value: number): Parameter => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [MYSQL_TYPE.DOUBLE, bytes];
};
const text = (value: string): Parameter => [MYSQL_TYPE.VAR_STRING, Buffer.from(value)];
const blob = (value: string): Parameter => [MYSQL_TYPE.BLOB, Buffer.from(value)];
const decimal = (value: string): Parameter => [MYSQL_TYPE.NEWDECIMAL, Buffer.from(value)];
const date = (day: number): Parameter => [MYSQL_TYPE.DATE, Buffer.of(4, 0xe8, 7, 2, day)];
const NOTHING: Parameter = [MYSQL_TYPE.NULL, null];

const STATEMENTS = [
  "SELECT c FROM t WHERE id = ?",
  "SELECT c FROM t WHERE id IN (?, 7, ?) AND k = 'x' LIMIT ?, ?",
  "SELECT DISTINCT c FROM t WHERE id BETWEEN ? AND ? ORDER BY c",
  "SELECT c, 5 FROM t WHERE id = ? ORDER BY id + ?, 5",
  "SELECT c + 2 FROM t GROUP BY c + ?",
  "SELECT c FROM t ORDER BY ?",
  "SELECT ?, c FROM t WHERE id = ?",
  "SELECT c + ? FROM t WHERE id = 3",
  "INSERT INTO t (id, c, d) VALUES (?, ?, 'con''stant'), (?,?,NULL)",
  "INSERT INTO t SET id=?, c=?",
  "UPDATE t SET c = ?, d = d + ? WHERE id = ? /* a */ AND k > 5",
  "DELETE FROM t WHERE id=? OR (c LIKE ? ESCAPE '|')",
  "SELECT /*!40001 SQL_NO_CACHE */ c FROM t WHERE id = ? AND k = 1",
  "SELECT c FROM t WHERE d > NOW() - INTERVAL ? DAY AND d < DATE '2020-01-01' AND e = _latin1'x'",
  "SELECT c FROM t WHERE id = ?; ",
  "SELECT c FROM `t` WHERE `a?` = '?' AND id = ?",
  "BEGIN",
  "SELECT 1 FROM t",
  "CALL p(?, 5)",
  "SET @a = ?",
];

/** Undefined for a list's own text. */
function shown(bind: BindValue): unknown {
  if (bind.kind === "list") return bind.items.map(shown);
  const { type, raw, introducer, source } = bind;
  return [type, raw.toString("hex"), introducer, source?.toString("hex")];
}

function parametersOf(values: readonly Parameter[]): ExecuteParameters {
  return { types: values.map(([type]) => type), values: values.map(([, value]) => value) };
}

for (const mode of [DEFAULT_SQL_MODE, { ...DEFAULT_SQL_MODE, noBackslashEscapes: true, ansiQuotes: true }]) {
  test(`a known form is what the text with the values in it is read as, ${mode.ansiQuotes ? "ansi" : "default"}`, () => {
    const whole = randomFrom(20_261_122);
    const anyOf = <Item>(items: readonly Item[]): Item => items[whole(items.length)] as Item;
    const any = (): Parameter =>
      anyOf<() => Parameter>([
        () => int(whole(1_000)),
        () => int(5),
        () => int(-whole(1_000)),
        () => bigint(2n ** 64n - 1n - BigInt(whole(9))),
        () => double(whole(1_000) / 8),
        () => double(-0.5),
        () => double(Number.NaN),
        () => text(anyOf(["", "x", "it's", 'back\\slash "', "grün", "5"])),
        () => blob(anyOf(["", "\0\u0001", "a'b"])),
        () => decimal(anyOf(["1.50", "-3", "7", "1e5", "0.", ""])),
        () => date(1 + whole(28)),
        () => NOTHING,
      ])();
    let known = 0;
    for (const sql of STATEMENTS) {
      const template = templateOf(Buffer.from(sql), mode);
      const forms = new KnownForms(template, mode);
      for (let run = 0; run < 400; run++) {
        const simple = run % 2 === 0;
        const values = template.offsets.map((_, index) =>
          simple ? (index % 2 === 0 ? int(whole(1_000)) : text(`v${whole(100)}'`)) : any(),
        );
        const parameters = parametersOf(values);
        const given = forms.with(parameters);
        const plain = readWith(template, parameters, mode);
        const read = { ...plain, binds: forms.once(parameters)?.binds ?? plain.binds };
        if (given === undefined) forms.learn(parameters);
        else {
          known++;
          expect({ sql, key: given.key, verb: given.verb }).toEqual({ sql, key: read.key, verb: read.verb });
          expect(given.binds.map(shown)).toEqual(read.binds.map(shown));
          expect(read.statementEnd).toBe(read.length);
          expect(given.statementEnd).toBeGreaterThanOrEqual(read.length);
        }
      }
    }
    expect(known).toBeGreaterThan(2_000);
  });
}

function readWith(
  template: ReturnType<typeof templateOf>,
  parameters: ExecuteParameters,
  mode: SqlMode,
): ReturnType<typeof normalize> & { readonly length: number } {
  const sql = filled(template, literalsOf(template, parameters, mode.noBackslashEscapes, false));
  return { ...normalize(sql, mode), length: sql.length };
}

test("what depends on more than the kinds of values has no known form", () => {
  const known = (sql: string, ...values: readonly Parameter[]): boolean => {
    const template = templateOf(Buffer.from(sql), DEFAULT_SQL_MODE);
    const forms = new KnownForms(template, DEFAULT_SQL_MODE);
    forms.learn(parametersOf(values));
    forms.learn(parametersOf(values));
    return forms.with(parametersOf(values)) !== undefined;
  };
  expect(known("SELECT c FROM t WHERE id = ?", int(5))).toBe(true);
  expect(known("SELECT c FROM t WHERE id = ?", int(-5))).toBe(false);
  expect(known("SELECT c FROM t WHERE id = ?", double(Number.POSITIVE_INFINITY))).toBe(false);
  expect(known("SELECT ? FROM t", int(5))).toBe(false);
  expect(known("SELECT c FROM t ORDER BY ?", int(1))).toBe(false);
  expect(known("SELECT c FROM t WHERE d = ?", [MYSQL_TYPE.DATE, Buffer.of(3, 1, 2, 3)])).toBe(false);
  expect(known("COMMIT")).toBe(true);
});

test("a value keeps its type in what is sent, and routes by its text", () => {
  const sentAs = (sql: string, ...values: readonly Parameter[]): readonly (readonly (string | undefined)[])[] => {
    const template = templateOf(Buffer.from(sql), DEFAULT_SQL_MODE);
    const { binds = [] } = new KnownForms(template, DEFAULT_SQL_MODE).once(parametersOf(values)) ?? {};
    const all = binds.flatMap((bind) => (bind.kind === "list" ? bind.items : [bind]));
    return all.map(({ type, raw, source }) => [type, raw.toString(), source?.toString()]);
  };
  const list = "SELECT c FROM t WHERE id IN (?, ?) AND k = 5";
  expect(sentAs(list, int(1), int(2))).toEqual([]);
  expect(sentAs(list, date(3), text("2024-02-03"))).toEqual([
    ["string", "2024-02-03", "DATE'2024-02-03'"],
    ["string", "2024-02-03", "'2024-02-03'"],
    ["int", "5", "5"],
  ]);
  expect(sentAs(list, decimal("007"), int(-7)).slice(0, 1)).toEqual([["int", "007", "007."]]);
});
