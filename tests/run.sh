#!/usr/bin/env bash
# Installs what is missing, builds and runs the tests; ends with "N passed, N failed".
#   tests/run.sh            what continuous integration runs: fast, slow, end to end, and 20 seconds
#                           of each fuzz target
#   tests/run.sh --fast     the fast ones only
#   tests/run.sh --full     as the default, all fast ones and clusters under sanitizers, and all at
#                           full size
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

# beside_e2e: what needs processors and no clock, at idle priority; how it ended.
beside=$PWD/build/beside.log
beside_e2e() {
  chrt --idle --pid 0 "$BASHPID"
  build_preset fuzz fuzz_targets || return 1
  run_label release computing --parallel "$(nproc)"
  return "$broken"
}

install_packages "${build_packages[@]}" "${test_packages[@]}"
case $size in --full | --nightly) install_packages "${full_packages[@]}" ;; esac
case $size in --fast) build_preset release fast_tests ;; *) build_preset release ;; esac
run_label release fast --parallel "$(nproc)"
# Slow ones that play whole clusters or hostile peers; threads race in the transport alone, and what
# loads the engine does not run under the thread sanitizer (broker/replication/etcd_raft/README.md).
clusters=(cluster_founding_test cluster_simulation_20_seeds peers_hostile_test raft_simulation_test)
threaded=(peers_hostile_test peers_test)
if [ "$size" != --fast ]; then
  # A shared machine may stand still for seconds: what fails is run once more, and both are shown.
  run_label release slow --parallel "$(nproc)" --label-exclude '^computing$' --repeat until-pass:2
  # End-to-end tests wait twice as long as they compute: twice as many at a time as there are
  # processors. What only computes, and the parsers and codecs under the address and
  # undefined-behaviour sanitizers, which are compiled for it, have what is left meanwhile, and the
  # scheduler gives them nothing that anybody else wants.
  trap "kill 0" INT  # it would not hear that itself
  beside_e2e >"$beside" 2>&1 &
  computing=$!
  run_label release e2e --parallel "$(($(nproc) * 2))" --repeat until-pass:2
  say "what computes beside them: waiting for it"
  wait "$computing" || broken=1
  cat "$beside"
  run_label fuzz fuzz --parallel "$(nproc)"
fi
case $size in
  --full | --nightly)
    build_preset asan fast_tests "${clusters[@]}"
    run_label asan fast --parallel "$(nproc)"
    run_label asan slow --tests-regex "^($(IFS='|' && echo "${clusters[*]}"))\$"
    build_preset tsan "${threaded[@]}"
    run_label tsan fast --tests-regex "^($(IFS='|' && echo "${threaded[*]}"))\$"
    run_label tsan slow --tests-regex "^($(IFS='|' && echo "${threaded[*]}"))\$"
    run_label release full
    ;;
esac
if [ "$size" = --nightly ]; then
  run_label release nightly
  run_label fuzz nightly --parallel "$(nproc)"
fi

python3 tests/support/count_results.py "$results" || broken=1
exit $broken
