#include "broker/storage/log/segment_log_store.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::uint64_t segments_of_a_disk = 256;
constexpr std::uint64_t segment_bytes_min = 1ULL << 20;
constexpr std::uint64_t segments_before_exhausted = 2;
constexpr std::uint64_t copies_bytes_max = 64ULL << 20;  // of damaged entries, waiting

// On a small disk the reserve of some segments must not be all of it.
std::uint64_t fitting_segment_bytes(std::uint64_t wanted, std::uint64_t disk_bytes) {
    return std::min(wanted, std::max(disk_bytes / segments_of_a_disk, segment_bytes_min));
}

}  // namespace

SegmentLogStore::SegmentLogStore(Disk& disk, std::string folder, const LogStoreOptions& options)
    : options_(options),
      state_(disk, std::move(folder)),
      large_(state_, options_.segment_bytes),
      reclaimer_(state_),
      scrubber_(state_) {}

Result<void> SegmentLogStore::open(const Applied& applied) {
    if (const auto made = state_.files.make_folder(); !made) return made;
    const auto space = state_.files.disk().space(state_.files.folder());
    if (!space) return space.error();
    options_.segment_bytes = fitting_segment_bytes(options_.segment_bytes, space->total_bytes);
    auto recovered = recover(state_.files, applied, options_.salvage);
    if (!recovered) return recovered.error();
    if (*recovered) return go_on(std::move(**recovered), applied);
    auto segment = create_segment(0);
    if (!segment) return segment.error();
    return take_segment(std::move(*segment), 0);
}

Result<void> SegmentLogStore::go_on(Recovered recovered, const Applied& applied) {
    state_.manifest = recovered.manifest;
    state_.catalog = std::move(recovered.catalog);
    state_.large = std::move(recovered.large);
    written_ = std::move(recovered.facts);
    facts_ = written_;
    state_.damaged_at_start = recovered.damaged;
    large_.forget_void(facts_);
    for (const auto& [set, facts] : facts_) {
        LogIndex& first = state_.first[set];
        first = state_.catalog.first_whole(set, facts.last);
        const auto gone = state_.manifest.gone_to.find(set);
        if (gone != state_.manifest.gone_to.end()) first = std::max(first, gone->second + 1);
        counts_[set].opened_last = facts.last;
    }
    for (const auto& [number, info] : state_.catalog.segments()) {
        for (const auto& [set, summary] : info.sets) {
            if (summary.bodies > 0) sets_with_bodies_ |= bit_of(set);
        }
    }
    active_ = std::make_unique<ActiveSegment>(
        recovered.active, std::move(recovered.content), options_.zero_ahead);
    state_.active = active_.get();
    auto opened = large_.take_open(std::move(recovered.open_large));
    if (opened) opened = check_large(applied);
    if (!opened) return opened;
    // So far nothing was changed.
    if (const auto cleaned = clean_up(state_.files, recovered, active_->tail()); !cleaned) {
        return cleaned;
    }
    if (const auto sealed = large_.seal_open(); !sealed) return sealed;
    if (const auto settled = large_.settle(); !settled) return settled;
    if (recovered.footer == 0) return {};
    auto segment = create_segment(0);
    if (!segment) return segment.error();
    return take_segment(std::move(*segment), recovered.footer);
}

Result<void> SegmentLogStore::check_large(const Applied& applied) const {
    const bool never = state_.large.segments().empty() && state_.manifest.gone_to.empty();
    if (never || options_.salvage) return {};
    const auto find = [this](SetId set, LogIndex index) {
        ApartPlace place = find_apart(state_, set, index);
        place.gone = false;  // above the applied index nothing may be
        return place;
    };
    const auto check_place =
        [&](const Segment& segment, const SegmentIndex& index, ScanRange& range) {
            return check_apart(segment, index, range, find);
        };
    for (const auto& [set, facts] : facts_) {
        const LogIndex known = applied(set);
        if (known == nothing_needed) continue;
        ScanRange range{set, known + 1, 0, nothing_needed};
        const auto checked = visit_places(range, check_place);
        if (checked) continue;
        Error wrong = checked.error();
        wrong.detail += ", which the rows still need" + std::string(recovery_advice);
        return wrong;
    }
    return {};
}

