// What goes into a cycle of the engine: frames, ticks, proposals, a read, a candidacy.
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/base/planted.h"
#include "broker/replication/raft_parts.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

// The voters' turns to stand, different for every set and term so that leaders spread.
std::uint32_t turn_of(
    NodeId self, const std::vector<NodeId>& voters, NodeId lost, SetId set, std::uint64_t term) {
    const auto key = [&](NodeId node) {
        return std::pair(mix64(node.value ^ mix64((term << model::set_bits) | set.value)), node);
    };
    std::uint32_t turn = 0;
    for (const NodeId voter : voters) {
        if (voter != lost && key(voter) < key(self)) ++turn;
    }
    return turn;
}

std::uint64_t payload_bytes(const PeerFrame& frame) {
    std::uint64_t bytes = 0;
    for (const PayloadPtr& payload : frame.payloads) bytes += payload->bytes.size();
    return bytes;
}

}  // namespace

// Not with entries to apply (R10): one of them may change who is in the set.
bool RaftLog::Parts::may_stand() const {
    return engine && role != Role::leader && members.is_voter(self) && elections.due() &&
           handed_out >= engine->commit() && !snapshots.to_install();
}

void RaftLog::Parts::gather_proposals(Intake& intake) {
    if (change) {
        intake.change = std::exchange(change, nullptr);
        RaftEntry entry;
        entry.kind = EntryKind::membership;
        entry.bytes = static_cast<std::uint32_t>(intake.change->bytes.size());
        entry.payload = intake.change->bytes.data();
        intake.proposals.push_back(entry);
        return;
    }
    for (Proposal& proposal : proposals.take_waiting()) {
        log_time = planted(K11) ? proposal.time_ms : std::max(log_time, proposal.time_ms);
        const std::vector<std::string_view> bodies(proposal.bodies.begin(), proposal.bodies.end());
        auto payload =
            std::make_shared<const Payload>(encode_payload(log_time, proposal.commands, bodies));
        RaftEntry entry;
        entry.bytes = static_cast<std::uint32_t>(payload->bytes.size());
        entry.payload = payload.get();
        intake.proposals.push_back(entry);
        intake.offered.push_back({std::move(proposal), std::move(payload)});
    }
}

// A node that is behind takes entries in faster than it applies them. Beyond half a window of
// those, appends wait in the inbox, unconfirmed, so that the leader runs no further ahead; but not
// where nothing is left to apply, and not those of a leader that is gone, which are its last.
void RaftLog::Parts::gather_frames(Intake& intake) {
    const bool last_ones = lost_leader != NodeId{};
    bool idle = handed_out >= engine->commit();
    std::uint64_t unapplied = window.bytes_behind(handed_out);
    std::deque<PeerFrame> waiting;
    inbox_bytes = 0;
    for (PeerFrame& frame : std::exchange(inbox, {})) {
        if (frame.message.type == MessageType::append) {
            const std::uint64_t bytes = payload_bytes(frame);
            const bool fits = idle || unapplied + bytes <= options.window_bytes_max / 2;
            if (!last_ones && (!waiting.empty() || !fits)) {
                inbox_bytes += bytes;
                waiting.push_back(std::move(frame));
                continue;
            }
            unapplied += bytes;
            idle = false;
        }
        intake.frames.push_back(std::move(frame));
    }
    inbox = std::move(waiting);
}

void RaftLog::Parts::gather(Intake& intake) {
    intake.input.advance = to_advance;
    if (snapshots.to_install()) {
        // Nothing else reaches the engine until rows and log are of one moment again.
        intake.messages.push_back(snapshots.to_install()->view());
        intake.installs = true;
        intake.input.messages = intake.messages;
        return;
    }
    gather_frames(intake);
    for (const PeerFrame& frame : intake.frames) {
        const bool of_leader = frame.message.type == MessageType::append ||
                               frame.message.type == MessageType::heartbeat ||
                               frame.message.type == MessageType::snapshot;
        if (of_leader && frame.message.term >= engine->term()) elections.heard();
        intake.messages.push_back(frame.view());
    }
    intake.input.messages = intake.messages;
    intake.input.ticks = std::exchange(ticks, 0);
    intake.input.quiesced_ticks = std::exchange(quiesced_ticks, 0);
    if (role == Role::leader) {
        gather_proposals(intake);
        intake.input.proposals = intake.proposals;
        if (reads.waiting()) {
            intake.question = engine->read();
            reads.asked(*intake.question);
            if (planted(K10)) reads.answered({*intake.question, handed_out});
        }
    } else if (may_stand()) {
        intake.input.campaign = true;
        elections.stood();
        ++counters.elections;
    }
    transfers = false;
}

void RaftLog::Parts::settle_proposals(Intake& intake, const EngineOutput& output_now) {
    auto next = intake.offered.begin();
    for (const RaftEntry& entry : output_now.entries) {
        if (next == intake.offered.end()) break;
        if (entry.payload != next->payload.get()) continue;
        proposals.appended(next->proposal, {entry.term, entry.index});
        ++next;
    }
    check(next == intake.offered.begin() || next == intake.offered.end(),
          "proposals are appended as one");
    for (; next != intake.offered.end(); ++next) proposals.dropped(next->proposal, ended);
    if (intake.question && output_now.reads_dropped > 0) reads.refused(*intake.question, ended);
}

// A leader that is gone needs no time-out. Its last frames were taken first: they end no hurry.
void RaftLog::Parts::stand_in_turn() {
    const NodeId lost = std::exchange(lost_leader, NodeId{});
    if (lost == NodeId{} || role == Role::leader || engine->leader() != lost) return;
    quiesced_ticks += options.engine.election_ticks;
    elections.hurry(
        turn_of(self, members.voters, lost, set, engine->term()),
        static_cast<std::uint32_t>(std::max<std::size_t>(2, members.voters.size()) - 1));
}

}  // namespace penstock::replication
