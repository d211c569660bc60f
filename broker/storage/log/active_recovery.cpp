#include "broker/storage/log/active_recovery.h"

#include "broker/base/bytes.h"
#include "broker/base/planted.h"
#include "broker/storage/log/entry_view.h"
#include "broker/storage/log/segment_format.h"
#include "broker/storage/log/shared_bodies.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::storage {

namespace {

constexpr std::uint64_t lost_entries_max = 1U << 20;  // more at one place is no damage of a disk

// A record as found in the file, taken apart as far as it could be read.
struct Found {
    std::uint64_t offset = 0;
    StagedRecord record;  // without the bytes
    std::uint64_t bodies = 0;
    bool readable = false;       // its head matches
    bool whole = false;          // and so does the rest
    bool shares_damage = false;  // a body of it that is elsewhere does not match
};

// One write as found. Without a readable head its records are what was found in its place.
struct FoundWrite {
    std::uint64_t from = 0;
    std::uint64_t end = 0;
    std::optional<WriteHead> head;
    std::vector<Found> records;
    std::uint64_t missing_bytes = 0;  // in bytes that are no record
    std::uint64_t missing_at = 0;     // the first of them
};

class Recovery {
  public:
    Recovery(const Segment& segment, const Applied& applied)
        : segment_(segment), applied_(applied), shared_(segment, BodySource::Wait::yes) {
        recovered_.content.tail = file_header_bytes;
        recovered_.content.index.keep_exact();
    }

    Result<RecoveredActive> run();

  private:
    Result<void> take_gap(std::uint64_t from, std::uint64_t to);
    Result<void> open_write(RecordScanner& scanner);
    Result<void> take_record(RecordScanner& scanner);
    Result<void> view_entry(const RecordHeader& header, std::string_view payload, Found& found);
    Result<void> close_write();
    Result<void> close_last_write();
    Result<void> apply_listed(const FoundWrite& write);
    Result<void> apply_found(const Found& found);
    Result<void> apply_unlisted(const FoundWrite& write);
    Result<void> explain_unlisted(const FoundWrite& next);
    Result<void> lose(Tag tag, SetId set, LogIndex index, std::uint64_t at);
    Result<void> lose_entries(SetId set, LogIndex last, std::uint64_t at);
    void void_set(SetId set, Tag by);
    [[nodiscard]] bool acknowledged(const FoundWrite& write) const;
    [[nodiscard]] Error refuse(std::uint64_t at, const std::string& what) const;

    const Segment& segment_;
    const Applied& applied_;
    SharedBodies shared_;
    RecoveredActive recovered_;
    std::optional<FoundWrite> write_;
    std::optional<std::uint64_t> unlisted_from_;  // lost bytes that no list has explained yet
    std::map<std::pair<Tag, SetId>, std::uint64_t> lost_facts_;
};

bool is_whole(const FoundWrite& write) {
    if (!write.head || write.missing_bytes != 0) return false;
    if (write.records.size() != write.head->rows.size()) return false;
    return std::all_of(
        write.records.begin(), write.records.end(), [](const Found& found) { return found.whole; });
}

Error Recovery::refuse(std::uint64_t at, const std::string& what) const {
    return segment_.damaged(at,
                            what +
                                "; nothing was changed: put the file back from a copy, or empty "
                                "the folder and let this node fetch its sets from the others");
}

Result<RecoveredActive> Recovery::run() {
    RecordScanner scanner(segment_, file_header_bytes, segment_.limit());
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        if (!*more) break;
        Result<void> taken;
        if (planted(K20) && scanner.skipped_from() != scanner.offset()) break;
        if (scanner.skipped_from() != scanner.offset()) {
            taken = take_gap(scanner.skipped_from(), scanner.offset());
        }
        if (taken && scanner.header().tag == Tag::write) {
            taken = open_write(scanner);
        } else if (taken) {
            taken = take_record(scanner);
        }
        if (!taken && planted(K21)) break;
        if (!taken) return taken.error();
    }
    if (const auto closed = close_last_write(); !closed) return closed.error();
    if (unlisted_from_) return refuse(*unlisted_from_, "a write in the middle cannot be read");
    if (!lost_facts_.empty()) {
        return refuse(lost_facts_.begin()->second, "the state of a set cannot be read");
    }
    for (const auto& [set, facts] : recovered_.facts) {
        const LogIndex applied = applied_(set);
        if (applied <= facts.last || applied == nothing_needed) continue;
        return refuse(recovered_.content.tail,
                      "the log of set " + std::to_string(set.value) + " ends at " +
                          std::to_string(facts.last) + ", its rows have applied " +
                          std::to_string(applied));
    }
    return std::move(recovered_);
}

