// The rules a gateway follows: bad ones leave those of before, decisions are kept by text and kind of client, buckets fill
// with the clock and stay few.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../../src/base/limits.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { OrderedHolds } from "../../../../src/gateway/session/ordered-holds.ts";
import { type KeyspaceFinder, QueryRules, ruleRows } from "../../../../src/gateway/rules/query-rules.ts";
import { RateLimit } from "../../../../src/gateway/rules/rate-limit.ts";
import { SessionState } from "../../../../src/gateway/session/session-state.ts";
import { defaultUsers, type User } from "../../../../src/gateway/access/users.ts";
import { normalize } from "../../../../src/sql/normalize.ts";
import { queryRulesCodec } from "../../../../src/topo/records.ts";

let nowMs = 1_000;
const clock = { nowMs: () => nowMs, wallMs: () => nowMs, after: () => ({ cancel: () => undefined }) };
const FINDER: KeyspaceFinder = { version: 1, keyspaceOf: () => undefined };

function followed(rules: QueryRules, ...list: object[]): QueryRules {
  rules.follow({ queryRules: { text: queryRulesCodec.encode(list), revision: ++nowMs } });
  return rules;
}

function session(user: string, source: string): SessionState {
  const [root] = defaultUsers().values();
  if (root === undefined) throw new Error("no user");
  const account: User = { ...root, user };
  // Its connections are never used.
  const holds = Object.create(OrderedHolds.prototype) as OrderedHolds;
  return new SessionState(1, account, source, false, holds, "mariadb");
}

function applied(rules: QueryRules, state: SessionState, sql: string, finder = FINDER): string {
  const text = Buffer.from(sql);
  const decision = rules.current?.decide(state, text, normalize(text, state.sqlMode), finder);
  return (decision?.applied ?? []).map(({ rule }) => rule.name).join();
}

describe("following", () => {
  test("nothing, good ones, bad ones, none", () => {
    const rules = new QueryRules(clock, silentLog);
    rules.follow({ queryRules: undefined });
    expect(rules.current).toBe(undefined);
    followed(rules, { name: "one" }, { name: "off", enabled: false });
    expect(rules.all.map(({ rule }) => rule.name)).toEqual(["one", "off"]);
    const { current } = rules;
    for (const text of ["{", '{"version":1,"rules":{}}', '{"version":1,"rules":[{"name":"two","mach":{}}]}']) {
      rules.follow({ queryRules: { text, revision: ++nowMs } });
      expect(rules.current).toBe(current);
      expect(rules.problem).toBeDefined();
    }
    expect(ruleRows(rules)[0]).toMatchObject({
      rule: "(bad rules in the topology)",
      comment: 'rule two.mach: unknown field; did you mean "match"?',
    });
    followed(rules, { name: "off", enabled: false });
    expect(rules.current).toBe(undefined);
    expect(rules.problem).toBe(undefined);
  });

  test("counts go on, and buckets too unless the limit changes", () => {
    const rules = followed(new QueryRules(clock, silentLog), { name: "a", action: { limit: { per_second: 1 } } });
    const [before] = rules.all;
    if (before === undefined) throw new Error("no rule");
    before.counts.hits = 7;
    followed(rules, { name: "new" }, { name: "a", priority: 1, action: { limit: { per_second: 1 } } });
    expect(rules.all[0]?.counts.hits).toBe(7);
    expect(rules.all[0]?.limit).toBe(before.limit);
    followed(rules, { name: "a", action: { limit: { per_second: 2 } } });
    expect(rules.all[0]?.limit).not.toBe(before.limit);
  });
});

test("clients that the same rules are for share their decisions; others, and other selections, do not", () => {
  const rules = followed(
    new QueryRules(clock, silentLog),
    { name: "app", continue: true, match: { user: "app*" } },
    { name: "near", continue: true, match: { source: "10.0.0.0/8" } },
    { name: "ks", continue: true, match: { keyspace: "ks" } },
  );
  const [one, two, far] = [session("app1", "10.0.0.1"), session("app2", "10.9.9.9"), session("app1", "192.0.2.1")];
  const text = Buffer.from("select 1");
  const decide = (state: SessionState): unknown =>
    rules.current?.decide(state, text, normalize(text, state.sqlMode), FINDER);
  expect(applied(rules, one, "select 1")).toBe("app,near");
  expect(decide(two)).toBe(decide(one));
  expect(decide(far)).not.toBe(decide(one));
  expect(applied(rules, far, "select 1")).toBe("app");
  one.target = { keyspace: "ks", shard: undefined, tabletType: "primary", text: "ks" };
  expect(applied(rules, one, "select 1")).toBe("app,near,ks");
  expect(applied(rules, two, "select 1")).toBe("app,near");
  // Literals do not count, texts do.
  expect(applied(rules, two, "select * from ks.t where id = 1")).toBe("app,near,ks");
  // Where tables are found changes with the cluster.
  const found = { version: 2, keyspaceOf: () => "ks" };
  expect(applied(rules, two, "select * from t")).toBe("app,near");
  expect(applied(rules, two, "select * from t", found)).toBe("app,near,ks");
});

describe("limits", () => {
  const ACTION = { perSecond: 10, burst: 2, per: "user", onExcess: "error", delayMaxMs: 250 } as const;

  test("a burst, then as the bucket fills", () => {
    const limit = new RateLimit(ACTION, clock);
    expect([limit.take("a"), limit.take("a"), limit.take("a"), limit.take("b")]).toEqual([0, 0, undefined, 0]);
    nowMs += 99;
    expect(limit.take("a")).toBe(undefined);
    nowMs += 1;
    expect([limit.take("a"), limit.take("a")]).toEqual([0, undefined]);
    nowMs += 60_000;
    expect([limit.take("a"), limit.take("a"), limit.take("a")]).toEqual([0, 0, undefined]);
  });

  test("who waits has its turn behind the others, and not too long", () => {
    const limit = new RateLimit({ ...ACTION, burst: 1, onExcess: "delay" }, clock);
    expect([limit.take("a"), limit.take("a"), limit.take("a"), limit.take("a")]).toEqual([0, 100, 200, undefined]);
    nowMs += 100;
    expect(limit.take("a")).toBeCloseTo(200);
  });

  test("buckets stay few, full ones go first", () => {
    const limit = new RateLimit(ACTION, clock);
    for (let n = 0; n < LIMITS.ruleBucketsMax; n++) limit.take(`old${n}`);
    nowMs += 10_000;
    limit.take("new");
    expect(limit.size).toBe(1);
    for (let n = 0; n < LIMITS.ruleBucketsMax + 10; n++) limit.take(`more${n}`);
    expect(limit.size).toBe(LIMITS.ruleBucketsMax);
  });
});
