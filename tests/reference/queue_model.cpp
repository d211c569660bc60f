#include "tests/reference/queue_model.h"

#include <algorithm>
#include <set>
#include <utility>

namespace penstock::reference {

namespace {

constexpr TimeMs ms_per_s = 1'000;
constexpr TimeMs looked_at_every_ms = 1'020;  // a second, and two turns' lateness

}  // namespace

TimeMs QueueModel::kept_ms(const Message& message) const {
    const std::uint32_t kept_s = message.deleted
                                     ? std::min(attributes_.rewind_s, attributes_.retention_s)
                                     : attributes_.retention_s;
    return kept_s * ms_per_s;
}

bool QueueModel::is_unsure(TimeMs now_ms) const {
    const auto just_over = [now_ms](TimeMs end_ms) {
        return end_ms <= now_ms && now_ms - end_ms <= looked_at_every_ms;
    };
    return std::any_of(messages_.begin(), messages_.end(), [&](const auto& one) {
        const Message& message = one.second;
        const TimeMs old_ms = message.due_ms + kept_ms(message);
        const bool leased_longer = !message.deleted && message.leased_until_ms > old_ms;
        return just_over(old_ms) || (leased_longer && just_over(message.leased_until_ms));
    });
}

bool QueueModel::is_expired(const Message& message, TimeMs now_ms) const {
    return message.expired || now_ms - message.due_ms >= kept_ms(message);
}

State QueueModel::state(const Message& message, TimeMs now_ms) const {
    const bool leased = !message.deleted && message.leased_until_ms > now_ms;
    if (is_expired(message, now_ms) && !leased) return State::gone;
    if (message.deleted) return State::deleted;
    if (message.due_ms > now_ms) return State::delayed;
    return leased ? State::inactive : State::active;
}

void QueueModel::set(Attributes attributes, TimeMs now_ms) {
    // What is too old does not become younger by a longer retention.
    const auto age = [&] {
        for (auto& [id, message] : messages_) message.expired = is_expired(message, now_ms);
    };
    age();
    attributes_ = std::move(attributes);
    age();
}

void QueueModel::send(
    MessageId id, std::string body, std::string key, std::uint32_t delay_s, TimeMs now_ms) {
    arrive(id, std::move(body), now_ms + delay_s * ms_per_s, std::move(key));
}

void QueueModel::arrive(MessageId id, std::string body, TimeMs due_ms, std::string key) {
    Message message;
    message.body = std::move(body);
    message.key = std::move(key);
    message.number = ++last_number_;
    message.due_ms = due_ms;
    messages_.insert_or_assign(id, std::move(message));
}

std::optional<std::string> QueueModel::receive(std::uint32_t messages_max,
                                               std::uint32_t visibility_s,
                                               const std::vector<Given>& given,
                                               TimeMs now_ms) {
    const auto [surely, perhaps] = receivable(now_ms);
    const std::size_t most = surely.size() + perhaps.size();
    if (given.size() < std::min<std::size_t>(messages_max, surely.size()) ||
        given.size() > std::min<std::size_t>(messages_max, most)) {
        return "it gives " + std::to_string(given.size()) + " messages, " +
               std::to_string(surely.size()) + " can be received and " +
               std::to_string(messages_max) + " are asked for";
    }
    const std::uint32_t lease_s = visibility_s == 0 ? attributes_.visibility_s : visibility_s;
    std::set<MessageId> twice;
    for (const Given& one : given) {
        const auto found = messages_.find(one.id);
        if (found == messages_.end()) return "it gives what is not there: " + one.body;
        Message& message = found->second;
        if (!twice.insert(one.id).second) return "it gives one message twice: " + one.body;
        if (state(message, now_ms) != State::active) return "it is not active: " + one.body;
        if (!surely.contains(one.id) && !perhaps.contains(one.id)) {
            return "another one of its key comes before it: " + one.body;
        }
        if (message.body != one.body) return "a body has become another: " + one.body;
        if (one.receives != message.receives + 1) {
            return one.body + " was received " + std::to_string(message.receives) +
                   " times before, the answer says the " + std::to_string(one.receives) + ".";
        }
        if (one.next_visible_ms != now_ms + lease_s * ms_per_s) {
            return one.body + " is leased for another time than asked for";
        }
        if (one.receipt == message.receipt) return "a receipt is given twice: " + one.body;
        message.receipt = one.receipt;
        message.leased_until_ms = one.next_visible_ms;
        ++message.receives;
    }
    return {};
}

QueueModel::Receivable QueueModel::receivable(TimeMs now_ms) const {
    std::map<std::pair<TimeMs, std::uint64_t>, MessageId> by_place;
    for (const auto& [id, message] : messages_) {
        const State is = state(message, now_ms);
        if (is == State::active || is == State::inactive) {
            by_place.emplace(std::pair(message.due_ms, message.number), id);
        }
    }
    Receivable found;
    std::set<std::string> held;
    std::set<std::string> held_perhaps;
    for (const auto& [place, id] : by_place) {
        const Message& message = messages_.at(id);
        const bool behind = attributes_.ordered && held.contains(message.key);
        if (!behind && state(message, now_ms) == State::active) {
            const bool unsure = attributes_.ordered && held_perhaps.contains(message.key);
            (unsure ? found.perhaps : found.surely).insert(id);
        }
        (is_expired(message, now_ms) ? held_perhaps : held).insert(message.key);
    }
    return found;
}

void QueueModel::lose(const std::set<MessageId>& leased,
                      std::uint32_t visibility_s,
                      TimeMs now_ms) {
    const std::uint32_t lease_s = visibility_s == 0 ? attributes_.visibility_s : visibility_s;
    for (const MessageId id : leased) {
        Message& message = messages_.at(id);
        message.receipt = {};
        message.leased_until_ms = now_ms + lease_s * ms_per_s;
        ++message.receives;
    }
}

QueueModel::Message* QueueModel::leased(Receipt receipt, TimeMs now_ms) {
    for (auto& [id, message] : messages_) {
        const bool its = message.receipt == receipt && receipt != Receipt{};
        if (its && state(message, now_ms) == State::inactive) return &message;
    }
    return nullptr;
}

bool QueueModel::remove(Receipt receipt, TimeMs now_ms) {
    Message* message = leased(receipt, now_ms);
    if (message == nullptr) return false;
    message->deleted = true;
    return true;
}

bool QueueModel::change_visibility(Receipt receipt, std::uint32_t visibility_s, TimeMs now_ms) {
    Message* message = leased(receipt, now_ms);
    if (message == nullptr) return false;
    message->leased_until_ms = now_ms + visibility_s * ms_per_s;
    return true;
}

TimeMs QueueModel::oldest_unconsumed(TimeMs now_ms) const {
    TimeMs oldest_ms = now_ms;
    for (const auto& [id, message] : messages_) {
        const State is = state(message, now_ms);
        // What outlives its retention with a receiver is not waited for.
        const bool consumed = is == State::deleted || is_expired(message, now_ms);
        if (!consumed && is != State::delayed) oldest_ms = std::min(oldest_ms, message.due_ms);
    }
    return oldest_ms;
}

bool QueueModel::rewind(TimeMs to_ms, TimeMs now_ms) {
    if (attributes_.rewind_s == 0) return false;
    if (to_ms < now_ms - attributes_.rewind_s * ms_per_s) return false;
    if (to_ms > oldest_unconsumed(now_ms)) return false;
    for (auto& [id, message] : messages_) {
        const State is = state(message, now_ms);
        if (is_expired(message, now_ms)) message.leased_until_ms = 0;
        if (message.due_ms < to_ms || is == State::delayed || is == State::gone) continue;
        message.deleted = false;
        message.leased_until_ms = 0;
        message.receives = 0;
    }
    return true;
}

QueueModel::Died QueueModel::take_dead(TimeMs now_ms) {
    Died died;
    if (attributes_.dead_letter_queue.empty()) return died;
    for (auto at = messages_.begin(); at != messages_.end();) {
        const Message& message = at->second;
        const bool back = !message.deleted && message.leased_until_ms <= now_ms &&
                          message.receives >= attributes_.max_receives;
        if (!back) {
            ++at;
            continue;
        }
        const bool active = state(message, now_ms) == State::active;
        (active ? died.certainly : died.perhaps).push_back(message.body);
        at = messages_.erase(at);
    }
    return died;
}

Counts QueueModel::counts(TimeMs now_ms) const {
    Counts counts;
    for (const auto& [id, message] : messages_) {
        switch (state(message, now_ms)) {
            case State::delayed:
                ++counts.delayed;
                break;
            case State::active:
                ++counts.active;
                break;
            case State::inactive:
                ++counts.inactive;
                break;
            case State::deleted:
                ++counts.rewindable;
                break;
            case State::gone:
                break;
        }
    }
    return counts;
}

}  // namespace penstock::reference
