// The hot call: converts what goes in, refusing what the core would not survive (R12), and what
// comes out, parting what may be sent before the write from what may not (R1).
#include "broker/base/check.h"
#include "broker/replication/etcd_raft/engine.h"
#include "broker/replication/etcd_raft/engine_arrays.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

// Empties a buffer and makes room, so that views into it stay good while it is filled.
template <class T>
void restart(std::vector<T>& buffer, std::size_t room) {
    buffer.clear();
    buffer.reserve(room);
}

er_msg to_shim(const Message& message, std::size_t offset, std::vector<std::uint64_t>& ids) {
    er_msg to{};
    to.type = static_cast<std::uint32_t>(message.type);
    to.reject = message.reject ? 1 : 0;
    to.to = message.to.value;
    to.from = message.from.value;
    to.term = message.term;
    to.log_term = message.log_term;
    to.index = message.index;
    to.commit = message.commit;
    to.reject_hint = message.reject_hint;
    to.entries_offset = static_cast<std::uint32_t>(offset);
    to.entries = static_cast<std::uint32_t>(message.entries.size());
    to.context_len = static_cast<std::uint32_t>(message.context.size());
    std::copy(message.context.begin(), message.context.end(), to.context);
    if (message.snapshot != nullptr) to.snap = to_shim(*message.snapshot, ids);
    return to;
}

std::vector<NodeId> nodes_at(const std::uint64_t* ids, std::size_t count) {
    std::vector<NodeId> nodes;
    nodes.reserve(count);
    for (std::size_t at = 0; at < count; ++at) nodes.emplace_back(ids[at]);
    return nodes;
}

bool is_idle(const er_in& in) {
    return in.advance == 0 && in.ticks == 0 && in.quiesced_ticks == 0 && in.campaign == 0 &&
           in.transfer_to == 0 && in.n_msgs == 0 && in.n_proposals == 0 && in.n_reads == 0;
}

}  // namespace

er_entry to_shim(const RaftEntry& entry) {
    return {.term = entry.term,
            .index = entry.index,
            .type = static_cast<std::uint32_t>(entry.kind),
            .len = entry.bytes,
            .data = reinterpret_cast<std::uintptr_t>(entry.payload)};
}

er_snap to_shim(const SnapshotPoint& snapshot, std::vector<std::uint64_t>& ids) {
    const std::size_t from = ids.size();
    for (const NodeId node : snapshot.members.voters) ids.push_back(node.value);
    for (const NodeId node : snapshot.members.learners) ids.push_back(node.value);
    return {.index = snapshot.point.index,
            .term = snapshot.point.term,
            .ids = reinterpret_cast<std::uintptr_t>(ids.data() + from),
            .voters = static_cast<std::uint32_t>(snapshot.members.voters.size()),
            .learners = static_cast<std::uint32_t>(snapshot.members.learners.size())};
}

RaftEntry from_shim(const er_entry& entry) {
    return {.term = entry.term,
            .index = entry.index,
            .kind = static_cast<EntryKind>(entry.type),
            .bytes = entry.len,
            .payload = reinterpret_cast<const void*>(entry.data)};
}

SnapshotPoint from_shim(const er_snap& snapshot) {
    const auto* ids = reinterpret_cast<const std::uint64_t*>(snapshot.ids);
    return {.point = {snapshot.term, snapshot.index},
            .members = {nodes_at(ids, snapshot.voters),
                        nodes_at(ids + snapshot.voters, snapshot.learners)}};
}

const EngineOutput& Engine::cycle(const EngineInput& input) {
    arrays_->output = {};
    if (gone_ != Gone::no) return arrays_->output;
    if (input.advance) advance();
    const bool may_stand = !snapshot_waits();
    feed_messages(input.messages);
    if (gone_ != Gone::no) return arrays_->output;
    feed_proposals(input.proposals);
    er_in in{};
    in.advance = input.advance ? 1 : 0;
    // R10: the core panics when it stands for election while a snapshot waits to be applied.
    in.ticks = may_stand ? input.ticks : 0;
    in.quiesced_ticks = input.quiesced_ticks + (may_stand ? 0 : input.ticks);
    in.campaign = may_stand && input.campaign ? 1 : 0;
    in.transfer_to = std::exchange(transfer_, NodeId{}).value;
    in.msgs = arrays_->msgs_in.data();
    in.n_msgs = static_cast<std::uint32_t>(arrays_->msgs_in.size());
    in.msg_entries = arrays_->entries_in.data();
    in.n_msg_entries = static_cast<std::uint32_t>(arrays_->entries_in.size());
    in.proposals = arrays_->proposals_in.data();
    in.n_proposals = static_cast<std::uint32_t>(arrays_->proposals_in.size());
    in.reads = arrays_->reads_in.data();
    in.n_reads = static_cast<std::uint32_t>(arrays_->reads_in.size());
    // A node has many sets that rest while others work, and each call into Go has its price.
    if (!std::exchange(stirred_, false) && is_idle(in)) return arrays_->output;
    peers_known_ = false;
    take(*functions_.cycle(handle_, &in));
    arrays_->reads_in.clear();
    return arrays_->output;
}

