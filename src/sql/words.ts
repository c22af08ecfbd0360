// Reserved and non-reserved words of MySQL 8.0 (Keywords and Reserved Words in its manual) and MariaDB 10.6+ (its
// KEYWORDS view, each word tried as a column and table name on a server), and a table that finds them in a text
// without making a string.

/** Reserved in both servers. */
const RESERVED = `accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call
cascade case change char character check collate column condition constraint continue convert create cross current_date
current_time current_timestamp current_user cursor databases day_hour day_microsecond day_minute day_second dec decimal
declare default delayed delete desc describe deterministic distinct distinctrow div double drop dual each else elseif
enclosed escaped except exists exit explain false fetch float float4 float8 for force foreign from fulltext grant group
having high_priority hour_microsecond hour_minute hour_second if ignore in index infile inner inout insensitive insert int
int1 int2 int3 int4 int8 integer intersect interval into is iterate join key keys kill leading leave left like limit linear
lines load localtime localtimestamp lock long longblob longtext loop low_priority master_ssl_verify_server_cert match
maxvalue mediumblob mediumint mediumtext middleint minute_microsecond minute_second mod modifies natural
no_write_to_binlog not null numeric on optimize optionally or order out outer outfile over partition precision primary
procedure purge range read read_write reads real recursive references regexp release rename repeat replace require resignal
restrict return revoke right rlike row_number rows schemas second_microsecond select sensitive separator set show signal
smallint spatial specific sql sql_big_result sql_calc_found_rows sql_small_result sqlexception sqlstate sqlwarning ssl
starting straight_join table terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock
unsigned update usage use using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying when where
while with write xor year_month zerofill`;

/** Reserved in MySQL 8.0 only. */
const RESERVED_MYSQL = `cube cume_dist database dense_rank empty first_value function generated get grouping groups
io_after_gtids io_before_gtids json_table lag last_value lateral lead master_bind nth_value ntile of optimizer_costs option
percent_rank rank row schema stored system virtual window`;

/** Reserved in MariaDB only. */
const RESERVED_MARIADB = `current_role delete_domain_id do_domain_ids ignore_domain_ids master_demote_to_replica
master_demote_to_slave offset page_checksum parse_vcol_expr portion ref_system_id returning stats_auto_recalc
stats_persistent stats_sample_pages`;

/** Words of the grammar that are free to be names. */
const NON_RESERVED = `digests account action active admin after against aggregate algorithm always any array array_agg ascii at atomic
attribute authentication authors auto auto_increment autoextend_size avg avg_row_length backup begin  binlog bit
bit_and bit_or bit_xor block body bool boolean btree buckets bulk byte cache cancel cascaded cast catalog_name ceil ceiling chain
changed channel charset checkpoint checksum cipher class_origin cleanup client clob clone close coalesce code collation
column_add column_check column_create column_delete column_format column_get column_name columns comment commit committed
compact complete completion component compressed compression concat concurrent connection consistent constraint_catalog
constraint_name constraint_schema contains context contributors copy count cpu csv current current_pos cursor_name curdate
curtime cycle data datafile date date_add date_sub adddate subdate datetime day deallocate default_auth definer definition
delay_key_write des_key_file description detach diagnostics directory disable discard disk do dry dumpfile duplicate dynamic
elsif enable encrypted encryption end ends enforced engine engine_attribute engines enum error errors escape event events every
examined exchange exclude exception execute expansion expire export extended extended_statistics extent_size extract factor
failed_login_attempts fast faults federated fields file file_block_size filter first fixed flush following follows
force_cutover format found full general geomcollection geometry geometrycollection get_format get_master_public_key
get_source_public_key global goto grants group_concat group_replication gtid_executed gtid_only handler hard hash help
histogram history host hosts hour id identified ignore_server_ids ignored immediate import inactive increment indexes
initial initial_size initiate insert_method install instance instant inplace intersection invisible invoker io io_thread ipc
isolation isopen issuer json json_arrayagg json_objectagg json_value key_block_size keyring language last lastval launch leaves
less level linestring list local locked locks logfile logs manual master master_host master_log_file master_log_pos
master_password master_port master_user max max_connections_per_hour max_queries_per_hour max_rows max_size
max_statement_time max_updates_per_hour max_user_connections medium member memory merge message_text microsecond migrate mid
min min_rows minus minute minvalue mode modify monitor month mutex multilinestring multipoint multipolygon mysql mysql_errno
name names national nchar ndb ndbcluster nested never new next nextval no no_wait nocache nocycle nodegroup nomaxvalue
nominvalue none not_found notfound now nowait nulls number nvarchar oj off offline old old_password one online only open
optimistic option options ordinality organization others outfile overlaps owner pack_keys package page parallel parse_only parser
partial partitioning partitions password password_lock_time path percentile_cont percentile_disc median period persist
persist_only persistent pessimistic phase plan plugin plugin_dir plugins point polygon port position postpone precedes
preceding prepare preserve prev previous privilege_checks_user privileges process processlist profile profiles proxy
purge_gtid qualify quarter queries query quick raise random raw read_only rebuild recover redo_buffer_size redofile
redundant reference registration relay relay_log_file relay_log_pos relay_thread relaylog reload remove reorganize repair
repeatable replay replica replicas replicate_do_db replication reset resource respect restart restore resume retain retry
returned_sqlstate returns reuse reverse role rollback rollup rotate routine row_count row_format rowcount rowid rownum rowtype
rtree s3 savepoint schedule schema_name second secondary secondary_engine secondary_load secondary_unload security sequence
serial serializable server session session_user setval share shutdown signed simple skip slave slaves slow snapshot
socket soft some soname sounds source source_host sql_after_gtids sql_before_gtids sql_buffer_result sql_cache sql_no_cache
sql_thread sql_tsi_day sql_tsi_hour sql_tsi_minute sql_tsi_month sql_tsi_quarter sql_tsi_second sql_tsi_week sql_tsi_year
srid st_collect stage start starts statement statistics stats status std stddev stddev_pop stddev_samp stop storage stream
string subclass_origin subject subpartition subpartitions substr substring sum super suspend swaps switches sysdate
system_time system_user table_checksum table_name tables tablesample tablespace temporary temptable text than thread_priority threads
throttle throttled ties time timestamp timestampadd timestampdiff tls traditional transaction transactional tree triggers
trim truncate type unbounded uncommitted undefined undo_buffer_size undofile unicode uninstall unknown unregister until
unresolved upgrade url use_frm user user_resources validation value var_pop var_samp varchar2 variables variance vcpu
versioning vexplain vgtid_executed via view vindex vindexes visible vitess vitess_keyspaces vitess_metadata
vitess_migration vitess_migrations vitess_replication_status vitess_shards vitess_tablets vitess_target
vitess_throttled_apps vschema wait warnings week weight_string within without work wrapper x509 xa xid xml year zone
keyspaces throttled_apps cleanup ratio vector uuid inet4 inet6 gtid nothing overwrite manifest
clustering encryption_key_id identity ietf_quotes page_compressed page_compression_level public revert
secondary_engine_attribute stacked log transactions types unthrottle user_variables vstream xmltype header trace
client_statistics`;

