// Golden bytes: what these tests expect is on disks; a change of it needs a new version byte.
#include "broker/storage/log/record_format.h"
#include "broker/storage/log/segment_format.h"
#include "broker/storage/log/staged_record.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <utility>

namespace penstock::storage {

namespace {

constexpr SegmentName segment{7, 2};

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        char pair[3];
        std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(byte));
        text += pair;
    }
    return text;
}

std::string sealed(std::string record, std::uint64_t offset) {
    seal_header(record.data(), segment, offset);
    return record;
}

std::string gathered(const GatheredWrite& write) {
    std::string bytes;
    for (const std::string_view part : write.parts) bytes += part;
    return bytes;
}

std::vector<StagedRecord> entry_and_state() {
    EntryRecord entry;
    entry.set = SetId{3};
    entry.term = 5;
    entry.index = 9;
    entry.time_ms = 1'700'000'000'000;
    entry.commands = "cmd";
    entry.bodies = {"hello", ""};
    std::vector<StagedRecord> records;
    records.push_back(stage_entry(std::move(entry)));
    records.push_back(stage_hard_state(SetId{3}, {5, 2, 8}));
    return records;
}

TEST(LogFormat, AWriteHasTheseBytes) {
    std::vector<StagedRecord> records = entry_and_state();
    const std::string bytes = gathered(
        gather(records, {segment, 4096, 1}, 4000, {{SetId{3}, facts_hard_state, 4000, 8}}));
    EXPECT_EQ(hex(bytes),
              "506e5263010100000100000000000000000000000000000000000000000000004800000048000000"
              "91c9c2987f4690e5b000000000000000a00f00000000000002000000010000000200030002000000"
              "09000000000000000300030000000000000000000000000001000300f40100000800000000000000"
              "506e526301020300090000000000000005000000000000000068e5cf8b0100004000000038000000"
              "cdd3308ba228650403000000ac03974a02000000000000006b000000050000004cbb719a00000000"
              "000100007000000000000000000000000000000000010000636d6468656c6c6f506e526301030300"
              "00000000000000000500000000000000000000000000000010000000100000003df3bfe176df7a8a"
              "02000000000000000800000000000000");
}

TEST(LogFormat, WhatReplacesALogHasTheseBytes) {
    std::vector<StagedRecord> records;
    records.push_back(stage_start(Tag::replaced, SetId{3}, {9, 5}));
    EntryRecord body;
    body.set = SetId{3};
    body.term = 4;
    body.index = 7;
    body.time_ms = 1'700'000'000'000;
    body.bodies = {"", "kept"};
    body.absent = {0};
    records.push_back(stage_entry(std::move(body), Tag::body_record));
    EntryRecord change;
    change.set = SetId{3};
    change.term = 5;
    change.index = 10;
    change.commands = "conf";
    change.kind = EntryKind::membership;
    records.push_back(stage_entry(std::move(change)));
    records.push_back(stage_start(Tag::start, SetId{3}, {10, 5}));
    records.push_back(stage_start(Tag::dropped, SetId{3}, {}));
    EXPECT_EQ(hex(gathered(gather(records, {segment, 64, 1}, 64, {}))),
              "506e5263010100000100000000000000000000000000000000000000000000006800000068000000"
              "020f90170dac044a4801000000000000400000000000000005000000000000000a00030000000000"
              "09000000000000000800030002000000070000000000000002000300000000000a00000000000000"
              "09000300000000000a000000000000000b000300000000000000000000000000506e5263010a0300"
              "09000000000000000500000000000000000000000000000000000000000000000000000050bff32d"
              "506e526301080300070000000000000004000000000000000068e5cf8b0100003c00000038000000"
              "36d416bca64074f40000000000000000020000000000000000000000000000000000000000000000"
              "00000000680000000400000048b067b400000000000100006b65707400000000506e526301020300"
              "0a00000000000000050000000000000000000000000000001400000010000000bb856d1f6d6f57d0"
              "04000000f56b660f0000000001000000636f6e6600000000506e5263010903000a00000000000000"
              "05000000000000000000000000000000000000000000000000000000d3184c78506e5263010b0300"
              "00000000000000000000000000000000000000000000000000000000000000000000000087ffaa29");
}