void Engine::advance() {
    if (!pending_) return;
    check(arrays_->changes_due.empty(), "a membership entry was handed out and not applied");
    applied_ = handed_out_;
    pending_ = arrays_->output_has_snapshot = false;
}

void Engine::feed_messages(std::span<const Message> messages) {
    std::size_t entries = 0;
    std::size_t ids = 0;
    for (const Message& message : messages) {
        entries += message.entries.size();
        if (message.snapshot == nullptr) continue;
        ids += message.snapshot->members.voters.size() + message.snapshot->members.learners.size();
    }
    restart(arrays_->msgs_in, messages.size());
    restart(arrays_->entries_in, entries);
    restart(arrays_->ids_in, ids);
    for (const Message& message : messages) {
        const auto why = complaint(message);
        if (!why.empty()) {
            refuse(why);
            continue;
        }
        // The core would panic. Who leads tells a replica no more than what that has confirmed.
        if (message.type == MessageType::heartbeat && message.commit > last_ &&
            message.term >= term()) {
            // Of before its members are known here it speaks of a replica that has left since.
            if (members_.voters.empty()) {
                refuse("a commit that a replica of before had confirmed");
                continue;
            }
            gone_ = Gone::lost_log;
            return;
        }
        if (message.type == MessageType::snapshot) arrays_->snapshot_fed = true;
        arrays_->msgs_in.push_back(to_shim(message, arrays_->entries_in.size(), arrays_->ids_in));
        for (const RaftEntry& entry : message.entries)
            arrays_->entries_in.push_back(to_shim(entry));
    }
}

std::string_view Engine::complaint(const Message& message) const {
    const auto why = message_complaint(message, node_, options_);
    if (!why.empty()) return why;
    // R12: the core would count a place of the log that does not exist.
    if (message.type == MessageType::append_answer && !message.reject && leads() &&
        message.term == term() && message.index > last_)
        return "confirms entries that were never sent";
    // R12: its log, and with it whom it voted for, may be gone. A replica that is made begins with
    // a snapshot that names the members.
    const bool asks_for_vote =
        message.type == MessageType::vote || message.type == MessageType::pre_vote;
    if (asks_for_vote && members_.voters.empty())
        return "a vote is asked for where the members are not known";
    // R10: what the core of today checks before it stands for election, this one does not.
    if (message.type == MessageType::timeout_now &&
        (change_seen_ > applied_.index || snapshot_waits()))
        return "leadership offered while a change or snapshot waits to be applied";
    return {};
}

bool Engine::snapshot_waits() const {
    return arrays_->snapshot_fed || arrays_->output_has_snapshot;
}

void Engine::refuse(std::string_view why) {
    EngineOutput& output = arrays_->output;
    ++output.messages_refused;
    if (output.first_refusal.empty()) output.first_refusal = why;
}

void Engine::feed_proposals(std::span<const RaftEntry> proposals) {
    restart(arrays_->proposals_in, proposals.size());
    for (const RaftEntry& entry : proposals) {
        check(entry.bytes <= options_.payload_bytes_max && !entry.on_disk(),
              "a proposal without payload, or too long");
        if (entry.kind == EntryKind::membership) {
            const auto change = read_change(entry.text());
            // R3, R4, R6: only what make_change() gave, on its own, and in the turn it gave it.
            check(proposals.size() == 1 && !pending_ && change && !leader_complaint() &&
                      members_proposed(members_, *change, node_),
                  "a membership change that make_change() would refuse");
        }
        arrays_->proposals_in.push_back(to_shim(entry));
    }
}

void Engine::take(const er_out& out) {
    EngineOutput& output = arrays_->output;
    output.proposals_dropped = out.proposals_dropped != 0;
    output.reads_dropped = out.reads_dropped;
    output.messages_refused += out.step_errors;
    if (out.has_ready == 0) return;
    output.has_work = true;
    pending_ = true;
    take_state(out);
    take_entries(out);
    take_messages(out);
    restart(arrays_->reads, out.n_reads);
    for (const er_read& read : view<er_read>(out.reads, out.n_reads))
        arrays_->reads.push_back(
            {.token = {read.token.node, read.token.boot, read.token.number}, .index = read.index});
    output.reads = arrays_->reads;
}

