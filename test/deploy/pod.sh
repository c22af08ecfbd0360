#!/usr/bin/env bash
# pod.sh DIR ROOT MYSQLD: runs DIR/steps.sh in a place like a pod: a network, processes and mounts of its own, the root
# file system read-only, the image's files in /opt/shardgate, DIR/etc in /etc/shardgate, DIR/hosts as /etc/hosts, the socket of
# a mysqld (directory MYSQLD) in /run/mysqld. Needs root. Ends everything that it has started when it ends.
set -euo pipefail
namespace=$(readlink /proc/self/ns/mnt)
if [ -z "${POD_STARTED_IN:-}" ]; then
  POD_STARTED_IN=$namespace exec unshare --net --mount --pid --fork --kill-child --propagation private -- bash "$0" "$@"
fi
# Nothing of this may ever be mounted where others are.
[ "$POD_STARTED_IN" != "$namespace" ] || exit 1
dir=$1 root=$2 mysqld=$3
ip link set lo up

# What is mounted over is not reached any more: everything is taken from here first.
pod=$dir/root
mkdir -p "$pod"
mount -t tmpfs tmpfs "$pod"
mkdir "$pod/at" "$pod/etc" "$pod/opt"
cp -a /etc/. "$pod/etc"
cp "$dir/hosts" "$pod/etc/hosts"
rm -rf "$pod/etc/shardgate"
cp -a "$dir/etc" "$pod/etc/shardgate"
cp "$dir/steps.sh" "$dir/probe.mjs" "$pod/opt"
mkdir -p "$pod/opt/shardgate/vschema"
cp "$root/vschema/vschema.schema.json" "$pod/opt/shardgate/vschema"
cp "$root/package.json" "$pod/opt/shardgate"
mkdir "$pod/opt/shardgate/dist" "$pod/opt/shardgate/proto" "$pod/opt/shardgate/node_modules"
mount --bind "$root/dist" "$pod/opt/shardgate/dist"
mount --bind "$root/proto" "$pod/opt/shardgate/proto"
mount --bind "$(readlink -f "$root/node_modules")" "$pod/opt/shardgate/node_modules"
mount --rbind / "$pod/at"
mount -o remount,bind,ro "$pod/at"
at=$pod/at
mount --bind "$pod/etc" "$at/etc"
mount --rbind "$pod/opt" "$at/opt"
mount -t tmpfs tmpfs "$at/run"
mount -t tmpfs tmpfs "$at/var/cache"
mount -t tmpfs tmpfs "$at/var/lib"
mkdir -p "$at/run/mysqld" "$at/var/cache/shardgate" "$at/var/lib/etcd"
mount --bind "$mysqld" "$at/run/mysqld"
mount -t tmpfs tmpfs "$at/tmp"
mount -t proc proc "$at/proc"
chmod 1777 "$at/tmp" "$at/var/cache/shardgate" "$at/var/lib/etcd"
exec chroot "$at" bash /opt/steps.sh
