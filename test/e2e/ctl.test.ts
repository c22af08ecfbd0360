// `shardgate ctl` against a real etcd: good and bad input of every command, text and --json, exit codes, two operators at
// once, the editor flow with real editors (shell scripts), etcd away, etcd with a login and with TLS.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ctlCommand } from "../../src/bin/ctl.ts";
import { processTerminal } from "../../src/bin/terminal.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createEtcdStore } from "../../src/topo/etcd.ts";
import type { TopoStore } from "../../src/topo/store.ts";
import { Topology } from "../../src/topo/topology.ts";
import { FakeTablets, registerTablet } from "../unit/control/fake-tablets.ts";
import type { EtcdProcess } from "../unit/topo/etcd-process.ts";
import { eventually, startEtcd } from "../unit/topo/etcd-process.ts";

const VSCHEMA = {
  sharded: true,
  vindexes: { hash: { type: "hash" } },
  tables: { corder: { column_vindexes: [{ column: "customer_id", name: "hash" }] } },
};
const TEXT = JSON.stringify(VSCHEMA);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class Exited extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A loaded machine's etcd is slow to answer. */
const PATIENT = ["--timeout", "60"];

let folder: string;
let temporaryFolder: string | undefined;
let etcd: EtcdProcess;
let store: TopoStore;
let topology: Topology;
let tablets: FakeTablets;
let root = "";
let serial = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "shardgate-ctl-"));
  // Texts that operators gave up on stay; here they go with the folder.
  temporaryFolder = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  etcd = await startEtcd();
  store = createEtcdStore({ endpoints: [etcd.endpoint], clock: systemClock, log: silentLog, callTimeoutMs: 60_000 });
});
beforeEach(() => {
  root = `/ctl${++serial}`;
  topology = new Topology(store, root);
  tablets = new FakeTablets();
});
afterAll(async () => {
  await store.close();
  await etcd.dispose();
  if (temporaryFolder === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = temporaryFolder;
  rmSync(folder, { recursive: true, force: true });
});

interface Operator {
  readonly answers?: readonly string[];
  readonly editor?: string;
  readonly input?: string;
}

/** One run of ctl with the arguments; `operator` answers its questions. */
async function ctl(args: readonly string[], operator: Operator = {}): Promise<Outcome> {
  return run(["--topo-endpoints", etcd.endpoint, "--topo-root", root, ...PATIENT, ...args], operator);
}

async function run(args: readonly string[], operator: Operator = {}): Promise<Outcome> {
  let out = "";
  let err = "";
  const answers = [...(operator.answers ?? [])];
  const command = ctlCommand({
    terminal: {
      ...processTerminal({ EDITOR: operator.editor }),
      out: (text) => (out += text),
      err: (text) => (err += text),
      ask: async (question) => {
        err += question;
        return answers.shift();
      },
      readAll: async () => operator.input ?? "",
    },
    openTablets: () => tablets,
    exit: (code) => {
      throw new Exited(code);
    },
  });
  let code = 0;
  try {
    await command.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof Exited)) throw error;
    code = error.code;
  }
  return { code, out, err };
}

const ok = async (...args: string[]) => {
  const outcome = await ctl(args);
  expect(outcome).toMatchObject({ code: 0, err: "" });
  return outcome.out;
};

async function makeCustomer(): Promise<void> {
  await ok("AddCellInfo", "zone1");
  await ok("CreateKeyspace", "customer");
  await ok("CreateShard", "customer/-80");
  await ok("CreateShard", "customer/80-");
  await ok("ApplyVSchema", "customer", "--vschema", TEXT);
}

async function addTablets(): Promise<void> {
  for (const [uid, shard] of [
    [100, "-80"],
    [200, "80-"],
  ] as const) {
    const alias = await registerTablet(topology, uid, { keyspace: "customer", shard });
    tablets.addTable(alias, "corder", "CREATE TABLE `corder` (`customer_id` bigint)");
  }
}

