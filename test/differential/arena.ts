// The servers of a differential run: one Shardgate cluster with the sharded keyspace once for each number of shards, and one
// plain MariaDB with the same databases. The plain server has the tables a third time without keys and with the rows in
// another order: an answer that already differs between those two depends on how MariaDB goes about it, not on who answers.

import { startCluster, startMysqld, type TestKeyspace } from "../fixture/cluster.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { must, type Outcome, TwinClient } from "../e2e/twin.ts";
import { otherPlans } from "./other-plans.ts";

/** A database of the test: tables, VSchema, and rows by table. */
export interface ArenaSchema {
  /** Names of the sharded and the unsharded keyspace as statements have them. */
  readonly sharded: string;
  readonly unsharded: string;
  readonly sql: { readonly sharded: string; readonly unsharded: string };
  readonly vschema: { readonly sharded: object; readonly unsharded: object };
  /** Tables of the unsharded keyspace; the others are sharded or reference. */
  readonly unshardedTables: readonly string[];
  readonly referenceTables: readonly string[];
  /** INSERT statements by table. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

export interface Answers {
  readonly gateway: Outcome;
  readonly plain: Outcome;
}

export interface Arena {
  readonly cluster: Cluster;
  readonly plain: Mysqld;
  readonly lanes: readonly Lane[];
  stop(): Promise<void>;
}

/** Both servers with a session each, on the keyspace of one number of shards. */
export class Lane {
  readonly shards: number;
  readonly #schema: ArenaSchema;
  readonly #gatewayPort: number;
  readonly #plainPort: number;
  readonly #directives: string;
  readonly #session: readonly string[];
  #gateway: TwinClient | undefined;
  #plain: TwinClient | undefined;
  #control: TwinClient | undefined;
  #foundRows = false;

  /** `directives`: a comment before each statement for the gateway; `session`: statements that every session begins with. */
  constructor(
    shards: number,
    schema: ArenaSchema,
    gatewayPort: number,
    plainPort: number,
    directives: string,
    session: readonly string[],
  ) {
    this.shards = shards;
    this.#session = session;
    this.#directives = directives;
    this.#schema = schema;
    this.#gatewayPort = gatewayPort;
    this.#plainPort = plainPort;
  }

