// The primary's side: starts the workers, gives each connection to the one with the fewest, and replaces one that dies.
//
//   starting ──ready──► serving ──leaving──► leaving ──exit──┐
//      ▲  └──────────exit──┴──exit──► waiting (back-off) ◄───┘        any ──stop()──► stopped
//      └──────────────timer─────────────┘
//
// A worker that says nothing for some seconds (it computes, or was stopped) gets no new connections until it does again.

import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { assert } from "../base/assert.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { Channel } from "./channel.ts";
import { WORKER_VARIABLE } from "./place.ts";
import type { PrimaryPort, WorkerPort } from "./ports.ts";
import { WholeLines } from "./whole-lines.ts";

export interface WorkersOptions<Remote extends WorkerPort> {
  readonly count: number;
  /** How this process was started: its script and the arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** Methods for a worker's process beside those of PrimaryPort; made anew for each process. */
  local(worker: Worker<Remote>): object;
  /** A worker's process serves: the first one, or a new one. */
  started?(worker: Worker<Remote>): void;
  /** A worker's process has ended. */
  ended?(worker: Worker<Remote>): void;
  readonly clock: Clock;
  readonly log: Log;
}

/** One of the workers, whichever process it is now. */
export interface Worker<Remote extends WorkerPort> {
  /** From 1. */
  readonly index: number;
  /** Undefined while there is none that serves. */
  readonly process: { readonly pid: number; readonly channel: Channel<Remote> } | undefined;
  /** Connections it has been given and that are open. */
  readonly connections: number;
  /** Processes that have died. */
  readonly deaths: number;
  /** It has a process that says nothing. */
  readonly isSilent: boolean;
  /** Why it gets no connections; undefined while it does. */
  readonly problem: string | undefined;
}

interface Accepted {
  readonly socket: Socket;
  readonly isUnixSocket: boolean;
}

type Phase<Remote extends WorkerPort> =
  | { readonly kind: "starting"; readonly child: ChildProcess; readonly channel: Channel<Remote> }
  | { readonly kind: "serving"; readonly child: ChildProcess; readonly channel: Channel<Remote> }
  | { readonly kind: "leaving"; readonly child: ChildProcess; readonly channel: Channel<Remote> }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "stopped"; readonly child: ChildProcess | undefined };

const EDGES: Readonly<Record<Phase<WorkerPort>["kind"], readonly Phase<WorkerPort>["kind"][]>> = {
  starting: ["serving", "waiting", "stopped"],
  serving: ["leaving", "waiting", "stopped"],
  leaving: ["waiting", "stopped"],
  waiting: ["starting", "stopped"],
  stopped: ["stopped"],
};

const TICK_MS = 1_000;
const EXIT_POLL_MS = 20;

export class Workers<Remote extends WorkerPort> {
  readonly #options: WorkersOptions<Remote>;
  readonly #slots: readonly Slot<Remote>[];
  /** Connections that came while no worker could take them. */
  readonly #unserved: Accepted[] = [];
  #turn = 0;
  #ticking: Timer | undefined;
  #stopping = false;

