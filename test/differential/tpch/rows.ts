// Rows for TPC-H's tables at scale 0.01, after the rules of the specification's clause 4.2 in what the queries look at:
// value ranges, which supplier offers which part, dates that follow from each other, and the words that patterns search.
// Texts are shorter than the specification's; the same rows on every run.

import { type Random, randomOf } from "../../fuzz/random.ts";

const CUSTOMERS = 1500;
const ORDERS = 15_000;
const PARTS = 2000;
const SUPPLIERS = 100;
const DATA_SEED = 19_920_101;
const ROWS_PER_INSERT = 500;

type Row = readonly (string | number)[];

/** INSERT statements by table, in loading order. */
export function insertStatements(): ReadonlyMap<string, readonly string[]> {
  const random = randomOf(DATA_SEED);
  const { orders, lines } = ordersWithLines(random);
  return new Map([
    [
      "region",
      inserts(
        "region",
        REGIONS.map((name, key) => [key, text(name), text("")]),
      ),
    ],
    [
      "nation",
      inserts(
        "nation",
        NATIONS.map(([name, region], key) => [key, text(name), region, text("")]),
      ),
    ],
    [
      "supplier",
      inserts(
        "supplier",
        numbered(SUPPLIERS, (key) => supplier(key, random)),
      ),
    ],
    [
      "part",
      inserts(
        "part",
        numbered(PARTS, (key) => part(key, random)),
      ),
    ],
    ["partsupp", inserts("partsupp", numbered(PARTS, (key) => offers(key, random)).flat())],
    [
      "customer",
      inserts(
        "customer",
        numbered(CUSTOMERS, (key) => customer(key, random)),
      ),
    ],
    ["orders", inserts("orders", orders)],
    ["lineitem", inserts("lineitem", lines)],
  ]);
}

function numbered<T>(count: number, make: (key: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index + 1));
}

function inserts(table: string, rows: readonly Row[]): string[] {
  const statements: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    const values = rows.slice(at, at + ROWS_PER_INSERT).map((row) => `(${row.join(",")})`);
    statements.push(`INSERT INTO ${table} (${COLUMNS[table] ?? ""}) VALUES ${values.join(",")}`);
  }
  return statements;
}

const COLUMNS: Readonly<Record<string, string>> = {
  region: "r_regionkey, r_name, r_comment",
  nation: "n_nationkey, n_name, n_regionkey, n_comment",
  supplier: "s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, s_comment",
  part: "p_partkey, p_name, p_mfgr, p_brand, p_type, p_size, p_container, p_retailprice, p_comment",
  partsupp: "ps_partkey, ps_suppkey, ps_availqty, ps_supplycost, ps_comment",
  customer: "c_custkey, c_name, c_address, c_nationkey, c_phone, c_acctbal, c_mktsegment, c_comment",
  orders:
    "o_orderkey, o_custkey, o_orderstatus, o_totalprice, o_orderdate, o_orderpriority, o_clerk, o_shippriority, o_comment",
  lineitem:
    "l_orderkey, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment",
};

const REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"] as const;
const NATIONS = [
  ["ALGERIA", 0],
  ["ARGENTINA", 1],
  ["BRAZIL", 1],
  ["CANADA", 1],
  ["EGYPT", 4],
  ["ETHIOPIA", 0],
  ["FRANCE", 3],
  ["GERMANY", 3],
  ["INDIA", 2],
  ["INDONESIA", 2],
  ["IRAN", 4],
  ["IRAQ", 4],
  ["JAPAN", 2],
  ["JORDAN", 4],
  ["KENYA", 0],
  ["MOROCCO", 0],
  ["MOZAMBIQUE", 0],
  ["PERU", 1],
  ["CHINA", 2],
  ["ROMANIA", 3],
  ["SAUDI ARABIA", 4],
  ["VIETNAM", 2],
  ["RUSSIA", 3],
  ["UNITED KINGDOM", 3],
  ["UNITED STATES", 1],
] as const;
const COLORS =
  "almond antique aquamarine azure beige bisque black blue blush brown chartreuse chiffon chocolate coral cream cyan dark forest frosted ghost gold green grey honeydew hot indian ivory khaki lace lemon lime linen magenta maroon metallic mint".split(
    " ",
  );
const TYPES = [
  ["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"],
  ["ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"],
  ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"],
] as const;
const CONTAINERS = [
  ["SM", "LG", "MED", "JUMBO", "WRAP"],
  ["CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"],
] as const;
const SEGMENTS = ["AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"] as const;
const PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"] as const;
const MODES = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"] as const;
const INSTRUCTIONS = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"] as const;
const WORDS =
  "carefully quickly furiously deposits accounts packages ideas theodolites pinto beans foxes sleep wake haggle".split(
    " ",
  );

function supplier(key: number, random: Random): Row {
  const nation = random.int(25);
  const comment =
    key % 40 === 7 ? "slow Customer told of Complaints" : key % 40 === 9 ? "Customer Recommends it" : words(random, 4);
  return [
    key,
    text(`Supplier#${pad(key)}`),
    text(words(random, 2)),
    nation,
    text(phone(nation, random)),
    money(random, -99_999, 999_999),
    text(comment),
  ];
}

