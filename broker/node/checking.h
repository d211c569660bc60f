// Checking: who waits to ask producers of transactional messages what became of them. A check falls
// due in the core and waits there until somebody takes it; here those wait who would. The oldest
// waiter takes it. Owned by the DataDesk, broker thread only.
#pragma once

#include "broker/base/clock.h"
#include "broker/node/completions.h"
#include "broker/node/hosted_set.h"
#include "broker/node/options.h"
#include "broker/node/waiters.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace penstock::node {

class Checking {
  public:
    Checking(HostedSet& data,
             Completions& completions,
             const Clock& clock,
             const NodeOptions& options,
             std::function<void(const CallPtr&)> resumed);

    // Takes checks now, at most `messages_max`, or waits until `until_us`; refused when the queue
    // takes no transactional messages.
    void start(Receive take);

    // A check fell due in the queue, or the queue is gone.
    void wake(model::QueueNo queue);

    // Polls whose time is over answer that there is nothing.
    void expire(std::int64_t now_us);

    // Its caller is gone: a poll ends now and takes nothing.
    void forget(const CallPtr& call);

    // The node stops, or another leads the set: every poll ends.
    void stop();

    [[nodiscard]] std::optional<std::int64_t> next_deadline_us() const {
        return waiters_.next_deadline_us();
    }

  private:
    void take(Receive take);
    void wait(Receive take, Waiters::Place place);
    void give_up(const CallPtr& call);
    void answer(const CallPtr& call, api::TakenChecks taken);

    HostedSet& data_;
    Completions& completions_;
    const Clock& clock_;
    const NodeOptions& options_;
    std::function<void(const CallPtr&)> resumed_;  // its poll is over: the time-out runs again
    Waiters waiters_;
};

}  // namespace penstock::node
