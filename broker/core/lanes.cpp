#include "broker/core/lanes.h"

#include "broker/base/planted.h"
#include "broker/core/delivery.h"
#include "broker/core/key_order.h"
#include "broker/core/message_log.h"
#include "broker/core/time_to_live.h"

#include <utility>

namespace penstock::core {

namespace {

// Of messages without a key. One whose hash is this only waits for them.
constexpr std::uint32_t keyless_lane = 0xFFFF'FFFF;

}  // namespace

std::uint64_t receivable_count(const LogHead& head, const DeliveryState& state) {
    if (state.parked >= parked_per_queue_max) return state.ready;
    return fresh_count(head, state) + state.ready;
}

std::uint32_t lane_of(const QueueConfig& config, std::uint32_t key) {
    if (!config.attributes.ordered) return 0;
    return key == 0 ? keyless_lane : key;
}

bool must_wait(Turn& turn, ObjectNo queue, std::uint32_t lane, Sequence sequence) {
    if (planted(K37)) return false;
    return lane != 0 && earlier_of_key(turn, queue, turn.delivery(queue), lane, sequence);
}

void park(Turn& turn, ObjectNo queue, Sequence sequence, Exception exception) {
    DeliveryState& state = turn.delivery(queue);
    exception.state = Exception::State::parked;
    put_exception(turn, queue, state.generation, sequence, exception);
    ++state.parked;
}

void come_back(Turn& turn, ObjectNo queue, Sequence sequence, Exception exception) {
    if (must_wait(turn, queue, exception.key, sequence)) {
        return park(turn, queue, sequence, std::move(exception));
    }
    exception.state = Exception::State::ready;
    put_exception(turn, queue, turn.delivery(queue).generation, sequence, exception);
    put_ready(turn, queue, sequence);
    turn.visible(queue);
}

void leave_lane(
    Turn& turn, ObjectNo queue, const QueueConfig& config, std::uint32_t lane, Sequence sequence) {
    if (lane == 0 || pass_key(turn, queue, lane, sequence) != Exception::State::parked) return;
    --turn.delivery(queue).parked;
    turn.visible(queue);
    // While it was parked its age was not looked at.
    arm_time_to_live(turn, queue, config, 0);
}

}  // namespace penstock::core
