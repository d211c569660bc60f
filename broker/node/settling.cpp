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
// What more handlers' effects may weigh, so that entries stay small.
constexpr std::size_t kv_rows_per_command_max = 2'000;
constexpr std::size_t effect_bytes_per_command_max = 2U << 20;

void keep_tracked(TrackMode mode, std::vector<model::Attempt>& attempts) {
    if (mode == TrackMode::off) attempts.clear();
    if (mode != TrackMode::failures) return;
    std::erase_if(attempts,
                  [](const model::Attempt& attempt) { return model::ends_well(attempt.verdict); });
}

template <class T>
void move_append(std::vector<T>& to, std::vector<T>&& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
}

struct Load {
    std::size_t items = 0;
    std::size_t outputs = 0;
    std::size_t kv_rows = 0;
    std::size_t bytes = 0;

    void add(const Load& more) {
        items += more.items;
        outputs += more.outputs;
        kv_rows += more.kv_rows;
        bytes += more.bytes;
    }

    [[nodiscard]] bool too_much() const {
        return items > model::attempts_per_settle_max || outputs > outputs_per_command_max ||
               kv_rows > kv_rows_per_command_max || bytes > effect_bytes_per_command_max;
    }
};

Load load_of(const api::Dispatch::Settlement& settlement) {
    Load load;
    load.items = settlement.items.size();
    for (const api::HandlerEffects& effects : settlement.effects) {
        load.outputs += effects.outputs.size();
        load.kv_rows += effects.writes.size() + effects.reads.size();
        for (const auto& output : effects.outputs) load.bytes += output.message.payload.size();
        for (const auto& write : effects.writes)
            load.bytes += write.key.size() + write.value.size();
        for (const auto& read : effects.reads) load.bytes += read.key.size();
    }
    return load;
}

// What the handler wanted is not possible: its message was handled in vain.
void refuse_item(api::Dispatch::Settlement& settlement,
                 std::size_t item,
                 const model::Refusal& why) {
    model::SettleItem& refused = settlement.items[item];
    const bool unsealed = why.reason == model::Reason::unavailable;
    if (why.reason == model::Reason::disk_full || unsealed) {
        // Not its fault: it comes again once there is space, or the key service answers, and is not
        // counted.
        refused.verdict = model::Verdict::not_attempted;
        refused.failure = unsealed ? model::Failure::sealed : model::Failure::exhausted_resources;
        refused.excerpt = why.detail;
        std::erase_if(settlement.attempts, [&refused](const model::Attempt& attempt) {
            return attempt.sequence == refused.sequence;
        });
        return;
    }
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

// Those of `items` that belong to the share, as its settlement counts them.
void add_share(const std::vector<std::uint32_t>& items,
               std::size_t first,
               std::size_t count,
               std::vector<std::size_t>& own) {
    for (const std::uint32_t item : items) {
        if (item >= first && item < first + count) own.push_back(item - first);
    }
}

}  // namespace

void Settling::add(api::Dispatch::Settlement settlement, Done done) {
    std::vector<Part>& parts = parts_[settlement.subscription];
    parts.push_back(Part{std::move(settlement), std::move(done), {}});
}

void Settling::submit() {
    for (auto& [subscription, parts] : std::exchange(parts_, {})) {
        Batch batch;
        Load load;
        batch.command.subscription = subscription;
        for (Part& part : parts) {
            const Load more = load_of(part.settlement);
            load.add(more);
            if (load.too_much() && !batch.shares.empty()) {
                submit(std::exchange(batch, {}));
                batch.command.subscription = subscription;
                load = more;
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
    batch.shares.push_back(
        {first, part.settlement.items.size(), std::move(part.done), std::move(part.refused)});
    move_append(batch.command.items, std::move(part.settlement.items));
    move_append(batch.attempts, std::move(part.settlement.attempts));
}

void Settling::prepare(Batch& batch, Part& part, api::HandlerEffects effects) {
    const std::size_t item = effects.item;
    model::HandlerCommit commit;
    commit.item = static_cast<std::uint32_t>(batch.command.items.size() + item);
    const model::SubscriptionNo subscription = part.settlement.subscription;
    if (const auto refused =
            effects_.prepare(std::move(effects), subscription, commit, batch.outputs)) {
        part.refused.push_back(item);
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
                return !model::ends_well(attempt.verdict);
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
    const model::Settled ended = settled ? *settled : model::Settled{};
    for (const Share& share : shares) {
        api::Dispatch::Settled own{{}, share.refused};
        add_share(ended.moved, share.first, share.count, own.moved);
        add_share(ended.refused, share.first, share.count, own.refused);
        if (share.done) share.done(std::move(own));
    }
    // Those that moved stay handed out: they are handled again.
    for (auto item = ended.moved.rbegin(); item != ended.moved.rend(); ++item) {
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(*item));
    }
    applied_(subscription, items, settled == nullptr);
}

}  // namespace penstock::node
