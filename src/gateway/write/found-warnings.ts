// What the query that finds a statement's rows has warned of, which a strict sql_mode makes an error of in a statement that
// writes. Knows nothing of the rows.

import { MysqlError } from "../../base/errors.ts";
import { sqlStateOf } from "../../mysql/sql-states.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { Expr, Query } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import { isStrict } from "../session/strict-mode.ts";
import type { SessionState, SessionWarning } from "../session/session-state.ts";
import { warningsOfSession } from "../show/show-warnings.ts";

/** Throws what is an error in an UPDATE or DELETE, though not in the query that finds its rows. */
export function refuseWarned(state: SessionState): void {
  if (isStrict(state)) refuse(warningsOfSession(state).filter(({ code }) => OF_CONDITIONS.has(code)));
}

/**
 * Throws what is an error in INSERT … SELECT: what values of rows warn of. Servers look at constants in conditions before
 * they look at rows, and then mostly just warn, so those stay warnings.
 */
export function refuseWarnedValues(state: SessionState, query: Query, binds: readonly BindValue[]): void {
  if (!isStrict(state)) return;
  const warnings = warningsOfSession(state).filter(({ code }) => OF_VALUES.has(code));
  if (warnings.length === 0) return;
  const { texts, computes } = constantsOf(query, binds);
  refuse(
    warnings.filter(({ message }) => {
      const [, value] = /value: '(.*?)'/s.exec(message) ?? [];
      return value === undefined ? !computes : !texts.has(value);
    }),
  );
}

function refuse(warnings: readonly SessionWarning[]): void {
  const first = warnings.find(({ level }) => level === "Warning");
  if (first !== undefined) throw new MysqlError(first.code, sqlStateOf(first.code), first.message);
}

/** What stands in conditions: texts, and whether something is divided or called that may have no value. */
function constantsOf(
  query: Query,
  binds: readonly BindValue[],
): { readonly texts: ReadonlySet<string>; readonly computes: boolean } {
  const texts = new Set<string>();
  let computes = false;
  const note = (condition: Expr | undefined): void => {
    if (condition === undefined) return;
    walk(condition, (node) => {
      if (node.kind === "literal") texts.add(node.value);
      else if (node.kind === "bind") {
        const bind = binds[node.index];
        const literals = bind === undefined ? [] : bind.kind === "list" ? bind.items : [bind];
        for (const { raw } of literals) texts.add(raw.toString("utf8"));
      } else computes ||= node.kind === "call" || (node.kind === "binary" && DIVISIONS.has(node.op));
      return true;
    });
  };
  walk(query, (node) => {
    if (node.kind === "select") {
      note(node.where);
      note(node.having);
    } else if (node.kind === "join") note(node.on);
    return true;
  });
  return { texts, computes };
}

const DIVISIONS: ReadonlySet<string> = new Set(["/", "div", "%"]);

/** 1292 Truncated incorrect …, 1365 Division by 0, 1411 Incorrect … value for function. */
const OF_CONDITIONS: ReadonlySet<number> = new Set([1292, 1365, 1411]);
/** Also 1260 cut by GROUP_CONCAT(), 1264 to 1366 out of range and truncated, 1441 field overflow, 3020 LOG(), JSON texts. */
const OF_VALUES: ReadonlySet<number> = new Set([
  ...OF_CONDITIONS,
  1260,
  1264,
  1265,
  1366,
  1441,
  3020,
  4035,
  4036,
  4037,
  4038,
  4039,
  4040,
  4041,
  4042,
]);
