// TPC-C's five transactions (clause 2), as an application would send them: one statement after the other, as text.

import type { Connection, RowDataPacket } from "mysql2/promise";
import type { TpccRandom } from "./random.ts";
import { DISTRICTS, type Scale } from "./schema.ts";

export const KINDS = ["newOrder", "payment", "orderStatus", "delivery", "stockLevel"] as const;
export type Kind = (typeof KINDS)[number];

/** Of a hundred transactions (clause 5.2.3). */
export const SHARES: Readonly<Record<Kind, number>> = {
  newOrder: 45,
  payment: 43,
  orderStatus: 4,
  delivery: 4,
  stockLevel: 4,
};

export interface Terminal {
  readonly connection: Connection;
  readonly random: TpccRandom;
  readonly scale: Scale;
  /** Its warehouse. */
  readonly home: number;
}

/** False: rolled back, as one New-Order in a hundred is to be. */
export async function run(kind: Kind, terminal: Terminal): Promise<boolean> {
  switch (kind) {
    case "newOrder":
      return newOrder(terminal);
    case "payment":
      return payment(terminal);
    case "orderStatus":
      return orderStatus(terminal);
    case "delivery":
      return delivery(terminal);
    default:
      return stockLevel(terminal);
  }
}

async function newOrder(terminal: Terminal): Promise<boolean> {
  const { connection, random, scale, home } = terminal;
  const d = random.between(1, DISTRICTS);
  const c = random.customer();
  const isWrong = random.chance(0.01);
  const lines = Array.from({ length: random.between(5, 15) }, () => ({
    item: random.item(),
    supply: random.chance(0.01) ? other(terminal) : home,
    quantity: random.between(1, 10),
  })).toSorted((a, b) => a.supply - b.supply || a.item - b.item);
  const isLocal = lines.every(({ supply }) => supply === home) ? 1 : 0;
  await connection.query("BEGIN");
  const { w_tax: wTax } = await one(connection, "SELECT w_tax FROM warehouse WHERE w_id = ?", [home]);
  const customer = await one(
    connection,
    "SELECT c_discount, c_last, c_credit FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?",
    [home, d, c],
  );
  const district = await one(
    connection,
    "SELECT d_tax, d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ? FOR UPDATE",
    [home, d],
  );
  const o = Number(district["d_next_o_id"]);
  const next = "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?";
  await connection.query(next, [home, d]);
  const order = "INSERT INTO orders VALUES (?, ?, ?, ?, NOW(), NULL, ?, ?)";
  await connection.query(order, [home, d, o, c, lines.length, isLocal]);
  await connection.query("INSERT INTO new_order VALUES (?, ?, ?)", [home, d, o]);
  const written: (string | number | null)[][] = [];
  for (const [i, { item, supply, quantity }] of lines.entries()) {
    // The last item's number is one that nobody has.
    const wanted = isWrong && i === lines.length - 1 ? scale.items + 1 : item;
    const [found] = await rows(connection, "SELECT i_price, i_name, i_data FROM item WHERE i_id = ?", [wanted]);
    if (found === undefined) {
      await connection.query("ROLLBACK");
      return false;
    }
    const info = `s_dist_${String(d).padStart(2, "0")}`;
    const stock = await one(
      connection,
      `SELECT s_quantity, ${info} AS info, s_data FROM stock WHERE s_w_id = ? AND s_i_id = ? FOR UPDATE`,
      [supply, item],
    );
    const left = Number(stock["s_quantity"]) - quantity;
    await connection.query(
      "UPDATE stock SET s_quantity = ?, s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, " +
        "s_remote_cnt = s_remote_cnt + ? WHERE s_w_id = ? AND s_i_id = ?",
      [left >= 10 ? left : left + 91, quantity, supply === home ? 0 : 1, supply, item],
    );
    const amount = Math.round(quantity * Number(found["i_price"]) * 100) / 100;
    written.push([home, d, o, i + 1, item, supply, null, quantity, amount, String(stock["info"])]);
  }
  await connection.query("INSERT INTO order_line VALUES ?", [written]);
  await connection.query("COMMIT");
  // What the terminal would show.
  return Number(wTax) + Number(district["d_tax"]) >= 0 && customer["c_last"] !== undefined;
}

