// What is read from a node's own disk: records, heads, footers, manifests, snapshots. Checksums are
// made to fit, so that what stands behind them is reached.
#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/replication/snapshot/body_frame.h"
#include "broker/replication/snapshot/manifest.h"
#include "broker/storage/log/segment_format.h"
#include "tests/fuzz/target.h"

namespace penstock::fuzz {
namespace {

using namespace storage;

constexpr SegmentName place{3, 1};
constexpr std::uint64_t offset = 4'096;

std::string with_checksum(std::string_view bytes) {
    std::string out(bytes);
    Writer(out).u32(crc32c(bytes));
    return out;
}

void take_record(std::string_view bytes) {
    std::string record(bytes);
    record.resize(std::max(record.size(), header_bytes));
    seal_header(record.data(), place, offset);
    const auto header = read_header(record, place, offset);
    check(!read_header(record, place, offset + 8), "not at another place");
    if (!header) return;
    const std::string_view payload = std::string_view(record).substr(header_bytes);
    check(header->head_bytes <= header->payload_bytes, "a head within its payload");
    (void)head_matches(*header, payload);
    if (header->tag == Tag::footer) (void)read_footer(*header, payload);
}

void take_head(std::string_view bytes) {
    const auto head = read_entry_head(bytes, static_cast<std::uint32_t>(bytes.size() * 2));
    if (!head) return;
    for (const BodySlot& slot : head->bodies) {
        check(!slot.is_inline() || slot.offset >= header_bytes, "bodies stand behind the header");
    }
    std::string again;
    append_entry_head(again, *head);
    const auto second = read_entry_head(again, static_cast<std::uint32_t>(bytes.size() * 2));
    check(second && second->bodies.size() == head->bodies.size(), "a head comes back");
}

void take_snapshot_manifest(std::string_view bytes) {
    const auto manifest = replication::decode_manifest(bytes);
    if (!manifest) return;
    check(replication::decode_manifest(replication::encode_manifest(*manifest)) == manifest,
          "a snapshot comes back");
    for (const auto& file : manifest->files) {
        check(file.name.find('/') == std::string::npos && file.name != "..", "plain names");
    }
}

std::size_t read_body_frames(std::string_view bytes, std::size_t cut) {
    replication::FrameReader reader;
    std::size_t frames = 0;
    const auto count = [&](replication::BodyFrame&&) {
        ++frames;
    };
    if (!reader.feed(bytes.substr(0, cut), count)) return frames;
    (void)reader.feed(bytes.substr(cut), count);
    return frames;
}

void take_body_frames(std::string_view payload) {
    std::string frame;
    Writer writer(frame);
    writer.u32(static_cast<std::uint32_t>(payload.size()));
    writer.u32(crc32c(payload));
    frame.append(payload);
    check(read_body_frames(frame, frame.size()) == read_body_frames(frame, some_cut(frame)),
          "however it is cut");
}

void take_log_manifest(std::string_view bytes) {
    const auto manifest = read_manifest(bytes);
    check(!manifest || read_manifest(storage::encode_manifest(*manifest)) == manifest,
          "a manifest comes back");
}

}  // namespace

void one_input(std::string_view bytes) {
    const unsigned choice = take_choice(bytes, 8);
    if (choice == 0) take_record(bytes);
    if (choice == 1) take_head(bytes);
    if (choice == 2) (void)read_write_head(bytes);
    if (choice == 3) (void)read_footer_head(bytes);
    if (choice == 4) take_log_manifest(with_checksum(bytes));
    if (choice == 5) take_snapshot_manifest(with_checksum(bytes));
    if (choice == 6) take_body_frames(bytes);
    if (choice != 7) return;
    (void)read_file_header(with_checksum(bytes));
    const auto name = parse_segment_file_name(bytes);
    check(!name || parse_segment_file_name(segment_file_name(*name)) == name, "a name comes back");
}

std::vector<std::string> seeds() {
    RecordHeader header;
    header.set = model::SetId{1};
    header.index = 7;
    EntryHead head;
    head.commands_bytes = 3;
    head.bodies.resize(3);
    head.bodies[1] = {5, 70'000, 1, 0, 0, true, true, false};
    head.bodies[2] = {4'096, 300, 1, 0, 0, true, false, true};
    WriteHead write;
    write.rows.resize(2);
    write.recent.resize(1);
    Manifest manifest;
    manifest.rows = {{place, 4'096, 64}, {{4, 0, true}, 4'096, 0}};
    manifest.gone_to = {{model::SetId{1}, 7}};
    replication::SnapshotManifest snapshot;
    snapshot.files = {{"000001.sst", 10, 1}};
    snapshot.ranges = {{1, 2, 2, 3}};
    snapshot.index = 9;
    header.tag = Tag::entry;
    const std::string entry = encode_entry(header, head);
    const std::string no_checksum = storage::encode_manifest(manifest);
    const std::string no_checksum_either = replication::encode_manifest(snapshot);
    return {
        chosen(0, entry),
        chosen(0, encode_write(1, write)),
        chosen(0, encode_footer(SegmentIndex{})),
        chosen(1, entry.substr(header_bytes)),
        chosen(2, encode_write(1, write).substr(header_bytes)),
        chosen(3, encode_footer(SegmentIndex{}).substr(header_bytes)),
        chosen(4, std::string_view(no_checksum).substr(0, no_checksum.size() - 4)),
        chosen(5, std::string_view(no_checksum_either).substr(0, no_checksum_either.size() - 4)),
        chosen(6, replication::encode_lost_frame({9, {1}}).substr(8)),
        chosen(7, segment_file_name(place)),
        chosen(7, encode_file_header(place).substr(0, 28))};
}

}  // namespace penstock::fuzz
