// Tells a client of MARIADB_CLIENT_PROGRESS how far its ALTER TABLE or its like is: every progress_report_time seconds the
// shards of its keyspace are asked what their servers show in their process lists of a statement with this text. Over
// several shards the one that is the least far counts. Knows nothing of the statement but its first words.

import type { Timer } from "../../base/clock.ts";
import { collect } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import { COM } from "../../mysql/constants.ts";
import type { Progress } from "../../mysql/packets/progress.ts";
import { comQuery } from "../client/com-query.ts";
import type { ProgressClient } from "../client/progress-client.ts";
import type { Executor } from "../executor.ts";
import { readTextRows } from "../read/text-rows.ts";

/** Statements that servers report about. */
const REPORTED = /^(alter|create|drop|optimize|repair|check|analyze)\b/i;
const FIRST_LETTERS = Buffer.from("acdor");
const LOWER_CASE = 0x20;
const REPORT_TIME_S = 5;
/** Of a text that tell it from others. */
const COMPARED_CHARACTERS = 60;

export class ProgressWatch {
  readonly #executor: Executor;
  readonly #client: ProgressClient;
  #timer: Timer | undefined;
  /** Of the command under way. */
  #turn = 0;

  constructor(executor: Executor, client: ProgressClient) {
    this.#executor = executor;
    this.#client = client;
  }

  /** Before each command. */
  begin(payload: Buffer, sequenceId: number): void {
    this.#client.begin(sequenceId);
    // Whole client libraries ask for reports: most statements are told by a letter.
    if (payload[0] !== COM.QUERY || !FIRST_LETTERS.includes((payload[1] ?? 0) | LOWER_CASE)) return;
    const head = payload.toString("latin1", 1, COMPARED_CHARACTERS + 1);
    if (REPORTED.test(head)) this.#wait(head);
  }

  /** The command is answered, or its client is gone. */
  done(): void {
    this.#turn++;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(head: string): void {
    const { context, state } = this.#executor;
    const set = Number(state.settings.variables.get("progress_report_time") ?? REPORT_TIME_S);
    const seconds = Number.isFinite(set) ? set : REPORT_TIME_S;
    if (seconds <= 0) return;
    const turn = this.#turn;
    this.#timer = context.clock.after(seconds * 1000, () => {
      this.#look(head).then(
        (progress) => {
          if (turn !== this.#turn) return;
          if (progress !== undefined) this.#client.report(progress);
          this.#wait(head);
        },
        // A shard that cannot be asked reports nothing.
        () => undefined,
      );
    });
  }

  /** Undefined when no server shows any. */
  async #look(head: string): Promise<Progress | undefined> {
    const { context, state } = this.#executor;
    const targets = context.cluster().targets.primary.get(state.target.keyspace ?? "")?.targets ?? [];
    const found = await Promise.all(targets.map((target) => this.#ask(target, head)));
    const running = found.filter((each) => each !== undefined);
    return running.toSorted((a, b) => shareOf(a) - shareOf(b))[0];
  }

  async #ask(target: ShardTarget, head: string): Promise<Progress | undefined> {
    const sql =
      "SELECT STAGE, MAX_STAGE, ROUND(PROGRESS * 1000), STATE FROM information_schema.PROCESSLIST " +
      `WHERE MAX_STAGE > 0 AND LEFT(CAST(INFO_BINARY AS CHAR CHARACTER SET latin1), ${COMPARED_CHARACTERS}) = ` +
      `CAST(x'${Buffer.from(head, "latin1").toString("hex")}' AS CHAR CHARACTER SET latin1) LIMIT 1`;
    const reply = await collect(this.#executor.context.tablets, target, plainRequest(comQuery(sql)));
    const [row] = reply.info.kind === "err" ? [] : readTextRows(reply.bytes);
    if (row === undefined) return undefined;
    const [stage = 1, stages = 1, done = 0] = row.slice(0, 3).map((cell) => Number(cell?.toString("latin1") ?? 0));
    return { stage, stages, done: Math.round(done), info: row[3]?.toString("utf8") ?? "" };
  }
}

function shareOf({ stage, stages, done }: Progress): number {
  return (stage - 1 + done / 100_000) / stages;
}