function part(key: number, random: Random): Row {
  const maker = random.int(5) + 1;
  const name = Array.from({ length: 5 }, () => random.pick(COLORS)).join(" ");
  const type = TYPES.map((words) => random.pick(words)).join(" ");
  return [
    key,
    text(name),
    text(`Manufacturer#${maker}`),
    text(`Brand#${maker}${random.int(5) + 1}`),
    text(type),
    random.int(50) + 1,
    text(CONTAINERS.map((words) => random.pick(words)).join(" ")),
    decimal(retailCents(key)),
    text(random.pick(WORDS)),
  ];
}

function retailCents(key: number): number {
  return 90_000 + (Math.floor(key / 10) % 20_001) + 100 * (key % 1000);
}

/** The four suppliers of a part (clause 4.2.3). */
function supplierOf(partKey: number, index: number): number {
  return ((partKey + index * (SUPPLIERS / 4 + Math.floor((partKey - 1) / SUPPLIERS))) % SUPPLIERS) + 1;
}

function offers(key: number, random: Random): Row[] {
  return [0, 1, 2, 3].map((index) => [
    key,
    supplierOf(key, index),
    random.int(9999) + 1,
    money(random, 100, 100_000),
    text(words(random, 3)),
  ]);
}

function customer(key: number, random: Random): Row {
  const nation = random.int(25);
  return [
    key,
    text(`Customer#${pad(key)}`),
    text(words(random, 2)),
    nation,
    text(phone(nation, random)),
    money(random, -99_999, 999_999),
    text(random.pick(SEGMENTS)),
    text(words(random, 4)),
  ];
}

const FIRST_DAY = Date.UTC(1992, 0, 1) / 86_400_000;
const LAST_ORDER_DAY = Date.UTC(1998, 7, 2) / 86_400_000;
const CURRENT_DAY = Date.UTC(1995, 5, 17) / 86_400_000;

function ordersWithLines(random: Random): { readonly orders: Row[]; readonly lines: Row[] } {
  const orders: Row[] = [];
  const lines: Row[] = [];
  for (let n = 0; n < ORDERS; n++) {
    // Only the first 8 of every 32 keys are used, and a third of the customers have no orders.
    const key = Math.floor(n / 8) * 32 + (n % 8) + 1;
    let customerKey = random.int(CUSTOMERS) + 1;
    while (customerKey % 3 === 0) customerKey = random.int(CUSTOMERS) + 1;
    const orderDay = FIRST_DAY + random.int(LAST_ORDER_DAY - FIRST_DAY + 1);
    const statuses = new Set<string>();
    let totalCents = 0;
    const count = random.int(7) + 1;
    for (let line = 1; line <= count; line++) {
      const partKey = random.int(PARTS) + 1;
      const quantity = random.int(50) + 1;
      const cents = quantity * retailCents(partKey);
      const discount = random.int(11);
      const tax = random.int(9);
      const shipDay = orderDay + random.int(121) + 1;
      const receiptDay = shipDay + random.int(30) + 1;
      const status = shipDay > CURRENT_DAY ? "O" : "F";
      statuses.add(status);
      totalCents += Math.round((cents * (100 + tax) * (100 - discount)) / 10_000);
      lines.push([
        key,
        partKey,
        supplierOf(partKey, random.int(4)),
        line,
        quantity,
        decimal(cents),
        decimal(discount),
        decimal(tax),
        text(receiptDay <= CURRENT_DAY ? random.pick(["R", "A"]) : "N"),
        text(status),
        date(shipDay),
        date(orderDay + random.int(61) + 30),
        date(receiptDay),
        text(random.pick(INSTRUCTIONS)),
        text(random.pick(MODES)),
        text(random.pick(WORDS)),
      ]);
    }
    const comment = n % 50 === 3 ? `${random.pick(WORDS)} special packed requests` : words(random, 4);
    orders.push([
      key,
      customerKey,
      text(statuses.size > 1 ? "P" : [...statuses].join("")),
      decimal(totalCents),
      date(orderDay),
      text(random.pick(PRIORITIES)),
      text(`Clerk#${pad(random.int(10) + 1)}`),
      0,
      text(comment),
    ]);
  }
  return { orders, lines };
}

function words(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick(WORDS)).join(" ");
}

function phone(nation: number, random: Random): string {
  return `${nation + 10}-${random.int(900) + 100}-${random.int(900) + 100}-${random.int(9000) + 1000}`;
}

function pad(key: number): string {
  return String(key).padStart(9, "0");
}

function text(value: string): string {
  return `'${value}'`;
}

function money(random: Random, lowCents: number, highCents: number): string {
  return decimal(lowCents + random.int(highCents - lowCents + 1));
}

function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}

function date(day: number): string {
  return `'${new Date(day * 86_400_000).toISOString().slice(0, 10)}'`;
}
