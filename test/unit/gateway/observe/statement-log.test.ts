import { expect, test } from "vitest";
import { MysqlError, ShardgateError } from "../../../../src/base/errors.ts";
import { LIMITS } from "../../../../src/base/limits.ts";
import { type Log, type LogLevel, LogThreshold } from "../../../../src/base/log.ts";
import { QueryStats } from "../../../../src/gateway/observe/query-stats.ts";
import { type AnsweredStatement, StatementLog } from "../../../../src/gateway/observe/statement-log.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

interface Bed {
  readonly log: StatementLog;
  readonly lines: readonly Line[];
  readonly threshold: LogThreshold;
  nowMs: number;
}

function bed(showsLiterals: boolean): Bed {
  const lines: Line[] = [];
  const threshold = new LogThreshold("info");
  const say = (level: LogLevel) => (fields: object, message: string) => {
    if (threshold.lets(level)) lines.push({ level, message, fields: { ...fields } });
  };
  const sink: Log = {
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    child: () => sink,
    threshold,
  };
  const made: Bed = {
    log: new StatementLog({
      slowMs: 100,
      showsLiterals,
      clock: { nowMs: () => made.nowMs, wallMs: () => 0, after: () => ({ cancel() {} }) },
      log: sink,
    }),
    lines,
    threshold,
    nowMs: 0,
  };
  return made;
}

function statement(error: ShardgateError | MysqlError | undefined): AnsweredStatement {
  const digest = new QueryStats(0).digestOf("ks", "select", "SELECT a FROM t WHERE b=:v1", 0);
  const target = { keyspace: "ks", shard: "-80", tabletType: "primary" } as const;
  const targets = [target, { ...target, shard: "80-", tabletType: "replica" as const }];
  return {
    connectionId: 7,
    user: "ann",
    digest,
    last: { digest, tier: "merge", errno: error?.errno ?? 0, error, rows: 3, targets },
    ms: 12.4,
    sql: Buffer.from("SELECT a FROM t WHERE b='secret'"),
    traceId: "0af7651916cd43dd8448eb211c80319c",
  };
}

const DUPLICATE = new MysqlError(1062, "23000", "Duplicate entry 'secret' for key 'a'");
const AWAY = new ShardgateError("SHARD_UNAVAILABLE", "shard ks:-80 is not available now");

test("a line names connection, user, keyspace, shards, errno and trace", () => {
  const { log, lines } = bed(false);
  log.failed(statement(DUPLICATE));
  log.failed(statement(AWAY));
  log.slow(statement(undefined));
  expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "info statement failed",
    "warn statement failed",
    "warn slow query",
  ]);
  expect(lines[0]?.fields).toEqual({
    connection: 7,
    user: "ann",
    keyspace: "ks",
    shards: ["ks/-80", "ks/80-@replica"],
    type: "select",
    tier: "merge",
    ms: 12,
    rows: 3,
    errno: 1062,
    statement: "SELECT a FROM t WHERE b=:v1",
    trace: "0af7651916cd43dd8448eb211c80319c",
  });
  expect(lines[1]?.fields["error"]).toBe("shard ks:-80 is not available now");
});

test("literals stand there only where they are asked for", () => {
  const [closed, open] = [bed(false), bed(true)];
  for (const { log } of [closed, open]) log.failed(statement(DUPLICATE));
  expect(JSON.stringify(closed.lines)).not.toContain("secret");
  expect(open.lines[0]?.fields).toMatchObject({
    statement: "SELECT a FROM t WHERE b='secret'",
    error: "Duplicate entry 'secret' for key 'a'",
  });
});

test("a second has room for so many; how many there were more is told afterwards", () => {
  const made = bed(false);
  const max = LIMITS.statementLinesPerSecondMax;
  for (let i = 0; i < max + 5; i++) made.log.failed(statement(DUPLICATE));
  expect(made.lines).toHaveLength(max);
  made.nowMs = 1_000;
  made.log.failed(statement(DUPLICATE));
  expect(made.lines).toHaveLength(max + 1);
  expect(made.lines.at(-1)?.fields).toMatchObject({ leftOut: 5 });
});

test("what is not logged takes no room", () => {
  const made = bed(false);
  made.threshold.level = "warn";
  for (let i = 0; i < 100; i++) made.log.failed(statement(DUPLICATE));
  expect(made.lines).toEqual([]);
  made.log.failed(statement(AWAY));
  expect(made.lines).toHaveLength(1);
});
