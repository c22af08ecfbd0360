// Makes one mariadbd follow another by GTID, so that a local cluster has real replicas. The replica starts from the same
// empty data directory as its primary and reads the primary's binary log from the beginning.
// https://mariadb.com/kb/en/gtid/

import { ShardgateError } from "../base/errors.ts";
import { delay } from "./process.ts";
import { type ServerConnection, withServer } from "./server-connection.ts";

export interface ReplicationPeer {
  readonly socketPath: string;
  readonly port: number;
}

const USER = "shardgate_replication";

/** Lets replicas on this machine read the binary log of `primary`. */
export async function allowReplication(primary: ReplicationPeer): Promise<void> {
  await withServer(primary.socketPath, async (server) => {
    await server.run(`CREATE USER IF NOT EXISTS '${USER}'@'127.0.0.1'`);
    await server.run(`GRANT REPLICATION SLAVE ON *.* TO '${USER}'@'127.0.0.1'`);
  });
}

/** Points `replica` at `primary` and starts it. May be called again, with another port of the primary. */
export async function followPrimary(replica: ReplicationPeer, primary: ReplicationPeer): Promise<void> {
  await withServer(replica.socketPath, async (server) => {
    await server.run("STOP SLAVE");
    await server.run(
      `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, MASTER_USER='${USER}',
       MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1`,
    );
    await server.run("START SLAVE");
  });
}

/** Resolves when `replica` has applied all that `primary` had when this was called. */
export async function untilCaughtUp(
  replica: ReplicationPeer,
  primary: ReplicationPeer,
  deadlineMs: number,
): Promise<void> {
  const position = await withServer(primary.socketPath, (server) => server.value("SELECT @@gtid_binlog_pos"));
  await withServer(replica.socketPath, async (server) => {
    const startMs = performance.now();
    for (;;) {
      const behind = await server.value(`SELECT MASTER_GTID_WAIT('${position}', 1)`);
      if (behind === "0") return;
      const problem = await slaveError(server);
      if (problem !== undefined || performance.now() - startMs > deadlineMs) {
        throw new ShardgateError(
          "CONFIG_BAD",
          `the replica on port ${replica.port} does not follow port ${primary.port}: ${problem ?? "it is too slow"}`,
        );
      }
      await delay(50);
    }
  });
}

async function slaveError(server: ServerConnection): Promise<string | undefined> {
  const status = await server.row("SHOW SLAVE STATUS");
  const message = status?.["Last_SQL_Error"] || status?.["Last_IO_Error"];
  return message === undefined || message === "" ? undefined : message;
}
