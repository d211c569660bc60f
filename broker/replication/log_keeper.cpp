#include "broker/replication/log_keeper.h"

#include <algorithm>

namespace penstock::replication {

namespace {

constexpr std::size_t facts_per_step = 512;
constexpr std::uint64_t record_overhead_bytes = 64;

std::uint64_t cost(const storage::EntryFacts& facts) {
    return facts.bytes + record_overhead_bytes;
}

}  // namespace

void LogKeeper::flushed(LogIndex applied) {
    while (through_ < applied) {
        const auto facts = store_.facts(set_, through_ + 1, facts_per_step);
        if (!facts || facts->empty()) return;
        for (const storage::EntryFacts& entry : *facts) {
            if (entry.index > applied) return;
            bytes_ += cost(entry);
            through_ = entry.index;
        }
    }
}

bool LogKeeper::advance(LogIndex limit, LogIndex unwanted) {
    const LogIndex began = before_;
    limit = std::min(limit, through_);
    const auto goes_on = [&] {
        return bytes_ > keep_bytes_ || before_ < unwanted;
    };
    while (goes_on() && before_ < limit) {
        const auto facts = store_.facts(set_, before_ + 1, facts_per_step);
        if (!facts || facts->empty()) break;
        for (const storage::EntryFacts& entry : *facts) {
            if (!goes_on() || entry.index > limit) break;
            bytes_ -= cost(entry);
            before_ = entry.index;
        }
    }
    return before_ != began;
}

void LogKeeper::restart(LogIndex before) {
    before_ = before;
    through_ = before;
    bytes_ = 0;
}

}  // namespace penstock::replication