  get keyspace(): string {
    return keyspaceOf(this.#schema, this.shards);
  }

  /** Whether clients count the rows that an UPDATE finds, changed or not. */
  set foundRows(foundRows: boolean) {
    if (this.#foundRows === foundRows) return;
    this.close();
    this.#foundRows = foundRows;
  }

  /** The statement with this lane's keyspace for the schema's. */
  named(sql: string): string {
    return renamed(sql, this.#schema.sharded, this.keyspace);
  }

  async ask(sql: string): Promise<Answers> {
    const text = this.named(sql);
    const { gateway, plain } = await this.#clients();
    const [got, wanted] = await Promise.all([
      answerOf("Shardgate", gateway.query(this.#directives + text)),
      answerOf("MariaDB", plain.query(text)),
    ]);
    return { gateway: got, plain: wanted };
  }

  /** The statement prepared with parameters for its values, and executed once. */
  async askPrepared(sql: string): Promise<Answers> {
    const { gateway, plain } = await this.#clients();
    const statement = parameterized(this.named(sql));
    const [got, wanted] = await Promise.all([
      answerOf("Shardgate", gateway.execute(this.#directives + statement.sql, statement.values)),
      answerOf("MariaDB", plain.execute(statement.sql, statement.values)),
    ]);
    return { gateway: got, plain: wanted };
  }

  async askGateway(sql: string): Promise<Outcome> {
    return (await this.#clients()).gateway.query(this.#directives + this.named(sql));
  }

  async askPlain(sql: string): Promise<Outcome> {
    return (await this.#clients()).plain.query(this.named(sql));
  }

  /** The plain server's answer from tables without keys, their rows in another order. */
  async askControl(sql: string): Promise<Outcome> {
    this.#control ??= await this.#connect(this.#plainPort, controlOf(this.#schema.sharded));
    const { sharded, unsharded } = this.#schema;
    return this.#control.query(renamed(renamed(sql, sharded, controlOf(sharded)), unsharded, controlOf(unsharded)));
  }

  /** What the plain server answers by other plans (other-plans.ts), also from the tables without keys. */
  async *askByOtherPlans(sql: string): AsyncGenerator<Outcome> {
    yield await this.askControl(sql);
    const { plain } = await this.#clients();
    try {
      for (const plan of otherPlans(this.named(sql))) {
        await must(plain, plan.settings);
        yield await plain.query(plan.sql);
      }
    } finally {
      await must(plain, "SET optimizer_switch=DEFAULT");
    }
  }

  /** After a connection broke: the next statement opens new ones. */
  close(): void {
    for (const client of [this.#gateway, this.#plain, this.#control]) client?.close();
    this.#gateway = undefined;
    this.#plain = undefined;
    this.#control = undefined;
  }

  async #clients(): Promise<{ readonly gateway: TwinClient; readonly plain: TwinClient }> {
    this.#gateway ??= await this.#connect(this.#gatewayPort, this.keyspace);
    this.#plain ??= await this.#connect(this.#plainPort, this.keyspace);
    return { gateway: this.#gateway, plain: this.#plain };
  }

  async #connect(port: number, database: string): Promise<TwinClient> {
    const client = await TwinClient.connect(port, { foundRows: this.#foundRows });
    await must(client, `USE ${database}`);
    for (const statement of this.#session) await must(client, statement);
    return client;
  }
}

/** Plain whole numbers and texts as parameters. */
function parameterized(sql: string): { readonly sql: string; readonly values: readonly (bigint | string)[] } {
  const values: (bigint | string)[] = [];
  // b'1' and x'00' are no texts.
  const literals = /\b[bx]'[^']*'|'([^'\\]*)'(?!')|(?<![\w.'@+-])\d+(?![\w.'])/g;
  const text = sql.replace(literals, (literal, inside: string | undefined) => {
    if (/^[bx]/.test(literal)) return literal;
    values.push(inside ?? BigInt(literal));
    return "?";
  });
  return { sql: text, values };
}

export async function startArena(
  schema: ArenaSchema,
  shardCounts: readonly number[],
  directives = "",
  session: readonly string[] = [],
): Promise<Arena> {
  const keyspaces: Record<string, TestKeyspace> = {
    [schema.unsharded]: { sql: schema.sql.unsharded, vschema: schema.vschema.unsharded },
  };
  for (const shards of shardCounts) {
    keyspaces[keyspaceOf(schema, shards)] = { shards, sql: schema.sql.sharded, vschema: schema.vschema.sharded };
  }
  const [cluster, plain] = await Promise.all([startCluster({ keyspaces }), startMysqld()]);
  const stop = async (): Promise<void> => {
    await Promise.all([cluster.stop(), plain.stop()]);
  };
  try {
    await Promise.all([fillPlain(schema, shardCounts, plain.port), fillCluster(schema, shardCounts, cluster)]);
  } catch (error) {
    await stop();
    throw error;
  }
  const lanes = shardCounts.map((shards) => new Lane(shards, schema, cluster.port, plain.port, directives, session));
  return {
    cluster,
    plain,
    lanes,
    async stop() {
      for (const lane of lanes) lane.close();
      await stop();
    },
  };
}

const WAIT_MS = 60_000;

/** Throws who did not answer. */
async function answerOf(who: string, answer: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${WAIT_MS / 1000} s`)), WAIT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw new Error(`${who}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function keyspaceOf(schema: ArenaSchema, shards: number): string {
  return `${schema.sharded}${shards}`;
}

function controlOf(database: string): string {
  return `${database}_control`;
}

function renamed(sql: string, from: string, to: string): string {
  return sql.replace(new RegExp(`\\b${from}\\b`, "g"), to);
}

async function fillCluster(schema: ArenaSchema, shardCounts: readonly number[], cluster: Cluster): Promise<void> {
  const client = await TwinClient.connect(cluster.port);
  for (const [table, inserts] of schema.rows) {
    const isUnsharded = schema.unshardedTables.includes(table);
    for (const shards of isUnsharded ? [0] : shardCounts) {
      const keyspace = shards === 0 ? schema.unsharded : keyspaceOf(schema, shards);
      if (schema.referenceTables.includes(table)) {
        const ports = cluster.processes().filter((each) => each.kind === "mysqld" && each.keyspace === keyspace);
        for (const { port } of ports) await fill(port, keyspace, inserts);
        continue;
      }
      await must(client, `USE ${keyspace}`);
      for (const insert of inserts) await must(client, insert);
    }
  }
  client.close();
}

async function fill(port: number, database: string, statements: readonly string[]): Promise<void> {
  const client = await TwinClient.connect(port);
  await must(client, `USE ${database}`);
  for (const statement of statements) await must(client, statement);
  client.close();
}

async function fillPlain(schema: ArenaSchema, shardCounts: readonly number[], port: number): Promise<void> {
  const client = await TwinClient.connect(port);
  const make = async (database: string, sql: string, tables: readonly string[]): Promise<void> => {
    await must(client, `CREATE DATABASE ${database}`);
    await must(client, `USE ${database}`);
    for (const statement of sql.split(";")) if (statement.trim() !== "") await must(client, statement);
    for (const table of tables) for (const insert of schema.rows.get(table) ?? []) await must(client, insert);
  };
  const { unshardedTables } = schema;
  const shardedTables = [...schema.rows.keys()].filter((table) => !unshardedTables.includes(table));
  await make(schema.unsharded, schema.sql.unsharded, unshardedTables);
  for (const shards of shardCounts) await make(keyspaceOf(schema, shards), schema.sql.sharded, shardedTables);
  await makeControl(client, schema.unsharded, schema.sql.unsharded, schema.unsharded);
  const [first] = shardCounts;
  if (first !== undefined) await makeControl(client, schema.sharded, schema.sql.sharded, keyspaceOf(schema, first));
  client.close();
}

/** The same columns and rows; no keys, and the rows upside down. */
async function makeControl(client: TwinClient, name: string, sql: string, from: string): Promise<void> {
  const database = controlOf(name);
  await must(client, `CREATE DATABASE ${database}`);
  await must(client, `USE ${database}`);
  for (const statement of sql.split(";")) {
    const table = /CREATE TABLE (\w+)/.exec(statement)?.[1];
    if (table === undefined) {
      if (statement.trim() !== "") await must(client, statement);
    } else {
      await must(client, `CREATE TABLE ${table} AS SELECT * FROM ${from}.${table} ORDER BY 2 DESC, 1 DESC`);
    }
  }
}