// Bytes that are no record, before one that is.
Result<void> Recovery::take_gap(std::uint64_t from, std::uint64_t to) {
    if (write_ && write_->head && from < write_->end) {
        if (write_->missing_bytes == 0) write_->missing_at = from;
        write_->missing_bytes += std::min(to, write_->end) - from;
        from = write_->end;
    }
    if (from >= to) return {};
    if (write_ && !write_->head) {
        write_->missing_bytes += to - from;
        return {};
    }
    if (const auto closed = close_write(); !closed) return closed;
    write_ = FoundWrite{};
    write_->from = from;
    write_->missing_at = from;
    write_->missing_bytes = to - from;
    return {};
}

Result<void> Recovery::open_write(RecordScanner& scanner) {
    if (const auto closed = close_write(); !closed) return closed;
    const Result<std::string_view> payload = scanner.payload();
    if (!payload) return payload.error();
    write_ = FoundWrite{};
    write_->from = scanner.offset();
    if (head_matches(scanner.header(), *payload)) write_->head = read_write_head(*payload);
    if (write_->head) {
        write_->end = scanner.behind() + write_->head->bytes;
    } else {
        write_->missing_at = scanner.offset();
        write_->missing_bytes = scanner.behind() - scanner.offset();
    }
    return {};
}

Result<void> Recovery::take_record(RecordScanner& scanner) {
    const RecordHeader& header = scanner.header();
    const Result<std::string_view> payload = scanner.payload();
    if (!payload) return payload.error();
    Found found;
    found.offset = scanner.offset();
    found.record.tag = header.tag;
    found.record.set = header.set;
    found.record.index = header.index;
    found.record.term = header.term;
    found.record.time_ms = header.time_ms;
    found.readable = head_matches(header, *payload);
    found.whole = found.readable;
    if (found.readable && has_bodies(header.tag)) {
        if (const auto viewed = view_entry(header, *payload, found); !viewed) return viewed;
    }
    if (header.tag == Tag::hard_state) {
        Reader reader(*payload);
        found.record.hard_state.term = header.term;
        found.record.hard_state.vote = reader.u64();
        found.record.hard_state.commit = reader.u64();
        found.readable = found.readable && reader.done();
        found.whole = found.readable;
    }
    if (header.tag == Tag::footer) found.whole = read_footer(header, *payload).has_value();
    if (header.tag == Tag::conf_state) found.record.conf_state = *payload;
    if (!write_ || (write_->head && found.offset >= write_->end)) {
        // A record without a write before it: its write's head was skipped over as a gap.
        return refuse(found.offset, "a record stands outside of any write");
    }
    write_->records.push_back(std::move(found));
    return {};
}

// What a body shares is in a write before, which had been synced, or is looked at in this one: it
// does not tell whether this one is torn.
Result<void> Recovery::view_entry(const RecordHeader& header,
                                  std::string_view payload,
                                  Found& found) {
    auto view = entry_view(header, payload);
    found.readable = view.has_value();
    found.whole = view && view->whole();
    if (!view) return {};
    found.bodies = view->head.bodies.size();
    found.record.body_bytes = view->body_bytes;
    if (const auto checked = shared_.check(*view); !checked) return checked;
    found.shares_damage = found.whole && !view->whole();
    return {};
}

// Of a write that a later one follows: it had been synced.
Result<void> Recovery::close_write() {
    if (!write_) return {};
    const FoundWrite write = std::move(*write_);
    write_.reset();
    return write.head ? apply_listed(write) : apply_unlisted(write);
}

Result<void> Recovery::close_last_write() {
    if (!write_ || is_whole(*write_)) return close_write();
    if (acknowledged(*write_)) return close_write();
    write_.reset();  // torn: never acknowledged, as if it had not been written
    return {};
}

// Rows hold what the write carried, so the write had been synced before them.
bool Recovery::acknowledged(const FoundWrite& write) const {
    const auto applied = [this](Tag tag, SetId set, LogIndex index) {
        const LogIndex known = applied_(set);
        return tag == Tag::entry && known != nothing_needed && index <= known;
    };
    bool any = false;
    for (const Found& found : write.records) {
        any = any || applied(found.record.tag, found.record.set, found.record.index);
    }
    if (!write.head) return any;
    for (const WriteRow& row : write.head->rows) any = any || applied(row.tag, row.set, row.index);
    return any;
}

Result<void> Recovery::apply_listed(const FoundWrite& write) {
    if (unlisted_from_) {
        if (const auto explained = explain_unlisted(write); !explained) return explained;
    }
    auto found = write.records.begin();
    TouchedSets touched;
    for (const WriteRow& row : write.head->rows) {
        touch(touched, row.set, row.tag, write.from);
        const bool here = found != write.records.end() && found->record.tag == row.tag &&
                          found->record.set == row.set && found->record.index == row.index;
        const Result<void> applied =
            here ? apply_found(*found) : lose(row.tag, row.set, row.index, write.missing_at);
        if (!applied) return applied;
        if (here) ++found;
    }
    if (found != write.records.end()) {
        return refuse(found->offset, "a record is not the one its write lists");
    }
    recovered_.content.tail = write.end;
    ++recovered_.content.writes;
    recovered_.content.recent.note(write.from, std::move(touched));
    return {};
}

