#!/usr/bin/env bash
# npm run differential: builds, starts Shardgate clusters beside one MariaDB, and compares answers. Arguments go to run.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. src/local/install.sh
die_with_parent test/differential/run.sh "$@"
install_traps

need_node
need_packages mariadb client
need_node_modules
need_build
step "building the differential tests" node_modules/.bin/tsc -p test/differential/tsconfig.json || die "The build failed; its output is above."
# What the sources read beside them.
for name in proto vschema package.json; do ln -sfn "../$name" "dist-differential/$name"; done
trap - EXIT INT TERM HUP
exec node dist-differential/test/differential/run.js "$@"
