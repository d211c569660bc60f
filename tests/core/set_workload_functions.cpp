// The part of the random workload that concerns functions: scripts, and what handlers want.
#include "tests/core/function_commands.h"
#include "tests/core/set_workload.h"

namespace penstock::testing {

namespace {

constexpr std::uint64_t kv_keys = 4;

std::string kv_key(std::uint64_t at) {
    return "key-" + std::to_string(at);
}

}  // namespace

model::Script SetWorkload::any_script() {
    model::Script script;
    script.role = static_cast<model::ScriptRole>(1 + below(3));
    script.code = std::string(1 + below(40), 'x');
    return script;
}

void SetWorkload::add_function_command(Batch& batch) {
    const model::SubscriptionNo subscription = any_subscription();
    switch (below(5)) {
        case 0:
            batch.commands.emplace_back(model::DisableSubscription{subscription, "it is broken"});
            return;
        case 1:
            batch.commands.emplace_back(
                model::ActivateScript{subscription,
                                      static_cast<model::ScriptRole>(1 + below(3)),
                                      static_cast<std::uint32_t>(below(4))});
            return;
        default: {
            // Now and then as many as make older ones go.
            const std::uint64_t count = chance(8) ? 10 : 1;
            const model::Script script = any_script();
            for (std::uint64_t at = 0; at < count; ++at) {
                batch.commands.emplace_back(model::DeployScript{subscription, script});
            }
        }
    }
}

model::Output SetWorkload::any_output(Batch& batch) {
    const std::uint64_t delay_ms = chance(4) ? 1 + below(9'000) : 0;
    const std::uint32_t ordinal = add_bodies(batch, 1);
    if (chance(20)) return to_queue(model::QueueNo{99}, ordinal);
    if (chance(2)) return to_queue(any_queue(), ordinal, delay_ms);
    return to_topic(any_topic(), ordinal, delay_ms);
}

model::KvWrite SetWorkload::any_write() {
    const std::string key = kv_key(below(kv_keys));
    const std::uint64_t ttl_ms = chance(2) ? 1 + below(20'000) : 0;
    switch (below(6)) {
        case 0:
            return kv_erase(key);
        case 1:
            return kv_put(key, std::string(below(30), 'v'), ttl_ms);
        case 2:
            return kv_put(key, std::to_string(below(100)), ttl_ms);
        default:
            return kv_add(key, static_cast<std::int64_t>(below(10)) - 3, ttl_ms);
    }
}

std::size_t SetWorkload::refused_outputs() const {
    std::size_t refused = 0;
    for (const model::SubscriptionNo subscription : core::all_subscriptions(driver_.rows())) {
        for (const auto& one : core::waiting_deliveries(driver_.rows(), subscription, 0, 1'000)) {
            if (one.failure == model::Failure::output_refused) ++refused;
        }
    }
    return refused;
}

std::size_t SetWorkload::kv_rows() const {
    std::size_t rows = 0;
    driver_.rows().scan("n", "o", [&](auto, auto) { return ++rows > 0; });
    return rows;
}

void SetWorkload::add_commits(Batch& batch, model::Settle& settle) {
    for (std::uint32_t item = 0; item < settle.items.size(); ++item) {
        if (chance(3)) continue;
        model::HandlerCommit commit;
        commit.item = item;
        while (chance(2)) commit.outputs.push_back(any_output(batch));
        while (chance(2)) commit.writes.push_back(any_write());
        while (chance(3)) {
            const std::string key = kv_key(below(kv_keys));
            const auto row = kv_of(driver_, settle.subscription, key);
            commit.reads.push_back({key, chance(5) ? below(100) : row.version});
        }
        settle.commits.push_back(std::move(commit));
    }
}

}  // namespace penstock::testing
