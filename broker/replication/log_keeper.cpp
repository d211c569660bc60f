#include "broker/replication/log_keeper.h"

#include <algorithm>

namespace penstock::replication {

namespace {

constexpr std::uint64_t record_overhead_bytes = 64;
constexpr std::uint64_t runs_kept = 64;  // so finely what is kept is counted

}  // namespace

bool LogKeeper::fits(const Run& run, std::uint64_t bytes) const {
    return run.bytes + bytes <= keep_bytes_ / runs_kept;
}

// A run that is cut keeps its bytes: too many by less than a run's.
void LogKeeper::cut(LogIndex from) {
    while (!open_.empty() && open_.back().last >= from) {
        const LogIndex earlier = durable_.empty() ? before_ : durable_.back().last;
        const LogIndex before_run = open_.size() > 1 ? open_[open_.size() - 2].last : earlier;
        if (before_run + 1 < from) {
            open_.back().last = from - 1;
            return;
        }
        open_.pop_back();
    }
}

void LogKeeper::add(LogIndex index, std::uint64_t bytes) {
    cut(index);
    const std::uint64_t cost = bytes + record_overhead_bytes;
    if (open_.empty() || !fits(open_.back(), cost)) open_.emplace_back();
    open_.back().last = index;
    open_.back().bytes += cost;
}

void LogKeeper::count(const Run& run) {
    bytes_ += run.bytes;
    if (durable_.empty() || !fits(durable_.back(), run.bytes)) {
        durable_.push_back(run);
        return;
    }
    durable_.back().last = run.last;
    durable_.back().bytes += run.bytes;
}

void LogKeeper::flushed(LogIndex applied) {
    through_ = std::max(through_, applied);
    for (; !open_.empty() && open_.front().last <= through_; open_.pop_front()) {
        count(open_.front());
    }
}

bool LogKeeper::advance(LogIndex limit, LogIndex unwanted) {
    const LogIndex began = before_;
    limit = std::min(limit, through_);
    const auto goes_on = [&] {
        return bytes_ > keep_bytes_ || before_ < unwanted;
    };
    while (goes_on() && !durable_.empty() && durable_.front().last <= limit) {
        bytes_ -= durable_.front().bytes;
        before_ = durable_.front().last;
        durable_.pop_front();
    }
    // A part of a run: its bytes are counted until all of it is gone. While too much is kept all up
    // to the limit goes: a snapshot that moves the limit is wanted only when nothing else is in the
    // way (surplus()).
    before_ = std::max(before_, bytes_ > keep_bytes_ ? limit : std::min(unwanted, limit));
    return before_ != began;
}

void LogKeeper::restart(LogIndex before) {
    before_ = before;
    through_ = before;
    durable_.clear();
    open_.clear();
    bytes_ = 0;
}

}  // namespace penstock::replication
