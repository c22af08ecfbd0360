// The error registry: every error that Shardgate itself raises has an id here, typed once with its errno, SQLSTATE and
// gRPC status. Errors that come from a mysqld are carried with their own errno and text by `MysqlError`.
//
// Three classes (see src/README.md): client errors (ERR packet, the session lives), connection errors (that connection
// closes), bugs (assert; the query fails, the stack is logged, the client learns nothing internal).

/** gRPC status codes, as numbered by the gRPC specification. */
export type GrpcStatus = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 16;

export interface ErrorKind {
  readonly errno: number;
  readonly sqlState: string;
  readonly grpc: GrpcStatus;
}

/** Ids are the names of MySQL's error list (dev.mysql.com/doc/mysql-errors/8.0/en/) where MySQL has the error. */
export const ERRORS = {
  ER_CON_COUNT: { errno: 1040, sqlState: "08004", grpc: 8 },
  ER_HANDSHAKE: { errno: 1043, sqlState: "08S01", grpc: 3 },
  ER_DBACCESS_DENIED: { errno: 1044, sqlState: "42000", grpc: 7 },
  ER_ACCESS_DENIED: { errno: 1045, sqlState: "28000", grpc: 16 },
  ER_NO_DB: { errno: 1046, sqlState: "3D000", grpc: 9 },
  ER_UNKNOWN_COM: { errno: 1047, sqlState: "08S01", grpc: 12 },
  ER_BAD_DB: { errno: 1049, sqlState: "42000", grpc: 5 },
  ER_SERVER_SHUTDOWN: { errno: 1053, sqlState: "08S01", grpc: 14 },
  ER_PARSE: { errno: 1064, sqlState: "42000", grpc: 3 },
  ER_EMPTY_QUERY: { errno: 1065, sqlState: "42000", grpc: 3 },
  ER_UNKNOWN: { errno: 1105, sqlState: "HY000", grpc: 2 },
  ER_UNKNOWN_CHARACTER_SET: { errno: 1115, sqlState: "42000", grpc: 3 },
  ER_WRONG_VALUE_COUNT_ON_ROW: { errno: 1136, sqlState: "21S01", grpc: 3 },
  ER_HOST_NOT_PRIVILEGED: { errno: 1130, sqlState: "HY000", grpc: 7 },
  ER_TABLEACCESS_DENIED: { errno: 1142, sqlState: "42000", grpc: 7 },
  ER_NO_SUCH_TABLE: { errno: 1146, sqlState: "42S02", grpc: 5 },
  ER_NET_PACKET_TOO_LARGE: { errno: 1153, sqlState: "08S01", grpc: 3 },
  ER_NET_PACKETS_OUT_OF_ORDER: { errno: 1156, sqlState: "08S01", grpc: 3 },
  ER_USER_LIMIT_REACHED: { errno: 1226, sqlState: "42000", grpc: 8 },
  ER_WRONG_VALUE_FOR_VAR: { errno: 1231, sqlState: "42000", grpc: 3 },
  ER_WRONG_ARGUMENTS: { errno: 1210, sqlState: "HY000", grpc: 3 },
  ER_UNKNOWN_STMT_HANDLER: { errno: 1243, sqlState: "HY000", grpc: 5 },
  ER_NEED_REPREPARE: { errno: 1615, sqlState: "HY000", grpc: 9 },
  ER_INVALID_DEFAULT_PARAM: { errno: 4032, sqlState: "HY000", grpc: 3 },
  ER_UNSUPPORTED_PS: { errno: 1295, sqlState: "HY000", grpc: 12 },
  ER_PS_MANY_PARAM: { errno: 1390, sqlState: "HY000", grpc: 3 },
  ER_STMT_HAS_NO_OPEN_CURSOR: { errno: 1421, sqlState: "HY000", grpc: 9 },
  ER_MAX_PREPARED_STMT_COUNT_REACHED: { errno: 1461, sqlState: "42000", grpc: 8 },
  ER_WRONG_TYPE_FOR_VAR: { errno: 1232, sqlState: "42000", grpc: 3 },
  ER_NOT_SUPPORTED_YET: { errno: 1235, sqlState: "42000", grpc: 12 },
  ER_NOT_SUPPORTED_AUTH_MODE: { errno: 1251, sqlState: "08004", grpc: 16 },
  ER_UNKNOWN_COLLATION: { errno: 1273, sqlState: "HY000", grpc: 3 },
  ER_OPTION_PREVENTS_STATEMENT: { errno: 1290, sqlState: "HY000", grpc: 9 },
  ER_LOCK_OR_ACTIVE_TRANSACTION: { errno: 1192, sqlState: "HY000", grpc: 9 },
  ER_TOO_MANY_USER_CONNECTIONS: { errno: 1203, sqlState: "42000", grpc: 8 },
  ER_CANT_CHANGE_TX_CHARACTERISTICS: { errno: 1568, sqlState: "25001", grpc: 9 },
  ER_MALFORMED_PACKET: { errno: 1835, sqlState: "HY000", grpc: 3 },
  ER_QUERY_TIMEOUT: { errno: 3024, sqlState: "HY000", grpc: 4 },
  ER_CLIENT_LOCAL_FILES_DISABLED: { errno: 3948, sqlState: "42000", grpc: 9 },
  ER_SECURE_TRANSPORT_REQUIRED: { errno: 3159, sqlState: "HY000", grpc: 16 },
  ER_CLIENT_INTERACTION_TIMEOUT: { errno: 4031, sqlState: "HY000", grpc: 4 },

  // Retryable faults of the path to a shard. Drivers and ORMs treat lost connections (2006, 2013, SQLSTATE 08S01) as
  // "reconnect and retry", and 1040/08004 as "try again later".
  SHARD_UNAVAILABLE: { errno: 1053, sqlState: "08S01", grpc: 14 },
  SHARD_CONNECTION_LOST: { errno: 2013, sqlState: "08S01", grpc: 14 },
  POOL_EXHAUSTED: { errno: 1040, sqlState: "08004", grpc: 8 },
  LIMIT_REACHED: { errno: 1041, sqlState: "HY000", grpc: 8 },
  /** A deadlock between shards; those inside one are found by its mysqld. */
  ER_LOCK_DEADLOCK: { errno: 1213, sqlState: "40001", grpc: 10 },
  /** The transaction was rolled back because the shard connection that held it was lost. */
  TRANSACTION_LOST: { errno: 1213, sqlState: "40001", grpc: 10 },
  /** What the gateway's flags or a directive forbid. */
  QUERY_FORBIDDEN: { errno: 1235, sqlState: "42000", grpc: 9 },
  TRANSACTION_SINGLE_SHARD: { errno: 1235, sqlState: "42000", grpc: 9 },

  // Operators' errors: topology, VSchema, flags.
  TOPO_NO_NODE: { errno: 1105, sqlState: "HY000", grpc: 5 },
  TOPO_NODE_EXISTS: { errno: 1105, sqlState: "HY000", grpc: 6 },
  TOPO_BAD_VERSION: { errno: 1105, sqlState: "HY000", grpc: 10 },
  TOPO_UNAVAILABLE: { errno: 1105, sqlState: "HY000", grpc: 14 },
  TOPO_BAD_RECORD: { errno: 1105, sqlState: "HY000", grpc: 9 },
  TOPO_LOCKED: { errno: 1105, sqlState: "HY000", grpc: 10 },
  KEY_RANGE_BAD: { errno: 1105, sqlState: "HY000", grpc: 3 },
  VSCHEMA_BAD: { errno: 1105, sqlState: "HY000", grpc: 3 },
  VINDEX_VALUE_BAD: { errno: 1105, sqlState: "HY000", grpc: 3 },
  CONFIG_BAD: { errno: 1105, sqlState: "HY000", grpc: 3 },
  CANCELLED: { errno: 1317, sqlState: "70100", grpc: 1 },
  INTERNAL: { errno: 1105, sqlState: "HY000", grpc: 13 },
} as const satisfies Record<string, ErrorKind>;

