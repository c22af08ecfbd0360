// `shardgate ctl`: operators' commands, named as in Vitess. Reads flags, calls `control/`, prints text for people or with
// --json one JSON document, and ends with an exit code that scripts can rely on.

import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import type { CommanderError } from "commander";
import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { AssertionError, messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { createLog, silentLog } from "../base/log.ts";
import { addCellInfo, deleteCellInfo, getCellInfo, getCellInfoNames } from "../control/cells.ts";
import type { ControlContext, TabletSchemaPort, TabletTransactionPort } from "../control/context.ts";
import type { KeyspaceInfo } from "../control/keyspaces.ts";
import { createKeyspace, deleteKeyspace, getKeyspace, getKeyspaces } from "../control/keyspaces.ts";
import { applyQueryRules, getQueryRules, storedRules } from "../control/query-rules.ts";
import { applyRoutingRules, getRoutingRules } from "../control/routing-rules.ts";
import { applySchema, getSchema } from "../control/schema.ts";
import { createShard, deleteShard, getShard, getShards, setShardPrimary } from "../control/shards.ts";
import { getTablets } from "../control/tablets.ts";
import {
  concludeTransaction,
  listTransactions,
  showTransaction,
  type UnresolvedTransaction,
} from "../control/transactions.ts";
import { validate } from "../control/validate.ts";
import { applyVSchema, getVSchema, goodVSchemas } from "../control/vschema.ts";
import { readRulesText, rulesOf } from "../rules/read-rules.ts";
import { withServer } from "../local/server-connection.ts";
import { printKeyRange } from "../topo/key-range.ts";
import type { ShardRecord, TabletRecord, TabletType } from "../topo/records.ts";
import { parseTabletAlias, routingRulesJson, TABLET_TYPES } from "../topo/records.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { TabletControlClient } from "../rpc/tablet-control-client.ts";
import type { TopoStore } from "../topo/store.ts";
import { Topology } from "../topo/topology.ts";
import { editVSchema } from "./edit-vschema.ts";
import { grpcTlsOf } from "./process-flags.ts";
import type { Terminal } from "./terminal.ts";
import { processTerminal } from "./terminal.ts";
import type { TopoFlags } from "./topo-flags.ts";
import { addTopoFlags, openStore, topoRootOf } from "./topo-flags.ts";
import { tryRules, trialText } from "./try-rules.ts";
import { type VindexVerification, verifyVindex } from "./vindex-verify.ts";

/** What a test, or a process that embeds the commands, may replace. */
export interface CtlParts {
  readonly terminal: Terminal;
  readonly openStore: (flags: TopoFlags, log: Log, callTimeoutMs?: number) => Promise<TopoStore>;
  readonly openTablets: (tls: GrpcTls | undefined) => TabletSchemaPort & TabletTransactionPort & { close(): void };
  /** Ends the process; must not return. */
  readonly exit: (code: number) => never;
}

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  conflict: 3,
  partial: 4,
  unavailable: 5,
  /** As shells report a command that SIGINT ended. */
  interrupted: 130,
} as const;

const EXIT_HELP = `
Exit codes:
  0  done
  1  refused or failed; Validate: found errors
  2  wrong usage
  3  conflict: it exists already, someone else was faster, or a lock is held
  4  partly done: ApplySchema failed on some shards and not on others
  5  the topology or a shard cannot be reached
  130  interrupted (SIGINT, SIGTERM)`;

type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Flags or arguments that cannot be meant: exit code 2. */
class UsageError extends Error {}

/** What a command hands back: `json` for --json, `text` for people. */
interface Answer {
  readonly json: unknown;
  readonly text: string;
  readonly code?: ExitCode;
}

/** Flags of all commands; each command declares those it has. */
interface CtlFlags extends TopoFlags {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly timeout?: number;
  readonly grpcCert?: string;
  readonly grpcKey?: string;
  readonly grpcCa?: string;
  readonly ifNotExists?: boolean;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly keyspace?: string;
  readonly shard?: string;
  readonly tabletType?: TabletType;
  readonly cell?: string;
  readonly vschema?: string;
  readonly vschemaFile?: string;
  readonly rules?: string;
  readonly rulesFile?: string;
  readonly revision?: number;
  readonly source?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly sql?: string;
  readonly sqlFile?: string;
  readonly ddlTimeout?: number;
  readonly allowDifferences?: boolean;
  readonly tables?: readonly string[];
  readonly decision?: "commit" | "abort";
  readonly gateway?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly repair?: boolean;
}

