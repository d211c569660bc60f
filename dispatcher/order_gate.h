// OrderGate: keeps the order of one subscription that wants it. While a delivery waits for a retry
// the core hands out nothing behind it, but what it had handed out before is already here or on its
// way. The gate tells which deliveries to hand back untried. Pure; owned by the scheduler.
//
// It rests on one fact: while anything of such a subscription fails, the core hands out the oldest
// failing delivery and nothing else. So a delivery that failed and comes again proves that all
// failing ones before it are gone; one that never failed was handed out too early.
#pragma once

#include "broker/api/dispatch.h"

#include <set>

namespace penstock::dispatcher {

class OrderGate {
  public:
    // True: it may be tried. False: it must go back; it counts as failing then.
    bool admit(const api::Delivery& delivery);

    // It was tried in vain, or goes back untried.
    void on_failed(model::Sequence sequence) { failing_.insert(sequence); }

    void on_accepted(model::Sequence sequence) { failing_.erase(sequence); }

    // Nothing fails, as far as is known here.
    [[nodiscard]] bool calm() const { return failing_.empty(); }

  private:
    std::set<model::Sequence> failing_;  // at most what is held, and what failed of it
    model::Generation generation_ = 0;
};

}  // namespace penstock::dispatcher
