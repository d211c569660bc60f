#include "broker/storage/log/apart.h"

#include "broker/base/hash.h"
#include "broker/storage/log/active_segment.h"

#include <algorithm>

namespace penstock::storage {

namespace {

constexpr std::size_t head_first_bytes = 4096;

LogIndex gone_to(const StoreState& state, SetId set) {
    const auto found = state.manifest.gone_to.find(set);
    return found == state.manifest.gone_to.end() ? 0 : found->second;
}

std::vector<std::uint32_t> ordinals_in(const EntryHead& head, std::uint64_t number) {
    std::vector<std::uint32_t> ordinals;
    for (std::uint32_t ordinal = 0; ordinal < head.bodies.size(); ++ordinal) {
        const BodySlot& slot = head.bodies[ordinal];
        if (slot.present && slot.apart && slot.offset == number) ordinals.push_back(ordinal);
    }
    return ordinals;
}

// The scanner's record, if it is the one of that entry at `offset`.
Result<bool> stands_at(RecordScanner& scanner, std::uint64_t offset, MessageId message) {
    const Result<bool> more = scanner.next();
    if (!more) return more;
    const RecordHeader& header = scanner.header();
    return *more && scanner.offset() == offset && header.tag == Tag::apart &&
           header.set == message.set() && header.index == message.index();
}

// Where they go at once: a second copy of a large body would be large too.
Result<std::string> read_bytes(const Segment& segment,
                               std::uint64_t offset,
                               std::size_t length,
                               BodySource::Wait wait) {
    std::string bytes(length, '\0');
    if (wait == BodySource::Wait::yes) {
        const Result<void> read = segment.file().read_at(offset, length, bytes.data());
        if (!read) return read.error();
        return bytes;
    }
    const Result<bool> there = segment.file().try_read_cached(offset, length, bytes.data());
    if (!there) return there.error();
    if (!*there) return error(Errc::unavailable, "the bytes are not in memory");
    return bytes;
}

}  // namespace

ApartPlace find_apart(StoreState& state, SetId set, LogIndex index) {
    ApartPlace found;
    found.gone = index <= gone_to(state, set);
    const auto piece = state.large.place_of(set, index);
    if (!piece) return found;
    const SegmentInfo& info = state.large.segments().at(piece->number);
    if (info.keep) found.gone = false;
    const LargePlace* place = info.place_of(set, index);
    if (place == nullptr) return found;
    // It may be of an earlier life of the entry: what the slot says decides.
    found.offset = place->offset;
    if (state.large_active && piece->number == state.large_active->number()) {
        found.segment = state.large_active->segment();
    } else if (const auto sealed = state.sealed.get(info)) {
        found.segment = (*sealed)->segment;
    } else {
        found.failed = std::make_shared<const Error>(sealed.error());
    }
    return found;
}

Result<BodySource::Body> read_apart(const ApartSlot& slot,
                                    const ApartPlace& place,
                                    BodySource::Wait wait) {
    const MessageId message = slot.message;
    if (place.failed) return *place.failed;
    if (!place.segment || place.segment->name().number != slot.slot.offset) {
        if (place.gone) return error(Errc::not_found, "the body was held by nobody and is gone");
        return slot.segment.damaged(
            slot.offset,
            "a body in the large segment " + std::to_string(slot.slot.offset) + " cannot be found");
    }
    const Segment& segment = *place.segment;
    RecordScanner scanner(
        segment, place.offset, segment.limit(), head_first_bytes, head_first_bytes, wait);
    scanner.read_around();
    const Result<bool> there = stands_at(scanner, place.offset, message);
    if (!there) return there.error();
    if (!*there) return segment.damaged(place.offset, "a large body cannot be read");
    const RecordHeader& header = scanner.header();
    const Result<std::string_view> head_bytes = scanner.head();
    if (!head_bytes) return head_bytes.error();
    const auto head = head_matches(header, *head_bytes)
                          ? read_entry_head(*head_bytes, header.payload_bytes)
                          : std::nullopt;
    const bool known = head && message.ordinal() < head->bodies.size();
    if (!known) return segment.damaged(place.offset, "the head of large bodies does not match");
    const BodySlot& own = head->bodies[message.ordinal()];
    if (!own.present) return error(Errc::not_found, "the body was held by nobody and is gone");
    const bool same = own.is_inline() && own.length == slot.slot.length &&
                      own.checksum == slot.slot.checksum && own.codec == 0 && own.key_id == 0;
    if (!same) return segment.damaged(place.offset, "a large body is not the one of its entry");
    auto bytes = read_bytes(segment, place.offset + own.offset, own.length, wait);
    const bool refused = !bytes && bytes.error().code == Errc::io;
    if (!bytes && !refused) return bytes.error();
    if (refused || crc32c(*bytes) != own.checksum) {
        return segment.damaged(place.offset + own.offset,
                               "a large body does not match its checksum");
    }
    return BodySource::Body{std::move(*bytes), header.time_ms};
}

Result<std::optional<std::vector<std::uint32_t>>> ordinals_apart(StoreState& state,
                                                                 SetId set,
                                                                 LogIndex index,
                                                                 std::uint64_t number) {
    using Ordinals = std::optional<std::vector<std::uint32_t>>;
    const auto place = state.catalog.place_of(set, index);
    if (!place) return Ordinals(std::in_place);
    std::shared_ptr<const SealedSegment> sealed;
    const bool active = place->number == state.active->number();
    if (!active) {
        auto opened = state.sealed.get(state.catalog.segments().at(place->number));
        if (!opened && opened.error().code == Errc::damaged) return Ordinals();
        if (!opened) return opened.error();
        sealed = std::move(*opened);
    }
    const Segment& segment = active ? *state.active->segment() : *sealed->segment;
    const auto from = (active ? state.active->index() : sealed->index).start(set, index);
    if (!from) return Ordinals(std::in_place);
    RecordScanner scanner(segment,
                          *from,
                          segment.limit(),
                          head_first_bytes,
                          std::size_t{sample_spacing},
                          BodySource::Wait::yes);
    scanner.read_around();
    bool skipped = false;
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        const RecordHeader& header = scanner.header();
        const bool near =
            *more && scanner.offset() <= *from + sample_spacing && header.tag != Tag::footer;
        skipped = skipped || !*more || scanner.skipped_from() != scanner.offset();
        if (!near) return skipped ? Ordinals() : Ordinals(std::in_place);
        if (!has_bodies(header.tag) || header.set != set || header.index != index) continue;
        const Result<std::string_view> bytes = scanner.head();
        if (!bytes) return bytes.error();
        if (!head_matches(header, *bytes)) return Ordinals();
        const auto head = read_entry_head(*bytes, header.payload_bytes);
        if (!head) return Ordinals();
        return Ordinals(ordinals_in(*head, number));
    }
}

