#!/usr/bin/env bash
# mydumper and myloader: several connections dump a database and load it again.

. "$(dirname "$0")/check.sh"
client "$(mydumper --version 2>&1 | sed -E 's/^mydumper v?([0-9.]+).*/\1/')"

options=(--host "$CONFORMANCE_HOST" --port "$CONFORMANCE_PORT" --user "$CONFORMANCE_USER" --password "$CONFORMANCE_PASSWORD")
prepare() { fill; contents >"$work/before"; }
dump() {
  mydumper "${options[@]}" --database "$CONFORMANCE_DATABASE" --regex "^$CONFORMANCE_DATABASE\.(authors|books|samples)\$" --threads 2 --rows 50 --outputdir "$work/dump" "$@" >&2
  ls "$work/dump" | grep -c -E "^$CONFORMANCE_DATABASE\.(authors|books|samples)(\.[0-9]+)?\.sql\$" | awk '{ exit $1 < 3 }'
}
dump_consistent() { rm -rf "$work/dump"; dump; }
dump_without_locks() { rm -rf "$work/dump"; dump --no-locks; }
dump_trx() { rm -rf "$work/dump"; dump --trx-consistency-only; }
load() {
  sql -e 'DROP TABLE books, authors, samples'
  myloader "${options[@]}" --database "$CONFORMANCE_DATABASE" --directory "$work/dump" --threads 2 --overwrite-tables >&2
  contents >"$work/after"
  diff "$work/before" "$work/after" >&2
}

check schema 'create and fill tables' prepare
check crud 'dump without locks' dump_without_locks
check crud 'load' load
check transactions 'dump of consistent transactions' dump_trx
check transactions 'dump under locks' dump_consistent
