// What MySQL says of objects in a database that there is not. MySQL 8 looks for the database first; MariaDB looks for the
// table or routine, finds none, and says just that. A database that the topology does not list is not there, whatever a
// mysqld has: no statement is sent that could find it.

import { ShardgateError } from "../base/errors.ts";
import type { PlanContext } from "./tables.ts";

export function unknownDatabase(schema: string): ShardgateError {
  return new ShardgateError("ER_BAD_DB", `Unknown database '${schema}'`);
}

/** A table named with its schema. */
export function missingTable(schema: string, name: string, { dialect }: Pick<PlanContext, "dialect">): ShardgateError {
  if (dialect !== "mariadb") return unknownDatabase(schema);
  return new ShardgateError("ER_NO_SUCH_TABLE", `Table '${schema}.${name}' doesn't exist`);
}
