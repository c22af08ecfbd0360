// Going over trees: children, walk, rewrite, equality. All are built on the one rule that a node's children are those of
// its fields that are nodes or lists of nodes, in the order of the fields, which is the order of the text. Trees are never
// changed: a rewrite shares what stayed the same.

import type { Expr, ExprKind, Node, Query, TableRef, TableRefKind } from "./tree.ts";

const EXPR_KINDS = {
  literal: true,
  temporal: true,
  bind: true,
  param: true,
  column: true,
  userVariable: true,
  systemVariable: true,
  assign: true,
  default: true,
  unary: true,
  binary: true,
  and: true,
  or: true,
  is: true,
  in: true,
  between: true,
  like: true,
  memberOf: true,
  quantified: true,
  subquery: true,
  exists: true,
  row: true,
  case: true,
  cast: true,
  typedValue: true,
  convertUsing: true,
  collate: true,
  interval: true,
  call: true,
  groupConcat: true,
  extract: true,
  trim: true,
  position: true,
  match: true,
  weightString: true,
  char: true,
  timestampCall: true,
  getFormat: true,
  jsonValue: true,
  insertValue: true,
  defaultOf: true,
  sequenceValue: true,
  withinGroup: true,
} as const satisfies Record<ExprKind, true>;

const TABLE_KINDS = {
  tableName: true,
  derived: true,
  join: true,
  tableList: true,
  jsonTable: true,
} as const satisfies Record<TableRefKind, true>;

const QUERY_KINDS = { select: true, union: true, values: true, table: true } as const satisfies Record<
  Query["kind"],
  true
>;

export function isExpr(node: Node): node is Expr {
  return node.kind in EXPR_KINDS;
}

export function isTableRef(node: Node): node is TableRef {
  return node.kind in TABLE_KINDS;
}

export function isQuery(node: Node): node is Query {
  return node.kind in QUERY_KINDS;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "kind" in value;
}

/** The node itself, with its fields as any. A copy would be half the cost of going over a tree. */
function fieldsOf(node: object): Readonly<Record<string, unknown>> {
  return node as Readonly<Record<string, unknown>>;
}

/** Calls `visit` for each child of `node`. */
export function children(node: Node, visit: (child: Node) => void): void {
  const fields = fieldsOf(node);
  for (const key in fields) {
    const value = fields[key];
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) visit(item);
    } else if (isNode(value)) visit(value);
  }
}

/** Visits `node` and all below it, parents first; a visit that returns false leaves out what is below. */
export function walk(node: Node, visit: (node: Node) => boolean | void): void {
  if (visit(node) === false) return;
  children(node, (child) => walk(child, visit));
}

/** `node` with each child replaced by what `map` gives for it, which must be of a kind that fits its place. */
export function mapChildren<N extends Node>(node: N, map: (child: Node) => Node): N {
  let changes: Record<string, unknown> | undefined;
  const fields = fieldsOf(node);
  for (const key in fields) {
    const value = fields[key];
    if (typeof value !== "object" || value === null) continue;
    let next: unknown = value;
    if (Array.isArray(value)) next = mapList(value, map);
    else if (isNode(value)) next = map(value);
    if (next !== value) {
      changes ??= {};
      changes[key] = next;
    }
  }
  return changes === undefined ? node : { ...node, ...changes };
}

function mapList(list: readonly unknown[], map: (child: Node) => Node): readonly unknown[] {
  let changed: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (!isNode(item)) continue;
    const next = map(item);
    if (next === item) continue;
    changed ??= list.slice();
    changed[index] = next;
  }
  return changed ?? list;
}

export interface Changes {
  /** New expression for an expression whose children are rewritten already. */
  readonly expr?: (node: Expr) => Expr;
  readonly table?: (node: TableRef) => TableRef;
  readonly query?: (node: Query) => Query;
  /** True leaves a subtree as it is. */
  readonly skip?: (node: Node) => boolean;
}

/** Rewrites a tree from the leaves up. */
export function rewrite<N extends Node>(node: N, changes: Changes): N {
  return mapChildren(node, (child) => change(child, changes));
}

function change(node: Node, changes: Changes): Node {
  if (changes.skip?.(node) === true) return node;
  const next = rewrite(node, changes);
  if (isExpr(next)) return changes.expr === undefined ? next : changes.expr(next);
  if (isTableRef(next)) return changes.table === undefined ? next : changes.table(next);
  if (isQuery(next)) return changes.query === undefined ? next : changes.query(next);
  return next;
}

/** The trees say the same: positions and the source text of select expressions do not count. */
export function sameTree(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!sameTree(a[index], b[index])) return false;
    return true;
  }
  const left: Readonly<Record<string, unknown>> = { ...a };
  const right: Readonly<Record<string, unknown>> = { ...b };
  const isItem = left.kind === "expr";
  for (const key in left) {
    if (key === "pos" || (key === "text" && isItem)) continue;
    if (!(key in right) || !sameTree(left[key], right[key])) return false;
  }
  for (const key in right) if (!(key in left)) return false;
  return true;
}
