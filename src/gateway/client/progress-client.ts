// The outer edge for clients that want to hear how far a statement is (MARIADB_CLIENT_PROGRESS): reports go out in front of
// the answer, and the answer's sequence ids go on behind them. Knows no statements; who reports is progress-watch.ts.

import { writeFrame } from "../../mysql/frame.ts";
import { encodeProgress, type Progress } from "../../mysql/packets/progress.ts";
import { Resequencer } from "../../mysql/row-cutter.ts";
import type { ClientPacket } from "./executor-client.ts";
import { EdgeClient } from "./forwarding-client.ts";

export class ProgressClient extends EdgeClient {
  #sequenceId = 0;
  /** The answer has begun, or there is none under way. */
  #isAnswering = true;
  /** Set once something was reported. */
  #renumbered: Resequencer | undefined;

  /** Before each command; `sequenceId` is the command's. */
  begin(sequenceId: number): void {
    this.#sequenceId = sequenceId;
    this.#isAnswering = false;
    this.#renumbered = undefined;
  }

  /** Does nothing when the answer has begun, or the client does not read. */
  report(progress: Progress): void {
    if (this.#isAnswering || !this.isIdle) return;
    this.#sequenceId = (this.#sequenceId + 1) & 0xff;
    this.client.write(writeFrame(encodeProgress(progress), this.#sequenceId));
    this.#renumbered = new Resequencer(this.#sequenceId + 1);
  }

  override write(bytes: Buffer): boolean {
    this.#isAnswering = true;
    this.#renumbered?.push(bytes);
    return this.client.write(bytes);
  }

  override async nextPacket(): Promise<ClientPacket | undefined> {
    const packet = await this.client.nextPacket?.();
    if (packet !== undefined && this.#renumbered !== undefined) {
      this.#renumbered = new Resequencer(packet.sequenceId + 1);
    }
    return packet;
  }
}