describe("commands", () => {
  test("a cluster from nothing", async () => {
    await makeCustomer();
    await addTablets();
    expect(await ok("GetKeyspaces")).toBe("KEYSPACE  SHARDS   VSCHEMA  PROBLEM\ncustomer  -80 80-  yes\n");
    expect(await ok("GetShards", "customer")).toBe(
      "SHARD  SERVING  PRIMARY\n-80    yes      (none)\n80-    yes      (none)\n",
    );
    expect(await ok("SetShardPrimary", "customer/-80", "zone1-0000000100")).toContain("zone1-0000000100");
    expect(await ok("GetShard", "customer/-80")).toContain("zone1-0000000100");
    expect(await ok("GetTablets", "--shard", "-80")).toMatch(
      /^ALIAS .*\nzone1-0000000100 {2}customer\/-80 {2}primary .*\n$/,
    );
    expect(await ok("GetCellInfoNames")).toBe("zone1\n");
    expect(await ok("GetCellInfo", "zone1")).toBe("zone1\n");
    expect(JSON.parse(await ok("GetVSchema", "customer"))).toEqual(VSCHEMA);
    expect(await ok("Validate")).toBe("No problem found.\n");
    expect(await ok("GetSchema", "customer/-80")).toBe("CREATE TABLE `corder` (`customer_id` bigint);\n");
    expect(await ok("ApplySchema", "customer", "--sql", "create table t (id int)")).toMatch(
      /-80 +zone1-0000000100 +ok, 1 run/,
    );
    const invalid = await ctl(["Validate", "customer"]);
    expect(invalid).toMatchObject({ code: 0, out: expect.stringContaining("0 errors, 2 warnings.") });
  });

  test("the keys and values in etcd are those of the contract", async () => {
    await makeCustomer();
    await ok("ApplyRoutingRules", "--rules", '{"rules":[{"from_table":"o","to_tables":["customer.corder"]}]}');
    const { entries } = await store.list(`${root}/`);
    const found = Object.fromEntries(entries.map(({ key, value }) => [key.slice(root.length), JSON.parse(value)]));
    expect(found).toEqual({
      "/cells/zone1/cell": { version: 1, name: "zone1" },
      "/global/keyspaces/customer/keyspace": { version: 1, name: "customer" },
      "/global/keyspaces/customer/shards/-80": {
        version: 1,
        keyspace: "customer",
        name: "-80",
        keyRange: "-80",
        isServing: true,
      },
      "/global/keyspaces/customer/shards/80-": {
        version: 1,
        keyspace: "customer",
        name: "80-",
        keyRange: "80-",
        isServing: true,
      },
      "/global/keyspaces/customer/vschema": { version: 1, keyspace: "customer", vschema: VSCHEMA },
      "/global/routing_rules": { version: 1, rules: [{ from_table: "o", to_tables: ["customer.corder"] }] },
    });
  });

  test("every command answers --json with one document", async () => {
    await makeCustomer();
    await addTablets();
    const json = async (...args: string[]) => JSON.parse(await ok(...args, "--json"));
    expect(await json("CreateKeyspace", "other")).toEqual({ keyspace: "other", created: true });
    expect(await json("CreateKeyspace", "other", "--if-not-exists")).toEqual({ keyspace: "other", created: false });
    expect(await json("CreateShard", "other/0")).toMatchObject({ name: "0", keyRange: "-", isServing: true });
    expect(await json("GetKeyspaces")).toMatchObject([{ name: "customer", shards: ["-80", "80-"] }, { name: "other" }]);
    expect(await json("GetKeyspace", "other")).toMatchObject({ name: "other", servingShards: ["0"] });
    expect(await json("GetShards", "customer")).toMatchObject([{ name: "-80", keyRange: "-80" }, { name: "80-" }]);
    expect(await json("GetShard", "other/0")).toMatchObject({ name: "0", keyRange: "-" });
    expect(await json("SetShardPrimary", "customer/-80", "zone1-0000000100")).toMatchObject({
      primaryAlias: "zone1-0000000100",
    });
    expect(await json("GetTablets")).toMatchObject([{ alias: "zone1-0000000100" }, { alias: "zone1-0000000200" }]);
    expect(await json("ApplyVSchema", "customer", "--vschema", TEXT)).toMatchObject({ outcome: "unchanged" });
    expect(await json("GetVSchema", "customer")).toEqual(VSCHEMA);
    expect(await json("ApplyRoutingRules", "--rules", '{"rules":[]}')).toEqual({ outcome: "applied", diff: "" });
    expect(await json("GetRoutingRules")).toEqual({ rules: [] });
    expect(await json("GetSchema", "customer")).toMatchObject({
      shards: [{ shard: "-80" }, { shard: "80-" }],
      differences: [],
    });
    expect(await json("Validate", "customer")).toEqual({ problems: [] });
    expect(await json("ApplySchema", "customer", "--sql", "create table t (id int)")).toMatchObject({
      outcome: "applied",
    });
    expect(await json("AddCellInfo", "zone2")).toEqual({ cell: "zone2", created: true });
    expect(await json("GetCellInfoNames")).toEqual(["zone1", "zone2"]);
    expect(await json("GetCellInfo", "zone2")).toEqual({ name: "zone2" });
    expect(await json("DeleteCellInfo", "zone2")).toMatchObject({ deleted: true });
    expect(await json("DeleteShard", "other/0", "--force")).toMatchObject({ deleted: true });
    expect(await json("DeleteKeyspace", "other")).toMatchObject({ deleted: true });
    const before = await ctl(["--json", "GetKeyspaces"]);
    expect(JSON.parse(before.out)).toHaveLength(1);
    const failing = await ctl(["--json", "GetKeyspace", "custmer"]);
    expect(failing).toMatchObject({ code: 1, out: "" });
    expect(JSON.parse(failing.err)).toEqual({
      error: { id: "TOPO_NO_NODE", message: 'keyspace custmer does not exist; did you mean "customer"?' },
    });
  });

  test("files and standard input", async () => {
    await makeCustomer();
    const file = join(folder, "v.json");
    writeFileSync(file, JSON.stringify({ ...VSCHEMA, foreign_key_mode: "managed" }));
    const dry = await ok("ApplyVSchema", "customer", "--vschema-file", file, "--dry-run");
    expect(dry).toContain("~ foreign_key_mode: unspecified -> managed");
    expect(dry).toContain("nothing was applied (dry run)");
    expect(JSON.parse(await ok("GetVSchema", "customer"))).toEqual(VSCHEMA);
    const piped = await ctl(["ApplyVSchema", "customer", "--vschema-file", "-"], { input: readFileSync(file, "utf8") });
    expect(piped).toMatchObject({ code: 0, out: expect.stringContaining("is applied") });
    await addTablets();
    const sql = await ctl(["ApplySchema", "customer", "--sql-file", "-"], { input: "create table t (id int)" });
    expect(sql.code).toBe(0);
  });

  test.each<[string, string[], number, string]>([
    ["no command", [], 2, "Usage:"],
    ["unknown command", ["GetKeyspace5"], 2, "unknown command"],
    ["missing argument", ["CreateKeyspace"], 2, "missing required argument"],
    ["too many arguments", ["GetCellInfo", "a", "b"], 2, "too many arguments"],
    ["unknown flag", ["GetKeyspaces", "--all"], 2, "unknown option"],
    ["bad choice", ["GetTablets", "--tablet-type", "spare"], 2, "Allowed choices are primary, replica, rdonly"],
    ["bad number", ["GetKeyspaces", "--timeout", "soon"], 2, "expected a number of seconds"],
    ["no shard", ["CreateShard", "customer"], 2, "expected keyspace/shard"],
    ["two slashes", ["GetShard", "customer/-80/x"], 2, "expected keyspace/shard"],
    ["no input", ["ApplyVSchema", "customer"], 2, "give either --vschema or --vschema-file"],
    ["two inputs", ["ApplySchema", "customer", "--sql", "x", "--sql-file", "y"], 2, "give either --sql or --sql-file"],
    ["file that is not there", ["ApplyRoutingRules", "--rules-file", "/nowhere"], 2, "--rules-file: ENOENT"],
    ["bad root", ["--topo-root", "shardgate/", "GetKeyspaces"], 2, 'topology root "shardgate/" is not valid'],
    ["bad endpoint", ["GetKeyspaces", "--topo-endpoints", "localhost"], 2, 'etcd endpoint "localhost" is not valid'],
    ["password without user", ["GetKeyspaces", "--topo-password-file", "/x"], 2, "go together"],
    ["key without certificate", ["GetKeyspaces", "--topo-key", "/x"], 2, "need --topo-ca"],
    ["half of the tablets' TLS", ["GetKeyspaces", "--grpc-key", "/x"], 2, "give all three"],
    ["unknown keyspace", ["GetShards", "customer"], 1, "keyspace customer does not exist"],
    ["unknown tablet", ["SetShardPrimary", "a/0", "zone1-0000000001"], 1, "keyspace a does not exist"],
    ["bad name", ["CreateKeyspace", "a b"], 1, 'keyspace name "a b" is not valid'],
    ["bad VSchema", ["ApplyVSchema", "ks", "--vschema", "{"], 1, "ks"],
    ["unknown cell", ["DeleteCellInfo", "zone1"], 1, "cell zone1 does not exist"],
    ["bad rules", ["ApplyRoutingRules", "--rules", "[]"], 1, "must be an object"],
    ["no DDL", ["ApplySchema", "ks", "--sql", "select 1"], 1, "ApplySchema takes table definitions"],
    [
      "no serving shard",
      ["ApplySchema", "ks", "--sql", "create table t (id int)"],
      5,
      "keyspace ks has no serving shard",
    ],
    ["no target", ["GetSchema", "nothing"], 1, "keyspace nothing does not exist"],
    ["existing keyspace", ["CreateKeyspace", "ks"], 3, "keyspace ks exists already"],
  ])("%s", async (_name, args, code, message) => {
    await ok("CreateKeyspace", "ks");
    const outcome = await ctl(args);
    expect(outcome.err).toContain(message);
    expect(outcome).toMatchObject({ code, out: "" });
  });

  test("a VSchema with faults is refused with every path, and the good one stays", async () => {
    await makeCustomer();
    const bad = await ctl(["ApplyVSchema", "customer", "--vschema", TEXT.replace('"name":"hash"', '"name":"hsah"')]);
    expect(bad).toMatchObject({ code: 1, out: "" });
    expect(bad.err).toBe(
      'Error: customer.tables.corder.column_vindexes[0].name: vindex "hsah" is not defined; did you mean "hash"?\n',
    );
    expect(JSON.parse(await ok("GetVSchema", "customer"))).toEqual(VSCHEMA);
  });

  test("ApplySchema: partly done is exit code 4, with each shard's outcome; refused everywhere is 1", async () => {
    await makeCustomer();
    await addTablets();
    const [first, second] = await topology.getTablets();
    if (first === undefined || second === undefined) throw new Error("two tablets");
    tablets.refusing.add(second.alias);
    const partial = await ctl(["ApplySchema", "customer", "--sql", "create table t (id int)"]);
    expect(partial.code).toBe(4);
    expect(partial.out).toMatch(/-80 .*ok, 1 run/);
    expect(partial.out).toMatch(/80- .*failed: 1050: Table 't' already exists/);
    expect((await ctl(["Validate"])).code).toBe(1);
    tablets.refusing.add(first.alias);
    expect((await ctl(["ApplySchema", "customer", "--sql", "drop table t"])).code).toBe(1);
    expect((await ctl(["ApplySchema", "customer", "--allow-differences", "--sql", "drop table t"])).code).toBe(1);
  });

  test("operators at once: one creates, the others get a conflict", async () => {
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ctl(["CreateKeyspace", "ks"])));
    expect(outcomes.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 3, 3, 3, 3]);
    const shards = await Promise.all(["-80", "-80", "40-", "80-"].map((shard) => ctl(["CreateShard", `ks/${shard}`])));
    expect(shards.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 3]);
    expect(await ok("GetKeyspaces")).not.toContain("overlap");
  });

  test("help tells commands, exit codes and the topology's flags", async () => {
    const help = await run(["--help"]);
    expect(help.code).toBe(0);
    for (const word of [
      "CreateKeyspace",
      "EditVSchema",
      "Exit codes:",
      "--topo-endpoints",
      "SHARDGATE_TOPO_ENDPOINTS",
    ]) {
      expect(help.out).toContain(word);
    }
    const one = await run(["ApplyVSchema", "--help"]);
    expect(one).toMatchObject({ code: 0, out: expect.stringContaining("--dry-run") });
    expect(one.out).not.toContain("--topo-endpoints");
  });
});