async function payment(terminal: Terminal): Promise<boolean> {
  const { connection, random, home } = terminal;
  const d = random.between(1, DISTRICTS);
  const isRemote = random.chance(0.15);
  const cw = isRemote ? other(terminal) : home;
  const cd = isRemote ? random.between(1, DISTRICTS) : d;
  const amount = random.between(100, 500_000) / 100;
  await connection.query("BEGIN");
  await connection.query("UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ?", [amount, home]);
  const warehouse = await one(
    connection,
    "SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip FROM warehouse WHERE w_id = ?",
    [home],
  );
  await connection.query("UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ?", [amount, home, d]);
  const district = await one(
    connection,
    "SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip FROM district WHERE d_w_id = ? AND d_id = ?",
    [home, d],
  );
  const c = await anyCustomer(terminal, cw, cd);
  const where = "WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
  const customer = await one(
    connection,
    `SELECT c_first, c_last, c_credit, c_discount, c_balance, c_data FROM customer ${where} FOR UPDATE`,
    [cw, cd, c],
  );
  const isBad = customer["c_credit"] === "BC";
  const data = `${c} ${cd} ${cw} ${d} ${home} ${amount}|${String(customer["c_data"])}`.slice(0, 500);
  await connection.query(
    "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, " +
      `c_payment_cnt = c_payment_cnt + 1${isBad ? ", c_data = ?" : ""} ${where}`,
    [amount, amount, ...(isBad ? [data] : []), cw, cd, c],
  );
  const note = `${String(warehouse["w_name"])}    ${String(district["d_name"])}`;
  await connection.query("INSERT INTO history VALUES (?, ?, ?, ?, ?, NOW(), ?, ?)", [c, cd, cw, d, home, amount, note]);
  await connection.query("COMMIT");
  return true;
}

async function orderStatus(terminal: Terminal): Promise<boolean> {
  const { connection, random, home } = terminal;
  const d = random.between(1, DISTRICTS);
  await connection.query("START TRANSACTION READ ONLY");
  const c = await anyCustomer(terminal, home, d);
  await one(
    connection,
    "SELECT c_balance, c_first, c_middle, c_last FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?",
    [home, d, c],
  );
  const [order] = await rows(
    connection,
    "SELECT o_id, o_entry_d, o_carrier_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? " +
      "ORDER BY o_id DESC LIMIT 1",
    [home, d, c],
  );
  if (order !== undefined) {
    await rows(
      connection,
      "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line " +
        "WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?",
      [home, d, order["o_id"]],
    );
  }
  await connection.query("COMMIT");
  return true;
}

async function delivery({ connection, random, home }: Terminal): Promise<boolean> {
  const carrier = random.between(1, 10);
  for (let d = 1; d <= DISTRICTS; d++) {
    // Each district's order may be a transaction of its own (clause 2.7.4.2).
    await connection.query("BEGIN");
    const [oldest] = await rows(
      connection,
      "SELECT no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = ? ORDER BY no_o_id LIMIT 1 FOR UPDATE",
      [home, d],
    );
    if (oldest !== undefined) {
      const key = [home, d, oldest["no_o_id"]];
      const lines = "WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";
      const order = "WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?";
      await connection.query("DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = ?", key);
      const { o_c_id: c } = await one(connection, `SELECT o_c_id FROM orders ${order}`, key);
      await connection.query(`UPDATE orders SET o_carrier_id = ? ${order}`, [carrier, ...key]);
      await connection.query(`UPDATE order_line SET ol_delivery_d = NOW() ${lines}`, key);
      const { total } = await one(connection, `SELECT SUM(ol_amount) AS total FROM order_line ${lines}`, key);
      await connection.query(
        "UPDATE customer SET c_balance = c_balance + ?, c_delivery_cnt = c_delivery_cnt + 1 " +
          "WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?",
        [total, home, d, c],
      );
    }
    await connection.query("COMMIT");
  }
  return true;
}

async function stockLevel({ connection, random, home }: Terminal): Promise<boolean> {
  const d = random.between(1, DISTRICTS);
  const threshold = random.between(10, 20);
  await connection.query("START TRANSACTION READ ONLY");
  const { d_next_o_id: next } = await one(
    connection,
    "SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?",
    [home, d],
  );
  await one(
    connection,
    "SELECT COUNT(DISTINCT s_i_id) AS low FROM order_line, stock WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id < ? " +
      "AND ol_o_id >= ? AND s_w_id = ? AND s_i_id = ol_i_id AND s_quantity < ?",
    [home, d, next, Number(next) - 20, home, threshold],
  );
  await connection.query("COMMIT");
  return true;
}

/** Six of ten are found by their last name: the one in the middle. */
async function anyCustomer({ connection, random }: Terminal, w: number, d: number): Promise<number> {
  if (!random.chance(0.6)) return random.customer();
  const found = await rows(
    connection,
    "SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? ORDER BY c_first",
    [w, d, random.name()],
  );
  return found.length === 0 ? random.customer() : Number(found[Math.floor((found.length - 1) / 2)]?.["c_id"]);
}

function other({ random, scale, home }: Terminal): number {
  if (scale.warehouses === 1) return home;
  return 1 + ((home + random.between(0, scale.warehouses - 2)) % scale.warehouses);
}

async function rows(connection: Connection, sql: string, values: (string | number | null)[]): Promise<RowDataPacket[]> {
  return (await connection.query<RowDataPacket[]>(sql, values))[0];
}

async function one(connection: Connection, sql: string, values: (string | number | null)[]): Promise<RowDataPacket> {
  const [row] = await rows(connection, sql, values);
  if (row === undefined) throw new Error(`no row: ${sql} ${JSON.stringify(values)}`);
  return row;
}
