#!/usr/bin/env bash
# The mariadb command line: batch and interactive use, completion, status, pager, delimiters, LOAD DATA LOCAL.

. "$(dirname "$0")/check.sh"
client "$(mariadb --version | sed -E 's/.*Distrib ([^,]*)-MariaDB.*/\1/')"

login_works() { equal "$(sql -N -e 'SELECT DATABASE(), 1 + 1')" "$CONFORMANCE_DATABASE"$'\t2'; }
wrong_password() { MYSQL_PWD=wrong sql -e 'SELECT 1' 2>&1 | grep -q 'ERROR 1045 (28000)'; }
unknown_database() { mariadb "${login[@]}" no_such_database -e 'SELECT 1' 2>&1 | grep -q 'ERROR 1049 (42000)'; }
status() { sql -e 'status' | grep -E '^(Current database|Server:|Protocol version|Connection:|Server characterset|Client characterset|SSL)' |
  sed -E 's/Connection:.*via TCP.*/Connection: TCP/'; sql -e 'status' | grep -q '^Threads: .*Uptime\|^Uptime'; }
compressed() { equal "$(sql --compress -N -e "SELECT LENGTH(REPEAT('x', 100000))")" 100000; }
create() { fill; }
alter() { sql -e 'ALTER TABLE authors ADD COLUMN extra INT; ALTER TABLE authors DROP COLUMN extra; CREATE INDEX born ON authors (born); DROP INDEX born ON authors'; }
databases() {
  sql -e 'DROP DATABASE IF EXISTS conformance_new; CREATE DATABASE conformance_new'
  mariadb "${login[@]}" conformance_new -e 'CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
  equal "$(mariadb "${login[@]}" conformance_new -N -e 'SELECT SUM(a) FROM t')" 3
  sql -e 'DROP DATABASE conformance_new'
}
batch() { printf 'SELECT name, price FROM authors a JOIN books b ON b.author_id = a.id WHERE a.id = 7 ORDER BY price;\nSELECT NULL, X%s;\n' "'00'" | sql --batch; }
table() { sql --table -e 'SELECT id, name, born FROM authors WHERE id < 4 ORDER BY id'; }
vertical() { sql -e 'SELECT * FROM samples WHERE id = 1\G' --binary-as-hex; }
xml_and_html() { sql --xml -e 'SELECT id, name FROM authors WHERE id = 3'; sql --html -e 'SELECT id, name FROM authors WHERE id = 3'; }
changes() { sql -vv -e "UPDATE authors SET email = 'x@x' WHERE id = 3; DELETE FROM books WHERE id = 120; INSERT INTO books (id, author_id, title) VALUES (120, 1, 'again')" |
  grep -E '^(Query OK|Rows matched|Records)' | sed -E 's/ \([0-9.]+ sec\)//'; }
quick() { sql --quick -N -e 'SELECT a.id FROM authors a JOIN authors b JOIN authors c' | wc -l; }
transaction() {
  sql -e "BEGIN; UPDATE authors SET name = 'lost' WHERE id IN (1, 2, 3); ROLLBACK; BEGIN; UPDATE authors SET name = 'kept' WHERE id IN (1, 2, 3); COMMIT"
  equal "$(sql -N -e "SELECT COUNT(*) FROM authors WHERE name = 'kept'")" 3
}
savepoints() {
  sql -e "BEGIN; UPDATE authors SET name = 'a' WHERE id = 1; SAVEPOINT s; UPDATE authors SET name = 'b' WHERE id IN (2, 3); ROLLBACK TO s; COMMIT"
  equal "$(sql -N -e "SELECT COUNT(*) FROM authors WHERE name = 'kept'")" 2
}
text_prepared() { equal "$(sql -N -e "PREPARE s FROM 'SELECT name FROM authors WHERE id = ?'; SET @a = 5; EXECUTE s USING @a; DEALLOCATE PREPARE s")" 'author 5'; }
column_types() { sql --table --column-type-info -e 'SELECT * FROM samples WHERE id = 1' | grep -E '^(Field|Org_field|Catalog|Database|Table|Org_table|Type|Collation|Length|Decimals|Flags)'; }
shows() { sql -e 'SHOW TABLES LIKE "%o%s"; SHOW COLUMNS FROM authors; SHOW CREATE TABLE books\G SHOW INDEX FROM books; DESCRIBE samples' |
  sed -E 's/ AUTO_INCREMENT=[0-9]+//; s/	[0-9]+	NULL	NULL		BTREE/	n	NULL	NULL		BTREE/; s/	[0-9]+	NULL	NULL	YES	BTREE/	n	NULL	NULL	YES	BTREE/'; }