describe("EditVSchema", () => {
  let edits = 0;
  /** An editor that runs the shell commands with the file as $1; each use of it takes the next of `steps`. */
  const editor = (...steps: string[]): string => {
    const file = join(folder, `editor-${++edits}.sh`);
    const cases = steps.map((step, index) => `${index}) ${step} ;;`).join("\n");
    writeFileSync(
      file,
      `#!/bin/sh\nn=$(cat "$0.count" 2>/dev/null || echo 0)\necho $((n + 1)) > "$0.count"\ncase $n in\n${cases}\n*) exit 9 ;;\nesac\n`,
    );
    chmodSync(file, 0o755);
    return file;
  };
  const setMode = (mode: string) => `sed -i 's/"sharded": true/"sharded": true, "foreign_key_mode": "${mode}"/' "$1"`;
  const stored = async () => (await topology.getVSchema("customer"))?.record.json;

  test("edited, shown, confirmed, applied; nothing is left behind", async () => {
    await makeCustomer();
    const outcome = await ctl(["EditVSchema", "customer"], { editor: editor(setMode("managed")), answers: ["y"] });
    expect(outcome).toMatchObject({ code: 0, out: "The VSchema of customer is applied.\n" });
    expect(outcome.err).toContain("~ foreign_key_mode: unspecified -> managed");
    expect(await stored()).toEqual({ ...VSCHEMA, foreign_key_mode: "managed" });
    expect(existsSync(fileOf(outcome))).toBe(false);
  });

  test("an editor command with arguments and a quoted path", async () => {
    await makeCustomer();
    const script = editor(
      '[ "$1" = --wait ] && shift; sed -i "s/true/true, \\"foreign_key_mode\\": \\"managed\\"/" "$1"',
    );
    const outcome = await ctl(["EditVSchema", "customer", "--yes"], { editor: `sh '${script}' --wait` });
    expect(outcome.code).toBe(0);
    expect(await stored()).toMatchObject({ foreign_key_mode: "managed" });
  });

  test("left as it was: unchanged, without a question", async () => {
    await makeCustomer();
    const outcome = await ctl(["EditVSchema", "customer"], { editor: editor("true") });
    expect(outcome).toMatchObject({ code: 0, out: "The VSchema of customer is unchanged.\n" });
  });

  test("a keyspace without VSchema starts from an empty one", async () => {
    await ok("CreateKeyspace", "customer");
    const outcome = await ctl(["EditVSchema", "customer"], {
      editor: editor(`cat > "$1" <<'X'\n${TEXT}\nX\n`),
      answers: ["yes"],
    });
    expect(outcome.code).toBe(0);
    expect(await stored()).toEqual(VSCHEMA);
  });

  test("a fault: the editor opens again with the same text, then it is applied", async () => {
    await makeCustomer();
    const outcome = await ctl(["EditVSchema", "customer"], {
      editor: editor(
        `sed -i 's/"name": "hash"/"name": "hsah"/' "$1"`,
        `grep -q hsah "$1" && sed -i s/hsah/hash/ "$1"; ${setMode("managed")}`,
      ),
      answers: ["", "y"],
    });
    expect(outcome.err).toContain('vindex "hsah" is not defined; did you mean "hash"?');
    expect(outcome.code).toBe(0);
    expect(await stored()).toMatchObject({ foreign_key_mode: "managed" });
  });

  test.each<[string, string, string[]]>([
    ["a fault and giving up", `echo '{"sharded": tru' > "$1"`, ["n"]],
    ["no at the last question", `echo '{"sharded": true}' > "$1"`, ["n"]],
    ["end of input at the last question", `echo '{"sharded": true}' > "$1"`, []],
    ["an editor that fails", `echo '{"sharded": true}' > "$1"; exit 1`, ["n"]],
    ["an emptied file", `: > "$1"`, ["n"]],
  ])("%s: nothing is applied, the text is kept", async (_name, step, answers) => {
    await makeCustomer();
    const outcome = await ctl(["EditVSchema", "customer"], { editor: editor(step), answers });
    expect(outcome).toMatchObject({ code: 1, out: expect.stringMatching(/^Nothing is applied. Your text is in /) });
    expect(readFileSync(fileOf(outcome), "utf8")).toBe(step.includes("echo") ? `${/'(.*?)'/.exec(step)?.[1]}\n` : "");
    expect(await stored()).toEqual(VSCHEMA);
  });

  test("two operators: the slower one learns of the faster, brings both changes together and applies", async () => {
    await makeCustomer();
    // While the first edits, the second applies a change of its own.
    const flag = join(folder, "first-is-editing");
    const slow = ctl(["EditVSchema", "customer"], {
      editor: editor(
        `touch ${flag}; while [ -e ${flag} ]; do sleep 0.05; done; ${setMode("managed")}`,
        `cp "$(dirname "$1")/customer.vschema.theirs.json" "$1"; sed -i 's/"sharded": true/"sharded": true, "foreign_key_mode": "managed"/' "$1"`,
      ),
      answers: ["y", "y"],
    });
    while (!existsSync(flag)) await new Promise((resolve) => setTimeout(resolve, 20));
    const theirs = { ...VSCHEMA, vindexes: { ...VSCHEMA.vindexes, xx: { type: "xxhash" } } };
    await ok("ApplyVSchema", "customer", "--vschema", JSON.stringify(theirs));
    rmSync(flag);
    const outcome = await slow;
    expect(outcome.err).toContain("the VSchema of customer was changed by someone else meanwhile");
    expect(outcome.code).toBe(0);
    expect(await stored()).toEqual({ ...theirs, foreign_key_mode: "managed" });
  });

  test("the slower one gives up: the faster one's VSchema stays, the text is kept", async () => {
    await makeCustomer();
    const theirs = JSON.stringify({ ...VSCHEMA, tables: {} });
    const flag = join(folder, "editing-again");
    const slow = ctl(["EditVSchema", "customer"], {
      editor: editor(`touch ${flag}; while [ -e ${flag} ]; do sleep 0.05; done; ${setMode("managed")}`),
      answers: ["n"],
    });
    while (!existsSync(flag)) await new Promise((resolve) => setTimeout(resolve, 20));
    await ok("ApplyVSchema", "customer", "--vschema", theirs);
    rmSync(flag);
    const outcome = await slow;
    expect(outcome.code).toBe(1);
    expect(readFileSync(fileOf(outcome), "utf8")).toContain("managed");
    expect(await stored()).toEqual(JSON.parse(theirs));
  });

  test("of two who were started at once, no change is lost without a word", async () => {
    await makeCustomer();
    const both = await Promise.all(
      ["managed", "unmanaged"].map((mode) =>
        ctl(["EditVSchema", "customer", "--yes"], {
          // Neither is done before both have begun.
          editor: editor(
            `touch ${folder}/${mode}; while [ ! -e ${folder}/managed -o ! -e ${folder}/unmanaged ]; do sleep 0.05; done; ${setMode(mode)}`,
          ),
          answers: ["n"],
        }),
      ),
    );
    expect(both.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 1]);
  });

  function fileOf(outcome: Outcome): string {
    return /^Editing (.*)$/m.exec(outcome.err)?.[1] ?? "";
  }
});