// The lists of records between syncs, in the order of the calls.
void SegmentLogStore::stage(StagedRecord record) {
    apply_facts(record, facts_);
    staged_.push_back(std::move(record));
}

void SegmentLogStore::append(EntryRecord record) {
    const SetFacts& facts = facts_[record.set];
    check(record.index > facts.start.index && record.index <= facts.last + 1,
          "an entry leaves a gap in its log");
    check(record.bodies.size() <= model::bodies_per_entry_max, "an entry has too many bodies");
    check(record.absent.empty(), "an entry is appended whole");
    if (record.index <= facts.last && !planted(K31)) {
        staged_.push_back(stage_end_of_suffix(record.set, record.index));
    }
    stage(stage_entry(std::move(record), Tag::entry, large_body_bytes));
}

void SegmentLogStore::append_hard_state(SetId set, const HardState& state) {
    stage(stage_hard_state(set, state));
}

void SegmentLogStore::append_conf_state(SetId set, std::string_view state) {
    stage(stage_conf_state(set, state));
}

void SegmentLogStore::append_start(SetId set, LogStart start) {
    const SetFacts& facts = facts_[set];
    check(start.index >= facts.start.index && start.index <= facts.last,
          "a log cannot begin outside of itself");
    stage(stage_start(Tag::start, set, start));
}

void SegmentLogStore::replace_log(SetId set, LogStart start) {
    check(start.index > 0, "a log is replaced by nothing");
    stage(stage_start(Tag::replaced, set, start));
    last_body_.erase(set);
}

void SegmentLogStore::append_body(EntryRecord record) {
    const SetFacts& facts = facts_[record.set];
    check(record.index <= facts.start.index && facts.last == facts.start.index,
          "a body record belongs between a log's start and its first entry");
    LogIndex& last = last_body_[record.set];
    check(record.index > last, "body records come in order");
    check(record.bodies.size() <= model::bodies_per_entry_max, "an entry has too many bodies");
    last = record.index;
    stage(stage_entry(std::move(record), Tag::body_record, large_body_bytes));
}

void SegmentLogStore::drop_set(SetId set) {
    stage(stage_start(Tag::dropped, set, {}));
    last_body_.erase(set);
}

Result<void> SegmentLogStore::sync() {
    if (failed_) return *failed_;
    const Result<void> written = write_staged();
    if (!written) failed_ = written.error();
    staged_.clear();
    return written;
}

Result<void> SegmentLogStore::write_staged() {
    std::size_t done = 0;
    while (done < staged_.size()) {
        const std::span<const StagedRecord> rest = std::span(staged_).subspan(done);
        const std::size_t count = active_->fitting(rest);
        if (count == 0) {
            std::uint64_t bytes = rest.front().bytes;
            if (rest.front().tag == Tag::end_of_suffix) bytes += write_row_bytes + rest[1].bytes;
            if (const auto rolled = roll(bytes); !rolled) return rolled;
            check(active_->fitting(rest) > 0, "a new segment is too small for its record");
            continue;
        }
        const std::span<StagedRecord> records = std::span(staged_).subspan(done, count);
        if (const auto apart = large_.write(records); !apart) return apart;
        if (const auto shared = share(records); !shared) return shared;
        const auto written = active_->write(records, written_);
        if (!written) return written;
        ++syncs_;
        for (const StagedRecord& record : rest.first(count)) count_written(record);
        done += count;
    }
    return large_.settle();
}

