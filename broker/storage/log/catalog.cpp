#include "broker/storage/log/catalog.h"

#include "broker/base/check.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::storage {

void take_index(SegmentInfo& info, const SegmentIndex& index) {
    info.sets.clear();
    info.places.clear();
    for (const auto& [set, found] : index.sets()) {
        info.sets[set] = found.summary;
        std::vector<LargePlace>& places = info.places[set];
        for (const Sample& sample : found.samples) places.push_back({sample.index, sample.offset});
    }
}

std::uint64_t SegmentInfo::live_bodies() const {
    std::uint64_t bodies = 0;
    for (const auto& [set, count] : live) bodies += count;
    return bodies;
}

std::uint64_t SegmentInfo::released_bodies() const {
    std::uint64_t bodies = 0;
    for (const auto& [set, count] : released) bodies += count;
    return bodies;
}

const LargePlace* SegmentInfo::place_of(model::SetId set, model::LogIndex index) const {
    const auto found = places.find(set);
    if (found == places.end()) return nullptr;
    const auto at = std::lower_bound(
        found->second.begin(),
        found->second.end(),
        index,
        [](const LargePlace& place, model::LogIndex wanted) { return place.index < wanted; });
    return at == found->second.end() || at->index != index ? nullptr : &*at;
}

void Catalog::clear(model::SetId set) {
    pieces_.erase(set);
    for (auto& [number, info] : segments_) {
        info.live.erase(set);
        info.look_from = 0;
    }
}

SegmentInfo& Catalog::add(SegmentInfo info) {
    const std::uint64_t number = info.name.number;
    check(segments_.empty() || segments_.rbegin()->first < number, "segments in disorder");
    for (const auto& [set, summary] : info.sets) {
        cut(set, summary.first);
        const auto trimmed = info.void_after.find(set);
        const model::LogIndex last =
            trimmed == info.void_after.end() ? summary.last : trimmed->second;
        if (last >= summary.first) pieces_[set][summary.first] = {last, number};
    }
    return segments_[number] = std::move(info);
}

void Catalog::extend(model::SetId set, model::LogIndex index, std::uint64_t number) {
    cut(set, index);
    Pieces& pieces = pieces_[set];
    if (!pieces.empty() && pieces.rbegin()->second.number == number) {
        pieces.rbegin()->second.last = index;
    } else {
        pieces[index] = {index, number};
    }
}

void Catalog::cut(model::SetId set, model::LogIndex from) {
    const auto found = pieces_.find(set);
    if (found == pieces_.end()) return;
    Pieces& pieces = found->second;
    pieces.erase(pieces.lower_bound(from), pieces.end());
    if (pieces.empty()) {
        pieces_.erase(found);
        return;
    }
    Piece& last = pieces.rbegin()->second;
    last.last = std::min(last.last, from - 1);
}

void Catalog::remove_pieces(std::uint64_t number) {
    for (const auto& [set, summary] : segments_.at(number).sets) {
        const auto found = pieces_.find(set);
        if (found == pieces_.end()) continue;
        const auto end = found->second.upper_bound(summary.last);
        for (auto piece = found->second.lower_bound(summary.first); piece != end;) {
            piece = piece->second.number == number ? found->second.erase(piece) : std::next(piece);
        }
        if (found->second.empty()) pieces_.erase(found);
    }
}

void Catalog::remove(std::uint64_t number) {
    remove_pieces(number);
    segments_.erase(number);
}

void Catalog::replace(const SegmentInfo& info) {
    const std::uint64_t number = info.name.number;
    remove_pieces(number);
    for (const auto& [set, summary] : info.sets) {
        pieces_[set][summary.first] = {summary.last, number};
    }
    segments_[number] = info;
}

std::optional<Catalog::Place> Catalog::place_of(model::SetId set, model::LogIndex index) const {
    const auto next = next_place(set, index);
    if (!next || next->first > index) return std::nullopt;
    return next;
}

std::optional<Catalog::Place> Catalog::next_place(model::SetId set, model::LogIndex index) const {
    const auto found = pieces_.find(set);
    if (found == pieces_.end()) return std::nullopt;
    auto piece = found->second.upper_bound(index);
    if (piece != found->second.begin() && std::prev(piece)->second.last >= index) --piece;
    if (piece == found->second.end()) return std::nullopt;
    return Place{piece->first, piece->second.last, piece->second.number};
}

SegmentInfo* Catalog::info_of(model::SetId set, model::LogIndex index) {
    const auto place = place_of(set, index);
    return place ? &segments_.at(place->number) : nullptr;
}

model::LogIndex Catalog::last_in(model::SetId set, std::uint64_t number) const {
    const auto& summaries = segments_.at(number).sets;
    const auto summary = summaries.find(set);
    const auto found = pieces_.find(set);
    if (summary == summaries.end() || found == pieces_.end()) return 0;
    // A large segment does not know of its first records that they are void, the pieces do.
    model::LogIndex last = 0;
    const auto end = found->second.upper_bound(summary->second.last);
    for (auto at = found->second.lower_bound(summary->second.first); at != end; ++at) {
        if (at->second.number == number) last = at->second.last;
    }
    return last;
}

model::LogIndex Catalog::last_of(model::SetId set) const {
    const auto found = pieces_.find(set);
    return found == pieces_.end() ? 0 : found->second.rbegin()->second.last;
}

std::vector<ManifestTrim> Catalog::trims() const {
    std::vector<ManifestTrim> trims;
    for (const auto& [number, info] : segments_) {
        for (const auto& [set, summary] : info.sets) {
            const model::LogIndex last = last_in(set, number);
            if (last < summary.last) trims.push_back({number, set, last});
        }
    }
    return trims;
}

model::LogIndex Catalog::first_whole(model::SetId set, model::LogIndex last) const {
    const auto found = pieces_.find(set);
    model::LogIndex first = last + 1;
    if (found == pieces_.end()) return first;
    for (auto piece = found->second.rbegin(); piece != found->second.rend(); ++piece) {
        const bool rewritten = segments_.at(piece->second.number).name.generation != 0;
        if (rewritten || piece->second.last + 1 != first) break;
        first = piece->first;
    }
    return first;
}

}  // namespace penstock::storage
