// FramePacks: what the logs of a node's sets say to their peers. All that one turn says to a peer
// goes as one message: with many sets, frames are many and small, and each message of its own would
// wake two threads. Owned by ClusterNode, broker thread. A pack that cannot be read ends where it
// goes wrong: Raft does without lost frames.
//
//   pack = mark:u64 { length:varint frame }
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace penstock::cluster {

using model::NodeId;

class FramePacks {
  public:
    using Send = std::function<void(NodeId to, std::string pack)>;

    explicit FramePacks(Send send) : send_(std::move(send)) {}

    // `mark`: of the sender's cluster. A pack that has grown large goes at once.
    void add(NodeId to, std::uint64_t mark, std::string_view frame);

    // Everything that waits goes.
    void flush();

    // Each frame of a pack; false: it has another mark, or is malformed somewhere.
    static bool open(std::string_view pack,
                     std::uint64_t mark,
                     const std::function<void(std::string_view)>& take);

  private:
    Send send_;
    std::map<NodeId, std::string> packs_;
};

}  // namespace penstock::cluster
