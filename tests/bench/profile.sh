#!/usr/bin/env bash
# Where a message's processor time, bytes, system calls and allocations go on a running server, as the
# tables of RESULTS.md: installs perf, strace and heaptrack from Debian, and runs profile.py.
#   tests/bench/profile.sh                          all workloads: three minutes
#   tests/bench/profile.sh send publish-push        some of them
#   tests/bench/profile.sh --build FOLDER send      with what is built there already
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/packages.sh

folder=build/release
built=0
case ${1:-} in
  --build)
    folder=${2:?the build folder}
    built=1
    shift 2
    ;;
  -*)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
install_packages heaptrack linux-perf procps python3 strace >&2
if [ "$built" = 0 ]; then
  install_packages "${build_packages[@]}" >&2
  build_preset release penstock >&2
fi
export PENSTOCK_BINARY
PENSTOCK_BINARY=$(realpath "$folder")/broker/penstock
exec env PYTHONDONTWRITEBYTECODE=1 python3 tests/bench/profile.py "$@"
