// What comes out of a cycle of the engine: records for the store, messages, entries to apply.
#include "broker/base/check.h"
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/replication/raft_parts.h"

#include <algorithm>

namespace penstock::replication {

void RaftLog::cycle() {
    Parts& p = *parts_;
    check(p.output == nullptr, "take_committed() ends a turn");
    p.held.clear();
    p.window.next_generation();
    p.catch_up.begin_turn();
    p.progressed = false;
    if (!p.engine || p.failure) return;
    Parts::Intake intake;
    p.gather(intake);
    const EngineOutput& output = p.engine->cycle(intake.input);
    p.output = &output;
    p.to_advance = output.has_work;
    p.progressed = output.has_work;
    p.counters.messages_refused += output.messages_refused;
    p.settle_proposals(intake, output);
    p.send_news();
    p.send(output.early_messages);
    if (planted(K2)) p.send(output.late_messages);
    p.stage(intake, output);
    if (intake.installs) {
        if (output.snapshot != nullptr) ++p.counters.snapshots_installed;
        p.snapshots.stepped(output.snapshot != nullptr || planted(K24));
    }
    p.keep_payloads(intake);
    p.follow_role();
    p.stand_in_turn();
}

// Also those that did not get into the log live on until the next cycle has run.
void RaftLog::Parts::keep_payloads(const Intake& intake) {
    for (const PeerFrame& frame : intake.frames) {
        for (const PayloadPtr& payload : frame.payloads) window.keep(payload);
    }
    for (const Offered& offered : intake.offered) window.keep(offered.payload);
    if (intake.change) window.keep(intake.change);
}

// A snapshot, entries, hard state: the store keeps this order in its one write (R8).
void RaftLog::Parts::stage(const Intake& intake, const EngineOutput& output_now) {
    if (output_now.snapshot != nullptr) stage_installation(output_now);
    for (const RaftEntry& entry : output_now.entries) stage_entry(intake, entry);
    if (output_now.hard_state) hard_state_to_write = output_now.hard_state;
    const bool writes =
        output_now.must_sync || !output_now.entries.empty() || output_now.snapshot != nullptr;
    if (!writes || !hard_state_to_write) return;
    if (!planted(K3)) store.append_hard_state(set, *hard_state_to_write);
    hard_state_to_write.reset();
}

void RaftLog::Parts::stage_installation(const EngineOutput& output_now) {
    const auto& [point, who] = *output_now.snapshot;
    store.replace_log(set, {point.index, point.term});
    window.restart(point.index);
    keeper.restart(point.index);
    members = who;
    conf_state = encode_members(members);
    store.append_conf_state(set, conf_state);
    handed_out = point.index;
    handed_out_term = point.term;
    handed_out_time = snapshots.to_install() ? snapshots.to_install()->snapshot.time_ms : 0;
    log_time = handed_out_time;
    changed_at = 0;
    unreadable = 0;
}

void RaftLog::Parts::stage_entry(const Intake& intake, const RaftEntry& entry) {
    storage::EntryRecord record;
    record.set = set;
    record.term = entry.term;
    record.index = entry.index;
    WindowEntry kept;
    kept.term = entry.term;
    kept.kind = entry.kind;
    if (entry.kind == EntryKind::membership) {
        record.kind = storage::EntryKind::membership;
        record.commands = entry.text();
        kept.payload = std::make_shared<const Payload>(record.commands);
        if (intake.change && entry.payload == intake.change->bytes.data()) {
            kept.payload = intake.change;
        }
        for (const PeerFrame& frame : intake.frames) {
            for (const PayloadPtr& payload : frame.payloads) {
                if (entry.payload == payload->bytes.data()) kept.payload = payload;
            }
        }
    } else if (entry.bytes > 0) {
        kept.payload = static_cast<const Payload*>(entry.payload)->shared_from_this();
        const auto view = decode_payload(kept.payload->bytes);
        check(view.has_value(), "only what can be read goes into the log");
        kept.time_ms = view->time_ms;
        record.commands = view->commands;
        record.bodies.assign(view->bodies.begin(), view->bodies.end());
    }
    if (kept.time_ms == 0) kept.time_ms = time_at(entry.index - 1);
    record.time_ms = kept.time_ms;
    const bool replaces = entry.index <= window.last();
    log_time = replaces ? kept.time_ms : std::max(log_time, kept.time_ms);
    window.append(entry.index, std::move(kept));
    keeper.add(entry.index, entry.bytes);
    store.append(std::move(record));
}

TimeMs RaftLog::Parts::time_at(LogIndex index) const {
    if (index == handed_out) return handed_out_time;
    if (const WindowEntry* entry = window.find(index)) return entry->time_ms;
    TimeMs time_ms = handed_out_time;
    const auto scanned = store.scan(set, index, [&](const storage::StoredEntry& entry) {
        if (entry.index == index) time_ms = entry.time_ms;
        return false;
    });
    return scanned ? time_ms : handed_out_time;
}

void RaftLog::Parts::follow_role() {
    const Role before = std::exchange(role, engine->role());
    proposals.lost_all_but(role == Role::leader ? engine->term() : 0, ended);
    if (role != Role::leader) {
        proposals.drop_waiting(ended);
        reads.lost(ended);
        change.reset();
        catch_up.forget_all();
        news.clear();
    }
    if (before == Role::leader && role != Role::leader) elections.heard();
}

std::vector<Committed> RaftLog::take_committed() {
    Parts& p = *parts_;
    std::vector<Committed> committed;
    if (p.output == nullptr) return committed;
    const EngineOutput& output = *std::exchange(p.output, nullptr);
    for (const Message& message : output.late_messages) {
        if (message.type == MessageType::vote_answer && !message.reject) p.elections.heard();
    }
    p.send(output.late_messages);
    p.send_waiting();
    for (const ReadState& answer : output.reads) p.reads.answered(answer);
    for (const RaftEntry& entry : output.committed) {
        // What comes after its own removal is not this replica's to apply.
        if (p.failure || p.engine->gone() != Engine::Gone::no) break;
        p.hand_out(entry, committed);
    }
    p.reads.handed_out(p.handed_out);
    p.after_turn();
    return committed;
}

void RaftLog::Parts::hand_out(const RaftEntry& entry, std::vector<Committed>& committed) {
    check(entry.index == handed_out + 1, "entries are handed out in order, each once");
    auto found = entry_at(entry);
    if (!found) return fail(found.error());
    Committed out;
    out.token = proposals.committed({entry.term, entry.index});
    out.term = entry.term;
    out.index = entry.index;
    out.time_ms = found->time_ms;
    if (entry.kind == EntryKind::membership) {
        auto now = engine->apply_change(entry.index, found->payload->bytes);
        if (!now) return fail(now.error());
        members = std::move(*now);
        conf_state = encode_members(members);
        changed_at = entry.index;
        if (!planted(K25)) out.conf_state = conf_state;
    }
    if (out.token == 0) {
        out.content = ReplayedEntry{entry.term, entry.index, out.time_ms, {}, {}};
        if (entry.kind == EntryKind::normal && found->payload) {
            auto view = decode_payload(found->payload->bytes);
            check(view.has_value(), "what is in the log can be read");
            out.content->commands = view->commands;
            out.content->bodies = std::move(view->bodies);
        }
        if (found->payload) held.push_back(found->payload);
    }
    handed_out = entry.index;
    handed_out_term = entry.term;
    handed_out_time = out.time_ms;
    committed.push_back(std::move(out));
}

void RaftLog::Parts::after_turn() {
    if (failure) return;
    if (engine->gone() != Engine::Gone::no) return leave(engine->gone());
    const LogIndex through = window.surplus(options.window_bytes_max, engine->applied());
    if (through == 0) return;
    engine->trim(through);
    window.drop_through(through);
}

// R2, R5: an engine that is no member any more would go on leading, or panic when it wins.
void RaftLog::Parts::leave(Engine::Gone why) {
    gone = why;
    engine.reset();
    role = Role::follower;
    to_advance = false;
    proposals.lost_all_but(0, ended);
    proposals.drop_waiting(ended);
    reads.lost(ended);
    catch_up.forget_all();
    news.clear();
    inbox.clear();
    inbox_bytes = 0;
    log_line(
        LogLevel::warn,
        "replication",
        "event=left-set set=" + std::to_string(set.value) +
            (why == Engine::Gone::removed ? " why=removed" : " why=\"entries were lost here\""));
}

void RaftLog::Parts::fail(Error what) {
    log_line(LogLevel::error, "replication", "event=log-failed why=\"" + what.detail + "\"");
    failure = std::move(what);
}

}  // namespace penstock::replication
