// Receiving: receives and their long polls. A receive that finds nothing waits; when its queue has
// something visible it leases, fetches the bodies and answers. A damaged message is taken out of
// delivery and its neighbours flow on. Owned by the Node, broker thread only.
#pragma once

#include "broker/api/requests.h"
#include "broker/base/clock.h"
#include "broker/node/bodies.h"
#include "broker/node/completions.h"
#include "broker/node/hosted_set.h"
#include "broker/node/options.h"
#include "broker/node/waiters.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::node {

// Bodies of one answer together, unless it has one message only.
inline constexpr std::uint64_t received_bytes_max = 16U << 20;

class Receiving {
  public:
    Receiving(HostedSet& data,
              Bodies& bodies,
              Completions& completions,
              std::shared_ptr<Mailbox> mailbox,
              const Clock& clock,
              const NodeOptions& options,
              std::function<void(const CallPtr&)> resumed);

    // Leases now, or waits until `receive.until_us`.
    void start(Receive receive);

    // Something became visible in the queue.
    void wake(model::QueueNo queue);

    // `command` goes into an entry: whoever waits for what it brings leases in the same entry.
    void expect(const model::Command& command);

    // The queue is gone or its waiters must look again: all of them ask the core.
    void wake_all(model::QueueNo queue);

    // Polls whose time is over answer that there is nothing; receives that still wait for the key
    // service give back what they leased.
    void expire(std::int64_t now_us);

    // When expire() has something to do, on the monotonic clock; nothing: never, as things are.
    [[nodiscard]] std::optional<std::int64_t> next_us() const;

    // Its caller is gone: a poll ends now and leases nothing.
    void forget(const CallPtr& call);

    // The node stops: every poll ends.
    void stop();

    // Another node leads the set now: every poll goes on there for the rest of its time, in whole
    // seconds.
    void hand_over();

    // Leased messages whose key cannot be had now, or that are too much for one receive: they are
    // not counted as received, and come again once the key service may be asked again. A set that
    // is not yet at give_back_level keeps them leased.
    void give_back(model::QueueNo queue, std::vector<model::Receipt> receipts);

    // The body of a leased message is damaged.
    void quarantine(model::ObjectNo object, model::Sequence sequence, model::MessageId message);

    [[nodiscard]] const Waiters& waiters() const { return waiters_; }

    [[nodiscard]] std::uint64_t quarantined() const { return quarantined_; }

  private:
    // A receive whose bodies wait for the key service, with what it has leased.
    struct Opening {
        CallPtr call;
        model::QueueNo queue;
        std::vector<model::Receipt> receipts;
        std::int64_t until_us = 0;  // then it waits no longer
    };

    // Tells of the receive if it has to wait so; nothing where there are no keys.
    [[nodiscard]] Bodies::Waiting watching(const Receive& receive,
                                           const std::vector<model::LeasedMessage>& messages) const;
    void wake(model::QueueNo queue, std::size_t at_most);
    void begin_again(const Receive& receive);
    void watch(Opening opening);
    void lease(Receive receive);
    void leased(Receive receive, std::vector<model::LeasedMessage> messages);
    void wait(Receive receive, Waiters::Place place);
    void answer_empty(Receive receive);
    void answer_nothing(const CallPtr& call);
    void give_up(const CallPtr& call);

    HostedSet& data_;
    Bodies& bodies_;
    Completions& completions_;
    std::shared_ptr<Mailbox> mailbox_;
    const Clock& clock_;
    const NodeOptions& options_;
    std::function<void(const CallPtr&)> resumed_;  // its poll is over: the time-out runs again
    Waiters waiters_;
    std::multimap<std::int64_t, Opening> openings_;  // by until_us; no longer than their calls
    std::uint64_t quarantined_ = 0;
};

}  // namespace penstock::node
