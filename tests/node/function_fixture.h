// FunctionNode: a stepped node with a topic `news`, a Lua function on it, a topic `copies` and a
// queue `done`, and what its dispatcher is given. One test, one thread.
#pragma once

#include "broker/model/command.h"
#include "broker/node/entry_bodies.h"
#include "broker/replication/local_log.h"
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

inline model::Script lua_script(std::string code = "function handle(event, ctx) end",
                                model::ScriptRole role = model::ScriptRole::handler) {
    model::Script script;
    script.role = role;
    script.code = std::move(code);
    return script;
}

inline api::Subscribe subscribe_lua(std::string topic, std::string name) {
    api::Subscribe request = subscribe(std::move(topic), std::move(name));
    request.spec.sink = model::SinkKind::lua;
    request.spec.endpoint.clear();
    request.spec.function.memory_mib = 16;
    request.spec.retry = model::custom_retry({1'000, 1'000});
    request.scripts = {lua_script()};
    return request;
}

inline api::HandlerOutput output_to_queue(std::string queue, std::string payload) {
    api::HandlerOutput output;
    output.queue = std::move(queue);
    output.message.payload = std::move(payload);
    return output;
}

inline api::HandlerOutput output_to_topic(std::string topic, std::string payload) {
    api::HandlerOutput output;
    output.topic = std::move(topic);
    output.message.payload = std::move(payload);
    return output;
}

inline model::KvWrite write_add(std::string key, std::int64_t amount) {
    return {model::KvWrite::Kind::add, std::move(key), {}, amount, 0};
}

inline model::KvWrite write_put(std::string key, std::string value) {
    return {model::KvWrite::Kind::put, std::move(key), std::move(value), 0, 0};
}

// An entry of the data set as the log keeps it.
struct LoggedEntry {
    std::vector<model::Command> commands;
    std::vector<std::string> bodies;
};

struct FunctionNode {
    explicit FunctionNode(node::NodeOptions options = {}) : node(std::move(options)) {
        node.principal.root = true;
        node.node->attach(deliveries);
        check(node.ask(api::CreateTopic{"news", {}}).has_value(), "topic");
        check(node.ask(api::CreateTopic{"copies", {}}).has_value(), "topic");
        check(node.ask(create_queue("done")).has_value(), "queue");
        const auto made = node.ask(subscribe_lua("news", "fn"));
        check(made.has_value(), "subscription");
        function = model::SubscriptionNo{made->number};
        grant(1'000);
    }

    void grant(std::uint32_t more) {
        node.node->grant(function, more);
        node.settle_down();
    }

    // Publishes the messages; what the dispatcher is given then.
    std::vector<api::Delivery> deliver(std::vector<std::string> payloads) {
        check(node.ask(publish("news", std::move(payloads))).has_value(), "publish");
        node.settle_down();
        return deliveries.take();
    }

    // After a crash or restart the dispatcher begins anew.
    std::vector<api::Delivery> attach_again() {
        node.node->attach(deliveries);
        node.settle_down();
        grant(1'000);
        return deliveries.take();
    }

    [[nodiscard]] api::Dispatch::Settlement acknowledge(const api::Delivery& delivery,
                                                        api::HandlerEffects effects) const {
        api::Dispatch::Settlement settlement;
        settlement.subscription = function;
        add(settlement, delivery, std::move(effects));
        return settlement;
    }

    // One acknowledgement more, with its attempt.
    void add(api::Dispatch::Settlement& settlement,
             const api::Delivery& delivery,
             std::optional<api::HandlerEffects> effects) const {
        model::SettleItem item;
        item.sequence = delivery.sequence;
        item.generation = delivery.generation;
        model::Attempt attempt;
        attempt.sequence = delivery.sequence;
        attempt.message = delivery.message;
        attempt.number = delivery.attempt;
        attempt.at_ms = node.clock.wall_ms();
        if (effects) {
            effects->item = settlement.items.size();
            settlement.effects.push_back(std::move(*effects));
        }
        settlement.items.push_back(std::move(item));
        settlement.attempts.push_back(std::move(attempt));
    }

    // Hands a settlement in; how it ended, once it is durable.
    std::shared_ptr<std::optional<api::Dispatch::Settled>> hand_in(
        api::Dispatch::Settlement settlement) {
        auto answer = std::make_shared<std::optional<api::Dispatch::Settled>>();
        node.node->settle(std::move(settlement), [answer](api::Dispatch::Settled settled) {
            check(!answer->has_value(), "told once");
            *answer = std::move(settled);
        });
        return answer;
    }

    api::Dispatch::Settled settle(api::Dispatch::Settlement settlement) {
        const auto answer = hand_in(std::move(settlement));
        node.settle_down();
        check(answer->has_value(), "a settle becomes durable");
        return **answer;
    }

    api::KvRow read(const std::string& key) {
        std::optional<api::KvRow> answer;
        node.node->read_kv(function, key, [&answer](api::KvRow row) { answer = std::move(row); });
        node.settle_down();
        check(answer.has_value(), "a read is answered");
        return *answer;
    }

    // Payloads that are in the queue now; they stay there, leased for a while.
    std::vector<std::string> payloads_in(const std::string& queue) {
        std::vector<std::string> payloads;
        while (true) {
            const auto received = node.ask(receive(queue, 16));
            if (received->messages.empty()) return payloads;
            for (const auto& message : received->messages) payloads.push_back(message.payload);
        }
    }

    std::string last_failure() {
        const auto page = node.ask(api::ListDeliveries{"news/fn", "failed", 0, 10});
        if (page->items.empty()) return "none";
        return page->items[0].reason + ": " + page->items[0].excerpt;
    }

    // Ends the node and reads its log.
    std::vector<LoggedEntry> logged() {
        std::vector<LoggedEntry> entries;
        replay([&](const replication::ReplayedEntry& replayed) {
            LoggedEntry entry;
            entry.commands = *model::decode_commands(replayed.commands);
            for (const std::string_view body : replayed.bodies) entry.bodies.emplace_back(body);
            entries.push_back(std::move(entry));
        });
        return entries;
    }

    // Ends the node and applies its log to a new set: what that comes to.
    core::SetProgress replayed() {
        const auto machine = core::make_data_set();
        const auto rows = storage::make_memory_rows();
        replay([&](const replication::ReplayedEntry& replayed) {
            const auto entry = node::to_entry(model::first_data_set, replayed);
            check(entry.has_value(), "an entry is read");
            const model::Effects effects = machine->apply(*entry, *rows);
            check(rows->apply(effects.batch, entry->index).has_value(), "rows in memory");
        });
        return core::progress(*rows);
    }

    void replay(const replication::Log::Visit& visit) {
        node.node.reset();
        const auto from_the_start = [](model::SetId) {
            return model::LogIndex{0};
        };
        auto store =
            storage::LogStore::open(node.disk, "data/log", node.options.log, from_the_start);
        check(store.has_value(), "the log opens");
        const replication::LocalLog log(model::first_data_set, **store, 0);
        check(log.replay(0, visit).has_value(), "the log is read");
    }

    RecordedDeliveries deliveries;
    SteppedNode node;
    model::SubscriptionNo function;
};

}  // namespace penstock::testing
