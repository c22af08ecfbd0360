#!/usr/bin/env bash
# npm run fuzz: builds, starts a gateway beside one MariaDB, and sends both the same commands, valid and mangled. Arguments
# go to run.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
. src/local/install.sh
die_with_parent test/fuzz/twins/run.sh "$@"
install_traps

need_node
need_packages mariadb client
need_node_modules
need_build
step "building the fuzzer" node_modules/.bin/tsc -p test/fuzz/twins/tsconfig.json || die "The build failed; its output is above."
# What the sources read beside them.
for name in proto vschema package.json; do ln -sfn "../$name" "dist-fuzz/$name"; done
trap - EXIT INT TERM HUP
exec node dist-fuzz/test/fuzz/twins/run.js "$@"
