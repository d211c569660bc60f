// What a Pair does with the transactional messages of its queues: it is their producer, and whoever
// asks producers.
#include "tests/reference/pair.h"

#include <algorithm>
#include <sstream>

namespace penstock::reference {

void Pair::make_transactions(std::size_t queue) {
    TransactionModel::Policy policy;
    policy.retention_s = model(queue).attributes().retention_s;
    transactions_.emplace(queue, policy);
}

void Pair::prepare(const Step& step) {
    api::SendMessages request = new_messages(step);
    request.transaction = true;
    request.first_query_s = step.first_query_s();
    if (!takes_transactions(step.queue)) {
        return ask_in_vain(request, "any queue takes transactions");
    }
    if (power_) request.dedup_key = request.messages.front().payload;
    const auto answer = carry_out(request);
    if (!answer || answer->ids.size() != request.messages.size()) {
        return complain("a prepare fails");
    }
    for (std::size_t at = 0; at < request.messages.size(); ++at) {
        const model::NewMessage& message = request.messages[at];
        transactions_.at(step.queue)
            .prepare(answer->ids[at],
                     {message.payload, message.meta.ordering_key},
                     request.first_query_s,
                     now());
        prepared_[step.queue].push_back(answer->ids[at]);
    }
}

// Up to three of those prepared lately, whatever became of them, or one that never was.
std::vector<MessageId> Pair::prepared(const Step& step) const {
    constexpr std::size_t lately = 16;
    const auto found = prepared_.find(step.queue);
    if (found == prepared_.end() || step.number % 20 == 0) return {MessageId{step.number}};
    const std::vector<MessageId>& sent = found->second;
    const std::size_t last = sent.size() - 1 - step.number % std::min(sent.size(), lately);
    const std::size_t count = std::min<std::size_t>(last + 1, 1 + step.other % 3);
    return {sent.begin() + static_cast<std::ptrdiff_t>(last + 1 - count),
            sent.begin() + static_cast<std::ptrdiff_t>(last + 1)};
}

void Pair::confirm(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    api::ConfirmTransactions request;
    request.queue = name;
    for (const MessageId id : prepared(step)) request.items.push_back({id, step.commits()});
    if (!takes_transactions(step.queue)) {
        return ask_in_vain(request, "a transaction of any queue is confirmed");
    }
    const auto answer = carry_out(request);
    if (!answer) return complain("a confirmation fails: " + answer.error().detail);
    std::vector<model::ConfirmResult> meant;
    for (const auto& item : request.items) {
        auto confirmed = transactions_.at(step.queue).confirm(item.message, item.commit, now());
        meant.push_back(confirmed.result);
        if (!confirmed.committed) continue;
        auto& [body, key] = *confirmed.committed;
        model(step.queue).arrive(item.message, std::move(body), now(), std::move(key));
    }
    if (answer->results != meant) {
        complain("confirmed in " + name + ": it should be told otherwise");
    }
}

// Where the answer was not heard, all that is due is taken: what is missing then was taken before.
void Pair::check(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    const api::TakeChecks request{name, step.checks_max(), 0};
    if (!takes_transactions(step.queue)) {
        return ask_in_vain(request, "any queue has transactions to be asked about");
    }
    TransactionModel& transactions = transactions_.at(step.queue);
    const auto heard = ask_once(request);
    const std::uint32_t max = heard ? request.max : model::checks_taken_max;
    const auto taken = taken_by(heard ? *heard : node_.ask(api::TakeChecks{name, max, 0}));
    if (!heard && taken.size() != transactions.due(now())) transactions.take(request.max, now());
    if (taken != transactions.take(max, now())) {
        complain("other checks are taken in " + name + " than are due");
    }
}

std::vector<model::TransactionCheck> Pair::taken_by(const api::Outcome<api::TakenChecks>& answer) {
    if (answer) return answer->items;
    complain("checks are not taken: " + answer.error().detail);
    return {};
}

void Pair::set_transactions(const Step& step, api::QueueChange& change) {
    TransactionModel& transactions = transactions_.at(step.queue);
    TransactionModel::Policy policy = transactions.policy();
    policy.first_query_s = static_cast<std::uint32_t>(2 + step.number % 15);
    policy.queries_max = static_cast<std::uint32_t>(1 + step.other % 4);
    change.first_query_s = policy.first_query_s;
    change.queries_max = policy.queries_max;
    transactions.set(policy, now());
}

void Pair::compare_transactions(std::size_t queue, const api::QueueView& view) {
    const TransactionModel::Totals meant = transactions_.at(queue).totals(now());
    const TransactionModel::Totals shown{
        view.prepared, view.committed, view.rolled_back, view.unconfirmed};
    if (shown == meant) return;
    std::ostringstream what;
    what << queue_names.at(queue) << " shows prepared " << shown.prepared << ", committed "
         << shown.committed << ", rolled back " << shown.rolled_back << ", unconfirmed "
         << shown.unconfirmed << "; meant are " << meant.prepared << ", " << meant.committed << ", "
         << meant.rolled_back << ", " << meant.unconfirmed;
    complain(what.str());
}

}  // namespace penstock::reference
