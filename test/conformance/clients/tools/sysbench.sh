#!/usr/bin/env bash
# sysbench's OLTP workloads with prepared statements (auto) and without (disable).

. "$(dirname "$0")/check.sh"
client "$(sysbench --version | awk '{ print $2 }')"

bench() {
  local workload=$1 mode=$2
  shift 2
  sysbench "$workload" --db-driver=mysql --mysql-host="$CONFORMANCE_HOST" --mysql-port="$CONFORMANCE_PORT" \
    --mysql-user="$CONFORMANCE_USER" --mysql-password="$CONFORMANCE_PASSWORD" --mysql-db="$CONFORMANCE_DATABASE" \
    --db-ps-mode="$mode" --tables=2 --table-size=500 --threads=4 --auto-inc=off "$@"
}
# No error may be met, and no transaction be tried again but for deadlocks, which a plain server has, too.
run() {
  bench "$@" --events=300 --time=60 run >"$work/report" 2>&1 || {
    grep -E 'FATAL|error' "$work/report" | head -3 >&2
    return 1
  }
  grep -q 'total number of events: *3' "$work/report"
}
prepare() { bench oltp_read_write disable cleanup >/dev/null 2>&1 || true; bench oltp_read_write disable prepare >/dev/null; sql -N -e 'SELECT COUNT(*) FROM sbtest1' ; }
cleanup() { bench oltp_read_write disable cleanup >/dev/null; }

text_point() { run oltp_point_select disable; }
text_read() { run oltp_read_only disable; }
text_write() { run oltp_read_write disable; }
prepared_point() { run oltp_point_select auto; }
prepared_read() { run oltp_read_only auto; }
prepared_write() { run oltp_read_write auto; }
prepared_update() { run oltp_update_index auto; }

check schema prepare prepare
check crud oltp_point_select text_point
check transactions oltp_read_only text_read
check transactions oltp_read_write text_write
check prepared oltp_point_select prepared_point
check prepared oltp_read_only prepared_read
check prepared oltp_read_write prepared_write
check prepared oltp_update_index prepared_update
check schema cleanup cleanup
