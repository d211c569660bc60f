// Messages of the engine on their way to peers and from them, and the entries they carry.
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/replication/raft_parts.h"

#include <utility>

namespace penstock::replication {

namespace {

PayloadPtr membership_payload(std::string_view text) {
    return std::make_shared<const Payload>(std::string(text));
}

// Null: the engine's own entry.
Result<PayloadPtr> payload_or_own(const storage::StoredEntry& entry) {
    if (entry.kind == storage::EntryKind::membership) return membership_payload(entry.commands);
    if (entry.commands.empty()) return PayloadPtr{};
    return payload_of(entry);
}

}  // namespace

// The payloads of [first, last] as the store has them; Error when one is gone.
Result<std::vector<PayloadPtr>> RaftLog::Parts::reread(LogIndex first, LogIndex last) const {
    std::vector<PayloadPtr> found;
    std::optional<Error> wrong;
    const auto scanned = store.scan(set, first, [&](const storage::StoredEntry& entry) {
        if (entry.index != first + found.size() || entry.index > last) return false;
        auto payload = payload_or_own(entry);
        if (!payload) {
            wrong = payload.error();
            return false;
        }
        found.push_back(std::move(*payload));
        return entry.index < last;
    });
    if (wrong) return *wrong;
    if (!scanned) return scanned.error();
    if (found.size() != last - first + 1) {
        return error(Errc::damaged,
                     "the log of set " + std::to_string(set.value) + " has no entry " +
                         std::to_string(first + found.size()));
    }
    return found;
}

Result<WindowEntry> RaftLog::Parts::entry_at(const RaftEntry& entry) {
    const WindowEntry* in_window = window.find(entry.index);
    if (in_window != nullptr && in_window->term == entry.term) return *in_window;
    WindowEntry out{entry.term, entry.kind, time_at(entry.index), nullptr};
    auto read = reread(entry.index, entry.index);
    if (!read) return read.error();
    out.payload = std::move(read->front());
    return out;
}

void RaftLog::Parts::send(std::span<const Message> messages) {
    for (const Message& message : messages) {
        if (message.type == MessageType::snapshot) {
            send_snapshot(message);
        } else if (!waits_as_news(message) && !catch_up.holds_back(message)) {
            send_one(message);
        }
    }
}

// An append without entries tells how far the log is committed, or asks where the peer's ends: both
// may be late, and what comes with entries tells the same.
bool RaftLog::Parts::waits_as_news(const Message& message) {
    if (!options.news_wait || message.type != MessageType::append) return false;
    if (!message.entries.empty()) {
        news.erase(message.to);
        return false;
    }
    news[message.to] = message;
    return true;
}

void RaftLog::Parts::send_news() {
    if (!std::exchange(news_due, false)) return;
    for (const auto& [to, message] : std::exchange(news, {})) {
        if (!catch_up.holds_back(message)) send_one(message);
    }
}

void RaftLog::Parts::send_waiting() {
    if (catch_up.unconfirmed()) {
        for (const PeerProgress& peer : engine->peers())
            catch_up.confirmed(peer.node, peer.match, peer.state != PeerState::replicate);
    }
    while (const auto append = catch_up.next()) send_one(append->view());
}

// Damaged here: whoever lacks the entry gets a snapshot, once one is held that covers it.
void RaftLog::Parts::unsendable(LogIndex from, LogIndex through, const Error& why) {
    ++counters.entries_unreadable;
    snapshot_missed = true;
    unreadable_from = from;
    if (std::exchange(unreadable, through) == through) return;
    log_line(LogLevel::error, "replication", "event=not-sent why=\"" + why.detail + "\"");
}

void RaftLog::Parts::send_one(const Message& message) {
    std::size_t on_disk = 0;
    for (std::size_t at = 0; at < message.entries.size(); ++at) {
        if (message.entries[at].on_disk()) on_disk = at + 1;
    }
    std::vector<PayloadPtr> read_back;
    if (on_disk > 0) {
        auto read = reread(message.entries.front().index, message.entries[on_disk - 1].index);
        if (!read) {
            unsendable(
                message.entries.front().index, message.entries[on_disk - 1].index, read.error());
            return;
        }
        read_back = std::move(*read);
        counters.entries_reread += read_back.size();
        std::uint64_t bytes = 0;
        for (const PayloadPtr& payload : read_back) bytes += payload ? payload->bytes.size() : 1;
        catch_up.read(message.to, message.entries[on_disk - 1].index, bytes);
    }
    std::vector<std::string_view> payloads;
    payloads.reserve(message.entries.size());
    for (std::size_t at = 0; at < message.entries.size(); ++at) {
        const RaftEntry& entry = message.entries[at];
        if (at < on_disk) {
            payloads.emplace_back(read_back[at] ? std::string_view(read_back[at]->bytes)
                                                : std::string_view());
        } else if (entry.bytes == 0 || entry.kind == EntryKind::membership) {
            payloads.push_back(entry.text());
        } else {
            payloads.emplace_back(static_cast<const Payload*>(entry.payload)->bytes);
        }
    }
    sender.send(message.to, set, encode_frame(set, message, payloads, nullptr));
}

// Of a snapshot that is not held any more (or never was) nothing can be fetched.
void RaftLog::Parts::send_snapshot(const Message& message) {
    const HeldSnapshot& own = snapshots.held();
    if (own.index == 0 || own.index != message.snapshot->point.index ||
        own.conf_state != encode_members(message.snapshot->members)) {
        snapshot_missed = true;
        engine->report_snapshot(message.to, false);
        return;
    }
    snapshots.sending(message.to);
    ++counters.snapshots_offered;
    sender.send(message.to, set, encode_frame(set, message, {}, &own));
}

std::string RaftLog::Parts::complaint(NodeId from, const PeerFrame& frame) const {
    if (planted(K27)) return {};
    if (frame.set != set) return "of another set";
    if (frame.message.from != from) return "from another node than it says";
    return std::string(message_complaint(frame.view(), self, options.engine));
}

void RaftLog::receive(NodeId from, std::string_view bytes) {
    Parts& p = *parts_;
    if (!p.engine || p.failure) return;
    ++p.counters.frames_received;
    auto frame = decode_frame(bytes);
    const std::string wrong = frame ? p.complaint(from, *frame) : frame.error().detail;
    if (!wrong.empty()) {
        if (p.counters.frames_refused++ == 0) {
            log_line(LogLevel::warn,
                     "replication",
                     "event=frame-refused set=" + std::to_string(p.set.value) +
                         " from=" + std::to_string(from.value) + " why=\"" + wrong + "\"");
        }
        return;
    }
    p.silent.erase(from);
    if (frame->message.type == MessageType::snapshot && frame->message.term >= p.engine->term() &&
        frame->point.point.index > p.engine->commit() && frame->point.members.has(p.self)) {
        p.snapshots.offered(std::move(*frame));
        return;
    }
    if (p.inbox.size() >= p.options.inbox_frames_max ||
        p.inbox_bytes + bytes.size() > p.options.inbox_bytes_max) {
        ++p.counters.frames_dropped;
        return;
    }
    p.inbox_bytes += bytes.size();
    p.inbox.push_back(std::move(*frame));
}

}  // namespace penstock::replication
