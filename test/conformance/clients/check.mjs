// What every Node script of the conformance matrix shares: the server to speak to, from the environment, and checks that
// print one JSON line each. Knows no driver.

import { deepStrictEqual } from "node:assert";

/** The server, user and database to use. */
export const target = {
  host: process.env.CONFORMANCE_HOST,
  port: Number(process.env.CONFORMANCE_PORT),
  user: process.env.CONFORMANCE_USER,
  password: process.env.CONFORMANCE_PASSWORD,
  database: process.env.CONFORMANCE_DATABASE,
};

/** How long one check may take before it counts as failed. */
const CHECK_MS_MAX = 20_000;

/** Says which version of the client runs. */
export function client(version) {
  print({ version });
}

/** Runs a check. What `body` resolves with is compared between the servers; what it throws makes the check fail. */
export async function check(group, name, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), CHECK_MS_MAX);
  });
  try {
    const seen = await Promise.race([body(), late]);
    print({ group, check: name, ok: true, ...(seen === undefined ? {} : { seen }) });
  } catch (error) {
    print({ group, check: name, ok: false, detail: detailOf(error) });
  } finally {
    clearTimeout(timer);
  }
}

/** Throws unless both are deeply equal. */
export function equal(actual, expected) {
  try {
    deepStrictEqual(plain(actual), plain(expected));
  } catch {
    throw new Error(`got ${shown(actual)}, expected ${shown(expected)}`);
  }
}

/** Throws unless `body` fails with this error number; resolves with the error. */
export async function fails(errno, body) {
  let outcome;
  try {
    outcome = await body();
  } catch (error) {
    const found = errnoOf(error);
    if (found !== errno) throw new Error(`expected error ${errno}, got ${detailOf(error)}`);
    return error;
  }
  throw new Error(`expected error ${errno}, got ${shown(outcome)}`);
}

/** The number of a server's error, wherever a library has put it. */
export function errnoOf(error) {
  for (let at = error; at !== undefined && at !== null; at = at.cause ?? at.parent ?? at.driverError) {
    if (typeof at.errno === "number" && at.errno > 0) return at.errno;
  }
  return undefined;
}

/** Ends the script; what a library still holds open does not keep it. */
export function finish() {
  process.stdout.write("", () => process.exit(0));
}

export const AUTHORS = `CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))`;

export const BOOKS = `CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))`;

export const SAMPLES = `CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)`;

/** One row of literals for `samples`, without its id. */
export const SAMPLE = `-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE`;

function print(line) {
  process.stdout.write(
    `${JSON.stringify(line, (_, value) => (typeof value === "bigint" ? value.toString() : value))}\n`,
  );
}

function plain(value) {
  if (Buffer.isBuffer(value) || value instanceof Date || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return Array.from(value, plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function shown(value) {
  const text = JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner)) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function detailOf(error) {
  const number = errnoOf(error);
  let inner = error;
  while (inner?.cause instanceof Error) inner = inner.cause;
  const text = String(inner?.sqlMessage ?? inner?.message ?? inner);
  return number === undefined || text.includes(String(number)) ? text : `${number}: ${text}`;
}
