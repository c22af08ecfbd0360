// Calls between a primary process and one of its workers, over Node's IPC channel: methods of the other side by name, with
// or without an answer, and sockets that change hands with a call. Messages keep their order. Both ends are the same build
// of the same program, so arguments and answers are taken as the interfaces of both sides say.

import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { errorOf, failDetailsOf } from "../rpc/fail-details.ts";
import type { FailDetails } from "../rpc/frame.ts";

/** How messages leave: `process` in a worker, a ChildProcess in the primary. */
export interface Wire {
  /** The socket stays open on this side, too. A message that cannot be sent is lost: the other side has gone. */
  send(message: object, socket: Socket | undefined): void;
}

/** What a method of the other side takes, and what it answers. */
export type ArgumentOf<Method> = Method extends (argument: infer Argument, ...more: never[]) => unknown
  ? Argument
  : never;
export type AnswerOf<Method> = Method extends (...all: never[]) => infer Answer ? Awaited<Answer> : never;

type Message =
  /** `id` 0: no answer is wanted. */
  | { readonly kind: "call"; readonly id: number; readonly method: string; readonly argument: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly details: FailDetails };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Channel<Remote extends object> {
  readonly #wire: Wire;
  readonly #local: ReadonlyMap<string, (argument: unknown, socket: Socket | undefined) => unknown>;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #open = true;

  /** `local` has the methods that the other side may call: (argument, socket) to an answer or a promise of one. */
  constructor(wire: Wire, local: object, log: Log) {
    this.#wire = wire;
    this.#log = log;
    const methods = new Map<string, (argument: unknown, socket: Socket | undefined) => unknown>();
    for (const [name, method] of Object.entries(local)) {
      if (typeof method === "function") methods.set(name, (argument, socket) => method(argument, socket));
    }
    this.#local = methods;
  }

  /** Rejects with the other side's error, or with SHARD_UNAVAILABLE when it has gone or says nothing for `timeoutMs`. */
  call<Name extends keyof Remote & string>(
    method: Name,
    argument: ArgumentOf<Remote[Name]>,
    timeout?: { readonly ms: number; readonly clock: Clock },
  ): Promise<AnswerOf<Remote[Name]>> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(gone());
        return;
      }
      const id = this.#nextId++;
      const timer = timeout?.clock.after(timeout.ms, () => {
        this.#pending.delete(id);
        reject(new ShardgateError("SHARD_UNAVAILABLE", `a process of this one does not answer: ${method}`));
      });
      this.#pending.set(id, {
        resolve: (value) => {
          timer?.cancel();
          resolve(value as AnswerOf<Remote[Name]>);
        },
        reject: (error) => {
          timer?.cancel();
          reject(error);
        },
      });
      this.#send({ kind: "call", id, method, argument }, undefined);
    });
  }

  /** Calls a method without waiting for it. The socket must not be read or written from now on. */
  tell<Name extends keyof Remote & string>(method: Name, argument: ArgumentOf<Remote[Name]>, socket?: Socket): void {
    this.#send({ kind: "call", id: 0, method, argument }, socket);
  }

  /** To be called with every message of the wire. */
  received(message: Message, socket: Socket | undefined): void {
    if (message.kind === "call") {
      void this.#run(message.id, message.method, message.argument, socket);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "answer") pending?.resolve(message.value);
    else pending?.reject(errorOf(message.details));
  }

  /** The other side has gone. */
  close(): void {
    this.#open = false;
    for (const { reject } of this.#pending.values()) reject(gone());
    this.#pending.clear();
  }

  async #run(id: number, method: string, argument: unknown, socket: Socket | undefined): Promise<void> {
    const run = this.#local.get(method);
    try {
      if (run === undefined) throw new Error(`there is no method ${method}`);
      const value = await run(argument, socket);
      if (id !== 0) this.#send({ kind: "answer", id, value }, undefined);
    } catch (error) {
      const details = failDetailsOf(error, false);
      if (id === 0 || details.id === "INTERNAL") {
        this.#log.error({ method, error: messageOf(error) }, "bug: a call between processes failed");
      }
      if (id !== 0) this.#send({ kind: "failure", id, details }, undefined);
    }
  }

  #send(message: Message, socket: Socket | undefined): void {
    if (this.#open) this.#wire.send(message, socket);
  }
}

function gone(): ShardgateError {
  return new ShardgateError("SHARD_UNAVAILABLE", "a process of this one has ended; try again");
}
