#include "broker/node/settling.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

// An entry holds 512 bodies at most; one settlement alone may bring 356.
constexpr std::size_t outputs_per_command_max = 400;

void keep_tracked(TrackMode mode, std::vector<model::Attempt>& attempts) {
    if (mode == TrackMode::off) attempts.clear();
    if (mode != TrackMode::failures) return;
    std::erase_if(attempts, [](const model::Attempt& attempt) {
        return attempt.verdict == model::Verdict::accepted;
    });
}

template <class T>
void move_append(std::vector<T>& to, std::vector<T>&& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
}

std::size_t output_count(const api::Dispatch::Settlement& settlement) {
    std::size_t count = 0;
    for (const api::HandlerEffects& effects : settlement.effects) count += effects.outputs.size();
    return count;
}

// What the handler wanted is not possible: its message was handled in vain.
void refuse_item(api::Dispatch::Settlement& settlement,
                 std::size_t item,
                 const model::Refusal& why) {
    model::SettleItem& refused = settlement.items[item];
    refused.verdict = model::Verdict::retry;
    refused.failure = model::Failure::output_refused;
    refused.excerpt = why.subject.empty() ? why.detail : why.subject + ": " + why.detail;
    for (model::Attempt& attempt : settlement.attempts) {
        if (attempt.sequence != refused.sequence) continue;
        attempt.verdict = refused.verdict;
        attempt.failure = refused.failure;
        attempt.excerpt = refused.excerpt;
    }
}

}  // namespace

void Settling::add(api::Dispatch::Settlement settlement, Done done) {
    std::vector<Part>& parts = parts_[settlement.subscription];
    parts.push_back(Part{std::move(settlement), std::move(done)});
}

void Settling::submit() {
    for (auto& [subscription, parts] : std::exchange(parts_, {})) {
        Batch batch;
        batch.command.subscription = subscription;
        for (Part& part : parts) {
            const bool full = batch.command.items.size() + part.settlement.items.size() >
                                  model::attempts_per_settle_max ||
                              batch.outputs.bytes.size() + output_count(part.settlement) >
                                  outputs_per_command_max;
            if (full && !batch.shares.empty()) {
                submit(std::exchange(batch, {}));
                batch.command.subscription = subscription;
            }
            append(batch, std::move(part));
        }
        submit(std::move(batch));
    }
}

void Settling::append(Batch& batch, Part part) {
    const std::size_t first = batch.command.items.size();
    for (api::HandlerEffects& effects : std::exchange(part.settlement.effects, {})) {
        prepare(batch, part, std::move(effects));
    }
    batch.shares.push_back({first, part.settlement.items.size(), std::move(part.done)});
    move_append(batch.command.items, std::move(part.settlement.items));
    move_append(batch.attempts, std::move(part.settlement.attempts));
}

void Settling::prepare(Batch& batch, Part& part, api::HandlerEffects effects) {
    const std::size_t item = effects.item;
    model::HandlerCommit commit;
    commit.item = static_cast<std::uint32_t>(batch.command.items.size() + item);
    if (const auto refused = effects_.prepare(std::move(effects), commit, batch.outputs)) {
        return refuse_item(part.settlement, item, *refused);
    }
    batch.command.commits.push_back(std::move(commit));
}

void Settling::submit(Batch batch) {
    keep_tracked(track_, batch.attempts);
    model::Settle& command = batch.command;
    PreparedBodies bodies;
    if (!batch.attempts.empty()) {
        command.attempts_ordinal = 0;
        command.attempts_failed = static_cast<std::uint32_t>(std::count_if(
            batch.attempts.begin(), batch.attempts.end(), [](const model::Attempt& attempt) {
                return attempt.verdict != model::Verdict::accepted;
            }));
        bodies.bytes.push_back(model::encode_attempts(batch.attempts));
        const auto bytes = static_cast<std::uint32_t>(bodies.bytes.front().size());
        bodies.infos.push_back(model::BodyInfo{{}, bytes});
        for (model::HandlerCommit& commit : command.commits) {
            for (model::Output& output : commit.outputs) ++output.ordinal;
        }
    }
    move_append(bodies.bytes, std::move(batch.outputs.bytes));
    move_append(bodies.infos, std::move(batch.outputs.infos));
    // The items are looked at again when the command is applied.
    auto settled = std::make_shared<const std::vector<model::SettleItem>>(command.items);
    auto done = [this,
                 subscription = command.subscription,
                 settled,
                 shares = std::move(batch.shares)](const model::Reply& reply) {
        applied(subscription, *settled, shares, reply);
    };
    data_.submit(Submission{std::move(command), std::move(bodies), nullptr, std::move(done)});
}

void Settling::applied(model::SubscriptionNo subscription,
                       std::vector<model::SettleItem> items,
                       const std::vector<Share>& shares,
                       const model::Reply& reply) {
    const auto* settled = std::get_if<model::Settled>(&reply);
    std::vector<std::uint32_t> moved = settled ? settled->moved : std::vector<std::uint32_t>();
    for (const Share& share : shares) {
        api::Dispatch::Moved own;
        for (const std::uint32_t item : moved) {
            if (item >= share.first && item < share.first + share.count) {
                own.push_back(item - share.first);
            }
        }
        if (share.done) share.done(std::move(own));
    }
    // Those stay handed out: they are handled again.
    for (auto item = moved.rbegin(); item != moved.rend(); ++item) {
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(*item));
    }
    applied_(subscription, items, settled == nullptr);
}

}  // namespace penstock::node
