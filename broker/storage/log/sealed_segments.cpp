#include "broker/storage/log/sealed_segments.h"

#include "broker/storage/log/entry_view.h"
#include "broker/storage/log/segment_format.h"

#include <utility>

namespace penstock::storage {

Result<std::shared_ptr<const SealedSegment>> SealedSegments::get(const SegmentInfo& info) {
    const std::uint64_t number = info.name.number;
    const auto found = kept_.find(number);
    if (found != kept_.end()) {
        uses_.splice(uses_.begin(), uses_, found->second.use);
        return found->second.segment;
    }
    auto opened = open_sealed(files_, info);
    if (!opened) return opened.error();
    if (kept_.size() >= open_segments_max) forget(uses_.back());
    uses_.push_front(number);
    Kept kept{std::make_shared<const SealedSegment>(std::move(*opened)), uses_.begin()};
    return kept_.emplace(number, std::move(kept)).first->second.segment;
}

void SealedSegments::forget(std::uint64_t number) {
    const auto found = kept_.find(number);
    if (found == kept_.end()) return;
    uses_.erase(found->second.use);
    kept_.erase(found);
}

Result<SealedSegment> open_sealed(const StoreFiles& files, const SegmentInfo& info) {
    auto file = files.open_segment(info.name);
    if (!file) return file.error();
    SealedSegment sealed;
    sealed.segment = std::make_shared<const Segment>(
        std::move(*file), info.name, files.path(info.name), info.bytes);
    RecordScanner footer(*sealed.segment, info.footer, info.bytes);
    footer.read_around();
    const Result<bool> found = footer.next();
    if (!found) return found.error();
    if (*found && footer.offset() == info.footer && footer.header().tag == Tag::footer) {
        const Result<std::string_view> payload = footer.payload();
        if (!payload) return payload.error();
        auto index = read_footer(footer.header(), *payload);
        if (index) {
            sealed.index = std::move(*index);
            return sealed;
        }
    }
    sealed.footer_damaged = true;
    auto index = index_records(*sealed.segment, info.footer);
    // A record that is not found could be one that made others void.
    if (!index && index.error().code == Errc::io) {
        return sealed.segment->damaged(info.footer, "neither footer nor all records can be read");
    }
    if (!index) return index.error();
    sealed.index = std::move(*index);
    return sealed;
}

Result<SegmentIndex> index_records(const Segment& segment, std::uint64_t end) {
    SegmentIndex index;
    RecordScanner scanner(segment, file_header_bytes, end);
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        if (!*more) return index;
        const RecordHeader& header = scanner.header();
        if (header.tag == Tag::end_of_suffix) index.cut(header.set, header.index);
        if (voids_set(header.tag)) index.cut(header.set, 0);
        if (!has_bodies(header.tag)) continue;
        const Result<std::string_view> payload = scanner.payload();
        if (!payload) return payload.error();
        IndexedEntry entry{header.set, header.index, scanner.offset(), 0, 0};
        if (const auto view = entry_view(header, *payload)) {
            entry.bodies = view->bodies;
            entry.body_bytes = view->body_bytes;
        }
        index.add(entry);
    }
}

}  // namespace penstock::storage