TEST(LogFormat, AnEntryReadsBackAsItWasWritten) {
    std::vector<StagedRecord> records = entry_and_state();
    const GatheredWrite write = gather(records, {segment, 4096, 1}, 4000, {});
    const std::string bytes = gathered(write).substr(write.head.size());
    const std::uint64_t offset = 4096 + write.head.size();
    const auto header = read_header(bytes, segment, offset);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->set, SetId{3});
    EXPECT_EQ(header->index, 9U);
    const auto head = read_entry_head(std::string_view(bytes).substr(48, header->head_bytes),
                                      header->payload_bytes);
    ASSERT_TRUE(head.has_value());
    ASSERT_EQ(head->bodies.size(), 2U);
    EXPECT_EQ(bytes.substr(head->bodies[0].offset, head->bodies[0].length), "hello");
    // The same bytes at any other place are no record.
    EXPECT_FALSE(read_header(bytes, segment, offset + 8).has_value());
    EXPECT_FALSE(read_header(bytes, {7, 3}, offset).has_value());
    EXPECT_FALSE(read_header(bytes, {8, 2}, offset).has_value());
}

TEST(LogFormat, AnUnknownVersionOrTagIsNoRecord) {
    for (const std::size_t at : {4U, 5U}) {
        std::string record = encode_small({Tag::end_of_suffix, SetId{1}, 4, 0, 0, 0, 0, 0}, "");
        record[at] = 99;
        EXPECT_FALSE(read_header(sealed(record, 64), segment, 64).has_value());
    }
}

