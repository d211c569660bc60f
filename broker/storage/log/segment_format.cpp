//   file header = "PNSTKSEG"     magic
//                 u8  version    1
//                 u8  class      0, or 1: of large bodies
//                 u8  zero x 2
//                 u32 generation
//                 u64 number
//                 u32 zero
//                 u32 checksum   CRC32C of the bytes above
//
//   footer      = record{tag footer}, alone in the last write of a sealed segment
//   its head    = u32 sets, u32 zero, set*
//   set         = u16 set, u16 zero, u32 samples, u32 offset of its samples in the payload,
//                 u32 CRC32C of its samples,
//                 u64 first, u64 last, u64 entries, u64 bodies, u64 body bytes
//   its rest    = sample*
//   sample      = u64 index, u64 offset
//
//   manifest    = "PNSTKMAN"     magic
//                 u8  version    1, or 2: there are or were segments of large bodies,
//                                or 3: as 2, and there may be shared bodies (record_format.cpp)
//                 u8  zero x 3
//                 u32 segments
//                 u32 trims
//                 u32 gone       (in version 1 zero)
//                 u64 next number
//                 segment*
//                 trim*
//                 gone*
//                 u32 checksum   CRC32C of the bytes above
//   segment     = u64 number, u32 generation, u32 class, u64 bytes, u64 offset of the footer
//   trim        = u64 number, u16 set, u16 zero, u32 zero, u64 last index that counts
//   gone        = u16 set, u16 zero, u32 zero, u64 last index whose large bodies may be gone
#include "broker/storage/log/segment_format.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace penstock::storage {

namespace {

constexpr std::string_view file_magic = "PNSTKSEG";
constexpr std::string_view manifest_magic = "PNSTKMAN";
constexpr std::uint8_t format_version = 1;
constexpr std::uint8_t large_version = 2;   // of a manifest
constexpr std::uint8_t shared_version = 3;  // of a manifest
constexpr std::string_view name_prefix = "segment-";
constexpr std::string_view large_prefix = "large-";
constexpr std::size_t checksum_bytes = sizeof(std::uint32_t);
constexpr std::size_t footer_row_bytes = 56;
constexpr std::size_t manifest_row_bytes = 32;
constexpr std::size_t manifest_trim_bytes = 24;
constexpr std::size_t manifest_gone_bytes = 16;

void append_checksum(std::string& out) {
    Writer(out).u32(crc32c(out));
}

// The content before a trailing checksum that matches; nothing otherwise.
std::optional<std::string_view> checked_content(std::string_view bytes) {
    if (bytes.size() < checksum_bytes) return std::nullopt;
    const std::string_view content = bytes.substr(0, bytes.size() - checksum_bytes);
    Reader checksum(bytes.substr(content.size()));
    if (checksum.u32() != crc32c(content)) return std::nullopt;
    return content;
}

bool takes_number(std::string_view text, auto& number) {
    const auto end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, number);
    return failed == std::errc{} && stopped == end;
}

std::uint8_t version_of(const Manifest& manifest) {
    if (manifest.shares_bodies) return shared_version;
    const bool large = !manifest.gone_to.empty() ||
                       std::any_of(manifest.rows.begin(),
                                   manifest.rows.end(),
                                   [](const ManifestRow& row) { return row.name.large; });
    return large ? large_version : format_version;
}

std::string encode_samples(const std::vector<Sample>& samples) {
    std::string out;
    out.reserve(samples.size() * sample_bytes);
    Writer writer(out);
    for (const Sample& sample : samples) {
        writer.u64(sample.index);
        writer.u64(sample.offset);
    }
    return out;
}

}  // namespace

std::string encode_file_header(SegmentName name) {
    std::string out;
    Writer writer(out);
    writer.raw(file_magic);
    writer.u8(format_version);
    writer.boolean(name.large);
    writer.u16(0);
    writer.u32(name.generation);
    writer.u64(name.number);
    writer.u32(0);
    append_checksum(out);
    return out;
}

