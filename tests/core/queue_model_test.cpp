// Random commands to one queue, compared with the reference model after every one of them.
#include "tests/core/queue_model.h"

#include "broker/base/random.h"
#include "tests/core/commands.h"

#include <set>

namespace penstock::testing {

namespace {

constexpr std::uint64_t seeds = 4 * RANDOM_SEEDS;
constexpr int commands_per_seed = 300;
constexpr model::TimeMs visibility_ms = 5'000;

class Workload {
  public:
    // Every other seed has a queue that keeps order.
    explicit Workload(std::uint64_t seed)
        : ordered_(seed % 2 == 0),
          random_(seed),
          driver_(CoreDriver::data_set({static_cast<std::uint32_t>(seed % 5), 25})),
          model_(40, visibility_ms, ordered_) {
        model::QueueAttributes attributes = holding(40);
        attributes.ordered = ordered_;
        attributes.visibility_s = visibility_ms / 1'000;
        driver_.done(make_queue(orders, attributes));
    }

    void step() {
        switch (random_.below(12)) {
            case 0:
            case 1:
            case 2:
                return send_some();
            case 3:
            case 4:
            case 5:
                return lease_some();
            case 6:
            case 7:
            case 8:
                return remove_one();
            case 9:
                return change_one();
            case 10:
                return pass_time();
            default:
                if (random_.below(20) == 0) clear();
        }
    }

    // Every message sent was deleted, cleared or is still there: bodies say so in the end.
    void finish() {
        pass(1'000'000);
        drain();
        pass(1'000);
        driver_.check_invariants();
        EXPECT_EQ(driver_.live_bodies(), 0U);
        EXPECT_EQ(model_.size(), 0U);
    }

    void compare() {
        const auto expected = model_.counts(driver_.now_ms());
        const auto found = counts(driver_, orders);
        ASSERT_EQ(found.active, expected.active);
        ASSERT_EQ(found.inactive, expected.inactive);
        ASSERT_EQ(found.delayed, expected.delayed);
        const std::uint64_t receivable = core::receivable(driver_.rows(), orders);
        if (model_.any(driver_.now_ms())) {
            ASSERT_GT(receivable, 0U);
        }
        if (!ordered_) {
            ASSERT_EQ(receivable, expected.active);
        }
    }

  private:
    void send_some() {
        const auto count = static_cast<std::uint32_t>(1 + random_.below(5));
        const model::TimeMs delay_ms =
            random_.below(3) == 0 ? static_cast<model::TimeMs>(1 + random_.below(8'000)) : 0;
        auto infos = bodies(count);
        for (model::BodyInfo& info : infos) {
            info.meta.ordering_key = std::string(random_.below(3), 'k');
        }
        const auto replies =
            driver_.apply({make_send(orders, count, static_cast<std::uint64_t>(delay_ms))}, infos);
        std::vector<std::pair<model::MessageId, std::string>> ids;
        for (std::uint32_t at = 0; at < count; ++at) {
            ids.emplace_back(model::MessageId{model::first_data_set, driver_.index(), at},
                             infos[at].meta.ordering_key);
        }
        const bool taken = model_.send(ids, delay_ms, driver_.now_ms());
        ASSERT_EQ(std::holds_alternative<model::Sent>(replies[0]), taken);
    }

    void lease_some() {
        const auto count = static_cast<std::uint32_t>(1 + random_.below(4));
        const auto expected = model_.lease(count, driver_.now_ms());
        const auto got = receive(driver_, orders, count);
        ASSERT_EQ(got.size(), expected.size());
        for (std::size_t at = 0; at < got.size(); ++at) {
            ASSERT_EQ(got[at].message, expected[at]);
            ASSERT_EQ(got[at].receives, model_.receives(expected[at]));
            ASSERT_TRUE(receipts_.insert(got[at].receipt).second) << "a receipt came twice";
            model_.leased(got[at].message, got[at].receipt);
            recent_.push_back(got[at].receipt);
        }
    }

    model::Receipt some_receipt() {
        if (recent_.empty()) return model::Receipt{random_.next()};
        const std::size_t back = random_.below(std::min<std::size_t>(recent_.size(), 12));
        return recent_[recent_.size() - 1 - back];
    }

    void remove_one() {
        const model::Receipt receipt = some_receipt();
        const bool expected = model_.remove(receipt, driver_.now_ms());
        ASSERT_EQ(remove(driver_, orders, receipt), expected);
    }

    void change_one() {
        const model::Receipt receipt = some_receipt();
        const auto pause_ms = static_cast<std::uint32_t>(random_.below(3) * 4'000);
        const bool expected = model_.change_visibility(receipt, pause_ms, driver_.now_ms());
        const auto replies = driver_.apply({model::ChangeVisibility{orders, receipt, pause_ms}});
        ASSERT_EQ(std::holds_alternative<model::Done>(replies[0]), expected);
    }

    void pass(model::TimeMs pause_ms) {
        driver_.advance(pause_ms);
        driver_.run_due();
        model_.pass_to(driver_.now_ms());
    }

    void pass_time() { pass(static_cast<model::TimeMs>(random_.below(4'000))); }

    void clear() {
        driver_.done(model::ClearQueue{orders});
        model_.clear();
    }

    void drain() {
        while (model_.size() > 0) {
            lease_some();
            if (::testing::Test::HasFatalFailure()) return;
            const std::vector<model::Receipt> open(recent_.end() - 1, recent_.end());
            ASSERT_TRUE(model_.remove(open[0], driver_.now_ms()));
            ASSERT_TRUE(remove(driver_, orders, open[0]));
            pass(visibility_ms);
        }
    }

    bool ordered_;
    SeededRandom random_;
    CoreDriver driver_;
    QueueModel model_;
    std::set<model::Receipt> receipts_;
    std::vector<model::Receipt> recent_;
};

TEST(QueueAgainstItsModel, AgreesAfterEveryCommandUnderManySeeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Workload workload(seed);
        for (int at = 0; at < commands_per_seed; ++at) {
            workload.step();
            if (!HasFatalFailure()) workload.compare();
            if (HasFailure()) return;
        }
        workload.finish();
        if (HasFailure()) return;
    }
}

}  // namespace

}  // namespace penstock::testing
