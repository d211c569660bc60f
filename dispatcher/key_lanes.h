// KeyLanes: one subscription's deliveries by ordering key: of each key one at a time, in order,
// keys beside each other. What has no key is nobody's concern here. Where one fails, what waits
// behind it goes back to the broker, which holds it until the failed one is done. Plain steps;
// owned by a lane of the scheduler, on its thread.
#pragma once

#include "broker/api/dispatch.h"
#include "dispatcher/order_gate.h"

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::dispatcher {

// Keys remembered because a message of theirs failed; beyond it those with nothing under way are
// forgotten. What had been handed out behind a failure has come long before.
inline constexpr std::size_t idle_keys_max = 100'000;

class KeyLanes {
  public:
    enum class Turn : std::uint8_t {
        now,    // it may be tried
        later,  // it was kept: one of its key is under way
        back,   // it must go back: an earlier one of its key failed
    };

    // A delivery came. Turn::later: it was moved from.
    Turn admit(api::Delivery& delivery);

    // One was let go elsewhere, before keys had turns: others of its key may be under way as well.
    void begin(const api::Delivery& delivery);

    // One that was let go is done: the next of its key, if it waits here and no other is under way.
    std::optional<api::Delivery> on_done(const api::Delivery& delivery);

    // One that was let go failed or goes back: what waited behind it, to go back too.
    std::vector<api::Delivery> on_failed(const api::Delivery& delivery);

    // Deliveries kept here.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

    // Nothing is under way, waits or fails, as far as is known here.
    [[nodiscard]] bool calm() const { return lanes_.empty(); }

    // Forgets all; gives the payload bytes of what was kept.
    std::size_t clear();

  private:
    struct Lane {
        std::set<model::Sequence> under_way;  // or may start any time; one, but for begin()
        std::deque<api::Delivery> waiting;
        OrderGate gate;
    };

    using Lanes = std::map<std::string, Lane>;

    void tidy(Lanes::iterator lane);
    void forget_idle();

    Lanes lanes_;  // of keys with something under way, waiting or failing
    std::size_t waiting_ = 0;
};

}  // namespace penstock::dispatcher
