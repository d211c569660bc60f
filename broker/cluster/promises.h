// Promises: what a node that belongs to no cluster yet has answered to those who wanted to found
// one with it. A promise is a number drawn at random and durable before it is told: a node that is
// called to begin and holds it is the one that was asked, with the disk it had then. Owned by
// Founding, broker thread.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/replication/transport/hello.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::cluster {

using replication::transport::ClusterId;

inline constexpr std::size_t promises_max = 16;  // of callers that died; the oldest is forgotten

class Promises {
  public:
    Promises(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

    // What earlier runs promised. Error{damaged}: it cannot be read.
    Result<void> load();

    // A promise to found that cluster, durable when it returns.
    Result<std::uint64_t> give(ClusterId cluster, Random& random);

    [[nodiscard]] bool holds(ClusterId cluster, std::uint64_t promise) const;

  private:
    struct Promise {
        ClusterId cluster;
        std::uint64_t promise = 0;
    };

    Disk& disk_;
    std::string folder_;
    std::vector<Promise> given_;  // the oldest first
};

}  // namespace penstock::cluster
