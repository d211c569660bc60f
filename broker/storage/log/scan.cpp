#include "broker/storage/log/scan.h"

#include "broker/storage/log/entry_view.h"

#include <algorithm>
#include <string>

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
                   BodySource::Wait::yes) {}

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

StoredEntry stored(const RecordHeader& header, const EntryView& view, std::string_view payload) {
    StoredEntry entry{header.set, header.term, header.index, header.time_ms, view.commands, {}};
    entry.kind = static_cast<EntryKind>(view.head.kind);
    entry.bodies.reserve(view.head.bodies.size());
    for (const BodySlot& slot : view.head.bodies) {
        StoredBodyView body;
        body.present = slot.present;
        if (slot.present) body.bytes = body_bytes(payload, slot);
        entry.bodies.push_back(body);
    }
    for (const std::uint32_t ordinal : view.damaged) entry.bodies[ordinal].damaged = true;
    return entry;
}

}  // namespace

Result<bool> scan_entries(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const LogStore::VisitEntry& visit) {
    Walk walk(segment, index, range, bodies_first_bytes, bodies_most_bytes);
    while (true) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<std::string_view> payload = walk.scanner().payload();
        if (!payload) return payload.error();
        const auto view = entry_view(walk.scanner().header(), *payload);
        if (!view || !view->whole()) return walk.damaged();
        if (!visit(stored(walk.scanner().header(), *view, *payload))) return false;
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
        const RecordHeader& header = walk.scanner().header();
        const Result<std::string_view> bytes = walk.scanner().head();
        if (!bytes) return bytes.error();
        if (!head_matches(header, *bytes)) return walk.damaged();
        const auto head = read_entry_head(*bytes, header.payload_bytes);
        if (!head) return walk.damaged();
        facts.push_back({header.term,
                         header.index,
                         static_cast<EntryKind>(head->kind),
                         header.payload_bytes - header.head_bytes});
    }
    return false;
}

Result<bool> scan_records(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const LogStore::VisitEntry& visit) {
    Walk walk(segment, index, range, bodies_first_bytes, bodies_most_bytes);
    while (true) {
        const Result<bool> more = walk.next();
        if (!more) return more;
        if (!*more) return true;
        const Result<std::string_view> payload = walk.scanner().payload();
        if (!payload) return payload.error();
        const auto view = entry_view(walk.scanner().header(), *payload);
        if (!view || !view->commands_whole) continue;
        if (!visit(stored(walk.scanner().header(), *view, *payload))) return false;
    }
}

}  // namespace penstock::storage
