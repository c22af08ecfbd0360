// npm run differential -- --dml: random writes on clusters of several sizes and on one MariaDB. After each statement the
// answers are compared (counts, insert id, info text, warnings, errno), what the session is told of it afterwards, and every
// table's rows; now and then, and at the end, whether the lookup tables say of each row where it is, and nothing else.
// Every second seed has a client that counts found rows, and a part of the statements is prepared.

import { createVindex } from "../../../src/vschema/create-vindex.ts";
import { type Random, randomOf } from "../../fuzz/random.ts";
import type { Outcome } from "../../e2e/twin.ts";
import type { Lane } from "../arena.ts";
import { DML_ROWS, DML_TABLES } from "./schema.ts";
import { dmlStatement, transactionStatement } from "./statements.ts";

export interface DmlAccount {
  statements: number;
  /** Of both, with the same errno. */
  errors: number;
  /** Rows that the writes have affected. */
  affected: number;
  readonly refused: string[];
  readonly failures: string[];
}

const LOOKUPS_EVERY = 20;

/** Runs `count` steps of a seed on the lane. `tell` hears of each failure. */
export async function runDml(
  lane: Lane,
  seed: number,
  count: number,
  tell: (failure: string) => void,
): Promise<DmlAccount> {
  const account: DmlAccount = { statements: 0, errors: 0, affected: 0, refused: [], failures: [] };
  const random = randomOf(seed);
  lane.foundRows = seed % 2 === 1;
  await reset(lane);
  for (let step = 0; step < count; step++) {
    const failure = await runStep(lane, random, account, step);
    if (failure === undefined) continue;
    const text = `-- ${lane.shards} shards, seed ${seed}, step ${step}\n${failure}`;
    account.failures.push(text);
    tell(text);
    await reset(lane);
  }
  await lane.ask("COMMIT");
  const drifted = await lookupFaults(lane);
  if (drifted.length > 0) account.failures.push(`lookup tables: ${drifted.join("; ")}`);
  return account;
}

async function reset(lane: Lane): Promise<void> {
  await lane.ask("ROLLBACK");
  for (const sql of DML_ROWS) {
    const { gateway, plain } = await lane.ask(sql);
    for (const outcome of [gateway, plain]) {
      if (outcome.kind === "error") throw new Error(`${outcome.errno} ${outcome.message}: ${sql}`);
    }
  }
  await alignIds(lane);
}

/**
 * The next ids of `num` become alike on both servers, so that a difference that is told is not told again. They are never 1:
 * an id below 0 after a last one of exactly 1 makes MariaDB 10.11 leave out an id, unless its table handler is a new one.
 */
async function alignIds(lane: Lane): Promise<void> {
  const idOf = (outcome: Outcome): bigint => (outcome.kind === "ok" ? BigInt(outcome.insertId) : 0n);
  const insert = "INSERT INTO num (v) VALUES ('a'), ('b')";
  const { gateway, plain } = await lane.ask(insert);
  let got = idOf(gateway);
  let wanted = idOf(plain);
  for (let tries = 0; got !== wanted && tries < ALIGNED_MAX; tries++) {
    const one = "INSERT INTO num (v) VALUES ('a')";
    if (got < wanted) got = idOf(await lane.askGateway(one));
    else wanted = idOf(await lane.askPlain(one));
  }
  await lane.ask("DELETE FROM num");
  await lane.ask("DO LAST_INSERT_ID(0)");
}

const ALIGNED_MAX = 100;

async function runStep(lane: Lane, random: Random, account: DmlAccount, step: number): Promise<string | undefined> {
  const transaction = transactionStatement(random);
  const sql = dmlStatement(random);
  const isPrepared = random.chance(PREPARED_SHARE);
  if (transaction !== undefined) {
    const { gateway, plain } = await lane.ask(transaction);
    if (shown(gateway) !== shown(plain)) return different(transaction, gateway, plain);
  }
  const { gateway, plain } = await (isPrepared ? lane.askPrepared(sql) : lane.ask(sql));
  account.statements++;
  if (plain.kind === "error") account.errors++;
  if (plain.kind === "ok") account.affected += plain.affectedRows;
  if (gateway.kind === "error" && gateway.errno === 1235) {
    account.refused.push(`${sql}: ${gateway.message}`);
    // The plain server has done it.
    return `${sql}\n--   refused: ${gateway.message}`;
  }
  const how = isPrepared ? `/* prepared */ ${sql}` : sql;
  const seen = /^UPDATE|\bSELECT\b/.test(sql) ? withoutRow : (text: string): string => text;
  if (seen(shown(gateway)) !== seen(shown(plain))) {
    const warned = await lane.ask("SHOW WARNINGS");
    return `${different(how, gateway, plain)}\n${different("--   of these", warned.gateway, warned.plain)}`;
  }
  // To 1048 of a single row MariaDB adds "Unknown error".
  const isQuiet = gateway.kind === "rows" || (gateway.kind === "error" && gateway.errno === ER_BAD_NULL);
  const afterwards = isQuiet ? undefined : AFTERWARDS[step % AFTERWARDS.length];
  if (afterwards !== undefined) {
    const after = await lane.ask(afterwards);
    const tell = plain.kind === "error" ? errorsOf : shown;
    if (seen(tell(after.gateway)) !== seen(tell(after.plain))) {
      return different(`${how}; ${afterwards}`, after.gateway, after.plain);
    }
  }
  for (const [table, order] of DML_TABLES) {
    const rows = await lane.ask(`SELECT * FROM ${table} ORDER BY ${order}`);
    const different = firstDifference(rows.gateway, rows.plain);
    if (different !== undefined) return `${how}\n--   ${told(plain)}\n--   table ${table}: ${different}`;
  }
  if (step % LOOKUPS_EVERY !== LOOKUPS_EVERY - 1) return undefined;
  await lane.ask("COMMIT");
  const faults = await lookupFaults(lane);
  return faults.length === 0 ? undefined : `${sql}\n--   lookup tables: ${faults.join("; ")}`;
}

