#include "broker/storage/log/scan.h"

#include "broker/storage/log/entry_view.h"
#include "broker/storage/log/shared_bodies.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t bodies_first_bytes = 64U << 10;
constexpr std::size_t bodies_most_bytes = 1U << 20;
constexpr std::size_t heads_bytes = 4U << 10;  // what lies between heads is not read

// Steps over the records of one set that are not void, from range.next on.
class Walk {
  public:
    Walk(const Segment& segment,
         const SegmentIndex& index,
         ScanRange& range,
         std::size_t first_bytes,
         std::size_t most_bytes)
        : segment_(segment),
          index_(index),
          range_(range),
          start_(index.walk_from(range.set, range.next)),
          scanner_(segment,
                   start_.value_or(segment.limit()),
                   segment.limit(),
                   first_bytes,
                   most_bytes,
                   BodySource::Wait::yes) {
        scanner_.read_around();
    }

    // False: no further one in this segment.
    Result<bool> next();

    RecordScanner& scanner() { return scanner_; }

    [[nodiscard]] Error damaged() const {
        return segment_.damaged(scanner_.offset(), "an entry does not match its checksums");
    }

  private:
    Result<bool> step();
    [[nodiscard]] bool is_wanted(const RecordHeader& header) const;

    const Segment& segment_;
    const SegmentIndex& index_;
    ScanRange& range_;
    std::optional<std::uint64_t> start_;
    RecordScanner scanner_;
};

bool Walk::is_wanted(const RecordHeader& header) const {
    return has_bodies(header.tag) && header.set == range_.set && header.index >= range_.next &&
           header.index <= range_.last && index_.live(range_.set, header.index, scanner_.offset());
}

Result<bool> Walk::step() {
    while (true) {
        const Result<bool> more = scanner_.next();
        if (!more || !*more) return more;
        if (scanner_.header().tag == Tag::footer) return false;
        if (is_wanted(scanner_.header())) return true;
    }
}

Result<bool> Walk::next() {
    if (range_.next > range_.last) return false;
    Result<bool> more = step();
    if (!more) return more;
    const LogIndex found = *more ? scanner_.header().index : range_.last + 1;
    if (found > range_.next && range_.next >= range_.whole_from) {
        return error(Errc::damaged,
                     segment_.path() + ": entry " + std::to_string(range_.next) + " of set " +
                         std::to_string(range_.set.value) + " cannot be found");
    }
    range_.next = *more ? found + 1 : found;
    return more;
}

// The head of the record that the walk is at.
Result<EntryHead> read_head(Walk& walk) {
    const Result<std::string_view> bytes = walk.scanner().head();
    if (!bytes) return bytes.error();
    const RecordHeader& header = walk.scanner().header();
    if (!head_matches(header, *bytes)) return walk.damaged();
    auto head = read_entry_head(*bytes, header.payload_bytes);
    if (!head) return walk.damaged();
    return std::move(*head);
}

// An entry as it is given out: with the bytes of the bodies that are not in its record.
struct Whole {
    StoredEntry entry;
    std::vector<std::string> elsewhere;
    std::optional<Error> wrong;  // with the first body that is damaged
};

Result<void> take_apart(const Segment& segment,
                        std::uint64_t offset,
                        const EntryHead& head,
                        const FindApart& find,
                        Whole& whole) {
    std::optional<ApartPlace> place;
    for (std::uint32_t ordinal = 0; ordinal < head.bodies.size(); ++ordinal) {
        const BodySlot& slot = head.bodies[ordinal];
        if (!slot.present || !slot.apart) continue;
        StoredEntry& entry = whole.entry;
        StoredBodyView& body = entry.bodies[ordinal];
        if (!place) place = find(entry.set, entry.index);
        const ApartSlot wanted{segment, offset, {entry.set, entry.index, ordinal}, slot};
        auto read = read_apart(wanted, *place, BodySource::Wait::yes);
        if (read) {
            whole.elsewhere.push_back(std::move(read->bytes));
            body.bytes = whole.elsewhere.back();
        } else if (read.error().code == Errc::not_found) {
            body.present = false;
        } else if (read.error().code == Errc::damaged) {
            body.damaged = true;
            if (!whole.wrong) whole.wrong = read.error();
        } else {
            return read.error();
        }
    }
    return {};
}

Result<void> take_shared(const EntryHead& head, SharedBodies& shared, Whole& whole) {
    for (std::size_t ordinal = 0; ordinal < head.bodies.size(); ++ordinal) {
        const BodySlot& slot = head.bodies[ordinal];
        if (!slot.present || !slot.shared) continue;
        StoredBodyView& body = whole.entry.bodies[ordinal];
        const Result<std::string_view> bytes = shared.read(slot);
        if (bytes) {
            body.bytes = whole.elsewhere.emplace_back(*bytes);
        } else if (bytes.error().code == Errc::damaged) {
            body.damaged = true;
            if (!whole.wrong) whole.wrong = bytes.error();
        } else {
            return bytes.error();
        }
    }
    return {};
}

