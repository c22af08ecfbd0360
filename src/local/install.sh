# Sourced by up.sh, test/run.sh and bench/run.sh: makes sure that a clone has what it needs. Installs Debian or Ubuntu
# packages that are missing, the npm packages, and builds. Long steps say what they do and how long it takes.
#
# Services: what is installed here is never started nor enabled as a service of the machine; what was there before is
# not touched. Signals: npm and tsc are ended at once and their half-made output removed; a package installation is
# finished first, since dpkg must not be cut off.

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  echo "install.sh is sourced by up.sh, test/run.sh and bench/run.sh" >&2
  exit 2
fi

# Each argument is a line.
say() { printf '%s\n' "$@" >&2; }
die() {
  say "$@"
  exit 1
}

step_pid=""
step_log=""
step_undo=""
policy_file=""

# Runs when the script ends or is interrupted.
install_cleanup() {
  if [ -n "$step_pid" ]; then
    kill -TERM -- "-$step_pid" 2>/dev/null || kill -TERM "$step_pid" 2>/dev/null || true
    wait "$step_pid" 2>/dev/null || true
    step_pid=""
    [ -z "$step_undo" ] || eval "$step_undo"
  fi
  [ -z "$step_log" ] || rm -f "$step_log"
  remove_policy
}

# die_with_parent SCRIPT ARGS...: npm runs scripts through a shell, passes SIGTERM to that shell alone, and is itself
# sometimes killed. Starts SCRIPT again so that the kernel sends it SIGTERM when its parent is gone.
die_with_parent() {
  if [ -n "${npm_lifecycle_event:-}" ] && [ -z "${SHARDGATE_GUARDED:-}" ] && setpriv --pdeathsig TERM true 2>/dev/null; then
    SHARDGATE_GUARDED=1 exec setpriv --pdeathsig TERM -- bash "$@"
  fi
  unset SHARDGATE_GUARDED
}

install_traps() {
  trap install_cleanup EXIT
  trap 'say "interrupted"; exit 130' INT
  trap 'exit 143' TERM HUP
}

# step TEXT COMMAND...: runs a command quietly, with a line every ten seconds; shows its output when it fails.
# A command run as `step_undo=... step ...` is undone when it is interrupted or fails.
step() {
  local text=$1 start=$SECONDS status=0
  shift
  say "==> $text"
  step_log=$(mktemp "${TMPDIR:-/tmp}/shardgate-step.XXXXXX")
  # A process group of its own, so that a signal reaches all of it.
  set -m
  "$@" >"$step_log" 2>&1 </dev/null &
  step_pid=$!
  set +m
  while kill -0 "$step_pid" 2>/dev/null; do
    # wait on a short sleep instead of sleeping, so that a trap runs at once
    sleep 0.2 &
    wait $! || true
    local elapsed=$((SECONDS - start))
    if [ "$elapsed" -gt 0 ] && [ $((elapsed % 10)) -eq 0 ] && [ "$elapsed" != "${told:-}" ]; then
      local told=$elapsed
      say "    ${elapsed} s: $(tail -n 1 "$step_log" | cut -c 1-100)"
    fi
  done
  wait "$step_pid" || status=$?
  step_pid=""
  if [ "$status" -ne 0 ]; then
    say "    failed (exit code $status):"
    # Colours and blank lines of tools that take this for a terminal are left out.
    sed -e 's/\x1b\[[0-9;]*m//g' -e '/^[[:space:]]*$/d' "$step_log" | awk '
      { line[NR] = $0 }
      END { for (i = 1; i <= NR; i++) if (NR <= 80 || i <= 20 || i > NR - 50) print line[i]; else if (i == 21) print "..." }' >&2
    rm -f "$step_log"
    step_log=""
    [ -z "$step_undo" ] || eval "$step_undo"
    return "$status"
  fi
  rm -f "$step_log"
  step_log=""
}

need_node() {
  local version
  command -v node >/dev/null 2>&1 || die "Node.js 20 or newer is needed and no node is on the PATH." \
    "Install it from https://nodejs.org/en/download or with your version manager, then run this again."
  version=$(node -p 'process.versions.node')
  [ "${version%%.*}" -ge 20 ] || die "Node.js 20 or newer is needed; $(command -v node) is $version." \
    "Install a newer one from https://nodejs.org/en/download or with your version manager, then run this again."
  command -v npm >/dev/null 2>&1 || die "npm is missing; it comes with Node.js from https://nodejs.org/en/download"
}

have() {
  case $1 in
    mariadb) PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec" command -v mariadbd >/dev/null 2>&1 ||
      PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec" command -v mysqld >/dev/null 2>&1 ;;
    client) command -v mysql >/dev/null 2>&1 || command -v mariadb >/dev/null 2>&1 ;;
    *) PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# need_packages PART...: parts are mariadb, client, etcd, etcdctl, haproxy, sysbench.
