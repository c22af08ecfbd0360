// Supervision with processes that are only objects: restarts, stop order, stops in the middle of a start.

import { describe, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import type { ProcessExit, RunningProcess } from "../../../src/local/process.ts";
import { Supervisor } from "../../../src/local/supervisor.ts";

interface Fake extends RunningProcess {
  die(): void;
}

let pids = 0;

function fake(name: string, onStop: () => void = () => {}): Fake {
  let end: (exit: ProcessExit) => void = () => {};
  const exited = new Promise<ProcessExit>((resolve) => {
    end = resolve;
  });
  const stop = async () => {
    onStop();
    end({ code: 0, signal: null });
  };
  return { name, pid: ++pids, exited, signal: () => {}, stop, kill: stop, die: () => end({ code: 1, signal: null }) };
}

describe("Supervisor", () => {
  test("stops tier after tier, and only once", async () => {
    const stopped: string[] = [];
    const supervisor = new Supervisor(silentLog);
    for (const tier of ["topology", "mysqld", "tablet", "gateway"] as const) {
      await supervisor.add({ tier, name: tier, start: async () => fake(tier, () => stopped.push(tier)) });
    }
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(stopped).toEqual(["gateway", "tablet", "mysqld", "topology"]);
  });

  test("a process that dies is started again, also when the next start fails", async () => {
    const supervisor = new Supervisor(silentLog);
    const started: Fake[] = [];
    let back: () => void = () => {};
    const isBack = new Promise<void>((resolve) => {
      back = resolve;
    });
    let starts = 0;
    const supervised = await supervisor.add({
      tier: "tablet",
      name: "t",
      async start() {
        starts++;
        if (starts === 2) throw new Error("port still taken");
        const process = fake("t");
        started.push(process);
        return process;
      },
      restarted: async () => back(),
    });
    started[0]?.die();
    await isBack;
    expect(starts).toBe(3);
    expect(supervised.current()).toBe(started[1]);
    await supervisor.stop();
  });

  test("nothing is restarted after stop", async () => {
    const supervisor = new Supervisor(silentLog);
    let starts = 0;
    const supervised = await supervisor.add({
      tier: "tablet",
      name: "t",
      async start() {
        starts++;
        return fake("t");
      },
    });
    supervised.current().die();
    await Promise.resolve();
    await supervisor.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(starts).toBe(1);
  });

  test("a stop during a start ends what that start brings up", async () => {
    const supervisor = new Supervisor(silentLog);
    let stops = 0;
    let finish: (process: Fake) => void = () => {};
    const adding = supervisor.add({
      tier: "mysqld",
      name: "m",
      start: () =>
        new Promise<Fake>((resolve) => {
          finish = resolve;
        }),
    });
    const refused = expect(adding).rejects.toThrow("the start was interrupted");
    const stopping = supervisor.stop();
    finish(fake("m", () => stops++));
    await refused;
    await stopping;
    expect(stops).toBe(1);
    await expect(supervisor.add({ tier: "mysqld", name: "n", start: async () => fake("n") })).rejects.toThrow(
      "the start was interrupted",
    );
  });
});
