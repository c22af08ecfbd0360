#!/usr/bin/env bash
# npm run chaos: builds, starts a cluster of real processes, and kills them while clients move money between its shards.
# Arguments go to run.ts. `npm run chaos -- drain` stops and starts gateways behind HAProxy instead: run-drain.ts,
# `npm run chaos -- lookups` reads by lookups beside writers: run-lookups.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. src/local/install.sh
die_with_parent test/chaos/run.sh "$@"
install_traps

need_node
need_packages mariadb client etcd etcdctl
if [ "${1:-}" = drain ]; then need_packages haproxy sysbench; fi
need_node_modules
need_build
step "building the chaos test" node_modules/.bin/tsc -p test/chaos/tsconfig.json || die "The build failed; its output is above."
# What the sources read beside them; the processes that are started are those of this build.
for name in proto vschema package.json; do ln -sfn "../$name" "dist-chaos/$name"; done
ln -sfn src dist-chaos/dist
trap - EXIT INT TERM HUP
case "${1:-}" in drain | lookups) exec node "dist-chaos/test/chaos/run-$1.js" "$@" ;; esac
exec node dist-chaos/test/chaos/run.js "$@"
