#include "tests/storage/log/crash_run.h"

#include "tests/storage/log/log_workload.h"

namespace penstock::storage::testing {

namespace {

constexpr std::uint64_t turns_after = 5;

std::function<LogIndex(SetId)> applied_of(const LogWorkload& workload) {
    return [&workload](SetId set) {
        return workload.applied(set);
    };
}

LogStoreOptions options_of(std::uint64_t zero_ahead) {
    LogStoreOptions options = small_segments();
    options.zero_ahead = zero_ahead;
    return options;
}

}  // namespace

std::string crash(const CrashRun& run) {
    const LogStoreOptions options = options_of(run.zero_ahead);
    MemoryDisk disk;
    LogWorkload workload(run.seed);
    disk.stop_after(run.stop_after);
    disk.plant_lying_syncs(run.lying_syncs);
    if (auto store = try_open(disk, options)) {
        (*store)->recount_done();
        workload.run(**store, run.turns);
    }
    const auto image = disk.crash_image(mix64(run.seed * 100'003 + run.stop_after));
    auto reopened = try_open(*image, options, applied_of(workload));
    if (!reopened) return reopened.error().detail;
    if (std::string wrong = workload.check(**reopened); !wrong.empty()) return wrong;
    // What recovery left must carry on, and be there after one more crash.
    workload.adopt(**reopened);
    if (!workload.run(**reopened, turns_after)) return "the reopened store failed";
    const auto again = image->crash_image(run.seed);
    reopened = try_open(*again, options, applied_of(workload));
    if (!reopened) return reopened.error().detail;
    return workload.check(**reopened);
}

CrashSpan span_of(std::uint64_t seed, std::uint64_t turns, std::uint64_t zero_ahead) {
    MemoryDisk disk;
    LogWorkload workload(seed);
    const auto store = open_store(disk, options_of(zero_ahead));
    store->recount_done();
    EXPECT_TRUE(workload.run(*store, turns));
    const LogStoreStats stats = store->stats();
    return {disk.operations(), stats.rewritten_bytes > 0, stats.shared_bytes > 0};
}

}  // namespace penstock::storage::testing
