// What happens in the outbox simulation: clients, handlers, mishaps, and bugs on purpose.
#include "broker/base/check.h"
#include "broker/core/data_query.h"
#include "broker/core/records.h"
#include "tests/simulation/outbox_objects.h"
#include "tests/simulation/outbox_world.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::simulation {

using model::ObjectNo;
using model::SetId;

namespace {

constexpr std::size_t published_at_most = 400;

}  // namespace

// ---- bugs on purpose ---------------------------------------------------------------------------

void OutboxWorld::plant(OutboxSet& victim, bool restarted) {
    using Kind = model::RowWrite::Kind;
    model::RowBatch batch;
    if (planted_ == Planted::refusals_forgotten) batch.push_back({Kind::erase_range, "A", "B"});
    if (planted_ == Planted::order_not_kept) batch.push_back({Kind::erase_range, "B", "C"});
    if (planted_ == Planted::numbers_forgotten && restarted && victim.id() != SetId{1}) {
        batch.push_back({Kind::erase_range, "i", "j"});
    }
    if (planted_ == Planted::number_reused && restarted && victim.id() == SetId{1}) {
        for (const SetId target : {SetId{2}, SetId{3}}) {
            const std::string key = core::keys::outbox_head(target);
            const auto bytes = victim.rows().get(key);
            if (!bytes) continue;
            auto head = core::decode<core::OutboxHead>(*bytes);
            if (head.next != head.first || head.first == 1) continue;
            head.first = --head.next;
            batch.push_back({Kind::put, key, core::encode(head)});
        }
    }
    if (batch.empty()) return;
    check(victim.row_store().apply(batch, victim.index()).has_value(), "rows in memory");
}

// ---- acts --------------------------------------------------------------------------------------

void OutboxWorld::publish() {
    if (met_["published"] >= published_at_most) return;
    const std::string payload = "message " + std::to_string(next_payload_++);
    node::Submission submission;
    model::Publish one;
    one.topic = topic;
    submission.command = one;
    submission.bodies.bytes = {body_of(payload)};
    submission.done = [this, payload](const model::Reply& reply) {
        const auto* sent = std::get_if<model::Sent>(&reply);
        if (sent != nullptr) payloads_[sent->ids.at(0)] = payload;
    };
    set(1).submit(std::move(submission));
}

// Of what is not known how it began (its publish was not answered) nothing is said.
void OutboxWorld::look_at_body(const model::LeasedMessage& message, const node::FetchedBody& body) {
    if (!body) return complain("no body " + model::to_text(message.message));
    const auto payload = payloads_.find(message.message);
    if (payload == payloads_.end()) return;
    ++met_["bodies compared"];
    if (body->bytes != body_of(payload->second)) {
        complain("the body of another " + model::to_text(message.message));
    }
}

