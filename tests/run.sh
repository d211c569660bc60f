#!/usr/bin/env bash
# Installs what is missing, builds and runs the tests; ends with "N passed, N failed".
#   tests/run.sh            what continuous integration runs: fast, slow, the same fast ones under
#                           sanitizers, end to end
#   tests/run.sh --fast     the fast ones only
#   tests/run.sh --full     as the default, and end to end at full size
#   tests/run.sh --nightly  as --full, and the tests that run for hours
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/packages.sh

size=${1:---default}
case $size in
  --default | --fast | --full | --nightly) ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
results=$PWD/build/results
rm -rf "$results"
mkdir -p "$results"
broken=0

# run_label PRESET LABEL [CTEST OPTION...]: results of every program land in $results.
run_label() {
  local preset=$1 label=$2
  shift 2
  say "tests $preset, $label: running"
  GTEST_OUTPUT="xml:$results/$preset/" ctest --test-dir "build/$preset" --output-on-failure \
    --no-tests=error --label-regex "^$label\$" --output-junit "$results/$preset-$label.xml" "$@" ||
    broken=1
}

install_packages "${build_packages[@]}" "${test_packages[@]}"
case $size in --fast) build_preset release fast_tests ;; *) build_preset release ;; esac
run_label release fast --parallel "$(nproc)"
if [ "$size" != --fast ]; then
  run_label release slow
  build_preset asan fast_tests
  run_label asan fast --parallel "$(nproc)"
  run_label release e2e
fi
case $size in --full | --nightly) run_label release full ;; esac
if [ "$size" = --nightly ]; then run_label release nightly; fi

python3 tests/support/count_results.py "$results" || broken=1
exit $broken
