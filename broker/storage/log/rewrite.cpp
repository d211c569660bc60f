#include "broker/storage/log/rewrite.h"

#include "broker/base/hash.h"
#include "broker/storage/log/apart.h"
#include "broker/storage/log/entry_view.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::storage {

namespace {

constexpr std::uint64_t looked_at_step_bytes = 256ULL << 10;  // of dead entries too

}  // namespace

Rewrite::Rewrite(StoreState& state, std::shared_ptr<const SealedSegment> old, SegmentInfo info)
    : state_(state),
      old_(std::move(old)),
      info_(std::move(info)),
      scanner_(*old_->segment, file_header_bytes, info_.footer),
      shared_(*old_->segment, BodySource::Wait::yes) {
    scanner_.read_around();
    shared_.read_around();
    result_.name = {info_.name.number, info_.name.generation + 1, info_.name.large};
}

Result<Rewrite::Step> Rewrite::step(const LiveBodies& live) {
    const Result<Step> copied = copy_some(live);
    if (!copied || *copied == Step::unreadable) return copied;
    if (!staged_.empty()) {
        if (const auto written = write(); !written) return written.error();
    }
    return *copied == Step::done ? finish() : copied;
}

Result<Rewrite::Step> Rewrite::copy_some(const LiveBodies& live) {
    const std::uint64_t from = scanner_.behind();
    while (staged_bytes_ < rewrite_step_bytes && scanner_.behind() - from < looked_at_step_bytes) {
        const Result<bool> more = scanner_.next();
        if (!more) return more.error();
        if (!*more) {
            // The footer's own write follows the last record.
            if (scanner_.behind() == info_.footer) return Step::done;
            const Result<bool> needed = needs_bytes(scanner_.behind(), info_.footer, live);
            if (!needed) return needed.error();
            return *needed ? Step::unreadable : Step::done;
        }
        if (scanner_.skipped_from() != scanner_.offset()) {
            const Result<bool> needed =
                needs_bytes(scanner_.skipped_from(), scanner_.offset(), live);
            if (!needed) return needed.error();
            if (*needed) return Step::unreadable;
        }
        const Result<Step> copied = copy_entry(live);
        if (!copied || *copied == Step::unreadable) return copied;
    }
    return Step::more;
}

// Bytes that are no record: of large bodies it is known which records were there.
Result<bool> Rewrite::needs_bytes(std::uint64_t from, std::uint64_t to, const LiveBodies& live) {
    if (!info_.name.large) return true;
    for (const auto& [set, places] : info_.places) {
        for (const LargePlace& place : places) {
            if (place.offset < from || place.offset >= to) continue;
            const auto held = held_apart(state_, set, place.index, info_.name.number, live);
            if (!held) return held.error();
            if (!held->empty()) return true;
        }
    }
    return false;
}

Result<std::vector<std::uint32_t>> Rewrite::held_here(const LiveBodies& live) {
    const RecordHeader& header = scanner_.header();
    if (info_.name.large) {
        return held_apart(state_, header.set, header.index, info_.name.number, live);
    }
    const bool is_void = header.index > state_.catalog.last_in(header.set, info_.name.number) ||
                         !old_->index.live(header.set, header.index, scanner_.offset());
    if (is_void) return std::vector<std::uint32_t>{};
    return live.live_ordinals(header.set, header.index);
}

Result<Rewrite::Step> Rewrite::copy_entry(const LiveBodies& live) {
    const RecordHeader& header = scanner_.header();
    if (!has_bodies(header.tag)) return Step::more;
    const auto holds = held_here(live);
    if (!holds) return holds.error();
    const std::vector<std::uint32_t>& held = *holds;
    if (held.empty()) return Step::more;
    const auto copy = state_.copies.find({header.set, header.index});
    const bool repaired = copy != state_.copies.end() && copy->second.term == header.term;
    if (repaired && !info_.name.large) return take_copy(copy->second, held);
    const Result<std::string_view> payload = scanner_.payload();
    if (!payload) return payload.error();
    auto view = entry_view(header, *payload);
    if (!view) return Step::unreadable;
    if (loses_refused(*view, held)) return Step::unreadable;
    StagedRecord staged;
    staged.tag = header.tag;
    staged.set = header.set;
    staged.index = header.index;
    staged.term = header.term;
    staged.time_ms = header.time_ms;
    staged.commands = view->commands;
    for (std::uint32_t ordinal = 0; ordinal < view->head.bodies.size(); ++ordinal) {
        BodySlot& slot = view->head.bodies[ordinal];
        if (!slot.present) continue;
        if (!std::binary_search(held.begin(), held.end(), ordinal)) {
            slot = BodySlot{};
            continue;
        }
        ++staged.present;
        if (slot.apart) continue;
        // A body that does not match its checksum keeps it: it stays damaged.
        auto bytes = body_of(*payload, slot);
        if (!bytes && bytes.error().code == Errc::damaged) return Step::unreadable;
        if (!bytes) return bytes.error();
        staged.bodies.push_back(std::move(*bytes));
        staged.body_bytes += slot.length;
        slot.shared = false;  // as far as it is known here
    }
    finish_entry(staged, std::move(view->head));
    staged_bytes_ += staged.bytes;
    staged_.push_back(std::move(staged));
    return Step::more;
}

