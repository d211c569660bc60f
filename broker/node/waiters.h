// Waiters: the long polls, oldest first per queue. A plain class stepped by the node: it knows no
// clock and starts no lease itself. Owned by the Node, broker thread only. An idle waiter costs its
// Call and three tree nodes (under 1 KiB).
#pragma once

#include "broker/model/ids.h"
#include "broker/node/call.h"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

namespace penstock::node {

struct Receive {
    CallPtr call;
    model::QueueNo queue;
    std::uint32_t messages_max = 1;
    std::uint32_t visibility_ms = 0;  // 0: the queue's
    std::int64_t until_us = 0;        // when the poll ends, monotonic
};

class Waiters {
  public:
    enum class Place : std::uint8_t { back, front };  // front: it was woken in vain

    void add(Receive receive, Place place = Place::back);

    // Removes and gives up to `at_most` waiters of the queue, oldest first.
    std::vector<Receive> wake(model::QueueNo queue, std::size_t at_most);

    // Removes and gives those whose time is over.
    std::vector<Receive> expire(std::int64_t now_us);

    // Removes and gives its receive; nothing when the call does not wait.
    std::optional<Receive> cancel(const CallPtr& call);

    [[nodiscard]] std::optional<std::int64_t> next_deadline_us() const;

    [[nodiscard]] std::size_t size() const { return by_call_.size(); }

    [[nodiscard]] std::size_t size(model::QueueNo queue) const;

  private:
    using Line = std::list<Receive>;
    using ByDeadline = std::multimap<std::int64_t, const Call*>;

    struct Where {
        Line::iterator receive;
        ByDeadline::iterator deadline;
    };

    Receive remove(std::map<const Call*, Where>::iterator found);

    std::map<model::QueueNo, Line> lines_;
    ByDeadline by_deadline_;
    std::map<const Call*, Where> by_call_;
};

}  // namespace penstock::node
