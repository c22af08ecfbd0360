// Fills TPC-C's tables (clause 4.3.3) by INSERTs of many rows, the warehouses beside each other.

import { type Connection, createConnection } from "mysql2/promise";
import { TpccRandom } from "./random.ts";
import { DISTRICTS, deliveredAtFirst, type Scale } from "./schema.ts";

export interface Server {
  readonly port: number;
  readonly database: string;
}

type Row = readonly (string | number | null)[];

const ROWS_PER_INSERT = 500;
const ENTRY = "2025-01-01 00:00:00";

export async function connectTo({ port, database }: Server): Promise<Connection> {
  const target = { host: "127.0.0.1", port, user: "root", database, connectTimeout: 10_000 };
  const connection = await createConnection({ ...target, decimalNumbers: true });
  connection.on("error", () => {});
  return connection;
}

export async function load(server: Server, scale: Scale, seed: number): Promise<void> {
  const items = async (): Promise<void> => {
    const random = new TpccRandom(seed, scale);
    await inserting(server, async (insert) => {
      for (let id = 1; id <= scale.items; id++) {
        const price = random.between(100, 10_000) / 100;
        await insert("item", [id, random.between(1, 10_000), random.letters(14, 24), price, random.data()]);
      }
    });
  };
  const warehouse = async (id: number): Promise<void> => {
    const random = new TpccRandom(seed + id, scale);
    await inserting(server, async (insert) => loadWarehouse(insert, random, id, scale));
  };
  await Promise.all([items(), ...Array.from({ length: scale.warehouses }, (_, i) => warehouse(i + 1))]);
}

type Insert = (table: string, row: Row) => Promise<void>;

async function inserting(server: Server, work: (insert: Insert) => Promise<void>): Promise<void> {
  const connection = await connectTo(server);
  const waiting = new Map<string, Row[]>();
  const flush = async (table: string): Promise<void> => {
    const rows = waiting.get(table) ?? [];
    waiting.delete(table);
    if (rows.length > 0) await connection.query(`INSERT INTO ${table} VALUES ?`, [rows]);
  };
  try {
    await work(async (table, row) => {
      const rows = waiting.get(table) ?? [];
      waiting.set(table, rows);
      rows.push(row);
      if (rows.length >= ROWS_PER_INSERT) await flush(table);
    });
    for (const table of waiting.keys()) await flush(table);
  } finally {
    connection.destroy();
  }
}

async function loadWarehouse(insert: Insert, random: TpccRandom, w: number, scale: Scale): Promise<void> {
  await insert("warehouse", [w, random.letters(6, 10), ...address(random), tax(random), 300_000 * portion(scale)]);
  for (let id = 1; id <= scale.items; id++) {
    const infos = Array.from({ length: DISTRICTS }, () => random.letters(24, 24));
    await insert("stock", [w, id, random.between(10, 100), ...infos, 0, 0, 0, random.data()]);
  }
  for (let d = 1; d <= DISTRICTS; d++) {
    const next = scale.customers + 1;
    await insert("district", [
      w,
      d,
      random.letters(6, 10),
      ...address(random),
      tax(random),
      30_000 * portion(scale),
      next,
    ]);
    for (let c = 1; c <= scale.customers; c++) {
      const credit = random.chance(0.1) ? "BC" : "GC";
      const person = [random.letters(8, 16), "OE", random.nameOf(c), ...address(random), random.digits(16)];
      const money = [50_000, random.between(0, 5_000) / 10_000, -10, 10, 1, 0];
      await insert("customer", [w, d, c, ...person, ENTRY, credit, ...money, random.letters(300, 500)]);
      await insert("history", [c, d, w, d, w, ENTRY, 10, random.letters(12, 24)]);
    }
    await loadOrders(insert, random, w, d, scale);
  }
}

async function loadOrders(insert: Insert, random: TpccRandom, w: number, d: number, scale: Scale): Promise<void> {
  for (const [i, customer] of random.shuffled(scale.customers).entries()) {
    const o = i + 1;
    const isNew = o > deliveredAtFirst(scale);
    const lines = random.between(5, 15);
    await insert("orders", [w, d, o, customer, ENTRY, isNew ? null : random.between(1, 10), lines, 1]);
    if (isNew) await insert("new_order", [w, d, o]);
    for (let line = 1; line <= lines; line++) {
      const amount = isNew ? random.between(1, 999_999) / 100 : 0;
      const delivered = isNew ? null : ENTRY;
      const item = random.between(1, scale.items);
      await insert("order_line", [w, d, o, line, item, w, delivered, 5, amount, random.letters(24, 24)]);
    }
  }
}

/** Year-to-date sums are those of the history, one payment of 10 by each customer. */
function portion({ customers }: Scale): number {
  return customers / 3_000;
}

function address(random: TpccRandom): Row {
  const state = random.letters(2, 2);
  return [random.letters(10, 20), random.letters(10, 20), random.letters(10, 20), state, random.zip()];
}

function tax(random: TpccRandom): number {
  return random.between(0, 2_000) / 10_000;
}
