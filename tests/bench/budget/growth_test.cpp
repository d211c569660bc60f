// What an operation costs does not grow with what is stored: a hundred of each kind beside a few
// messages, and beside 100,000. Here for a whole node, reads of bodies and memory included;
// tests/simulation/work_bound_test.cpp has every command, on the core alone.
#include "tests/bench/budget/rig.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::budget {

namespace {

constexpr std::size_t operations = 100;
constexpr std::size_t few = 640;
constexpr std::size_t many = 102'400;
constexpr std::size_t batch = 16;
constexpr std::size_t per_turn = 64;
constexpr std::size_t several_steps = 4'096;  // of a job

// Numbers get longer and a sorted map deeper; RocksDB takes memory by the megabyte.
constexpr double grown_ratio_max = 1.2;
constexpr std::uint64_t grown_count_max = operations / 2;
constexpr std::uint64_t grown_bytes_max = operations * 16;
constexpr std::uint64_t memtable_step_bytes = 2U << 20;

const std::string queue_name = "orders";
const std::string topic_name = "news";
const std::string subscription_name = "news/hook";

constexpr auto any_reply = [](auto& /*reply*/) {
};

std::uint64_t slack_of(Figure figure) {
    switch (figure) {
        case Figure::heap_bytes:
            return memtable_step_bytes;
        case Figure::row_bytes:
        case Figure::log_bytes:
        case Figure::other_bytes:
            return grown_bytes_max;
        default:
            return grown_count_max;
    }
}

// The figures of which `large` has notably more than `small`.
std::vector<std::string> grown(const Spent& small, const Spent& large) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < figure_names.size(); ++at) {
        const auto figure = static_cast<Figure>(at);
        const double bound = grown_ratio_max * static_cast<double>(small.of(figure)) +
                             static_cast<double>(slack_of(figure));
        if (static_cast<double>(large.of(figure)) <= bound) continue;
        names.push_back(std::string(figure_names.at(at)) + " from " +
                        std::to_string(small.of(figure)) + " to " +
                        std::to_string(large.of(figure)));
    }
    return names;
}

// A node with a queue and a topic, and what the cases do to them.
struct Stage {
    Stage() {
        api::QueueChange change;
        change.rewind_s = 3'600;
        change.retention_s = 7'200;
        change.messages_max = 1'000'000'000;
        rig.ask(api::CreateQueue{queue_name, change});
        rig.ask(api::CreateTopic{topic_name, {}});
        api::Subscribe subscribe;
        subscribe.topic = topic_name;
        subscribe.name = "hook";
        subscribe.spec.endpoint = "http://127.0.0.1:9000/hook";
        subscribe.spec.retry = model::custom_retry({1'000});
        subscription = model::SubscriptionNo{rig.ask(subscribe).number};
        rig.settle_down();
    }

    template <class R>
    void add(R request, std::size_t messages, std::size_t per_request) {
        request.messages.assign(per_request, {{}, "some body"});
        std::vector<api::Request> requests(messages / per_request, api::Request(request));
        rig.ask_all<R>(requests, per_turn, any_reply);
        rig.settle_down();
    }

    void send(std::size_t messages, std::size_t per_request = batch) {
        api::SendMessages request;
        request.queue = queue_name;
        add(std::move(request), messages, per_request);
    }

    void publish(std::size_t messages, std::size_t per_request = batch) {
        api::PublishMessages request;
        request.topic = topic_name;
        add(std::move(request), messages, per_request);
    }

    std::vector<model::Receipt> receive(std::size_t messages, std::size_t per_request = batch) {
        api::ReceiveMessages request;
        request.queue = queue_name;
        request.messages_max = static_cast<std::uint32_t>(per_request);
        request.wait_s = 0;
        request.visibility_s = 3'600;
        std::vector<api::Request> requests(messages / per_request, api::Request(request));
        std::vector<model::Receipt> receipts;
        const auto keep = [&receipts](const api::ReceivedMessages& got) {
            for (const auto& one : got.messages) receipts.push_back(one.receipt);
        };
        rig.ask_all<api::ReceiveMessages>(requests, per_turn, keep);
        check(receipts.size() == messages, "all are received");
        return receipts;
    }

    void remove(const std::vector<model::Receipt>& receipts) {
        std::vector<api::Request> requests;
        for (const model::Receipt& receipt : receipts) {
            requests.emplace_back(api::DeleteMessages{queue_name, {receipt}});
        }
        rig.ask_all<api::DeleteMessages>(requests, 1, any_reply);
    }

    // Hands out `messages` and settles them, so many at a time.
    void push(std::size_t messages, std::uint32_t at_a_time, model::Verdict verdict) {
        for (std::size_t done = 0; done < messages; done += at_a_time) {
            api::Dispatch::Settlement settlement;
            settlement.subscription = subscription;
            for (const api::Delivery& one : rig.take(subscription, at_a_time)) {
                model::SettleItem item;
                item.sequence = one.sequence;
                item.generation = one.generation;
                item.verdict = verdict;
                model::Attempt attempt;
                attempt.sequence = one.sequence;
                attempt.message = one.message;
                attempt.at_ms = rig.clock.wall_ms();
                attempt.verdict = verdict;
                if (verdict != model::Verdict::accepted) {
                    item.failure = model::Failure::status;
                    attempt.failure = item.failure;
                }
                settlement.items.push_back(std::move(item));
                settlement.attempts.push_back(std::move(attempt));
            }
            rig.settle(std::move(settlement));
        }
        rig.settle_down();
    }

    Spent spend(const std::function<void()>& what) {
        const Spent before = rig.spent();
        what();
        Spent after = rig.spent();
        return after -= before;
    }

    Rig rig;
    model::SubscriptionNo subscription;
};

// A case prepares a stage with so many messages stored and gives what its operations cost there.
void expect_no_growth(const std::function<Spent(Stage& stage, std::size_t stored)>& operate) {
    Stage small_stage;
    const Spent small = operate(small_stage, few);
    Stage large_stage;
    const Spent large = operate(large_stage, many);
    EXPECT_EQ(grown(small, large), std::vector<std::string>{});
    // Of an operation that costs nothing nothing is learnt.
    EXPECT_GT(small.of(Figure::allocations), operations / 10);
}

TEST(Growth, IsSeenInEveryFigure) {
    for (std::size_t at = 0; at < figure_names.size(); ++at) {
        Spent small;
        small.figures.fill(10'000'000);
        Spent large = small;
        EXPECT_EQ(grown(small, large).size(), 0U);
        large.figures.at(at) = 13'000'000 + memtable_step_bytes;
        ASSERT_EQ(grown(small, large).size(), 1U);
        EXPECT_TRUE(grown(small, large)[0].starts_with(figure_names.at(at)));
    }
}

TEST(Growth, SendsCostTheSameBesideManyMessages) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.send(stored);
        return stage.spend([&] { stage.send(operations, 1); });
    });
}