Result<std::vector<std::uint32_t>> held_apart(
    StoreState& state, SetId set, LogIndex index, std::uint64_t number, const LiveBodies& live) {
    const auto apart = ordinals_apart(state, set, index, number);
    if (!apart) return apart.error();
    if (*apart && (*apart)->empty()) return std::vector<std::uint32_t>{};
    std::vector<std::uint32_t> held = live.live_ordinals(set, index);
    if (*apart) {
        std::erase_if(held, [&](std::uint32_t ordinal) {
            return !std::binary_search((*apart)->begin(), (*apart)->end(), ordinal);
        });
    }
    return held;
}

ApartRange::ApartRange(const StoreState& state, SetId set, LogIndex first, LogIndex last)
    : files_(state.files), gone_to_(gone_to(state, set)) {
    auto piece = state.large.next_place(set, first);
    for (; piece && piece->first <= last; piece = state.large.next_place(set, piece->last + 1)) {
        const SegmentInfo& info = state.large.segments().at(piece->number);
        for (const LargePlace& place : info.places.at(set)) {
            const bool wanted = place.index >= std::max(first, piece->first) &&
                                place.index <= std::min(last, piece->last);
            if (wanted) places_.push_back({place, {info.name, info.bytes}});
        }
    }
}

ApartPlace ApartRange::find(LogIndex index) {
    ApartPlace found;
    const auto at = std::lower_bound(
        places_.begin(), places_.end(), index, [](const auto& place, LogIndex wanted) {
            return place.first.index < wanted;
        });
    found.gone = index <= gone_to_;
    if (at == places_.end() || at->first.index != index) return found;
    found.offset = at->first.offset;
    const auto& [name, bytes] = at->second;
    if (!open_ || open_->name() != name) {
        open_.reset();
        auto file = files_.open_segment(name);
        if (!file) {
            found.failed = std::make_shared<const Error>(file.error());
            return found;
        }
        open_ = std::make_shared<const Segment>(std::move(*file), name, files_.path(name), bytes);
    }
    found.segment = open_;
    return found;
}

}  // namespace penstock::storage
