// A topic whose queues are in sets that other nodes lead: each gets every message once, whatever
// builds the nodes are of.
#include "broker/cluster/words.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::publish;
using penstock::testing::receive;

constexpr int queues = 6;
constexpr int messages = 8;

std::string queue_name(int number) {
    return "q" + std::to_string(number);
}

// Transfers of a question; 0: it is none of them.
std::size_t transfers_in(const std::string& question) {
    if (question.empty() || static_cast<Word>(question.front()) != Word::submit) return 0;
    const auto submitted = decode_submit(std::string_view(question).substr(1));
    if (!submitted) return 0;
    const auto commands = model::decode_commands(submitted->command);
    if (!commands) return 0;
    return static_cast<std::size_t>(
        std::count_if(commands->begin(), commands->end(), [](const model::Command& command) {
            return std::holds_alternative<model::Transfer>(command);
        }));
}

class FanOut {
  public:
    explicit FanOut(World& world) : world_(world) {
        world_.found();
        for (int number = 0; number < queues; ++number) {
            check(world_.ask(1, create_queue(queue_name(number))).has_value(), "queue");
        }
        check(world_.ask(1, api::CreateTopic{"news", {}}).has_value(), "topic");
        for (int number = 0; number < queues; ++number) {
            api::Subscribe subscribe;
            subscribe.topic = "news";
            subscribe.name = queue_name(number);
            subscribe.spec.sink = model::SinkKind::queue;
            subscribe.spec.endpoint = queue_name(number);
            check(world_.ask(1, subscribe).has_value(), "subscription");
        }
    }

    void publish_all() {
        for (int number = 0; number < messages; ++number) {
            const std::string body = "n" + std::to_string(number);
            check(world_.ask(1, publish("news", {body})).has_value(), "published");
            published_.insert(body);
        }
    }

    // What the queue holds, or why not.
    std::multiset<std::string> take(int number) {
        std::multiset<std::string> got;
        for (int tries = 0; tries < 20 && got.size() < published_.size(); ++tries) {
            const auto received = world_.ask(1, receive(queue_name(number), 16, 1));
            if (!received) continue;
            for (const auto& message : received->messages) got.insert(message.payload);
        }
        return got;
    }

    [[nodiscard]] const std::multiset<std::string>& published() const { return published_; }

  private:
    World& world_;
    std::multiset<std::string> published_;
};

MemberRules spread() {
    MemberRules rules;
    rules.data_sets = 3;
    return rules;
}

TEST(FanOut, EveryQueueGetsEachMessageOnceAndABodyGoesOnceToASet) {
    World world(71, 3, spread());
    FanOut fan(world);
    std::size_t together = 0;
    std::size_t most_bodies = 0;
    world.network.instead = [&](const std::string& question) {
        if (transfers_in(question) > 1) {
            ++together;
            const auto submitted = decode_submit(std::string_view(question).substr(1));
            most_bodies = std::max(most_bodies, submitted->bodies.size());
        }
        return std::optional<std::string>();
    };
    fan.publish_all();
    for (int number = 0; number < queues; ++number) {
        EXPECT_EQ(fan.take(number), fan.published()) << number;
    }
    // One publish at a time: its two queues of a set share one body.
    EXPECT_GT(together, 0U);
    EXPECT_EQ(most_bodies, 1U);
    EXPECT_TRUE(world.deaths().empty());
}

TEST(FanOut, ANodeOfABuildOfBeforeGetsOneAtATime) {
    World world(71, 3, spread());
    FanOut fan(world);
    std::size_t refused = 0;
    std::size_t singles = 0;
    world.network.instead = [&](const std::string& question) {
        const std::size_t transfers = transfers_in(question);
        if (transfers == 1) ++singles;
        if (transfers < 2) return std::optional<std::string>();
        ++refused;
        HandedAnswer answer;
        answer.heard = Heard::misunderstood;
        return std::optional(encode_answer(answer));
    };
    fan.publish_all();
    for (int number = 0; number < queues; ++number) {
        EXPECT_EQ(fan.take(number), fan.published()) << number;
    }
    EXPECT_GT(refused, 0U);
    EXPECT_GE(singles, 2 * refused);
}

}  // namespace
}  // namespace penstock::cluster::testing
