#include "tests/cluster/clients.h"

#include "tests/node/requests.h"

#include <utility>

namespace penstock::cluster::testing {

using penstock::testing::create_queue;
using penstock::testing::publish;
using penstock::testing::receive;
using penstock::testing::remove;
using penstock::testing::send;
using penstock::testing::subscribe;

namespace {

constexpr const char* ledger = "ledger";
constexpr const char* topic = "events";
constexpr const char* hook = "hook";
constexpr std::size_t retries = 200;  // never a dead letter
constexpr std::uint32_t retry_pause_ms = 500;

// Those that are answered, taken out.
template <class Asking>
std::vector<Asking> answered(std::vector<Asking>& all) {
    std::vector<Asking> some;
    std::erase_if(all, [&](Asking& asking) {
        if (!asking.asked.answered()) return false;
        some.push_back(std::move(asking));
        return true;
    });
    return some;
}

api::Dispatch::Settlement settlement(const api::Delivery& delivery, bool accepted) {
    api::Dispatch::Settlement made;
    made.subscription = delivery.subscription;
    model::SettleItem item;
    item.sequence = delivery.sequence;
    item.generation = delivery.generation;
    item.verdict = accepted ? model::Verdict::accepted : model::Verdict::retry;
    item.failure = accepted ? model::Failure::none : model::Failure::status;
    item.status = accepted ? 200 : 500;
    made.items.push_back(std::move(item));
    return made;
}

}  // namespace

void Clients::make() {
    for (const char* queue : {queues[0], queues[1], queues[2], ledger}) {
        const auto made = world_.ask(1, create_queue(queue));
        check(made.has_value(), "a queue");
    }
    check(world_.ask(1, api::CreateTopic{topic, {}}).has_value(), "a topic");
    auto request = subscribe(topic, hook);
    request.spec.retry = model::custom_retry(std::vector<std::uint32_t>(retries, retry_pause_ms));
    check(world_.ask(1, request).has_value(), "a subscription");
}

Member* Clients::any_up() {
    auto at = world_.members().begin();
    std::advance(at, static_cast<std::ptrdiff_t>(world_.chance(world_.members().size())));
    return at->second->up() ? at->second.get() : nullptr;
}

void Clients::act() {
    Member* member = any_up();
    if (member == nullptr) return;
    switch (world_.chance(8)) {
        case 0:
        case 1:
            return enter_or_count(*member);
        case 2: {
            const std::string body = "event-" + std::to_string(next_++);
            publishings_.push_back({body, member->ask(publish(topic, {body}))});
            return;
        }
        default:
            return send_or_receive(*member);
    }
}

void Clients::send_or_receive(Member& member) {
    const std::string queue = queues.at(world_.chance(queues.size()));
    if (world_.chance(2) == 0) {
        const std::string body = "body-" + std::to_string(next_++);
        sendings_.push_back({body, member.ask(send(queue, {body}))});
        return;
    }
    auto request = receive(queue, 2, static_cast<std::uint32_t>(world_.chance(3)));
    request.visibility_s = 1;
    receivings_.push_back({queue, removed_, member.ask(request)});
}

void Clients::enter_or_count(Member& member) {
    if (world_.chance(2) == 0) {
        ++entering_;
        enterings_.push_back({member.ask(send(ledger, {"line"}))});
        return;
    }
    countings_.push_back({entered_, member.ask(api::GetQueue{ledger})});
}

void Clients::look() {
    look_at_queues();
    look_at_ledger();
    look_at_pushes();
}

void Clients::look_at_queues() {
    for (const Sending& sending : answered(sendings_)) {
        if (!*sending.asked) continue;
        acknowledged_.insert(sending.body);
        know((*sending.asked)->ids.front(), sending.body);
    }
    for (const Receiving& receiving : answered(receivings_)) {
        if (*receiving.asked) take(receiving);
    }
    for (const Removing& removing : answered(removings_)) {
        if (!*removing.asked || !(*removing.asked)->removed.front()) continue;
        removed_.insert(removing.body);
        doubted_.erase(removing.body);
    }
}

// A count shows every line that was acknowledged before it was asked for, and none that nobody
// wrote.
void Clients::look_at_ledger() {
    for (const Counting& counting : answered(countings_)) {
        if (!*counting.asked) continue;
        ++told_.counted;
        const std::uint64_t lines = (*counting.asked)->active;
        const bool possible = counting.at_least <= lines && lines <= entering_;
        if (possible) continue;
        complain("the ledger shows " + std::to_string(lines) + " lines, not " +
                 std::to_string(counting.at_least) + " to " + std::to_string(entering_));
    }
    for (const Entering& entering : answered(enterings_)) {
        if (*entering.asked) ++entered_;
    }
}

void Clients::look_at_pushes() {
    for (const Publishing& publishing : answered(publishings_)) {
        if (!*publishing.asked) continue;
        published_.insert(publishing.body);
        know((*publishing.asked)->ids.front(), publishing.body);
    }
    for (const auto& [id, member] : world_.members()) {
        for (const api::Delivery& delivery : member->deliveries().take()) {
            ++told_.pushed;
            pushed_.insert(delivery.payload);
            know(delivery.message, delivery.payload);
            const std::uint64_t fate = calm_ ? 9 : world_.chance(10);
            if (fate == 0) {
                slow_.push_back({id, delivery});
            } else {
                settle(id, delivery, fate > 3);
            }
        }
    }
    if (!calm_ && world_.chance(50) != 0) return;
    for (const auto& [id, delivery] : std::exchange(slow_, {})) settle(id, delivery, true);
}

void Clients::settle(NodeId by, const api::Delivery& delivery, bool accepted) {
    Member& member = world_.member(by.value);
    if (!member.up()) return;
    member.node().settle(settlement(delivery, accepted), {});
    member.node().grant(delivery.subscription, 1);
}

void Clients::know(model::MessageId id, const std::string& body) {
    const auto [known, fresh] = ids_.emplace(id, body);
    if (!fresh && known->second != body) {
        complain("two messages have one id " + model::to_text(id) + ": " + body + " and " +
                 known->second);
    }
}

void Clients::take(const Receiving& receiving) {
    for (const api::ReceivedMessage& message : (*receiving.asked)->messages) {
        know(message.id, message.payload);
        seen_.insert(message.payload);
        if (receiving.removed_before.contains(message.payload)) {
            complain("came after its acknowledged delete: " + message.payload);
        }
        Member* member = any_up();
        if (member == nullptr || draining_ || world_.chance(2) == 0) continue;
        doubted_.insert(message.payload);
        removings_.push_back(
            {message.payload, member->ask(remove(receiving.queue, {message.receipt}))});
    }
}

std::size_t Clients::open() const {
    return sendings_.size() + receivings_.size() + removings_.size() + enterings_.size() +
           countings_.size() + publishings_.size();
}

void Clients::drain_queues() {
    draining_ = true;
    seen_.clear();
    for (const char* queue : queues) {
        for (int empty = 0; empty < 2;) {
            auto request = receive(queue, 16, 0);
            request.visibility_s = 3'600;
            const Receiving receiving{queue, removed_, world_.member(1).ask(request)};
            world_.run_until([&] { return receiving.asked.answered(); });
            const bool answered = receiving.asked.answered() && *receiving.asked;
            if (!answered || (*receiving.asked)->messages.empty()) ++empty;
            if (answered) take(receiving);
        }
    }
}

// Until nothing was pushed for long.
void Clients::drain_pushes() {
    constexpr int quiet_enough = 30;
    constexpr int rounds_max = 600;
    int quiet = 0;
    for (int round = 0; round < rounds_max && quiet < quiet_enough; ++round) {
        const std::uint64_t before = told_.pushed;
        world_.run(100);
        look();
        quiet = told_.pushed == before ? quiet + 1 : 0;
    }
    if (quiet < quiet_enough) complain("it is pushed again and again");
    const auto subscription = world_.ask(1, api::GetSubscription{topic, hook});
    if (!subscription) return complain("the subscription does not answer");
    if (subscription->backlog != 0) {
        complain(std::to_string(subscription->backlog) + " deliveries are not settled");
    }
}

void Clients::judge() {
    drain_queues();
    drain_pushes();
    for (const std::string& body : acknowledged_) {
        const bool may_be_gone = removed_.contains(body) || doubted_.contains(body);
        if (!seen_.contains(body) && !may_be_gone) complain("lost: " + body);
    }
    for (const std::string& body : published_) {
        if (!pushed_.contains(body)) complain("never pushed: " + body);
    }
    const auto counted = world_.ask(1, api::GetQueue{ledger});
    if (!counted) return complain("the ledger does not answer");
    if (counted->active < entered_ || counted->active > entering_) {
        complain("the ledger has " + std::to_string(counted->active) + " lines at last");
    }
    told_.acknowledged = acknowledged_.size();
    told_.removed = removed_.size();
    told_.settled = published_.size();
}

}  // namespace penstock::cluster::testing
