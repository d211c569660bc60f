#include "broker/node/background.h"

#include "broker/base/log.h"
#include "broker/core/data_query.h"

#include <algorithm>
#include <string>

namespace penstock::node {

namespace {

constexpr std::uint32_t recount_entries = 1'000;  // one slice
constexpr std::int64_t reclaim_pause_us = 1'000'000;
constexpr std::int64_t reclaim_busy_pause_us = 4'000;  // steps are small: requests come between
// A second's bytes at once would hold up for milliseconds what comes just then.
constexpr std::uint64_t scrubs_a_second = 16;
constexpr std::int64_t scrub_pause_us = 1'000'000 / scrubs_a_second;
constexpr std::int64_t short_of_files_pause_us = 10'000'000;
constexpr std::int64_t low_space_flush_us = 1'000'000;
constexpr std::int64_t space_pause_us = 200'000;
constexpr std::uint64_t space_bytes = 16U << 20;  // written since the last look
constexpr std::int64_t us_per_ms = 1'000;
constexpr std::uint64_t first_flush_bytes = 1ULL << 20;

// The process may open no further file at this moment: what can wait is done later.
bool passes(const char* what, const Error& why) {
    if (why.code != Errc::unavailable) return false;
    log_line(LogLevel::warn,
             "node",
             std::string("event=put_off what=") + what + " detail=" + why.detail +
                 ": raise the limit of open files (LimitNOFILE, ulimit -n)");
    return true;
}

}  // namespace

Background::Background(storage::LogStore& store, const Clock& clock, const NodeOptions& options)
    : store_(store),
      clock_(clock),
      options_(options),
      space_(store.space()),
      space_seen_us_(clock.steady_us()),
      flush_row_bytes_(std::min(options.flush_row_bytes, first_flush_bytes)),
      flushed_us_(clock.steady_us()),
      reclaimed_us_(flushed_us_),
      scrubbed_us_(flushed_us_) {}

void Background::add(HostedSet& set) {
    sets_.push_back(&set);
    if (counted_) return;
    if (set.set() != model::names_set) counting_.push_back({&set, 1, set.applied()});
}

void Background::remove(model::SetId set) {
    std::erase_if(sets_, [set](const HostedSet* hosted) { return hosted->set() == set; });
    std::erase_if(counting_, [set](const Recount& count) { return count.set->set() == set; });
}

const HostedSet* Background::find(model::SetId set) const {
    for (const HostedSet* hosted : sets_) {
        if (hosted->set() == set) return hosted;
    }
    return nullptr;
}

model::LogIndex Background::droppable_to(model::SetId set) const {
    const HostedSet* hosted = find(set);
    if (hosted == nullptr) return 0;
    return hosted->log().droppable_to(hosted->row_store().flushed_applied());
}

std::vector<std::uint32_t> Background::live_ordinals(model::SetId set,
                                                     model::LogIndex index) const {
    // The set of names has no bodies.
    const HostedSet* hosted = find(set);
    if (hosted == nullptr || set == model::names_set) return {};
    return core::live_ordinals(hosted->rows(), index);
}

void Background::release(HostedSet& data, const std::vector<model::Release>& releases) {
    for (const model::Release& release : releases) {
        store_.release(data.set(), release.index, 1);
    }
    if (!releases.empty()) released_ = true;
}

void Background::look_at_space() {
    const std::int64_t now_us = clock_.steady_us();
    const bool old = now_us >= space_seen_us_ + space_pause_us;
    if (!old && logged_bytes_ < space_seen_bytes_ + space_bytes) return;
    space_seen_us_ = now_us;
    space_seen_bytes_ = logged_bytes_;
    space_ = store_.space();
}

bool Background::recount() {
    if (counting_.empty()) {
        counted_ = true;
        store_.recount_done();
        return false;
    }
    Recount& count = counting_.back();
    const model::SetId set = count.set->set();
    const auto visit = [&](model::LogIndex index, std::uint32_t bodies) {
        if (index <= count.last) store_.count_live(set, index, bodies);
    };
    count.next = core::count_live(count.set->rows(), count.next, recount_entries, visit);
    if (count.next == 0 || count.next > count.last) counting_.pop_back();
    return true;
}

Result<void> Background::reclaim(std::int64_t now_us) {
    const bool low = space_ != storage::SpaceLevel::normal;
    const std::int64_t pause = released_ || low ? reclaim_busy_pause_us : reclaim_pause_us;
    if (now_us < reclaimed_us_ + pause) return {};
    reclaimed_us_ = now_us;
    auto more = store_.reclaim(*this);
    if (!more && passes("reclaim", more.error())) {
        reclaimed_us_ = now_us + short_of_files_pause_us;
        return {};
    }
    if (!more) return more.error();
    released_ = *more;
    return {};
}

Result<void> Background::flush(std::int64_t now_us) {
    std::uint64_t unflushed = 0;
    for (HostedSet* set : sets_) {
        logged_bytes_ += set->take_logged_bytes();
        unflushed += set->row_store().unflushed_bytes();
        if (auto tended = set->row_store().tend(); !tended) return tended;
        if (auto health = set->row_store().health(); !health) return health;
    }
    // What is not flushed keeps its segments: short of space, flushing is what frees them.
    const bool low = space_ != storage::SpaceLevel::normal;
    const std::int64_t age_us = now_us - flushed_us_;
    const bool due = unflushed >= flush_row_bytes_ || logged_bytes_ >= options_.flush_log_bytes ||
                     age_us >= std::int64_t{options_.flush_age_ms} * us_per_ms ||
                     (low && age_us >= low_space_flush_us);
    if (!due) return {};
    flushed_us_ = now_us;
    logged_bytes_ = 0;
    space_seen_bytes_ = 0;
    if (unflushed == 0) return {};
    flush_row_bytes_ = std::min(options_.flush_row_bytes, flush_row_bytes_ * 2);
    for (HostedSet* set : sets_) {
        if (auto started = set->row_store().start_flush(); !started) return started.error();
    }
    return {};
}

Result<void> Background::scrub(std::int64_t now_us) {
    const std::int64_t since_us = now_us - scrubbed_us_;
    if (options_.scrub_bytes_per_s == 0 || since_us < scrub_pause_us) return {};
    scrubbed_us_ = now_us;
    const std::uint64_t piece = options_.scrub_bytes_per_s / scrubs_a_second;
    auto damaged = store_.scrub(std::max<std::uint64_t>(piece, 1));
    if (!damaged && passes("scrub", damaged.error())) {
        scrubbed_us_ = now_us + short_of_files_pause_us;
        return {};
    }
    if (!damaged) return damaged.error();
    for (const model::MessageId message : *damaged) {
        damaged_.emplace(message.set(), message.index());
        log_line(LogLevel::error,
                 "node",
                 "damaged body found by scrub message=" + model::to_text(message));
    }
    return {};
}

Result<bool> Background::run() {
    const std::int64_t now_us = clock_.steady_us();
    if (auto flushed = flush(now_us); !flushed) return flushed.error();
    if (!counted_) return recount();
    if (auto reclaimed = reclaim(now_us); !reclaimed) return reclaimed.error();
    if (auto scrubbed = scrub(now_us); !scrubbed) return scrubbed.error();
    return false;
}

std::int64_t Background::next_us() const {
    if (!counted_) return 0;
    const std::int64_t reclaim_us =
        reclaimed_us_ + (released_ ? reclaim_busy_pause_us : reclaim_pause_us);
    if (options_.scrub_bytes_per_s == 0) return reclaim_us;
    return std::min(reclaim_us, scrubbed_us_ + scrub_pause_us);
}

}  // namespace penstock::node
