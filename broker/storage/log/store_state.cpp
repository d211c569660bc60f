#include "broker/storage/log/store_state.h"

#include "broker/storage/log/active_segment.h"

#include <algorithm>
#include <utility>

namespace penstock::storage {

StoreState::StoreState(Disk& disk, std::string folder)
    : files(disk, std::move(folder)), sealed(files) {}

StoreState::~StoreState() = default;

Result<void> StoreState::list(std::vector<ManifestRow> rows, std::uint64_t rewritten) {
    Manifest next;
    next.next_number = std::max(manifest.next_number, rows.back().name.number + 1);
    next.rows = std::move(rows);
    next.trims = catalog.trims();
    next.gone_to = manifest.gone_to;
    next.shares_bodies = manifest.shares_bodies;
    std::erase_if(next.trims, [&](const ManifestTrim& trim) {
        const bool listed =
            std::any_of(next.rows.begin(), next.rows.end(), [&](const ManifestRow& row) {
                return row.name.number == trim.number;
            });
        return !listed || trim.number == rewritten;
    });
    if (const auto written = files.write_manifest(next); !written) return written;
    manifest = std::move(next);
    return {};
}

LogIndex StoreState::last_needed(const SegmentInfo& info, SetId set) const {
    if (!info.name.large) return catalog.last_in(set, info.name.number);
    return std::min(large.last_in(set, info.name.number), catalog.last_of(set));
}

void StoreState::lose_first_entries(const SegmentInfo& info) {
    for (const auto& [set, summary] : info.sets) {
        const LogIndex last = last_needed(info, set);
        LogIndex& from = first.try_emplace(set, 1).first->second;
        if (last == 0) continue;
        from = std::max(from, last + 1);
        if (info.name.large) manifest.gone_to[set] = std::max(manifest.gone_to[set], last);
    }
}

bool StoreState::has_copies(const SegmentInfo& info) const {
    if (info.name.large) return false;
    return std::any_of(info.sets.begin(), info.sets.end(), [this](const auto& set) {
        const auto copy = copies.lower_bound({set.first, set.second.first});
        return copy != copies.end() && copy->first <= std::pair(set.first, set.second.last);
    });
}

void StoreState::forget_copies(const SegmentInfo& info) {
    if (info.name.large) return;
    for (const auto& [set, summary] : info.sets) {
        const auto end = copies.upper_bound({set, summary.last});
        auto copy = copies.lower_bound({set, summary.first});
        for (; copy != end; copy = copies.erase(copy)) {
            copies_bytes -= bytes_of(copy->second);
        }
    }
}

std::uint64_t bytes_of(const EntryRecord& record) {
    std::uint64_t bytes = record.commands.size();
    for (const std::string& body : record.bodies) bytes += body.size();
    return bytes;
}

}  // namespace penstock::storage
