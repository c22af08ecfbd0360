// Commands of the protocol that are a server's own affair, or nobody's: refused in the words in which MySQL refuses them to
// users without the privilege they take (1227), and 1047 for those that servers do not know any more, either.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { COM } from "../../mysql/constants.ts";

const ER_SPECIFIC_ACCESS_DENIED = 1227;

/** Privilege by command. Nobody has it here: these are for the servers behind. */
const PRIVILEGES: ReadonlyMap<number, string> = new Map([
  [COM.SHUTDOWN, "SHUTDOWN"],
  [COM.DEBUG, "SUPER"],
  [COM.BINLOG_DUMP, "REPLICATION SLAVE"],
  [COM.BINLOG_DUMP_GTID, "REPLICATION SLAVE"],
  [COM.REGISTER_SLAVE, "REPLICATION SLAVE"],
  [COM.CLONE, "BACKUP_ADMIN"],
  [COM.SUBSCRIBE_GROUP_REPLICATION_STREAM, "GROUP_REPLICATION_STREAM"],
]);

/** MariaDB has never heard of them. */
const MYSQL_ONLY: ReadonlySet<number> = new Set([COM.CLONE, COM.SUBSCRIBE_GROUP_REPLICATION_STREAM]);

/** Why a command that the session has no function for is not run. */
export function refusedCommand(command: number, dialect: "mysql" | "mariadb"): MysqlError | ShardgateError {
  const isKnown = dialect === "mysql" || !MYSQL_ONLY.has(command);
  const privilege = isKnown ? PRIVILEGES.get(command) : undefined;
  if (privilege === undefined) return new ShardgateError("ER_UNKNOWN_COM", "Unknown command");
  const text = `Access denied; you need (at least one of) the ${privilege} privilege(s) for this operation`;
  return new MysqlError(ER_SPECIFIC_ACCESS_DENIED, "42000", text);
}
