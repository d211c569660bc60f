// SteppedNode: a Node in memory that a test steps itself: manual clock, memory disk and rows, no
// threads. ask() steps until the answer is there; nothing else moves time. One test, one thread.
#pragma once

#include "broker/base/check.h"
#include "broker/base/random.h"
#include "broker/node/node.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_disk.h"

#include <any>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

// A request on its way: empty until it is answered.
template <class R>
struct Asked {
    using Outcome = api::Outcome<typename R::Reply>;
    std::shared_ptr<std::optional<Outcome>> outcome = std::make_shared<std::optional<Outcome>>();
    std::shared_ptr<api::Cancellation> cancellation;

    [[nodiscard]] bool answered() const { return outcome->has_value(); }

    Outcome& operator*() const { return **outcome; }

    Outcome* operator->() const { return &**outcome; }
};

// What the dispatcher would see.
class RecordedDeliveries final : public api::DeliveryListener {
  public:
    void on_target(api::Target target) override {
        targets.insert_or_assign(target.subscription, std::move(target));
    }

    void on_target_gone(model::SubscriptionNo subscription) override {
        targets.erase(subscription);
    }

    void on_deliveries(std::vector<api::Delivery> deliveries) override {
        for (api::Delivery& delivery : deliveries) taken.push_back(std::move(delivery));
    }

    // All deliveries since the last call.
    std::vector<api::Delivery> take() { return std::exchange(taken, {}); }

    std::map<model::SubscriptionNo, api::Target> targets;
    std::vector<api::Delivery> taken;
};

class SteppedNode {
  public:
    explicit SteppedNode(node::NodeOptions node_options = {}) : options(std::move(node_options)) {
        options.data_folder = "data";
        options.log.segment_bytes = 1U << 20;
        options.log.reserve_segments = 0;
        options.flush_age_ms = 1'000'000'000;  // a restart replays all of the log
        open();
    }

    void open() {
        const auto rows = [](const std::string&) {
            return storage::make_memory_rows();
        };
        node.emplace(node::Node::World{disk, clock, random, offload, rows}, options);
        const auto opened = node->open();
        check(opened.has_value(), opened ? "" : opened.error().detail.c_str());
    }

    // The process ends without a word; what it forgets is replayed from the log.
    void restart() {
        node.reset();
        open();
    }

    void step() {
        const auto stepped = node->step();
        check(stepped.has_value(), stepped ? "" : stepped.error().detail.c_str());
    }

    // Steps until there is nothing to do at this moment.
    void settle_down() {
        for (int turn = 0; turn < 10'000; ++turn) {
            step();
            if (node->next_wake_us() > clock.steady_us()) return;
        }
        check(false, "the node never comes to rest");
    }

    void advance_ms(std::int64_t milliseconds) {
        clock.advance_ms(milliseconds);
        settle_down();
    }

    template <class R>
    Asked<R> start(R request) {
        Asked<R> asked;
        auto answer = [outcome = asked.outcome](std::any any) {
            check(!outcome->has_value(), "answered once");
            outcome->emplace(std::any_cast<typename Asked<R>::Outcome>(std::move(any)));
        };
        asked.cancellation =
            node->call(principal, api::Request(std::move(request)), {}, std::move(answer));
        return asked;
    }

    template <class R>
    typename Asked<R>::Outcome ask(R request) {
        Asked<R> asked = start(std::move(request));
        for (int turn = 0; turn < 1'000 && !asked.answered(); ++turn) step();
        check(asked.answered(), "a request is answered without time going on");
        return std::move(*asked);
    }

    api::Principal principal;  // whose requests they are
    MemoryDisk disk;
    ManualClock clock;
    SeededRandom random{7};
    node::Offload offload{node::Offload::Kind::stepped};
    node::NodeOptions options;
    std::optional<node::Node> node;
};

}  // namespace penstock::testing
