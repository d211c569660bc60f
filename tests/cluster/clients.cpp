#include "tests/cluster/clients.h"

#include "tests/node/requests.h"

#include <algorithm>
#include <string_view>
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

// A few keys, each of many messages.
api::PublishMessages publish_keyed(const std::string& body) {
    api::PublishMessages request = publish(topic, {body});
    request.messages[0].meta.ordering_key = std::string("key-") + body.back();
    return request;
}

}  // namespace

void Clients::make() {
    for (const char* queue : {queues[0], queues[1], queues[2], ledger}) {
        const auto made = world_.ask(1, create_queue(queue));
        check(made.has_value(), "a queue");
    }
    check(world_.ask(1, api::CreateTopic{topic, {}}).has_value(), "a topic");
    for (const char* name : {hook, line, keyed, brief}) {
        const bool few = name == std::string_view(brief);
        auto request = subscribe(topic, name);
        request.spec.retry = model::custom_retry(std::vector<std::uint32_t>(
            few ? brief_retries : retries, few ? brief_pause_ms : retry_pause_ms));
        request.spec.retry.keeps_order = name == std::string_view(line);
        if (request.spec.retry.keeps_order) request.spec.concurrency = 1;
        request.spec.pace.order_by_key = name == std::string_view(keyed);
        const auto subscribed = world_.ask(1, request);
        check(subscribed.has_value(), "a subscription");
        if (few) letters_ = subscribed->dead_letter_queue;
    }
}

Member* Clients::any_up() {
    auto at = world_.members().begin();
    std::advance(at, static_cast<std::ptrdiff_t>(world_.chance(world_.members().size())));
    return at->second->up() ? at->second.get() : nullptr;
}

// Nobody wanted node 1 to leave; where its disk is gone nobody wanted any to leave.
Member& Clients::last_asked() {
    return world_.member(world_.member(1).up() ? 1 : 2);
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
            publishings_.push_back({body, member->ask(publish_keyed(body))});
            return;
        }
        default:
            return send_or_receive(*member);
    }
}

void Clients::send_or_receive(Member& member) {
    const std::string queue = queues.at(world_.chance(queues.size()));
    if (world_.chance(2) == 0) {
        if (!keyed_.empty() && world_.chance(3) == 0) return send_again(member);
        Sending sending{queue, "body-" + std::to_string(next_++), {}, {}};
        auto request = send(queue, {sending.body});
        if (world_.chance(3) == 0) request.dedup_key = sending.key = "key-of-" + sending.body;
        sending.asked = member.ask(request);
        if (!sending.key.empty()) keyed_.push_back(sending);
        sendings_.push_back(std::move(sending));
        return;
    }
    auto request = receive(queue, 2, static_cast<std::uint32_t>(world_.chance(3)));
    request.visibility_s = 1;
    receivings_.push_back({queue, removed_, member.ask(request)});
}

// Whether the first was answered or not: the queue has it once.
void Clients::send_again(Member& member) {
    const auto at = static_cast<std::ptrdiff_t>(world_.chance(keyed_.size()));
    Sending again = keyed_[static_cast<std::size_t>(at)];
    if (world_.chance(2) == 0) keyed_.erase(keyed_.begin() + at);
    auto request = send(again.queue, {again.body});
    request.dedup_key = again.key;
    again.asked = member.ask(request);
    sendings_.push_back(std::move(again));
    ++told_.repeated;
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
    look_at_topic();
}

