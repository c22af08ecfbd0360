// The matrix is no better than its reader: what is red, what is absent, what differs from plain MariaDB.

import { describe, expect, test } from "vitest";
import { CLIENTS } from "./clients.ts";
import { difference, failuresOf, renderMatrix } from "./matrix.ts";
import type { Check, Run } from "./run-client.ts";

const VERSIONS = { MariaDB: "10.11", Shardgate: "10.11-shardgate" };

function run(...checks: readonly Check[]): Run {
  return { version: "1.0", checks };
}

function check(name: string, more: Partial<Check> = {}): Check {
  return { group: "crud", check: name, ok: true, ...more };
}

describe("failuresOf", () => {
  test("a check that failed", () => {
    const failures = failuresOf("c", { runs: { MariaDB: run(check("a", { ok: false, detail: "why" })) } });
    expect(failures).toEqual([{ client: "c", target: "MariaDB", group: "crud", check: "a", detail: "why" }]);
  });

  test("what was seen differs from plain MariaDB", () => {
    const runs = { MariaDB: run(check("a", { seen: [{ n: 1 }] })), unsharded: run(check("a", { seen: [{ n: "1" }] })) };
    expect(failuresOf("c", { runs })).toEqual([
      {
        client: "c",
        target: "unsharded",
        group: "crud",
        check: "a",
        detail: 'differs from MariaDB: 0.n is "1", there 1',
      },
    ]);
  });

  test("a check that was not reached, with the end of the script as its reason", () => {
    const runs = { MariaDB: run(check("a"), check("b")), "2 shards": { checks: [check("a")], broken: "ended with 1" } };
    expect(failuresOf("c", { runs }).map((one) => [one.target, one.check, one.detail])).toEqual([
      ["2 shards", "b", "ended with 1"],
    ]);
  });

  test("a script that fails after its last check", () => {
    const runs = { MariaDB: run(check("a")), unsharded: { checks: [check("a")], broken: "ended with 1" } };
    expect(failuresOf("c", { runs }).map(({ target, check: name }) => [target, name])).toEqual([
      ["unsharded", "end of the script"],
    ]);
  });

  test("a check that fails on plain MariaDB has to be passed all the same", () => {
    const failed = check("a", { ok: false, detail: "x" });
    const runs = { MariaDB: run(failed), unsharded: run(failed) };
    expect(failuresOf("c", { runs }).map(({ target }) => target)).toEqual(["MariaDB", "unsharded"]);
  });
});

describe("renderMatrix", () => {
  test("green, red, absent and not part of the client", () => {
    const green = { group: "connect", check: "login", ok: true };
    const text = renderMatrix(
      [
        {
          name: "one",
          language: "Go",
          result: {
            runs: {
              MariaDB: run(green, check("a")),
              unsharded: run(green, check("a")),
              "2 shards": run(green, check("a", { ok: false, detail: "a `b`\nc" })),
            },
          },
        },
        { name: "two", language: "Perl", result: { absent: "perl is missing", runs: {} } },
      ],
      VERSIONS,
    );
    const rows = text.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.at(-2)).toBe("| one, Go | 1.0 | 2 | 🟩🟩🟩 |  | 🟩🟩🟥 |  |  |  |  |  |  |");
    expect(rows.at(-1)).toMatch(/^\| two, Perl \| {2}\| {2}\| (⬜⬜⬜ \| ){8}⬜⬜⬜ \|$/);
    expect(text).toContain("- one, 2 shards, crud, a: `a 'b' c`");
    expect(text).toContain("- two: `perl is missing`");
  });
});

test("difference names the first place", () => {
  expect(difference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe("a.1.b is 2, there 3");
  expect(difference(undefined, 3)).toBe("undefined, there 3");
  expect(difference("a\nb\nc", "a\nB\nc")).toBe('1 is "b", there "B"');
});

test("clients have names of their own", () => {
  expect(new Set(CLIENTS.map(({ name }) => name)).size).toBe(CLIENTS.length);
});
