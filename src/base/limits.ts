// Every bound in one place: queues, caches, buffers and waits. What is a flag has its default here; what is not a flag
// is a hard limit. Units are last in the names.

export const LIMITS = {
  /** Largest statement a client may send, unless --max-allowed-packet says otherwise. */
  statementBytesMax: 64 * 1024 * 1024,
  /** Tokens of one statement text; a 64 MiB INSERT of small numbers has about as many. */
  statementTokensMax: 40_000_000,
  /** Nesting of parentheses, subqueries and operators in one statement. */
  statementDepthMax: 400,
  /** A client that has not logged in after this long is closed (MySQL's connect_timeout is 10 s). */
  loginTimeoutMs: 10_000,
  /** A client that stops in the middle of a packet or of a file is closed after this long (MySQL's net_read_timeout). */
  readTimeoutMs: 30_000,
  /** Largest packet accepted before a login is complete. */
  handshakePacketBytesMax: 64 * 1024,
  /** Logins whose password waits to be hashed (10 ms of CPU each, one at a time) before further ones are refused. */
  passwordChecksQueuedMax: 500,
  /** Client connections of one gateway process that have not logged in; the oldest silent one makes room for another. */
  unknownConnectionsMax: 500,
  /** When a gateway or a tablet stops, statements and transactions may go on for so long. */
  drainMs: 10_000,
  /** A client is told to leave when it has had its last answer so long ago: the next statement is unlikely on its way. */
  drainQuietMs: 500,
  /** Client connections of one gateway process. */
  clientConnectionsMax: 20_000,
  /** Bytes queued towards one client before its query stops taking chunks from the shards. */
  clientWriteBytesHigh: 256 * 1024,

  /** Statements that a client may have prepared at once; MySQL's default of max_prepared_stmt_count, which is for all. */
  preparedPerSessionMax: 16_382,
  /** Bytes of the texts of a client's prepared statements, above which no further one is prepared. */
  preparedBytesPerSessionMax: 64 * 1024 * 1024,
  /** Parameters of one statement (MySQL: two bytes count them). */
  parametersMax: 65_535,
  /** Bytes of rows in one of the statements that a bulk execution of an INSERT becomes. */
  bulkStatementBytesMax: 4 * 1024 * 1024,
  /** Bytes of COM_STMT_SEND_LONG_DATA kept for one session. */
  longDataBytesMax: 64 * 1024 * 1024,
  /** What a gateway keeps of the texts of prepared statements beside what sessions have; bytes, about. */
  preparedTextsBytesMax: 64 * 1024 * 1024,
  /** Descriptions of prepared statements (columns and parameters) kept by a gateway, and bytes of them together. */
  preparedDescriptionsMax: 5_000,
  preparedDescriptionBytesMax: 64 * 1024 * 1024,
  /** Bytes of rows that the cursors of one session hold in memory; beyond they lie on disk. */
  cursorMemoryBytesMax: 1024 * 1024,
  /** Cursors of one session that lie on disk. */
  cursorFilesMax: 256,

  /** Normalized statements that are counted each by itself, and bytes of the text of one. */
  digestsMax: 2_000,
  digestTextBytesMax: 4 * 1024,
  /** Keyspaces and types that what is no longer counted by itself is told apart by. */
  otherDigestsMax: 200,
  /** Lines that the log has a second for statements that were slow or failed. */
  statementLinesPerSecondMax: 20,
  /** Shards of a statement that are named in the log. */
  loggedShardsMax: 16,
  /** Combinations of labels that metrics of statements have. */
  metricGroupsMax: 500,

  /** Query rules of a cluster, and names in one list of one of them. */
  queryRulesMax: 500,
  ruleNamesMax: 200,
  /** Characters of a rule's pattern or replacement, and steps that a pattern is compiled to. */
  rulePatternMax: 4 * 1024,
  rulePatternProgramMax: 2_000,
  /** Characters of a normalized statement that patterns look at: matching takes some 0.2 us for each of them and rule. */
  ruleTextMax: 16 * 1024,
  /** Characters of what a blocked client is told. */
  ruleMessageMax: 400,
  /** Longest timeout or delay that a rule may ask for. */
  ruleTimeoutMsMax: 86_400_000,
  /** Statements a second, and in a burst, that a rule may allow. */
  ruleRateMax: 1_000_000,
  /** Kinds of clients and selections for which decisions on statements are kept. */
  ruleDecisionMapsMax: 200,
  /** Users or addresses for which one rule counts apart, at one time. */
  ruleBucketsMax: 10_000,
  /** Statements of a gateway that wait because of a rule; others are refused. */
  ruleDelayedMax: 1_000,
  /** Lines a second that one rule writes to the log. */
  ruleLogsPerS: 10,
  /** Mirrored statements under way in a gateway: others are left out. Each may take so long, and bring so much. */
  mirrorsMax: 64,
  mirrorTimeoutMs: 10_000,
  mirrorReplyBytesMax: 4 * 1024 * 1024,

  /** Plans kept by a gateway. */
  planCacheEntries: 5_000,
  /** Bytes of normalized text above which a plan is not cached. */
  planCacheKeyBytesMax: 64 * 1024,
  /** Column definitions kept of one query of a plan: for so many combinations of its values and the session's settings. */
  knownDefinitionsMax: 32,

  /** Credit a call starts with: bytes a tablet may send before the gateway grants more. */
  callCreditBytes: 512 * 1024,
  /** Bytes of a row kept until it is whole, so that an ERR packet can take its place; larger ones pass in pieces. */
  passThroughHeldBytesMax: 64 * 1024,
  /** Pieces of a scattered answer that are up to this together are written at once: a copy costs less than a write. */
  joinedBytesMax: 64 * 1024,
  /** Bytes of replies that wait for the end of an event-loop turn. */
  batchBytes: 256 * 1024,
  /** Read at once from a tablet's call stream. */
  callReadBytes: 64 * 1024,
  /** Statements above this size go to the tablet in pieces of it. */
  callPieceBytes: 256 * 1024,
  /** The ceiling of --max-allowed-packet, as MySQL's. */
  statementBytesCeiling: 1024 * 1024 * 1024,
  /** Largest frame of the call stream, statements put together from pieces included, and largest gRPC message. */
  messageBytesMax: (1024 + 16) * 1024 * 1024,
  /**
   * A gateway or tablet of which the other has heard nothing for so long is taken for dead. One that works on something
   * else, or is stopped with its machine for a moment, has to be back by then.
   */
  peerSilenceS: 20,
  /** Calls in flight on one gateway-tablet stream. */
  callsPerStreamMax: 20_000,

  poolConnectionsMax: 100,
  poolStreamConnectionsMax: 50,
  poolTransactionConnectionsMax: 100,
  /** Waiters queued for a pool before further ones are refused at once. */
  poolWaitersMax: 5_000,
  poolWaitMs: 5_000,
  /**
   * Statements kept prepared on one connection to a mysqld: with all pools full fewer than the 16,382 that a mysqld keeps by
   * default (max_prepared_stmt_count). Longer texts are prepared for one execution only.
   */
  preparedPerConnectionMax: 60,
  preparedTextBytesMax: 64 * 1024,
  poolConnectionAgeMaxMs: 30 * 60_000,
  poolConnectionIdleMaxMs: 10 * 60_000,
  /** 0: none, as MySQL's max_execution_time. */
  queryTimeoutMs: 0,
  transactionIdleTimeoutMs: 30 * 60_000,
  /** A connection that only has a session's temporary tables or locks; MySQL's wait_timeout. */
  reservedIdleTimeoutMs: 8 * 3_600_000,

  /** A gateway that does not know whether a transaction was committed asks for so long. */
  decisionWaitMs: 10_000,
  /** Decisions that nobody needs any more are deleted together, so many at once. */
  decisionsForgottenAfterMs: 500,
  decisionsForgottenAtOnce: 500,
  /** A transaction that is prepared for so long is taken for one that its gateway has left. */
  preparedAgeMs: 3_000,
  preparedLookIntervalMs: 1_000,
  /** How long XA COMMIT and XA ROLLBACK wait for a server that takes the session that has prepared a branch to be there still. */
  leftBranchWaitMs: 3_000,
  /** Transactions of one tablet that are resolved at once. */
  resolvedAtOnce: 8,
  /** Records of decisions are looked at when they are so old; those of `abort` stay for the longer time. */
  decisionAgeMs: 60_000,
  abortDecisionAgeMs: 24 * 60 * 60_000,

  /** A transaction may touch at most this many shards. */
  transactionShardsMax: 256,
  /** Shards asked at once by one scatter. */
  scatterConcurrencyMax: 64,
  /** Bytes buffered for one reply that must be read as a whole before it is used (DML outcomes, control queries). */
  bufferedReplyBytesMax: 64 * 1024 * 1024,

  /** Bytes of what a statement's connection is asked right after it: user variables that it has set. */
  afterReplyBytesMax: 8 * 1024 * 1024,

  /** Bytes that one operator of a merge (sort, distinct, aggregation) keeps in memory before it spills to disk. */
  mergeMemoryBytesMax: 16 * 1024 * 1024,
  /** Bytes that one query may have on disk. */
  mergeSpillBytesMax: 4 * 1024 * 1024 * 1024,
  /** Bytes of an answer that are held back, so that another tier can still answer, and then written at once. */
  mergeOutputBytes: 64 * 1024,
  /** Combinations of values of several columns that are looked up one by one. */
  routedRowsMax: 1_000,
  /** Rows, and bytes of their literals, that one step ships to the shards at once; more are gathered instead. */
  shippedRowsMax: 20_000,
  shippedBytesMax: 4 * 1024 * 1024,
  /** A statement with shipped rows; a mysqld takes 16 MiB by default (max_allowed_packet). */
  shippedStatementBytesMax: 12 * 1024 * 1024,
  /** Rows of a join's batches: the first one's, and where they stop growing. */
  shippedBatchRowsMin: 500,
  shippedBatchRowsMax: 4_000,
  shippedBatchBytesMax: 1024 * 1024,
  /** Collations whose weight of a space a gateway keeps; MariaDB has about 500. */
  collationsKnownMax: 1_000,

  /** A clock that has gone back is waited for so long before no snowflake ids are made. */
  snowflakeWaitMs: 2_000,
  /** A process that stood still for so long may have lost its gateway's number, and hears so within the same time. */
  snowflakeStandstillMs: 5_000,
  snowflakeBeatMs: 500,
  /** Rows that one statement of a write by key names. */
  writtenKeysMax: 500,
  /** Rows, and bytes of their keys and values, that a write over shards has in memory at once. */
  foundRowsMax: 20_000,
  foundBytesMax: 8 * 1024 * 1024,
  /** Values that one query of a lookup table with `batch_lookup` is for. */
  lookedUpAtOnce: 100,
  /** How often a statement is run whose rows, found by a lookup, move from shard to shard meanwhile. */
  lookedUpRunsMax: 6,
  /** Of an answer that may say that there is nothing. */
  heldAnswerBytesMax: 64 * 1024,
  /** Rows, and bytes of their values, that one batch of an INSERT … SELECT writes. */
  insertedRowsMax: 1_000,
  insertedBytesMax: 1024 * 1024,

  /** Rows and bytes that one gather may move to its scratch connection. */
  gatherRowsMax: 5_000_000,
  gatherBytesMax: 1024 * 1024 * 1024,
  /** INSERT statements that fill temporary tables are about this large. */
  gatherInsertBytes: 512 * 1024,
  /** A value larger than this is loaded in pieces of so many bytes: its statement must not exceed max_allowed_packet. */
  gatherPieceBytes: 1024 * 1024,
  /** Shards that one gather reads at once. */
  gatherReadsMax: 16,
  /** Keys of one temporary table. */
  gatherKeysMax: 8,

  topoWatchRetryMinMs: 100,
  topoWatchRetryMaxMs: 2_000,
  topoCallTimeoutMs: 5_000,
  /** A live watch shows a sign of life this often, and is taken for lost after `topoWatchSilenceMs` without one. */
  topoWatchProgressMs: 1_000,
  topoWatchSilenceMs: 4_000,
  /** A database that was made or dropped shows in the gateway's own view after milliseconds, and at the latest then. */
  databaseSeenMs: 10_000,
  /** Registered tablets that vanish while etcd was away are kept this long after it is back, so that they can register anew. */
  topoTabletGraceMs: 20_000,
  /** Entries read in one page of a list, and bytes of one answer of etcd. */
  topoListPageEntries: 200,
  topoMessageBytesMax: 128 * 1024 * 1024,
  /** etcd refuses requests above 1.5 MiB by default. */
  topoValueBytesMax: 1_400_000,
  topoLockWaitMs: 30_000,
  topoLockTtlS: 15,
  /** Changes are collected this long before the last-known-good file is written. */
  lastKnownGoodDelayMs: 300,
  /** Renewed three times in it: a tablet stays registered as long as gateways wait for it. */
  tabletLeaseTtlS: 30,
  gatewayLeaseTtlS: 10,
  /** What another gateway is asked about its clients is answered by then, or it is left out. */
  peerCallTimeoutMs: 3_000,
  /** Bytes of statements in one gateway's list of its clients; beyond, they are told short. */
  peerStatementsBytesMax: 32 * 1024 * 1024,

  /** Processes of one gateway or tablet. */
  workersMax: 64,
  /** A worker shows a sign of life this often; after so many seconds without one it gets no new connections. */
  workerBeatMs: 500,
  workerSilentBeatsMax: 3,
  /** Seconds without one after which a worker is taken for stuck and killed. */
  workerHungBeatsMax: 60,
  /** A worker that has died is replaced after the shorter time, one that dies again and again after up to the longer. */
  workerBackoffMinMs: 200,
  workerBackoffMaxMs: 5_000,
  /** A worker that ran for so long counts as one that did not die at once. */
  workerSteadyMs: 30_000,
  /** What a primary process asks a worker for its pages is answered by then, or left out. */
  workerCallTimeoutMs: 3_000,
  /** Beyond the drain, a worker may take so long to end before it is killed. */
  workerStopMs: 5_000,
  /** Connections that wait for a worker to take them. */
  unservedConnectionsMax: 1_000,
  healthIntervalMs: 500,

  /** Calls that VEXPLAIN tells of one statement, and bytes of the text of each. */
  tracedCallsMax: 1_000,
  tracedSqlBytesMax: 8 * 1024,

  /** A tablet asks its mysqld this often whether definitions may have changed. */
  schemaLookIntervalMs: 1_000,
  /** Of databases that it serves besides its own keyspace's: each is looked at no more often than this times their number. */
  schemaLookPerDatabaseMs: 25,
  /** All definitions are compared this often although nothing seems to have changed. */
  schemaSweepIntervalMs: 60_000,
  /** Tables whose definitions are read by one query. */
  schemaReadTables: 400,
  /** Tables whose estimated rows are read at each look. */
  schemaRowsTables: 50,
  /** Definitions of about this many bytes go in one message; one table alone may have more. */
  schemaMessageBytes: 256 * 1024,
} as const;
