#!/usr/bin/env bash
# Penstock beside its peers on this machine, in one run: installs RabbitMQ, Redis, NATS and nginx from
# Debian, builds Penstock and the load generator, measures each workload on all of them in turn and
# writes the tables into tests/bench/PEERS.md. tests/bench/peers/README.md.
#   tests/bench/compare.sh                        all of it: two hours
#   tests/bench/compare.sh --quick W1             a look at one workload, written nowhere
#   tests/bench/compare.sh --build FOLDER W1-3    with what is built there already
#   tests/bench/compare.sh --help                 everything else
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/packages.sh

# Debian starts servers as it installs them; those that are measured are started here.
policy=/usr/sbin/policy-rc.d
without_services() {
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  local outcome=0
  "$@" || outcome=$?
  as_root rm -f "$policy"
  return "$outcome"
}

build=1
for word in "$@"; do
  case $word in --build | --build=* | --help | -h) build=0 ;; esac
done
case " $* " in
  *' --help '* | *' -h '*) ;;
  *)
    peers=(nats-server nginx-light python3 rabbitmq-server redis-server)
    command -v node >/dev/null || peers+=(nodejs npm)
    without_services install_packages "${peers[@]}" || true
    for package in "${peers[@]}"; do
      dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed && continue
      echo "compare.sh: the Debian package $package cannot be installed: see above" >&2
      exit 1
    done
    ;;
esac
if [ "$build" = 1 ]; then
  install_packages "${build_packages[@]}"
  build_preset release penstock beast_echo mqload push_sink replicated_log sync_floor
fi
# Their servers keep thousands of connections and files.
ulimit -n "$(ulimit -H -n)"
exec env PYTHONDONTWRITEBYTECODE=1 python3 tests/bench/peers/compare.py "$@"
