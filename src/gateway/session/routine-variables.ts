// Which variables stored functions set, so that they are read back after a statement that calls them: asked of a server by
// the functions' names, with all that they run, and kept for a moment, since other gateways define some, too.

import type { Clock } from "../../base/clock.ts";
import type { ShardPort, ShardTarget } from "../../engine/ports.ts";
import { namesIn, variablesSetIn } from "../../schema/trigger-variables.ts";
import { runPlain } from "../read/run-pooled.ts";
import { readTextRows } from "../read/text-rows.ts";

const KEPT_MS = 10_000;
const CALLS_MAX = 1_000;
/** Functions that call functions, or write to tables with triggers: so deep they are followed. */
const DEPTH_MAX = 16;

export class RoutineVariables {
  readonly #port: ShardPort;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly set: readonly string[]; readonly atMs: number }>();

  constructor(port: ShardPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  /** As `variablesSetIn` has them; undefined when it has to be asked for. `functions`: lower-case names. */
  known(keyspace: string, functions: readonly string[]): readonly string[] | undefined {
    const found = this.#known.get(keyOf(keyspace, functions));
    return found === undefined || this.#clock.nowMs() - found.atMs > KEPT_MS ? undefined : found.set;
  }

  /** `known` has them then. Rejects when the server does. */
  async ask(target: ShardTarget, keyspace: string, functions: readonly string[]): Promise<readonly string[]> {
    const seen = new Set<string>(functions);
    const set = new Set<string>();
    let names: readonly string[] = functions;
    let writes = false;
    for (let depth = 0; names.length > 0 && depth < DEPTH_MAX; depth++) {
      const list = names.map(text).join(", ");
      const sql = writes ? `${routines(list)} UNION ALL ${triggers(list)}` : routines(list);
      const reply = await runPlain(this.#port, target, sql);
      const texts = readTextRows(reply.bytes).map(([body]) => body?.toString("utf8") ?? "");
      for (const each of texts) for (const name of variablesSetIn(each)) set.add(name);
      writes ||= texts.some((each) => WRITES.test(each));
      names = texts.flatMap((each) => namesIn(each)).filter((name) => !seen.has(name) && seen.add(name));
    }
    if (this.#known.size >= CALLS_MAX) this.#known.clear();
    const found = [...set];
    this.#known.set(keyOf(keyspace, functions), { set: found, atMs: this.#clock.nowMs() });
    return found;
  }

  /** A program has been defined, or dropped. */
  forget(): void {
    this.#known.clear();
  }
}

const WRITES = /\b(insert|replace|update|delete)\b/i;
const OF_USERS = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";
const routines = (names: string): string =>
  "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES " +
  `WHERE ROUTINE_SCHEMA ${OF_USERS} AND LOWER(ROUTINE_NAME) IN (${names})`;
const triggers = (names: string): string =>
  "SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS " +
  `WHERE EVENT_OBJECT_SCHEMA ${OF_USERS} AND LOWER(EVENT_OBJECT_TABLE) IN (${names})`;

function keyOf(keyspace: string, functions: readonly string[]): string {
  return [keyspace, ...functions].join("\n");
}

function text(name: string): string {
  return `_utf8mb4 x'${Buffer.from(name, "utf8").toString("hex")}'`;
}