interface Call {
  readonly context: ControlContext;
  readonly terminal: Terminal;
  readonly flags: CtlFlags;
  /** The command's arguments; `first` is empty for a command without. */
  readonly first: string;
  readonly second: string;
}

type Run = (call: Call) => Promise<Answer>;
type Add = (usage: string, description: string, run: Run, options?: readonly Option[]) => void;

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

/** Undefined when what is made exists, and --if-not-exists allows that. */
async function unlessThere<T>({ ifNotExists }: CtlFlags, make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    const exists = error instanceof ShardgateError && error.id === "TOPO_NODE_EXISTS";
    if (exists && ifNotExists === true) return undefined;
    throw error;
  }
}

function addKeyspaceCommands(add: Add): void {
  add(
    "CreateKeyspace <keyspace>",
    "Adds a keyspace, without shards.",
    async ({ context, flags, first: keyspace }: Call) => {
      const isNew = await createKeyspace(context, keyspace, { ifNotExists: flags.ifNotExists === true });
      const text = isNew ? `Keyspace ${keyspace} is created.\n` : `Keyspace ${keyspace} was there already.\n`;
      return { json: { keyspace, created: isNew }, text };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetKeyspaces", "Lists the keyspaces with their shards.", async ({ context }: Call) => {
    const keyspaces = await getKeyspaces(context);
    return { json: keyspaces, text: keyspaceTable(keyspaces) };
  });
  add("GetKeyspace <keyspace>", "Shows a keyspace.", async ({ context, first: keyspace }: Call) => {
    const info = await getKeyspace(context, keyspace);
    return { json: info, text: keyspaceTable([info]) };
  });
  add(
    "DeleteKeyspace <keyspace>",
    "Removes a keyspace from the topology; the data in its databases is not touched.",
    async ({ context, flags, first: keyspace }: Call) => {
      await deleteKeyspace(context, keyspace, { recursive: flags.recursive === true });
      return { json: { keyspace, deleted: true }, text: `Keyspace ${keyspace} is deleted.\n` };
    },
    [new Option("--recursive", "with its shards")],
  );
}

function addShardCommands(add: Add): void {
  add(
    "CreateShard <keyspace/shard>",
    "Adds a shard, like customer/-80 (or commerce/0 for an unsharded keyspace). It serves unless it overlaps one that does.",
    async ({ context, flags, first }: Call) => {
      const shard = await unlessThere(flags, () => createShard(context, ...shardTarget(first)));
      if (shard === undefined) return { json: { created: false }, text: `Shard ${first} was there already.\n` };
      return { json: shardJson(shard), text: `Shard ${first} is created${shard.isServing ? "" : ", not serving"}.\n` };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetShards <keyspace>", "Lists the shards of a keyspace.", async ({ context, first: keyspace }: Call) => {
    const shards = await getShards(context, keyspace);
    return { json: shards.map(shardJson), text: shardTable(shards) };
  });
  add("GetShard <keyspace/shard>", "Shows a shard.", async ({ context, first }: Call) => {
    const shard = await getShard(context, ...shardTarget(first));
    return { json: shardJson(shard), text: shardTable([shard]) };
  });
  add(
    "DeleteShard <keyspace/shard>",
    "Removes a shard from the topology; the data in its databases is not touched.",
    async ({ context, flags, first }: Call) => {
      await deleteShard(context, ...shardTarget(first), { force: flags.force === true });
      return { json: { shard: first, deleted: true }, text: `Shard ${first} is deleted.\n` };
    },
    [new Option("--force", "even while it is serving")],
  );
  add(
    "SetShardPrimary <keyspace/shard> <tablet>",
    "Names the tablet that takes a shard's writes. Does not change the replication of its mysqld.",
    async ({ context, first, second }: Call) => {
      const shard = await setShardPrimary(context, ...shardTarget(first), parseTabletAlias(second));
      return { json: shardJson(shard), text: `The primary of ${first} is ${second}.\n` };
    },
  );
  add(
    "GetTablets",
    "Lists the registered tablets.",
    async ({ context, flags }: Call) => {
      const { tabletType, keyspace, shard, cell } = flags;
      const tablets = await getTablets(context, {
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(shard === undefined ? {} : { shard }),
        ...(tabletType === undefined ? {} : { type: tabletType }),
        ...(cell === undefined ? {} : { cell }),
      });
      return { json: tablets, text: tabletTable(tablets) };
    },
    [
      new Option("--keyspace <keyspace>", "only of this keyspace"),
      new Option("--shard <shard>", "only of this shard"),
      new Option("--tablet-type <type>", "only of this type").choices(TABLET_TYPES),
      new Option("--cell <cell>", "only of this cell"),
    ],
  );
}