// What a build cannot read is listed before it is there.
Result<void> SegmentLogStore::share(std::span<StagedRecord> records) {
    for (const StagedRecord& record : records) {
        if (record.body_bytes >= shared_body_bytes_min) sets_with_bodies_ |= bit_of(record.set);
    }
    if (std::popcount(sets_with_bodies_) < 2) return {};
    const std::uint64_t bytes = active_->share(records);
    shared_bytes_ += bytes;
    if (bytes == 0 || state_.manifest.shares_bodies) return {};
    state_.manifest.shares_bodies = true;
    return state_.list(state_.manifest.rows);
}

void SegmentLogStore::count_written(const StagedRecord& record) {
    large_.note(record);
    if (voids_set(record.tag)) {
        state_.catalog.clear(record.set);
        counts_.erase(record.set);
        state_.first.erase(record.set);
    }
    if (record.tag == Tag::replaced) state_.first[record.set] = record.index + 1;
    if (!has_bodies(record.tag)) return;
    state_.catalog.extend(record.set, record.index, active_->number());
    SegmentInfo& info = state_.catalog.segments().at(active_->number());
    info.live[record.set] += record.present;
    if (record.tag != Tag::entry) return;
    LogIndex& opened_last = counts_[record.set].opened_last;
    opened_last = std::min(opened_last, record.index - 1);
    LogIndex& first = state_.first.try_emplace(record.set, 1).first->second;
    first = std::min(first, record.index);
}

Result<void> SegmentLogStore::roll(std::uint64_t next_bytes) {
    // The next file comes first: on a full disk this one stays as it is.
    auto next = create_segment(next_bytes);
    if (!next) return next.error();
    const Result<std::uint64_t> footer = active_->seal(written_);
    if (!footer) return footer.error();
    ++syncs_;
    return take_segment(std::move(*next), *footer);
}

Result<std::unique_ptr<ActiveSegment>> SegmentLogStore::create_segment(std::uint64_t next_bytes) {
    const SegmentName name{state_.manifest.next_number, 0};
    const std::string header = encode_file_header(name);
    std::vector<StagedRecord> facts = stage_facts(written_);
    GatheredWrite write;
    ActiveSegment::Content content;
    content.index.keep_exact();
    content.tail = file_header_bytes;
    std::vector<std::string_view> parts{header};
    if (!facts.empty()) {
        write = gather(facts, {name, content.tail, 1}, content.tail, {});
        parts.insert(parts.end(), write.parts.begin(), write.parts.end());
        content.recent.note(content.tail, touched_by(facts, content.tail));
        content.tail += write.bytes;
        content.writes = 1;
    }
    const std::uint64_t needed =
        content.tail + write_record_bytes(written_.size() + 1) + next_bytes;
    const std::uint64_t bytes = std::max(options_.segment_bytes, needed);
    auto file = state_.files.create_segment(name, bytes, parts);
    if (!file) return file.error();
    auto segment =
        std::make_shared<Segment>(std::move(*file), name, state_.files.path(name), bytes);
    return std::make_unique<ActiveSegment>(
        std::move(segment), std::move(content), options_.zero_ahead);
}

Result<void> SegmentLogStore::take_segment(std::unique_ptr<ActiveSegment> segment,
                                           std::uint64_t footer) {
    std::vector<ManifestRow> rows = state_.manifest.rows;
    if (footer != 0) {
        ManifestRow& row = *active_row(rows);
        row.footer = footer;
        row.bytes = std::max(active_->segment()->limit(), active_->tail());
        SegmentInfo& info = state_.catalog.segments().at(row.name.number);
        info.footer = footer;
        info.bytes = row.bytes;
        info.sets.clear();
        for (const auto& [set, index] : active_->index().sets()) info.sets[set] = index.summary;
    }
    const SegmentName name = segment->segment()->name();
    const std::uint64_t bytes = segment->segment()->limit();
    rows.push_back({name, bytes, 0});
    if (const auto written = state_.list(std::move(rows)); !written) return written;
    SegmentInfo info;
    info.name = name;
    info.bytes = bytes;
    state_.catalog.add(std::move(info));
    active_ = std::move(segment);
    state_.active = active_.get();
    return {};
}

