// The C API of libmariadb: text and binary protocol with bound buffers, cursors, long data, several results, bulk.

#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char detail[1024];
static char seen[65536];

static const char *AUTHORS =
    "CREATE TABLE authors (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), "
    "born DATE, score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))";
static const char *BOOKS =
    "CREATE TABLE books (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT "
    "NULL, price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))";
static const char *SAMPLES =
    "CREATE TABLE samples (id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole "
    "INT, big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6), "
    "stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20), long_bytes "
    "LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)";
static const char *SAMPLE =
    "INSERT INTO samples VALUES (1, -128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, "
    "-2.5e300, '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'plain', "
    "'long text', X'3031', X'3233', '{\"a\": [1, 2]}', 'large', 'a,c', b'000000110001', TRUE)";

static int fault(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  return 0;
}

static void note(const char *format, ...) {
  size_t length = strlen(seen);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(seen + length, sizeof seen - length, format, arguments);
  va_end(arguments);
}

static void print_quoted(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') printf("\\%c", *text);
    else if ((unsigned char)*text < 0x20) printf("\\u%04x", *text);
    else putchar(*text);
  }
  putchar('"');
}

typedef int (*Body)(MYSQL *one);

/** A body gives 1 if the check passed, and 0 with a detail if not. */
static void check(const char *group, const char *name, MYSQL *one, Body body) {
  detail[0] = seen[0] = 0;
  int ok = body(one);
  printf("{\"group\": \"%s\", \"check\": \"%s\", \"ok\": %s", group, name, ok ? "true" : "false");
  if (!ok) {
    printf(", \"detail\": ");
    print_quoted(detail);
  } else if (seen[0]) {
    printf(", \"seen\": ");
    print_quoted(seen);
  }
  printf("}\n");
  fflush(stdout);
}

