#include "tests/simulation/outbox_world.h"

#include "broker/base/check.h"
#include "broker/core/data_query.h"
#include "broker/core/records.h"
#include "tests/simulation/outbox_objects.h"

#include <algorithm>
#include <utility>

namespace penstock::simulation {

using model::MessageId;
using model::ObjectNo;
using model::Place;
using model::SetId;

namespace {

constexpr std::uint64_t rounds_to_rest_max = 6'000;

model::RetryPolicy retries(std::size_t times, bool keeps_order = false) {
    auto policy = model::custom_retry(std::vector<std::uint32_t>(times, 2'000));
    policy.keeps_order = keeps_order;
    return policy;
}

model::Subscribe subscription(model::SubscriptionNo number,
                              model::TopicNo of,
                              Place queue,
                              Place letters,
                              model::RetryPolicy retry) {
    model::Subscribe command;
    command.subscription = number;
    command.topic = of;
    command.name = "s" + std::to_string(number.value);
    command.spec.sink = queue.number.value != 0 ? model::SinkKind::queue : model::SinkKind::lua;
    command.spec.queue = queue;
    command.spec.dead_letter = letters;
    command.spec.retry = std::move(retry);
    return command;
}

}  // namespace

std::string body_of(const std::string& payload) {
    return model::encode_body(model::NewMessage{{}, payload});
}

OutboxWorld::OutboxWorld(std::uint64_t seed, Planted planted) : random_(seed), planted_(planted) {
    for (std::uint16_t number = 1; number <= 3; ++number) {
        const SetId id{number};
        sets_.push_back(std::make_unique<OutboxSet>(
            id,
            clock_,
            [this, id](SetId to, node::Submission submission) {
                transport(id, to, std::move(submission));
            },
            [this](SetId set, const model::Entry& entry, const model::Effects& effects) {
                applied(set, entry, effects);
            }));
        if (planted != Planted::nothing) {
            sets_.back()->tamper_with([this](OutboxSet& victim) { plant(victim, false); });
        }
        sets_.back()->start();
    }
    make_objects();
}

void OutboxWorld::make_objects() {
    model::InitSet init;
    init.receipt_key = {1, 2};
    for (std::size_t number = 1; number <= 3; ++number) command_now(number, init);
    const auto queue = [this](std::size_t set, model::QueueNo number, std::uint64_t room) {
        command_now(set, model::CreateQueue{number, "q", {}, holding(room)});
    };
    queue(1, letters_here, 1'000);
    queue(1, letters_of_queue, 1'000);
    queue(1, echoes, 8);
    queue(2, outputs, 6);
    queue(2, doomed, 6);
    queue(3, plain, 5);
    queue(3, letters_far, 1'000);
    model::QueueAttributes small = holding(6);
    small.dead_letter = model::DeadLetterPolicy{at(1, letters_of_queue), {}, 2, 0};
    command_now(2, model::CreateQueue{in_order, "in_order", {}, small});
    command_now(1, model::CreateTopic{topic, "topic", {}});
    command_now(3, model::CreateTopic{echo, "echo", {}});
    command_now(
        1, subscription(ordered, topic, at(2, in_order), at(3, letters_far), retries(4, true)));
    command_now(1, subscription(plainly, topic, at(3, plain), letters_here, retries(3)));
    command_now(1, subscription(function, topic, {}, at(3, letters_far), retries(1)));
    command_now(1, subscription(dooming, topic, at(2, doomed), letters_here, retries(2)));
    command_now(3, subscription(echoing, echo, at(1, echoes), letters_far, retries(2)));
}

// ---- network -----------------------------------------------------------------------------------

void OutboxWorld::later(std::int64_t delay_us, std::function<void()> what) {
    events_.emplace(clock_.steady_us() + delay_us, std::move(what));
}

void OutboxWorld::deliver_due() {
    while (!events_.empty() && events_.begin()->first <= clock_.steady_us()) {
        const auto what = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        what();
    }
}

void OutboxWorld::transport(SetId from, SetId to, node::Submission submission) {
    if (from == to) return set(to.value).submit(std::move(submission));
    const bool mishaps = !calm_;
    const std::int64_t delay_us = 100;
    if (away_[to.value - 1] || (mishaps && random_.below(40) == 0)) {
        ++met_["requests lost"];
        return later(delay_us, [this, submission = std::move(submission)] {
            outcome_unknown(submission.done);
            for (const auto& one : submission.followers) outcome_unknown(one.done);
        });
    }
    if (mishaps && random_.below(20) == 0) {
        // The same once more, some time or other, from a network that kept it.
        ++met_["requests repeated"];
        node::Submission again{submission.command, submission.bodies, nullptr, {}};
        for (const auto& one : submission.followers) again.followers.push_back({one.command, {}});
        later(static_cast<std::int64_t>(random_.below(20'000'000)),
              [this, to, again = std::move(again)] { arrive(to, again); });
    }
    const bool answer_lost = mishaps && random_.below(20) == 0;
    const auto put_between = [this, answer_lost](std::function<void(model::Reply)>& done) {
        done = [this, answer_lost, done](const model::Reply& reply) {
            if (answer_lost) ++met_["answers lost"];
            // The target died: it cannot be known.
            const bool known = std::holds_alternative<model::Transferred>(reply) && !answer_lost;
            later(100, [this, done, known, reply] { known ? done(reply) : outcome_unknown(done); });
        };
    };
    put_between(submission.done);
    for (auto& one : submission.followers) put_between(one.done);
    const bool late = mishaps && random_.below(60) == 0;
    later(late ? delay_us * 50 : delay_us,
          [this, to, submission = std::move(submission)] { arrive(to, submission); });
}

void OutboxWorld::outcome_unknown(const std::function<void(model::Reply)>& done) {
    ++met_["outcomes unknown"];
    if (planted_ == Planted::answer_taken_for_ok) return done(model::Transferred{});
    done(model::Refusal{model::Reason::unknown_outcome, {}, "no answer"});
}

void OutboxWorld::arrive(SetId to, node::Submission submission) {
    OutboxSet& target = set(to.value);
    if (away_[to.value - 1] || !target.up()) return node::refuse(submission, {});
    target.submit(std::move(submission));
}

// ---- commands and what they came to ------------------------------------------------------------

void OutboxWorld::command(std::size_t number,
                          model::Command command,
                          std::vector<std::string> payloads) {
    node::Submission submission;
    submission.command = std::move(command);
    for (const std::string& payload : payloads) {
        submission.bodies.bytes.push_back(body_of(payload));
    }
    set(number).submit(std::move(submission));
}

void OutboxWorld::command_now(std::size_t number,
                              model::Command one,
                              std::vector<std::string> payloads) {
    command(number, std::move(one), std::move(payloads));
    set(number).commit();
}

// The ledger: what each entry promised.
void OutboxWorld::applied(SetId id, const model::Entry& entry, const model::Effects& effects) {
    std::set<model::ObjectNo> brought;  // queues that got a letter by this entry
    for (std::size_t index = 0; index < entry.commands.size(); ++index) {
        const model::Command& one = entry.commands[index];
        const model::Reply& reply = effects.replies[index];
        if (const auto* sent = std::get_if<model::Sent>(&reply)) {
            for (const MessageId message : sent->ids) {
                for (const char* kind : {"ordered", "plain", "function", "doomed"}) {
                    expected_[{kind, message}] = 1;
                }
            }
            ++met_["published"];
        }
        if (const auto* settled = std::get_if<model::Settle>(&one)) {
            for (const model::HandlerCommit& commit : settled->commits) {
                for (const model::Output& output : commit.outputs) {
                    expected_[{"output", MessageId{id, entry.index, output.ordinal}}] = 1;
                }
            }
        }
        // Not by a look at the queues: it may have been redriven by the same entry.
        const auto* transfer = std::get_if<model::Transfer>(&one);
        const bool letter =
            transfer != nullptr && transfer->kind == model::TransferKind::dead_letter;
        if (letter) died_.insert(transfer->message);
        if (letter) brought.insert(transfer->object);
        const auto* redrive = std::get_if<model::Redrive>(&one);
        if (redrive != nullptr && brought.contains(redrive->queue)) ++met_["redriven as it came"];
        if (transfer != nullptr && index > 0) {
            const auto* before = std::get_if<model::Transfer>(&entry.commands[index - 1]);
            if (before != nullptr && before->ordinal == transfer->ordinal) ++met_["bodies shared"];
        }
        if (const auto* transferred = std::get_if<model::Transferred>(&reply)) {
            ++met_["transfer " + std::to_string(static_cast<int>(transferred->outcome))];
        }
    }
    look_at_order();
}

// Fresh messages of the ordered subscription come in the order they were published.
void OutboxWorld::look_at_order() {
    if (sets_.size() < 3) return;
    const auto page = core::dead_letters(set(2).rows(), in_order, order_seen_, 1'000);
    for (const core::DeadLetter& message : page.items) {
        order_seen_ = message.sequence + 1;
        if (died_.contains(message.message)) continue;
        if (message.message <= order_last_) {
            complain("out of order: " + model::to_text(message.message));
        }
        order_last_ = std::max(order_last_, message.message);
    }
}

// ---- the end -----------------------------------------------------------------------------------

void OutboxWorld::finish() {
    calm_ = true;
    away_ = {false, false, false};
    model::QueueAttributes roomy = holding(100'000);
    command_now(2, model::SetQueue{outputs, roomy});
    command_now(2, model::SetQueue{in_order, roomy});
    command_now(3, model::SetQueue{plain, roomy});
    command_now(3, model::SetQueue{letters_far, roomy});
    command_now(1, model::SetQueue{echoes, roomy});
    command_now(1, model::SetQueue{letters_of_queue, roomy});
    std::uint64_t rounds = 0;
    const auto busy = [this] {
        for (const auto& one : sets_) {
            for (const SetId target : core::outbox_targets(one->rows())) {
                const auto figures = core::outbox_figures(one->rows(), target);
                if (figures.waiting + figures.parked > 0) return true;
                if (figures.dropped > 0) complain("an output was dropped");
            }
        }
        const auto backlog = [this](std::size_t number, model::SubscriptionNo subscription) {
            return core::subscription_info(set(number).rows(), subscription)->backlog;
        };
        return !events_.empty() || backlog(1, ordered) + backlog(1, plainly) +
                                           backlog(1, function) + backlog(1, dooming) +
                                           backlog(3, echoing) >
                                       0;
    };
    // Quiet for so long that no delay is left.
    for (int quiet = 0; quiet < 10 && rounds < rounds_to_rest_max && complaints_.empty();
         ++rounds) {
        quiet = busy() ? 0 : quiet + 1;
        clock_.advance_ms(200);
        for (const auto subscription : {ordered, plainly, dooming}) feed(1, subscription);
        feed(3, echoing);
        run_function();
        for (int again = 0; again < 4; ++again) {
            for (const auto& one : sets_) step_set(*one);
            clock_.advance_us(100);
            deliver_due();
        }
    }
    if (rounds == rounds_to_rest_max) complain("it does not come to rest");
    census();
}

void OutboxWorld::count_queue(std::size_t number, model::QueueNo queue, const std::string& kind) {
    const auto page = core::dead_letters(set(number).rows(), queue, 0, 100'000);
    for (const core::DeadLetter& message : page.items) ++found_[{kind, message.message}];
}

void OutboxWorld::count_letters(std::size_t number, model::QueueNo queue) {
    const std::map<Place, std::string> kinds = {{at(1, ordered), "ordered"},
                                                {at(2, in_order), "ordered"},
                                                {at(1, plainly), "plain"},
                                                {at(1, function), "function"},
                                                {at(1, dooming), "doomed"},
                                                {at(3, echoing), "output"},
                                                {at(3, echo), "output"},
                                                {at(2, outputs), "output"},
                                                {at(2, ObjectNo{99}), "output"}};
    const auto page = core::dead_letters(set(number).rows(), queue, 0, 100'000);
    for (const core::DeadLetter& letter : page.items) {
        Place source = letter.dead ? letter.dead->source : Place{};
        if (source.set.value == 0) source.set = set(number).id();
        const auto kind = kinds.find(source);
        if (kind == kinds.end()) {
            complain("a letter without a source: " + model::to_text(letter.message));
            continue;
        }
        ++found_[{kind->second, letter.message}];
        ++met_["dead letters"];
        if (!set(number).body(letter.body)) complain("a letter without a body");
    }
}

// Every copy is in exactly one place.
void OutboxWorld::census() {
    count_queue(2, in_order, "ordered");
    count_queue(2, outputs, "output");
    if (!doomed_) count_queue(2, doomed, "doomed");
    count_queue(3, plain, "plain");
    count_queue(1, echoes, "output");
    count_letters(1, letters_here);
    count_letters(1, letters_of_queue);
    count_letters(3, letters_far);
    for (const auto& [copy, times] : expected_) {
        const auto found = found_.find(copy);
        const int there = found == found_.end() ? 0 : found->second;
        if (there == times) continue;
        complain(copy.first + " " + model::to_text(copy.second) + " is there " +
                 std::to_string(there) + " times");
    }
    for (const auto& [copy, times] : found_) {
        if (!expected_.contains(copy))
            complain(copy.first + " of nobody: " + model::to_text(copy.second));
    }
}

std::uint64_t OutboxWorld::consumed(const std::string& kind) const {
    const auto found = consumed_.find(kind);
    return found == consumed_.end() ? 0 : found->second;
}

}  // namespace penstock::simulation
