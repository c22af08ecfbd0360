#!/usr/bin/env bash
# npm test: installs what the tests need, builds, checks types, lint and format, and runs all tests. Arguments go to
# vitest: `npm test -- test/unit/topo`; with arguments the checks are skipped.
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
exec node node_modules/vitest/vitest.mjs run "$@"