need_packages() {
  local missing=() part
  for part in "$@"; do have "$part" || missing+=("$part"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    die "Missing on this machine: ${missing[*]}." \
      "It is not Debian or Ubuntu (no apt-get), so please install them by hand and run this again:" \
      "  mariadb   MariaDB 10.6 or newer, or MySQL 8: the server, so that mariadbd or mysqld is on the PATH" \
      "  client    the mysql or mariadb command-line client" \
      "  etcd      etcd 3.4 or newer: https://etcd.io/docs/latest/install/" \
      "  etcdctl   etcd's command-line client, only for npm test" \
      "  haproxy, sysbench   only for npm run bench"
  fi
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "Missing: ${missing[*]}; installing them needs root, and there is no sudo." \
      "As root: apt-get update && apt-get install $(package_names "${missing[@]}")"
    root=(sudo)
    if ! sudo -n true 2>/dev/null; then
      [ -t 0 ] || die "Missing: ${missing[*]}; installing them needs root, and sudo would ask for a password." \
        "Run: sudo apt-get update && sudo apt-get install $(package_names "${missing[@]}")"
      say "==> installing ${missing[*]} needs root; sudo may ask for your password"
      sudo -v || die "sudo did not allow it."
    fi
  fi
  # A repository that cannot be reached fails the update; the others' lists may still do.
  apt_step "updating the package lists" "${root[@]}" apt-get update || say "    going on with the lists there are"
  local names
  names=$(package_names "${missing[@]}")
  deny_services "${root[@]}"
  # shellcheck disable=SC2086
  apt_step "installing $names" "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 $names ||
    die "apt-get could not install them; its output is above."
  disable_services "${root[@]}"
  remove_policy
  for part in "${missing[@]}"; do have "$part" || die "$part is still missing after installing $names."; done
}

# The packages of this release that hold the parts. The core package of MariaDB has the programs without a service.
package_names() {
  local part names=()
  for part in "$@"; do
    case $part in
      mariadb) if has_package mariadb-server-core; then names+=(mariadb-server-core mariadb-client); else names+=(mariadb-server); fi ;;
      client) if has_package mariadb-client; then names+=(mariadb-client); else names+=(default-mysql-client); fi ;;
      etcdctl) if has_package etcd-client; then names+=(etcd-client); else names+=(etcd); fi ;;
      etcd) if has_package etcd-server; then names+=(etcd-server); else names+=(etcd); fi ;;
      *) names+=("$part") ;;
    esac
  done
  printf '%s\n' "${names[@]}" | sort -u | tr '\n' ' ' | sed 's/ $//'
}

has_package() {
  # Not piped: grep -q would close the pipe on apt-cache, which pipefail takes for a failure.
  local policy
  policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null) || return 1
  [[ $policy =~ Candidate:\ [^\(] ]]
}

# apt and dpkg are not interrupted: a signal is remembered and acted on when they are done.
apt_step() {
  local signal="" status=0
  trap 'signal=130; say "    stopping when the installation is done (cutting dpkg off would break it)"' INT
  trap 'signal=143; say "    stopping when the installation is done (cutting dpkg off would break it)"' TERM HUP
  step "$@" || status=$?
  install_traps
  [ -z "$signal" ] || exit "$signal"
  return "$status"
}

# invoke-rc.d asks this file before it starts a service; 101 is no. One that exists already is the machine's own.
deny_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  policy_file=/usr/sbin/policy-rc.d
  policy_root=("$@")
  printf '#!/bin/sh\nexit 101\n' | "$@" tee "$policy_file" >/dev/null
  "$@" chmod 755 "$policy_file"
}

remove_policy() {
  [ -n "$policy_file" ] || return 0
  "${policy_root[@]}" rm -f "$policy_file"
  policy_file=""
}

# Only services of parts that were missing come here, so none that somebody relies on is switched off.
disable_services() {
  local service
  for part in "${missing[@]}"; do
    case $part in
      mariadb) service=mariadb ;;
      etcd | haproxy) service=$part ;;
      *) continue ;;
    esac
    if [ -d /run/systemd/system ]; then
      "$@" systemctl disable --now "$service" >/dev/null 2>&1 || true
    elif command -v systemctl >/dev/null 2>&1; then
      "$@" systemctl disable "$service" >/dev/null 2>&1 || true
    elif command -v update-rc.d >/dev/null 2>&1; then
      "$@" update-rc.d "$service" disable >/dev/null 2>&1 || true
    fi
  done
}

# The npm packages of package-lock.json; npm writes node_modules/.package-lock.json last.
need_node_modules() {
  # A link is somebody's own arrangement: npm ci would empty the folder that it leads to.
  if [ -L node_modules ]; then return 0; fi
  if [ -e node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]; then
    return 0
  fi
  step_undo='rm -rf node_modules'
  step "installing npm packages" npm ci --no-audit --no-fund --loglevel=error || die "npm ci failed; its output is above."
  touch node_modules/.package-lock.json
  step_undo=""
}

need_build() {
  step "building" npm run --silent build || die "The build failed; its output is above."
}
