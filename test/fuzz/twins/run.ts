// npm run fuzz: the same commands, valid and mangled, to a gateway and to a plain MariaDB, by clients of all capabilities
// that both have; what a client can tell of the answers must be alike. Prints what differs and ends with 1 then.
//
//   npm run fuzz -- --seed 1 --sessions 200
//
// A session that differs ends there: what follows may only follow from it. `--session` repeats one by its own seed.

import { parseArgs } from "node:util";
import { COMPRESSION_CAPABILITIES } from "../../../src/mysql/compression.ts";
import { CLIENT, MARIADB_CLIENT } from "../../../src/mysql/constants.ts";
import { startCluster, startMysqld } from "../../fixture/cluster.ts";
import { SeededRandom } from "../../unit/vschema/seeded-random.ts";
import { BASE_CAPABILITIES } from "../../wire/raw-client.ts";
import { enormousCommands, fuzzedCommand } from "./commands.ts";
import { TABLE, TwinSession } from "./twin-session.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    session: { type: "string" },
    sessions: { type: "string", default: "200" },
    commands: { type: "string", default: "40" },
    /** Ports of servers that run already, both with an empty database `u`. */
    gateway: { type: "string" },
    plain: { type: "string" },
  },
});

const OPTIONAL = [
  CLIENT.FOUND_ROWS,
  CLIENT.DEPRECATE_EOF,
  CLIENT.SESSION_TRACK,
  CLIENT.LOCAL_FILES,
  CLIENT.MULTI_STATEMENTS,
];
const EXTENDED = [MARIADB_CLIENT.PROGRESS, MARIADB_CLIENT.STMT_BULK_OPERATIONS, MARIADB_CLIENT.EXTENDED_METADATA];
/** What the gateway's client alone has: a MariaDB does not know all of it, and answers the same without. */
const GATEWAYS_OWN = [
  0,
  0,
  CLIENT.COMPRESS,
  COMPRESSION_CAPABILITIES & CLIENT.ZSTD_COMPRESSION_ALGORITHM,
  CLIENT.QUERY_ATTRIBUTES,
  CLIENT.QUERY_ATTRIBUTES | CLIENT.COMPRESS,
];

/** One of so many sessions begins with statements of tens of thousands of parameters. */
const ENORMOUS_SESSIONS = 25;

interface Ports {
  readonly gateway: number;
  readonly plain: number;
}

/** Commands run, and what to print of the one that differs. */
interface Ran {
  readonly commands: number;
  readonly difference: string | undefined;
}

async function runSession(ports: Ports, seed: number): Promise<Ran> {
  const random = new SeededRandom(seed);
  let capabilities = BASE_CAPABILITIES;
  for (const flag of OPTIONAL) if (random.below(2) === 0) capabilities ^= flag;
  let mariadbCapabilities = 0;
  if (random.below(2) === 0) {
    capabilities &= ~CLIENT.MYSQL;
    for (const flag of EXTENDED) if (random.below(2) === 0) mariadbCapabilities |= flag;
  }
  const own = random.pick(GATEWAYS_OWN) ?? 0;
  const exact = (own & CLIENT.QUERY_ATTRIBUTES) !== 0;
  const options = { capabilities, mariadbCapabilities, random: new SeededRandom(seed + 1) };
  const gateway = await TwinSession.open({ port: ports.gateway, ...options, capabilities: capabilities | own });
  const plain = await TwinSession.open({ port: ports.plain, ...options });
  const enormous = !exact && random.below(ENORMOUS_SESSIONS) === 0 ? [...enormousCommands()] : [];
  const names: string[] = [];
  try {
    await Promise.all([gateway.begin(), plain.begin()]);
    while (names.length < Number(values.commands) && !gateway.ended && !plain.ended) {
      const command = enormous.shift() ?? fuzzedCommand(random, gateway.slots, exact);
      names.push(command.name);
      const [got, wanted] = await Promise.all([gateway.run(command), plain.run(command)]);
      if (isAlike(got, wanted, command.opensCursor)) continue;
      // What MariaDB has done instead may show later.
      if (isRefused(got)) return { commands: names.length, difference: undefined };
      const before = names.slice(-8).join("\n  ");
      const shown = (lines: readonly string[]): string => lines.join(" | ").slice(0, 800);
      const difference = `session ${seed}: …\n  ${before}\n  got    ${shown(got)}\n  wanted ${shown(wanted)}`;
      return { commands: names.length, difference };
    }
    return { commands: names.length, difference: undefined };
  } finally {
    gateway.close();
    plain.close();
  }
}

/**
 * Equal, but for the words of errors in the grammar, for lengths beyond a packet's end (MariaDB takes what there is, the
 * gateway refuses them), and for the definitions of cursors (MariaDB's are those of the temporary table that it keeps).
 */
function isAlike(got: readonly string[], wanted: readonly string[], isCursor: boolean): boolean {
  const strip = (line: string): string =>
    line
      .replace(/^(ERR 1064 42000|ERR 1049 42000) .*/s, "$1")
      .replace(/^ERR (1210|1295|1835) .*/, "ERR malformed")
      .replace(isCursor ? /^03646566.*/ : /^$/, "definition");
  return got.map(strip).join("\n") === wanted.map(strip).join("\n");
}

/** Lengths beyond a packet's end, and types that are none. */
function isRefused(got: readonly string[]): boolean {
  return got.length === 1 && got[0]?.startsWith("ERR 1210 ") === true;
}

async function run(ports: Ports): Promise<void> {
  const sessions = values.session === undefined ? Number(values.sessions) : 1;
  let commands = 0;
  let differences = 0;
  for (let n = 0; n < sessions; n++) {
    const seed =
      values.session === undefined ? (Number(values.seed) * 1_000_003 + n * 7_919) | 0 : Number(values.session);
    const ran = await runSession(ports, seed);
    commands += ran.commands;
    if (ran.difference === undefined) continue;
    differences++;
    process.stdout.write(`${ran.difference}\n`);
  }
  process.stdout.write(`${commands} commands in ${sessions} sessions: ${differences} differences\n`);
  process.exitCode = differences === 0 ? 0 : 1;
}

if (values.gateway !== undefined && values.plain !== undefined) {
  await run({ gateway: Number(values.gateway), plain: Number(values.plain) });
} else {
  const [cluster, plain] = await Promise.all([
    startCluster({ keyspaces: { u: { sql: TABLE, vschema: { tables: { t: {} } } } } }),
    startMysqld(),
  ]);
  try {
    await run({ gateway: cluster.port, plain: plain.port });
  } finally {
    await Promise.all([cluster.stop(), plain.stop()]);
  }
}