describe("etcd", () => {
  test("away: exit code 5 within the given time, naming the endpoint", async () => {
    const startMs = performance.now();
    const outcome = await run(["--topo-endpoints", "http://127.0.0.1:1", "--timeout", "1", "GetKeyspaces"]);
    expect(outcome).toMatchObject({ code: 5, out: "" });
    expect(outcome.err).toContain("etcd at http://127.0.0.1:1 cannot be reached");
    // Within the default of 5 s.
    expect(performance.now() - startMs).toBeLessThan(4_500);
  });

  test("a flag before or after the command wins against the environment", async () => {
    process.env["SHARDGATE_TOPO_ENDPOINTS"] = etcd.endpoint;
    process.env["SHARDGATE_TOPO_ROOT"] = root;
    try {
      expect(await run(["CreateKeyspace", "k"])).toMatchObject({ code: 0 });
      const away = ["--topo-endpoints", "http://127.0.0.1:1", "--timeout", "0.3"];
      expect(await run([...away, "GetKeyspaces"])).toMatchObject({ code: 5 });
      expect(await run(["GetKeyspaces", ...away])).toMatchObject({ code: 5 });
      expect((await run(["GetKeyspaces", "--topo-root", "/elsewhere"])).out).not.toContain("k ");
      expect((await run(["GetKeyspaces"])).out).toContain("k ");
    } finally {
      delete process.env["SHARDGATE_TOPO_ENDPOINTS"];
      delete process.env["SHARDGATE_TOPO_ROOT"];
    }
  });

  test("the embedded store with a file", async () => {
    const args = ["--topo", "embedded", "--topo-file", join(folder, "topo.json")];
    rmSync(join(folder, "topo.json"), { force: true });
    expect(await run([...args, "CreateKeyspace", "k"])).toMatchObject({ code: 0 });
    expect((await run([...args, "GetKeyspaces"])).out).toContain("k ");
    writeFileSync(join(folder, "topo.json"), "rubbish");
    expect(await run([...args, "GetKeyspaces"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is not JSON"),
    });
  });

  test("away while the editor is open: the text is kept until it is back", async () => {
    const own = await startEtcd();
    const args = ["--topo-endpoints", own.endpoint, "--timeout", "4"];
    for (const command of [
      ["CreateKeyspace", "k"],
      ["CreateShard", "k/-80"],
    ])
      await run([...args, ...command]);
    const answers = ["y", "y"];
    let asked = 0;
    let err = "";
    const command = ctlCommand({
      terminal: {
        out: () => {},
        err: (text) => (err += text),
        edit: async (path) => {
          writeFileSync(path, '{"sharded":true}');
          if (asked === 0) own.signal("SIGSTOP");
          return 0;
        },
        ask: async () => {
          own.signal("SIGCONT");
          return answers[asked++];
        },
        readAll: async () => "",
      },
      openTablets: () => tablets,
      exit: (code) => {
        throw new Exited(code);
      },
    });
    await command.parseAsync([...args, "EditVSchema", "k"], { from: "user" });
    expect(asked).toBe(2);
    expect(err).toContain("cannot be reached");
    const read = await run([...args, "GetVSchema", "k"]);
    expect(JSON.parse(read.out)).toEqual({ sharded: true });
    await own.dispose();
  });

  test("with a login: the right password works, a wrong one is refused by name", async () => {
    const own = await startEtcd();
    const etcdctl = (...args: string[]) =>
      execFileSync("etcdctl", ["--endpoints", own.endpoint, ...args], {
        env: { ...process.env, ETCDCTL_API: "3" },
        stdio: "ignore",
      });
    etcdctl("user", "add", "root:secret");
    etcdctl("user", "grant-role", "root", "root");
    etcdctl("auth", "enable");
    const passwords = { good: join(folder, "good"), bad: join(folder, "bad") };
    writeFileSync(passwords.good, "secret\n");
    writeFileSync(passwords.bad, "guess\n");
    const args = ["--topo-endpoints", own.endpoint];
    const login = (file: string) => ["--topo-user", "root", "--topo-password-file", file];
    expect(await run([...args, ...login(passwords.good), "CreateKeyspace", "k"])).toMatchObject({ code: 0 });
    expect(await run([...args, ...login(passwords.good), "GetKeyspaces"])).toMatchObject({ code: 0 });
    const wrong = await run([...args, ...login(passwords.bad), "GetKeyspaces"]);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("authentication failed") });
    const none = await run([...args, "GetKeyspaces"]);
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining("etcd refused") });
    await own.dispose();
  });

  test("with TLS and client certificates", async () => {
    const pki = mkdtempSync(join(folder, "pki-"));
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: pki, stdio: "ignore" });
    openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=ca",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
    );
    for (const name of ["server", "client"]) {
      openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        `/CN=${name}`,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
      );
      writeFileSync(join(pki, "ext"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        `${name}.pem`,
      );
    }
    const at = (name: string) => join(pki, name);
    const own = await startEtcd({
      "cert-file": at("server.pem"),
      "key-file": at("server.key"),
      "trusted-ca-file": at("ca.pem"),
      "client-cert-auth": "true",
    });
    const args = ["--topo-endpoints", own.endpoint];
    const tls = ["--topo-ca", at("ca.pem"), "--topo-cert", at("client.pem"), "--topo-key", at("client.key")];
    expect(await run([...args, ...tls, "CreateKeyspace", "k"])).toMatchObject({ code: 0 });
    expect((await run([...args, ...tls, "GetKeyspaces"])).out).toContain("k");
    expect((await run([...args, "--timeout", "2", "--topo-ca", at("ca.pem"), "GetKeyspaces"])).code).toBe(5);
    expect((await run([...args, "--timeout", "2", "GetKeyspaces"])).code).toBe(5);
    await own.dispose();
  });
});

