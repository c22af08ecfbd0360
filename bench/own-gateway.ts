// Gateways beside the stage's own, before the same tablets, with flags of their own: what benches compare side by side.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Stage, Target } from "./stage.ts";

export interface OwnGateway {
  readonly target: Target;
  stop(): Promise<void>;
}

interface Ready {
  readonly pid: number;
  readonly address: string;
  readonly workers?: readonly number[];
}

/** `script` is the executable's; its processes are called `gateway`, or `gateway primary` and `gateway worker N`. */
export async function startOwnGateway(
  script: string,
  stage: Stage,
  name: string,
  flags: readonly string[],
): Promise<OwnGateway> {
  const etcd = stage.cluster.processes().find(({ kind }) => kind === "etcd");
  const own = ["--listen", "127.0.0.1:0", "--log-level", "warn", ...flags];
  const topo = ["--topo-endpoints", `http://127.0.0.1:${etcd?.port ?? 0}`, "--topo-root", "/shardgate"];
  const child = spawn(process.execPath, [script, "gateway", ...own, ...topo], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const { pid, address, workers } = await new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as Ready));
    void exited.then(() => reject(new Error("the gateway did not start")));
  });
  const first = { name: workers === undefined ? "gateway" : "gateway primary", pid };
  const others = (workers ?? []).map((each, at) => ({ name: `gateway worker ${at + 1}`, pid: each }));
  const behind = stage.shardgate.processes.filter((process) => process.name !== "gateway");
  return {
    target: {
      name,
      port: Number(address.slice(address.lastIndexOf(":") + 1)),
      database: stage.shardgate.database,
      processes: [...behind, first, ...others],
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
