import { expect, test } from "vitest";
import { type StopSignal, StopSignals } from "../../../src/bin/stop-signals.ts";

type Received = readonly [signal: StopSignal, atMs: number, does: ReturnType<StopSignals["received"]>];

const CASES: readonly { readonly name: string; readonly received: readonly Received[] }[] = [
  {
    name: "a second SIGTERM ends at once",
    received: [
      ["SIGTERM", 5, "stop"],
      ["SIGTERM", 1_005, "end"],
    ],
  },
  {
    name: "so does a second Ctrl-C",
    received: [
      ["SIGINT", 5, "stop"],
      ["SIGINT", 9_000, "end"],
    ],
  },
  {
    name: "what comes twice in a moment is one request; a later one counts",
    received: [
      ["SIGTERM", 5, "stop"],
      ["SIGTERM", 6, "nothing"],
      ["SIGTERM", 1_500, "end"],
    ],
  },
  {
    name: "a parent's SIGTERM behind the Ctrl-C that both have seen does not cut the drain short",
    received: [
      ["SIGINT", 5, "stop"],
      ["SIGTERM", 3_000, "nothing"],
    ],
  },
];

test.each(CASES)("$name", ({ received }) => {
  const signals = new StopSignals();
  for (const [signal, atMs, does] of received) expect(signals.received(signal, atMs)).toBe(does);
});