function addVSchemaCommands(add: Add): void {
  add("GetVSchema <keyspace>", "Prints the VSchema of a keyspace.", async ({ context, first: keyspace }: Call) => {
    const { json } = await getVSchema(context, keyspace);
    return { json, text: `${JSON.stringify(json, undefined, 2)}\n` };
  });
  add(
    "ApplyVSchema <keyspace>",
    "Checks a VSchema and puts it in place of the stored one; prints what changes.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const text = await inputOf(terminal, "--vschema", flags.vschema, "--vschema-file", flags.vschemaFile);
      const result = await applyVSchema(context, keyspace, text, { dryRun: flags.dryRun === true });
      const warnings = result.warnings.map((warning) => `warning: ${warning.path}: ${warning.message}\n`).join("");
      return {
        json: result,
        text: `${result.diff}${warnings}${outcomeText(result.outcome, `The VSchema of ${keyspace}`)}`,
      };
    },
    [
      new Option("--vschema <json>", "the VSchema itself"),
      new Option("--vschema-file <file>", "file with the VSchema; - reads standard input"),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
  add(
    "EditVSchema <keyspace>",
    "Opens the VSchema in $VISUAL or $EDITOR, checks it, prints what changes and applies it if no one else was faster.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const result = await editVSchema(context, terminal, keyspace, { sure: flags.yes === true });
      if (result.outcome !== "given-up") {
        return { json: result, text: outcomeText(result.outcome, `The VSchema of ${keyspace}`) };
      }
      return { json: result, text: `Nothing is applied. Your text is in ${result.keptIn}\n`, code: EXIT.failed };
    },
    [new Option("--yes", "apply without asking when it has no fault")],
  );
  add(
    "VindexVerify <keyspace.vindex>",
    "Compares a lookup vindex's table with its owner's rows, through a gateway; tells, or repairs, what has drifted.",
    async ({ context, flags, first }: Call) => {
      const found = await verifyThrough(context, first, flags);
      const lines = found.faults.map(({ kind, value, keyspaceId, repaired }) => {
        return `${kind}${repaired ? ", repaired" : ""}: ${value} at keyspace id ${keyspaceId}\n`;
      });
      const counts = `${found.rows} rows of ${found.owner}, ${found.lookupRows} lookup rows, ${found.faults.length} faults\n`;
      const isBad = found.faults.some(({ repaired }) => !repaired);
      return { json: found, text: `${lines.join("")}${counts}`, code: isBad ? EXIT.failed : EXIT.ok };
    },
    [
      new Option("--gateway <host:port>", "the gateway to ask; default: any that is registered"),
      new Option("--user <name>", "who logs in there").default("root"),
      new Option("--password-file <file>", "file with the password"),
      new Option("--repair", "put right what has drifted"),
    ],
  );
  add("GetRoutingRules", "Prints the routing rules.", async ({ context }: Call) => {
    const { rules } = await getRoutingRules(context);
    const json = { rules: routingRulesJson(rules) };
    return { json, text: `${JSON.stringify(json, undefined, 2)}\n` };
  });
  add(
    "ApplyRoutingRules",
    "Replaces all routing rules; prints what changes.",
    async ({ context, terminal, flags }: Call) => {
      const text = await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile);
      const result = await applyRoutingRules(context, text, { dryRun: flags.dryRun === true });
      return { json: result, text: `${result.diff}${outcomeText(result.outcome, "The set of routing rules")}` };
    },
    [
      new Option("--rules <json>", "the rules themselves"),
      new Option("--rules-file <file>", "file with the rules; - reads standard input"),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
}

function addQueryRuleCommands(add: Add): void {
  add(
    "GetQueryRules",
    "Prints the query rules; with --json also their revision, which ApplyQueryRules can ask for.",
    async ({ context }: Call) => {
      const { rules, revision } = await getQueryRules(context);
      return { json: { rules, revision: revision ?? 0 }, text: `${JSON.stringify({ rules }, undefined, 2)}\n` };
    },
  );
  add(
    "ApplyQueryRules",
    "Checks query rules and puts them in place of the stored ones; prints what changes.",
    async ({ context, terminal, flags }: Call) => {
      const text = await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile);
      const result = await applyQueryRules(context, text, {
        dryRun: flags.dryRun === true,
        ...(flags.revision === undefined ? {} : { base: { revision: flags.revision || undefined } }),
      });
      const warnings = result.warnings.map((warning) => `warning: ${warning.path}: ${warning.message}\n`).join("");
      return {
        json: result,
        text: `${result.diff}${warnings}${outcomeText(result.outcome, "The set of query rules")}`,
      };
    },
    [
      new Option("--rules <json>", "the rules themselves"),
      new Option("--rules-file <file>", "file with the rules; - reads standard input"),
      new Option("--revision <number>", "only if the stored ones have this revision; 0: if there are none").argParser(
        wholeNumber,
      ),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
  add(
    "QueryRulesTest",
    "Tells which query rules apply to a statement and what they do, without running anything.",
    async ({ context, terminal, flags }: Call) => {
      if (flags.sql === undefined) throw new UsageError("give --sql");
      const isStored = flags.rules === undefined && flags.rulesFile === undefined;
      const rules = isStored
        ? await storedRules(context)
        : rulesOf(readRulesText(await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile)));
      const { sql, user = "root", source = "127.0.0.1", keyspace } = flags;
      const trial = tryRules(rules, { sql, user, source, keyspace }, await goodVSchemas(context));
      return { json: trial, text: trialText(trial) };
    },
    [
      new Option("--sql <statement>", "the statement"),
      new Option("--user <name>", "who sends it").default("root"),
      new Option("--source <address>", "from where; localhost: by a Unix socket").default("127.0.0.1"),
      new Option("--keyspace <keyspace>", "what is selected"),
      new Option("--rules <json>", "rules to try instead of those that are stored"),
      new Option("--rules-file <file>", "file with such rules; - reads standard input"),
    ],
  );
}

function addSchemaCommands(add: Add): void {
  add(
    "ApplySchema <keyspace>",
    "Runs table definitions (DDL) on the primary of every shard, and tells how each fared.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const sql = await inputOf(terminal, "--sql", flags.sql, "--sql-file", flags.sqlFile);
      const result = await applySchema(context, keyspace, sql, {
        ...(flags.ddlTimeout === undefined ? {} : { timeoutMs: flags.ddlTimeout * 1_000 }),
        allowDifferences: flags.allowDifferences === true,
      });
      const rows = result.shards.map((each) => [
        each.shard,
        each.tablet,
        each.ok
          ? `ok, ${each.statements} run`
          : `failed: ${each.errno === undefined ? "" : `${each.errno}: `}${each.error}`,
        `${Math.round(each.elapsedMs)} ms`,
      ]);
      const code = { applied: EXIT.ok, partial: EXIT.partial, failed: EXIT.failed }[result.outcome];
      return { json: result, text: columns(["SHARD", "TABLET", "OUTCOME", "TIME"], rows), code };
    },
    [
      new Option("--sql <statements>", "the statements themselves"),
      new Option("--sql-file <file>", "file with the statements; - reads standard input"),
      new Option(
        "--ddl-timeout <seconds>",
        "bound of the statements on each shard, in seconds (default: 3600)",
      ).argParser(seconds),
      new Option("--allow-differences", "run even if the shards' definitions differ now"),
    ],
  );
  add(
    "GetSchema <target>",
    "Prints the table definitions of a keyspace, a keyspace/shard or a tablet, and what differs between shards.",
    async ({ context, flags, first: target }: Call) => {
      const result = await getSchema(context, target, flags.tables ?? []);
      const definitions = (result.shards[0]?.tables ?? []).map((table) => `${table.createStatement};\n`).join("\n");
      const differences = result.differences.map((difference) => `-- ${difference}\n`).join("");
      return { json: result, text: `${definitions}${differences}` };
    },
    [
      new Option("--tables <names>", "only these, with commas between").argParser((text) =>
        text.split(",").filter((name) => name !== ""),
      ),
    ],
  );
  add(
    "Validate [keyspace]",
    "Checks that shards cover every row, primaries serve, tablets answer, and tables are as the VSchemas say.",
    async ({ context, first }: Call) => {
      const problems = await validate(context, first === "" ? {} : { keyspace: first });
      const errors = problems.filter((problem) => problem.severity === "error").length;
      const lines = problems.map((each) => `${each.severity}: ${each.place}: ${each.message}\n`).join("");
      const verdict =
        problems.length === 0 ? "No problem found.\n" : `${errors} errors, ${problems.length - errors} warnings.\n`;
      return { json: { problems }, text: `${lines}${verdict}`, code: errors > 0 ? EXIT.failed : EXIT.ok };
    },
  );
}