static MYSQL *open_with(const char *password, const char *database, unsigned long flags, int local) {
  MYSQL *one = mysql_init(NULL);
  unsigned int infile = local;
  my_bool off = 0;
  mysql_options(one, MYSQL_OPT_LOCAL_INFILE, &infile);
  mysql_options(one, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options(one, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
  if (!mysql_real_connect(one, getenv("CONFORMANCE_HOST"), getenv("CONFORMANCE_USER"), password, database,
                          atoi(getenv("CONFORMANCE_PORT")), NULL, flags)) {
    fault("%u: %s", mysql_errno(one), mysql_error(one));
  }
  return one;
}

static MYSQL *open_one(void) { return open_with(getenv("CONFORMANCE_PASSWORD"), getenv("CONFORMANCE_DATABASE"), 0, 0); }

static int query(MYSQL *one, const char *sql) {
  if (mysql_query(one, sql) == 0) return 1;
  return fault("%u: %s", mysql_errno(one), mysql_error(one));
}

/** The rows as text, columns with | between, rows with ; behind. */
static int rows(MYSQL *one, const char *sql, char *out, size_t size) {
  out[0] = 0;
  if (!query(one, sql)) return 0;
  MYSQL_RES *result = mysql_store_result(one);
  if (!result) return fault("no result: %s", mysql_error(one));
  MYSQL_ROW row;
  while ((row = mysql_fetch_row(result))) {
    for (unsigned i = 0; i < mysql_num_fields(result); i++) {
      size_t length = strlen(out);
      snprintf(out + length, size - length, "%s%s", i ? "|" : "", row[i] ? row[i] : "NULL");
    }
    size_t length = strlen(out);
    snprintf(out + length, size - length, ";");
  }
  mysql_free_result(result);
  return 1;
}

static int gives(MYSQL *one, const char *sql, const char *expected) {
  char text[4096];
  if (!rows(one, sql, text, sizeof text)) return 0;
  return strcmp(text, expected) == 0 ? 1 : fault("got %s, expected %s", text, expected);
}

static int fails(MYSQL *one, unsigned errno_wanted, const char *sql) {
  if (mysql_query(one, sql) == 0) return fault("expected error %u, got an answer", errno_wanted);
  if (mysql_errno(one) != errno_wanted) return fault("expected error %u, got %u: %s", errno_wanted, mysql_errno(one), mysql_error(one));
  note("%s ", mysql_sqlstate(one));
  return 1;
}

static int login(MYSQL *one) {
  if (mysql_errno(one)) return fault("%u: %s", mysql_errno(one), mysql_error(one));
  return gives(one, "SELECT 1 + 1", "2;") && (mysql_ping(one) == 0 || fault("ping: %s", mysql_error(one)));
}

static int refused(const char *password, const char *database, unsigned errno_wanted) {
  MYSQL *other = open_with(password, database, 0, 0);
  unsigned found = mysql_errno(other);
  mysql_close(other);
  return found == errno_wanted ? 1 : fault("expected error %u, got %u", errno_wanted, found);
}

static int wrong_password(MYSQL *one) { return one && refused("wrong", getenv("CONFORMANCE_DATABASE"), 1045); }

static int unknown_database(MYSQL *one) { return one && refused(getenv("CONFORMANCE_PASSWORD"), "no_such_database", 1049); }

static int commands(MYSQL *one) {
  const char *statistics = mysql_stat(one);
  if (!statistics || !strstr(statistics, "Uptime")) return fault("mysql_stat: %s", statistics ? statistics : mysql_error(one));
  if (mysql_set_server_option(one, MYSQL_OPTION_MULTI_STATEMENTS_ON)) return fault("set_server_option: %s", mysql_error(one));
  if (mysql_set_server_option(one, MYSQL_OPTION_MULTI_STATEMENTS_OFF)) return fault("set_server_option: %s", mysql_error(one));
  if (mysql_select_db(one, "information_schema")) return fault("select_db: %s", mysql_error(one));
  if (!gives(one, "SELECT DATABASE()", "information_schema;")) return 0;
  return mysql_select_db(one, getenv("CONFORMANCE_DATABASE")) == 0 || fault("select_db: %s", mysql_error(one));
}

static int change_user(MYSQL *one) {
  MYSQL *other = open_one();
  int ok = query(other, "SET @conformance = 1") &&
           (mysql_change_user(other, getenv("CONFORMANCE_USER"), getenv("CONFORMANCE_PASSWORD"), getenv("CONFORMANCE_DATABASE")) == 0 ||
            fault("change_user: %s", mysql_error(other))) &&
           gives(other, "SELECT @conformance", "NULL;") && query(other, "SET @conformance = 1") &&
           (mysql_reset_connection(other) == 0 || fault("reset_connection: %s", mysql_error(other))) &&
           gives(other, "SELECT @conformance", "NULL;");
  mysql_close(other);
  return ok && one;
}

static int compression(MYSQL *one) {
  MYSQL *other = open_with(getenv("CONFORMANCE_PASSWORD"), getenv("CONFORMANCE_DATABASE"), CLIENT_COMPRESS, 0);
  int ok = !mysql_errno(other) && gives(other, "SELECT LENGTH(REPEAT('x', 100000))", "100000;");
  mysql_close(other);
  return ok && one;
}

static int create(MYSQL *one) {
  return query(one, "DROP TABLE IF EXISTS books, authors, samples") && query(one, AUTHORS) && query(one, BOOKS) && query(one, SAMPLES);
}

static int alter(MYSQL *one) {
  return query(one, "ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7") &&
         query(one, "ALTER TABLE authors DROP COLUMN extra") && query(one, "TRUNCATE TABLE samples");
}

static int insert(MYSQL *one) {
  if (!query(one, "INSERT INTO authors (name, born) VALUES ('Ada', '1815-12-10')")) return 0;
  if (mysql_affected_rows(one) != 1 || mysql_insert_id(one) == 0) return fault("no id");
  if (!query(one, "INSERT INTO authors (id, name) VALUES (501, 'Bob'), (502, 'Cid'), (503, 'Dan')")) return 0;
  if (!mysql_info(one) || strcmp(mysql_info(one), "Records: 3  Duplicates: 0  Warnings: 0")) return fault("info: %s", mysql_info(one));
  return query(one, "DELETE FROM authors WHERE name = 'Ada'") && (mysql_affected_rows(one) == 1 || fault("not deleted"));
}

static int update(MYSQL *one) {
  if (!query(one, "UPDATE authors SET score = 1.5 WHERE name LIKE '%d%'")) return 0;
  note("%s", mysql_info(one));
  return mysql_affected_rows(one) == 2 || fault("%d rows", (int)mysql_affected_rows(one));
}

static int every_type(MYSQL *one) {
  char text[8192];
  if (!query(one, SAMPLE) || !query(one, "INSERT INTO samples (id) VALUES (2)")) return 0;
  if (!rows(one, "SELECT * FROM samples ORDER BY id", text, sizeof text)) return 0;
  note("%s", text);
  return 1;
}

static MYSQL_STMT *prepared(MYSQL *one, const char *sql) {
  MYSQL_STMT *statement = mysql_stmt_init(one);
  if (mysql_stmt_prepare(statement, sql, strlen(sql)) == 0) return statement;
  fault("%u: %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
  mysql_stmt_close(statement);
  return NULL;
}

static int execute_long(MYSQL_STMT *statement, long long *value) {
  MYSQL_BIND bind;
  memset(&bind, 0, sizeof bind);
  bind.buffer_type = MYSQL_TYPE_LONGLONG;
  bind.buffer = value;
  if (mysql_stmt_bind_param(statement, &bind) == 0 && mysql_stmt_execute(statement) == 0) return 1;
  return fault("%u: %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
}

static int many_times(MYSQL *one) {
  MYSQL_STMT *statement = prepared(one, "SELECT id, name FROM authors WHERE id = ?");
  if (!statement) return 0;
  int ok = 1;
  for (long long i = 0; ok && i < 100; i++) {
    long long key = 501 + i % 3, id = 0;
    char name[61] = "";
    unsigned long length = 0;
    ok = execute_long(statement, &key);
    MYSQL_BIND out[2];
    memset(out, 0, sizeof out);
    out[0].buffer_type = MYSQL_TYPE_LONGLONG;
    out[0].buffer = &id;
    out[1].buffer_type = MYSQL_TYPE_STRING;
    out[1].buffer = name;
    out[1].buffer_length = sizeof name;
    out[1].length = &length;
    mysql_stmt_bind_result(statement, out);
    if (ok && (mysql_stmt_fetch(statement) || id != key)) ok = fault("row %d is %lld", (int)i, id);
    mysql_stmt_free_result(statement);
  }
  mysql_stmt_close(statement);
  return ok;
}

static int binary_types(MYSQL *one) {
  MYSQL_STMT *statement = prepared(one, "SELECT * FROM samples WHERE id < ? ORDER BY id");
  if (!statement) return 0;
  long long limit = 3;
  if (!execute_long(statement, &limit)) return 0;
  MYSQL_RES *columns = mysql_stmt_result_metadata(statement);
  unsigned count = mysql_num_fields(columns);
  static char values[64][256];
  static unsigned long lengths[64];
  static my_bool nulls[64];
  MYSQL_BIND out[64];
  memset(out, 0, sizeof out);
  for (unsigned i = 0; i < count; i++) {
    out[i].buffer_type = MYSQL_TYPE_STRING;
    out[i].buffer = values[i];
    out[i].buffer_length = sizeof values[i];
    out[i].length = &lengths[i];
    out[i].is_null = &nulls[i];
  }
  mysql_stmt_bind_result(statement, out);
  while (mysql_stmt_fetch(statement) == 0) {
    for (unsigned i = 0; i < count; i++) note("%s|", nulls[i] ? "NULL" : values[i]);
    note(";");
  }
  mysql_free_result(columns);
  mysql_stmt_close(statement);
  return 1;
}

static int long_data(MYSQL *one) {
  MYSQL_STMT *statement = prepared(one, "INSERT INTO samples (id, long_bytes) VALUES (3, ?)");
  if (!statement) return 0;
  MYSQL_BIND bind;
  memset(&bind, 0, sizeof bind);
  bind.buffer_type = MYSQL_TYPE_LONG_BLOB;
  mysql_stmt_bind_param(statement, &bind);
  static char chunk[60000];
  memset(chunk, 'x', sizeof chunk);
  for (int i = 0; i < 30; i++) mysql_stmt_send_long_data(statement, 0, chunk, sizeof chunk);
  int ok = mysql_stmt_execute(statement) == 0 || fault("%s", mysql_stmt_error(statement));
  mysql_stmt_close(statement);
  return ok && gives(one, "SELECT LENGTH(long_bytes) FROM samples WHERE id = 3", "1800000;");
}

static int cursor(MYSQL *one) {
  MYSQL_STMT *statement = prepared(one, "SELECT a.id FROM authors a JOIN authors b WHERE a.id > ? ORDER BY a.id");
  if (!statement) return 0;
  unsigned long type = CURSOR_TYPE_READ_ONLY, prefetch = 2;
  mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &type);
  mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &prefetch);
  long long limit = 0, id = 0;
  int ok = execute_long(statement, &limit), count = 0;
  MYSQL_BIND out;
  memset(&out, 0, sizeof out);
  out.buffer_type = MYSQL_TYPE_LONGLONG;
  out.buffer = &id;
  mysql_stmt_bind_result(statement, &out);
  while (ok && mysql_stmt_fetch(statement) == 0) count++;
  if (ok && count != 9) ok = fault("%d rows, expected 9", count);
  mysql_stmt_close(statement);
  return ok;
}

static int bulk(MYSQL *one) {
  MYSQL_STMT *statement = prepared(one, "INSERT INTO books (author_id, title) VALUES (?, 'bulk')");
  if (!statement) return 0;
  long long authors[6] = {501, 502, 503, 501, 502, 503};
  unsigned int size = 6;
  MYSQL_BIND bind;
  memset(&bind, 0, sizeof bind);
  bind.buffer_type = MYSQL_TYPE_LONGLONG;
  bind.buffer = authors;
  mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &size);
  mysql_stmt_bind_param(statement, &bind);
  int ok = mysql_stmt_execute(statement) == 0 || fault("%u: %s", mysql_stmt_errno(statement), mysql_stmt_error(statement));
  mysql_stmt_close(statement);
  return ok && gives(one, "SELECT COUNT(*) FROM books WHERE title = 'bulk'", "6;");
}

static int prepare_errors(MYSQL *one) {
  if (prepared(one, "SELECT * FROM no_such_table WHERE a = ?")) return fault("prepared");
  return strncmp(detail, "1146", 4) == 0;
}

static int transactions(MYSQL *one) {
  mysql_autocommit(one, 0);
  int ok = query(one, "UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)");
  ok = ok && (mysql_commit(one) == 0 || fault("%s", mysql_error(one)));
  ok = ok && query(one, "UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)");
  ok = ok && (one->server_status & SERVER_STATUS_IN_TRANS || fault("not in a transaction"));
  ok = ok && (mysql_rollback(one) == 0 || fault("%s", mysql_error(one)));
  mysql_autocommit(one, 1);
  return ok && gives(one, "SELECT COUNT(*) FROM authors WHERE name = 'kept'", "3;");
}

static int columns(MYSQL *one) {
  if (!query(one, "SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1")) return 0;
  MYSQL_RES *result = mysql_store_result(one);
  for (unsigned i = 0; i < mysql_num_fields(result); i++) {
    MYSQL_FIELD *field = mysql_fetch_field(result);
    note("%s %s %s %s %d %lu %u %u %u;", field->name, field->org_name, field->table, field->org_table, field->type, field->length,
         field->flags, field->decimals, field->charsetnr);
  }
  mysql_free_result(result);
  return 1;
}

static int list_fields(MYSQL *one) {
  MYSQL_RES *result = mysql_list_fields(one, "authors", "%");
  if (!result) return fault("%s", mysql_error(one));
  for (unsigned i = 0; i < mysql_num_fields(result); i++) {
    MYSQL_FIELD *field = mysql_fetch_field(result);
    note("%s %d %u %s;", field->name, field->type, field->flags, field->def ? field->def : "NULL");
  }
  mysql_free_result(result);
  return 1;
}

static int errors(MYSQL *one) {
  return fails(one, 1062, "INSERT INTO authors (id, name) VALUES (501, 'again')") && fails(one, 1064, "SELECT FROM WHERE") &&
         fails(one, 1146, "SELECT * FROM no_such_table") && fails(one, 1054, "SELECT no_such_column FROM authors") &&
         gives(one, "SELECT 1", "1;");
}

static int several(MYSQL *one) {
  MYSQL *many = open_with(getenv("CONFORMANCE_PASSWORD"), getenv("CONFORMANCE_DATABASE"), CLIENT_MULTI_STATEMENTS, 0);
  int results = 0, status, ok = query(many, "SELECT 1; UPDATE authors SET email = 'x' WHERE id = 501; SELECT 2; SELECT no_such_column; SELECT 3");
  do {
    MYSQL_RES *result = mysql_store_result(many);
    if (result) mysql_free_result(result);
    results++;
  } while (ok && (status = mysql_next_result(many)) == 0);
  if (ok && (results != 3 || mysql_errno(many) != 1054)) ok = fault("%d results, error %u", results, mysql_errno(many));
  mysql_close(many);
  return ok && one;
}

static int load(MYSQL *one) {
  char path[] = "/tmp/conformanceXXXXXX";
  int file = mkstemp(path);
  if (file < 0 || write(file, "701,a\n702,b\n703,c\n", 18) != 18) return fault("no file");
  close(file);
  char sql[256];
  snprintf(sql, sizeof sql, "LOAD DATA LOCAL INFILE '%s' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)", path);
  MYSQL *local = open_with(getenv("CONFORMANCE_PASSWORD"), getenv("CONFORMANCE_DATABASE"), 0, 1);
  int ok = query(local, sql) && (mysql_affected_rows(local) == 3 || fault("%d rows", (int)mysql_affected_rows(local)));
  mysql_close(local);
  unlink(path);
  return ok && one;
}

static int session_track(MYSQL *one) {
  const char *text;
  size_t length;
  if (!query(one, "SET time_zone = '+01:00', session_track_system_variables = '*'")) return 0;
  if (!query(one, "SET time_zone = '+02:00'")) return 0;
  if (mysql_session_track_get_first(one, SESSION_TRACK_SYSTEM_VARIABLES, &text, &length)) return fault("no change was told");
  note("%.*s=", (int)length, text);
  if (mysql_session_track_get_next(one, SESSION_TRACK_SYSTEM_VARIABLES, &text, &length)) return fault("no value was told");
  note("%.*s", (int)length, text);
  return query(one, "SET time_zone = DEFAULT");
}

static int killed(MYSQL *one) {
  MYSQL *victim = open_one();
  char sql[64];
  snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id(victim));
  int ok = query(one, sql);
  usleep(200000);
  if (ok && mysql_query(victim, "SELECT 1") == 0) ok = fault("the killed connection still answers");
  mysql_close(victim);
  return ok;
}

