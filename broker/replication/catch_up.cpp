#include "broker/replication/catch_up.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

WaitingAppend kept(const Message& message) {
    WaitingAppend out;
    out.message = message;
    out.message.entries = {};
    out.entries.assign(message.entries.begin(), message.entries.end());
    for (RaftEntry& entry : out.entries) {
        if (entry.bytes == 0 || entry.on_disk()) continue;
        if (entry.kind == EntryKind::membership) {
            out.payloads.push_back(std::make_shared<const Payload>(std::string(entry.text())));
            entry.payload = out.payloads.back()->bytes.data();
        } else {
            out.payloads.push_back(static_cast<const Payload*>(entry.payload)->shared_from_this());
        }
    }
    return out;
}

}  // namespace

Message WaitingAppend::view() const {
    Message out = message;
    out.entries = entries;
    return out;
}

bool CatchUp::full(NodeId peer) const {
    const auto sent = sent_.find(peer);
    return sent != sent_.end() && sent->second.bytes >= unconfirmed_bytes_max_;
}

void CatchUp::tick() {
    std::vector<NodeId> lost;
    for (auto& [peer, sent] : sent_) {
        if (++sent.ticks >= unconfirmed_ticks_max_) lost.push_back(peer);
    }
    for (const NodeId peer : lost) forget(peer);
}

bool CatchUp::holds_back(const Message& message) {
    if (message.type != MessageType::append) return false;
    const bool reads = std::any_of(message.entries.begin(),
                                   message.entries.end(),
                                   [](const RaftEntry& entry) { return entry.on_disk(); });
    const auto found = waiting_.find(message.to);
    const bool may_read = left_ > 0 && !full(message.to);
    if (found == waiting_.end() && (!reads || may_read)) return false;
    waiting_[message.to].push_back(kept(message));
    return true;
}

void CatchUp::read(NodeId to, LogIndex last, std::uint64_t bytes) {
    left_ -= std::min(bytes, left_);
    Sent& sent = sent_[to];
    sent.bytes += bytes;
    sent.parts.emplace_back(last, bytes);
}

void CatchUp::confirmed(NodeId peer, LogIndex match, bool probed) {
    const auto found = sent_.find(peer);
    if (found == sent_.end()) return;
    auto& [bytes, ticks, parts] = found->second;
    while (!parts.empty() && (probed || parts.front().first <= match)) {
        bytes -= parts.front().second;
        ticks = 0;
        parts.pop_front();
    }
    if (parts.empty()) sent_.erase(found);
}

std::optional<WaitingAppend> CatchUp::next() {
    if (left_ == 0 || waiting_.empty()) return std::nullopt;
    auto found = waiting_.upper_bound(last_);
    for (std::size_t tried = 0; tried < waiting_.size(); ++tried, ++found) {
        if (found == waiting_.end()) found = waiting_.begin();
        if (full(found->first)) continue;
        last_ = found->first;
        WaitingAppend out = std::move(found->second.front());
        found->second.pop_front();
        if (found->second.empty()) waiting_.erase(found);
        return out;
    }
    return std::nullopt;
}

bool CatchUp::waiting() const {
    return std::any_of(
        waiting_.begin(), waiting_.end(), [&](const auto& each) { return !full(each.first); });
}

void CatchUp::forget(NodeId peer) {
    waiting_.erase(peer);
    sent_.erase(peer);
}

void CatchUp::forget_all() {
    waiting_.clear();
    sent_.clear();
}

}  // namespace penstock::replication
