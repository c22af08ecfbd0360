// The text of COM_STATISTICS (`mysqladmin status`, the last line of the client's `status`), as MariaDB writes it. What only
// servers count (slow queries, opened tables) is 0 here.

export interface ServerCounters {
  /** Commands that clients have sent since the gateway started. */
  questions: number;
}

export function statisticsText(uptimeS: number, threads: number, { questions }: ServerCounters): string {
  const perSecond = (questions / Math.max(1, uptimeS)).toFixed(3);
  return (
    `Uptime: ${uptimeS}  Threads: ${threads}  Questions: ${questions}  Slow queries: 0  Opens: 0  ` +
    `Open tables: 0  Queries per second avg: ${perSecond}`
  );
}