// `payload` and what is in `view` must outlive the result.
Result<Whole> stored(const Segment& segment,
                     const RecordScanner& scanner,
                     const EntryView& view,
                     std::string_view payload,
                     SharedBodies& shared,
                     const FindApart& find) {
    const RecordHeader& header = scanner.header();
    Whole whole{{header.set, header.term, header.index, header.time_ms, view.commands, {}}, {}, {}};
    StoredEntry& entry = whole.entry;
    entry.kind = static_cast<EntryKind>(view.head.kind);
    entry.bodies.reserve(view.head.bodies.size());
    std::size_t elsewhere = 0;
    for (const BodySlot& slot : view.head.bodies) {
        StoredBodyView body;
        body.present = slot.present;
        if (slot.is_inline()) body.bytes = body_bytes(payload, slot);
        if (slot.present && !slot.is_inline()) ++elsewhere;
        entry.bodies.push_back(body);
    }
    for (const std::uint32_t ordinal : view.damaged) entry.bodies[ordinal].damaged = true;
    if (elsewhere == 0) return whole;
    whole.elsewhere.reserve(elsewhere);  // views into them stay
    Result<void> taken = take_shared(view.head, shared, whole);
    if (taken) taken = take_apart(segment, scanner.offset(), view.head, find, whole);
    if (!taken) return taken.error();
    return whole;
}

}  // namespace

Result<bool> scan_entries(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const FindApart& find,
                          const LogStore::VisitEntry& visit) {
    Walk walk(segment, index, range, bodies_first_bytes, bodies_most_bytes);
    SharedBodies shared(segment, BodySource::Wait::yes);
    shared.read_around();
    while (true) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<std::string_view> payload = walk.scanner().payload();
        if (!payload) return payload.error();
        const auto view = entry_view(walk.scanner().header(), *payload);
        if (!view || !view->whole()) return walk.damaged();
        const auto whole = stored(segment, walk.scanner(), *view, *payload, shared, find);
        if (!whole) return whole.error();
        if (whole->wrong) return *whole->wrong;
        if (!visit(whole->entry)) return false;
    }
}

Result<bool> scan_facts(const Segment& segment,
                        const SegmentIndex& index,
                        ScanRange& range,
                        std::size_t count_max,
                        std::vector<EntryFacts>& facts) {
    Walk walk(segment, index, range, heads_bytes, heads_bytes);
    while (facts.size() < count_max) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<EntryHead> head = read_head(walk);
        if (!head) return head.error();
        const RecordHeader& header = walk.scanner().header();
        std::uint64_t bytes = header.payload_bytes - header.head_bytes;
        for (const BodySlot& slot : head->bodies) bytes += slot.is_inline() ? 0 : slot.length;
        facts.push_back({header.term, header.index, static_cast<EntryKind>(head->kind), bytes});
    }
    return false;
}

Result<bool> check_apart(const Segment& segment,
                         const SegmentIndex& index,
                         ScanRange& range,
                         const FindApart& find) {
    Walk walk(segment, index, range, heads_bytes, heads_bytes);
    while (true) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<EntryHead> head = read_head(walk);
        if (!head) return head.error();
        const RecordHeader& header = walk.scanner().header();
        Whole whole;
        whole.entry.set = header.set;
        whole.entry.index = header.index;
        whole.entry.bodies.resize(head->bodies.size());
        whole.elsewhere.reserve(head->bodies.size());
        const auto taken = take_apart(segment, walk.scanner().offset(), *head, find, whole);
        if (!taken) return taken.error();
        if (whole.wrong) return *whole.wrong;
        for (std::size_t ordinal = 0; ordinal < head->bodies.size(); ++ordinal) {
            const BodySlot& slot = head->bodies[ordinal];
            const bool wanted = slot.present && slot.apart && slot.length > 0;
            if (wanted && whole.entry.bodies[ordinal].bytes.empty()) return walk.damaged();
        }
    }
}

Result<bool> scan_records(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const FindApart& find,
                          const LogStore::VisitEntry& visit) {
    Walk walk(segment, index, range, bodies_first_bytes, bodies_most_bytes);
    SharedBodies shared(segment, BodySource::Wait::yes);
    shared.read_around();
    while (true) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<std::string_view> payload = walk.scanner().payload();
        if (!payload) return payload.error();
        const auto view = entry_view(walk.scanner().header(), *payload);
        if (!view || !view->commands_whole) continue;
        const auto whole = stored(segment, walk.scanner(), *view, *payload, shared, find);
        if (!whole) return whole.error();
        if (!visit(whole->entry)) return false;
    }
}

}  // namespace penstock::storage
