// A function that counts its messages, under crashes at random points: each message adds one to a
// counter that is read and written back, one to a counter that is added to blindly, one message to
// a queue and one to a topic. However often it is handled, all of them say how many messages were
// settled. The seed is printed with every failure; --seed N plays that one alone.
#include "broker/base/check.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/referee.h"
#include "tests/simulation/seed.h"
#include "tests/support/memory_disk.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::simulation {
namespace {

constexpr int acts_per_seed = 700;
constexpr std::uint64_t seeds_by_default = 10;
constexpr std::uint64_t seeds_in_full = 300;
constexpr std::uint32_t credit = 12;
constexpr std::size_t held_max = 40;

using Met = std::map<std::string, std::uint64_t>;

// The dispatcher with its handler; outlives machines.
class Counting final : public api::DeliveryListener {
  public:
    // Without `tells_reads` the handler keeps to itself what its counter rests on.
    Counting(Random& random, Met& met, bool tells_reads)
        : random_(random), met_(met), tells_reads_(tells_reads) {}

    void attach(Machine& machine) {
        machine_ = &machine;
        machine.node().attach(*this);
    }

    // The machine died: what it still says is not heard.
    void died() {
        machine_ = nullptr;
        ++life_;
        held_.clear();
    }

    void act() {
        if (random_.below(3) == 0 && held_.size() < held_max) return publish();
        handle_one();
    }

    // Handles all there is without any mishap; false when there was nothing.
    bool handle_all() {
        careful_ = true;
        const bool any = !held_.empty();
        while (!held_.empty()) handle_one();
        return any;
    }

    void on_target(api::Target target) override {
        function_ = target.subscription;
        machine_->node().grant(function_, credit);
    }

    void on_target_gone(model::SubscriptionNo) override {}

    void on_deliveries(std::vector<api::Delivery> deliveries) override {
        for (api::Delivery& delivery : deliveries) held_.push_back(std::move(delivery));
    }

    [[nodiscard]] model::SubscriptionNo function() const { return function_; }

    // Published for certain, and settled for certain.
    [[nodiscard]] const std::set<Token>& published() const { return published_; }

    [[nodiscard]] const std::set<Token>& settled() const { return settled_; }

  private:
    void publish() {
        api::PublishMessages request;
        request.topic = "events";
        std::vector<Token> tokens;
        for (std::uint64_t count = 1 + random_.below(3); count > 0; --count) {
            tokens.push_back(next_++);
            request.messages.push_back({{}, payload_of(tokens.back())});
        }
        machine_->ask<api::PublishMessages>(std::move(request),
                                            [this, tokens, life = life_](const auto& outcome) {
                                                if (!outcome || life != life_) return;
                                                published_.insert(tokens.begin(), tokens.end());
                                                met_["published"] += tokens.size();
                                            });
    }

    void handle_one() {
        if (held_.empty()) return;
        const auto at = static_cast<std::ptrdiff_t>(random_.below(held_.size()));
        api::Delivery delivery = std::move(held_[static_cast<std::size_t>(at)]);
        held_.erase(held_.begin() + at);
        machine_->node().grant(function_, 1);
        read(std::move(delivery), 0);
    }

    void read(api::Delivery delivery, unsigned reruns) {
        machine_->node().read_kv(
            function_,
            "read",
            [this, delivery = std::move(delivery), reruns, life = life_](const api::KvRow& row) {
                if (life == life_) answer(delivery, row, reruns);
            });
    }

    void answer(const api::Delivery& delivery, const api::KvRow& row, unsigned reruns) {
        if (reruns > model::kv_reruns_max) return settle(delivery, deferred(delivery), reruns);
        const std::uint64_t dice = careful_ ? 9 : random_.below(10);
        if (dice == 0) return settle(delivery, failed(delivery), reruns);
        settle(delivery, counted(delivery, row), reruns);
        // A dispatcher that lost its memory says so twice.
        if (dice == 1) settle(delivery, counted(delivery, row), reruns);
    }

    [[nodiscard]] api::Dispatch::Settlement outcome(const api::Delivery& delivery) const {
        api::Dispatch::Settlement settlement;
        settlement.subscription = function_;
        model::SettleItem item;
        item.sequence = delivery.sequence;
        item.generation = delivery.generation;
        settlement.items.push_back(item);
        model::Attempt attempt;
        attempt.sequence = delivery.sequence;
        attempt.message = delivery.message;
        attempt.number = delivery.attempt;
        settlement.attempts.push_back(std::move(attempt));
        return settlement;
    }

