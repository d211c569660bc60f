#include "broker/cluster/repairs.h"

#include "broker/base/log.h"
#include "broker/replication/snapshot/body_frame.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::chrono::milliseconds record_deadline{2'000};
constexpr std::size_t mending_max = 64;   // entries at a time
constexpr std::size_t waiting_max = 256;  // reads of one of them

std::string text(const std::pair<SetId, model::LogIndex>& place) {
    return "set=" + std::to_string(place.first.value) + " index=" + std::to_string(place.second);
}

}  // namespace

RecordAnswer read_record(const storage::LogStore& store, const RecordQuestion& question) {
    RecordAnswer answer;
    answer.problem = "there is no such entry here";
    const auto visit = [&](const storage::StoredEntry& entry) {
        if (entry.index != question.index) return false;
        replication::LiveEntry whole{entry.index, {}};
        for (std::uint32_t ordinal = 0; ordinal < entry.bodies.size(); ++ordinal) {
            if (entry.bodies[ordinal].damaged) {
                answer.problem = "it is damaged here too";
                return false;
            }
            if (entry.bodies[ordinal].present) whole.ordinals.push_back(ordinal);
        }
        answer.problem.clear();
        answer.bytes = replication::encode_frame(whole, entry);
        return false;
    };
    const auto scanned = store.scan_records(SetId{question.set}, question.index, visit);
    if (!scanned) answer.problem = scanned.error().detail;
    return answer;
}

Result<storage::EntryRecord> record_of(const RecordQuestion& question, std::string_view bytes) {
    std::optional<storage::EntryRecord> found;
    replication::FrameReader reader;
    const auto fed = reader.feed(bytes, [&](replication::BodyFrame&& frame) {
        if (frame.lost == 0) found = std::move(frame.record);
    });
    if (!fed) return fed.error();
    if (!found || found->index != question.index || reader.pending() != 0) {
        return error(Errc::damaged, "it is another entry, or a part of one");
    }
    found->set = SetId{question.set};
    return std::move(*found);
}

void Repairs::mend(node::Node& node,
                   const replication::RaftLog* log,
                   model::LogIndex index,
                   node::Mended done) {
    if (log == nullptr || peers_ == nullptr) return done(nullptr);
    const Place place{log->set(), index};
    const auto [found, fresh] = mending_.try_emplace(place);
    Mending& mending = found->second;
    if (fresh && mending_.size() > mending_max) {
        mending_.erase(found);
        return done(nullptr);
    }
    if (mending.waiting.size() == waiting_max) return done(nullptr);
    mending.waiting.push_back(std::move(done));
    if (!fresh) return;
    const NodeId leader = log->leadership().leader;
    for (const auto& members : {log->members().learners, log->members().voters}) {
        for (const NodeId member : members) {
            if (member != log->self() && member != leader) mending.others.push_back(member);
        }
    }
    if (leader.value != 0 && leader != log->self()) mending.others.push_back(leader);
    ask_next(node, place);
}

void Repairs::ask_next(node::Node& node, const Place& place) {
    Mending& mending = mending_.at(place);
    if (mending.others.empty()) {
        ++counters_.failed;
        log_line(LogLevel::error, "cluster", "event=not_repaired " + text(place));
        return end(place, nullptr);
    }
    const NodeId other = mending.others.back();
    mending.others.pop_back();
    auto take = [this, place, other, mailbox = node.mailbox()](transport::Answer answer) {
        mailbox->post([this, place, other, answer = std::move(answer)](node::Node& back) {
            told(back, place, other, answer);
        });
    };
    peers_->ask(other,
                transport::Lane::bulk,
                encode_question(RecordQuestion{place.first.value, place.second}),
                record_deadline,
                std::move(take));
}

void Repairs::told(node::Node& node,
                   const Place& place,
                   NodeId from,
                   const transport::Answer& answer) {
    auto given = answer ? decode_record(*answer)
                        : Result<RecordAnswer>(boost::system::in_place_error, answer.error().error);
    if (!given || !given->problem.empty()) return ask_next(node, place);
    auto record = record_of({place.first.value, place.second}, given->bytes);
    if (!record) return ask_next(node, place);
    ++counters_.repaired;
    // In the segment that is written to it cannot be replaced yet: it is had again each time.
    const bool kept = node.store().repair(*record);
    log_line(LogLevel::warn,
             "cluster",
             "event=repaired " + text(place) + " from=" + std::to_string(from.value) +
                 (kept ? "" : " kept=no"));
    end(place, &*record);
}

void Repairs::end(const Place& place, const storage::EntryRecord* copy) {
    auto ended = mending_.extract(place);
    for (const node::Mended& done : ended.mapped().waiting) done(copy);
}

void Repairs::tend(node::Node& node, const replication::RaftLog& log) {
    const auto [from, through] = log.unsendable();
    model::LogIndex& seen = unsent_[log.set()];
    if (through == 0 || through <= seen) return;
    seen = through;
    std::set<model::LogIndex> damaged;
    for (model::LogIndex index = from; index <= through && damaged.size() < mending_max; ++index) {
        damaged.insert(index);
    }
    const auto visit = [&, last = through](const storage::StoredEntry& entry) {
        if (entry.index > last) return false;
        const bool whole = std::none_of(entry.bodies.begin(),
                                        entry.bodies.end(),
                                        [](const auto& body) { return body.damaged; });
        if (whole) damaged.erase(entry.index);
        return true;
    };
    if (auto scanned = node.store().scan_records(log.set(), from, visit); !scanned) return;
    for (const model::LogIndex index : damaged) {
        mend(node, &log, index, [](const storage::EntryRecord*) {});
    }
}

}  // namespace penstock::cluster
