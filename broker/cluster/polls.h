// Polls: requests that may wait long for their answer, on their way between nodes. ServedPolls are
// those of other nodes' clients that wait here: when this node ceases to lead their set, those
// nodes are told and ask the next leader themselves. Handed on from here they would end with this
// node's links, and what they lease then would reach nobody. Owned by Forwarding, broker thread
// only.
#pragma once

#include "broker/api/requests.h"
#include "broker/node/call.h"
#include "broker/replication/transport/peers.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace penstock::cluster {

// How much longer than others a request may take, in microseconds; 0: it is no poll. Of a receive
// that does not say how long it waits: as long as a queue may say.
[[nodiscard]] std::int64_t poll_us(const api::Request& request);

// For a receive that is asked again: of what is left of its time, `left_us`, all but `answer_us` is
// for its wait. One whose queue says how long it waits, which is not known here, does not wait
// again where the longest wait would be too long. Other requests stay as they are.
void shorten(api::Request& request, std::int64_t left_us, std::int64_t answer_us);

class ServedPolls {
  public:
    void add(const node::CallPtr& call, replication::transport::Respond respond);

    // Answers the node that sent the call with `answer`, if it was added and is not answered;
    // false: it was not added.
    bool give_back(const node::CallPtr& call, std::string answer);

  private:
    struct Served {
        std::weak_ptr<node::Call> call;
        replication::transport::Respond respond;
    };

    static constexpr std::size_t swept_at_least = 1'024;

    std::map<const node::Call*, Served> polls_;  // some answered ones among them: at most half
    std::size_t sweep_at_ = swept_at_least;
};

}  // namespace penstock::cluster
