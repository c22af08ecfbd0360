// DEFAULT and IGNORE in place of values in EXECUTE … USING (MariaDB's manual: "EXECUTE STATEMENT"): what is written for them
// into the statement. They mean something where a parameter is all of a column's new value, and nothing elsewhere.

import { ShardgateError } from "../../base/errors.ts";
import type { Template } from "../../sql/parameters.ts";
import { parse } from "../../sql/parse.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr, SqlMode } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";

/** The text for each of `using` that is such a word, by its index. Throws ER_INVALID_DEFAULT_PARAM. */
export function defaultParameters(
  { text }: Pick<Template, "text">,
  using: readonly Expr[],
  mode: SqlMode,
): ReadonlyMap<number, string> {
  if (using.every(({ kind }) => kind !== "default")) return NONE;
  const statement = parse(text, mode);
  const markers: number[] = [];
  /** Texts for DEFAULT and for IGNORE, by the marker's place. */
  const texts = new Map<number, readonly [string, string]>();
  const note = (expr: Expr, ofDefault: string, ofIgnore: string): void => {
    if (expr.kind === "param") texts.set(expr.pos, [ofDefault, ofIgnore]);
  };
  walk(statement, (node) => {
    if (node.kind === "param") markers.push(node.pos);
    else if (node.kind === "insertRow" && statement.kind === "insert")
      for (const value of node.values) note(value, "DEFAULT", "DEFAULT");
    else if (node.kind === "assignment") note(node.value, "DEFAULT", printExpr(node.column, [], { mode }));
    // As an item of its own it is without a value.
    else if (node.kind === "expr" && statement.kind !== "insert") note(node.expr, "NULL", "NULL");
    return true;
  });
  markers.sort((one, other) => one - other);
  const found = new Map<number, string>();
  for (const [index, value] of using.entries()) {
    if (value.kind !== "default") continue;
    const both = texts.get(markers[index] ?? -1);
    if (both === undefined) {
      throw new ShardgateError(
        "ER_INVALID_DEFAULT_PARAM",
        "Default/ignore value is not supported for such parameter usage",
      );
    }
    found.set(index, both[value.ignore === true ? 1 : 0]);
  }
  return found;
}

const NONE: ReadonlyMap<number, string> = new Map();
