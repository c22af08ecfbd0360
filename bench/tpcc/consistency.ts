// TPC-C's consistency conditions (clause 3.3.2), each a query that gives the rows that break it. The eleventh is about the
// first state of the database; with the deliveries since counted in it holds ever after.

import type { RowDataPacket } from "mysql2/promise";
import { connectTo, type Server } from "./load.ts";
import { deliveredAtFirst, type Scale } from "./schema.ts";

const DELIVERED =
  "(SELECT o_w_id AS w, o_d_id AS d, o_c_id AS c, SUM(ol_amount) AS amount FROM orders JOIN order_line " +
  "ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE ol_delivery_d IS NOT NULL " +
  "GROUP BY o_w_id, o_d_id, o_c_id)";
const PAID =
  "(SELECT h_c_w_id AS w, h_c_d_id AS d, h_c_id AS c, SUM(h_amount) AS amount FROM history " +
  "GROUP BY h_c_w_id, h_c_d_id, h_c_id)";

function conditions(scale: Scale): readonly string[] {
  return [
    "SELECT w_id FROM warehouse JOIN district ON d_w_id = w_id GROUP BY w_id, w_ytd HAVING w_ytd <> SUM(d_ytd)",
    "SELECT d_w_id, d_id FROM district " +
      "LEFT JOIN (SELECT o_w_id, o_d_id, MAX(o_id) AS last FROM orders GROUP BY o_w_id, o_d_id) AS o " +
      "ON o_w_id = d_w_id AND o_d_id = d_id " +
      "LEFT JOIN (SELECT no_w_id, no_d_id, MAX(no_o_id) AS last FROM new_order GROUP BY no_w_id, no_d_id) AS n " +
      "ON no_w_id = d_w_id AND no_d_id = d_id " +
      "WHERE NOT d_next_o_id - 1 <=> o.last OR n.last <> o.last",
    "SELECT no_w_id, no_d_id FROM new_order GROUP BY no_w_id, no_d_id HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)",
    "SELECT o_w_id, o_d_id FROM (SELECT o_w_id, o_d_id, SUM(o_ol_cnt) AS n FROM orders GROUP BY o_w_id, o_d_id) AS o " +
      "JOIN (SELECT ol_w_id, ol_d_id, COUNT(*) AS n FROM order_line GROUP BY ol_w_id, ol_d_id) AS ol " +
      "ON ol_w_id = o_w_id AND ol_d_id = o_d_id WHERE o.n <> ol.n",
    "SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN new_order " +
      "ON no_w_id = o_w_id AND no_d_id = o_d_id AND no_o_id = o_id WHERE (o_carrier_id IS NULL) <> (no_o_id IS NOT NULL)",
    "SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN (SELECT ol_w_id, ol_d_id, ol_o_id, COUNT(*) AS n " +
      "FROM order_line GROUP BY ol_w_id, ol_d_id, ol_o_id) AS ol " +
      "ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE NOT o_ol_cnt <=> n",
    "SELECT ol_w_id, ol_d_id, ol_o_id FROM order_line JOIN orders " +
      "ON o_w_id = ol_w_id AND o_d_id = ol_d_id AND o_id = ol_o_id WHERE (ol_delivery_d IS NULL) <> (o_carrier_id IS NULL)",
    "SELECT w_id FROM warehouse JOIN history ON h_w_id = w_id GROUP BY w_id, w_ytd HAVING w_ytd <> SUM(h_amount)",
    "SELECT d_w_id, d_id FROM district JOIN history ON h_w_id = d_w_id AND h_d_id = d_id " +
      "GROUP BY d_w_id, d_id, d_ytd HAVING d_ytd <> SUM(h_amount)",
    `SELECT c_w_id, c_d_id, c_id FROM customer LEFT JOIN ${DELIVERED} AS x ON x.w = c_w_id AND x.d = c_d_id AND x.c = c_id ` +
      `LEFT JOIN ${PAID} AS y ON y.w = c_w_id AND y.d = c_d_id AND y.c = c_id ` +
      "WHERE c_balance <> COALESCE(x.amount, 0) - COALESCE(y.amount, 0)",
    "SELECT o.w, o.d FROM (SELECT o_w_id AS w, o_d_id AS d, COUNT(*) AS n FROM orders GROUP BY o_w_id, o_d_id) AS o " +
      "JOIN (SELECT c_w_id AS w, c_d_id AS d, SUM(c_delivery_cnt) AS n FROM customer GROUP BY c_w_id, c_d_id) AS c " +
      "ON c.w = o.w AND c.d = o.d " +
      "LEFT JOIN (SELECT no_w_id AS w, no_d_id AS d, COUNT(*) AS n FROM new_order GROUP BY no_w_id, no_d_id) AS n " +
      `ON n.w = o.w AND n.d = o.d WHERE o.n - COALESCE(n.n, 0) <> ${deliveredAtFirst(scale)} + c.n`,
    `SELECT c_w_id, c_d_id, c_id FROM customer LEFT JOIN ${DELIVERED} AS x ON x.w = c_w_id AND x.d = c_d_id AND x.c = c_id ` +
      "WHERE c_balance + c_ytd_payment <> COALESCE(x.amount, 0)",
  ];
}

/** A line for each condition that does not hold, with the first rows that break it. */
export async function brokenConditions(server: Server, scale: Scale): Promise<readonly string[]> {
  const connection = await connectTo(server);
  try {
    const broken: string[] = [];
    for (const [i, sql] of conditions(scale).entries()) {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      if (rows.length > 0) broken.push(`condition ${i + 1}: ${rows.length} rows, ${JSON.stringify(rows.slice(0, 3))}`);
    }
    return broken;
  } finally {
    connection.destroy();
  }
}
