// SHOW STATUS: what the gateway counts of its clients (statements, bytes, connections) is its own; what servers count of
// their work is the sum over the servers of the selected keyspace, or one server's where a sum would mean nothing. A session
// has no counts of servers' work: its statements run on connections that it shares, so those rows are left out.

import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import type { Show } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { readTextResult, type TextResult } from "../read/text-rows.ts";
import { anyKeyspace } from "../session/any-keyspace.ts";

/** All rows of the statement's scope; its conditions are the caller's. */
export async function statusList(executor: Executor, { scope }: Show, cluster: ClusterView): Promise<ResultSet> {
  const { state } = executor;
  const isGlobal = scope === "global";
  const keyspace = anyKeyspace(state, cluster);
  const home = executor.shards.any(keyspace, cluster);
  // A session that is pointed at one shard sees that one.
  const { targets } = executor.shards.ofKeyspace(keyspace, cluster);
  const others = isGlobal && state.target.shard === undefined ? targets.filter((target) => target !== home) : [];
  const [shown, ...rest] = await Promise.all(
    [home, ...others].map((target) => listOf(executor, target, isGlobal ? "SHOW GLOBAL STATUS" : "SHOW STATUS")),
  );
  const more = rest.map(({ rows }) => new Map(rows.map(([name, value]) => [textOf(name), textOf(value)])));
  const own = ownValues(executor, isGlobal);
  const commands = (isGlobal ? executor.context.statementCounts : state.counts).byName;
  const rows = (shown?.rows ?? []).flatMap(([name = null, value = null]) => {
    const text = textOf(name);
    if (text.startsWith("Com_")) return [[name, String(commands.get(text) ?? 0)]];
    const known = own.get(text);
    if (known !== undefined) return [[name, known]];
    if (NOT_KNOWN.has(text) || (!isGlobal && OF_WORK.test(text))) return [];
    if (!OF_WORK.test(text)) return [[name, value]];
    const sum = more.reduce((total, values) => total + Number(values.get(text) ?? 0), Number(textOf(value)));
    return [[name, Number.isSafeInteger(sum) ? String(sum) : value]];
  });
  return { columns: shown?.columns ?? [], rows };
}

/** What servers count of the statements that they run. Only sums of these mean something. */
const OF_WORK =
  /^(Access_denied_errors|Binlog_(cache|stmt_cache)_.*|Busy_time|Column_.*|Cpu_time|Created_tmp_.*|Delete_scan|Empty_queries|Executed_.*|Feature_.*|Handler_.*|Innodb_rows_.*|Innodb_row_lock_(time|waits)|Max_statement_time_exceeded|Memory_used|Opened_.*|Rows_.*|Select_.*|Sort_.*|Subquery_.*|Syncs|Table_locks_.*|Table_open_cache_.*|Update_scan)$/;

/** What a server says of its own clients, which are gateways' connections, and gateways do not count. */
const NOT_KNOWN: ReadonlySet<string> = new Set([
  "Aborted_connects_preauth",
  "Last_query_cost",
  "Max_used_connections_time",
]);

function ownValues({ state, context }: Executor, isGlobal: boolean): ReadonlyMap<string, string> {
  const processes = context.processes();
  const totals = context.totals();
  const counts = isGlobal ? context.statementCounts : state.counts;
  const bytes = isGlobal ? totals : (state.bytes?.() ?? { received: 0, sent: 0 });
  const questions = String(counts.questions);
  return new Map([
    ["Aborted_clients", String(totals.aborted)],
    ["Aborted_connects", String(totals.refused + totals.unknown)],
    ["Bytes_received", String(bytes.received)],
    ["Bytes_sent", String(bytes.sent)],
    ["Compression", state.isCompressed ? "ON" : "OFF"],
    ["Connections", String(totals.accepted)],
    ["Max_used_connections", String(totals.most)],
    ["Prepared_stmt_count", String(totals.preparedStatements)],
    ["Queries", String(context.statementCounts.questions)],
    ["Questions", questions],
    ["Slow_queries", String(counts.slow)],
    ["Ssl_cipher", state.tls?.cipher ?? ""],
    ["Ssl_version", state.tls?.version ?? ""],
    ["Threads_connected", String(processes.length)],
    ["Threads_running", String(processes.filter(({ command }) => command !== "Sleep").length)],
    ["Uptime", String(totals.uptimeS)],
    ["Uptime_since_flush_status", String(totals.uptimeS)],
  ]);
}

async function listOf({ state, context, signal }: Executor, target: ShardTarget, sql: string): Promise<TextResult> {
  const request = { ...plainRequest(comQuery(sql)), settings: state.settings.ofGateway.sql };
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return readTextResult(reply.bytes);
}

function textOf(value: Buffer | null | undefined): string {
  return value?.toString("latin1") ?? "";
}
