#include "broker/storage/log/store_state.h"

#include <algorithm>

namespace penstock::storage {

Result<void> StoreState::list(std::vector<ManifestRow> rows, std::uint64_t rewritten) {
    Manifest next;
    next.next_number = std::max(manifest.next_number, rows.back().name.number + 1);
    next.rows = std::move(rows);
    next.trims = catalog.trims();
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

void StoreState::forget_copies(const SegmentInfo& info) {
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