Result<void> Recovery::apply_unlisted(const FoundWrite& write) {
    ++recovered_.damaged;
    for (const Found& found : write.records) {
        if (const auto applied = apply_found(found); !applied) return applied;
    }
    if (!unlisted_from_) unlisted_from_ = write.from;
    return {};
}

// The lists of sets lately touched tell which entries were lost with a write's head.
Result<void> Recovery::explain_unlisted(const FoundWrite& next) {
    if (next.head->recent_from > *unlisted_from_) return {};
    for (const RecentRow& row : next.head->recent) {
        for (const Tag tag : {Tag::hard_state, Tag::conf_state, Tag::start, Tag::replaced}) {
            const bool had = (row.facts & facts_of(tag)) != 0;
            if (had && row.facts_at >= *unlisted_from_) {
                lost_facts_.try_emplace({tag, row.set}, *unlisted_from_);
            }
        }
        if (row.last == 0) continue;
        const auto lost = lose_entries(row.set, row.last, *unlisted_from_);
        if (!lost) return lost;
    }
    unlisted_from_.reset();
    return {};
}

Result<void> Recovery::apply_found(const Found& found) {
    const StagedRecord& record = found.record;
    if (!found.readable) return lose(record.tag, record.set, record.index, found.offset);
    if (record.tag == Tag::footer) {
        recovered_.footer = found.offset;
        return {};
    }
    if (has_bodies(record.tag)) {
        const bool damaged = !found.whole || found.shares_damage;
        if (damaged && record.index > applied_(record.set)) {
            return refuse(found.offset, "an entry that the rows still need cannot be read");
        }
        if (damaged) ++recovered_.damaged;
        Result<void> lost;
        if (record.tag == Tag::entry) {
            lost = lose_entries(record.set, record.index - 1, found.offset - record_alignment);
        }
        if (!lost) return lost;
        recovered_.content.index.add(
            {record.set, record.index, found.offset, found.bodies, record.body_bytes});
    }
    if (record.tag == Tag::end_of_suffix) {
        recovered_.content.index.cut(record.set, record.index);
    }
    if (voids_set(record.tag)) void_set(record.set, record.tag);
    lost_facts_.erase({record.tag, record.set});
    if (record.tag == Tag::entry) lost_facts_.erase({Tag::position, record.set});
    apply_facts(record, recovered_.facts);
    return {};
}

void Recovery::void_set(SetId set, Tag by) {
    recovered_.content.index.cut(set, 0);
    recovered_.voided.insert(set);
    for (const Tag tag : {Tag::position, Tag::start, Tag::replaced}) lost_facts_.erase({tag, set});
    if (by != Tag::dropped) return;
    for (const Tag tag : {Tag::hard_state, Tag::conf_state}) lost_facts_.erase({tag, set});
    recovered_.facts.erase(set);
}

Result<void> Recovery::lose(Tag tag, SetId set, LogIndex index, std::uint64_t at) {
    ++recovered_.damaged;
    if (tag == Tag::dropped) {
        void_set(set, tag);
        return {};
    }
    if (facts_of(tag) != 0 || tag == Tag::position) {
        lost_facts_.try_emplace({tag, set}, at);
        return {};
    }
    if (!has_bodies(tag)) return {};  // the entry behind an end of suffix says the same
    if (index > applied_(set)) {
        return refuse(at, "an entry that the rows still need cannot be read");
    }
    recovered_.content.index.add({set, index, at, 0, 0});
    if (tag != Tag::entry) return {};
    lost_facts_.erase({Tag::position, set});
    recovered_.facts[set].last = index;
    recovered_.facts[set].last_term = 0;  // not known
    return {};
}

Result<void> Recovery::lose_entries(SetId set, LogIndex last, std::uint64_t at) {
    // Without its position nothing is known of the entries before the first one found here.
    if (lost_facts_.contains({Tag::position, set})) return {};
    const LogIndex known = recovered_.facts[set].last;
    if (last > known + lost_entries_max) return refuse(at, "too many entries are missing");
    for (LogIndex index = known + 1; index <= last; ++index) {
        if (const auto lost = lose(Tag::entry, set, index, at); !lost) return lost;
    }
    return {};
}

}  // namespace

Result<RecoveredActive> recover_active(const Segment& segment, const Applied& applied) {
    return Recovery(segment, applied).run();
}

}  // namespace penstock::storage
