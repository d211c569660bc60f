#include "tests/reference/transaction_model.h"

#include <algorithm>
#include <utility>

namespace penstock::reference {

namespace {

constexpr TimeMs ms_per_s = 1'000;
constexpr TimeMs end_known_ms = 600 * ms_per_s;
constexpr TimeMs late_ms = 20;  // two turns' lateness

}  // namespace

void TransactionModel::end(Message& message, Stage stage, TimeMs at_ms) {
    message.stage = stage;
    message.ended_ms = at_ms;
    ++(stage == Stage::committed     ? ended_.committed
       : stage == Stage::rolled_back ? ended_.rolled_back
                                     : ended_.unconfirmed);
}

void TransactionModel::pass_to(TimeMs now_ms) {
    for (auto at = messages_.begin(); at != messages_.end();) {
        Message& message = at->second;
        const bool due = message.stage == Stage::waiting && message.due_ms <= now_ms;
        const bool asked_enough = message.checks >= policy_.queries_max;
        const TimeMs old_ms = message.sent_ms + policy_.retention_s * ms_per_s;
        if (due && asked_enough) {
            end(message, Stage::unconfirmed, std::min(message.due_ms, old_ms));
        } else if (message.is_open() && old_ms <= now_ms) {
            end(message, Stage::unconfirmed, old_ms);
        } else if (due) {
            message.stage = Stage::asking;
        }
        const bool forgotten = message.ended_ms + end_known_ms + late_ms < now_ms;
        at = !message.is_open() && forgotten ? messages_.erase(at) : std::next(at);
    }
}

void TransactionModel::set(Policy policy, TimeMs now_ms) {
    pass_to(now_ms);
    policy_ = policy;
}

void TransactionModel::prepare(MessageId id,
                               Prepared message,
                               std::uint32_t first_query_s,
                               TimeMs now_ms) {
    Message prepared;
    prepared.prepared = std::move(message);
    prepared.sent_ms = now_ms;
    prepared.interval_ms = (first_query_s == 0 ? policy_.first_query_s : first_query_s) * ms_per_s;
    prepared.due_ms = now_ms + prepared.interval_ms;
    messages_.insert_or_assign(id, std::move(prepared));
}

TransactionModel::Confirmed TransactionModel::confirm(MessageId id, bool commit, TimeMs now_ms) {
    pass_to(now_ms);
    const auto found = messages_.find(id);
    if (found == messages_.end()) return {model::ConfirmResult::unknown, {}};
    Message& message = found->second;
    if (message.is_open()) {
        end(message, commit ? Stage::committed : Stage::rolled_back, now_ms);
        if (!commit) return {model::ConfirmResult::done, {}};
        return {model::ConfirmResult::done, message.prepared};
    }
    if (message.ended_ms + end_known_ms <= now_ms) return {model::ConfirmResult::unknown, {}};
    const bool as_before = (message.stage == Stage::committed) == commit;
    return {as_before ? model::ConfirmResult::done : model::ConfirmResult::otherwise, {}};
}

std::vector<model::TransactionCheck> TransactionModel::take(std::size_t max, TimeMs now_ms) {
    pass_to(now_ms);
    std::vector<model::TransactionCheck> taken;
    for (auto& [id, message] : messages_) {
        if (taken.size() == max || message.stage != Stage::asking) continue;
        message.stage = Stage::waiting;
        message.due_ms = now_ms + message.interval_ms;
        taken.push_back({id, ++message.checks});
    }
    return taken;
}

std::size_t TransactionModel::due(TimeMs now_ms) {
    pass_to(now_ms);
    return static_cast<std::size_t>(
        std::count_if(messages_.begin(), messages_.end(), [](const auto& one) {
            return one.second.stage == Stage::asking;
        }));
}

void TransactionModel::clear(TimeMs now_ms) {
    pass_to(now_ms);
    messages_.clear();
}

TransactionModel::Totals TransactionModel::totals(TimeMs now_ms) {
    pass_to(now_ms);
    Totals totals = ended_;
    for (const auto& [id, message] : messages_) totals.prepared += message.is_open() ? 1 : 0;
    return totals;
}

bool TransactionModel::is_unsure(TimeMs now_ms) const {
    return std::any_of(messages_.begin(), messages_.end(), [now_ms](const auto& one) {
        const Message& message = one.second;
        const TimeMs forgotten_ms = message.ended_ms + end_known_ms;
        return !message.is_open() && forgotten_ms <= now_ms && now_ms - forgotten_ms <= late_ms;
    });
}

}  // namespace penstock::reference
