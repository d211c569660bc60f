#include "broker/storage/log/large_segments.h"

#include "broker/base/check.h"
#include "broker/storage/log/apart.h"
#include "broker/storage/log/segment_format.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::uint64_t backwards_bytes = 1ULL << 20;
constexpr std::uint64_t large_segment_bytes_min = 5 * large_body_bytes;
constexpr std::uint64_t number_max = 0xFFFF'FFFF;  // what a slot has room for

std::uint64_t bytes_of(std::span<const StagedRecord> records) {
    std::uint64_t bytes = write_record_bytes(records.size());
    for (const StagedRecord& record : records) bytes += record.bytes;
    return bytes;
}

// Behind the last record that the index knows, whose body may end with zeros.
Result<std::uint64_t> end_of_records(const Segment& segment, const SegmentIndex& index) {
    std::uint64_t last = file_header_bytes;
    for (const auto& [set, found] : index.sets()) {
        last = std::max(last, found.samples.back().offset);
    }
    RecordScanner scanner(segment, last, segment.limit());
    const Result<bool> more = scanner.next();
    if (!more) return more.error();
    return scanner.behind();
}

// Behind that, and behind the last byte of the file that is not zero, where a record may begin.
Result<std::uint64_t> end_of_content(const Segment& segment, const SegmentIndex& index) {
    const Result<std::uint64_t> records = end_of_records(segment, index);
    if (!records) return records;
    std::string piece;
    for (std::uint64_t end = segment.limit(); end > *records;) {
        const std::uint64_t length = std::min(backwards_bytes, end - *records);
        piece.resize(static_cast<std::size_t>(length));
        const auto read = segment.file().read_at(end - length, piece.size(), piece.data());
        if (!read) return read.error();
        const std::size_t last = piece.find_last_not_of('\0');
        if (last != std::string::npos) return aligned(end - length + last + 1);
        end -= length;
    }
    return records;
}

}  // namespace

Result<void> LargeSegments::write(std::span<StagedRecord> records) {
    std::vector<StagedRecord> parts;
    for (StagedRecord& record : records) {
        for (StagedRecord& part : record.apart) parts.push_back(std::move(part));
    }
    if (parts.empty()) return {};
    if (!takes(parts)) {
        if (const auto rolled = roll(parts); !rolled) return rolled;
    }
    ActiveSegment& active = *state_.large_active;
    for (StagedRecord& record : records) {
        if (record.apart.empty()) continue;
        point_apart(record.head, static_cast<std::uint32_t>(active.number()));
    }
    FactsBySet none;
    const auto written = active.write(parts, none);
    ++syncs_;
    return written;
}

bool LargeSegments::takes(std::span<const StagedRecord> parts) const {
    if (!state_.large_active) return false;
    const auto& sets = state_.large_active->index().sets();
    const bool again = std::any_of(parts.begin(), parts.end(), [&](const StagedRecord& part) {
        const auto known = sets.find(part.set);
        return known != sets.end() && part.index <= known->second.summary.last;
    });
    return !again && state_.large_active->fitting(parts) == parts.size();
}

void LargeSegments::note(const StagedRecord& record) {
    if (record.tag == Tag::end_of_suffix) state_.large.cut(record.set, record.index);
    if (voids_set(record.tag)) {
        state_.large.clear(record.set);
        unsettled_ = state_.manifest.gone_to.erase(record.set) > 0 || unsettled_;
    }
    if (record.apart.empty()) return;
    const ActiveSegment& active = *state_.large_active;
    // A later record of the same write may have voided it already.
    const auto offset = active.index().start(record.set, record.index);
    if (!offset) return;
    state_.large.extend(record.set, record.index, active.number());
    SegmentInfo& info = state_.large.segments().at(active.number());
    std::vector<LargePlace>& places = info.places[record.set];
    while (!places.empty() && places.back().index >= record.index) places.pop_back();
    places.push_back({record.index, *offset});
    info.live[record.set] += record.apart.front().present;
}

Result<void> LargeSegments::settle() {
    if (!unsettled_) return {};
    unsettled_ = false;
    return state_.list(state_.manifest.rows);
}

// Else the set's log goes further than what is gone of it: only entries that it had may be gone.
void LargeSegments::forget_void(const FactsBySet& facts) {
    const auto forgotten = std::erase_if(state_.manifest.gone_to, [&](const auto& gone) {
        const auto known = facts.find(gone.first);
        return known == facts.end() || known->second.last < gone.second;
    });
    unsettled_ = forgotten > 0;
}

