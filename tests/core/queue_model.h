// QueueModel: what one queue promises, in plain containers and nothing else: the reference random
// workloads are compared with. Owned by one test, one thread.
#pragma once

#include "broker/model/command.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class QueueModel {
  public:
    QueueModel(std::uint64_t messages_max, model::TimeMs visibility_ms, bool ordered)
        : messages_max_(messages_max), visibility_ms_(visibility_ms), ordered_(ordered) {}

    // With each id its ordering key.
    [[nodiscard]] bool send(const std::vector<std::pair<model::MessageId, std::string>>& ids,
                            model::TimeMs delay_ms,
                            model::TimeMs now_ms) {
        if (messages_.size() + ids.size() > messages_max_) return false;
        for (const auto& [id, key] : ids) {
            Message message;
            message.key = key;
            message.visible_ms = now_ms + delay_ms;
            if (delay_ms == 0)
                message.sequence = ++sequences_;
            else
                message.delayed = true;
            messages_.emplace(id, message);
        }
        return true;
    }

    // What a lease of at most `count` gives, in order.
    std::vector<model::MessageId> lease(std::uint32_t count, model::TimeMs now_ms) {
        std::vector<std::pair<std::uint64_t, model::MessageId>> visible;
        for (const auto& [id, message] : messages_) {
            if (!message.delayed && message.visible_ms <= now_ms && !waits(message))
                visible.emplace_back(message.sequence, id);
        }
        std::sort(visible.begin(), visible.end());
        if (visible.size() > count) visible.resize(count);
        std::vector<model::MessageId> ids;
        for (const auto& [sequence, id] : visible) {
            Message& message = messages_.at(id);
            message.visible_ms = now_ms + visibility_ms_;
            ++message.receives;
            message.receipt.reset();
            ids.push_back(id);
        }
        return ids;
    }

    void leased(model::MessageId id, model::Receipt receipt) { messages_.at(id).receipt = receipt; }

    // Whether the receipt was valid.
    bool remove(model::Receipt receipt, model::TimeMs now_ms) {
        const auto found = holder(receipt, now_ms);
        if (!found) return false;
        messages_.erase(*found);
        return true;
    }

    bool change_visibility(model::Receipt receipt, model::TimeMs pause_ms, model::TimeMs now_ms) {
        const auto found = holder(receipt, now_ms);
        if (!found) return false;
        Message& message = messages_.at(*found);
        message.visible_ms = now_ms + pause_ms;
        if (pause_ms == 0) message.receipt.reset();
        return true;
    }

    void clear() { messages_.clear(); }

    // Delays that end join the queue in the order of their ends, then of their sends.
    void pass_to(model::TimeMs now_ms) {
        std::vector<std::pair<model::TimeMs, model::MessageId>> due;
        for (const auto& [id, message] : messages_) {
            if (message.delayed && message.visible_ms <= now_ms)
                due.emplace_back(message.visible_ms, id);
        }
        std::sort(due.begin(), due.end());
        for (const auto& [when, id] : due) {
            messages_.at(id).delayed = false;
            messages_.at(id).sequence = ++sequences_;
        }
    }

    // Whether a lease would give anything.
    [[nodiscard]] bool any(model::TimeMs now_ms) const {
        return std::any_of(messages_.begin(), messages_.end(), [&](const auto& entry) {
            const Message& message = entry.second;
            return !message.delayed && message.visible_ms <= now_ms && !waits(message);
        });
    }

    struct Counts {
        std::uint64_t active = 0;
        std::uint64_t inactive = 0;
        std::uint64_t delayed = 0;
    };

    [[nodiscard]] Counts counts(model::TimeMs now_ms) const {
        Counts counts;
        for (const auto& [id, message] : messages_) {
            if (message.delayed)
                ++counts.delayed;
            else if (message.visible_ms <= now_ms)
                ++counts.active;
            else
                ++counts.inactive;
        }
        return counts;
    }

    [[nodiscard]] std::uint32_t receives(model::MessageId id) const {
        return messages_.at(id).receives;
    }

    [[nodiscard]] std::size_t size() const { return messages_.size(); }

  private:
    struct Message {
        std::string key;
        std::uint64_t sequence = 0;
        bool delayed = false;
        model::TimeMs visible_ms = 0;
        std::uint32_t receives = 0;
        std::optional<model::Receipt> receipt;
    };

    // Where order is kept: an earlier one of its key is still there.
    [[nodiscard]] bool waits(const Message& message) const {
        if (!ordered_) return false;
        return std::any_of(messages_.begin(), messages_.end(), [&](const auto& entry) {
            const Message& other = entry.second;
            return !other.delayed && other.key == message.key && other.sequence < message.sequence;
        });
    }

    [[nodiscard]] std::optional<model::MessageId> holder(model::Receipt receipt,
                                                         model::TimeMs now_ms) const {
        for (const auto& [id, message] : messages_) {
            if (message.receipt == receipt && message.visible_ms > now_ms) return id;
        }
        return {};
    }

    std::uint64_t messages_max_;
    model::TimeMs visibility_ms_;
    bool ordered_;
    std::uint64_t sequences_ = 0;
    std::map<model::MessageId, Message> messages_;
};

}  // namespace penstock::testing
