#include "broker/storage/log/scrubber.h"

#include "broker/storage/log/apart.h"
#include "broker/storage/log/entry_view.h"

#include <algorithm>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t damaged_max = 100'000;  // remembered, so that a round counts none twice

const SegmentInfo* first_sealed(const Catalog& catalog, std::uint64_t from) {
    auto at = catalog.segments().lower_bound(from);
    while (at != catalog.segments().end() && at->second.footer == 0) ++at;
    return at == catalog.segments().end() ? nullptr : &at->second;
}

const SegmentInfo* lower(const SegmentInfo* one, const SegmentInfo* other) {
    if (one == nullptr || other == nullptr) return one == nullptr ? other : one;
    return one->name.number < other->name.number ? one : other;
}

}  // namespace

Result<std::vector<MessageId>> Scrubber::step(std::uint64_t bytes) {
    std::vector<MessageId> damaged;
    std::size_t segments_left = state_.catalog.segments().size() + state_.large.segments().size();
    while (bytes > 0 && segments_left-- > 0) {
        const SegmentInfo* at = next_sealed();
        if (at == nullptr) break;
        if (at->name.number != number_) {
            number_ = at->name.number;
            offset_ = file_header_bytes;
        }
        const Result<std::uint64_t> read = scrub_segment(*at, bytes, damaged);
        if (!read) return read.error();
        bytes -= std::min(bytes, *read);
    }
    return damaged;
}

const SegmentInfo* Scrubber::next_sealed() const {
    const SegmentInfo* next =
        lower(first_sealed(state_.catalog, number_), first_sealed(state_.large, number_));
    if (next != nullptr) return next;
    return lower(first_sealed(state_.catalog, 0), first_sealed(state_.large, 0));
}

Result<std::uint64_t> Scrubber::scrub_segment(const SegmentInfo& info,
                                              std::uint64_t bytes,
                                              std::vector<MessageId>& damaged) {
    const auto sealed = state_.sealed.get(info);
    if (!sealed && sealed.error().code == Errc::damaged) {
        note(info, info.footer);
        number_ = info.name.number + 1;
        offset_ = file_header_bytes;
        return 0;
    }
    if (!sealed) return sealed.error();
    const std::uint64_t from = offset_;
    RecordScanner scanner(*(*sealed)->segment, from, info.bytes);
    scanner.read_around();
    SharedBodies shared(*(*sealed)->segment, BodySource::Wait::yes);
    shared.read_around();
    expected_.clear();
    std::uint64_t gap = from;
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        if (*more && scanner.skipped_from() != scanner.offset()) gap = scanner.skipped_from();
        const bool boundary = !*more || scanner.header().tag == Tag::write;
        if (boundary) {
            for (const WriteRow& row : expected_) {
                const auto lost = lose(info, **sealed, row, gap, damaged);
                if (!lost) return lost.error();
            }
            expected_.clear();
        }
        if (!*more) {
            number_ = info.name.number + 1;
            offset_ = file_header_bytes;
            return scanner.behind() - from;
        }
        if (boundary && scanner.offset() - from >= bytes) {
            offset_ = scanner.offset();
            return scanner.offset() - from;
        }
        const auto checked = check_record(info, **sealed, scanner, shared, damaged);
        if (!checked) return checked.error();
    }
}

Result<void> Scrubber::check_record(const SegmentInfo& info,
                                    const SealedSegment& sealed,
                                    RecordScanner& scanner,
                                    SharedBodies& shared,
                                    std::vector<MessageId>& damaged) {
    const RecordHeader& header = scanner.header();
    const Result<std::string_view> payload = scanner.payload();
    if (!payload) return payload.error();
    const bool matches = head_matches(header, *payload);
    if (header.tag == Tag::write) {
        const auto head = matches ? read_write_head(*payload) : std::nullopt;
        if (head) expected_.assign(head->rows.rbegin(), head->rows.rend());
        return {};
    }
    // Rows before this record that did not turn up are lost; a record no row tells of stands alone.
    const WriteRow row{header.tag, header.set, 0, header.index};
    const auto mine = std::find_if(expected_.rbegin(), expected_.rend(), [&](const WriteRow& one) {
        return one.tag == row.tag && one.set == row.set && one.index == row.index;
    });
    if (mine != expected_.rend()) {
        const WriteRow listed = *mine;
        while (expected_.back() != listed) {
            const auto lost = lose(info, sealed, expected_.back(), scanner.skipped_from(), damaged);
            if (!lost) return lost;
            expected_.pop_back();
        }
        expected_.pop_back();
        if (has_bodies(header.tag) && !matches) {
            const auto lost = lose(info, sealed, listed, scanner.offset(), damaged);
            if (!lost) return lost;
        }
    }
    if (!has_bodies(header.tag) || !matches) return {};
    auto view = entry_view(header, *payload);
    const Result<void> checked = view ? shared.check(*view) : Result<void>{};
    if (!checked) return checked;
    if (view && view->whole()) return {};
    if (!sealed.index.live(header.set, header.index, scanner.offset())) return {};
    if (info.name.large) {
        return lose_apart(info, row, view ? &view->damaged : nullptr, scanner.offset(), damaged);
    }
    note(info, scanner.offset());
    if (!view) return {};
    for (const std::uint32_t ordinal : view->damaged) {
        damaged.emplace_back(header.set, header.index, ordinal);
    }
    return {};
}

Result<void> Scrubber::lose(const SegmentInfo& info,
                            const SealedSegment& sealed,
                            const WriteRow& row,
                            std::uint64_t at,
                            std::vector<MessageId>& damaged) {
    if (info.name.large) return lose_apart(info, row, nullptr, at, damaged);
    if (!has_bodies(row.tag) || !sealed.index.live(row.set, row.index, at)) return {};
    if (row.index > state_.catalog.last_in(row.set, info.name.number)) return {};
    note(info, at);
    for (std::uint32_t ordinal = 0; ordinal < row.bodies; ++ordinal) {
        damaged.emplace_back(row.set, row.index, ordinal);
    }
    return {};
}

// What no entry says is there may be as it likes: it is void, or was repaired with a copy.
Result<void> Scrubber::lose_apart(const SegmentInfo& info,
                                  const WriteRow& row,
                                  const std::vector<std::uint32_t>* only,
                                  std::uint64_t at,
                                  std::vector<MessageId>& damaged) {
    if (row.tag != Tag::apart) return {};
    const auto ordinals = ordinals_apart(state_, row.set, row.index, info.name.number);
    if (!ordinals) return ordinals.error();
    if (!*ordinals) return {};
    for (const std::uint32_t ordinal : **ordinals) {
        if (only != nullptr && std::find(only->begin(), only->end(), ordinal) == only->end()) {
            continue;
        }
        note(info, at);
        damaged.emplace_back(row.set, row.index, ordinal);
    }
    return {};
}

void Scrubber::note(const SegmentInfo& info, std::uint64_t at) {
    if (state_.damaged.size() < damaged_max) state_.damaged.insert({info.name.number, at});
}

}  // namespace penstock::storage