  constructor(options: WorkersOptions<Remote>) {
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, at) => new Slot(at + 1, this, options));
  }

  /** Resolves when all of them serve. Throws CONFIG_BAD with what the first that cannot start says; none is left then. */
  async start(): Promise<void> {
    this.#tick();
    try {
      await Promise.all(this.#slots.map((slot) => slot.start()));
    } catch (error) {
      await this.stop(LIMITS.workerStopMs);
      throw error;
    }
  }

  get all(): readonly Worker<Remote>[] {
    return this.#slots;
  }

  /** Of all workers. */
  get connections(): number {
    return this.#slots.reduce((sum, { connections }) => sum + connections, this.#unserved.length);
  }

  /** Gives a connection, from which nothing has been read, to the worker that has the fewest. */
  hand(socket: Socket, isUnixSocket: boolean): void {
    // A client that goes at once must not end the process.
    if (socket.listenerCount("error") === 0) socket.on("error", () => undefined);
    const chosen = this.#stopping ? undefined : this.#choose();
    if (chosen !== undefined) {
      chosen.take(socket, isUnixSocket, this.connections + 1);
    } else if (!this.#stopping && this.#unserved.length < LIMITS.unservedConnectionsMax) {
      this.#unserved.push({ socket, isUnixSocket });
    } else socket.destroy();
  }

  /** Tells all workers that there are. */
  tellAll(tell: (channel: Channel<Remote>) => void): void {
    for (const { process } of this.#slots) if (process !== undefined) tell(process.channel);
  }

  /** Lets them end what is under way; what has not ended after `graceMs` is killed. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#stopping = true;
    this.#ticking?.cancel();
    for (const { socket } of this.#unserved.splice(0)) socket.destroy();
    for (const slot of this.#slots) slot.stop();
    const deadline = clock.nowMs() + graceMs;
    while (this.#slots.some(({ isGone }) => !isGone) && clock.nowMs() < deadline) await sleep(clock, EXIT_POLL_MS);
    for (const slot of this.#slots) slot.kill();
    while (this.#slots.some(({ isGone }) => !isGone)) await sleep(clock, EXIT_POLL_MS);
  }

  /** For its slots: one can take connections again. */
  serveWaiting(): void {
    for (const { socket, isUnixSocket } of this.#unserved.splice(0)) {
      if (!socket.destroyed) this.hand(socket, isUnixSocket);
    }
  }

  #choose(): Slot<Remote> | undefined {
    let best: Slot<Remote> | undefined;
    for (let step = 1; step <= this.#slots.length; step++) {
      const slot = this.#slots[(this.#turn + step) % this.#slots.length];
      if (slot?.problem !== undefined) continue;
      if (best === undefined || (slot !== undefined && slot.connections < best.connections)) best = slot;
    }
    if (best !== undefined) this.#turn = best.index - 1;
    return best;
  }

  #tick(): void {
    this.#ticking = this.#options.clock.after(TICK_MS, () => {
      for (const slot of this.#slots) slot.tick();
      this.#tick();
    });
  }
}

class Slot<Remote extends WorkerPort> implements Worker<Remote> {
  readonly index: number;
  connections = 0;
  deaths = 0;
  readonly #workers: Workers<Remote>;
  readonly #options: WorkersOptions<Remote>;
  #phase: Phase<Remote> | undefined;
  /** Connections whose arrival it has not told, by their numbers: they go to another one if it dies. */
  readonly #handed = new Map<number, Accepted>();
  #nextNumber = 1;
  #silentTicks = 0;
  #backoffMs: number = LIMITS.workerBackoffMinMs;
  #startedMs = 0;

  constructor(index: number, workers: Workers<Remote>, options: WorkersOptions<Remote>) {
    this.index = index;
    this.#workers = workers;
    this.#options = options;
  }

  get process(): { readonly pid: number; readonly channel: Channel<Remote> } | undefined {
    const phase = this.#phase;
    if (phase?.kind !== "serving" && phase?.kind !== "leaving") return undefined;
    return { pid: phase.child.pid ?? 0, channel: phase.channel };
  }

  get problem(): string | undefined {
    const kind = this.#phase?.kind ?? "waiting";
    if (kind !== "serving") return kind === "waiting" ? "waiting to be started again" : kind;
    return this.isSilent ? "does not answer" : undefined;
  }

  get isSilent(): boolean {
    return this.#phase?.kind === "serving" && this.#silentTicks >= LIMITS.workerSilentBeatsMax;
  }

  /** It is stopped, and its process has ended. */
  get isGone(): boolean {
    return this.#phase?.kind === "stopped" && this.#phase.child === undefined;
  }