void SegmentLogStore::count_live(SetId set, LogIndex index, std::uint32_t bodies) {
    LiveCount& count = counts_[set];
    if (index > count.opened_last) return;
    count.counted_to = std::max(count.counted_to, index);
    if (SegmentInfo* info = state_.catalog.info_of(set, index)) info->live[set] += bodies;
    SegmentInfo* large = state_.large.info_of(set, index);
    if (large != nullptr && large->place_of(set, index) != nullptr) ++large->live[set];
}

void SegmentLogStore::recount_done() {
    counted_ = true;
}

void SegmentLogStore::release(SetId set, LogIndex index, std::uint32_t bodies) {
    const LiveCount& count = counts_[set];
    const bool seen = counted_ || index > count.opened_last || index <= count.counted_to;
    SegmentInfo* info = state_.catalog.info_of(set, index);
    if (!seen || info == nullptr) return;
    std::uint64_t& held = info->live[set];
    if (bodies > held) info->distrusted = true;
    held -= std::min<std::uint64_t>(held, bodies);
    SegmentInfo* large = state_.large.info_of(set, index);
    if (large == nullptr || large->place_of(set, index) == nullptr) return;
    large->released[set] += bodies;
    std::uint64_t& large_held = large->live[set];
    large_held -= std::min<std::uint64_t>(large_held, bodies);
}

Result<bool> SegmentLogStore::reclaim(const LiveBodies& live) {
    if (failed_) return *failed_;
    if (!counted_) return false;
    auto more = reclaimer_.step(live);
    if (!more && more.error().code != Errc::unavailable) failed_ = more.error();
    return more;
}

Result<std::vector<MessageId>> SegmentLogStore::scrub(std::uint64_t bytes) {
    return scrubber_.step(bytes);
}

bool SegmentLogStore::repair(EntryRecord record) {
    const auto place = state_.catalog.place_of(record.set, record.index);
    const std::uint64_t bytes = bytes_of(record);
    if (!place || place->number == active_->number()) return false;
    if (state_.copies_bytes + bytes > copies_bytes_max) return false;
    state_.catalog.segments().at(place->number).keep = false;
    const bool fresh =
        state_.copies.try_emplace({record.set, record.index}, std::move(record)).second;
    if (fresh) state_.copies_bytes += bytes;
    return true;
}

SpaceLevel SegmentLogStore::space() const {
    const auto space = state_.files.disk().space(state_.files.folder());
    if (!space) return SpaceLevel::exhausted;
    const std::uint64_t free =
        space->free_bytes +
        (active_->segment()->limit() - std::min(active_->segment()->limit(), active_->tail()));
    const std::uint64_t largest = std::max(options_.segment_bytes, options_.record_bytes);
    const std::uint64_t reserve = std::max(space->total_bytes / 100 * options_.reserve_percent,
                                           largest * options_.reserve_segments);
    if (free < segments_before_exhausted * largest) return SpaceLevel::exhausted;
    return free < reserve ? SpaceLevel::below_reserve : SpaceLevel::normal;
}

LogStoreStats SegmentLogStore::stats() const {
    LogStoreStats stats;
    stats.large_segments = state_.large.segments().size();
    stats.segments = state_.catalog.segments().size() + stats.large_segments;
    stats.damaged_records = state_.damaged_at_start + state_.damaged.size();
    stats.rewritten_bytes = state_.rewritten_bytes;
    stats.shared_bytes = shared_bytes_;
    stats.syncs = syncs();
    for (const auto& [number, info] : state_.catalog.segments()) {
        stats.bytes += info.bytes;
        stats.bodies_live += info.live_bodies();
    }
    for (const auto& [number, info] : state_.large.segments()) stats.bytes += info.bytes;
    return stats;
}

}  // namespace penstock::storage
