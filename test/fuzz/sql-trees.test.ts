// print and parse are each other's opposite: random trees come back from their text.
// SQL_TREES=100000 FUZZ_SEED=7 npx vitest run test/fuzz/sql-trees.test.ts

import { expect, test } from "vitest";
import { messageOf } from "../../src/base/errors.ts";
import { decodeSql, encodeSql } from "../../src/sql/encoding.ts";
import { parse } from "../../src/sql/parse.ts";
import { print } from "../../src/sql/print.ts";
import type { Statement } from "../../src/sql/tree.ts";
import { rewrite, sameTree } from "../../src/sql/walk.ts";
import { countOf, randomOf, seedOf } from "./random.ts";
import { treeMaker } from "./sql-tree-maker.ts";

test("parse(print(tree)) is the tree", () => {
  const seed = seedOf(20_240_501);
  const count = countOf("SQL_TREES", 15_000);
  const random = randomOf(seed);
  const maker = treeMaker(random);
  const faults: string[] = [];
  let bytes = 0;
  for (let run = 0; run < count && faults.length < 10; run++) {
    const tree = maker.statement();
    const text = print(tree);
    bytes += text.length;
    const fault = faultOf(tree, text);
    if (fault !== undefined) faults.push(`seed ${seed} run ${run}: ${fault}\n  ${text}`);
  }
  expect(faults).toEqual([]);
  expect(bytes).toBeGreaterThan(count * 20);
}, 600_000);

function faultOf(tree: Statement, text: string): string | undefined {
  try {
    const again = parse(decodeSql(encodeSql(text)));
    return sameTree(indexed(again), indexed(tree)) ? undefined : `comes back as ${print(again)}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Bind variables without the index that the parser reads out of their names. */
function indexed(tree: Statement): Statement {
  return rewrite(tree, { expr: (node) => (node.kind === "bind" ? { ...node, index: 0 } : node) });
}
