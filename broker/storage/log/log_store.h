// LogStore: the segment files of one disk, shared by all sets on it. It is at once the replicated
// log and the only copy of message bodies. Appends gather in memory; sync() writes and syncs them
// with one write and one sync. Owned by the node, used by the broker thread; BodySource::read is
// safe from any thread.
//
// A failed write or sync is final: the caller stops the process and never retries. Damage below the
// applied index never stops a start: it is found when read (Error{damaged}) and served to nobody.
#pragma once

#include "broker/base/disk.h"
#include "broker/model/ids.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::storage {

using model::LogIndex;
using model::MessageId;
using model::SetId;
using model::TimeMs;

struct LogStoreOptions {
    std::uint64_t segment_bytes = 64ULL
                                  << 20;  // 1 MiB - 1 GiB; a larger record gets its own segment
    std::uint32_t reserve_percent = 5;    // of the disk, kept for what frees space
    std::uint32_t reserve_segments = 8;   // at least this many segments of it
};

// One entry as stored. `commands` are the core's bytes, opaque here; bodies by ordinal. A body may
// be missing (rewritten away once nobody held it): `present` is false then.
struct EntryRecord {
    SetId set;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string commands;
    std::vector<std::string> bodies;
};

struct StoredBodyView {
    bool present = false;
    std::string_view bytes;
};

struct StoredEntry {
    SetId set;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string_view commands;
    std::vector<StoredBodyView> bodies;
};

// Raft's durable facts of one set (Ongaro, 2014, figure 3.1). A single node writes its term once.
struct HardState {
    std::uint64_t term = 0;
    std::uint64_t vote = 0;
    LogIndex commit = 0;
    friend bool operator==(const HardState&, const HardState&) = default;
};

class Segment;  // one file; immutable once sealed, kept open by whoever holds it

// Where one body's bytes are: found in memory, read on any thread.
class BodySource {
  public:
    BodySource(std::shared_ptr<const Segment> segment, std::uint64_t offset, MessageId message)
        : segment_(std::move(segment)), offset_(offset), message_(message) {}

    struct Body {
        std::string bytes;
        TimeMs time_ms = 0;  // of the entry: when the message was sent
    };

    // The verified bytes. Error{damaged} names file and offset; Error{not_found} when the entry has
    // no such body. With Wait::no an answer of Error{unavailable} means "the disk must be asked".
    enum class Wait : std::uint8_t { no, yes };
    [[nodiscard]] Result<Body> read(Wait wait) const;

    [[nodiscard]] MessageId message() const { return message_; }

  private:
    std::shared_ptr<const Segment> segment_;
    std::uint64_t offset_;  // of the record, or of a record before it in a sealed segment
    MessageId message_;
};

// What reclaiming asks of the node's rows.
class LiveBodies {
  public:
    virtual ~LiveBodies() = default;

    // Index up to which the rows of `set` are flushed; entries above it are never dropped.
    [[nodiscard]] virtual LogIndex flushed_applied(SetId set) const = 0;

    // Ordinals of the entry that some log still holds, ascending; empty: none.
    [[nodiscard]] virtual std::vector<std::uint32_t> live_ordinals(SetId set,
                                                                   LogIndex index) const = 0;
};

enum class SpaceLevel : std::uint8_t { normal, below_reserve, exhausted };

struct LogStoreStats {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bodies_live = 0;
    std::uint64_t damaged_records = 0;
    std::uint64_t rewritten_bytes = 0;
    std::uint64_t syncs = 0;
};

class LogStore {
  public:
    virtual ~LogStore() = default;

    // Opens or creates the store in `folder`. `applied` gives, per set, the index up to which rows
    // are flushed: records above it are all verified, a torn tail (of the last write of the last
    // segment) is cut off; a hole, a missing or a damaged file there is Error{damaged} with file,
    // offset and what to do, and nothing is changed.
    static Result<std::unique_ptr<LogStore>> open(Disk& disk,
                                                  const std::string& folder,
                                                  const LogStoreOptions& options,
                                                  const std::function<LogIndex(SetId)>& applied);

    // First and last index of a set's log; {1, 0} for a set without entries.
    struct Range {
        LogIndex first = 1;
        LogIndex last = 0;
    };

    [[nodiscard]] virtual Range range(SetId set) const = 0;
    [[nodiscard]] virtual HardState hard_state(SetId set) const = 0;
    [[nodiscard]] virtual std::string conf_state(SetId set) const = 0;  // opaque; empty: none

    // Stage records for the next sync. An entry's index is range().last + 1, or an earlier one,
    // which ends the old suffix from there on.
    virtual void append(EntryRecord record) = 0;
    virtual void append_hard_state(SetId set, const HardState& state) = 0;
    virtual void append_conf_state(SetId set, std::string_view state) = 0;

    // Makes everything staged durable with one write and one sync (none when nothing is staged).
    virtual Result<void> sync() = 0;

    // Visits the entries of `set` from `first` on in index order, verified, until `visit` says
    // false.
    using VisitEntry = std::function<bool(const StoredEntry&)>;
    virtual Result<void> scan(SetId set, LogIndex first, const VisitEntry& visit) const = 0;

    // Where a body is. Error{not_found}: no such entry. Memory only, except that the footer of a
    // long sealed segment may be read.
    [[nodiscard]] virtual Result<BodySource> find(MessageId message) const = 0;

    // Live bodies per segment. After open() nothing is known of the entries that were there: the
    // node recounts from its rows (count_live for each entry with live bodies, ascending, then
    // recount_done), in slices of its choosing; until then nothing is reclaimed. Bodies of entries
    // appended since open() count as live at once, and count_live() of them is ignored. `release`
    // may come at any time: one for an entry that the recount has yet to see is ignored, as the
    // rows then show less; a node passes on every release.
    virtual void count_live(SetId set, LogIndex index, std::uint32_t bodies) = 0;
    virtual void recount_done() = 0;
    virtual void release(SetId set, LogIndex index, std::uint32_t bodies) = 0;

    // One bounded step (at most 1 MiB rewritten) of deleting segments nobody needs and rewriting
    // those under half live. True when there is more to do now.
    virtual Result<bool> reclaim(const LiveBodies& live) = 0;

    // Verifies up to `bytes` more of the sealed segments, round and round; gives the messages whose
    // bytes are damaged.
    virtual Result<std::vector<MessageId>> scrub(std::uint64_t bytes) = 0;

    [[nodiscard]] virtual SpaceLevel space() const = 0;
    [[nodiscard]] virtual LogStoreStats stats() const = 0;
};

}  // namespace penstock::storage
