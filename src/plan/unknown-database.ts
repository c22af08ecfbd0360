// What MySQL says of objects in a database that there is not. MySQL 8 looks for the database first; MariaDB looks for the
// table or routine, finds none, and says just that. A database that the topology does not list is not there, whatever a
// mysqld has: no statement is sent that could find it.

import { MysqlError, ShardgateError } from "../base/errors.ts";
import type { PlanContext } from "./tables.ts";

export function unknownDatabase(schema: string): ShardgateError | MysqlError {
  if (schema === "") return new MysqlError(1102, "42000", "Incorrect database name ''");
  return new ShardgateError("ER_BAD_DB", `Unknown database '${schema}'`);
}

/** A table named with its schema. */
export function missingTable(
  schema: string,
  name: string,
  { dialect }: Pick<PlanContext, "dialect">,
): ShardgateError | MysqlError {
  if (dialect !== "mariadb" || schema === "") return unknownDatabase(schema);
  return new ShardgateError("ER_NO_SUCH_TABLE", `Table '${schema}.${name}' doesn't exist`);
}
