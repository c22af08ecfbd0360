import { describe, expect, test } from "vitest";
import { LoadDataReader } from "../../../../src/gateway/write/load-data-reader.ts";
import type { FileFormat } from "../../../../src/sql/tree.ts";

const TABS: FileFormat = {
  charset: undefined,
  fieldsTerminatedBy: "\t",
  enclosedBy: "",
  escapedBy: "\\",
  linesStartingBy: "",
  linesTerminatedBy: "\n",
};
const CSV: FileFormat = { ...TABS, fieldsTerminatedBy: ",", enclosedBy: '"' };

function lines(format: FileFormat, chunks: readonly string[]): readonly (readonly (string | null)[])[] {
  const reader = new LoadDataReader(format);
  const found: (readonly (string | null)[])[] = [];
  const take = (): void => {
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      found.push(line.map((field) => (field === null ? null : field.toString("utf8"))));
    }
  };
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk));
    take();
  }
  reader.end();
  take();
  return found;
}

const FILES: readonly (readonly [
  name: string,
  format: FileFormat,
  file: string,
  rows: readonly (readonly (string | null)[])[],
])[] = [
  [
    "tabs",
    TABS,
    "1\ta\n2\tb\n",
    [
      ["1", "a"],
      ["2", "b"],
    ],
  ],
  [
    "a last line without an end",
    TABS,
    "1\ta\n2\tb",
    [
      ["1", "a"],
      ["2", "b"],
    ],
  ],
  ["empty lines and fields", TABS, "\n\t\n", [[""], ["", ""]]],
  ["escapes", TABS, "a\\tb\\nc\\\\d\\0e\\xf\t\\N\n", [["a\tb\nc\\d\0exf", null]]],
  ["an escaped end of field or line", TABS, "a\\\tb\t1\\\n2\n", [["a\tb", "1\n2"]]],
  ["\\N only alone is NULL", TABS, "\\Nx\tx\\N\n", [["Nx", "xN"]]],
  [
    "CSV",
    CSV,
    '1,"a,b","c""d"\n2,plain,"line\nbreak"\n',
    [
      ["1", "a,b", 'c"d'],
      ["2", "plain", "line\nbreak"],
    ],
  ],
  ["a quote that ends nothing", CSV, '"a"b","c"\n', [['a"b', "c"]]],
  ["a quote inside a field", CSV, 'a"b,c\n', [['a"b', "c"]]],
  ["NULL as a word, and quoted", CSV, 'NULL,"NULL",NULLS\n', [[null, "NULL", "NULLS"]]],
  ["the word without quotes is text", TABS, "NULL\n", [["NULL"]]],
  [
    "ends of several bytes",
    { ...CSV, linesTerminatedBy: "\r\n", fieldsTerminatedBy: "||" },
    '1||"x"\r\n2|3||\r4\r\n',
    [
      ["1", "x"],
      ["2|3", "\r4"],
    ],
  ],
  [
    "starts of lines",
    { ...TABS, linesStartingBy: ">>" },
    "junk>>1\ta\nmore>>2\tb\nrest",
    [
      ["1", "a"],
      ["2", "b"],
    ],
  ],
  ["no escapes", { ...CSV, escapedBy: "" }, 'a\\,"b\\"\n', [["a\\", "b\\"]]],
  ["quotes as escapes", { ...CSV, escapedBy: '"' }, '"a""b",c\n', [['a"b', "c"]]],
];

describe("lines and fields of a file", () => {
  test.each(FILES)("%s", (_, format, file, rows) => {
    expect(lines(format, [file])).toEqual(rows);
  });

  test.each(FILES)("%s, in two pieces wherever it is cut", (_, format, file, rows) => {
    for (let at = 0; at <= file.length; at++) {
      expect(lines(format, [file.slice(0, at), file.slice(at)]), `cut at ${at}`).toEqual(rows);
    }
  });

  test("lines are left out", () => {
    const reader = new LoadDataReader(CSV);
    reader.push(Buffer.from("id,na"));
    expect(reader.skipLine()).toBe(false);
    reader.push(Buffer.from("me\n1,a\n"));
    expect(reader.skipLine()).toBe(true);
    expect(reader.next()?.map(String)).toEqual(["1", "a"]);
  });
});
