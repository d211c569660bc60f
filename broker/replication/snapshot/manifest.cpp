//   manifest = "PNSTKSNP"      magic
//              u8  version     1
//              u32 level, u16 set, u64 index, u64 term, i64 time_ms, u64 state hash
//              varint length, conf state
//              varint files, file*
//              varint ranges, range*
//              u32 checksum    CRC32C of the bytes above
//   file     = varint length, name; u64 bytes, u32 CRC32C
//   range    = u64 first, u64 last, u32 entries, u32 checksum of its list
//
//   The list of a range, of which only the checksum is kept: per entry u64 index, u32 ordinals,
//   u32 ordinal*. All numbers are little-endian.
#include "broker/replication/snapshot/manifest.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::replication {

namespace {

constexpr std::string_view magic = "PNSTKSNP";
constexpr std::uint8_t version = 1;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t file_bytes_min = 14;
constexpr std::size_t range_bytes = 24;
constexpr std::size_t name_bytes_max = 128;

bool is_plain(std::string_view name) {
    if (name.empty() || name.size() > name_bytes_max || name.front() == '.') return false;
    return std::all_of(name.begin(), name.end(), [](char letter) {
        const bool alphanumeric = (letter >= 'a' && letter <= 'z') ||
                                  (letter >= 'A' && letter <= 'Z') ||
                                  (letter >= '0' && letter <= '9');
        return alphanumeric || letter == '.' || letter == '-' || letter == '_';
    });
}

bool read_files(Reader& reader, std::vector<SnapshotFile>& files) {
    const std::size_t count = reader.count(file_bytes_min);
    files.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
        SnapshotFile file;
        file.name = reader.text();
        file.bytes = reader.u64();
        file.checksum = reader.u32();
        const bool ascending = files.empty() || files.back().name < file.name;
        if (!is_plain(file.name) || !ascending) return false;
        files.push_back(std::move(file));
    }
    return true;
}

bool read_ranges(Reader& reader, LogIndex index, std::vector<BodyRange>& ranges) {
    const std::size_t count = reader.count(range_bytes);
    ranges.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
        BodyRange range;
        range.first = reader.u64();
        range.last = reader.u64();
        range.entries = reader.u32();
        range.checksum = reader.u32();
        const LogIndex before = ranges.empty() ? 0 : ranges.back().last;
        const bool fits = range.first > before && range.last >= range.first &&
                          range.last <= index && range.entries > 0 &&
                          range.entries - 1 <= range.last - range.first;
        if (!fits) return false;
        ranges.push_back(range);
    }
    return true;
}

}  // namespace

std::string encode_manifest(const SnapshotManifest& manifest) {
    std::string out;
    Writer writer(out);
    writer.raw(magic);
    writer.u8(version);
    writer.u32(manifest.level);
    writer.u16(manifest.set.value);
    writer.u64(manifest.index);
    writer.u64(manifest.term);
    writer.i64(manifest.time_ms);
    writer.u64(manifest.state_hash);
    writer.bytes(manifest.conf_state);
    writer.varint(manifest.files.size());
    for (const SnapshotFile& file : manifest.files) {
        writer.bytes(file.name);
        writer.u64(file.bytes);
        writer.u32(file.checksum);
    }
    writer.varint(manifest.ranges.size());
    for (const BodyRange& range : manifest.ranges) {
        writer.u64(range.first);
        writer.u64(range.last);
        writer.u32(range.entries);
        writer.u32(range.checksum);
    }
    const std::uint32_t checksum = crc32c(out);
    writer.u32(checksum);
    return out;
}

std::optional<SnapshotManifest> decode_manifest(std::string_view bytes) {
    if (bytes.size() < magic.size() + checksum_bytes || bytes.size() > manifest_bytes_max) {
        return std::nullopt;
    }
    const std::string_view content = bytes.substr(0, bytes.size() - checksum_bytes);
    if (Reader(bytes.substr(content.size())).u32() != crc32c(content)) return std::nullopt;
    if (!content.starts_with(magic)) return std::nullopt;
    Reader reader(content.substr(magic.size()));
    if (reader.u8() != version) return std::nullopt;
    SnapshotManifest manifest;
    manifest.level = reader.u32();
    manifest.set = SetId{reader.u16()};
    manifest.index = reader.u64();
    manifest.term = reader.u64();
    manifest.time_ms = reader.i64();
    manifest.state_hash = reader.u64();
    manifest.conf_state = reader.text();
    if (!read_files(reader, manifest.files)) return std::nullopt;
    if (!read_ranges(reader, manifest.index, manifest.ranges)) return std::nullopt;
    if (!reader.done() || manifest.index == 0) return std::nullopt;
    return manifest;
}

std::uint32_t list_checksum(const LiveEntry& entry, std::uint32_t before) {
    std::string bytes;
    Writer writer(bytes);
    writer.u64(entry.index);
    writer.u32(static_cast<std::uint32_t>(entry.ordinals.size()));
    for (const std::uint32_t ordinal : entry.ordinals) writer.u32(ordinal);
    return crc32c(bytes, before);
}

}  // namespace penstock::replication