void Engine::take_state(const er_out& out) {
    EngineOutput& output = arrays_->output;
    const HardState before = hard_state_;
    arrays_->may_send_early = leads() && out.role == static_cast<std::uint32_t>(Role::leader);
    if (out.has_hard_state != 0) {
        hard_state_ = {.term = out.term, .vote = out.vote, .commit = out.commit};
        output.hard_state = hard_state_;
    }
    // A term or vote of this write must not show before it is durable either.
    if (hard_state_.term != before.term || hard_state_.vote != before.vote)
        arrays_->may_send_early = false;
    output.leadership_changed = out.has_soft_state != 0;
    role_ = static_cast<Role>(out.role);
    leader_ = NodeId{out.leader};
    output.must_sync = out.must_sync != 0 || out.snap.index > 0;
}

void Engine::take_entries(const er_out& out) {
    EngineOutput& output = arrays_->output;
    durable_ = last_;
    arrays_->output_has_snapshot = out.snap.index > 0;
    arrays_->snapshot_fed = false;
    restart(arrays_->snapshots, out.n_msgs + 1);
    if (out.snap.index > 0) {
        arrays_->snapshots.push_back(from_shim(out.snap));
        output.snapshot = &arrays_->snapshots.front();
        snapshot_ = *output.snapshot;
        members_ = snapshot_.members;
        handed_out_ = snapshot_.point;
        last_ = durable_ = snapshot_.point.index;
        first_ = last_ + 1;
        changed_at_ = change_seen_ = 0;
    }
    restart(arrays_->entries, out.n_entries);
    for (const er_entry& entry : view<er_entry>(out.entries, out.n_entries)) {
        arrays_->entries.push_back(from_shim(entry));
        last_ = entry.index;
        if (change_seen_ >= entry.index) change_seen_ = entry.index - 1;  // cut off, or before it
        if (arrays_->entries.back().kind == EntryKind::membership) change_seen_ = entry.index;
    }
    output.entries = arrays_->entries;
    restart(arrays_->committed, out.n_committed);
    arrays_->changes_due.clear();
    for (const er_entry& entry : view<er_entry>(out.committed, out.n_committed)) {
        arrays_->committed.push_back(from_shim(entry));
        handed_out_ = {entry.term, entry.index};
        if (arrays_->committed.back().kind == EntryKind::membership)
            arrays_->changes_due.push_back(entry.index);
    }
    output.committed = arrays_->committed;
}

void Engine::take_messages(const er_out& out) {
    EngineOutput& output = arrays_->output;
    restart(arrays_->message_entries, out.n_msg_entries);
    for (const er_entry& entry : view<er_entry>(out.msg_entries, out.n_msg_entries))
        arrays_->message_entries.push_back(from_shim(entry));
    const auto messages = view<er_msg>(out.msgs, out.n_msgs);
    restart(arrays_->messages, messages.size());
    const auto is_early = [&](const er_msg& message) {
        return arrays_->may_send_early && message.commit <= durable_ &&
               message.type == static_cast<std::uint32_t>(MessageType::append);
    };
    for (const er_msg& message : messages)
        if (is_early(message)) take_message(message);
    const std::size_t early = arrays_->messages.size();
    for (const er_msg& message : messages)
        if (!is_early(message)) take_message(message);
    const std::span all(arrays_->messages);
    output.early_messages = all.first(early);
    output.late_messages = all.subspan(early);
}

void Engine::take_message(const er_msg& from) {
    Message message;
    message.type = static_cast<MessageType>(from.type);
    message.reject = from.reject != 0;
    message.to = NodeId{from.to};
    message.from = NodeId{from.from};
    message.term = from.term;
    message.log_term = from.log_term;
    message.index = from.index;
    message.commit = from.commit;
    message.reject_hint = from.reject_hint;
    message.entries =
        std::span(arrays_->message_entries).subspan(from.entries_offset, from.entries);
    message.context = {reinterpret_cast<const char*>(from.context), from.context_len};
    if (message.type == MessageType::snapshot) {
        SnapshotPoint snapshot = from_shim(from.snap);
        if (!snapshot.members.has(message.to)) {
            // R7: the receiver would ignore it, and be sent it again for ever.
            functions_.report(handle_, from.to, er_snapshot_failed);
            stir();
            changed_at_ = std::max(changed_at_, snapshot_.point.index + 1);
            return;
        }
        arrays_->snapshots.push_back(std::move(snapshot));
        message.snapshot = &arrays_->snapshots.back();
    }
    arrays_->messages.push_back(message);
}

}  // namespace penstock::replication
