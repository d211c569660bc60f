// LetterSearch: finds dead letters by their ids, however many the queue holds: a bounded look a
// turn, until all are found, the queue ends, or the request's time is over. Owned by its own
// callbacks, broker thread only.
#pragma once

#include "broker/core/letter_search.h"
#include "broker/node/completions.h"
#include "broker/node/hosted_set.h"

#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace penstock::node {

class LetterSearch : public std::enable_shared_from_this<LetterSearch> {
  public:
    using Letters = std::vector<core::DeadLetter>;

    // `found` gets what is there of them, in the order of the queue; it is not called when the call
    // is answered before, or another node has come to lead the set.
    LetterSearch(HostedSet& data,
                 Completions& completions,
                 CallPtr call,
                 model::QueueNo queue,
                 const std::vector<model::MessageId>& wanted,
                 std::function<void(Letters)> found);

    void go_on();

  private:
    HostedSet& data_;
    Completions& completions_;
    CallPtr call_;
    model::QueueNo queue_;
    std::set<model::MessageId> wanted_;
    std::function<void(Letters)> found_;
    Letters letters_;
    model::Sequence next_ = 0;
};

}  // namespace penstock::node
