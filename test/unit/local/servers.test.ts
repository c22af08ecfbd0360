// The real servers of a local cluster: they start, answer, keep their data over a restart, and leave nothing behind,
// not even when the process that started them is killed.

import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { describe, expect, test } from "vitest";
import { freePort, isListening, startProcess, startTicks } from "../../../src/local/process.ts";
import { startEtcd, startMysqld, temporaryDir } from "../../fixture/cluster.ts";
import { until } from "../../fixture/until.ts";

describe("mysqld", () => {
  test("answers on socket and port, keeps data over stop and kill, and is removed", async () => {
    const dir = temporaryDir();
    let server = await startMysqld({ dir: dir.path });
    const byPort = await createConnection({ host: "127.0.0.1", port: server.port, user: "root" });
    await byPort.query("create database d");
    await byPort.query("create table d.t (id int primary key)");
    await byPort.query("insert into d.t values (1)");
    byPort.destroy();
    await server.stop();
    expect(await isListening(server.port)).toBe(false);

    server = await startMysqld({ dir: dir.path, port: server.port });
    const bySocket = await createConnection({ socketPath: server.socketPath, user: "root" });
    await bySocket.query("insert into d.t values (2)");
    bySocket.destroy();
    await server.kill();

    server = await startMysqld({ dir: dir.path, port: server.port });
    const again = await createConnection({ socketPath: server.socketPath, user: "root" });
    const [rows] = await again.query("select id from d.t order by id");
    expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
    again.destroy();
    await server.stop();
    expect(existsSync(join(dir.path, "mysqld.pid"))).toBe(false);
    dir.remove();
  });

  test("says what its log says when it cannot start", async () => {
    await expect(startMysqld({ args: ["--no-such-option=1"] })).rejects.toThrow(/unknown variable 'no-such-option=1'/);
  });

  test("a long directory still gets a socket path that fits", async () => {
    const dir = temporaryDir("a".repeat(120));
    const server = await startMysqld({ dir: dir.path });
    expect(Buffer.byteLength(server.socketPath)).toBeLessThan(108);
    await server.stop();
    dir.remove();
  });
});

describe("etcd", () => {
  test("is healthy, and keeps its keys over a restart on another port", async () => {
    const dir = temporaryDir();
    let server = await startEtcd({ dir: dir.path });
    const put = await fetch(`${server.endpoint}/v3/kv/put`, {
      method: "POST",
      body: JSON.stringify({ key: btoa("k"), value: btoa("v") }),
    });
    expect(put.status).toBe(200);
    await server.kill();
    server = await startEtcd({ dir: dir.path });
    const range = await fetch(`${server.endpoint}/v3/kv/range`, {
      method: "POST",
      body: JSON.stringify({ key: btoa("k") }),
    });
    expect(await range.text()).toContain(btoa("v"));
    await server.stop();
    expect(await isListening(server.port)).toBe(false);
    dir.remove();
  });
});

describe("process", () => {
  test("a child dies with a parent that was killed by SIGKILL", async () => {
    const dir = temporaryDir();
    const script = join(dir.path, "parent.mjs");
    const out = join(dir.path, "pid");
    writeFileSync(
      script,
      `import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs";
       const child = spawn("setpriv", ["--pdeathsig", "SIGTERM", "--", "sleep", "300"], { detached: true, stdio: "ignore" });
       child.once("spawn", () => setTimeout(() => writeFileSync(${JSON.stringify(out)}, String(child.pid)), 200));`,
    );
    const parent = spawn(process.execPath, [script], { stdio: "ignore" });
    await until(() => existsSync(out) && readFileSync(out, "utf8") !== "");
    const pid = Number(readFileSync(out, "utf8"));
    expect(startTicks(pid)).toBeDefined();
    parent.kill("SIGKILL");
    await until(() => startTicks(pid) === undefined);
    dir.remove();
  });

  test("a new start sweeps what its pid file names, and never a pid that was given to another process", async () => {
    const dir = temporaryDir();
    const spec = {
      name: "sleeper",
      command: "sleep",
      args: ["300"],
      logFile: join(dir.path, "log"),
      pidFile: join(dir.path, "pid"),
    };
    const first = await startProcess(spec);
    const second = await startProcess(spec);
    expect((await first.exited).signal).toBe("SIGTERM");
    writeFileSync(join(dir.path, "other"), `${second.pid} 12345\n`);
    const third = await startProcess({ ...spec, pidFile: join(dir.path, "other") });
    expect(startTicks(second.pid)).toBeDefined();
    await second.stop();
    await third.kill();
    dir.remove();
  });

  test("a process that ignores SIGTERM is killed at the deadline, a paused one is stopped", async () => {
    const dir = temporaryDir();
    const lines: string[] = [];
    const stubborn = await startProcess({
      name: "stubborn",
      command: "bash",
      args: ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"],
      logFile: join(dir.path, "log"),
      pidFile: join(dir.path, "pid"),
      stopDeadlineMs: 100,
      onLine: (line) => lines.push(line),
    });
    await until(() => lines.length > 0);
    expect(lines).toEqual(["up"]);
    await stubborn.stop();
    expect((await stubborn.exited).signal).toBe("SIGKILL");

    const paused = await startProcess({
      name: "paused",
      command: "sleep",
      args: ["300"],
      logFile: join(dir.path, "log"),
      pidFile: join(dir.path, "pid"),
    });
    paused.signal("SIGSTOP");
    await paused.stop();
    expect((await paused.exited).signal).toBe("SIGTERM");
    dir.remove();
  });

  test("a command that does not exist is named", async () => {
    const dir = temporaryDir();
    await expect(
      startProcess({
        name: "ghost",
        command: "/nonexistent/ghost",
        args: [],
        logFile: join(dir.path, "log"),
        pidFile: join(dir.path, "pid"),
      }).then((child) => child.exited.then((exit) => Promise.reject(new Error(`exit ${exit.code}`)))),
    ).rejects.toThrow(/ghost|exit 127/);
    dir.remove();
  });

  test("freePort gives ports nobody listens on", async () => {
    expect(await isListening(await freePort())).toBe(false);
  });
});
