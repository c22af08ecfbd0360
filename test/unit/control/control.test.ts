// The operators' commands on an embedded store and tablets in this process: what they do, refuse and find.

import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { addCellInfo, deleteCellInfo, getCellInfo, getCellInfoNames } from "../../../src/control/cells.ts";
import type { ControlContext } from "../../../src/control/context.ts";
import { createKeyspace, deleteKeyspace, getKeyspace, getKeyspaces } from "../../../src/control/keyspaces.ts";
import { applyRoutingRules, getRoutingRules } from "../../../src/control/routing-rules.ts";
import { applySchema, getSchema } from "../../../src/control/schema.ts";
import { createShard, deleteShard, getShard, getShards, setShardPrimary } from "../../../src/control/shards.ts";
import { getTablets } from "../../../src/control/tablets.ts";
import { validate } from "../../../src/control/validate.ts";
import { applyVSchema, getVSchema } from "../../../src/control/vschema.ts";
import { createEmbeddedTopo } from "../../../src/topo/embedded.ts";
import type { TabletAlias } from "../../../src/topo/records.ts";
import type { TopoStore } from "../../../src/topo/store.ts";
import { Topology } from "../../../src/topo/topology.ts";
import { FakeTablets, registerTablet } from "./fake-tablets.ts";

const VSCHEMA = {
  sharded: true,
  vindexes: { hash: { type: "hash" } },
  tables: { corder: { column_vindexes: [{ column: "customer_id", name: "hash" }] } },
};
const CORDER = "CREATE TABLE `corder` (\n  `id` bigint,\n  `customer_id` bigint\n) ENGINE=InnoDB AUTO_INCREMENT=5";

let store: TopoStore;
let tablets: FakeTablets;
let context: ControlContext;
beforeEach(async () => {
  store = (await createEmbeddedTopo({ clock: systemClock })).connect();
  tablets = new FakeTablets();
  context = { topology: new Topology(store, "/shardgate"), tablets, clock: systemClock, holder: "test" };
});

/** Keyspace `customer` on two shards with a primary each, the table corder and its VSchema. */
async function makeCustomer(): Promise<readonly [TabletAlias, TabletAlias]> {
  await addCellInfo(context, "zone1");
  await createKeyspace(context, "customer");
  await createShard(context, "customer", "-80");
  await createShard(context, "customer", "80-");
  const first = await registerTablet(context.topology, 100, { keyspace: "customer", shard: "-80" });
  const second = await registerTablet(context.topology, 200, { keyspace: "customer", shard: "80-" });
  for (const alias of [first, second]) tablets.addTable(alias, "corder", CORDER);
  await applyVSchema(context, "customer", JSON.stringify(VSCHEMA));
  return [first, second];
}

describe("keyspaces", () => {
  test("create, list, show, delete", async () => {
    expect(await createKeyspace(context, "customer")).toBe(true);
    await createKeyspace(context, "commerce");
    await createShard(context, "commerce", "0");
    expect((await getKeyspaces(context)).map(({ name }) => name)).toEqual(["commerce", "customer"]);
    expect(await getKeyspace(context, "commerce")).toEqual({
      name: "commerce",
      shards: ["0"],
      servingShards: ["0"],
      shardProblem: undefined,
      hasVSchema: false,
    });
    expect((await getKeyspace(context, "customer")).shardProblem).toBe("there are no shards");
    await deleteKeyspace(context, "customer");
    expect((await getKeyspaces(context)).map(({ name }) => name)).toEqual(["commerce"]);
  });

  test("an existing one is a conflict, unless it may exist", async () => {
    await createKeyspace(context, "customer");
    await expect(createKeyspace(context, "customer")).rejects.toMatchObject({
      id: "TOPO_NODE_EXISTS",
      message: "keyspace customer exists already",
    });
    expect(await createKeyspace(context, "customer", { ifNotExists: true })).toBe(false);
  });

  test.each(["", "a/b", "a b", "../x"])("name %o is refused", async (name) => {
    await expect(createKeyspace(context, name)).rejects.toMatchObject({ id: "CONFIG_BAD" });
  });

  test("a name nearly right is suggested", async () => {
    await createKeyspace(context, "customer");
    await expect(getKeyspace(context, "custmer")).rejects.toThrow(
      'keyspace custmer does not exist; did you mean "customer"?',
    );
  });

  test("is not deleted with shards unless told, nor with tablets, and leaves nothing behind", async () => {
    await makeCustomer();
    await expect(deleteKeyspace(context, "customer")).rejects.toThrow("has shards: -80, 80-");
    await expect(deleteKeyspace(context, "customer", { recursive: true })).rejects.toThrow(
      "still has tablets: zone1-0000000100",
    );
    await store.delete("/shardgate/cells/zone1/tablets/zone1-0000000100");
    await store.delete("/shardgate/cells/zone1/tablets/zone1-0000000200");
    await deleteKeyspace(context, "customer", { recursive: true });
    expect((await store.list("/shardgate/global/keyspaces/")).entries).toEqual([]);
  });
});

