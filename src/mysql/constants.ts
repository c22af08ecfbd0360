// The numbers of the MySQL client/server protocol: capability and status flags, command bytes, column types and column
// flags. Names are those of the MySQL and MariaDB manuals (dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html,
// mariadb.com/kb/en/connection/). Collation ids are in charsets.ts.

/** Capability flags of MySQL 8. CLIENT_MYSQL is bit 0; a MariaDB peer leaves it off to say that it speaks the extended set. */
export const CLIENT = {
  MYSQL: 1,
  FOUND_ROWS: 1 << 1,
  LONG_FLAG: 1 << 2,
  CONNECT_WITH_DB: 1 << 3,
  NO_SCHEMA: 1 << 4,
  COMPRESS: 1 << 5,
  ODBC: 1 << 6,
  LOCAL_FILES: 1 << 7,
  IGNORE_SPACE: 1 << 8,
  PROTOCOL_41: 1 << 9,
  INTERACTIVE: 1 << 10,
  SSL: 1 << 11,
  IGNORE_SIGPIPE: 1 << 12,
  TRANSACTIONS: 1 << 13,
  RESERVED: 1 << 14,
  SECURE_CONNECTION: 1 << 15,
  MULTI_STATEMENTS: 1 << 16,
  MULTI_RESULTS: 1 << 17,
  PS_MULTI_RESULTS: 1 << 18,
  PLUGIN_AUTH: 1 << 19,
  CONNECT_ATTRS: 1 << 20,
  PLUGIN_AUTH_LENENC_CLIENT_DATA: 1 << 21,
  CAN_HANDLE_EXPIRED_PASSWORDS: 1 << 22,
  SESSION_TRACK: 1 << 23,
  DEPRECATE_EOF: 1 << 24,
  OPTIONAL_RESULTSET_METADATA: 1 << 25,
  ZSTD_COMPRESSION_ALGORITHM: 1 << 26,
  QUERY_ATTRIBUTES: 1 << 27,
  MULTI_FACTOR_AUTHENTICATION: 1 << 28,
  CAPABILITY_EXTENSION: 1 << 29,
  SSL_VERIFY_SERVER_CERT: 1 << 30,
  REMEMBER_OPTIONS: 0x80000000,
} as const;

/** MariaDB's extended capabilities: bits 32 and up of its 64-bit set, kept here as a 32-bit number of their own. */
export const MARIADB_CLIENT = {
  PROGRESS: 1 << 0,
  COM_MULTI: 1 << 1,
  STMT_BULK_OPERATIONS: 1 << 2,
  EXTENDED_METADATA: 1 << 3,
  CACHE_METADATA: 1 << 4,
  BULK_UNIT_RESULTS: 1 << 5,
} as const;

/**
 * Whether an EOF behind column definitions says that rows wait to be fetched. A procedure's own cursors set the flag, too:
 * its rows follow, and so do more results.
 */
export function opensCursor(statusFlags: number): boolean {
  return (statusFlags & (SERVER.STATUS_CURSOR_EXISTS | SERVER.MORE_RESULTS_EXISTS)) === SERVER.STATUS_CURSOR_EXISTS;
}

/** Status flags of OK and EOF packets. */
export const SERVER = {
  STATUS_IN_TRANS: 0x0001,
  STATUS_AUTOCOMMIT: 0x0002,
  MORE_RESULTS_EXISTS: 0x0008,
  QUERY_NO_GOOD_INDEX_USED: 0x0010,
  QUERY_NO_INDEX_USED: 0x0020,
  STATUS_CURSOR_EXISTS: 0x0040,
  STATUS_LAST_ROW_SENT: 0x0080,
  STATUS_DB_DROPPED: 0x0100,
  STATUS_NO_BACKSLASH_ESCAPES: 0x0200,
  STATUS_METADATA_CHANGED: 0x0400,
  QUERY_WAS_SLOW: 0x0800,
  PS_OUT_PARAMS: 0x1000,
  STATUS_IN_TRANS_READONLY: 0x2000,
  SESSION_STATE_CHANGED: 0x4000,
  /** MariaDB's. */
  STATUS_ANSI_QUOTES: 0x8000,
} as const;

/** First byte of a command packet. */
export const COM = {
  SLEEP: 0x00,
  QUIT: 0x01,
  INIT_DB: 0x02,
  QUERY: 0x03,
  FIELD_LIST: 0x04,
  CREATE_DB: 0x05,
  DROP_DB: 0x06,
  REFRESH: 0x07,
  SHUTDOWN: 0x08,
  STATISTICS: 0x09,
  PROCESS_INFO: 0x0a,
  CONNECT: 0x0b,
  PROCESS_KILL: 0x0c,
  DEBUG: 0x0d,
  PING: 0x0e,
  TIME: 0x0f,
  DELAYED_INSERT: 0x10,
  CHANGE_USER: 0x11,
  BINLOG_DUMP: 0x12,
  TABLE_DUMP: 0x13,
  CONNECT_OUT: 0x14,
  REGISTER_SLAVE: 0x15,
  STMT_PREPARE: 0x16,
  STMT_EXECUTE: 0x17,
  STMT_SEND_LONG_DATA: 0x18,
  STMT_CLOSE: 0x19,
  STMT_RESET: 0x1a,
  SET_OPTION: 0x1b,
  STMT_FETCH: 0x1c,
  DAEMON: 0x1d,
  BINLOG_DUMP_GTID: 0x1e,
  RESET_CONNECTION: 0x1f,
  CLONE: 0x20,
  SUBSCRIBE_GROUP_REPLICATION_STREAM: 0x21,
  /** MariaDB: many parameter sets for one prepared statement. */
  STMT_BULK_EXECUTE: 0xfa,
} as const;

/** Column types as they stand in column definitions and in the parameter types of COM_STMT_EXECUTE. */
export const MYSQL_TYPE = {
  DECIMAL: 0,
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  NULL: 6,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  NEWDATE: 14,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  TYPED_ARRAY: 20,
  VECTOR: 242,
  INVALID: 243,
  BOOL: 244,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  TINY_BLOB: 249,
  MEDIUM_BLOB: 250,
  LONG_BLOB: 251,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

/** Flags of a column definition. */
export const COLUMN_FLAG = {
  NOT_NULL: 1,
  PRI_KEY: 2,
  UNIQUE_KEY: 4,
  MULTIPLE_KEY: 8,
  BLOB: 16,
  UNSIGNED: 32,
  ZEROFILL: 64,
  BINARY: 128,
  ENUM: 256,
  AUTO_INCREMENT: 512,
  TIMESTAMP: 1024,
  SET: 2048,
  NO_DEFAULT_VALUE: 4096,
  ON_UPDATE_NOW: 8192,
  PART_KEY: 16384,
  NUM: 32768,
} as const;

/** Payload length that says "goes on in the next packet" (16 MiB - 1). */
export const PACKET_PAYLOAD_MAX = 0xffffff;
export const PACKET_HEADER_BYTES = 4;

/** First bytes of reply packets. 0xFE is an EOF packet (payload under 9 bytes), an OK packet that ends rows, or an auth switch. */
export const HEADER_OK = 0x00;
export const HEADER_AUTH_MORE_DATA = 0x01;
export const HEADER_LOCAL_INFILE = 0xfb;
export const HEADER_EOF = 0xfe;
export const HEADER_ERR = 0xff;
