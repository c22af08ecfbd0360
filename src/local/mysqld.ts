// A real mariadbd (or MySQL mysqld) in a data directory of its own: installed on first use, loopback and a unix socket
// only, root without a password, small buffers. It is what each shard of a local cluster runs on, and what tests
// compare against. Knows nothing of keyspaces.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createConnection } from "mysql2/promise";
import { ShardgateError } from "../base/errors.ts";
import { freePort, type RunningProcess, startProcess, untilReady } from "./process.ts";

export interface MysqldOptions {
  /** Named in logs and errors; default `mysqld`. */
  readonly name?: string;
  /** Holds `data/`, the log and the pid file; made when absent, reused when present. */
  readonly dir: string;
  /** TCP port on 127.0.0.1; default a free one. */
  readonly port?: number;
  /** Replication identity; default 1. */
  readonly serverId?: number;
  /** Writes a row-format binary log with GTIDs, so that replicas can follow; default false. */
  readonly binlog?: boolean;
  /** Further options of mariadbd, last so that they win. */
  readonly args?: readonly string[];
  /** A directory to keep an installed, empty data directory in; copying it is quicker than installing again. */
  readonly templateDir?: string;
  /** Interrupts the start; what was started is stopped then. */
  readonly signal?: AbortSignal;
}

export interface Mysqld extends RunningProcess {
  readonly port: number;
  readonly socketPath: string;
  readonly dir: string;
  readonly logFile: string;
}

/** sun_path of unix(7) holds 108 bytes with the closing zero. */
export const SOCKET_PATH_BYTES_MAX = 107;
const READY_DEADLINE_MS = 60_000;
const BIND_TRIES = 3;

/** Starts a mysqld and resolves when it answers queries. Throws ShardgateError with the end of its log when it does not. */
export async function startMysqld(options: MysqldOptions): Promise<Mysqld> {
  const name = options.name ?? "mysqld";
  const dir = resolve(options.dir);
  const dataDir = join(dir, "data");
  const logFile = join(dir, "mysqld.log");
  // A server that starts deletes all temporary tables it finds in its tmpdir: none may be another server's.
  const temporaryDir = join(dir, "tmp");
  mkdirSync(temporaryDir, { recursive: true });
  const server = findServer();
  await installDataDir(server, dataDir, options.templateDir);
  const socketPath = socketPathOf(dir);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const child = await startProcess({
      name,
      command: server.command,
      args: [
        "--no-defaults",
        `--datadir=${dataDir}`,
        `--tmpdir=${temporaryDir}`,
        `--socket=${socketPath}`,
        `--pid-file=${join(dir, "mysqld.own.pid")}`,
        "--bind-address=127.0.0.1",
        `--port=${port}`,
        `--server-id=${options.serverId ?? 1}`,
        ...serverArgs(server),
        ...(options.binlog === true ? binlogArgs(server) : ["--skip-log-bin"]),
        ...(options.args ?? []),
      ],
      logFile,
      pidFile: join(dir, "mysqld.pid"),
      stopDeadlineMs: 30_000,
    });
    try {
      await untilReady(child, logFile, READY_DEADLINE_MS, () => answers(socketPath), options.signal);
      return { ...child, port, socketPath, dir, logFile };
    } catch (error) {
      await child.stop();
      // Between finding a free port and mariadbd's bind another process may have taken it.
      if (options.port !== undefined || attempt >= BIND_TRIES || !/Bind on TCP\/IP port/.test(String(error)))
        throw error;
    }
  }
}

/** Installs the empty data directory that further starts with this `templateDir` copy; does nothing when it is there. */
export async function ensureTemplate(templateDir: string): Promise<void> {
  mkdirSync(templateDir, { recursive: true });
  const template = join(templateDir, "data");
  if (!existsSync(join(template, "mysql"))) await installTemplate(findServer(), template);
}

interface Server {
  readonly command: string;
  readonly flavor: "mariadb" | "mysql";
}

