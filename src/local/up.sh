#!/usr/bin/env bash
# npm run up: from a fresh clone to a running demo cluster. Installs what is missing, builds, and hands over to
# `shardgate local --demo`, which stays in the foreground until Ctrl-C.
#
#   npm run up                              port 15306, data in ./data
#   npm run up -- --port 15400 --data-dir /tmp/demo
#   SHARDGATE_PORT=15400 npm run up
set -euo pipefail
caller_dir=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. src/local/install.sh
die_with_parent src/local/up.sh "$@"

case " $* " in
  *" --help "* | *" -h "*)
    cat <<'TEXT'
Usage: npm run up -- [flags]

Installs what is missing (mariadb-server, etcd, npm packages), builds, and starts a demo cluster: the keyspaces of
vschema/, each shard with a mysqld of its own, and one gateway. Ctrl-C stops all of it.

  --port PORT       gateway's port on 127.0.0.1 (default 15306, or SHARDGATE_PORT)
  --data-dir DIR    where the databases are kept (default ./data, or SHARDGATE_DATA_DIR); delete it to start anew
  and every other flag of `shardgate local --help`, such as --replicas 1
TEXT
    exit 0
    ;;
esac

install_traps
need_node
need_packages mariadb client etcd
need_node_modules
need_build
trap - EXIT INT TERM HUP
[ "$caller_dir" = "$PWD" ] || say "==> working in $PWD"
exec node dist/bin/shardgate.js local --demo "$@"
