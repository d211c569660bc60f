// PushEnd: the dispatcher of one member for one of its lives: the real Scheduler between the node
// and a simulated sink that accepts, fails, throttles and hangs. Owned by the Nemesis, outlives the
// node it is attached to; one test, one thread.
#pragma once

#include "broker/base/random.h"
#include "broker/node/node.h"
#include "dispatcher/scheduler.h"
#include "tests/cluster/receiver.h"
#include "tests/support/manual_clock.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace penstock::cluster::testing {

class PushEnd final : public api::DeliveryListener {
  public:
    PushEnd(Receiver& receiver, const penstock::testing::ManualClock& clock, std::uint64_t seed)
        : receiver_(receiver), clock_(clock), random_(seed) {}

    void on_target(api::Target target) override;
    void on_target_gone(model::SubscriptionNo subscription) override;
    void on_deliveries(std::vector<api::Delivery> deliveries) override;

    // What is due at this moment. `calm`: the sink accepts everything at once.
    void step(node::Node& node, bool calm);

  private:
    struct Answer {
        std::uint64_t ticket = 0;
        bool accepted = false;
        sinks::AttemptResult result;
    };

    void begin(const dispatcher::Flight& flight, bool calm);
    void end_due();
    void settle(node::Node& node, dispatcher::DueSettlement due);

    Receiver& receiver_;
    const penstock::testing::ManualClock& clock_;
    SeededRandom random_;
    dispatcher::Scheduler scheduler_{dispatcher::SchedulerLimits{}};
    std::multimap<std::int64_t, Answer> answers_;         // by the time they come
    std::map<std::uint64_t, api::Delivery> under_way_;    // by ticket
    std::map<model::SubscriptionNo, std::string> names_;  // of targets, also of gone ones
};

}  // namespace penstock::cluster::testing
