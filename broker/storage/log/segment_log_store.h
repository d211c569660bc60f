// SegmentLogStore: the LogStore. It ties together the segment that is written to, the sealed ones
// and the catalog over both. Owned by the node, broker thread only; what find() gives out is read
// by any thread.
#pragma once

#include "broker/storage/log/active_segment.h"
#include "broker/storage/log/large_segments.h"
#include "broker/storage/log/log_store.h"
#include "broker/storage/log/reclaimer.h"
#include "broker/storage/log/recovery.h"
#include "broker/storage/log/scan.h"
#include "broker/storage/log/scrubber.h"
#include "broker/storage/log/store_state.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penstock::storage {

class SegmentLogStore final : public LogStore {
  public:
    SegmentLogStore(Disk& disk, std::string folder, const LogStoreOptions& options);

    Result<void> open(const Applied& applied);

    [[nodiscard]] Range range(SetId set) const override;
    [[nodiscard]] HardState hard_state(SetId set) const override;
    [[nodiscard]] std::string conf_state(SetId set) const override;
    void append(EntryRecord record) override;
    void append_hard_state(SetId set, const HardState& state) override;
    void append_conf_state(SetId set, std::string_view state) override;
    [[nodiscard]] LogStart start(SetId set) const override;
    [[nodiscard]] Result<std::vector<EntryFacts>> facts(SetId set,
                                                        LogIndex first,
                                                        std::size_t count_max) const override;
    [[nodiscard]] Result<std::uint64_t> term_of(SetId set, LogIndex index) const override;
    void append_start(SetId set, LogStart start) override;
    void replace_log(SetId set, LogStart start) override;
    void append_body(EntryRecord record) override;
    void drop_set(SetId set) override;
    Result<void> scan_records(SetId set, LogIndex first, const VisitEntry& visit) const override;
    [[nodiscard]] Result<std::vector<SealedRecords>> sealed_records(
        SetId set, LogIndex first, std::size_t count_max) const override;
    [[nodiscard]] std::shared_ptr<const LogPin> pin(SetId set) override;
    Result<void> sync() override;
    Result<void> scan(SetId set, LogIndex first, const VisitEntry& visit) const override;
    [[nodiscard]] Result<BodySource> find(MessageId message) const override;
    void count_live(SetId set, LogIndex index, std::uint32_t bodies) override;
    void recount_done() override;
    void release(SetId set, LogIndex index, std::uint32_t bodies) override;
    Result<bool> reclaim(const LiveBodies& live) override;
    Result<std::vector<MessageId>> scrub(std::uint64_t bytes) override;
    bool repair(EntryRecord record) override;
    [[nodiscard]] SpaceLevel space() const override;

    [[nodiscard]] std::uint64_t syncs() const override { return syncs_ + large_.syncs(); }

    [[nodiscard]] LogStoreStats stats() const override;

  private:
    // How far the node's recount has come in a set.
    struct LiveCount {
        LogIndex opened_last = 0;  // entries behind it are counted as they are written
        LogIndex counted_to = 0;
    };

    using VisitPlace = std::function<Result<bool>(const Segment&, const SegmentIndex&, ScanRange&)>;

    // The segments with durable records of the range's set, in index order, until one says false.
    Result<void> visit_places(ScanRange& range, const VisitPlace& visit) const;
    void stage(StagedRecord record);
    Result<void> go_on(Recovered recovered, const Applied& applied);

    // Of entries above `applied` every body that lies apart must be there.
    Result<void> check_large(const Applied& applied) const;
    [[nodiscard]] FindApart finder() const;
    Result<void> write_staged();

    // Leaves out of the records what the segment has already. While one set alone has bodies there
    // is nothing to share, and nothing is remembered.
    Result<void> share(std::span<StagedRecord> records);
    Result<void> roll(std::uint64_t next_bytes);

    // A new segment file for `next_bytes` of records, not listed yet.
    Result<std::unique_ptr<ActiveSegment>> create_segment(std::uint64_t next_bytes);

    // Lists it, and what it follows as sealed with that footer (0: it is the first).
    Result<void> take_segment(std::unique_ptr<ActiveSegment> segment, std::uint64_t footer);
    void count_written(const StagedRecord& record);

    LogStoreOptions options_;   // segment_bytes as fits the disk
    mutable StoreState state_;  // find() and scan() open sealed segments
    std::unique_ptr<ActiveSegment> active_;
    FactsBySet written_;  // durable
    FactsBySet facts_;    // with what is staged
    std::map<SetId, LiveCount> counts_;
    std::map<SetId, LogIndex> last_body_;  // of those put behind replace_log()
    std::vector<StagedRecord> staged_;
    std::optional<Error> failed_;
    bool counted_ = false;
    LargeSegments large_;
    Reclaimer reclaimer_;
    Scrubber scrubber_;
    std::uint64_t syncs_ = 0;
    std::uint64_t shared_bytes_ = 0;
    std::uint64_t sets_with_bodies_ = 0;  // bits, as RecentBodies has them
};

}  // namespace penstock::storage
