// OwnRates: the rates that queues and topics have set for themselves, as far as this node leads
// them: the node tells (node/rates.h), the quotas ask (quotas.h). Names are stored ones. Any
// thread; while no object has a rate of its own asking takes no lock.
#pragma once

#include "broker/base/short_lock.h"
#include "broker/model/ids.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace penstock::api {

// One queue has one name, however its letters are written: by which its rates are remembered. A
// topic's is as it is.
[[nodiscard]] std::string rated_name(bool topic, std::string_view name);

class OwnRates {
  public:
    // Messages a second of an object of `set`, 1-model::messages_per_s_most; 0: it has no rate of
    // its own, or is gone. At most one entry for each queue and topic there is.
    void set(model::SetId set, bool topic, std::string_view name, std::uint32_t messages_per_s);

    // Another node leads the set: what its objects have is not known here any more.
    void forget(model::SetId set);

    // 0: none of its own, as far as is known here.
    [[nodiscard]] std::uint32_t of(bool topic, std::string_view name) const;

  private:
    struct Rate {
        std::uint32_t messages_per_s = 0;
        model::SetId set;
    };

    struct Shard {
        mutable ShortLock mutex;
        std::array<std::map<std::string, Rate, std::less<>>, 2> rates;  // queues, topics
    };

    static constexpr std::size_t shards = 16;

    std::array<Shard, shards> shards_;
    std::atomic<std::uint64_t> known_{0};
};

}  // namespace penstock::api