function addCellCommands(add: Add): void {
  add(
    "AddCellInfo <cell>",
    "Adds a cell.",
    async ({ context, flags, first: cell }: Call) => {
      const added = await unlessThere(flags, async () => {
        await addCellInfo(context, cell);
        return true;
      });
      const text = added === true ? `Cell ${cell} is created.\n` : `Cell ${cell} was there already.\n`;
      return { json: { cell, created: added === true }, text };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetCellInfoNames", "Lists the cells.", async ({ context }: Call) => {
    const names = await getCellInfoNames(context);
    return { json: names, text: names.map((name) => `${name}\n`).join("") };
  });
  add("GetCellInfo <cell>", "Shows a cell.", async ({ context, first: cell }: Call) => {
    const info = await getCellInfo(context, cell);
    return { json: info, text: `${info.name}\n` };
  });
  add("DeleteCellInfo <cell>", "Removes a cell that has no tablets.", async ({ context, first: cell }: Call) => {
    await deleteCellInfo(context, cell);
    return { json: { cell, deleted: true }, text: `Cell ${cell} is deleted.\n` };
  });
}

async function verifyThrough(
  context: ControlContext,
  name: string,
  { gateway, user, passwordFile, repair }: CtlFlags,
): Promise<VindexVerification> {
  const dot = name.indexOf(".");
  if (dot < 0) throw new UsageError(`a vindex is named as keyspace.vindex, not ${name}`);
  const keyspace = (await goodVSchemas(context)).get(name.slice(0, dot));
  if (keyspace === undefined) throw new ShardgateError("TOPO_NO_NODE", `keyspace ${name.slice(0, dot)} has no VSchema`);
  const listen = gateway ?? (await context.topology.getGateways())[0]?.listen;
  if (listen === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "no gateway is registered: give --gateway");
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replaceAll(/[[\]]/g, "");
  const address = {
    host: host === "0.0.0.0" || host === "::" || host === "" ? "127.0.0.1" : host,
    port: Number(listen.slice(colon + 1)),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { password: readFileSync(passwordFile, "utf8").trimEnd() }),
  };
  return withServer(address, (server) => verifyVindex(server, keyspace, name.slice(dot + 1), repair === true));
}

