#!/usr/bin/env bash
# npm run conformance: builds, starts one MariaDB and one Shardgate cluster, runs the clients of clients.ts against them and
# writes the matrix of the README. Arguments go to run.ts. Toolchains that are missing are installed where Debian or Ubuntu
# has them and that is allowed; a client whose toolchain stays away is marked so in the matrix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. src/local/install.sh
die_with_parent test/conformance/run.sh "$@"
install_traps

need_node
need_packages mariadb client etcd
need_node_modules
[ -n "${SHARDGATE_SCRIPT:-}" ] || need_build
step "building the runner" node_modules/.bin/tsc -p test/conformance/tsconfig.json || die "The build failed; its output is above."
if [ -z "${SHARDGATE_CONFORMANCE_NO_INSTALL:-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
  absent=()
  for pair in php:php-cli ruby:ruby python3:python3-venv perl:perl gcc:gcc go:golang-go cargo:cargo javac:default-jdk-headless mvn:maven \
    mydumper:mydumper sysbench:sysbench mariadb-slap:mariadb-client mariadb_config:libmariadb-dev; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || absent+=("${pair#*:}")
  done
  php -m 2>/dev/null | grep -q mysqli || absent+=(php-mysql)
  ruby -e 'require "mysql2"' 2>/dev/null || absent+=(ruby-mysql2)
  perl -MDBD::mysql -e1 2>/dev/null || absent+=(libdbd-mysql-perl)
  perl -MDBD::MariaDB -e1 2>/dev/null || absent+=(libdbd-mariadb-perl)
  if [ ${#absent[@]} -gt 0 ]; then
    deny_services
    apt_step "installing ${absent[*]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "${absent[@]}" || say "    going on without them"
    remove_policy
  fi
fi
trap - EXIT INT TERM HUP
exec node dist-conformance/test/conformance/run.js "$@"
