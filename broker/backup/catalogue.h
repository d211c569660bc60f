// Catalogue: what a backup consists of: the manifest of each set, of one moment. And the names its
// parts have in a folder: they say what is in them, so that the next backup finds what it need not
// fetch again. Values; the grammar is drawn in catalogue.cpp.
#pragma once

#include "broker/replication/snapshot/manifest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::backup {

using replication::SnapshotManifest;

inline constexpr std::size_t catalogue_bytes_max = 1U << 30;

struct Catalogue {
    model::TimeMs made_ms = 0;
    std::vector<SnapshotManifest> sets;  // ascending, set 0 first
    friend bool operator==(const Catalogue&, const Catalogue&) = default;
};

std::string encode_catalogue(const Catalogue& catalogue);

// Nothing: damaged, of another version, or without set 0.
std::optional<Catalogue> decode_catalogue(std::string_view bytes);

// "set-1"
std::string folder_name(const SnapshotManifest& manifest);

// "set-1/rows-000012.sst-1a2b3c4d", "set-1/bodies-17-4095-4000-1a2b3c4d". Files of one name have
// the same content; ranges of one name those of one log.
std::string part_name(const SnapshotManifest& manifest, std::uint32_t part);

// Bytes of the rows' files; how long the ranges are nobody knows before they are read.
std::uint64_t row_bytes(const Catalogue& catalogue);
std::uint32_t parts(const Catalogue& catalogue);

}  // namespace penstock::backup
