// The flags by which every process finds the topology, and the store they lead to. The same names everywhere.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { createEmbeddedTopo } from "../topo/embedded.ts";
import type { EtcdStoreOptions } from "../topo/etcd.ts";
import { createEtcdStore } from "../topo/etcd.ts";
import type { TopoStore } from "../topo/store.ts";

/** As commander names them; all are optional, `DEFAULTS` fills in. */
export interface TopoFlags {
  readonly topo?: "etcd" | "embedded";
  readonly topoEndpoints?: readonly string[];
  readonly topoRoot?: string;
  readonly topoFile?: string;
  readonly topoUser?: string;
  readonly topoPasswordFile?: string;
  readonly topoCa?: string;
  readonly topoCert?: string;
  readonly topoKey?: string;
}

const TOPO_DEFAULTS = {
  topo: "etcd",
  topoEndpoints: ["http://127.0.0.1:2379"],
  topoRoot: "/shardgate",
} as const;

/**
 * Adds the flags to `command`. `hidden`: accepted, but neither in its help nor read from the environment, which the
 * command above does (what stands there explicitly must not lose against a variable).
 */
export function addTopoFlags(command: Command, options: { readonly hidden?: boolean } = {}): Command {
  const flags = [
    new Option("--topo <kind>", `where the topology is kept (default: ${TOPO_DEFAULTS.topo})`).choices([
      "etcd",
      "embedded",
    ]),
    new Option(
      "--topo-endpoints <urls>",
      `etcd's client URLs, with commas between (default: ${TOPO_DEFAULTS.topoEndpoints.join(",")})`,
    )
      .env("SHARDGATE_TOPO_ENDPOINTS")
      .argParser(splitEndpoints),
    new Option("--topo-root <path>", `path that all keys begin with (default: ${TOPO_DEFAULTS.topoRoot})`).env(
      "SHARDGATE_TOPO_ROOT",
    ),
    new Option("--topo-file <file>", "with --topo embedded: file that keeps the topology (default: none, memory only)"),
    new Option("--topo-user <name>", "etcd user (default: no login)").env("SHARDGATE_TOPO_USER"),
    new Option("--topo-password-file <file>", "file with the password of the etcd user").env(
      "SHARDGATE_TOPO_PASSWORD_FILE",
    ),
    new Option("--topo-ca <file>", "PEM certificates that etcd's certificate is checked against (with https URLs)"),
    new Option("--topo-cert <file>", "PEM certificate shown to etcd"),
    new Option("--topo-key <file>", "PEM private key of --topo-cert"),
  ];
  for (const flag of flags) {
    if (options.hidden === true) {
      delete flag.envVar;
      flag.hideHelp();
    }
    command.addOption(flag);
  }
  return command;
}

/** Throws CONFIG_BAD for a topology that only one process can have. */
export function needsSharedTopology({ topo }: TopoFlags): void {
  if (topo === "embedded") throw new ShardgateError("CONFIG_BAD", "--workers needs a topology in etcd: --topo etcd");
}

export function topoRootOf(flags: TopoFlags): string {
  return flags.topoRoot ?? TOPO_DEFAULTS.topoRoot;
}

/** `callTimeoutMs`: bound of each call, default LIMITS.topoCallTimeoutMs. Throws CONFIG_BAD, naming the flag. */
export async function openStore(flags: TopoFlags, log: Log, callTimeoutMs?: number): Promise<TopoStore> {
  if ((flags.topo ?? TOPO_DEFAULTS.topo) === "embedded") {
    const file = flags.topoFile;
    const topo = await createEmbeddedTopo({ clock: systemClock, ...(file === undefined ? {} : { file }) });
    return topo.connect();
  }
  const endpoints = flags.topoEndpoints ?? TOPO_DEFAULTS.topoEndpoints;
  return createEtcdStore({
    endpoints,
    clock: systemClock,
    log,
    ...(callTimeoutMs === undefined ? {} : { callTimeoutMs }),
    ...authOf(flags),
    ...tlsOf(flags),
  });
}

function authOf(flags: TopoFlags): Pick<EtcdStoreOptions, "auth"> {
  const { topoUser, topoPasswordFile } = flags;
  if (topoUser === undefined && topoPasswordFile === undefined) return {};
  if (topoUser === undefined || topoPasswordFile === undefined) {
    throw new ShardgateError("CONFIG_BAD", "--topo-user and --topo-password-file go together");
  }
  const password = read("--topo-password-file", topoPasswordFile)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  return { auth: { username: topoUser, password } };
}

function tlsOf(flags: TopoFlags): Pick<EtcdStoreOptions, "tls"> {
  const { topoCa, topoCert, topoKey } = flags;
  if (topoCa === undefined && topoCert === undefined && topoKey === undefined) return {};
  if (topoCa === undefined) throw new ShardgateError("CONFIG_BAD", "--topo-cert and --topo-key need --topo-ca");
  if ((topoCert === undefined) !== (topoKey === undefined)) {
    throw new ShardgateError("CONFIG_BAD", "--topo-cert and --topo-key go together");
  }
  const ca = read("--topo-ca", topoCa);
  if (topoCert === undefined || topoKey === undefined) return { tls: { ca } };
  return { tls: { ca, cert: read("--topo-cert", topoCert), key: read("--topo-key", topoKey) } };
}

function splitEndpoints(text: string): readonly string[] {
  return text
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ShardgateError("CONFIG_BAD", `${flag}: ${messageOf(cause)}`, cause);
  }
}
