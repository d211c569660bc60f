// SnapshotManifest: what a snapshot of a set consists of: the files of its rows, and ranges of
// entries whose bodies are held. Whoever has it can fetch the parts one by one and check each. A
// value; the grammar is drawn in manifest.cpp.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

using model::LogIndex;
using model::SetId;
using model::TimeMs;

// Small: whoever handles one keeps a core from short requests meanwhile.
inline constexpr std::size_t chunk_bytes_max = 256U << 10;
inline constexpr std::size_t manifest_bytes_max = 16U << 20;

struct SnapshotFile {
    std::string name;  // plain: no folder
    std::uint64_t bytes = 0;
    std::uint32_t checksum = 0;  // CRC32C
    friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

// Consecutive entries with bodies somebody holds.
struct BodyRange {
    LogIndex first = 0;
    LogIndex last = 0;
    std::uint32_t entries = 0;
    std::uint32_t checksum = 0;  // of the indexes and ordinals listed: list_checksum()
    friend bool operator==(const BodyRange&, const BodyRange&) = default;
};

struct SnapshotManifest {
    std::uint32_t level = 1;  // of the format of rows and entries
    SetId set;
    LogIndex index = 0;  // applied, and so committed
    std::uint64_t term = 0;
    TimeMs time_ms = 0;      // of the entry there
    std::string conf_state;  // of the members there
    std::uint64_t state_hash = 0;
    std::vector<SnapshotFile> files;
    std::vector<BodyRange> ranges;  // ascending
    friend bool operator==(const SnapshotManifest&, const SnapshotManifest&) = default;

    // Parts are numbered: the files, then the ranges.
    [[nodiscard]] std::uint32_t parts() const {
        return static_cast<std::uint32_t>(files.size() + ranges.size());
    }
};

std::string encode_manifest(const SnapshotManifest& manifest);

// Nothing: damaged, of another version, or with names that lead out of their folder.
std::optional<SnapshotManifest> decode_manifest(std::string_view bytes);

// An entry of which these bodies are held.
struct LiveEntry {
    LogIndex index = 0;
    std::vector<std::uint32_t> ordinals;  // ascending
    friend bool operator==(const LiveEntry&, const LiveEntry&) = default;
};

// Continues the checksum of a range by one entry.
std::uint32_t list_checksum(const LiveEntry& entry, std::uint32_t before);

}  // namespace penstock::replication