const IN_MYSQL = 1;
const IN_MARIADB = 2;

const entries = new Map<string, number>();
for (const word of split(NON_RESERVED)) entries.set(word, 0);
for (const word of split(RESERVED)) entries.set(word, IN_MYSQL | IN_MARIADB);
for (const word of split(RESERVED_MYSQL)) entries.set(word, IN_MYSQL);
for (const word of split(RESERVED_MARIADB)) entries.set(word, IN_MARIADB);

const SLOTS = 4096;
const WORDS: readonly string[] = [...entries.keys()];
/** All words in one run of characters, with where each starts: quicker to compare with than strings. */
const LETTERS = Uint8Array.from(WORDS.join(""), (letter) => letter.charCodeAt(0) | 0x20);
const STARTS = new Int32Array(WORDS.length + 1);
for (const [index, word] of WORDS.entries()) STARTS[index + 1] = (STARTS[index] ?? 0) + word.length;
const FLAGS = Uint8Array.from(entries.values());
const HEADS = new Int16Array(SLOTS).fill(-1);
const NEXT = new Int16Array(WORDS.length).fill(-1);
for (const [index, word] of WORDS.entries()) {
  const slot = hashOf(word, 0, word.length) & (SLOTS - 1);
  NEXT[index] = HEADS[slot] ?? -1;
  HEADS[slot] = index;
}

/** Hash of a word without regard to case; the lexer computes the same while it scans. */
export function hashOf(text: string, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (text.charCodeAt(at) | 0x20)) | 0;
  return hash;
}

/** Index of the word of the grammar that stands in `codes` (bytes or characters) from `start` to `end`, or -1. */
export function findWord(codes: Uint8Array | Uint16Array, start: number, end: number, hash: number): number {
  const length = end - start;
  let index = HEADS[hash & (SLOTS - 1)] ?? -1;
  while (index >= 0) {
    const from = STARTS[index] ?? 0;
    if ((STARTS[index + 1] ?? 0) - from === length) {
      let at = 0;
      // Identifier characters only: `| 0x20` maps no two of them together but the two cases of a letter.
      while (at < length && ((codes[start + at] ?? 0) | 0x20) === LETTERS[from + at]) at++;
      if (at === length) return index;
    }
    index = NEXT[index] ?? -1;
  }
  return -1;
}

/** A table from the index of a word to a small number that `classes` gives for some words, `otherwise` for the rest. */
export function wordTable(classes: ReadonlyMap<string, number>, otherwise: number): Uint8Array {
  return Uint8Array.from(WORDS, (word) => classes.get(word) ?? otherwise);
}

/** The word of an index in lower case. */
export function wordAt(index: number): string {
  return WORDS[index] ?? "";
}

export function isReservedAt(index: number, dialect: "mysql" | "mariadb"): boolean {
  return ((FLAGS[index] ?? 0) & (dialect === "mysql" ? IN_MYSQL : IN_MARIADB)) !== 0;
}

/** True when `word` (lower case) cannot be a name without quotes in that server. */
export function isReserved(word: string, dialect: "mysql" | "mariadb"): boolean {
  return ((entries.get(word) ?? 0) & (dialect === "mysql" ? IN_MYSQL : IN_MARIADB)) !== 0;
}

/** True when `word` (lower case) is reserved in either server, so that a printer for both must quote it. */
export function isReservedSomewhere(word: string): boolean {
  return (entries.get(word) ?? 0) !== 0;
}

/** Character sets that `_name` introduces a literal with. */
export const CHARSETS: ReadonlySet<string> = new Set(
  split(`armscii8 ascii big5 binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030 gb2312 gbk
geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 tis620 ucs2 ujis utf16
utf16le utf32 utf8 utf8mb3 utf8mb4`),
);

/** Built-in functions that are recognised only with the `(` right behind the name, unless IGNORE_SPACE is set. */
export const SPACE_SENSITIVE: ReadonlySet<string> = new Set(
  split(`adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract group_concat json_arrayagg
json_objectagg max mid min now position session_user st_collect std stddev stddev_pop stddev_samp subdate substr substring
sum sysdate system_user trim var_pop var_samp variance`),
);

function split(list: string): string[] {
  return list.split(/\s+/);
}
