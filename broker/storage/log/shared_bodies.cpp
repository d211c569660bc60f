#include "broker/storage/log/shared_bodies.h"

#include "broker/base/hash.h"

#include <string>
#include <vector>

namespace penstock::storage {

namespace {

// Copies of messages that were published together lie close to each other.
constexpr std::size_t copies_first_bytes = 4U << 10;
constexpr std::size_t copies_most_bytes = 16U << 10;

bool may_share(const StagedRecord& record) {
    if (record.tag != Tag::entry && record.tag != Tag::body_record) return false;
    return record.body_bytes >= shared_body_bytes_min;
}

}  // namespace

std::uint64_t share_bodies(StagedRecord& record, std::uint64_t offset, RecentBodies& recent) {
    if (!may_share(record)) return 0;
    std::uint64_t place = offset + record.head.size() + record.commands.size();
    std::vector<std::uint32_t> places;
    auto body = record.bodies.begin();
    for (std::uint32_t ordinal = 0; body != record.bodies.end(); ++ordinal) {
        const BodySlot slot = encoded_slot(record.head, ordinal);
        if (!slot.is_inline()) continue;
        std::string& bytes = *body++;
        const bool worth = bytes.size() >= shared_body_bytes_min;
        const auto there = worth ? recent.take(record.set, slot.checksum, bytes) : std::nullopt;
        if (there) {
            places.resize(record.slots);
            places[ordinal] = *there;
            record.shared_bytes += bytes.size();
            std::string().swap(bytes);
            continue;
        }
        if (worth) recent.note(record.set, slot.checksum, bytes, place);
        place += bytes.size();
    }
    if (places.empty()) return 0;
    point_shared(record.head, places);
    record.bytes = aligned(record.unaligned_bytes());
    return record.shared_bytes;
}

SharedBodies::SharedBodies(const Segment& segment, BodySource::Wait wait)
    : segment_(&segment),
      window_(segment.file(), segment.limit(), copies_first_bytes, copies_most_bytes, wait) {}

Result<std::string_view> SharedBodies::bytes(const BodySlot& slot) {
    if (const auto wrong = misplaced(slot)) return *wrong;
    return window_.view(slot.offset, slot.length);
}

Result<std::string_view> SharedBodies::read(const BodySlot& slot) {
    return verified(slot, bytes(slot));
}

Result<std::string_view> SharedBodies::read_last(const BodySlot& slot) {
    if (const auto wrong = misplaced(slot)) return *wrong;
    return verified(slot, window_.view_last(slot.offset, slot.length));
}

Result<void> SharedBodies::check(EntryView& view) {
    for (std::uint32_t ordinal = 0; ordinal < view.head.bodies.size(); ++ordinal) {
        const BodySlot& slot = view.head.bodies[ordinal];
        if (!slot.present || !slot.shared) continue;
        const Result<std::string_view> found = read(slot);
        if (found) continue;
        if (found.error().code != Errc::damaged) return found.error();
        view.damaged.push_back(ordinal);
    }
    return {};
}

std::optional<Error> SharedBodies::misplaced(const BodySlot& slot) const {
    if (std::uint64_t{slot.offset} + slot.length <= segment_->limit()) return std::nullopt;
    return segment_->damaged(slot.offset, "a body ends behind its file");
}

Result<std::string_view> SharedBodies::verified(const BodySlot& slot,
                                                const Result<std::string_view>& bytes) const {
    if (!bytes) return bytes;
    const bool known = slot.codec == 0 && slot.key_id == 0;
    if (known && crc32c(*bytes) == slot.checksum) return bytes;
    return segment_->damaged(slot.offset, "a body does not match its checksum");
}

}  // namespace penstock::storage
