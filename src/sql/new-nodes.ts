// Nodes of statements that nobody has written: what the planner and the gateway put together.

import type {
  Call,
  Cast,
  CastType,
  Column,
  Expr,
  Literal,
  LiteralType,
  Locking,
  SelectItem,
  TableName,
} from "./tree.ts";

export function literalNode(type: LiteralType, value: string, pos = 0): Literal {
  return { kind: "literal", type, value, introducer: undefined, pos };
}

export function columnNode(name: string, table?: string, pos = 0): Column {
  return { kind: "column", schema: undefined, table, name, pos };
}

/** Of a select list; nobody sees what its column is called without an alias. */
export function itemNode(expr: Expr, alias?: string): SelectItem {
  return { kind: "expr", expr, alias, text: "", pos: 0 };
}

/** All of `operands`, of which there is at least one. */
export function andNode(operands: readonly Expr[]): Expr {
  const [only] = operands;
  return only !== undefined && operands.length === 1 ? only : { kind: "and", operands, pos: 0 };
}

export function equalNode(left: Expr, right: Expr): Expr {
  return { kind: "binary", op: "=", left, right, pos: 0 };
}

/** A call of a server's own function. */
export function callNode(name: string, args: readonly Expr[], pos = 0): Call {
  return {
    kind: "call",
    schema: undefined,
    name,
    stored: false,
    distinct: false,
    star: false,
    args,
    fromLast: false,
    nulls: undefined,
    over: undefined,
    pos,
  };
}

/** A type of this name, with `length` in parentheses behind it. */
export function castTypeNode(name: string, length: string | undefined, pos: number): CastType {
  return {
    kind: "castType",
    name,
    length,
    scale: undefined,
    unsigned: false,
    zerofill: false,
    charset: undefined,
    binary: false,
    collation: undefined,
    array: false,
    pos,
  };
}

/** CAST(expr AS name), with `length` in parentheses behind the type. */
export function castNode(expr: Expr, name: string, length?: string): Cast {
  const { pos } = expr;
  return { kind: "cast", expr, type: castTypeNode(name, length, pos), atTimeZone: undefined, pos };
}

export function tableNode(schema: string, name: string): TableName {
  return {
    kind: "tableName",
    schema,
    name,
    alias: undefined,
    partitions: [],
    indexHints: [],
    systemTime: undefined,
    pos: 0,
  };
}

export const FOR_UPDATE: Locking = {
  kind: "locking",
  strength: "update",
  of: [],
  wait: undefined,
  waitSeconds: undefined,
  pos: 0,
};