export type ErrorId = keyof typeof ERRORS;

/** An error that Shardgate raises. `message` is what the client or operator reads: what is wrong and what to do. */
export class ShardgateError extends Error {
  readonly id: ErrorId;
  readonly errno: number;
  readonly sqlState: string;
  readonly grpc: GrpcStatus;

  constructor(id: ErrorId, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ShardgateError";
    this.id = id;
    const kind = ERRORS[id];
    this.errno = kind.errno;
    this.sqlState = kind.sqlState;
    this.grpc = kind.grpc;
  }
}

/** An error a mysqld answered: errno, SQLSTATE (five characters) and message reach the client unchanged. */
export class MysqlError extends Error {
  readonly errno: number;
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.name = "MysqlError";
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

/** A bug: something that must hold did not. Never shown to a client in detail. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}

/** A name without its schema where none is selected. */
export function noDatabase(): ShardgateError {
  return new ShardgateError("ER_NO_DB", "No database selected");
}

/** What a statement is answered that was killed, or whose client is gone. */
export function interrupted(): ShardgateError {
  return new ShardgateError("CANCELLED", "Query execution was interrupted");
}

/** Shorthand for a 1235 (42000) refusal that names the construct and says what to do instead. */
export function notSupported(construct: string, hint?: string): ShardgateError {
  const message = `This version of Shardgate doesn't yet support '${construct}'`;
  return new ShardgateError("ER_NOT_SUPPORTED_YET", hint === undefined ? message : `${message}: ${hint}`);
}

/** The text of anything thrown, for logs and operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