static int reconnects(MYSQL *one) {
  MYSQL *victim = open_one();
  my_bool on = 1;
  mysql_options(victim, MYSQL_OPT_RECONNECT, &on);
  char sql[64];
  snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id(victim));
  int ok = query(one, sql);
  usleep(200000);
  ok = ok && gives(victim, "SELECT 'back'", "back;");
  mysql_close(victim);
  return ok;
}

int main(void) {
  printf("{\"version\": \"%s\"}\n", mysql_get_client_info());
  MYSQL *one = open_one();
  check("connect", "login", one, login);
  if (mysql_errno(one)) return 0;
  check("connect", "wrong password", one, wrong_password);
  check("connect", "unknown database", one, unknown_database);
  check("connect", "statistics, options, database", one, commands);
  check("connect", "change user, reset", one, change_user);
  check("connect", "compression", one, compression);
  check("schema", "create tables", one, create);
  check("schema", "alter and truncate", one, alter);
  check("crud", "insert and delete", one, insert);
  check("crud", "update", one, update);
  check("crud", "every type, text protocol", one, every_type);
  check("transactions", "commit and rollback", one, transactions);
  check("prepared", "one statement many times", one, many_times);
  check("prepared", "every type, binary protocol", one, binary_types);
  check("prepared", "long data", one, long_data);
  check("prepared", "cursor", one, cursor);
  check("prepared", "bulk", one, bulk);
  check("prepared", "errors", one, prepare_errors);
  check("metadata", "columns of a result", one, columns);
  check("metadata", "columns of a table", one, list_fields);
  check("errors", "numbers and states", one, errors);
  check("session", "several statements", one, several);
  check("session", "load local data", one, load);
  check("session", "changes are told", one, session_track);
  check("reconnect", "killed connection", one, killed);
  check("reconnect", "by itself", one, reconnects);
  mysql_close(one);
  return 0;
}
