// Rows for the demo keyspaces in `vschema/`: a small shop with customers, orders, order items, messages and products. The
// same seed gives the same rows. They come as plain multi-row INSERTs with explicit ids, to be run through the gateway: the
// rows of one statement belong to different shards, and placing them is its job. Ids stay below 1,000,000, where the
// sequences begin. Texts hold quotes, accents and different letter cases on purpose.

export interface DemoInsert {
  /** The keyspace to run it in. */
  readonly keyspace: "commerce" | "customer";
  readonly table: "product" | "customer" | "corder" | "order_item" | "messages";
  readonly rows: number;
  readonly sql: string;
}

export const DEMO_ROWS = { product: 50, customer: 1_000, corder: 2_000, order_item: 4_000, messages: 500 } as const;

const ROWS_PER_INSERT = 250;
/** 2024-01-01 00:00:00 UTC, in seconds. */
const FIRST_DAY_S = 1_704_067_200;
const DAY_S = 86_400;

const FIRST_NAMES = [
  "Ana",
  "Björn",
  "Chloé",
  "Dmitri",
  "Emeka",
  "Fatima",
  "Goran",
  "Hana",
  "Ines",
  "Jun",
  "Kofi",
  "Lena",
];
const LAST_NAMES = [
  "Almeida",
  "Bianchi",
  "Costa",
  "Dvořák",
  "Eriksson",
  "Fischer",
  "García",
  "Haddad",
  "O'Brien",
  "Sato",
];
const COUNTRIES = ["AR", "BR", "CZ", "DE", "ES", "FR", "GH", "IT", "JP", "NG", "PT", "SE"];
const STATUSES = ["new", "paid", "shipped", "shipped", "shipped", "returned"];
const COLOURS = ["Red", "Green", "Blue", "Black", "White"];
const THINGS = ["Bicycle", "Kettle", "Lamp", "Umbrella", "Backpack", "Chair", "Clock", "Teapot", "Blanket", "Notebook"];
// Spellings of one room go to one shard: its vindex minds neither case nor accents.
const ROOMS = ["general", "General", "Général", "orders", "ORDERS", "returns", "praise", "offers", "Offers"];
const BODIES = ["Where is my parcel?", "It's perfect, thank you!", "The lid doesn't fit.", "Do you ship abroad?"];

interface Product {
  readonly sku: string;
  readonly priceCents: number;
}

/** `demoInserts(seed?: number): Generator<DemoInsert>`; run the statements in order, each in its keyspace. */
export function* demoInserts(seed = 1): Generator<DemoInsert> {
  const random = new SeededRandom(seed);
  const products: Product[] = [];
  yield* inserts("commerce", "product", ["sku", "description", "price"], DEMO_ROWS.product, (i) => {
    const colour = COLOURS[Math.floor(i / THINGS.length) % COLOURS.length] ?? "";
    const thing = THINGS[i % THINGS.length] ?? "";
    const product = { sku: `SKU-${1_001 + i}`, priceCents: 199 + random.below(20_000) };
    products.push(product);
    return [text(product.sku), text(`${colour} ${thing}`), money(product.priceCents)];
  });

  const customerColumns = ["customer_id", "name", "email", "country", "created_at"];
  yield* inserts("customer", "customer", customerColumns, DEMO_ROWS.customer, (i) => {
    const name = `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`;
    const createdS = FIRST_DAY_S + random.below(180 * DAY_S);
    return [
      String(i + 1),
      text(name),
      text(`customer${i + 1}@example.com`),
      text(random.pick(COUNTRIES)),
      time(createdS),
    ];
  });

  const items: string[][] = [];
  const orderColumns = ["order_id", "customer_id", "status", "total", "ordered_at"];
  yield* inserts("customer", "corder", orderColumns, DEMO_ROWS.corder, (i) => {
    const orderId = String(i + 1);
    const customerId = String(1 + random.below(DEMO_ROWS.customer));
    let totalCents = 0;
    for (let k = i % 2 === 0 ? 1 : 3; k > 0; k--) {
      const product = products[random.below(products.length)] ?? { sku: "", priceCents: 0 };
      const quantity = 1 + random.below(4);
      totalCents += quantity * product.priceCents;
      const itemId = String(items.length + 1);
      items.push([itemId, orderId, customerId, text(product.sku), String(quantity), money(product.priceCents)]);
    }
    const orderedS = FIRST_DAY_S + (180 + random.below(180)) * DAY_S + random.below(DAY_S);
    return [orderId, customerId, text(random.pick(STATUSES)), money(totalCents), time(orderedS)];
  });

  const itemColumns = ["order_item_id", "order_id", "customer_id", "sku", "quantity", "price"];
  yield* inserts("customer", "order_item", itemColumns, items.length, (i) => items[i] ?? []);

  const messageColumns = ["message_id", "room", "customer_id", "body", "sent_at"];
  yield* inserts("customer", "messages", messageColumns, DEMO_ROWS.messages, (i) => {
    const customerId = String(1 + random.below(DEMO_ROWS.customer));
    const sentS = FIRST_DAY_S + 180 * DAY_S + random.below(180 * DAY_S);
    return [String(i + 1), text(random.pick(ROOMS)), customerId, text(random.pick(BODIES)), time(sentS)];
  });
}

function* inserts(
  keyspace: DemoInsert["keyspace"],
  table: DemoInsert["table"],
  columns: readonly string[],
  count: number,
  row: (i: number) => readonly string[],
): Generator<DemoInsert> {
  for (let start = 0; start < count; start += ROWS_PER_INSERT) {
    const rows = Math.min(ROWS_PER_INSERT, count - start);
    const values = Array.from({ length: rows }, (_, k) => `(${row(start + k).join(", ")})`);
    const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES\n${values.join(",\n")}`;
    yield { keyspace, table, rows, sql };
  }
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function money(cents: number): string {
  return (cents / 100).toFixed(2);
}

function time(unixS: number): string {
  return `'${new Date(unixS * 1000).toISOString().slice(0, 19).replace("T", " ")}'`;
}

/** Mulberry32: 32 bits of state, the same on every machine. */
class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number of 0 … limit - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  pick(list: readonly string[]): string {
    return list[this.below(list.length)] ?? "";
  }
}