describe("shards", () => {
  test("create, list in order, show, delete", async () => {
    await createKeyspace(context, "customer");
    for (const shard of ["80-", "-40", "40-80"]) await createShard(context, "customer", shard);
    expect((await getShards(context, "customer")).map(({ name }) => name)).toEqual(["-40", "40-80", "80-"]);
    expect(await getShard(context, "customer", "-40")).toMatchObject({ name: "-40", isServing: true });
    await expect(deleteShard(context, "customer", "-40")).rejects.toThrow("is serving");
    await deleteShard(context, "customer", "-40", { force: true });
    await expect(getShard(context, "customer", "-40")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
    await expect(deleteShard(context, "customer", "-40")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
  });

  test("an overlapping shard does not serve; a twin is a conflict", async () => {
    await createKeyspace(context, "customer");
    await createShard(context, "customer", "0");
    expect(await createShard(context, "customer", "-80")).toMatchObject({ isServing: false });
    await expect(createShard(context, "customer", "-")).rejects.toThrow("exists already (as 0)");
    await expect(createShard(context, "customer", "-8000")).rejects.toThrow("exists already (as -80)");
    await deleteShard(context, "customer", "-80");
  });

  test("two operators who create overlapping shards at once do not both get a serving one", async () => {
    await createKeyspace(context, "customer");
    const made = await Promise.all(
      ["-80", "40-", "-", "60-70"].map((shard) => createShard(context, "customer", shard)),
    );
    expect(made.filter(({ isServing }) => isServing)).toHaveLength(1);
  });

  test.each(["8", "80", "80-40", "x-", "", "-80/.."])("shard %o is refused", async (shard) => {
    await createKeyspace(context, "customer");
    await expect(createShard(context, "customer", shard)).rejects.toMatchObject({ id: "KEY_RANGE_BAD" });
  });

  test("a shard of no keyspace is refused", async () => {
    await expect(createShard(context, "nowhere", "-80")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
  });

  test("the primary must be a tablet of the shard", async () => {
    const [first, second] = await makeCustomer();
    expect(await setShardPrimary(context, "customer", "-80", first)).toMatchObject({ primaryAlias: first });
    await expect(setShardPrimary(context, "customer", "-80", second)).rejects.toThrow("is of shard customer/80-");
    expect((await getShard(context, "customer", "-80")).primaryAlias).toBe(first);
    await expect(deleteShard(context, "customer", "-80", { force: true })).rejects.toThrow("still has tablets");
  });
});

test("tablets by keyspace, shard, type and cell", async () => {
  await makeCustomer();
  await registerTablet(context.topology, 101, { keyspace: "customer", shard: "-80", type: "replica", cell: "zone2" });
  const uids = async (filter: Parameters<typeof getTablets>[1]) =>
    (await getTablets(context, filter)).map(({ alias }) => Number(alias.slice(-10)));
  expect(await uids({})).toEqual([100, 200, 101]);
  expect(await uids({ shard: "-80" })).toEqual([100, 101]);
  expect(await uids({ type: "replica" })).toEqual([101]);
  expect(await uids({ cell: "zone1", keyspace: "customer" })).toEqual([100, 200]);
  await expect(uids({ keyspace: "other" })).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
});

describe("cells", () => {
  test("add, list, show, delete", async () => {
    await addCellInfo(context, "zone2");
    await addCellInfo(context, "zone1");
    expect(await getCellInfoNames(context)).toEqual(["zone1", "zone2"]);
    expect(await getCellInfo(context, "zone1")).toEqual({ name: "zone1" });
    await expect(addCellInfo(context, "zone1")).rejects.toMatchObject({ id: "TOPO_NODE_EXISTS" });
    await expect(getCellInfo(context, "zone3")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
    await expect(addCellInfo(context, "a/b")).rejects.toMatchObject({ id: "CONFIG_BAD" });
    await registerTablet(context.topology, 1, { keyspace: "x", shard: "0" });
    await expect(deleteCellInfo(context, "zone1")).rejects.toThrow("still has tablets: zone1-0000000001");
    await deleteCellInfo(context, "zone2");
    expect(await getCellInfoNames(context)).toEqual(["zone1"]);
  });
});

describe("keyspaces that clients have made", () => {
  test("are shown with what serves them, and keep it from being deleted", async () => {
    await addCellInfo(context, "zone1");
    await createKeyspace(context, "home");
    await createShard(context, "home", "0");
    await registerTablet(context.topology, 100, { keyspace: "home", shard: "0" });
    await context.topology.createKeyspace({ name: "made/up", servedFrom: "home" });
    expect(await getKeyspace(context, "made/up")).toMatchObject({ servedFrom: "home", shards: ["0"] });
    expect(await validate(context)).toEqual([]);
    await expect(applySchema(context, "made/up", "DROP TABLE t")).rejects.toThrow("define its tables by SQL");
    await expect(deleteKeyspace(context, "home", { recursive: true })).rejects.toThrow("serve others: made/up");
    await deleteKeyspace(context, "made/up");
    expect((await getKeyspaces(context)).map(({ name }) => name)).toEqual(["home"]);
    await context.topology.createKeyspace({ name: "adrift", servedFrom: "nowhere" });
    expect(await validate(context)).toMatchObject([{ severity: "error", place: "adrift" }]);
  });
});

describe("VSchema", () => {
  test("dry run shows and leaves; apply stores; the same again is unchanged", async () => {
    await createKeyspace(context, "customer");
    const text = JSON.stringify(VSCHEMA);
    const dry = await applyVSchema(context, "customer", text, { dryRun: true });
    expect(dry).toMatchObject({ outcome: "dry-run", diff: expect.stringContaining('+ table "corder"') });
    expect((await getVSchema(context, "customer")).revision).toBeUndefined();
    expect(await applyVSchema(context, "customer", text)).toMatchObject({ outcome: "applied", diff: dry.diff });
    expect(await getVSchema(context, "customer")).toMatchObject({ json: VSCHEMA });
    expect(await applyVSchema(context, "customer", text)).toMatchObject({ outcome: "unchanged", diff: "" });
  });

  test("a fault is refused with its path, and the good one stays", async () => {
    await makeCustomer();
    const bad = JSON.stringify(VSCHEMA).replace('"name":"hash"', '"name":"hsah"');
    await expect(applyVSchema(context, "customer", bad)).rejects.toMatchObject({
      id: "VSCHEMA_BAD",
      message: 'customer.tables.corder.column_vindexes[0].name: vindex "hsah" is not defined; did you mean "hash"?',
    });
    await expect(applyVSchema(context, "customer", '{"sharded": tru')).rejects.toMatchObject({ id: "VSCHEMA_BAD" });
    expect(await getVSchema(context, "customer")).toMatchObject({ json: VSCHEMA });
  });

  test("an unsharded VSchema for several shards is refused", async () => {
    await makeCustomer();
    await expect(applyVSchema(context, "customer", "{}")).rejects.toThrow("customer.sharded: must be true");
  });

  test("the slower of two operators is told", async () => {
    await makeCustomer();
    const base = await getVSchema(context, "customer");
    const theirs = { ...VSCHEMA, tables: {} };
    await applyVSchema(context, "customer", JSON.stringify(theirs), { base });
    await expect(
      applyVSchema(context, "customer", JSON.stringify({ ...VSCHEMA, foreign_key_mode: "managed" }), { base }),
    ).rejects.toMatchObject({ id: "TOPO_BAD_VERSION" });
    expect(await getVSchema(context, "customer")).toMatchObject({ json: theirs });
  });

  test("one under which a foreign key would lead across shards is refused, with table and key", async () => {
    const [first, second] = await makeCustomer();
    for (const alias of [first, second]) {
      tablets.addTable(
        alias,
        "item",
        "CREATE TABLE `item` (`customer_id` bigint, `no` bigint, " +
          "CONSTRAINT `fk` FOREIGN KEY (`customer_id`) REFERENCES `corder` (`customer_id`))",
      );
    }
    const item = (column: string, more: object = {}): string => {
      const tables = { ...VSCHEMA.tables, item: { column_vindexes: [{ column, name: "hash" }] } };
      return JSON.stringify({ ...VSCHEMA, ...more, tables });
    };
    await applyVSchema(context, "customer", item("customer_id"));
    await expect(applyVSchema(context, "customer", item("no"))).rejects.toThrow(
      "customer.tables.item: its foreign key fk would lead across shards",
    );
    await expect(
      applyVSchema(context, "customer", item("customer_id", { foreign_key_mode: "disallow" })),
    ).rejects.toThrow("foreign_key_mode of keyspace customer is disallow");
    // What is wrong already is found, too.
    const crossed = { keyspace: "customer", json: JSON.parse(item("no")) as unknown };
    const stored = await context.topology.getVSchema("customer");
    await context.topology.putVSchema(crossed, stored?.revision);
    expect(await validate(context, { keyspace: "customer" })).toMatchObject([
      { severity: "error", place: "customer.tables.item" },
    ]);
  });

  test("names of other keyspaces that lead nowhere are warnings", async () => {
    await makeCustomer();
    const text = JSON.stringify({
      ...VSCHEMA,
      tables: {
        corder: { ...VSCHEMA.tables.corder, auto_increment: { column: "id", sequence: "commerce.order_seq" } },
      },
    });
    const { outcome, warnings } = await applyVSchema(context, "customer", text);
    expect(outcome).toBe("applied");
    expect(warnings).toMatchObject([{ path: "customer.tables.corder.auto_increment.sequence" }]);
  });
});

describe("routing rules", () => {
  const rules = (to: string) => JSON.stringify({ rules: [{ from_table: "corder", to_tables: [to] }] });

  test("dry run, apply, unchanged, replace", async () => {
    await makeCustomer();
    expect(await applyRoutingRules(context, rules("customer.corder"), { dryRun: true })).toEqual({
      outcome: "dry-run",
      diff: "+ corder -> customer.corder\n",
    });
    expect((await getRoutingRules(context)).rules).toEqual([]);
    expect(await applyRoutingRules(context, rules("customer.corder"))).toMatchObject({ outcome: "applied" });
    expect(await applyRoutingRules(context, rules("customer.corder"))).toMatchObject({ outcome: "unchanged" });
    expect(await applyRoutingRules(context, '{"rules":[]}')).toMatchObject({ diff: "- corder -> customer.corder\n" });
  });

  test.each(["", "[]", "{}", '{"rules":1}', '{"rules":[{"from_table":"t"}]}', '{"rules":[{"to_tables":["a.b"]}]}'])(
    "%o is refused",
    async (text) => {
      await expect(applyRoutingRules(context, text)).rejects.toMatchObject({ id: "VSCHEMA_BAD" });
    },
  );

  test("a rule that leads nowhere is refused", async () => {
    await makeCustomer();
    await expect(applyRoutingRules(context, rules("customer.cordre"))).rejects.toThrow('did you mean "corder"');
    await expect(applyRoutingRules(context, rules("nowhere.corder"))).rejects.toThrow(
      "routing_rules.rules[0].to_tables[0]",
    );
  });
});

describe("table definitions", () => {
  test("DDL runs on every shard's primary and nowhere else", async () => {
    await makeCustomer();
    await registerTablet(context.topology, 101, { keyspace: "customer", shard: "-80", type: "replica" });
    const result = await applySchema(context, "customer", "create table t (id int)");
    expect(result).toMatchObject({
      outcome: "applied",
      shards: [
        { shard: "-80", tablet: "zone1-0000000100", ok: true, statements: 1 },
        { shard: "80-", tablet: "zone1-0000000200", ok: true, statements: 1 },
      ],
    });
    expect(tablets.applied.toSorted()).toEqual(["-80: create table t (id int)", "80-: create table t (id int)"]);
    expect((await getSchema(context, "customer", ["t"])).shards.map(({ tables }) => tables.length)).toEqual([1, 1]);
  });

  test("a shard that refuses makes it partial, with MySQL's error; the next run names the difference", async () => {
    const [first, second] = await makeCustomer();
    tablets.refusing.add(second);
    const result = await applySchema(context, "customer", "create table t (id int)");
    expect(result).toMatchObject({
      outcome: "partial",
      shards: [{ ok: true }, { ok: false, errno: 1050, error: "Table 't' already exists" }],
    });
    tablets.refusing.add(first);
    await expect(applySchema(context, "customer", "drop table t")).rejects.toThrow("table t is missing on shard 80-");
    const failed = await applySchema(context, "customer", "drop table t", { allowDifferences: true });
    expect(failed.outcome).toBe("failed");
  });

  test("nothing runs while a shard is away or has no primary", async () => {
    const [, second] = await makeCustomer();
    tablets.away.add(second);
    await expect(applySchema(context, "customer", "create table t (id int)")).rejects.toMatchObject({
      id: "SHARD_UNAVAILABLE",
      message: expect.stringContaining("80- (tablet zone1-0000000200): connection refused"),
    });
    await store.delete("/shardgate/cells/zone1/tablets/zone1-0000000200");
    await expect(applySchema(context, "customer", "create table t (id int)")).rejects.toThrow(
      "shard customer/80- has no registered primary tablet",
    );
    expect(tablets.applied).toEqual([]);
  });

  test.each(["", "  -- nothing\n", "/* x */", "select 1", "insert into t values (1)", "/*c*/ update t set a=1"])(
    "%o is no DDL",
    async (sql) => {
      await makeCustomer();
      await expect(applySchema(context, "customer", sql)).rejects.toMatchObject({ id: "CONFIG_BAD" });
    },
  );

  test.each(["-- why\ncreate table t (id int)", "/* c */ ALTER TABLE corder ADD x int", "# c\ndrop table corder"])(
    "%o is DDL",
    async (sql) => {
      await makeCustomer();
      expect((await applySchema(context, "customer", sql)).outcome).toBe("applied");
    },
  );

  test("GetSchema of a shard, of a tablet, and the differences of a keyspace", async () => {
    const [first] = await makeCustomer();
    expect((await getSchema(context, "customer")).differences).toEqual([]);
    tablets.addTable(first, "corder", CORDER.replace("AUTO_INCREMENT=5", "AUTO_INCREMENT=99"));
    expect((await getSchema(context, "customer")).differences).toEqual([]);
    tablets.addTable(first, "corder", "CREATE TABLE `corder` ()");
    expect((await getSchema(context, "customer")).differences).toEqual([
      "table corder differs between shards -80 and 80-",
    ]);
    expect((await getSchema(context, "customer/80-")).shards).toMatchObject([{ tablet: "zone1-0000000200" }]);
    expect((await getSchema(context, first)).shards).toMatchObject([{ shard: "-80" }]);
    for (const target of ["customer/40-", "zone1-0000000999", "custmer", "a/b/c"]) {
      await expect(getSchema(context, target)).rejects.toMatchObject({
        id: expect.stringMatching("TOPO_NO_NODE|CONFIG_BAD"),
      });
    }
  });
});

describe("Validate", () => {
  const found = async (keyspace?: string) =>
    (await validate(context, keyspace === undefined ? {} : { keyspace })).map(
      ({ severity, place, message }) => `${severity}: ${place}: ${message}`,
    );

  test("a good cluster has no problem", async () => {
    await makeCustomer();
    expect(await found()).toEqual([]);
    expect(await found("customer")).toEqual([]);
  });

  test("an empty topology has none either, an unknown keyspace is refused", async () => {
    expect(await found()).toEqual([]);
    await expect(found("x")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
  });

  test.each<[string, (aliases: readonly [TabletAlias, TabletAlias]) => Promise<unknown> | undefined, string[]]>([
    [
      "a gap",
      async () => {
        await store.delete("/shardgate/cells/zone1/tablets/zone1-0000000200");
        await deleteShard(context, "customer", "80-", { force: true });
      },
      ["error: customer: the serving shards do not cover every row: no shard covers 80-"],
    ],
    [
      "no primary",
      () => store.delete("/shardgate/cells/zone1/tablets/zone1-0000000200"),
      ["error: customer/80-: no primary tablet"],
    ],
    [
      "a primary that is not registered",
      async ([first]) => {
        await setShardPrimary(context, "customer", "-80", first);
        await store.delete("/shardgate/cells/zone1/tablets/zone1-0000000100");
      },
      ["error: customer/-80: primary tablet zone1-0000000100 is not registered"],
    ],
    [
      "a silent tablet",
      ([first]) => void tablets.away.add(first),
      ["error: zone1-0000000100: primary of customer/-80 does not answer: connection refused"],
    ],
    [
      "a table missing on one shard",
      ([first]) => void tablets.tables.delete(first),
      [
        "error: customer: table corder is missing on shard -80",
        "error: customer.tables.corder: is in the VSchema, but there is no such table on shard -80",
      ],
    ],
    [
      "a vindex column that is not there",
      (aliases) => {
        for (const alias of aliases) tablets.addTable(alias, "corder", "CREATE TABLE `corder` (`id` int)");
        return undefined;
      },
      [
        "error: customer.tables.corder: has no column customer_id on shard -80",
        "error: customer.tables.corder: has no column customer_id on shard 80-",
      ],
    ],
    [
      "a table that the VSchema does not know",
      (aliases) => {
        for (const alias of aliases) tablets.addTable(alias, "t", "CREATE TABLE `t` ()");
        return undefined;
      },
      [
        "warning: customer.tables.t: exists on shard -80, but is not in the VSchema, so no query can use it",
        "warning: customer.tables.t: exists on shard 80-, but is not in the VSchema, so no query can use it",
      ],
    ],
    [
      "a tablet in no cell and no keyspace",
      () => registerTablet(context.topology, 7, { keyspace: "gone", shard: "0", cell: "zone9" }),
      [
        "warning: zone9-0000000007: its cell zone9 is not defined",
        "error: zone9-0000000007: its keyspace gone does not exist",
      ],
    ],
    [
      "bad records",
      async () => {
        await store.update("/shardgate/global/keyspaces/customer/vschema", "{");
        await store.create("/shardgate/cells/zone1/tablets/zone1-0000000009", '{"version":1}');
      },
      [
        "error: /shardgate/cells/zone1/tablets/zone1-0000000009: topology record /shardgate/cells/zone1/tablets/zone1-0000000009: field alias must be a text",
        "error: /shardgate/global/keyspaces/customer/vschema: topology record /shardgate/global/keyspaces/customer/vschema is not JSON",
      ],
    ],
    [
      "a stored VSchema with a fault",
      () =>
        store.update(
          "/shardgate/global/keyspaces/customer/vschema",
          '{"version":1,"keyspace":"customer","vschema":{"sharded":true,"tables":{"t":{}}}}',
        ),
      [expect.stringContaining("error: customer.tables.t")],
    ],
    [
      "no VSchema for several shards",
      () => context.topology.deleteVSchema("customer"),
      ["error: customer: has several shards but no VSchema, so no query can be routed"],
    ],
    [
      "routing rules that lead nowhere",
      () => context.topology.putRoutingRules([{ fromTable: "t", toTables: ["gone.t"] }], undefined),
      [expect.stringContaining("error: routing_rules.rules[0].to_tables[0]")],
    ],
  ])("finds %s", async (_name, spoil, expected) => {
    await spoil(await makeCustomer());
    expect(await found()).toEqual(expected);
  });
});
