// The cluster's global variables: what SET GLOBAL has set of the variables that sessions have, too. They are one record of
// the topology, so that every gateway has them at once and after a restart; a session begins with them, and the servers'
// own values stand behind what is not in the record. Knows values, not how they are checked (set-global.ts).

import { ShardgateError } from "../../base/errors.ts";
import type { GlobalVariable, GlobalVariablesRecord } from "../../topo/records.ts";
import type { Topology } from "../../topo/topology.ts";
import { type TopologyNews, untilSeen } from "../cluster/topology-news.ts";
import type { Settings } from "./settings.ts";

/** A variable to its new value; undefined: as the servers are configured. */
export type GlobalChanges = ReadonlyMap<string, GlobalVariable | undefined>;

/** Somebody else may be as fast so often. */
const ATTEMPTS = 5;

const NONE: GlobalVariablesRecord = new Map();

export class GlobalVariables {
  readonly #topology: Topology;
  readonly #news: TopologyNews;

  constructor(topology: Topology, news: TopologyNews) {
    this.#topology = topology;
    this.#news = news;
  }

  /** As this gateway has been told of them. */
  get current(): GlobalVariablesRecord {
    return this.#news.snapshot().globalVariables?.variables ?? NONE;
  }

  /** Resolves when this gateway's sessions begin with them. */
  async change(changes: GlobalChanges): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#topology.getGlobalVariables();
      const variables = new Map(stored.variables);
      for (const [name, value] of changes) {
        if (value === undefined) variables.delete(name);
        else variables.set(name, value);
      }
      try {
        const revision = await this.#topology.putGlobalVariables(variables, stored.revision);
        const isKnown = (known: number | undefined): boolean => known !== undefined && known >= revision;
        const names = [...changes.keys()].join(", ");
        await untilSeen(this.#news, ({ globalVariables }) => isKnown(globalVariables?.revision), `global ${names}`);
        return;
      } catch (error) {
        const isConflict = error instanceof ShardgateError && error.id === "TOPO_BAD_VERSION";
        if (!isConflict || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** What a session keeps elsewhere than in its settings, or its client has said when it logged in. */
const NOT_SETTINGS: ReadonlySet<string> = new Set([
  "autocommit",
  "character_set_client",
  "character_set_connection",
  "character_set_database",
  "character_set_results",
  "collation_connection",
  "collation_database",
  "interactive_timeout",
  "max_allowed_packet",
  "max_prepared_stmt_count",
  "wait_timeout",
]);

/** A session's settings as it begins; `login` has the client's character set. */
export function settingsFrom(variables: GlobalVariablesRecord, login: Settings): Settings {
  let settings = login;
  for (const [name, { sql }] of variables) if (!NOT_SETTINGS.has(name)) settings = settings.withVariable(name, sql);
  return settings;
}

/** Global autocommit. */
export function isOnAtLogin(variables: GlobalVariablesRecord): boolean {
  return variables.get("autocommit")?.sql !== "0";
}

/** A global value that is digits; undefined: none is set. */
export function globalNumber(variables: GlobalVariablesRecord, name: string): number | undefined {
  const value = variables.get(name);
  return value === undefined ? undefined : Number(value.sql);
}
