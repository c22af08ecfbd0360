// The tables a statement names, common table expressions left out.

import { assertNever } from "../base/assert.ts";
import type { Node, ObjectName, Query, Statement, TableName } from "./tree.ts";
import { children } from "./walk.ts";

/**
 * The table names that mean a common table expression, by its scope: its own name inside it is a table, unless the WITH is
 * recursive; those after it in the list and the query see it.
 */
export function cteReferences(root: Node): ReadonlySet<TableName> {
  const found = new Set<TableName>();
  visit(root, new Set());
  return found;

  function visit(node: Node, ctes: ReadonlySet<string>): void {
    if (node.kind === "tableName") {
      if (node.schema === undefined && ctes.has(node.name.toLowerCase())) found.add(node);
      return;
    }
    let inside = ctes;
    if ("with" in node && node.with !== undefined) {
      const { recursive, ctes: list } = node.with;
      const names = list.map(({ name }) => name.toLowerCase());
      for (const [at, { query }] of list.entries()) {
        visit(query, new Set([...ctes, ...(recursive ? names : names.slice(0, at))]));
      }
      inside = new Set([...ctes, ...names]);
    }
    children(node, (child) => {
      if (child.kind !== "with") visit(child, inside);
    });
  }
}

const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(["nextval", "lastval", "setval"]);

/** The sequence that NEXT VALUE FOR, PREVIOUS VALUE FOR, NEXTVAL() and their like are about; undefined for other nodes. */
export function sequenceOf(node: Node): ObjectName | undefined {
  if (node.kind === "sequenceValue") return node.sequence;
  if (node.kind !== "call" || node.stored || node.schema !== undefined) return undefined;
  const [name] = node.args;
  if (!SEQUENCE_FUNCTIONS.has(node.name) || name?.kind !== "column") return undefined;
  return { kind: "name", schema: name.table, name: name.name, pos: name.pos };
}

export interface TableUse {
  readonly schema: string | undefined;
  readonly name: string;
}

/** Tables in the order of the text, each as often as it is named. */
export function tablesOf(statement: Statement): TableUse[] {
  const tables: TableUse[] = [];
  visit(statement, new Set());
  return tables;

  function visit(node: Node, ctes: ReadonlySet<string>): void {
    switch (node.kind) {
      case "tableName":
        if (node.schema !== undefined || !ctes.has(node.name.toLowerCase())) tables.push(node);
        return;
      case "insert":
        tables.push(node.table);
        below(node, ctes);
        return;
      case "load":
      case "describe":
        tables.push(node.table);
        return;
      case "alterVschema":
        if (node.table !== undefined) tables.push(node.table);
        return;
      case "admin":
        tables.push(...node.tables);
        return;
      case "ddl":
        if (isTable(node.object)) tables.push(...node.names);
        tables.push(...node.references);
        if (node.query !== undefined) visit(node.query, ctes);
        return;
      case "lock":
        for (const lock of node.locks) tables.push(lock.table);
        return;
      case "show":
        if (node.name !== undefined && ["columns", "index", "create table", "create view"].includes(node.what))
          tables.push({ schema: node.schema, name: node.name });
        return;
      case "select":
      case "union":
      case "values":
      case "table":
      case "update":
      case "delete":
        below(node, named(node, ctes));
        return;
      default:
        below(node, ctes);
    }
  }

  function below(node: Node, ctes: ReadonlySet<string>): void {
    children(node, (child) => {
      // Targets of a multi-table DELETE name tables of its FROM, maybe by alias.
      if (child.kind !== "name") visit(child, ctes);
    });
  }

  function named(
    node: Query | Extract<Node, { kind: "update" | "delete" }>,
    before: ReadonlySet<string>,
  ): ReadonlySet<string> {
    if (node.with === undefined) return before;
    return new Set([...before, ...node.with.ctes.map((cte) => cte.name.toLowerCase())]);
  }
}

function isTable(object: Extract<Statement, { kind: "ddl" }>["object"]): boolean {
  switch (object) {
    case "table":
    case "view":
    case "sequence":
      return true;
    case "index":
    case "database":
    case "procedure":
    case "function":
    case "trigger":
    case "event":
    case "package":
    case "package body":
    case "tablespace":
    case "undo tablespace":
    case "logfile group":
    case "server":
    case "spatial reference system":
    case "instance":
    case "resource group":
    case "user":
    case "role":
      return false;
    default:
      return assertNever(object);
  }
}
