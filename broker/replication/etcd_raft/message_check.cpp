// R12: the core panics over messages that no honest peer sends; they never reach it.
#include "broker/replication/etcd_raft/engine.h"

#include <algorithm>

namespace penstock::replication {

namespace {

// Far beyond what a cluster reaches; what is above would overflow when counted on.
constexpr std::uint64_t term_max = 1ULL << 62;
constexpr LogIndex index_max = 1ULL << model::index_bits;
constexpr std::size_t entries_max = 1U << 18;  // an empty entry counts 6 bytes of message_bytes_max
constexpr std::uint32_t membership_bytes_max = 64;
constexpr std::size_t token_bytes = 24;
constexpr std::string_view transfer_mark = "CampaignTransfer";

bool is_heartbeat(MessageType type) {
    return type == MessageType::heartbeat || type == MessageType::heartbeat_answer;
}

bool is_answer(MessageType type) {
    return type == MessageType::append_answer || type == MessageType::vote_answer ||
           type == MessageType::heartbeat_answer || type == MessageType::pre_vote_answer;
}

bool context_fits(const Message& message) {
    if (message.context.empty()) return true;
    if (is_heartbeat(message.type)) return message.context.size() == token_bytes;
    return message.type == MessageType::vote && message.context == transfer_mark;
}

std::string_view entry_complaint(const RaftEntry& entry, const EngineOptions& options) {
    if (entry.kind != EntryKind::normal && entry.kind != EntryKind::membership)
        return "an entry of an unknown kind";
    if (entry.kind == EntryKind::membership &&
        (entry.bytes == 0 || entry.bytes > membership_bytes_max))
        return "a membership entry of an impossible length";
    if (entry.bytes > options.payload_bytes_max) return "an entry that is too long";
    if (entry.on_disk()) return "an entry without its payload";
    return {};
}

std::string_view entries_complaint(const Message& message, const EngineOptions& options) {
    if (message.entries.empty()) return {};
    if (message.type != MessageType::append) return "entries where none belong";
    if (message.entries.size() > entries_max) return "too many entries";
    LogIndex index = message.index;
    std::uint64_t term = message.log_term;
    for (const RaftEntry& entry : message.entries) {
        if (entry.index != ++index) return "entries that do not follow each other";
        if (entry.term == 0 || entry.term < term || entry.term > message.term)
            return "an entry of an impossible term";
        term = entry.term;
        const auto complaint = entry_complaint(entry, options);
        if (!complaint.empty()) return complaint;
    }
    return {};
}

std::string_view snapshot_complaint(const Message& message) {
    const bool belongs = message.type == MessageType::snapshot;
    if ((message.snapshot != nullptr) != belongs) return "a snapshot missing or out of place";
    if (!belongs) return {};
    const auto& [point, members] = *message.snapshot;
    if (point.index == 0 || point.index > index_max || point.term == 0 || point.term > message.term)
        return "a snapshot of an impossible place";
    if (!well_formed(members) || members.voters.empty()) return "a snapshot of impossible members";
    return {};
}

}  // namespace

std::string_view message_complaint(const Message& message,
                                   NodeId node,
                                   const EngineOptions& options) {
    if (!is_known(message.type)) return "an unknown type";
    if (message.to != node) return "meant for another node";
    if (message.from == NodeId{} || message.from == node) return "from an impossible sender";
    if (message.term == 0 || message.term > term_max) return "an impossible term";
    if (message.log_term > message.term && !is_answer(message.type))
        return "a log newer than its term";
    if (std::max({message.index, message.commit, message.reject_hint}) > index_max)
        return "an impossible index";
    if (message.reject && !is_answer(message.type)) return "a refusal that answers nothing";
    if (!context_fits(message)) return "a context that does not belong";
    const auto complaint = entries_complaint(message, options);
    return complaint.empty() ? snapshot_complaint(message) : complaint;
}

}  // namespace penstock::replication