function addTransactionCommands(add: Add): void {
  add(
    "ListTransactions",
    "Lists transactions over several shards that are prepared and not concluded.",
    async ({ context }: Call) => {
      const list = await listTransactions(context);
      const missing = list.unreachable.map(({ tablet, error }) => `${tablet} cannot be asked: ${error}\n`).join("");
      const code = list.unreachable.length > 0 ? EXIT.unavailable : EXIT.ok;
      return { json: list, text: `${transactionTable(list.transactions)}${missing}`, code };
    },
  );
  add("ShowTransaction <transaction>", "Shows one of them.", async ({ context, first }: Call) => {
    const transaction = await showTransaction(context, first);
    return { json: transaction, text: transactionTable([transaction]) };
  });
  add(
    "ConcludeTransaction <transaction>",
    "Commits or rolls back such a transaction on all its shards, as the shard decides that coordinates it.",
    async ({ context, flags, first }: Call) => {
      const { decision, resolved } = await concludeTransaction(context, first, flags.decision);
      const text = `Transaction ${first}: ${decision} on ${resolved} shards.\n`;
      return { json: { transaction: first, decision, resolved }, text };
    },
    [new Option("--decision <decision>", "what to do if that shard cannot be asked").choices(["commit", "abort"])],
  );
}

function transactionTable(transactions: readonly UnresolvedTransaction[]): string {
  const rows = transactions.map(({ transaction, coordinator, decision, prepared, ageMs }) => [
    transaction,
    coordinator ?? "",
    decision ?? "",
    prepared.join(" "),
    `${Math.round(ageMs / 1_000)} s`,
  ]);
  return columns(["TRANSACTION", "COORDINATOR", "DECISION", "PREPARED ON", "AGE"], rows);
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

/** The text given by one of two flags; `-` as a file is standard input. Exactly one must be there. */
async function inputOf(
  terminal: Terminal,
  textFlag: string,
  text: string | undefined,
  fileFlag: string,
  file: string | undefined,
): Promise<string> {
  if ((text === undefined) === (file === undefined)) {
    throw new UsageError(`give either ${textFlag} or ${fileFlag}`);
  }
  if (text !== undefined) return text;
  if (file === undefined || file === "-") return terminal.readAll();
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`${fileFlag}: ${messageOf(cause)}`, { cause });
  }
}