void Clients::look_at_queues() {
    for (const Sending& sending : answered(sendings_)) {
        if (!*sending.asked) continue;
        acknowledged_.insert(sending.body);
        const model::MessageId id = (*sending.asked)->ids.front();
        know(id, sending.body);
        if (sending.key.empty() || by_key_.emplace(sending.key, id).first->second == id) continue;
        complain("one key has made two messages of " + sending.body);
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

void Clients::look_at_topic() {
    for (const Publishing& publishing : answered(publishings_)) {
        if (!*publishing.asked) continue;
        published_.insert(publishing.body);
        know((*publishing.asked)->ids.front(), publishing.body);
    }
    for (const auto& [id, body] : receiver_.take_seen()) know(id, body);
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
    for (const char* queue : queues) drain(queue);
}

void Clients::drain(const std::string& queue) {
    for (int empty = 0; empty < 2;) {
        auto request = receive(queue, 16, 0);
        request.visibility_s = 3'600;
        const Receiving receiving{queue, removed_, last_asked().ask(request)};
        world_.run_until([&] { return receiving.asked.answered(); });
        const bool is_answered = receiving.asked.answered() && *receiving.asked;
        if (!is_answered || (*receiving.asked)->messages.empty()) ++empty;
        if (is_answered) take(receiving);
    }
}

// Until nothing was pushed for long.
void Clients::drain_pushes() {
    constexpr int quiet_enough = 20;
    constexpr int rounds_max = 600;
    int quiet = 0;
    for (int round = 0; round < rounds_max && quiet < quiet_enough; ++round) {
        const std::uint64_t before = receiver_.attempts();
        world_.run(100);
        look();
        quiet = receiver_.attempts() == before ? quiet + 1 : 0;
    }
    if (quiet < quiet_enough) complain("it is pushed again and again");
    for (const char* name : {hook, line, keyed, brief}) {
        const auto subscription =
            world_.ask(last_asked().id().value, api::GetSubscription{topic, name});
        if (!subscription) return complain(std::string(name) + " does not answer");
        if (subscription->backlog == 0) continue;
        complain(std::to_string(subscription->backlog) + " deliveries of " + name +
                 " are not settled");
    }
}

void Clients::judge_pushes() {
    drain_pushes();
    drain(letters_);
    for (const std::string& body : published_) {
        for (const char* name : {hook, line, keyed}) {
            if (!receiver_.has_accepted(name, body))
                complain("never accepted by " + (name + (": " + body)));
        }
        if (receiver_.has_accepted(brief, body) || seen_.contains(body)) continue;
        complain("neither accepted nor a dead letter: " + body);
    }
    for (const std::string& what : receiver_.complaints()) complain(what);
}

std::string Clients::progress(const std::vector<std::uint64_t>& well, std::int64_t within_ms) {
    constexpr std::int64_t patience_ms = 6'000;  // of one client, who then asks another member
    const std::int64_t tries = within_ms / patience_ms;
    const auto taken = [&](auto request) {
        for (std::int64_t at = 0; at < tries; ++at) {
            const auto member = static_cast<std::size_t>(at) % well.size();
            if (world_.ask(well[member], request, patience_ms)) return true;
            world_.run(200);
        }
        return false;
    };
    for (const char* queue : queues) {
        const std::string body = "body-" + std::to_string(next_++);
        auto request = send(queue, {body});
        request.dedup_key = "key-of-" + body;
        if (!taken(request)) return std::string(queue) + " takes no message";
        acknowledged_.insert(body);
    }
    const std::string body = "event-" + std::to_string(next_++);
    if (!taken(publish_keyed(body))) return "the topic takes no message";
    published_.insert(body);
    const auto arrived = [&] {
        return receiver_.has_accepted(hook, body);
    };
    return world_.run_until(arrived, within_ms) ? "" : "what is published is not pushed";
}

void Clients::judge() {
    drain_queues();
    for (const std::string& body : acknowledged_) {
        const bool may_be_gone = removed_.contains(body) || doubted_.contains(body);
        if (!seen_.contains(body) && !may_be_gone) complain("lost: " + body);
    }
    judge_pushes();
    const auto counted = world_.ask(last_asked().id().value, api::GetQueue{ledger});
    if (!counted) return complain("the ledger does not answer");
    if (counted->active < entered_ || counted->active > entering_) {
        complain("the ledger has " + std::to_string(counted->active) + " lines at last");
    }
    told_.acknowledged = acknowledged_.size();
    told_.removed = removed_.size();
    told_.settled = published_.size();
}

}  // namespace penstock::cluster::testing
