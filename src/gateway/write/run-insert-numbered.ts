// INSERT and REPLACE into a table that every shard has alike, whose AUTO_INCREMENT column makes ids: the first shard makes
// them, and the others are told. Rows whose ids are not simply consecutive (some are given, or may be left out) go there one
// by one. Manual: "InnoDB AUTO_INCREMENT Lock Modes" has when ids of one statement are consecutive.

import { ShardgateError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import { isZero } from "../../engine/insert.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { asksToGenerate } from "../../plan/insert.ts";
import type { NumberedColumn } from "../../plan/change-plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { resolveValue, valueRefOf } from "../../plan/value-ref.ts";
import { columnNode, literalNode } from "../../sql/new-nodes.ts";
import type { Expr, Insert, InsertRow } from "../../sql/tree.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import type { ShardChange } from "./run-change.ts";
import { filledQuery } from "../session/session-values.ts";
import { runPart } from "../transaction/statement-unit.ts";
import { readTextRows } from "../read/text-rows.ts";
import type { Written } from "./run-insert-lookups.ts";
import { duplicateRuleOf, okOf } from "./write-answer.ts";

/** Runs inside of one statement (`asOneStatement`). The replies are the first shard's. */
export async function insertNumbered(
  executor: Executor,
  statement: Insert,
  column: NumberedColumn,
  targets: readonly ShardTarget[],
  binds: readonly BindValue[],
): Promise<Written> {
  const [first, ...others] = targets;
  if (first === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "a table without a shard");
  const payloadOf = (insert: Insert): Buffer => filledQuery(insert, binds, executor.state, executor.context);
  const { autoValueOnZero } = executor.state;
  const asksForId = ({ values }: InsertRow): boolean => {
    const expr = values[column.position];
    if (expr === undefined || asksToGenerate(expr)) return true;
    const ref = valueRefOf(expr);
    const value = ref === undefined ? undefined : resolveValue(ref, binds);
    return value !== undefined && (value.type === "NULL_TYPE" || (autoValueOnZero && isZero(value)));
  };
  const isSimple =
    !statement.ignore &&
    !statement.replace &&
    statement.onDuplicate.length === 0 &&
    [0, statement.rows.length].includes(statement.rows.filter(asksForId).length);
  const pieces = isSimple ? [statement.rows.map((_, i) => i)] : statement.rows.map((_, i) => [i]);
  const changes: ShardChange[] = [];
  const replies: CollectedReply[] = [];
  const rows: InsertRow[] = [];
  let generated: bigint | undefined;
  for (const positions of pieces) {
    const some = positions.flatMap((at) => statement.rows[at] ?? []);
    const payload = payloadOf({ ...statement, rows: some });
    const reply = await runPart(executor, first, payload);
    changes.push({ target: first, payload, rows: positions });
    replies.push(reply);
    const isAsked = some.some(asksForId);
    const numbers = isAsked ? await numbersOf(executor, first, reply) : { from: 0n, step: 1n, isIgnored: false };
    if (numbers.isIgnored) continue;
    if (isAsked && numbers.isNew) generated ??= numbers.from;
    for (const [i, row] of some.entries()) {
      rows.push(asksForId(row) ? withId(row, column, numbers.from + BigInt(i) * numbers.step) : row);
    }
  }
  if (rows.length > 0) {
    const payload = payloadOf({ ...withColumn(statement, column), rows });
    await Promise.all(others.map((target) => runPart(executor, target, payload)));
  }
  const rule = duplicateRuleOf(statement);
  return { changes, replies, ids: { generated, given: undefined, isOwn: true, isSet: false, mayUpdate: false, rule } };
}

interface Numbers {
  readonly from: bigint;
  readonly step: bigint;
  /** IGNORE has left the row out. */
  readonly isIgnored: boolean;
  readonly isNew?: boolean;
}

async function numbersOf(executor: Executor, target: ShardTarget, reply: CollectedReply): Promise<Numbers> {
  const ok = reply.info.kind === "ok" ? okOf(reply) : undefined;
  if (ok !== undefined && ok.affectedRows === 0 && ok.lastInsertId === 0n)
    return { from: 0n, step: 1n, isIgnored: true };
  const asked = await runPart(executor, target, ASK);
  const [row] = readTextRows(asked.bytes);
  const [last, step] = (row ?? []).map((cell) => BigInt(cell?.toString("latin1") ?? "0"));
  // Of a row that ON DUPLICATE KEY UPDATE has met, the OK tells the id.
  const from = ok === undefined || ok.lastInsertId === 0n ? (last ?? 0n) : ok.lastInsertId;
  return { from, step: step ?? 1n, isIgnored: false, isNew: ok === undefined || ok.affectedRows > 0 };
}

const ASK = comQuery("SELECT LAST_INSERT_ID(), @@auto_increment_increment");

function withId(row: InsertRow, { position }: NumberedColumn, id: bigint): InsertRow {
  const literal: Expr = literalNode("int", String(id));
  const isListed = position < row.values.length;
  return { ...row, values: isListed ? row.values.with(position, literal) : [...row.values, literal] };
}

function withColumn(statement: Insert, { name, position }: NumberedColumn): Insert {
  const isListed = position < (statement.rows[0]?.values.length ?? 0);
  if (isListed) return statement;
  return { ...statement, form: "values", columnList: true, columns: [...statement.columns, columnNode(name)] };
}