  /** Resolves when it serves for the first time; throws CONFIG_BAD when it cannot. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#spawn(resolve, (reason) => reject(new ShardgateError("CONFIG_BAD", reason)));
    });
  }

  take(socket: Socket, isUnixSocket: boolean, connections: number): void {
    const phase = this.#phase;
    assert(phase?.kind === "serving", "connections are given to workers that serve");
    this.connections++;
    const channel: Channel<WorkerPort> = phase.channel;
    const number = this.#nextNumber++;
    this.#handed.set(number, { socket, isUnixSocket });
    channel.tell("accept", { number, isUnixSocket, connections }, socket);
  }

  tick(): void {
    const phase = this.#phase;
    if (phase?.kind !== "serving" || ++this.#silentTicks < LIMITS.workerHungBeatsMax) return;
    this.#options.log.error({ worker: this.index, workerPid: phase.child.pid }, "worker does not answer: it is killed");
    phase.child.kill("SIGKILL");
  }

  stop(): void {
    const phase = this.#phase;
    const child = phase === undefined || phase.kind === "waiting" ? undefined : phase.child;
    if (phase?.kind === "waiting") phase.timer.cancel();
    const channel: Channel<WorkerPort> | undefined = this.process?.channel;
    channel?.tell("stop", undefined);
    if (phase?.kind === "starting") child?.kill("SIGKILL");
    this.#phase = { kind: "stopped", child };
  }

  kill(): void {
    if (this.#phase?.kind === "stopped") this.#phase.child?.kill("SIGKILL");
  }

  #become(phase: Phase<Remote>): void {
    const before = this.#phase;
    assert(
      before === undefined || EDGES[before.kind].includes(phase.kind),
      `worker ${this.index}: ${before?.kind} to ${phase.kind}`,
    );
    this.#phase = phase;
  }

  #spawn(started: () => void, failed: (reason: string) => void): void {
    const { script, args, count, clock, log } = this.#options;
    const child = fork(script, args, {
      env: { ...process.env, [WORKER_VARIABLE]: `${this.index}/${count}` },
      serialization: "advanced",
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    const lines = new WholeLines(process.stderr);
    child.stderr?.on("data", (chunk: Buffer) => lines.take(chunk));
    child.stderr?.on("end", () => lines.end());
    let reason: string | undefined;
    const local: PrimaryPort = {
      ready: () => {
        if (this.#phase?.kind !== "starting") return;
        this.#become({ kind: "serving", child, channel });
        this.#silentTicks = 0;
        log.info({ worker: this.index, workerPid: child.pid }, "worker serves");
        this.#options.started?.(this);
        started();
        this.#workers.serveWaiting();
      },
      failed: (text) => {
        reason = text;
      },
      leaving: () => {
        if (this.#phase?.kind === "serving") this.#become({ kind: "leaving", child, channel });
      },
      taken: (number) => {
        this.#handed.get(number)?.socket.destroy();
        this.#handed.delete(number);
      },
      closed: (connections) => {
        this.connections -= connections;
      },
      alive: () => {
        const wasSilent = this.problem !== undefined;
        this.#silentTicks = 0;
        if (wasSilent && this.problem === undefined) this.#workers.serveWaiting();
      },
    };
    const wire = {
      send(message: object, socket: Socket | undefined): void {
        child.send(message, socket, { keepOpen: true }, () => undefined);
      },
    };
    const channel = new Channel<Remote>(wire, { ...this.#options.local(this), ...local }, log);
    child.on("message", (message, handle) => {
      channel.received(message as Parameters<typeof channel.received>[0], handle as Socket | undefined);
    });
    child.on("error", (error) => {
      reason ??= error.message;
      if (child.pid === undefined) ended("could not be started");
    });
    child.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
    this.#startedMs = clock.nowMs();
    this.#become({ kind: "starting", child, channel });

    const ended = (how: string): void => {
      channel.close();
      this.connections = 0;
      const notTaken = [...this.#handed.values()];
      this.#handed.clear();
      const phase = this.#phase;
      const wasLeaving = phase?.kind === "leaving";
      this.#options.ended?.(this);
      if (phase?.kind === "stopped") {
        for (const { socket } of notTaken) socket.destroy();
        this.#phase = { kind: "stopped", child: undefined };
        return;
      }
      if (!wasLeaving) this.deaths++;
      if (clock.nowMs() - this.#startedMs > LIMITS.workerSteadyMs) this.#backoffMs = LIMITS.workerBackoffMinMs;
      const backoffMs = this.#backoffMs;
      const told = { worker: this.index, exit: how, reason, backoffMs };
      if (wasLeaving) log.info(told, "worker has ended; another one takes its place");
      else log.error(told, "worker died; another one takes its place");
      this.#backoffMs = Math.min(backoffMs * 2, LIMITS.workerBackoffMaxMs);
      const timer = clock.after(backoffMs, () =>
        this.#spawn(
          () => {},
          () => {},
        ),
      );
      this.#become({ kind: "waiting", timer });
      for (const { socket, isUnixSocket } of notTaken) this.#workers.hand(socket, isUnixSocket);
      failed(reason ?? `worker ${this.index} ended while starting: ${how}`);
    };
  }
}
