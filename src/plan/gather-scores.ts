// MATCH … AGAINST needs a full-text index, which a temporary table cannot have: each shard gives its rows their scores, and
// the statement reads them as a column. A score counts words of one shard's rows; whether a row matches is the same.

import { columnNode } from "../sql/new-nodes.ts";
import type { Match, Query, TableName } from "../sql/tree.ts";
import { rewrite, walk } from "../sql/walk.ts";
import { visitOwn } from "./colocation.ts";
import { isPure } from "./pure.ts";
import { type Block, blocksOf, type QueryScope, resolveColumn, type Source } from "./scope.ts";

/** A column of scores beside the table's own. */
export interface Score {
  readonly name: string;
  readonly match: Match;
}

export interface Scored {
  /** With columns in place of what is scored. */
  readonly statement: Query;
  readonly scores: ReadonlyMap<TableName, readonly Score[]>;
}

/** What is not sure to be about one table is left as it is. */
export function withScores(statement: Query, scope: QueryScope | undefined): Scored {
  const scores = new Map<TableName, Score[]>();
  const columns = new Map<Match, { readonly source: Source; readonly name: string }>();
  for (const block of scope === undefined ? [] : blocksOf(scope)) {
    visitOwn(block.select, (node) => {
      if (node.kind !== "match" || columns.has(node) || !isConstant(node)) return;
      const source = onlySource(node, block);
      if (source === undefined || source.ref.kind !== "tableName" || source.resolved === undefined) return;
      const name = `shardgate_score_${columns.size + 1}`;
      columns.set(node, { source, name });
      const known = scores.get(source.ref);
      if (known === undefined) scores.set(source.ref, [{ name, match: node }]);
      else known.push({ name, match: node });
    });
  }
  if (columns.size === 0) return { statement, scores };
  const scored = rewrite(statement, {
    expr(node) {
      const column = node.kind === "match" ? columns.get(node) : undefined;
      if (column === undefined) return node;
      return columnNode(column.name, column.source.shownAlias, node.pos);
    },
  });
  return { statement: scored, scores };
}

function isConstant({ against }: Match): boolean {
  let found = true;
  walk(against, (node) => {
    found &&= node.kind !== "column" && isPure(node);
    return found;
  });
  return found;
}

function onlySource({ columns }: Match, block: Block): Source | undefined {
  const sources = new Set(
    columns.map((column) => (column.kind === "column" ? resolveColumn(column, block)?.source : undefined)),
  );
  const [only, ...others] = sources;
  return others.length === 0 && only?.block === block ? only : undefined;
}
