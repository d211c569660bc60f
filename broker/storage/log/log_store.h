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
    std::uint32_t reserve_segments = 8;   // at least this many segments of it,
    std::uint64_t record_bytes = 0;       // or of the largest records, if those are larger
    // Writes shorter than this have zeros written ahead of them, at least so many bytes each time,
    // so that most syncs write data only: the blocks of a file that is allocated but was never
    // written to cost each sync a change of the file's own records, at half its time or more. 0:
    // never, as on a file system that writes nothing in place. At most 1 MiB.
    std::uint64_t zero_ahead = 0;
    bool salvage = false;  // what is left of sealed segments that are missing or short will do
};

// What an entry's commands are to whoever agrees on them; opaque bytes here in both cases. An entry
// without commands and bodies is the engine's own.
enum class EntryKind : std::uint8_t { command = 0, membership = 1 };

// One entry as stored. `commands` are the core's bytes, opaque here; bodies by ordinal. A body may
// be missing (rewritten away once nobody held it): `present` is false then.
struct EntryRecord {
    SetId set;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string commands;
    std::vector<std::string> bodies;
    EntryKind kind = EntryKind::command;
    std::vector<std::uint32_t> absent;  // ordinals without a body, ascending; append_body() only
};

struct StoredBodyView {
    bool present = false;
    std::string_view bytes;
    bool damaged = false;  // scan_records() only: does not match its checksum
};

struct StoredEntry {
    SetId set;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string_view commands;
    std::vector<StoredBodyView> bodies;
    EntryKind kind = EntryKind::command;
};

// What an engine knows of an entry whose bytes stay on the disk.
struct EntryFacts {
    std::uint64_t term = 0;
    LogIndex index = 0;
    EntryKind kind = EntryKind::command;
    std::uint64_t bytes = 0;  // of commands and bodies as appended
    friend bool operator==(const EntryFacts&, const EntryFacts&) = default;
};

// A set's log begins behind this entry; {0, 0}: with the first one.
struct LogStart {
    LogIndex index = 0;
    std::uint64_t term = 0;
    friend bool operator==(const LogStart&, const LogStart&) = default;
};

// Said of a set whose log is about to be replaced: a start needs none of its entries.
inline constexpr LogIndex nothing_needed = ~LogIndex{0};

// Raft's durable facts of one set (Ongaro, 2014, figure 3.1). A single node writes its term once.
struct HardState {
    std::uint64_t term = 0;
    std::uint64_t vote = 0;
    LogIndex commit = 0;
    friend bool operator==(const HardState&, const HardState&) = default;
};

class BodyReader;
class Segment;         // one file; immutable once sealed, kept open by whoever holds it
struct SealedSegment;  // one with its index
class ApartRange;      // where the large bodies of a range of entries are

// Where an entry's bodies from large_body_bytes up are: apart from it, in a segment of their own.
struct ApartPlace {
    std::shared_ptr<const Segment> segment;  // none: the entry has no body apart
    std::uint64_t offset = 0;                // of the record with these bodies
    bool gone = false;  // bodies that were apart and are not found were held by nobody
    std::shared_ptr<const Error> failed;  // why the segment could not be opened
};

// Where one body's bytes are: found in memory, read on any thread.
class BodySource {
  public:
    BodySource(std::shared_ptr<const Segment> segment,
               std::uint64_t offset,
               MessageId message,
               ApartPlace apart = {})
        : segment_(std::move(segment)),
          offset_(offset),
          message_(message),
          apart_(std::move(apart)) {}

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
    friend class BodyReader;  // reads many (body_reader.h)

    std::shared_ptr<const Segment> segment_;
    std::uint64_t offset_;  // of the record, or of a record before it in a sealed segment
    MessageId message_;
    ApartPlace apart_;
};

// A set's records in one sealed segment: found by the broker thread, read on any.
class SealedRecords {
  public:
    SealedRecords(std::shared_ptr<const SealedSegment> segment,
                  SetId set,
                  LogIndex last,
                  std::shared_ptr<ApartRange> apart)
        : segment_(std::move(segment)), set_(set), last_(last), apart_(std::move(apart)) {}

    // As LogStore::scan_records, to last(); false: `visit` wanted no more.
    using VisitEntry = std::function<bool(const StoredEntry&)>;
    [[nodiscard]] Result<bool> scan(LogIndex first, const VisitEntry& visit) const;

    // No record of the segment that counts is behind it.
    [[nodiscard]] LogIndex last() const { return last_; }

  private:
    std::shared_ptr<const SealedSegment> segment_;
    SetId set_;
    LogIndex last_;
    std::shared_ptr<ApartRange> apart_;  // opens their segments as they are needed
};

// What reclaiming asks of the node's rows.
class LiveBodies {
  public:
    virtual ~LiveBodies() = default;

    // Index up to which entries of `set` may be dropped or lose bodies nobody holds. On one node:
    // what its rows have flushed; of a replicated set the lesser of that and start().index, so that
    // whatever the engine may send again is whole.
    [[nodiscard]] virtual LogIndex droppable_to(SetId set) const = 0;

    // Ordinals of the entry that some log still holds, ascending; empty: none.
    [[nodiscard]] virtual std::vector<std::uint32_t> live_ordinals(SetId set,
                                                                   LogIndex index) const = 0;
};

// While it lives, no segment with a record of its set is dropped or rewritten. Broker thread.
class LogPin {
  public:
    virtual ~LogPin() = default;
};

