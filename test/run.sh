#!/usr/bin/env bash
# npm test: installs what the tests need, builds, checks types, lint and format, and runs all tests. Arguments go to
# vitest: `npm test -- test/unit/topo`; with arguments the checks are skipped. Of all tests, the files that failed, where those
# are few, are run once more by themselves, with servers of their own: what then passes is told and no failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/local/install.sh
die_with_parent test/run.sh "$@"
install_traps

need_node
need_packages mariadb client etcd etcdctl haproxy
need_node_modules
need_build
if [ $# -eq 0 ]; then
  step "checking types, lint and format" npm run --silent check || die "The check failed; its output is above."
fi
trap - EXIT INT TERM HUP
if [ $# -gt 0 ]; then exec node node_modules/vitest/vitest.mjs run "$@"; fi

# More than that is no accident.
again_max=6
failed=$(mktemp "${TMPDIR:-/tmp}/shardgate-failed.XXXXXX")
trap 'rm -f "$failed"' EXIT
SHARDGATE_TEST_FAILED=$failed node node_modules/vitest/vitest.mjs run &
tests=$!
trap 'kill -TERM $tests; wait $tests || true; exit 130' INT
trap 'kill -TERM $tests; wait $tests || true; exit 143' TERM HUP
status=0
wait "$tests" || status=$?
mapfile -t files <"$failed"
if [ "$status" -eq 0 ] || [ ${#files[@]} -eq 0 ] || [ ${#files[@]} -gt "$again_max" ]; then exit "$status"; fi
say "==> running once more, by themselves: ${files[*]}"
node node_modules/vitest/vitest.mjs run --maxWorkers=1 "${files[@]}" &
tests=$!
status=0
wait "$tests" || status=$?
[ "$status" -ne 0 ] || say "PASSED ONLY WHEN RUN AGAIN: ${files[*]}"
exit "$status"