const ER_BAD_NULL = 1048;
const PREPARED_SHARE = 0.25;
const AFTERWARDS = ["SELECT ROW_COUNT(), LAST_INSERT_ID(), @@warning_count", "SHOW WARNINGS"] as const;

function different(sql: string, gateway: Outcome, plain: Outcome): string {
  return `${sql}\n--   shardgate: ${told(gateway)}\n--   mariadb:   ${told(plain)}`;
}

/** What both have to say alike. Rows without an order, warnings among them, come as the shards have them. */
function shown(outcome: Outcome): string {
  switch (outcome.kind) {
    case "rows":
      return outcome.rows.map(withoutEntry).toSorted().join("\n");
    case "ok":
      return `${outcome.affectedRows} ${outcome.insertId} ${outcome.info} ${outcome.warnings}`;
    case "error":
      // Which of several rows is told of depends on the order in which a query gives them.
      return `${outcome.errno} ${outcome.sqlState} ${outcome.errno === ER_DUP_ENTRY ? "" : outcome.message}`;
  }
}

/** Of SHOW WARNINGS: as of the error itself. */
function withoutEntry(row: string): string {
  return row.startsWith(DUP_ENTRY) ? DUP_ENTRY : row;
}

/** What counts rows in the order in which it comes upon them. */
function withoutRow(text: string): string {
  return text.replace(/ at row \d+/g, "");
}

/** Of a statement that failed: what it met besides its error is left out. */
function errorsOf(outcome: Outcome): string {
  if (outcome.kind !== "rows") return shown(outcome);
  const first = outcome.rows.find((row) => row.startsWith("Error|") || row.startsWith("-1|"));
  return first === undefined ? "" : withoutEntry(first.replace(/^(-1\|\d+)\|\d+$/, "$1"));
}

const ER_DUP_ENTRY = 1062;
const DUP_ENTRY = `Error|${ER_DUP_ENTRY}|`;

function told(outcome: Outcome): string {
  return outcome.kind === "error" ? `error ${outcome.errno} ${outcome.message}` : `${outcome.kind} ${shown(outcome)}`;
}

function firstDifference(got: Outcome, wanted: Outcome): string | undefined {
  if (got.kind !== "rows" || wanted.kind !== "rows") return `${told(got)} instead of ${told(wanted)}`;
  for (let at = 0; at < Math.max(got.rows.length, wanted.rows.length); at++) {
    if (got.rows[at] !== wanted.rows[at]) return `row ${at}: ${got.rows[at]} instead of ${wanted.rows[at]}`;
  }
  return undefined;
}

/** Rows that a lookup table does not lead to, and lookup rows that lead to none. */
async function lookupFaults(lane: Lane): Promise<string[]> {
  const faults: string[] = [];
  const compare = async (name: string, owner: string, lookup: string): Promise<void> => {
    const wanted = new Set(rowsOf(await lane.askGateway(owner)).map((row) => withKeyspaceId(row)));
    const found = new Set(rowsOf(await lane.askGateway(lookup)));
    for (const row of wanted) if (!found.has(row)) faults.push(`${name} lacks ${row}`);
    for (const row of found) if (!wanted.has(row)) faults.push(`${name} has ${row}`);
  };
  const id = "HEX(keyspace_id)";
  await compare(
    "email_idx",
    "SELECT LOWER(email), id FROM acct WHERE email IS NOT NULL",
    `SELECT LOWER(email), ${id} FROM email_idx`,
  );
  await compare(
    "name_idx",
    "SELECT name, id, id FROM acct WHERE name IS NOT NULL",
    `SELECT name, id, ${id} FROM name_idx`,
  );
  await compare("note_idx", "SELECT note, aid FROM item WHERE note IS NOT NULL", `SELECT note, ${id} FROM note_idx`);
  const items = rowsOf(await lane.askGateway("SELECT id, aid FROM item")).toSorted();
  const kept = rowsOf(await lane.askGateway("SELECT id, kid FROM item_idx")).toSorted();
  if (items.join(" ") !== kept.join(" ")) faults.push(`item_idx has ${kept.join(" ")} for ${items.join(" ")}`);
  return faults;
}

function rowsOf(outcome: Outcome): readonly string[] {
  if (outcome.kind !== "rows") throw new Error(told(outcome));
  return outcome.rows;
}

const HASH = createVindex("hash", "hash", new Map(), "");

/** The row with its last value, a sharding key, as the keyspace id in hexadecimal digits. */
function withKeyspaceId(row: string): string {
  const at = row.lastIndexOf("|") + 1;
  const raw = Buffer.from(row.slice(at));
  const destination = HASH.kind === "single-column" ? HASH.map({ type: "INT64", raw }) : undefined;
  if (destination?.kind !== "keyspace-id") throw new Error(`no keyspace id for ${row}`);
  return row.slice(0, at) + destination.id.toString("hex").toUpperCase();
}