/** `customer/-80` in its two parts. */
function shardTarget(text: string): readonly [string, string] {
  const [keyspace = "", shard = "", ...rest] = text.split("/");
  if (keyspace !== "" && shard !== "" && rest.length === 0) return [keyspace, shard];
  throw new UsageError(`"${text}" is no shard: expected keyspace/shard, as in customer/-80`);
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a number of seconds above 0");
}

function outcomeText(outcome: "applied" | "unchanged" | "dry-run", what: string): string {
  switch (outcome) {
    case "applied":
      return `${what} is applied.\n`;
    case "unchanged":
      return `${what} is unchanged.\n`;
    case "dry-run":
      return `${what} is good; nothing was applied (dry run).\n`;
  }
}

function keyspaceTable(keyspaces: readonly KeyspaceInfo[]): string {
  const rows = keyspaces.map((each) => [
    each.name,
    each.shards.join(" ") || "(none)",
    each.hasVSchema ? "yes" : "no",
    each.shardProblem ?? "",
  ]);
  return columns(["KEYSPACE", "SHARDS", "VSCHEMA", "PROBLEM"], rows);
}

function shardTable(shards: readonly ShardRecord[]): string {
  const rows = shards.map((shard) => [shard.name, shard.isServing ? "yes" : "no", shard.primaryAlias ?? "(none)"]);
  return columns(["SHARD", "SERVING", "PRIMARY"], rows);
}

function shardJson(shard: ShardRecord): object {
  return { ...shard, keyRange: printKeyRange(shard.keyRange) };
}

function tabletTable(tablets: readonly TabletRecord[]): string {
  const rows = tablets.map((tablet) => [
    tablet.alias,
    `${tablet.keyspace}/${tablet.shard}`,
    tablet.type,
    `${tablet.hostname}:${tablet.grpcPort}`,
    `${tablet.mysqlHostname}:${tablet.mysqlPort}`,
    tablet.startedAt,
  ]);
  return columns(["ALIAS", "SHARD", "TYPE", "GRPC", "MYSQL", "STARTED"], rows);
}

/** Left-aligned columns below their heads. */
function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, index) => Math.max(head.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  return [heads, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

/** A container's user need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
