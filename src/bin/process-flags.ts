// Flags and habits that the long-running processes (gateway, tablet) share: log level, TLS between them, the ready line,
// stopping on a signal.

import { type Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createLog, type Log, LOG_LEVELS, type LogLevel } from "../base/log.ts";
import { Certificates } from "../rpc/certificates.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { type StopSignal, StopSignals } from "./stop-signals.ts";

export interface ProcessFlags {
  readonly logLevel: LogLevel;
  readonly adminListen: string;
  readonly grpcCert?: string;
  readonly grpcKey?: string;
  readonly grpcCa?: string;
}

export function addProcessFlags(command: Command): Command {
  return command
    .option(
      "--admin-listen <host:port>",
      "where /livez, /readyz, /metrics and /debug pages are served over HTTP; port 0 takes a free one, off serves none",
      "127.0.0.1:0",
    )
    .option(
      "--grpc-cert <file>",
      "PEM certificate for mTLS between gateways and tablets; read again when it changes (default: plain text)",
    )
    .option("--grpc-key <file>", "PEM private key of --grpc-cert")
    .option("--grpc-ca <file>", "PEM certificates the other side's certificate is checked against")
    .addOption(
      new Option("--log-level <level>", "least severe level that is logged, as JSON lines on standard error")
        .choices(LOG_LEVELS)
        .default("info"),
    );
}

/** SIGUSR2 has a process log everything, and again as it did before. */
export function switchLogLevelOnSignal(log: Log, level: LogLevel): void {
  process.on("SIGUSR2", () => {
    const { threshold } = log;
    if (threshold === undefined) return;
    threshold.level = threshold.level === "debug" ? level : "debug";
    log.warn({ level: threshold.level }, "log level changed by SIGUSR2");
  });
}

/** Throws CONFIG_BAD when only some of the three files are given, or one is no good. */
export function grpcTlsOf(flags: Pick<ProcessFlags, "grpcCert" | "grpcKey" | "grpcCa">, log: Log): GrpcTls | undefined {
  const { grpcCert: certFile, grpcKey: keyFile, grpcCa: caFile } = flags;
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined || caFile === undefined) {
    throw new ShardgateError("CONFIG_BAD", "--grpc-cert, --grpc-key and --grpc-ca belong together: give all three");
  }
  return new Certificates({ certFile, keyFile, caFile }, systemClock, log);
}

export function addWorkersFlag(command: Command, meaning: string): Command {
  return command.option("--workers <n>", meaning, workerCount, 1);
}

export function addSilenceFlag(command: Command, meaning: string): Command {
  return command.option("--silence-max <s>", meaning, silentSeconds, LIMITS.peerSilenceS);
}

/** Either side says something once a second. */
function silentSeconds(text: string): number {
  const value = wholeNumber(text);
  if (value < 3 || value > 3_600) throw new InvalidArgumentError("expected 3 to 3600 seconds");
  return value;
}

function workerCount(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > LIMITS.workersMax) throw new InvalidArgumentError(`expected 1 to ${LIMITS.workersMax}`);
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number, 0 or more");
  return value;
}

export interface RunningPart {
  /** host:port it serves on. */
  readonly address: string;
  /** host:port of its admin pages. */
  readonly adminAddress: string | undefined;
  /** Of its workers, if it has some. */
  workerPids?(): readonly number[];
  reload?(): void;
  stop(): Promise<void>;
}

/**
 * Starts a part, prints its ready line on standard output, stops it on SIGINT or SIGTERM, at once on a second one; SIGHUP
 * has it read the files again that may change while it runs. Sets the exit code.
 */
export async function runProcess(
  part: "gateway" | "tablet",
  flags: ProcessFlags,
  start: (log: Log) => Promise<RunningPart>,
): Promise<void> {
  const log = createLog(part, flags.logLevel);
  // Timers of the clock do not keep a process alive, and one that waits for etcd may have nothing else. It ends by exit().
  setInterval(() => {}, 60_000);
  process.on("uncaughtException", (error) => {
    log.error({ error: error.message, stack: error.stack }, "bug: uncaught exception");
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  });
  try {
    const running = await start(log);
    const signals = new StopSignals();
    const stop = (signal: StopSignal): void => {
      const does = signals.received(signal, systemClock.nowMs());
      if (does === "end") {
        log.warn({ signal }, "ends at once");
        for (const pid of running.workerPids?.() ?? []) if (pid > 0) killQuietly(pid);
        process.exit(1);
      }
      if (does === "nothing") return;
      log.info({ signal }, "stopping");
      running.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ error: messageOf(error) }, "did not stop cleanly");
          process.exit(1);
        },
      );
    };
    process.on("SIGINT", () => stop("SIGINT"));
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGHUP", () => {
      running.reload?.();
    });
    switchLogLevelOnSignal(log, flags.logLevel);
    const { address, adminAddress: admin } = running;
    const workers = running.workerPids?.();
    process.stdout.write(`${JSON.stringify({ ready: true, part, pid: process.pid, address, admin, workers })}\n`);
  } catch (error) {
    process.stderr.write(`shardgate ${part}: ${messageOf(error)}\n`);
    if (!(error instanceof ShardgateError) && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
    process.exit(1);
  }
}

/** A worker that has ended already is none the worse. */
function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}
