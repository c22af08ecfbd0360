// From conditions to shards: which equalities pin a statement to keyspace ids, and which tables lie together because
// their sharding keys are equal. It only ever narrows when every row the statement can see is still reached.

import { notSupported } from "../base/errors.ts";
import { EqualityClasses, vindexesOf } from "./equality-classes.ts";
import type { FromClause, FromTable } from "./from-clause.ts";
import { type KeyConditions, keyConditionsOf } from "./key-conditions.ts";
import { placingKeys, restrict } from "./key-restriction.ts";
import type { LookupRouting } from "./key-routing.ts";
import type { Routing } from "./plan.ts";

/** Throws 1235 when tables of a sharded keyspace do not provably lie together. */
export function routeTables(from: FromClause): Routing {
  const placed = from.tables.filter(isPlaced);
  if (placed.length === 0) return { kind: "any" };
  const classes = new EqualityClasses(from);
  // What an outer join preserves must lie together without the help of its other side: without a match that is NULL.
  for (const { preserved } of from.outerJoins) requireTogether(preserved.filter(isPlaced), classes);
  return bestRouting(requireTogether(placed, classes), classes, from);
}

/** The same for tables that are known to lie together, whatever the conditions say of that. */
export function routeTogether(from: FromClause): Routing {
  return bestRouting(from.tables.filter(isPlaced), new EqualityClasses(from), from);
}

/** All shards, whatever the values are: no condition on a sharding key decides. */
export function isScatter(routing: Routing): boolean {
  switch (routing.kind) {
    case "scatter":
    case "if":
      return true;
    case "all-of":
      return routing.parts.some(isScatter);
    case "common":
      return routing.parts.every(isScatter);
    default:
      return false;
  }
}

function isPlaced({ resolved }: FromTable): boolean {
  return resolved.table?.type !== "reference";
}

/** The tables, which provably lie together. */
function requireTogether(tables: readonly FromTable[], classes: EqualityClasses): readonly FromTable[] {
  const [first, second] = groupTables(tables, classes);
  if (first === undefined || second === undefined) return first ?? [];
  const names = `${first[0]?.resolved.name} and ${second[0]?.resolved.name}`;
  throw notSupported(
    `join of ${names} over shards`,
    "join tables of a sharded keyspace by equality of their sharding keys",
  );
}

function groupTables(tables: readonly FromTable[], classes: EqualityClasses): FromTable[][] {
  const groups: FromTable[][] = [];
  for (const table of tables) {
    const together = groups.filter((group) => group.some((other) => lieTogether(table, other, classes)));
    const merged = [table, ...together.flat()];
    for (const group of together) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups;
}

function lieTogether(a: FromTable, b: FromTable, classes: EqualityClasses): boolean {
  const pinnedA = a.resolved.table?.pinned;
  const pinnedB = b.resolved.table?.pinned;
  if (pinnedA !== undefined || pinnedB !== undefined) {
    return pinnedA !== undefined && pinnedB !== undefined && pinnedA.equals(pinnedB);
  }
  return vindexesOf(a).some((va) =>
    vindexesOf(b).some(
      (vb) =>
        va.vindex === vb.vindex &&
        va.columnsLower.length === vb.columnsLower.length &&
        va.columnsLower.every((column, i) => classes.equal(a, column, b, vb.columnsLower[i] ?? "")),
    ),
  );
}

/** The narrowest routing that the conditions on the tables' vindex columns allow. */
function bestRouting(group: readonly FromTable[], classes: EqualityClasses, from: FromClause): Routing {
  for (const table of group) {
    const pinned = table.resolved.table?.pinned;
    if (pinned !== undefined) return { kind: "pinned", keyspaceId: pinned };
  }
  const filters = from.conditions.filter(({ scope }) => scope.kind === "filter").map(({ expr }) => expr);
  const conditions = keyConditionsOf(filters, (column) => classes.columnKey(column));
  const keys = group.flatMap((table) => placingKeys(table, from));
  const found = restrict(conditions, [], keys, classes) ?? { kind: "scatter" };
  if (!isScatter(found)) return found;
  const lookup = lookupRouting(group, conditions, classes);
  if (lookup === undefined) return found;
  return found.kind === "scatter" ? lookup : { kind: "common", parts: [found, lookup] };
}

/** A lookup table tells where rows with these values are; of several the cheapest. */
function lookupRouting(
  group: readonly FromTable[],
  conditions: KeyConditions,
  classes: EqualityClasses,
): LookupRouting | undefined {
  const found = group.flatMap((table) =>
    (table.resolved.table?.columnVindexes ?? []).flatMap(({ vindex, columnsLower }): LookupRouting[] => {
      const [columnLower = ""] = columnsLower;
      if (vindex.kind !== "lookup" || vindex.writeOnly) return [];
      const facts = conditions.facts.get(classes.key(table, columnLower)) ?? [];
      return facts.flatMap((fact) => {
        const values = fact.kind === "value" ? [fact.value] : fact.kind === "values" ? fact.values : undefined;
        return values === undefined
          ? []
          : [{ kind: "lookup", vindex, table: table.resolved.name, columnLower, values } as const];
      });
    }),
  );
  return found.toSorted((a, b) => a.vindex.cost - b.vindex.cost)[0];
}
