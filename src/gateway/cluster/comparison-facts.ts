// What a gateway has to ask a mysqld once about comparing values: the weight of a space in each collation, and what its
// servers' own time zone and sql_mode are. Servers of one Shardgate are taken to be alike in this.

import { LIMITS } from "../../base/limits.ts";
import type { Padding } from "../../engine/merge-keys.ts";
import { type ShardPort, type ShardTarget } from "../../engine/ports.ts";

import { readTextRows } from "../read/text-rows.ts";
import { runPlain } from "../read/run-pooled.ts";

export interface ServerSettings {
  /** `SYSTEM`, `+01:00`, `Europe/Berlin`. */
  readonly timeZone: string;
  /** What SYSTEM stands for: a short name such as `UTC` or `CET`. */
  readonly systemTimeZone: string;
  readonly sqlMode: string;
  readonly divPrecisionIncrement: number;
}

const NO_PADDING: Padding = { kind: "none" };
const UNKNOWN: Padding = { kind: "unknown" };

export class ComparisonFacts {
  readonly #port: ShardPort;
  readonly #paddings = new Map<string, Promise<Padding>>();
  #settings: Promise<ServerSettings> | undefined;
  #knownSettings: ServerSettings | undefined;

  constructor(port: ShardPort) {
    this.#port = port;
  }

  /** `target` is any shard. Throws what the shard's connection failed with; then the next call asks again. */
  paddingOf(collation: string, target: ShardTarget): Promise<Padding> {
    let padding = this.#paddings.get(collation);
    if (padding === undefined) {
      padding = this.#askPadding(collation, target).catch((error: unknown) => {
        this.#paddings.delete(collation);
        throw error;
      });
      // Collations that do not exist must not fill the memory.
      if (this.#paddings.size < LIMITS.collationsKnownMax) this.#paddings.set(collation, padding);
    }
    return padding;
  }

  /** Once somebody has asked for them. */
  get knownSettings(): ServerSettings | undefined {
    return this.#knownSettings;
  }

  settings(target: ShardTarget): Promise<ServerSettings> {
    this.#settings ??= this.#askSettings(target).then(
      (settings) => {
        this.#knownSettings = settings;
        return settings;
      },
      (error: unknown) => {
        this.#settings = undefined;
        throw error;
      },
    );
    return this.#settings;
  }

  async #askPadding(collation: string, target: ShardTarget): Promise<Padding> {
    if (!/^[a-z0-9_]+$/.test(collation)) return UNKNOWN;
    if (collation === "binary") return NO_PADDING;
    const [charset] = collation.split("_");
    // MySQL's of UCA 9.0.0 do not pad, and put separators between levels (manual: "Unicode Character Sets").
    if (collation.includes("_0900_")) return NO_PADDING;
    const weights = [1, 2].map(
      (spaces) => `WEIGHT_STRING(CONVERT('${" ".repeat(spaces)}' USING ${charset}) COLLATE ${collation})`,
    );
    const [one, two] = await this.#ask(`SELECT ${weights.join(", ")}`, target);
    return one === undefined || one === null || two === undefined || two === null
      ? UNKNOWN
      : paddingFrom(collation, one, two);
  }

  async #askSettings(target: ShardTarget): Promise<ServerSettings> {
    const names = ["time_zone", "system_time_zone", "sql_mode", "div_precision_increment"];
    const row = await this.#ask(`SELECT ${names.map((name) => `@@global.${name}`).join(", ")}`, target);
    const [timeZone = "", systemTimeZone = "", sqlMode = "", increment = ""] = row.map(
      (value) => value?.toString("latin1") ?? "",
    );
    return { timeZone, systemTimeZone, sqlMode, divPrecisionIncrement: Number(increment) };
  }

  async #ask(sql: string, target: ShardTarget): Promise<readonly (Buffer | null)[]> {
    const reply = await runPlain(this.#port, target, sql);
    return readTextRows(reply.bytes)[0] ?? [];
  }
}

/** Their comparison of characters without a weight of their own is not that of their weights. */
const ASIAN_CHARSETS: ReadonlySet<string> = new Set([
  "big5",
  "cp932",
  "eucjpms",
  "euckr",
  "gb18030",
  "gb2312",
  "gbk",
  "sjis",
  "ujis",
]);
const SPACE = 0x20;

/** `one` and `two` are the weights of one space and of two. */
export function paddingFrom(collation: string, one: Buffer, two: Buffer): Padding {
  if (ASIAN_CHARSETS.has(collation.split("_")[0] ?? "")) return UNKNOWN;
  // Several levels stand one behind the other: a space more changes more than the end.
  const isOneLevel = one.length > 0 && two.length === 2 * one.length && two.equals(Buffer.concat([one, one]));
  if (!isOneLevel) return UNKNOWN;
  // MariaDB sorts by weights padded with bytes 0x20, also where that is not a space's weight (latin7).
  if (one.length === 1 && one[0] !== SPACE) return UNKNOWN;
  return collation.includes("_nopad_") ? NO_PADDING : { kind: "space", weight: Buffer.from(one) };
}
