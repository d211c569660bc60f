#include "broker/storage/log/reclaimer.h"

#include "broker/base/log.h"
#include "broker/storage/log/apart.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::storage {

namespace {

constexpr std::size_t drops_a_step = 2;
constexpr std::size_t looks_a_step = 32;  // each may read the disk

// Of the bodies of a large segment: so many are released before it is looked at again.
constexpr std::uint64_t looked_at_again = 8;

std::uint64_t bodies_of(const SegmentInfo& info) {
    std::uint64_t bodies = 0;
    for (const auto& [set, summary] : info.sets) bodies += summary.bodies;
    return bodies;
}

// Roughly the bytes somebody holds: bodies are taken to be of one size, the rest as not held.
std::uint64_t held_bytes(const SegmentInfo& info) {
    std::uint64_t body_bytes = 0;
    for (const auto& [set, summary] : info.sets) body_bytes += summary.body_bytes;
    const std::uint64_t bodies = bodies_of(info);
    return bodies == 0 ? 0 : body_bytes / bodies * std::min(info.live_bodies(), bodies);
}

// A rewritten segment was all held when it was rewritten: then bodies are compared with bodies, or
// its overhead could have it rewritten for ever.
bool is_sparse(const SegmentInfo& info) {
    if (info.distrusted) return true;
    if (info.name.generation != 0) return info.live_bodies() * 2 < bodies_of(info);
    return held_bytes(info) * 2 < info.bytes;
}

// What was released while it was looked through: too much rather than too little, then it is looked
// at again.
void count_released(SegmentInfo& info, const std::map<SetId, std::uint64_t>& before) {
    for (const auto& [set, now] : info.released) {
        const auto known = before.find(set);
        const std::uint64_t since = now - (known == before.end() ? 0 : known->second);
        std::uint64_t& live = info.live[set];
        live -= std::min(live, since);
    }
}

}  // namespace

Result<bool> Reclaimer::step(const LiveBodies& live) {
    const Result<bool> dropped = drop_empty(live);
    if (!dropped || *dropped) return dropped;
    return rewrite_step(live);
}

bool Reclaimer::droppable(const SegmentInfo& info, const LiveBodies& live) const {
    return std::all_of(info.sets.begin(), info.sets.end(), [&](const auto& set) {
        const LogIndex last = state_.last_needed(info, set.first);
        return last == 0 || (last <= live.droppable_to(set.first) && !is_pinned(set.first));
    });
}

bool Reclaimer::is_pinned(SetId set) const {
    const auto pins = state_.pins->find(set);
    return pins != state_.pins->end() && pins->second > 0;
}

// Sets it copies were pinned, or made void, since it began.
bool Reclaimer::is_stale(const Rewrite& rewrite) const {
    const SegmentInfo& old = rewrite.old();
    return std::any_of(old.sets.begin(), old.sets.end(), [&](const auto& set) {
        const LogIndex last = state_.last_needed(old, set.first);
        return is_pinned(set.first) || (last == 0 && rewrite.has_copied(set.first));
    });
}

Result<bool> Reclaimer::drop_empty(const LiveBodies& live) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, info] : state_.catalog.segments()) {
        if (numbers.size() == drops_a_step) break;
        const bool empty = info.footer != 0 && info.live_bodies() == 0 && !info.distrusted;
        if (empty && droppable(info, live)) numbers.push_back(number);
    }
    if (numbers.empty()) return false;
    if (const auto dropped = drop(state_.catalog, numbers); !dropped) return dropped.error();
    return true;
}

// All of one catalog.
Result<void> Reclaimer::drop(Catalog& catalog, const std::vector<std::uint64_t>& numbers) {
    for (const std::uint64_t number : numbers) {
        state_.lose_first_entries(catalog.segments().at(number));
    }
    std::vector<ManifestRow> rows = state_.manifest.rows;
    std::erase_if(rows, [&](const ManifestRow& row) {
        return std::binary_search(numbers.begin(), numbers.end(), row.name.number);
    });
    if (const auto written = state_.list(std::move(rows)); !written) return written;
    for (const std::uint64_t number : numbers) {
        if (rewrite_ && rewrite_->old().name.number == number) {
            const std::unique_ptr<Rewrite> rewrite = std::move(rewrite_);
            if (const auto abandoned = rewrite->abandon(); !abandoned) return abandoned;
        }
        const SegmentInfo& info = catalog.segments().at(number);
        const SegmentName name = info.name;
        state_.forget_copies(info);
        catalog.remove(number);
        state_.sealed.forget(number);
        std::erase_if(state_.damaged, [number](const auto& at) { return at.first == number; });
        if (const auto removed = state_.files.remove_segment(name); !removed) return removed;
    }
    return {};
}

const SegmentInfo* Reclaimer::to_repair(const LiveBodies& live) const {
    for (const auto& [place, copy] : state_.copies) {
        const auto found = state_.catalog.place_of(place.first, place.second);
        if (!found) continue;
        const SegmentInfo& info = state_.catalog.segments().at(found->number);
        if (info.footer != 0 && !info.keep && droppable(info, live)) return &info;
    }
    return nullptr;
}

