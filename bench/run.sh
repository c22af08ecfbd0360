#!/usr/bin/env bash
# npm run bench: installs haproxy and sysbench besides what the tests need, builds, and measures. Arguments go to
# bench/main.ts; a first argument that is another file of bench/ runs that one: `npm run bench -- sql`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. src/local/install.sh
die_with_parent bench/run.sh "$@"
install_traps

need_node
need_packages mariadb client etcd haproxy sysbench
need_node_modules
need_build
step "building the benches" node_modules/.bin/tsc -p tsconfig.bench.json || die "The build failed; its output is above."
trap - EXIT INT TERM HUP
# Ten thousand connections need as many descriptors in each process.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
case ${1:-} in
  main | "" | -*) exec node dist-bench/bench/main.js "$@" ;;
esac
if [ -f "dist-bench/bench/$1.js" ] && ! grep -q "^export async function bench" "bench/$1.ts"; then
  script=$1
  shift
  exec node "dist-bench/bench/$script.js" "$@"
fi
exec node dist-bench/bench/main.js "$@"