TEST(LogFormat, AFooterHasTheseBytes) {
    SegmentIndex index;
    index.add({SetId{1}, 4, 32, 2, 10});
    index.add({SetId{1}, 5, 70'000, 1, 5});
    const std::string bytes = sealed(encode_footer(index), 80'000);
    EXPECT_EQ(hex(bytes),
              "506e5263010700000000000000000000000000000000000000000000000000006000000040000000"
              "d11ac48d010ecdf70100000000000000010000000200000040000000fcb0a6ce0400000000000000"
              "0500000000000000020000000000000003000000000000000f000000000000000400000000000000"
              "200000000000000005000000000000007011010000000000");
    const auto header = read_header(bytes, segment, 80'000);
    ASSERT_TRUE(header.has_value());
    const auto read = read_footer(*header, std::string_view(bytes).substr(header_bytes));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->sets().at(SetId{1}).summary, (SetSummary{4, 5, 2, 3, 15}));
    EXPECT_EQ(read->start(SetId{1}, 5), 70'000U);
}

TEST(LogFormat, AFileHeaderHasTheseBytes) {
    EXPECT_EQ(hex(encode_file_header(segment)),
              "504e53544b534547010000000200000007000000000000000000000002085a98");
    EXPECT_EQ(read_file_header(encode_file_header(segment)), segment);
    EXPECT_EQ(segment_file_name(segment), "segment-000000000007-2");
    EXPECT_EQ(parse_segment_file_name("segment-000000000007-2"), segment);
    EXPECT_FALSE(parse_segment_file_name("segment-000000000007").has_value());
    EXPECT_FALSE(parse_segment_file_name("segment-7-2x").has_value());
}

TEST(LogFormat, AManifestHasTheseBytes) {
    Manifest manifest;
    manifest.next_number = 9;
    manifest.rows = {{{7, 2}, 65'536, 60'000}, {{8, 0}, 1 << 20, 0}};
    manifest.trims = {{7, SetId{1}, 41}};
    const std::string bytes = encode_manifest(manifest);
    EXPECT_EQ(hex(bytes),
              "504e53544b4d414e0100000002000000010000000000000009000000000000000700000000000000"
              "0200000000000000000001000000000060ea00000000000008000000000000000000000000000000"
              "00001000000000000000000000000000070000000000000001000000000000002900000000000000"
              "b8171655");
    EXPECT_EQ(read_manifest(bytes), manifest);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        EXPECT_FALSE(read_manifest(damaged).has_value()) << at;
    }
}

// As one write of a store: the record with the large body, and the entry that says where it is.
TEST(LogFormat, ABodyApartHasTheseBytes) {
    EntryRecord entry;
    entry.set = SetId{3};
    entry.term = 5;
    entry.index = 9;
    entry.time_ms = 1'700'000'000'000;
    entry.commands = "cmd";
    entry.bodies = {"large one", "here"};
    std::vector<StagedRecord> records;
    records.push_back(stage_entry(std::move(entry), Tag::entry, 9));
    std::vector<StagedRecord> apart = std::move(records.front().apart);
    ASSERT_EQ(apart.size(), 1U);
    EXPECT_EQ(hex(gathered(gather(apart, {{6, 0, true}, 32, 1}, 32, {}))),
              "506e5263010100000100000000000000000000000000000000000000000000002800000028000000"
              "c00b4eca81aeb1a37800000000000000200000000000000001000000000000000c00030002000000"
              "0900000000000000506e5263010c0300090000000000000005000000000000000068e5cf8b010000"
              "410000003800000047cbd8816971657d000000000000000002000000000000006800000009000000"
              "7f08c0d7000000000001000000000000000000000000000000000000000000006c61726765206f6e"
              "6500000000000000");
    point_apart(records.front().head, 6);
    const GatheredWrite write = gather(records, {segment, 32, 1}, 32, {});
    EXPECT_EQ(hex(gathered(write)),
              "506e5263010100000100000000000000000000000000000000000000000000002800000028000000"
              "7f7a3296391e636d7000000000000000200000000000000001000000000000000200030002000000"
              "0900000000000000506e526301020300090000000000000005000000000000000068e5cf8b010000"
              "3f00000038000000b01293f48bda9e1403000000ac03974a02000000000000000600000009000000"
              "7f08c0d700000000000200006b00000004000000f34d35130000000000010000636d646865726500");
    const std::string bytes = gathered(write).substr(write.head.size());
    const auto header = read_header(bytes, segment, 32 + write.head.size());
    ASSERT_TRUE(header.has_value());
    const std::string_view payload = std::string_view(bytes).substr(header_bytes);
    ASSERT_TRUE(head_matches(*header, payload));
    const auto head = read_entry_head(payload.substr(0, header->head_bytes), header->payload_bytes);
    ASSERT_TRUE(head.has_value());
    EXPECT_TRUE(head->bodies[0].apart);
    EXPECT_EQ(head->bodies[0].offset, 6U);
    EXPECT_EQ(head->bodies[0].length, 9U);
    EXPECT_TRUE(head->bodies[1].is_inline());
}

// The first body stands at byte 4096 of the file, the second one in the record.
TEST(LogFormat, ASharedBodyHasTheseBytes) {
    EntryRecord entry;
    entry.set = SetId{3};
    entry.term = 5;
    entry.index = 9;
    entry.time_ms = 1'700'000'000'000;
    entry.commands = "cmd";
    entry.bodies = {"shared one", "here"};
    std::vector<StagedRecord> records;
    records.push_back(stage_entry(std::move(entry)));
    StagedRecord& record = records.front();
    point_shared(record.head, {4'096, 0});
    record.shared_bytes = std::exchange(record.bodies.front(), {}).size();
    record.bytes = aligned(record.unaligned_bytes());
    const GatheredWrite write = gather(records, {segment, 32, 1}, 32, {});
    EXPECT_EQ(hex(gathered(write)),
              "506e5263010100000100000000000000000000000000000000000000000000002800000028000000"
              "7f7a3296391e636d7000000000000000200000000000000001000000000000000200030002000000"
              "0900000000000000506e526301020300090000000000000005000000000000000068e5cf8b010000"
              "3f00000038000000144471f368042d5603000000ac03974a0200000000000000001000000a000000"
              "b2de814400000000000300006b00000004000000f34d35130000000000010000636d646865726500");
    const std::string bytes = gathered(write).substr(write.head.size());
    const auto header = read_header(bytes, segment, 32 + write.head.size());
    ASSERT_TRUE(header.has_value());
    const std::string_view payload = std::string_view(bytes).substr(header_bytes);
    ASSERT_TRUE(head_matches(*header, payload));
    const auto head = read_entry_head(payload.substr(0, header->head_bytes), header->payload_bytes);
    ASSERT_TRUE(head.has_value());
    EXPECT_TRUE(head->bodies[0].shared);
    EXPECT_EQ(head->bodies[0].offset, 4'096U);
    EXPECT_EQ(head->bodies[0].length, 10U);
    EXPECT_TRUE(head->bodies[1].is_inline());
    EXPECT_EQ(bytes.substr(head->bodies[1].offset, head->bodies[1].length), "here");
}

TEST(LogFormat, AManifestOfAStoreWithSharedBodiesHasTheseBytes) {
    Manifest manifest;
    manifest.next_number = 8;
    manifest.rows = {{{7, 0}, 65'536, 0}};
    manifest.shares_bodies = true;
    const std::string bytes = encode_manifest(manifest);
    EXPECT_EQ(hex(bytes),
              "504e53544b4d414e0300000001000000000000000000000008000000000000000700000000000000"
              "0000000000000000000001000000000000000000000000006fcddce0");
    EXPECT_EQ(read_manifest(bytes), manifest);
    EXPECT_EQ(unknown_version(bytes), std::nullopt);
}

TEST(LogFormat, AManifestWithLargeSegmentsHasTheseBytes) {
    Manifest manifest;
    manifest.next_number = 9;
    manifest.rows = {{{7, 0}, 65'536, 0}, {{8, 1, true}, 1 << 20, 4'096}};
    manifest.gone_to = {{SetId{2}, 40}};
    const std::string bytes = encode_manifest(manifest);
    EXPECT_EQ(hex(bytes),
              "504e53544b4d414e0200000002000000000000000100000009000000000000000700000000000000"
              "00000000000000000000010000000000000000000000000008000000000000000100000001000000"
              "000010000000000000100000000000000200000000000000280000000000000013786b55");
    EXPECT_EQ(read_manifest(bytes), manifest);
    EXPECT_EQ(active_row(manifest.rows)->name, (SegmentName{7, 0}));
    EXPECT_EQ(unknown_version(bytes), std::nullopt);
}

TEST(LogFormat, ALargeSegmentSaysThatItIsOne) {
    const SegmentName large{7, 2, true};
    EXPECT_EQ(hex(encode_file_header(large)),
              "504e53544b5345470101000002000000070000000000000000000000e5446121");
    EXPECT_EQ(read_file_header(encode_file_header(large)), large);
    EXPECT_EQ(segment_file_name(large), "large-000000000007-2");
    EXPECT_EQ(parse_segment_file_name("large-000000000007-2"), large);
}

TEST(SegmentIndex, NeverLeadsToAVoidEntry) {
    SegmentIndex index;
    index.add({SetId{1}, 1, 100, 1, 1});
    index.add({SetId{1}, 2, 200, 1, 1});
    index.add({SetId{1}, 3, 300, 1, 1});
    index.cut(SetId{1}, 2);
    index.add({SetId{1}, 2, 400, 1, 1});
    EXPECT_EQ(index.start(SetId{1}, 2), 400U);
    EXPECT_FALSE(index.live(SetId{1}, 2, 200));
    EXPECT_TRUE(index.live(SetId{1}, 2, 400));
    EXPECT_EQ(index.start(SetId{1}, 3), std::nullopt);
    index.add({SetId{1}, 1, 500, 1, 1});
    EXPECT_EQ(index.start(SetId{1}, 1), 500U);
}

}  // namespace

}  // namespace penstock::storage
