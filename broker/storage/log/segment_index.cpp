#include "broker/storage/log/segment_index.h"

#include "broker/base/check.h"
#include "broker/storage/log/record_format.h"

#include <algorithm>

namespace penstock::storage {

const Sample* SetIndex::floor(model::LogIndex index) const {
    const auto above = std::upper_bound(
        samples.begin(), samples.end(), index, [](model::LogIndex wanted, const Sample& sample) {
            return wanted < sample.index;
        });
    return above == samples.begin() ? nullptr : &*std::prev(above);
}

std::size_t ExactOffsets::run_of(model::LogIndex index) const {
    const auto above = std::upper_bound(
        runs_.begin(), runs_.end(), index, [](model::LogIndex wanted, const Run& run) {
            return wanted < run.first;
        });
    if (above == runs_.begin()) return runs_.size();
    return static_cast<std::size_t>(above - runs_.begin()) - 1;
}

std::size_t ExactOffsets::length(std::size_t run) const {
    const std::size_t end = run + 1 == runs_.size() ? offsets_.size() : runs_[run + 1].at;
    return end - runs_[run].at;
}

void ExactOffsets::add(model::LogIndex index, std::uint64_t offset) {
    check(offset / record_alignment <= 0xFFFF'FFFF, "a segment is larger than its index");
    const bool follows =
        !runs_.empty() && index == runs_.back().first + (offsets_.size() - runs_.back().at);
    if (!follows) runs_.push_back({index, offsets_.size()});
    offsets_.push_back(static_cast<std::uint32_t>(offset / record_alignment));
}

void ExactOffsets::cut(model::LogIndex from) {
    while (!runs_.empty() && runs_.back().first >= from) {
        offsets_.resize(runs_.back().at);
        runs_.pop_back();
    }
    if (runs_.empty()) return;
    const std::size_t end = runs_.back().at + (from - runs_.back().first);
    if (end < offsets_.size()) offsets_.resize(end);
}

std::optional<std::uint64_t> ExactOffsets::at(model::LogIndex index) const {
    const std::size_t run = run_of(index);
    if (run == runs_.size() || index - runs_[run].first >= length(run)) return std::nullopt;
    return offsets_[runs_[run].at + (index - runs_[run].first)] * record_alignment;
}

std::optional<std::uint64_t> ExactOffsets::from(model::LogIndex index) const {
    if (const auto here = at(index)) return here;
    const std::size_t run = run_of(index);
    const std::size_t next = run == runs_.size() ? 0 : run + 1;
    if (next >= runs_.size()) return std::nullopt;
    return offsets_[runs_[next].at] * record_alignment;
}

void SegmentIndex::add(const IndexedEntry& entry) {
    const auto known = sets_.find(entry.set);
    if (known != sets_.end() && entry.index <= known->second.summary.last) {
        cut(entry.set, entry.index);
    }
    SetIndex& set = sets_[entry.set];
    if (set.summary.first == 0) set.summary.first = entry.index;
    if (set.samples.empty() || set.cut ||
        entry.offset - set.samples.back().offset >= sample_spacing) {
        set.samples.push_back({entry.index, entry.offset});
    }
    set.cut = false;
    set.summary.last = entry.index;
    ++set.summary.entries;
    set.summary.bodies += entry.bodies;
    set.summary.body_bytes += entry.body_bytes;
    if (!exact_) return;
    offsets_[entry.set].add(entry.index, entry.offset);
}

void SegmentIndex::cut(model::SetId set, model::LogIndex from) {
    const auto found = sets_.find(set);
    if (found == sets_.end() || found->second.summary.last < from) return;
    SetIndex& index = found->second;
    if (from <= index.summary.first) {
        sets_.erase(found);
        offsets_.erase(set);
        return;
    }
    while (index.samples.back().index >= from) index.samples.pop_back();
    index.summary.last = from - 1;
    index.cut = true;
    if (exact_) offsets_[set].cut(from);
}

std::optional<std::uint64_t> SegmentIndex::start(model::SetId set, model::LogIndex index) const {
    const auto found = sets_.find(set);
    if (found == sets_.end()) return std::nullopt;
    const SetSummary& summary = found->second.summary;
    if (index < summary.first || index > summary.last) return std::nullopt;
    if (exact_) return offsets_.at(set).at(index);
    return found->second.floor(index)->offset;
}

std::optional<std::uint64_t> SegmentIndex::walk_from(model::SetId set,
                                                     model::LogIndex index) const {
    const auto found = sets_.find(set);
    if (found == sets_.end() || index > found->second.summary.last) return std::nullopt;
    const model::LogIndex from = std::max(index, found->second.summary.first);
    if (exact_) return offsets_.at(set).from(from);
    return found->second.floor(from)->offset;
}

bool SegmentIndex::live(model::SetId set, model::LogIndex index, std::uint64_t offset) const {
    const auto from = start(set, index);
    return from && offset >= *from;
}

void SegmentIndex::forget_exact() {
    exact_ = false;
    offsets_.clear();
}

}  // namespace penstock::storage
