//   catalogue = "PNSTKBAK"      magic
//               u8  version     1
//               i64 made_ms
//               varint sets, set*
//               u32 checksum    CRC32C of the bytes above
//   set       = varint length, manifest (replication/snapshot/manifest.cpp)
//
// All numbers are little-endian.
#include "broker/backup/catalogue.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"

#include <array>
#include <cstdio>
#include <utility>

namespace penstock::backup {

namespace {

constexpr std::string_view magic = "PNSTKBAK";
constexpr std::uint8_t version = 1;
constexpr std::size_t checksum_bytes = 4;

std::string hex(std::uint32_t number) {
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(number));
    return text.data();
}

}  // namespace

std::string encode_catalogue(const Catalogue& catalogue) {
    std::string out;
    Writer writer(out);
    writer.raw(magic);
    writer.u8(version);
    writer.i64(catalogue.made_ms);
    writer.varint(catalogue.sets.size());
    for (const SnapshotManifest& manifest : catalogue.sets) {
        writer.bytes(replication::encode_manifest(manifest));
    }
    const std::uint32_t checksum = crc32c(out);
    writer.u32(checksum);
    return out;
}

std::optional<Catalogue> decode_catalogue(std::string_view bytes) {
    if (bytes.size() < magic.size() + checksum_bytes || bytes.size() > catalogue_bytes_max) {
        return std::nullopt;
    }
    const std::string_view content = bytes.substr(0, bytes.size() - checksum_bytes);
    if (Reader(bytes.substr(content.size())).u32() != crc32c(content)) return std::nullopt;
    if (!content.starts_with(magic)) return std::nullopt;
    Reader reader(content.substr(magic.size()));
    if (reader.u8() != version) return std::nullopt;
    Catalogue catalogue;
    catalogue.made_ms = reader.i64();
    const std::size_t count = reader.count(1);
    for (std::size_t at = 0; at < count; ++at) {
        auto manifest = replication::decode_manifest(reader.text());
        if (!manifest) return std::nullopt;
        const bool ascending =
            at == 0 ? manifest->set == model::names_set : catalogue.sets.back().set < manifest->set;
        if (!ascending) return std::nullopt;
        catalogue.sets.push_back(std::move(*manifest));
    }
    if (!reader.done() || catalogue.sets.empty()) return std::nullopt;
    return catalogue;
}

std::string folder_name(const SnapshotManifest& manifest) {
    return "set-" + std::to_string(manifest.set.value);
}

std::string part_name(const SnapshotManifest& manifest, std::uint32_t part) {
    const std::string folder = folder_name(manifest) + "/";
    if (part < manifest.files.size()) {
        const replication::SnapshotFile& file = manifest.files[part];
        return folder + "rows-" + file.name + "-" + hex(file.checksum);
    }
    const replication::BodyRange& range = manifest.ranges[part - manifest.files.size()];
    return folder + "bodies-" + std::to_string(range.first) + "-" + std::to_string(range.last) +
           "-" + std::to_string(range.entries) + "-" + hex(range.checksum);
}

std::uint64_t row_bytes(const Catalogue& catalogue) {
    std::uint64_t bytes = 0;
    for (const SnapshotManifest& manifest : catalogue.sets) {
        for (const replication::SnapshotFile& file : manifest.files) bytes += file.bytes;
    }
    return bytes;
}

std::uint32_t parts(const Catalogue& catalogue) {
    std::uint32_t count = 0;
    for (const SnapshotManifest& manifest : catalogue.sets) count += manifest.parts();
    return count;
}

}  // namespace penstock::backup