TEST(Growth, ReceivesCostTheSameBesideManyMessages) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.send(stored);
        stage.receive(stored / 2);
        return stage.spend([&] { stage.receive(operations, 1); });
    });
}

TEST(Growth, DeletesOutOfOrderCostTheSameBesideManyHolesAndLeases) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.send(stored);
        // Every other one, so that each delete leaves a hole of its own.
        std::vector<model::Receipt> chosen;
        const auto receipts = stage.receive(stored / 2);
        for (std::size_t at = 1; at < receipts.size(); at += 2) chosen.push_back(receipts[at]);
        const auto last = chosen.end() - static_cast<std::ptrdiff_t>(operations);
        stage.remove({chosen.begin(), last});
        return stage.spend([&] { stage.remove({last, chosen.end()}); });
    });
}

TEST(Growth, PublishesCostTheSameBesideManyMessages) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.publish(stored);
        return stage.spend([&] { stage.publish(operations, 1); });
    });
}

TEST(Growth, PushesAndOutcomesCostTheSameBesideALongBacklog) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.publish(stored);
        return stage.spend([&] { stage.push(operations, 1, model::Verdict::accepted); });
    });
}

TEST(Growth, FailuresCostTheSameBesideManyThatWaitForARetry) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.publish(stored);
        stage.push(stored / 2, per_turn, model::Verdict::retry);
        return stage.spend([&] { stage.push(operations, 1, model::Verdict::retry); });
    });
}

TEST(Growth, MessagesThatExpireCostTheSameBesideManyThatDoNot) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.send(operations, 10);
        stage.rig.clock.advance_ms(3'600'000);
        stage.send(stored);
        stage.rig.clock.advance_ms(3'700'000);
        return stage.spend([&] { stage.rig.settle_down(); });
    });
}

TEST(Growth, ARewindIsAnsweredAtTheSameCostHoweverFarItGoesBack) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        const model::TimeMs began_ms = stage.rig.clock.wall_ms();
        stage.rig.clock.advance_ms(1'000);
        stage.send(stored);
        stage.remove(stage.receive(stored / 2));
        return stage.spend([&] {
            for (std::size_t at = 0; at < operations; ++at) {
                stage.rig.ask(api::RewindQueue{queue_name, began_ms});
            }
        });
    });
}

TEST(Growth, AStepOfARedriveCostsTheSameHoweverManyLettersThereAre) {
    constexpr int steps = 3;
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stored = std::max(stored, several_steps);
        stage.publish(stored);
        stage.push(stored, per_turn, model::Verdict::rejected);
        api::RedriveDeadLetters redrive;
        redrive.queue = subscription_name;
        return stage.spend([&] {
            stage.rig.ask(redrive);
            for (int at = 0; at < steps; ++at) stage.rig.step();
        });
    });
}

TEST(Growth, FirstPagesCostTheSameOfLongLists) {
    expect_no_growth([](Stage& stage, std::size_t stored) {
        stage.send(stored);
        stage.publish(stored);
        stage.push(stored / 2, per_turn, model::Verdict::rejected);
        api::PeekMessages peek;
        peek.queue = queue_name;
        api::ListDeadLetters letters;
        letters.queue = subscription_name;
        api::ListDeliveries deliveries;
        deliveries.subscription = subscription_name;
        return stage.spend([&] {
            EXPECT_EQ(stage.rig.ask(peek).items.size(), peek.limit);
            EXPECT_EQ(stage.rig.ask(letters).items.size(), letters.limit);
            EXPECT_EQ(stage.rig.ask(deliveries).items.size(), deliveries.limit);
        });
    });
}

}  // namespace

}  // namespace penstock::budget