    [[nodiscard]] api::Dispatch::Settlement counted(const api::Delivery& delivery,
                                                    const api::KvRow& row) const {
        const std::uint64_t before = row.version == 0 ? 0 : std::stoull(row.value);
        api::HandlerEffects effects;
        effects.outputs.resize(2);
        effects.outputs[0].queue = "done";
        effects.outputs[1].topic = "echo";
        for (api::HandlerOutput& output : effects.outputs)
            output.message.payload = delivery.payload;
        effects.writes.push_back(
            {model::KvWrite::Kind::put, "read", std::to_string(before + 1), 0, 0});
        effects.writes.push_back({model::KvWrite::Kind::add, "added", {}, 1, 0});
        if (tells_reads_) effects.reads.push_back({"read", row.version});
        auto settlement = outcome(delivery);
        settlement.effects.push_back(std::move(effects));
        return settlement;
    }

    // With effects that must not happen.
    [[nodiscard]] api::Dispatch::Settlement failed(const api::Delivery& delivery) const {
        auto settlement = counted(delivery, {});
        settlement.effects[0].reads.clear();
        settlement.items[0].verdict = model::Verdict::retry;
        settlement.items[0].failure = model::Failure::handler;
        return settlement;
    }

    [[nodiscard]] api::Dispatch::Settlement deferred(const api::Delivery& delivery) const {
        auto settlement = outcome(delivery);
        settlement.items[0].verdict = model::Verdict::not_attempted;
        settlement.items[0].failure = model::Failure::kv_moved;
        settlement.attempts.clear();
        return settlement;
    }

    void settle(const api::Delivery& delivery,
                api::Dispatch::Settlement settlement,
                unsigned reruns) {
        const model::Verdict verdict = settlement.items[0].verdict;
        machine_->node().settle(
            std::move(settlement),
            [this, delivery, reruns, verdict, life = life_](const api::Dispatch::Settled& settled) {
                if (life != life_) return;
                if (!settled.moved.empty()) {
                    ++met_["moved"];
                    return read(delivery, reruns + 1);
                }
                ++met_[std::string(to_text(verdict))];
                if (verdict == model::Verdict::accepted) {
                    settled_.insert(token_of(delivery.payload).value());
                }
            });
    }

    Random& random_;
    Met& met_;
    Machine* machine_ = nullptr;
    model::SubscriptionNo function_;
    std::vector<api::Delivery> held_;
    std::set<Token> published_;
    std::set<Token> settled_;
    Token next_ = 1;
    std::uint64_t life_ = 0;
    bool tells_reads_;
    bool careful_ = false;
};

template <class R>
typename R::Reply must(Machine& machine, R request) {
    auto outcome = machine.ask_now(std::move(request));
    check(outcome.has_value(), "the machine of a simulation answers");
    return std::move(*outcome);
}

class World {
  public:
    World(std::uint64_t seed, Met& met, bool tells_reads = true)
        : random_(seed), met_(met), counting_(random_, met_, tells_reads) {
        start();
        for (const char* topic : {"events", "echo"}) must(*machine_, api::CreateTopic{topic, {}});
        must(*machine_, api::CreateQueue{"done", {}});
        api::Subscribe request;
        request.topic = "events";
        request.name = "counter";
        request.spec.sink = model::SinkKind::lua;
        request.spec.function.memory_mib = 16;
        request.spec.retry = model::custom_retry(std::vector<std::uint32_t>(150, 500));
        model::Script script;
        script.code = "-- simulated";
        request.scripts = {script};
        must(*machine_, request);
        counting_.attach(*machine_);
    }