const executable = resolve(import.meta.dirname, "../../dist/bin/shardgate.js");
test.skipIf(!existsSync(executable))("the built executable: text, --json, exit codes, standard input", () => {
  const shell = (args: string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [executable, "ctl", ...args], {
      env: { ...process.env, SHARDGATE_TOPO_ENDPOINTS: etcd.endpoint, SHARDGATE_TOPO_ROOT: root },
      input,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  expect(shell(["CreateKeyspace", "ks"])).toEqual({ status: 0, stdout: "Keyspace ks is created.\n", stderr: "" });
  expect(shell(["CreateKeyspace", "ks"])).toMatchObject({ status: 3, stderr: "Error: keyspace ks exists already\n" });
  expect(shell(["Nonsense"])).toMatchObject({ status: 2 });
  expect(shell(["ApplyVSchema", "ks", "--vschema-file", "-"], "{}")).toMatchObject({ status: 0 });
  expect(JSON.parse(shell(["GetKeyspaces", "--json"]).stdout)).toMatchObject([{ name: "ks", hasVSchema: true }]);
  expect(shell(["GetKeyspaces", "--topo-endpoints", "http://127.0.0.1:1", "--timeout", "1"])).toMatchObject({
    status: 5,
  });
});

test.skipIf(!existsSync(executable))(
  "the built executable: SIGINT ends a command that waits for a lock, and leaves none",
  async () => {
    await ok("CreateKeyspace", "ks");
    const held = await topology.lock("keyspace-ks", "another operator");
    const before = await leaseCount();
    const child = spawn(process.execPath, [executable, "ctl", "CreateShard", "ks/-80", ...PATIENT], {
      env: { ...process.env, SHARDGATE_TOPO_ENDPOINTS: etcd.endpoint, SHARDGATE_TOPO_ROOT: root },
      stdio: "ignore",
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    try {
      // Who waits for a lock holds a lease for it.
      await eventually("the command waits", async () => (await leaseCount()) > before);
      child.kill("SIGINT");
      expect(await exited).toBe(130);
    } finally {
      child.kill("SIGKILL");
    }
    await held.release();
    expect((await store.list(`${root}/global/locks/`)).entries).toEqual([]);
  },
);

async function leaseCount(): Promise<number> {
  const answer = await fetch(`${etcd.endpoint}/v3/lease/leases`, { method: "POST", body: "{}" });
  const body: unknown = await answer.json();
  if (typeof body !== "object" || body === null || !("leases" in body) || !Array.isArray(body.leases)) return 0;
  return body.leases.length;
}