enum class SpaceLevel : std::uint8_t { normal, below_reserve, exhausted };

struct LogStoreStats {
    std::uint64_t segments = 0;        // those of large bodies included
    std::uint64_t large_segments = 0;  // of large bodies
    std::uint64_t bytes = 0;
    std::uint64_t bodies_live = 0;
    std::uint64_t damaged_records = 0;
    std::uint64_t rewritten_bytes = 0;
    std::uint64_t shared_bytes = 0;  // of bodies that were in their segment already, since open()
    std::uint64_t syncs = 0;
};

class LogStore {
  public:
    virtual ~LogStore() = default;

    // Opens or creates the store in `folder`. `applied` gives, per set, the index up to which rows
    // are flushed (or nothing_needed): records above it are all verified, a torn tail (of the last
    // write of the last segment) is cut off; a hole, a missing or a damaged file there is
    // Error{damaged} with file, offset and what to do, and nothing is changed.
    static Result<std::unique_ptr<LogStore>> open(Disk& disk,
                                                  const std::string& folder,
                                                  const LogStoreOptions& options,
                                                  const std::function<LogIndex(SetId)>& applied);

    // First and last index of a set's log, with what is staged; {start().index + 1, start().index}
    // for a set without entries. The entries in between are whole. On a set that was not given a
    // start, the first one moves as reclaim() drops entries: an engine that takes over such a log
    // gives it one (term_of() the last entry is known even when the entry was dropped).
    struct Range {
        LogIndex first = 1;
        LogIndex last = 0;
    };

    [[nodiscard]] virtual Range range(SetId set) const = 0;
    [[nodiscard]] virtual HardState hard_state(SetId set) const = 0;
    [[nodiscard]] virtual std::string conf_state(SetId set) const = 0;  // opaque; empty: none

    // With what is staged.
    [[nodiscard]] virtual LogStart start(SetId set) const = 0;

    // Up to `count_max` durable entries from `first` on, ascending, without a gap; none when
    // `first` is behind the last one. Error{not_found}: `first` is not in the log any more
    // ("compacted").
    [[nodiscard]] virtual Result<std::vector<EntryFacts>> facts(SetId set,
                                                                LogIndex first,
                                                                std::size_t count_max) const = 0;

    // Also of start().index. Error{not_found}: compacted, or behind the last durable entry.
    [[nodiscard]] virtual Result<std::uint64_t> term_of(SetId set, LogIndex index) const = 0;

    // Stage records for the next sync, which keeps their order: per set the entries, then the hard
    // state, then conf state and start. An entry's index is range().last + 1, or an earlier one
    // behind start(), which ends the old suffix from there on.
    virtual void append(EntryRecord record) = 0;
    virtual void append_hard_state(SetId set, const HardState& state) = 0;
    virtual void append_conf_state(SetId set, std::string_view state) = 0;

    // Entries up to `start`, an entry of the log not before the present start, are not the log's
    // any longer; their records stay while bodies of them are held.
    virtual void append_start(SetId set, LogStart start) = 0;

    // A snapshot was installed: every record of the set is void, the log begins behind `start`.
    // Hard and conf state stay.
    virtual void replace_log(SetId set, LogStart start) = 0;

    // A record at or below start().index, behind replace_log() and before the log's first entry,
    // ascending: kept for its bodies alone. find() and scan_records() find it.
    virtual void append_body(EntryRecord record) = 0;

    // The replica left this node: every record of the set is void, its facts are forgotten.
    virtual void drop_set(SetId set) = 0;

    // Makes everything staged durable with one write and one sync (none when nothing is staged;
    // where a segment ends, one each: a crash between them keeps the first records). Bodies from
    // large_body_bytes up (large_segments.h) are written and synced before, all at once.
    virtual Result<void> sync() = 0;

    // Visits the durable entries of `set` behind start() from `first` on in index order, verified,
    // until `visit` says false.
    using VisitEntry = std::function<bool(const StoredEntry&)>;
    virtual Result<void> scan(SetId set, LogIndex first, const VisitEntry& visit) const = 0;

    // Visits what there is from `first` on, also records at or below start(): with gaps, and with
    // damaged bodies, which are marked. A record that cannot be read at all is left out.
    virtual Result<void> scan_records(SetId set, LogIndex first, const VisitEntry& visit) const = 0;

    // Where the next records from `first` on are, at most `count_max` segments; none: in the one
    // that is written to, whose records are in memory, or nowhere. Pin the set first.
    [[nodiscard]] virtual Result<std::vector<SealedRecords>> sealed_records(
        SetId set, LogIndex first, std::size_t count_max) const = 0;

    [[nodiscard]] virtual std::shared_ptr<const LogPin> pin(SetId set) = 0;

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

    // A whole copy of a damaged entry, from a peer: its segment is rewritten with it by the next
    // steps of reclaim(), as soon as all of the segment is droppable and not pinned; until then the
    // copy waits in memory. False, and nothing is kept: there is no such entry, it lies in the
    // segment that is written to, or too many copies wait.
    virtual bool repair(EntryRecord record) = 0;

    [[nodiscard]] virtual SpaceLevel space() const = 0;

    // How often something was made durable since open(); cheap.
    [[nodiscard]] virtual std::uint64_t syncs() const = 0;
    [[nodiscard]] virtual LogStoreStats stats() const = 0;
};

}  // namespace penstock::storage
