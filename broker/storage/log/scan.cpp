#include "broker/storage/log/scan.h"

#include "broker/storage/log/entry_view.h"

#include <string>

namespace penstock::storage {

namespace {

Error missing(const Segment& segment, SetId set, LogIndex index) {
    return error(Errc::damaged,
                 segment.path() + ": entry " + std::to_string(index) + " of set " +
                     std::to_string(set.value) + " cannot be found");
}

StoredEntry stored(const RecordHeader& header, const EntryView& view, std::string_view payload) {
    StoredEntry entry{header.set, header.term, header.index, header.time_ms, view.commands, {}};
    entry.bodies.reserve(view.head.bodies.size());
    for (const BodySlot& slot : view.head.bodies) {
        StoredBodyView body;
        body.present = slot.present;
        if (slot.present) body.bytes = body_bytes(payload, slot);
        entry.bodies.push_back(body);
    }
    return entry;
}

}  // namespace

Result<bool> scan_entries(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const LogStore::VisitEntry& visit) {
    const auto start = index.start(range.set, range.next);
    if (!start) return missing(segment, range.set, range.next);
    RecordScanner scanner(segment, *start, segment.limit());
    while (range.next <= range.last) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        const bool end = !*more || scanner.header().tag == Tag::footer;
        const LogIndex found = end ? range.last + 1 : scanner.header().index;
        if (!end) {
            const RecordHeader& header = scanner.header();
            if (header.tag != Tag::entry || header.set != range.set || found < range.next ||
                !index.live(range.set, found, scanner.offset())) {
                continue;
            }
        }
        if (found > range.next && range.next >= range.whole_from) {
            return missing(segment, range.set, range.next);
        }
        range.next = found;
        if (end) return true;
        const Result<std::string_view> payload = scanner.payload();
        if (!payload) return payload.error();
        const auto view = entry_view(scanner.header(), *payload);
        if (!view || !view->whole()) {
            return segment.damaged(scanner.offset(), "an entry does not match its checksums");
        }
        ++range.next;
        if (!visit(stored(scanner.header(), *view, *payload))) return false;
    }
    return true;
}

}  // namespace penstock::storage
