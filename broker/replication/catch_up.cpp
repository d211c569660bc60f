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

bool CatchUp::holds_back(const Message& message) {
    if (message.type != MessageType::append) return false;
    const bool reads = std::any_of(message.entries.begin(),
                                   message.entries.end(),
                                   [](const RaftEntry& entry) { return entry.on_disk(); });
    const auto found = waiting_.find(message.to);
    if (found == waiting_.end() && (!reads || left_ > 0)) return false;
    waiting_[message.to].push_back(kept(message));
    return true;
}

std::optional<WaitingAppend> CatchUp::next() {
    if (left_ == 0 || waiting_.empty()) return std::nullopt;
    auto found = waiting_.upper_bound(last_);
    if (found == waiting_.end()) found = waiting_.begin();
    last_ = found->first;
    WaitingAppend out = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) waiting_.erase(found);
    return out;
}

}  // namespace penstock::replication
