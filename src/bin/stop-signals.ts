// What a signal that ends a process means, by those that came before it. The first one stops it in good order, which may
// take as long as its drain. Who sends the same one again does not want to wait for that.
//
// Not everything that comes twice was sent twice: a terminal's Ctrl-C reaches all processes, whose parent then tells them
// with SIGTERM what they know already, and `timeout` signals both its child and the child's group.

export type StopSignal = "SIGINT" | "SIGTERM";

/** The same signal within so long is the same request. */
const SAME_REQUEST_MS = 1_000;

export class StopSignals {
  #first: { readonly signal: StopSignal; readonly atMs: number } | undefined;

  /** What is to be done: begin to stop, end at once, or nothing more than what goes on already. `nowMs` is monotonic. */
  received(signal: StopSignal, nowMs: number): "stop" | "end" | "nothing" {
    const first = this.#first;
    if (first === undefined) {
      this.#first = { signal, atMs: nowMs };
      return "stop";
    }
    return signal === first.signal && nowMs - first.atMs >= SAME_REQUEST_MS ? "end" : "nothing";
  }
}
