#!/usr/bin/env bash
# mariadb-dump and restore: tables of a database, with and without --single-transaction, --tab, and mariadb-import.

. "$(dirname "$0")/check.sh"
client "$(mariadb-dump --version | sed -E 's/.*Distrib ([^,]*)-MariaDB.*/\1/')"

dump() { mariadb-dump "${login[@]}" --default-character-set=utf8mb4 "$@"; }
tables=(authors books samples)

prepare() { fill; contents >"$work/before"; }
plain() { dump --hex-blob "$CONFORMANCE_DATABASE" "${tables[@]}" >"$work/plain.sql"; grep -c '^INSERT INTO' "$work/plain.sql"; grep -q 'Dump completed' "$work/plain.sql"; }
restore() {
  sql -e 'DROP TABLE books, authors, samples'
  sql <"$work/plain.sql"
  contents >"$work/after"
  diff "$work/before" "$work/after" >&2
}
single_transaction() {
  fill
  dump --single-transaction --quick --complete-insert --hex-blob --skip-add-locks --skip-disable-keys "$CONFORMANCE_DATABASE" "${tables[@]}" >"$work/single.sql"
  sql -e 'DROP TABLE books, authors, samples'
  sql <"$work/single.sql"
  contents >"$work/after"
  diff "$work/before" "$work/after" >&2
}
definitions() { dump --no-data --compact "$CONFORMANCE_DATABASE" "${tables[@]}" | sed -E 's/ AUTO_INCREMENT=[0-9]+//'; }
rows_only() { dump --no-create-info --compact --hex-blob --order-by-primary --skip-extended-insert "$CONFORMANCE_DATABASE" "${tables[@]}" | sort; }
where() { dump --no-create-info --compact --skip-extended-insert --where='id = 7' "$CONFORMANCE_DATABASE" authors; }
routines() { dump --no-data --routines --events --triggers --compact "$CONFORMANCE_DATABASE" "${tables[@]}" | grep -c 'CREATE TABLE'; }
whole_database() { dump --databases "$CONFORMANCE_DATABASE" --no-data | grep -c -E 'CREATE TABLE `(authors|books|samples)`'; }
xml() { dump --xml --no-create-info "$CONFORMANCE_DATABASE" authors | grep -c '<row>'; }
import() {
  printf '901\timported one\n902\timported two\n' >"$work/authors.txt"
  mariadb-import "${login[@]}" --local --columns=id,name "$CONFORMANCE_DATABASE" "$work/authors.txt" | sed -E "s/^[^:]*: //"
  equal "$(sql -N -e 'SELECT COUNT(*) FROM authors WHERE id > 900')" 2
}
missing() { dump "$CONFORMANCE_DATABASE" no_such_table 2>&1 | grep -o "Couldn't find table"; }

check schema 'create and fill tables' prepare
check schema 'definitions' definitions
check crud dump plain
check crud restore restore
check transactions 'single transaction, restore' single_transaction
check crud 'rows' rows_only
check crud 'rows by a condition' where
check crud XML xml
check metadata 'routines, events, triggers' routines
check metadata 'a whole database' whole_database
check session 'mariadb-import' import
check errors 'unknown table' missing