void OutboxWorld::feed(std::size_t number, model::SubscriptionNo subscription) {
    const auto page = core::ready_deliveries(set(number).rows(), subscription, 0, 3, 1'000);
    for (const core::ReadyItem& item : page.items) {
        command(number, model::FeedQueue{subscription, item.sequence, item.generation});
    }
}

// The function handles one message: fails, or has outputs.
void OutboxWorld::run_function() {
    while (set(1).commit()) continue;
    const auto page = core::ready_deliveries(set(1).rows(), function, 0, 1, 1'000);
    if (page.items.empty()) return;
    const core::ReadyItem& item = page.items.front();
    model::Settle settle;
    settle.subscription = function;
    settle.items.resize(1);
    settle.items[0].sequence = item.sequence;
    settle.items[0].generation = item.generation;
    if (!calm_ && random_.below(4) == 0) {
        settle.items[0].verdict = model::Verdict::retry;
        settle.items[0].failure = model::Failure::handler;
        return command_now(1, settle);
    }
    model::HandlerCommit commit;
    commit.outputs = {{at(2, outputs), true, 0, 0}, {at(3, echo), false, 1, 500}};
    // One that cannot be: there is no such queue.
    if (random_.below(6) == 0) commit.outputs.push_back({at(2, ObjectNo{99}), true, 2, 0});
    settle.commits = {commit};
    std::vector<std::string> payloads(commit.outputs.size(), "output");
    command_now(1, settle, payloads);
    ++found_[{"function", item.message}];
    ++consumed_["function"];
}

// Receives some and deletes most of them; what is left comes again, or dies.
void OutboxWorld::consume(std::size_t number, model::QueueNo queue, const std::string& kind) {
    OutboxSet& here = set(number);
    while (here.commit()) continue;
    node::Submission lease;
    lease.command = model::Lease{queue, 4, 1'000};
    model::Leased leased;
    lease.done = [&leased](const model::Reply& reply) {
        if (const auto* got = std::get_if<model::Leased>(&reply)) leased = *got;
    };
    here.submit(std::move(lease));
    here.commit();
    for (const model::LeasedMessage& message : leased.messages) {
        look_at_body(message, here.body(message.body));
        if (!calm_ && random_.below(5) == 0) continue;
        command_now(number, model::DeleteMessages{queue, {message.receipt}});
        ++found_[{kind, message.message}];
        ++consumed_[kind];
    }
}

void OutboxWorld::doom() {
    if (doomed_ || random_.below(40) != 0) return;
    while (set(2).commit()) continue;
    doomed_ = true;
    count_queue(2, doomed, "doomed");  // these go with it
    command_now(2, model::DeleteQueue{doomed});
}

void OutboxWorld::redrive() {
    const std::pair<std::size_t, model::QueueNo> queues[] = {
        {1, letters_here}, {1, letters_of_queue}, {3, letters_far}};
    const auto& [number, queue] = queues[random_.below(std::size(queues))];
    command(number, model::Redrive{queue, {}});
}

void OutboxWorld::change_room() {
    const std::uint64_t room = random_.below(8);
    model::QueueAttributes attributes = holding(room);
    switch (random_.below(5)) {
        case 4:
            return command(1, model::SetQueue{letters_of_queue, attributes});
        case 0:
            attributes.dead_letter = model::DeadLetterPolicy{at(1, letters_of_queue), {}, 2, 0};
            attributes.paused = random_.below(3) == 0;
            return command(2, model::SetQueue{in_order, attributes});
        case 1:
            return command(2, model::SetQueue{outputs, attributes});
        case 2:
            attributes.paused = random_.below(3) == 0;
            return command(3, model::SetQueue{plain, attributes});
        default:
            return command(3, model::SetQueue{letters_far, attributes});
    }
}

void OutboxWorld::restart(OutboxSet& victim) {
    victim.start();
    plant(victim, true);
}

void OutboxWorld::crash(std::size_t number) {
    ++met_["crashes"];
    set(number).die();
    restart(set(number));
}

void OutboxWorld::cut(std::size_t number, bool away) {
    away_[number - 1] = away;
}

void OutboxWorld::mishap() {
    const std::size_t victim = 1 + random_.below(3);
    switch (random_.below(6)) {
        case 0:
        case 1:
            return crash(victim);
        case 2:
            ++met_["crashes after the commit"];
            set(victim).commit(true);
            return plant(set(victim), true);
        case 3:
            return cut(victim, true);
        case 4:
            return cut(victim, false);
        default:
            return change_room();
    }
}

void OutboxWorld::step_set(OutboxSet& one) {
    one.tick();
    one.step_sender();
    one.commit();
    one.step_sender();
    if (random_.below(8) == 0) one.flush();
}

void OutboxWorld::act() {
    clock_.advance_us(static_cast<std::int64_t>(random_.below(200'000)));
    deliver_due();
    switch (random_.below(16)) {
        case 0:
        case 1:
            return publish();
        case 2:
            return feed(1, std::array{ordered, plainly, dooming}[random_.below(3)]);
        case 3:
            return feed(3, echoing);
        case 4:
            return run_function();
        case 5:
            consume(2, in_order, "ordered");
            return consume(2, outputs, "output");
        case 6:
            consume(3, plain, "plain");
            if (!doomed_) consume(2, doomed, "doomed");
            return consume(1, echoes, "output");
        case 7:
            return redrive();
        case 8:
            return doom();
        case 9:
            return mishap();
        default:
            return step_set(set(1 + random_.below(3)));
    }
}

void OutboxWorld::act_calmly() {
    calm_ = true;
    clock_.advance_us(2'000);  // answers wait for up to 10 ms
    for (const auto& one : sets_) step_set(*one);
    deliver_due();
    feed(1, ordered);
    for (const auto& one : sets_) step_set(*one);
    calm_ = false;
}

void OutboxWorld::pass_ms(std::int64_t pause_ms) {
    calm_ = true;
    const std::int64_t until_us = clock_.steady_us() + pause_ms * 1000;
    while (clock_.steady_us() < until_us) {
        clock_.advance_us(std::min<std::int64_t>(500'000, until_us - clock_.steady_us()));
        for (int again = 0; again < 3; ++again) {
            deliver_due();
            for (const auto& one : sets_) step_set(*one);
        }
    }
    calm_ = false;
}

}  // namespace penstock::simulation
