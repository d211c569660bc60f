// What frames the records of a segment: the file's header, the footer of a sealed segment, and the
// manifest that lists the files of the store. Pure functions, any thread; the grammars are drawn in
// segment_format.cpp.
#pragma once

#include "broker/storage/log/record_format.h"
#include "broker/storage/log/segment_index.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::storage {

inline constexpr std::uint64_t file_header_bytes = 32;

std::string encode_file_header(SegmentName name);
std::optional<SegmentName> read_file_header(std::string_view bytes);

// File names: "segment-<number>-<generation>", both in decimal, the number with leading zeros;
// "large-..." for a segment of large bodies.
std::string segment_file_name(SegmentName name);
std::optional<SegmentName> parse_segment_file_name(std::string_view name);

// The footer's record; sealed but for its place.
std::string encode_footer(const SegmentIndex& index);

// A set in the head of a footer: its summary, and where its samples are.
struct FooterRow {
    model::SetId set;
    SetSummary summary;
    std::uint32_t samples = 0;
    std::uint32_t samples_at = 0;  // from the start of the payload
    std::uint32_t samples_checksum = 0;
};

std::optional<std::vector<FooterRow>> read_footer_head(std::string_view head);
std::optional<std::vector<Sample>> read_samples(const FooterRow& row, std::string_view bytes);

inline constexpr std::size_t sample_bytes = 16;

// All of a footer; nothing when a part of it does not match.
std::optional<SegmentIndex> read_footer(const RecordHeader& header, std::string_view payload);

struct ManifestRow {
    SegmentName name;
    std::uint64_t bytes = 0;   // of the file; an own segment of a large record has more than others
    std::uint64_t footer = 0;  // offset of its record; 0: written to, the last of the list
    friend bool operator==(const ManifestRow&, const ManifestRow&) = default;
};

// Entries of the set behind `last` are void in that segment: a later one ended the suffix, and may
// be gone itself.
struct ManifestTrim {
    std::uint64_t number = 0;
    model::SetId set;
    model::LogIndex last = 0;
    friend bool operator==(const ManifestTrim&, const ManifestTrim&) = default;
};

struct Manifest {
    std::uint64_t next_number = 1;
    std::vector<ManifestRow> rows;  // ascending numbers
    std::vector<ManifestTrim> trims;

    // Large bodies of the set's entries up to this one may be gone, held by nobody.
    std::map<model::SetId, model::LogIndex> gone_to;
    bool shares_bodies = false;  // slots may say that a body is elsewhere in its segment
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

// The row of the segment that is written to: the last one that is not of large bodies. Nothing: it
// lists none.
ManifestRow* active_row(std::vector<ManifestRow>& rows);

// Version 1 as long as nothing needs a later one, so that older builds can read it.
std::string encode_manifest(const Manifest& manifest);
std::optional<Manifest> read_manifest(std::string_view bytes);

// The version of a manifest whose checksum is right, when this build does not know it.
std::optional<std::uint8_t> unknown_version(std::string_view bytes);

}  // namespace penstock::storage
