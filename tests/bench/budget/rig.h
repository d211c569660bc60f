// Rig: a whole node (core, log, rows in RocksDB) on a temporary folder that counts what it spends.
// The clock stands still unless moved and there are no threads of ours, so two runs spend the same
// to the byte. What is refused or fails ends the program. One test, one thread.
#pragma once

#include "broker/base/check.h"
#include "broker/base/random.h"
#include "broker/node/node.h"
#include "tests/bench/budget/counting_disk.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

#include <algorithm>
#include <any>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::budget {

// A dispatcher that takes what it is given.
class Taken final : public api::DeliveryListener {
  public:
    void on_target(api::Target /*target*/) override {}

    void on_target_gone(model::SubscriptionNo /*subscription*/) override {}

    void on_deliveries(std::vector<api::Delivery> more) override {
        for (api::Delivery& one : more) deliveries.push_back(std::move(one));
    }

    std::vector<api::Delivery> deliveries;
};

class Rig {
  public:
    explicit Rig(std::uint16_t data_sets = 1);

    // Everything spent so far.
    [[nodiscard]] Spent spent() const;

    // The request's reply; steps until it is there.
    template <class R>
    typename R::Reply ask(R request) {
        std::optional<typename R::Reply> reply;
        const auto keep = [&reply](typename R::Reply& given) {
            reply = std::move(given);
        };
        start<R>(api::Request(std::move(request)), keep);
        step_until_answered();
        return std::move(*reply);
    }

    // Asks `requests`, all of kind R, `per_turn` of them in each turn; `each` gets the replies.
    template <class R, class Each>
    void ask_all(std::vector<api::Request>& requests, std::size_t per_turn, const Each& each) {
        for (std::size_t at = 0; at < requests.size();) {
            for (const std::size_t end = std::min(requests.size(), at + per_turn); at < end; ++at) {
                start<R>(std::move(requests[at]), each);
            }
            step_until_answered();
        }
        requests.clear();
    }

    // Hands outcomes in and steps until they are durable.
    void settle(api::Dispatch::Settlement settlement);

    // Grants credit and steps until that much was handed out; what was, in order.
    std::vector<api::Delivery> take(model::SubscriptionNo subscription, std::uint32_t count);

    // Steps until there is nothing to do at this moment.
    void settle_down();

    void step();

    testing::ManualClock clock;

  private:
    template <class R, class Each>
    void start(api::Request request, const Each& each) {
        ++asked_;
        // Fits into the function without memory of its own.
        auto answer = [this, &each](std::any outcome) {
            auto& reply = std::any_cast<api::Outcome<typename R::Reply>&>(outcome);
            check(reply.has_value(), reply ? "" : reply.error().detail.c_str());
            each(*reply);
            ++answered_;
        };
        node_->call(principal_, std::move(request), {}, answer);
    }

    void step_until_answered();

    Spent spent_;
    testing::TempFolder folder_;
    PosixDisk posix_;
    CountingDisk disk_{posix_, spent_};
    SeededRandom random_{7};
    node::Offload offload_{node::Offload::Kind::stepped};
    api::Principal principal_{"budget", true};
    Taken taken_;
    std::optional<node::Node> node_;
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
};

}  // namespace penstock::budget
