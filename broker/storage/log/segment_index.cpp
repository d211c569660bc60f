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
    std::vector<std::uint32_t>& offsets = offsets_[entry.set];
    offsets.resize(entry.index - set.summary.first, 0);
    check(entry.offset / record_alignment <= 0xFFFF'FFFF, "a segment is larger than its index");
    offsets.push_back(static_cast<std::uint32_t>(entry.offset / record_alignment));
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
    if (exact_) offsets_[set].resize(from - index.summary.first);
}

std::optional<std::uint64_t> SegmentIndex::start(model::SetId set, model::LogIndex index) const {
    const auto found = sets_.find(set);
    if (found == sets_.end()) return std::nullopt;
    const SetSummary& summary = found->second.summary;
    if (index < summary.first || index > summary.last) return std::nullopt;
    if (exact_) {
        const std::uint64_t offset = offsets_.at(set)[index - summary.first];
        if (offset == 0) return std::nullopt;
        return offset * record_alignment;
    }
    return found->second.floor(index)->offset;
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
