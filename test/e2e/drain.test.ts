// A short part of `npm run chaos -- drain`: one of three gateways behind HAProxy is stopped and started under load.

import { expect, test } from "vitest";
import { isInstalled, runDrain } from "../chaos/drain.ts";

const TIMEOUT_MS = 300_000;
const hasHaproxy = isInstalled("haproxy");
if (!hasHaproxy) process.stderr.write("haproxy is not installed: the drain behind a balancer is not tested\n");

test.skipIf(!hasHaproxy)(
  "clients that try nothing again see no statement fail while a gateway is stopped and started",
  async () => {
    const report = await runDrain({
      seed: 1,
      stops: 1,
      clients: 6,
      sysbenchThreads: isInstalled("sysbench") ? 2 : 0,
      drainDelayS: 1,
      tell: () => {},
    });
    expect(report.failed).toEqual([]);
    expect(report.lost).toEqual([]);
    expect(report.sysbench?.errors ?? []).toEqual([]);
    expect(report.connections).toBeGreaterThan(10);
  },
  TIMEOUT_MS,
);
