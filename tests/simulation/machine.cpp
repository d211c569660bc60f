#include "tests/simulation/machine.h"

#include "broker/base/hash.h"
#include "broker/core/data_query.h"

namespace penstock::simulation {

namespace {

// Small segments and frequent flushes: a short run meets what a server meets in weeks.
node::NodeOptions options(bool flushes) {
    node::NodeOptions made;
    made.data_folder = "data";
    made.dev = true;
    made.version = "simulated";
    made.log.segment_bytes = 1 << 20;
    made.name_reuse_ms = 0;
    made.flush_row_bytes = 16 << 10;
    made.flush_log_bytes = 128 << 10;
    made.flush_age_ms = 5'000;
    if (flushes) return made;
    made.flush_row_bytes = 1ULL << 30;
    made.flush_log_bytes = 1ULL << 30;
    made.flush_age_ms = 1'000'000'000;
    return made;
}

}  // namespace

Machine::Machine(Disk& disk, RowImages& rows, const Clock& clock, Random& random, bool flushes)
    : node_({disk,
             clock,
             random,
             offload_,
             [&rows](const std::string& folder) -> Result<std::unique_ptr<storage::RowStore>> {
                 return storage::make_memory_rows(&rows[folder]);
             }},
            options(flushes)) {}

Result<void> Machine::run() {
    for (int at = 0; at < steps_max; ++at) {
        auto more = step();
        if (!more) return more.error();
        if (!*more) return {};
    }
    return error(Errc::timeout, "the node never comes to rest");
}

std::uint64_t Machine::state_hash() const {
    const auto names = core::progress(node_.names_set().rows());
    const auto data = core::progress(node_.data_set().rows());
    return mix64(names.state_hash ^ mix64(data.state_hash));
}

}  // namespace penstock::simulation
