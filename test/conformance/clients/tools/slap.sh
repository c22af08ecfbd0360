#!/usr/bin/env bash
# mysqlslap (mariadb-slap): load from several connections, of given statements and of its own.

. "$(dirname "$0")/check.sh"
client "$(mariadb-slap --version | sed -E 's/.*Distrib ([^,]*)-MariaDB.*/\1/')"

slap() { mariadb-slap "${login[@]}" --silent "$@" >/dev/null; }
reads() { slap --create-schema="$CONFORMANCE_DATABASE" --no-drop --concurrency=8 --number-of-queries=400 --query='SELECT name FROM authors WHERE id = 7'; }
scattered() { slap --create-schema="$CONFORMANCE_DATABASE" --no-drop --concurrency=4 --number-of-queries=100 --query='SELECT COUNT(*), MAX(price) FROM books'; }
writes() {
  slap --create-schema="$CONFORMANCE_DATABASE" --no-drop --concurrency=4 --number-of-queries=200 --query="INSERT INTO authors (name) VALUES ('slap')"
  sql -N -e "SELECT COUNT(*) FROM authors WHERE name = 'slap'"
}
transactions() {
  slap --create-schema="$CONFORMANCE_DATABASE" --no-drop --concurrency=4 --number-of-queries=50 --delimiter=';' \
    --query="UPDATE authors SET score = score + 1 WHERE id = 7; UPDATE authors SET score = score + 1 WHERE id IN (8, 9)" --commit=1
}
generated() { slap --create-schema=conformance_slap --auto-generate-sql --auto-generate-sql-load-type=mixed --auto-generate-sql-guid-primary --concurrency=4 --number-of-queries=200; }

check schema 'create and fill tables' fill
check crud 'reads by key' reads
check crud 'reads of all rows' scattered
check crud 'writes' writes
check transactions 'several updates' transactions
check schema 'statements and database of its own' generated
