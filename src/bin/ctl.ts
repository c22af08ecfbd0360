// `shardgate ctl`: operators' commands, named as in Vitess. Reads flags, calls `control/`, prints text for people or with
// --json one JSON document, and ends with an exit code that scripts can rely on. The commands are in ctl/, by subject.

import { hostname, userInfo } from "node:os";
import type { CommanderError } from "commander";
import { Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { AssertionError, messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { createLog, silentLog } from "../base/log.ts";
import type { ControlContext, TabletSchemaPort, TabletTransactionPort } from "../control/context.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { TabletControlClient } from "../rpc/tablet-control-client.ts";
import type { TopoStore } from "../topo/store.ts";
import { Topology } from "../topo/topology.ts";
import { type Add, type CtlFlags, EXIT, type ExitCode, type Run, seconds, UsageError } from "./ctl/call.ts";
import { addCellCommands } from "./ctl/cell-commands.ts";
import { addKeyspaceCommands } from "./ctl/keyspace-commands.ts";
import { addQueryRuleCommands } from "./ctl/query-rule-commands.ts";
import { addSchemaCommands } from "./ctl/schema-commands.ts";
import { addShardCommands } from "./ctl/shard-commands.ts";
import { addTransactionCommands } from "./ctl/transaction-commands.ts";
import { addVSchemaCommands } from "./ctl/vschema-commands.ts";
import { grpcTlsOf } from "./process-flags.ts";
import type { Terminal } from "./terminal.ts";
import { processTerminal } from "./terminal.ts";
import type { TopoFlags } from "./topo-flags.ts";
import { addTopoFlags, openStore, topoRootOf } from "./topo-flags.ts";

/** What a test, or a process that embeds the commands, may replace. */
export interface CtlParts {
  readonly terminal: Terminal;
  readonly openStore: (flags: TopoFlags, log: Log, callTimeoutMs?: number) => Promise<TopoStore>;
  readonly openTablets: (tls: GrpcTls | undefined) => TabletSchemaPort & TabletTransactionPort & { close(): void };
  /** Ends the process; must not return. */
  readonly exit: (code: number) => never;
}

const EXIT_HELP = `
Exit codes:
  0  done
  1  refused or failed; Validate: found errors
  2  wrong usage
  3  conflict: it exists already, someone else was faster, or a lock is held
  4  partly done: ApplySchema failed on some shards and not on others
  5  the topology or a shard cannot be reached
  130  interrupted (SIGINT, SIGTERM)`;

/** How long a call to etcd may take before an operator is told. */
const CALL_TIMEOUT_S = 5;

export function ctlCommand(parts: Partial<CtlParts> = {}): Command {
  const terminal = parts.terminal ?? processTerminal();
  const exit = parts.exit ?? ((code: number) => process.exit(code));
  const ctl = new Command("ctl")
    .summary("operators' commands on keyspaces, shards, tablets, VSchemas and table definitions")
    .description(
      "Operators' commands, named as in Vitess. Flags of the topology may stand before or after the command.",
    )
    .addHelpText("after", EXIT_HELP)
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError("(--help tells more)")
    .exitOverride((error: CommanderError) => exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage));
  addCommonFlags(addTopoFlags(ctl));
  addTabletTlsFlags(ctl, false);

  const full: CtlParts = {
    terminal,
    exit,
    openStore: parts.openStore ?? openStore,
    openTablets: parts.openTablets ?? ((tls) => new TabletControlClient(tls)),
  };
  const add: Add = (usage, description, run, options = []) => {
    const command = ctl.command(usage).description(description);
    for (const option of options) command.addOption(option);
    addTopoFlags(addCommonFlags(command), { hidden: true });
    addTabletTlsFlags(command, true);
    command.action(() => perform(full, ctl, command, run));
  };
  addKeyspaceCommands(add);
  addShardCommands(add);
  addVSchemaCommands(add);
  addQueryRuleCommands(add);
  addSchemaCommands(add);
  addCellCommands(add);
  addTransactionCommands(add);
  return ctl;
}

async function perform(parts: CtlParts, ctl: Command, command: Command, run: Run): Promise<void> {
  const { terminal } = parts;
  const flags: CtlFlags = { ...ctl.opts<CtlFlags>(), ...command.opts<CtlFlags>() };
  const code = await perhapsFailing(terminal, flags.json === true, async () => {
    const log = flags.verbose === true ? createLog("ctl", "info") : silentLog;
    const { store, topology } = await openTopology(parts, flags, log);
    const tablets = parts.openTablets(tabletTlsOf(flags));
    // A lock that is held should not outlive its command. While an editor runs, Ctrl-C is the editor's.
    let isInterrupted = false;
    const stop = (): void => {
      isInterrupted = true;
      void store.close().finally(() => parts.exit(EXIT.interrupted));
    };
    if (command.name() !== "EditVSchema") process.once("SIGINT", stop).once("SIGTERM", stop);
    // The clock's timers do not keep a process alive; a command that waits for a retry must.
    const alive = setInterval(() => {}, 60_000);
    try {
      const context: ControlContext = {
        topology,
        tablets,
        clock: systemClock,
        holder: `ctl ${command.name()} of ${userName()}@${hostname()}, pid ${process.pid}`,
      };
      const [first = "", second = ""] = command.args;
      const answer = await run({ context, terminal, flags, first, second });
      terminal.out(flags.json === true ? `${JSON.stringify(answer.json, undefined, 2)}\n` : answer.text);
      return answer.code ?? EXIT.ok;
    } catch (error) {
      if (isInterrupted) return EXIT.interrupted;
      throw error;
    } finally {
      clearInterval(alive);
      process.off("SIGINT", stop).off("SIGTERM", stop);
      tablets.close();
      await store.close();
    }
  });
  if (code !== EXIT.ok) parts.exit(code);
}

async function openTopology(
  parts: CtlParts,
  flags: CtlFlags,
  log: Log,
): Promise<{ readonly store: TopoStore; readonly topology: Topology }> {
  try {
    const store = await parts.openStore(flags, log, (flags.timeout ?? CALL_TIMEOUT_S) * 1_000);
    return { store, topology: new Topology(store, topoRootOf(flags)) };
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

function tabletTlsOf(flags: CtlFlags): GrpcTls | undefined {
  try {
    return grpcTlsOf(flags, silentLog);
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

async function perhapsFailing(terminal: Terminal, isJson: boolean, run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    const id = error instanceof ShardgateError ? error.id : undefined;
    const message = messageOf(error);
    if (error instanceof AssertionError && error.stack !== undefined) terminal.err(`${error.stack}\n`);
    terminal.err(isJson ? `${JSON.stringify({ error: { id, message } })}\n` : `Error: ${message}\n`);
    switch (id) {
      case "TOPO_NODE_EXISTS":
      case "TOPO_BAD_VERSION":
      case "TOPO_LOCKED":
        return EXIT.conflict;
      case "TOPO_UNAVAILABLE":
      case "SHARD_UNAVAILABLE":
        return EXIT.unavailable;
      default:
        return error instanceof UsageError ? EXIT.usage : EXIT.failed;
    }
  }
}

function addCommonFlags(command: Command): Command {
  return command
    .option("--json", "print one JSON document")
    .addOption(
      new Option(
        "--timeout <seconds>",
        `how long a call to the topology may take, in seconds (default: ${CALL_TIMEOUT_S})`,
      ).argParser(seconds),
    )
    .option("--verbose", "log what happens on standard error");
}

function addTabletTlsFlags(command: Command, isHidden: boolean): void {
  const flags = [
    new Option("--grpc-cert <file>", "PEM certificate shown to tablets (default: plain text)"),
    new Option("--grpc-key <file>", "PEM private key of --grpc-cert"),
    new Option("--grpc-ca <file>", "PEM certificates that a tablet's certificate is checked against"),
  ];
  for (const flag of flags) command.addOption(isHidden ? flag.hideHelp() : flag);
}

/** A container's user need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