const SegmentInfo* Reclaimer::sparsest(const LiveBodies& live) const {
    const SegmentInfo* best = nullptr;
    for (const Catalog* catalog : {&state_.catalog, &state_.large}) {
        for (const auto& [number, info] : catalog->segments()) {
            // Of large bodies nothing goes by counts alone, so this one also when it may be empty.
            const bool keep = info.keep && !(info.name.large && info.live_bodies() == 0);
            if (info.footer == 0 || keep || !is_sparse(info)) continue;
            if (info.released_bodies() < info.look_from) continue;
            if (best != nullptr && held_bytes(info) >= held_bytes(*best)) continue;
            if (droppable(info, live)) best = &info;
        }
    }
    return best;
}

Result<void> Reclaimer::begin(const SegmentInfo& info) {
    auto sealed = state_.sealed.get(info);
    if (!sealed && sealed.error().code == Errc::damaged) {
        keep(info.name, sealed.error().detail);
        return {};
    }
    if (!sealed) return sealed.error();
    rewrite_ = std::make_unique<Rewrite>(state_, std::move(*sealed), info);
    return {};
}

Result<void> Reclaimer::look(const LiveBodies& live) {
    for (std::size_t done = 0; done < looks_a_step && !look_->left.empty(); ++done) {
        const auto [set, index] = look_->left.back();
        const auto held = held_apart(state_, set, index, look_->number, live);
        // It is looked at again when files may be opened.
        if (!held) return held.error();
        look_->left.pop_back();
        look_->held[set] += held->size();
    }
    if (!look_->left.empty()) return {};
    SegmentInfo& info = state_.large.segments().at(look_->number);
    info.live = std::move(look_->held);
    count_released(info, look_->released);
    info.look_from = info.released_bodies() + bodies_of(info) / looked_at_again;
    look_.reset();
    return is_sparse(info) && droppable(info, live) ? begin(info) : Result<void>{};
}

Result<bool> Reclaimer::rewrite_step(const LiveBodies& live) {
    if (look_) {
        if (const auto looked = look(live); !looked) return looked.error();
        return true;
    }
    if (!rewrite_) {
        const SegmentInfo* info = to_repair(live);
        if (info == nullptr) info = sparsest(live);
        if (info == nullptr) return false;
        if (info->name.large) {
            look_.emplace().number = info->name.number;
            look_->released = info->released;
            for (const auto& [set, places] : info->places) {
                for (const LargePlace& place : places) look_->left.emplace_back(set, place.index);
            }
            return true;
        }
        if (const auto begun = begin(*info); !begun) return begun.error();
        if (!rewrite_) return true;
    }
    if (is_stale(*rewrite_)) {
        const std::unique_ptr<Rewrite> rewrite = std::move(rewrite_);
        if (const auto abandoned = rewrite->abandon(); !abandoned) return abandoned.error();
        return true;
    }
    const Result<Rewrite::Step> step = rewrite_->step(live);
    if (step && *step == Rewrite::Step::more) return true;
    if (step && *step == Rewrite::Step::done) {
        if (const auto taken = take_rewritten(); !taken) return taken.error();
        return true;
    }
    const std::unique_ptr<Rewrite> rewrite = std::move(rewrite_);
    const auto ends_with = [&](Errc code) {
        return !step && step.error().code == code;
    };
    const bool full = ends_with(Errc::disk_full);
    const bool passes = ends_with(Errc::unavailable);
    if (!step && !full && !passes) return step.error();
    if (const auto abandoned = rewrite->abandon(); !abandoned) return abandoned.error();
    if (full) return false;  // what is deleted later makes room
    if (passes) return step.error();
    keep(rewrite->old().name, "path=" + state_.files.path(rewrite->old().name));
    return true;
}

void Reclaimer::keep(SegmentName name, const std::string& why) {
    SegmentInfo& info = state_.catalog_of(name).segments().at(name.number);
    info.keep = true;
    if (name.large) info.look_from = info.released_bodies() + 1;
    state_.forget_copies(info);
    log_line(LogLevel::error, "storage/log", "not rewritten: records cannot be read " + why);
}

Result<void> Reclaimer::take_rewritten() {
    const std::unique_ptr<Rewrite> rewrite = std::move(rewrite_);
    const std::uint64_t number = rewrite->old().name.number;
    Catalog& catalog = state_.catalog_of(rewrite->old().name);
    if (rewrite->result().sets.empty()) return drop(catalog, {number});
    const SegmentInfo& old = catalog.segments().at(number);
    const auto& released = rewrite->old().released;
    state_.lose_first_entries(old);
    std::vector<ManifestRow> rows = state_.manifest.rows;
    SegmentInfo info = rewrite->result();
    for (ManifestRow& row : rows) {
        if (row.name.number == number) row = {info.name, info.bytes, info.footer};
    }
    state_.manifest.shares_bodies = state_.manifest.shares_bodies || rewrite->shares_bodies();
    if (const auto written = state_.list(std::move(rows), number); !written) return written;
    // Of large bodies counts only tell when to look again: what is rewritten was looked at.
    if (!old.name.large) info.live = old.live;
    if (old.distrusted || old.name.large) {
        for (const auto& [set, summary] : info.sets) info.live[set] = summary.bodies;
    }
    if (old.name.large) {
        info.released = old.released;
        count_released(info, released);
    }
    state_.forget_copies(old);
    catalog.replace(info);
    state_.sealed.forget(number);
    std::erase_if(state_.damaged, [number](const auto& at) { return at.first == number; });
    state_.rewritten_bytes += rewrite->written_bytes();
    return state_.files.remove_segment(rewrite->old().name);
}

}  // namespace penstock::storage