    void run(int acts) {
        for (int at = 0; at < acts; ++at) {
            counting_.act();
            if (random_.below(3) != 0) step();
            clock_.advance_us(static_cast<std::int64_t>(random_.below(60'000)));
            if (random_.below(40) == 0) crash();
        }
    }

    struct Counts {
        std::vector<Token> done;  // what the queue got
        std::string read;
        std::string added;
        std::uint64_t echoed = 0;
    };

    // After one more crash all that is left is handled.
    Counts finish() {
        crash();
        for (int rest = 0; rest < 5; rest = counting_.handle_all() ? 0 : rest + 1) {
            EXPECT_TRUE(machine_->run());
            clock_.advance_ms(1'000);
        }
        return {
            drain(), row("read"), row("added"), must(*machine_, api::GetTopic{"echo"}).messages};
    }

    void expect_each_message_counted_once() {
        const Counts counts = finish();
        const std::set<Token> once(counts.done.begin(), counts.done.end());
        EXPECT_EQ(counts.done.size(), once.size()) << "a message came twice";
        for (const Token token : counting_.published()) {
            EXPECT_TRUE(once.contains(token)) << "message " << token << " is lost";
        }
        for (const Token token : counting_.settled()) {
            EXPECT_TRUE(once.contains(token)) << "message " << token << " left nothing behind";
        }
        EXPECT_EQ(counts.read, std::to_string(once.size()));
        EXPECT_EQ(counts.added, std::to_string(once.size()));
        EXPECT_EQ(counts.echoed, once.size());
    }

  private:
    void start() {
        machine_ = std::make_unique<Machine>(disk_, rows_, clock_, random_);
        const auto started = machine_->start();
        ASSERT_TRUE(started) << started.error().detail;
    }

    void step() {
        const auto stepped = machine_->step();
        ASSERT_TRUE(stepped) << stepped.error().detail;
    }

    // Half of the crashes come in the middle of a turn.
    void crash() {
        ++met_["crashes"];
        if (random_.below(2) == 0) break_disk();
        counting_.died();
        machine_.reset();
        disk_.heal();
        disk_.crash(random_.next());
        clock_.advance_ms(static_cast<std::int64_t>(random_.below(2'000)));
        start();
        counting_.attach(*machine_);
    }

    void break_disk() {
        for (std::uint64_t acts = random_.below(8); acts > 0; --acts) counting_.act();
        if (random_.below(3) == 0) {
            disk_.fail_syncs_from(1 + random_.below(2), Errc::io);
        } else {
            disk_.stop_after(random_.below(6));
        }
        for (int turn = 0; turn < 10; ++turn) {
            if (!machine_->step()) return;
            counting_.act();
        }
    }

    std::vector<Token> drain() {
        std::vector<Token> tokens;
        while (true) {
            api::ReceiveMessages request;
            request.queue = "done";
            request.messages_max = 16;
            request.wait_s = 0;
            request.visibility_s = 43'200;
            const auto reply = must(*machine_, request);
            if (reply.messages.empty()) return tokens;
            for (const auto& message : reply.messages) {
                tokens.push_back(token_of(message.payload).value());
            }
        }
    }

    std::string row(const std::string& key) {
        std::string value = "never answered";
        machine_->node().read_kv(
            counting_.function(), key, [&value](const api::KvRow& row) { value = row.value; });
        step();
        return value;
    }

    SeededRandom random_;
    Met& met_;
    testing::ManualClock clock_;
    testing::MemoryDisk disk_;
    RowImages rows_;
    std::unique_ptr<Machine> machine_;
    Counting counting_;
};

TEST(ExactlyOnce, CounterQueueAndTopicSayHowManyMessagesWereSettledOverRandomCrashes) {
    Met met;
    for (const std::uint64_t seed :
         seeds_to_play(testing::is_full_size() ? seeds_in_full : seeds_by_default)) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ": play it alone with --seed " +
                     std::to_string(seed));
        World world(seed, met);
        world.run(acts_per_seed);
        world.expect_each_message_counted_once();
        if (HasFailure()) return;
    }
    for (const auto& [what, times] : met) std::cout << "  " << what << ": " << times << "\n";
    if (seeds_to_play(2).size() == 1) return;
    for (const char* what :
         {"published", "accepted", "retry", "not_attempted", "moved", "crashes"}) {
        EXPECT_GT(met[what], 10U) << what;
    }
}

// The test above is worth something: the counter is right because its reads travel.
TEST(ExactlyOnce, ACounterWhoseReadsAreNotToldLosesCounts) {
    Met met;
    World world(1, met, false);
    world.run(acts_per_seed);
    const World::Counts counts = world.finish();
    EXPECT_EQ(counts.added, std::to_string(counts.done.size()));
    EXPECT_LT(std::stoull(counts.read), counts.done.size());
}

}  // namespace
}  // namespace penstock::simulation