// The next file comes first: on a full disk this one stays as it is.
Result<void> LargeSegments::roll(std::span<const StagedRecord> parts) {
    auto next = create(bytes_of(parts));
    if (!next) return next.error();
    std::vector<SegmentInfo> sealed;
    if (state_.large_active) {
        const Result<std::uint64_t> footer = state_.large_active->seal({});
        if (!footer) return footer.error();
        ++syncs_;
        SegmentInfo info = state_.large.segments().at(state_.large_active->number());
        info.footer = *footer;
        info.bytes = std::max(info.bytes, state_.large_active->tail());
        take_index(info, state_.large_active->index());
        sealed.push_back(std::move(info));
    }
    if (const auto listed = list(sealed, next->get()); !listed) return listed;
    for (SegmentInfo& info : sealed) {
        state_.large.segments().at(info.name.number) = std::move(info);
    }
    SegmentInfo info;
    info.name = (*next)->segment()->name();
    info.bytes = (*next)->segment()->limit();
    state_.large.add(std::move(info));
    state_.large_active = std::move(*next);
    return {};
}

Result<std::unique_ptr<ActiveSegment>> LargeSegments::create(std::uint64_t bytes) {
    const SegmentName name{state_.manifest.next_number, 0, true};
    check(name.number <= number_max, "more segments than their numbers have room for");
    const std::string header = encode_file_header(name);
    const std::uint64_t limit =
        std::max({segment_bytes_, large_segment_bytes_min, header.size() + bytes});
    auto file = state_.files.create_segment(name, limit, {header});
    if (!file) return file.error();
    ActiveSegment::Content content;
    content.index.keep_exact();
    content.tail = file_header_bytes;
    auto segment =
        std::make_shared<Segment>(std::move(*file), name, state_.files.path(name), limit);
    return std::make_unique<ActiveSegment>(std::move(segment), std::move(content));
}

Result<void> LargeSegments::list(const std::vector<SegmentInfo>& sealed,
                                 const ActiveSegment* next) {
    std::vector<ManifestRow> rows = state_.manifest.rows;
    for (const SegmentInfo& info : sealed) {
        for (ManifestRow& row : rows) {
            if (row.name == info.name) row = {info.name, info.bytes, info.footer};
        }
        if (info.footer == 0) {
            std::erase_if(rows, [&](const ManifestRow& row) { return row.name == info.name; });
        }
    }
    if (next != nullptr) {
        rows.push_back({next->segment()->name(), next->segment()->limit(), 0});
    }
    return state_.list(std::move(rows));
}

Result<void> LargeSegments::take_open(std::vector<OpenLarge> segments) {
    for (OpenLarge& open : segments) {
        SegmentIndex wanted;
        for (const auto& [set, found] : open.index.sets()) {
            for (const Sample& sample : found.samples) {
                const auto ordinals =
                    ordinals_apart(state_, set, sample.index, open.segment->name().number);
                if (!ordinals) return ordinals.error();
                // An entry that cannot be read may be one that says so.
                if (*ordinals && (*ordinals)->empty()) continue;
                const std::uint64_t bodies = *ordinals ? (*ordinals)->size() : 1;
                const std::uint64_t bytes = found.summary.body_bytes / found.summary.entries;
                wanted.add({set, sample.index, sample.offset, bodies, bytes});
            }
        }
        open.index = std::move(wanted);
        SegmentInfo info;
        info.name = open.segment->name();
        info.bytes = open.segment->limit();
        take_index(info, open.index);
        state_.large.add(std::move(info));
    }
    open_ = std::move(segments);
    return {};
}

Result<void> LargeSegments::seal_open() {
    std::vector<SegmentInfo> sealed;
    for (const OpenLarge& open : open_) {
        auto info = seal(open);
        if (!info) return info.error();
        sealed.push_back(std::move(*info));
    }
    if (sealed.empty()) return {};
    if (const auto listed = list(sealed, nullptr); !listed) return listed;
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        const SegmentInfo& info = sealed[at];
        state_.sealed.forget(info.name.number);  // opened as it was
        if (info.footer == 0) {
            state_.large.remove(info.name.number);
            if (const auto gone = state_.files.remove_segment(info.name); !gone) return gone;
            continue;
        }
        if (const auto cut = open_[at].segment->file().truncate(info.bytes); !cut) return cut;
        state_.large.segments().at(info.name.number) = info;
    }
    open_.clear();
    return {};
}

// Without a footer: nothing in it is wanted.
Result<SegmentInfo> LargeSegments::seal(const OpenLarge& open) {
    SegmentInfo info = state_.large.segments().at(open.segment->name().number);
    if (open.index.sets().empty()) return info;
    const Result<std::uint64_t> end = end_of_content(*open.segment, open.index);
    if (!end) return end.error();
    ActiveSegment segment(open.segment, {open.index, *end, 0, {}});
    const Result<std::uint64_t> footer = segment.seal({});
    if (!footer) return footer.error();
    ++syncs_;
    info.footer = *footer;
    info.bytes = segment.tail();
    return info;
}

}  // namespace penstock::storage