completion() {
  # A terminal, so that names are read for completion at the start.
  printf 'SELECT lett\t FROM sampl\t WHERE id = 1;\nexit\n' |
    script -qec "mariadb ${login[*]} --auto-rehash --default-character-set=utf8mb4 $CONFORMANCE_DATABASE" /dev/null 2>&1 | grep -q '| abc '
}
pager_and_delimiter() {
  printf 'pager tr a-z A-Z\nSELECT name FROM authors WHERE id = 5;\nnopager\ndelimiter //\nSELECT 1; SELECT 2//\n' | sql -N --force
}
errors() {
  sql -e "INSERT INTO authors (id, name) VALUES (5, 'again')" 2>&1 | grep -o 'ERROR 1062 (23000)'
  sql -e 'SELECT FROM WHERE' 2>&1 | grep -o 'ERROR 1064 (42000)'
  sql -e 'SELECT * FROM no_such_table' 2>&1 | grep -o 'ERROR 1146 (42S02)'
}
force() { printf 'SELECT 1;\nSELECT no_such_column;\nSELECT 2;\n' | sql --force -N 2>/dev/null; }
warnings() { sql --show-warnings -e "INSERT IGNORE INTO authors (id, name) VALUES (5, 'again')" | grep -o 'Warning (Code 1062)'; }
load() {
  printf '701,load one\n702,load two\n703,load three\n' >"$work/rows.csv"
  sql --local-infile=1 -vv -e "LOAD DATA LOCAL INFILE '$work/rows.csv' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)" |
    grep -E '^(Query OK|Records)' | sed -E 's/ \([0-9.]+ sec\)//'
  equal "$(sql -N -e 'SELECT COUNT(*) FROM authors WHERE id BETWEEN 701 AND 703')" 3
}
source_file() {
  printf 'SET @a = 1;\nSELECT @a + 1 AS two;\n' >"$work/file.sql"
  sql -e "source $work/file.sql"
}
init_command() { equal "$(sql --init-command="SET time_zone = '+03:00'" -N -e 'SELECT @@time_zone')" '+03:00'; }
safe_updates() { sql --safe-updates -e 'UPDATE authors SET email = NULL' 2>&1 | grep -o 'ERROR 1175 (HY000)'; }
reconnect() {
  # Only at a terminal; the statement after the one that meets the closed connection makes the client connect again.
  printf 'KILL CONNECTION_ID();\nSELECT 1;\nSELECT "back";\nexit\n' |
    script -qec "mariadb ${login[*]} --reconnect $CONFORMANCE_DATABASE" /dev/null 2>&1 | grep -q '| back '
}
mysqladmin_commands() {
  mariadb-admin "${login[@]}" ping | grep -o alive
  mariadb-admin "${login[@]}" status | grep -qi uptime
  mariadb-admin "${login[@]}" processlist | grep -q "$CONFORMANCE_USER"
}
show_and_check() {
  mariadb-show "${login[@]}" "$CONFORMANCE_DATABASE" | grep -c -w -E 'authors|books|samples'
  mariadb-check "${login[@]}" --check "$CONFORMANCE_DATABASE" authors books | grep -c 'OK$'
}

check connect login login_works
check connect 'wrong password' wrong_password
check connect 'unknown database' unknown_database
check connect status status
check connect compression compressed
check connect mariadb-admin mysqladmin_commands
check schema 'create and fill tables' create
check schema 'alter and index' alter
check schema 'create and drop a database' databases
check crud 'batch output' batch
check crud 'tables' table
check crud 'every type' vertical
check crud 'XML and HTML' xml_and_html
check crud 'what is told of changes' changes
check crud 'row by row' quick
check transactions 'commit and rollback' transaction
check transactions savepoints savepoints
check prepared 'text statements' text_prepared
check metadata 'column types' column_types
check metadata 'SHOW and DESCRIBE' shows
check metadata completion completion
check metadata 'mariadb-show, mariadb-check' show_and_check
check errors 'numbers and states' errors
check errors force force
check session 'pager and delimiter' pager_and_delimiter
check session warnings warnings
check session 'load local data' load
check session 'source' source_file
check session 'initial statement' init_command
check session 'safe updates' safe_updates
check reconnect 'after KILL' reconnect