Result<std::string> Rewrite::body_of(std::string_view payload, const BodySlot& slot) {
    if (!slot.shared) return std::string(body_bytes(payload, slot));
    const Result<std::string_view> bytes = shared_.bytes(slot);
    if (!bytes) return bytes.error();
    if (shared_.refused() && crc32c(*bytes) != slot.checksum && keeps_refused()) {
        return old_->segment->damaged(slot.offset, "a body cannot be read");
    }
    return std::string(*bytes);
}

bool Rewrite::loses_refused(const EntryView& view, const std::vector<std::uint32_t>& held) const {
    if (view.whole() || !scanner_.refused() || !keeps_refused()) return false;
    return !view.commands_whole ||
           std::any_of(view.damaged.begin(), view.damaged.end(), [&](std::uint32_t ordinal) {
               return std::binary_search(held.begin(), held.end(), ordinal);
           });
}

// The disk may read it another time, or somebody with better tools; zeros in its place and the old
// file removed, it is lost for good. With copies a peer has mended some of it: it has the rest too.
bool Rewrite::keeps_refused() const {
    return !state_.has_copies(info_);
}

// What a peer sent stands in for a record that is damaged here.
Result<Rewrite::Step> Rewrite::take_copy(const EntryRecord& copy,
                                         const std::vector<std::uint32_t>& held) {
    EntryRecord record = copy;
    std::vector<std::uint32_t> absent;
    for (std::uint32_t ordinal = 0; ordinal < record.bodies.size(); ++ordinal) {
        const bool wanted = std::binary_search(held.begin(), held.end(), ordinal);
        const bool there = !std::binary_search(record.absent.begin(), record.absent.end(), ordinal);
        if (!wanted || !there) absent.push_back(ordinal);
    }
    record.absent = std::move(absent);
    staged_.push_back(stage_entry(std::move(record), scanner_.header().tag));
    staged_bytes_ += staged_.back().bytes;
    return Step::more;
}

Result<void> Rewrite::write() {
    if (!copy_) {
        const std::string header = encode_file_header(result_.name);
        auto file = state_.files.create_segment(result_.name, header.size(), {header});
        if (!file) return file.error();
        ActiveSegment::Content content;
        content.tail = file_header_bytes;
        // It grows with what is written: how much that will be is not known before.
        copy_ = std::make_unique<ActiveSegment>(
            std::make_shared<Segment>(
                std::move(*file), result_.name, state_.files.path(result_.name), file_header_bytes),
            std::move(content));
    }
    shares_bodies_ = copy_->share(staged_) > 0 || shares_bodies_;
    const Result<void> written = copy_->write(staged_, facts_);
    staged_.clear();
    staged_bytes_ = 0;
    return written;
}

Result<Rewrite::Step> Rewrite::finish() {
    if (!copy_) return Step::done;
    const Result<std::uint64_t> footer = copy_->seal(facts_);
    if (!footer) return footer.error();
    result_.footer = *footer;
    result_.bytes = copy_->tail();
    for (const auto& [set, index] : copy_->index().sets()) result_.sets[set] = index.summary;
    if (result_.name.large) take_index(result_, copy_->index());
    return Step::done;
}

Result<void> Rewrite::abandon() const {
    if (!copy_) return {};
    return state_.files.remove_segment(result_.name);
}

}  // namespace penstock::storage
