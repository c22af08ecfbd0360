// One tablet as a gateway sees it: the call stream, the health stream, and what the last health said.

import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { CallClient } from "../rpc/call-client.ts";
import { type GrpcTls, tabletChannel } from "../rpc/service.ts";
import { watchHealth } from "../rpc/tablet-client.ts";
import type { TabletHealth } from "../rpc/tablet-server.ts";
import type { TabletRecord } from "../topo/records.ts";

const HEALTH_RETRY_MS = 200;
/** Health comes twice a second. Silence is counted in ticks of our own, so that a busy event loop is not taken for it. */
const SILENCE_TICK_MS = 1_000;
const SILENT_TICKS_MAX = 3;

export interface TabletConnectionOptions {
  readonly tls: GrpcTls | undefined;
  /** How long the tablet may say nothing before what runs on it is given up. */
  readonly silenceMaxS: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class TabletConnection {
  readonly record: TabletRecord;
  readonly calls: CallClient;
  /** For everything but calls. */
  readonly channel: ReturnType<typeof tabletChannel>;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #health: TabletHealth | undefined;
  #silentTicks = 0;
  #silence: Timer;
  #watch: { close(): void } | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(record: TabletRecord, { tls, silenceMaxS, clock, log }: TabletConnectionOptions, onChange: () => void) {
    this.record = record;
    this.#clock = clock;
    this.#onChange = onChange;
    const address = `${record.hostname}:${record.grpcPort}`;
    this.channel = tabletChannel(address, tls);
    this.calls = new CallClient({
      address,
      tls,
      silenceMaxS,
      clock,
      log: log.child({ tablet: record.alias }),
      onState: onChange,
    });
    this.#silence = this.#planSilence();
    this.#watchHealth();
  }

  /** What the tablet said last; undefined while its health is not known. */
  get health(): TabletHealth | undefined {
    return this.#health;
  }

  /** Undefined when all is well, else why it is not: nobody who has a choice sends calls then. */
  get problem(): string | undefined {
    const refusal = this.refusal;
    if (refusal !== undefined || this.#health === undefined) return refusal;
    return this.#silentTicks < SILENT_TICKS_MAX ? undefined : `silent for ${SILENT_TICKS_MAX} s`;
  }

  /** Why no calls can be sent. To a silent tablet they can: it may be back in a moment, and if not, its stream breaks. */
  get refusal(): string | undefined {
    if (!this.calls.up) return "not connected";
    return this.#health?.serving === false ? this.#health.reason : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#silence.cancel();
    this.#watch?.close();
    this.calls.close();
    this.channel.close();
  }

  #planSilence(): Timer {
    return this.#clock.after(SILENCE_TICK_MS, () => {
      this.#silentTicks++;
      if (this.#silentTicks === SILENT_TICKS_MAX) this.#onChange();
      if (!this.#closed) this.#silence = this.#planSilence();
    });
  }

  #watchHealth(): void {
    this.#watch = watchHealth(
      this.channel,
      (health) => {
        const before = this.#health;
        const wasSilent = this.#silentTicks >= SILENT_TICKS_MAX;
        this.#health = health;
        this.#silentTicks = 0;
        if (wasSilent || before?.serving !== health.serving || before.lagS !== health.lagS) this.#onChange();
      },
      () => {
        if (this.#closed) return;
        this.#health = undefined;
        this.#onChange();
        this.#retry = this.#clock.after(HEALTH_RETRY_MS, () => this.#watchHealth());
      },
    );
  }
}