std::optional<SegmentName> read_file_header(std::string_view bytes) {
    if (bytes.size() != file_header_bytes) return std::nullopt;
    const auto content = checked_content(bytes);
    if (!content || !content->starts_with(file_magic)) return std::nullopt;
    Reader reader(content->substr(file_magic.size()));
    if (reader.u8() != format_version) return std::nullopt;
    SegmentName name;
    name.large = reader.boolean();
    reader.u16();
    name.generation = reader.u32();
    name.number = reader.u64();
    return name;
}

std::string segment_file_name(SegmentName name) {
    std::array<char, 64> text{};
    const int length = std::snprintf(text.data(),
                                     text.size(),
                                     "%s%012llu-%u",
                                     (name.large ? large_prefix : name_prefix).data(),
                                     static_cast<unsigned long long>(name.number),
                                     name.generation);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<SegmentName> parse_segment_file_name(std::string_view name) {
    SegmentName found;
    found.large = name.starts_with(large_prefix);
    if (!found.large && !name.starts_with(name_prefix)) return std::nullopt;
    name.remove_prefix(found.large ? large_prefix.size() : name_prefix.size());
    const std::size_t dash = name.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    if (!takes_number(name.substr(0, dash), found.number)) return std::nullopt;
    if (!takes_number(name.substr(dash + 1), found.generation)) return std::nullopt;
    return found;
}

std::string encode_footer(const SegmentIndex& index) {
    const std::size_t head_length = 8 + footer_row_bytes * index.sets().size();
    std::string head;
    std::string rest;
    Writer writer(head);
    writer.u32(static_cast<std::uint32_t>(index.sets().size()));
    writer.u32(0);
    for (const auto& [set, found] : index.sets()) {
        const std::string samples = encode_samples(found.samples);
        writer.u16(set.value);
        writer.u16(0);
        writer.u32(static_cast<std::uint32_t>(found.samples.size()));
        writer.u32(static_cast<std::uint32_t>(head_length + rest.size()));
        writer.u32(crc32c(samples));
        writer.u64(found.summary.first);
        writer.u64(found.summary.last);
        writer.u64(found.summary.entries);
        writer.u64(found.summary.bodies);
        writer.u64(found.summary.body_bytes);
        rest += samples;
    }
    RecordHeader header;
    header.tag = Tag::footer;
    header.head_bytes = static_cast<std::uint32_t>(head.size());
    header.head_checksum = crc32c(head);
    check(head.size() + rest.size() <= payload_bytes_max, "a footer is longer than its format");
    header.payload_bytes = static_cast<std::uint32_t>(head.size() + rest.size());
    std::string out;
    append_header(out, header);
    out += head;
    out += rest;
    out.resize(record_bytes(header.payload_bytes), '\0');
    return out;
}

std::optional<std::vector<FooterRow>> read_footer_head(std::string_view head) {
    Reader reader(head);
    const std::uint32_t sets = reader.u32();
    reader.u32();
    if (!reader.ok() || head.size() != 8 + footer_row_bytes * std::uint64_t{sets}) {
        return std::nullopt;
    }
    std::vector<FooterRow> rows;
    rows.reserve(sets);
    for (std::uint32_t at = 0; at < sets; ++at) {
        FooterRow row;
        row.set = model::SetId{reader.u16()};
        reader.u16();
        row.samples = reader.u32();
        row.samples_at = reader.u32();
        row.samples_checksum = reader.u32();
        row.summary.first = reader.u64();
        row.summary.last = reader.u64();
        row.summary.entries = reader.u64();
        row.summary.bodies = reader.u64();
        row.summary.body_bytes = reader.u64();
        if (row.samples == 0 || row.summary.first > row.summary.last) return std::nullopt;
        rows.push_back(row);
    }
    return rows;
}

std::optional<std::vector<Sample>> read_samples(const FooterRow& row, std::string_view bytes) {
    if (bytes.size() != std::uint64_t{row.samples} * sample_bytes) return std::nullopt;
    if (crc32c(bytes) != row.samples_checksum) return std::nullopt;
    Reader reader(bytes);
    std::vector<Sample> samples;
    samples.reserve(row.samples);
    for (std::uint32_t at = 0; at < row.samples; ++at) {
        Sample sample;
        sample.index = reader.u64();
        sample.offset = reader.u64();
        samples.push_back(sample);
    }
    return samples;
}

std::optional<SegmentIndex> read_footer(const RecordHeader& header, std::string_view payload) {
    if (!head_matches(header, payload)) return std::nullopt;
    const auto rows = read_footer_head(payload.substr(0, header.head_bytes));
    if (!rows) return std::nullopt;
    SegmentIndex index;
    for (const FooterRow& row : *rows) {
        if (row.samples_at > payload.size()) return std::nullopt;
        const std::size_t length = std::size_t{row.samples} * sample_bytes;
        auto samples = read_samples(row, payload.substr(row.samples_at, length));
        if (!samples) return std::nullopt;
        SetIndex set;
        set.summary = row.summary;
        set.samples = std::move(*samples);
        index.insert(row.set, std::move(set));
    }
    return index;
}

ManifestRow* active_row(std::vector<ManifestRow>& rows) {
    const auto last = std::find_if(
        rows.rbegin(), rows.rend(), [](const ManifestRow& row) { return !row.name.large; });
    return last == rows.rend() ? nullptr : &*last;
}

std::string encode_manifest(const Manifest& manifest) {
    std::string out;
    Writer writer(out);
    writer.raw(manifest_magic);
    writer.u8(version_of(manifest));
    writer.raw(std::string_view("\0\0\0", 3));
    writer.u32(static_cast<std::uint32_t>(manifest.rows.size()));
    writer.u32(static_cast<std::uint32_t>(manifest.trims.size()));
    writer.u32(static_cast<std::uint32_t>(manifest.gone_to.size()));
    writer.u64(manifest.next_number);
    for (const ManifestRow& row : manifest.rows) {
        writer.u64(row.name.number);
        writer.u32(row.name.generation);
        writer.u32(row.name.large ? 1 : 0);
        writer.u64(row.bytes);
        writer.u64(row.footer);
    }
    for (const ManifestTrim& trim : manifest.trims) {
        writer.u64(trim.number);
        writer.u16(trim.set.value);
        writer.u16(0);
        writer.u32(0);
        writer.u64(trim.last);
    }
    for (const auto& [set, last] : manifest.gone_to) {
        writer.u16(set.value);
        writer.u16(0);
        writer.u32(0);
        writer.u64(last);
    }
    append_checksum(out);
    return out;
}

std::optional<Manifest> read_manifest(std::string_view bytes) {
    const auto content = checked_content(bytes);
    if (!content || !content->starts_with(manifest_magic)) return std::nullopt;
    Reader reader(content->substr(manifest_magic.size()));
    const std::uint8_t version = reader.u8();
    if (version < format_version || version > shared_version) return std::nullopt;
    reader.raw(3);
    const std::uint64_t rows = reader.u32();
    const std::uint64_t trims = reader.u32();
    const std::uint64_t gone = reader.u32();
    Manifest manifest;
    manifest.shares_bodies = version >= shared_version;
    manifest.next_number = reader.u64();
    if (reader.left() !=
        rows * manifest_row_bytes + trims * manifest_trim_bytes + gone * manifest_gone_bytes) {
        return std::nullopt;
    }
    manifest.rows.reserve(rows);
    for (std::uint64_t at = 0; at < rows; ++at) {
        ManifestRow row;
        row.name.number = reader.u64();
        row.name.generation = reader.u32();
        row.name.large = reader.u32() != 0;
        row.bytes = reader.u64();
        row.footer = reader.u64();
        manifest.rows.push_back(row);
    }
    manifest.trims.reserve(trims);
    for (std::uint64_t at = 0; at < trims; ++at) {
        ManifestTrim trim;
        trim.number = reader.u64();
        trim.set = model::SetId{reader.u16()};
        reader.raw(6);
        trim.last = reader.u64();
        manifest.trims.push_back(trim);
    }
    for (std::uint64_t at = 0; at < gone; ++at) {
        const model::SetId set{reader.u16()};
        reader.raw(6);
        manifest.gone_to[set] = reader.u64();
    }
    return manifest;
}

std::optional<std::uint8_t> unknown_version(std::string_view bytes) {
    const auto content = checked_content(bytes);
    if (!content || !content->starts_with(manifest_magic)) return std::nullopt;
    const std::uint8_t version = Reader(content->substr(manifest_magic.size())).u8();
    if (version >= format_version && version <= shared_version) return std::nullopt;
    return version;
}

}  // namespace penstock::storage
