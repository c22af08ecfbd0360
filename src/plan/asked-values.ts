// Values of a routing that a mysqld has to be asked for before the shards are known: which ones, and the routing once
// they are. Not asked, they are values that no vindex can take, so the statement goes to all shards.

import type { Value } from "../mysql/values.ts";
import type { Routing } from "./plan.ts";
import type { AskedRef, ValueRef } from "./value-ref.ts";

/** In the order in which they stand in the routing. */
export function askedRefsOf(routing: Routing): readonly AskedRef[] {
  const found: AskedRef[] = [];
  mapValues(routing, (ref) => {
    if (ref.kind === "asked") found.push(ref);
    return ref;
  });
  return found;
}

/** The routing with the values that are known now. */
export function withAnswers(routing: Routing, answers: ReadonlyMap<ValueRef, Value>): Routing {
  return mapValues(routing, (ref) => {
    const value = answers.get(ref);
    return value === undefined ? ref : { kind: "constant", value };
  });
}

/** The routing of a statement for which nothing is asked. */
export function withoutAsked(routing: Routing): Routing {
  if (routing.kind === "all-of" || routing.kind === "common") {
    return { ...routing, parts: routing.parts.map(withoutAsked) };
  }
  return askedRefsOf(routing).length === 0 ? routing : { kind: "scatter" };
}

function mapValues(routing: Routing, map: (ref: ValueRef) => ValueRef): Routing {
  switch (routing.kind) {
    case "equal-unique":
      return { ...routing, value: map(routing.value) };
    case "in":
    case "lookup":
    case "equal-multi":
      return { ...routing, values: routing.values.map(map) };
    case "in-multi":
      return { ...routing, columns: routing.columns.map((values) => values.map(map)) };
    case "in-tuples":
      return { ...routing, rows: routing.rows.map((values) => values.map(map)) };
    case "range": {
      const { low, high } = routing;
      return {
        ...routing,
        low: low === undefined ? low : { ...low, value: map(low.value) },
        high: high === undefined ? high : { ...high, value: map(high.value) },
      };
    }
    case "like":
      return { ...routing, pattern: map(routing.pattern) };
    case "null-key":
      return routing.when === undefined ? routing : { ...routing, when: map(routing.when) };
    case "all-of":
    case "common":
      return { ...routing, parts: routing.parts.map((part) => mapValues(part, map)) };
    default:
      return routing;
  }
}