function findServer(): Server {
  for (const name of ["mariadbd", "mysqld"]) {
    for (const folder of [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"]) {
      const command = join(folder, name);
      if (folder !== "" && existsSync(command)) {
        const flavor = name === "mariadbd" || existsSync(join(folder, "mariadbd")) ? "mariadb" : "mysql";
        return { command, flavor };
      }
    }
  }
  throw new ShardgateError(
    "CONFIG_BAD",
    "no mariadbd or mysqld found; install one, e.g. `apt-get install mariadb-server`, or put it on the PATH",
  );
}

function serverArgs(server: Server): string[] {
  const args = [
    ...userArgs(),
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-connections=1000",
    "--max-allowed-packet=128M",
    ...installArgs(server),
    // A killed mysqld loses nothing at 2; only a crash of the machine may lose the last second.
    "--innodb-flush-log-at-trx-commit=2",
    "--performance-schema=OFF",
    "--key-buffer-size=1M",
    "--table-open-cache=512",
  ];
  if (server.flavor === "mariadb") args.push("--aria-pagecache-buffer-size=8M", "--skip-ssl");
  else args.push("--mysqlx=OFF");
  return args;
}

/** Sizes that the data directory is made with; the server resizes its files when it starts with other ones. */
function installArgs(server: Server): string[] {
  const args = ["--innodb-buffer-pool-size=64M"];
  args.push(server.flavor === "mariadb" ? "--innodb-log-file-size=16M" : "--innodb-redo-log-capacity=16M");
  return args;
}

function binlogArgs(server: Server): string[] {
  const args = ["--log-bin=binlog", "--binlog-format=ROW", "--relay-log=relay", "--sync-binlog=0"];
  if (server.flavor === "mariadb") args.push("--log-slave-updates", "--gtid-strict-mode=ON");
  else args.push("--log-replica-updates", "--gtid-mode=ON", "--enforce-gtid-consistency=ON");
  return args;
}

/** The servers refuse to run as root unless told; data directories may lie where the mysql user cannot go. */
function userArgs(): string[] {
  return process.getuid?.() === 0 ? ["--user=root"] : [];
}

async function installDataDir(server: Server, dataDir: string, templateDir: string | undefined): Promise<void> {
  if (existsSync(join(dataDir, "mysql"))) return;
  // What an interrupted installation left has no use; a rename at the end makes the directory appear whole.
  const draft = `${dataDir}.${process.pid}.draft`;
  rmSync(draft, { recursive: true, force: true });
  if (templateDir === undefined) {
    await install(server, draft);
  } else {
    await ensureTemplate(templateDir);
    await cp(join(templateDir, "data"), draft, { recursive: true });
  }
  rmSync(dataDir, { recursive: true, force: true });
  renameSync(draft, dataDir);
}

async function installTemplate(server: Server, template: string): Promise<void> {
  const draft = `${template}.${process.pid}.${Math.random().toString(36).slice(2, 8)}.draft`;
  await install(server, draft);
  try {
    renameSync(draft, template);
  } catch {
    // Another one was quicker; its template is as good.
    rmSync(draft, { recursive: true, force: true });
  }
}

async function install(server: Server, dataDir: string): Promise<void> {
  mkdirSync(dataDir, { recursive: true, mode: 0o750 });
  const shared = ["--no-defaults", `--datadir=${dataDir}`, ...userArgs(), ...installArgs(server)];
  const [command, args] =
    server.flavor === "mariadb"
      ? [
          "mariadb-install-db",
          [...shared, "--auth-root-authentication-method=normal", "--skip-name-resolve", "--skip-test-db"],
        ]
      : [server.command, [...shared, "--initialize-insecure"]];
  const output = join(dirname(dataDir), `install.${process.pid}.log`);
  for (let attempt = 1; ; attempt++) {
    const { code, text } = await run(command, args);
    if (code === 0) return;
    rmSync(dataDir, { recursive: true, force: true });
    // Several servers that start at once can be short of what the kernel has for asynchronous I/O for a moment.
    if (attempt < INSTALL_ATTEMPTS) {
      mkdirSync(dataDir, { recursive: true, mode: 0o750 });
      continue;
    }
    writeFileSync(output, text);
    const lines = text.trimEnd().split("\n");
    const errors = lines.filter((line) => /error/i.test(line));
    const shown = (errors.length > 0 ? errors : lines).slice(-8).join("\n");
    throw new ShardgateError(
      "CONFIG_BAD",
      `${command} failed with exit code ${code}; its output is in ${output}:\n${shown}`,
    );
  }
}

const INSTALL_ATTEMPTS = 3;

function run(command: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once("error", (error) => {
      reject(new ShardgateError("CONFIG_BAD", `cannot run ${command}: ${error.message}`, error));
    });
    child.once("close", (code) => resolve({ code, text }));
  });
}

/** A path for the socket that fits sun_path: in the directory itself, or a short one made from its name. */
function socketPathOf(dir: string): string {
  const own = join(dir, "mysqld.sock");
  if (Buffer.byteLength(own) <= SOCKET_PATH_BYTES_MAX) return own;
  let hash = 5381;
  for (const byte of Buffer.from(dir)) hash = (hash * 33 + byte) % 2 ** 48;
  return join(tmpdir(), `shardgate-${process.getuid?.() ?? 0}-${hash.toString(36)}.sock`);
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    const connection = await createConnection({ socketPath, user: "root", connectTimeout: 10_000 });
    try {
      await connection.query("select 1");
    } finally {
      connection.destroy();
    }
    return true;
  } catch {
    return false;
  }
}
