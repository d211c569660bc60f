#include "broker/core/retention.h"

#include "broker/base/bytes.h"
#include "broker/core/delivery.h"
#include "broker/core/gone.h"
#include "broker/core/lanes.h"
#include "broker/core/message_log.h"
#include "broker/core/timers.h"
#include "broker/core/topics.h"
#include "broker/model/format.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::core {

namespace {

// Floors move at most this often per log, so that ages are not chased message by message.
constexpr TimeMs retention_step_ms = 1'000;
// Consumed messages are let go a little later, many at a time.
constexpr TimeMs reclaim_pause_ms = 100;
// Each time the timer is brought forward leaves one behind, until the retention is over.
constexpr TimeMs rewind_end_step_ms = 60'000;

struct Keeping {
    TimeMs retention_ms = 0;
    TimeMs rewind_ms = 0;
    bool queue = false;
};

std::optional<Keeping> keeping_of(Turn& turn, ObjectNo log) {
    if (const QueueConfig* queue = turn.queue(log)) {
        return Keeping{TimeMs{1000} * queue->attributes.retention_s,
                       TimeMs{1000} * queue->attributes.rewind_s,
                       true};
    }
    if (const TopicConfig* topic = turn.topic(log)) {
        return Keeping{TimeMs{1000} * topic->attributes.retention_s, 0, false};
    }
    return {};
}

void arm_at(Turn& turn, ObjectNo log, TimeMs due_ms) {
    turn.head(log).retention_due_ms = due_ms;
    std::string value;
    Writer(value).varint(static_cast<std::uint64_t>(due_ms));
    arm_timer(turn, due_ms, TimerKind::retention, log, 0, std::move(value));
}

// When a run may go: by age, or earlier when it is consumed and outside the rewind window.
TimeMs expiry_of(const Run& run, const Keeping& keeping, bool consumed) {
    const TimeMs kept_ms =
        consumed ? std::min(keeping.rewind_ms, keeping.retention_ms) : keeping.retention_ms;
    return run.time_ms + kept_ms;
}

// Those below the floor that nobody has, in order. What is leased is done with when its lease ends,
// and is not looked at: leases may be many and outlive what they hold for long. What is ready has
// rows of its own; what is parked lies between the cursor, which the floor is about to pass, and
// the floor: no exception is seen there twice.
std::vector<std::pair<Sequence, Exception>> expired_exceptions(Turn& turn, ObjectNo queue) {
    const Sequence floor = turn.head(queue).floor;
    const DeliveryState& state = turn.delivery(queue);
    std::vector<std::pair<Sequence, Exception>> expired;
    std::vector<Sequence> ready;
    if (state.ready > 0 && state.ready_low < floor) {
        turn.scan(keys::ready(queue, state.generation, state.ready_low),
                  keys::ready(queue, state.generation, floor),
                  [&](std::string_view key, std::string_view) {
                      ready.push_back(keys::last_u64(key));
                      return true;
                  });
    }
    for (const Sequence sequence : ready) {
        auto exception = load_exception(turn, queue, state.generation, sequence);
        if (exception) expired.emplace_back(sequence, std::move(*exception));
    }
    if (state.parked == 0) return expired;
    turn.scan(keys::exception(queue, state.generation, state.cursor),
              keys::exception(queue, state.generation, floor),
              [&](std::string_view key, std::string_view value) {
                  auto exception = decode<Exception>(value);
                  if (exception.state == Exception::State::parked) {
                      expired.emplace_back(keys::last_u64(key), std::move(exception));
                  }
                  return true;
              });
    std::sort(expired.begin(), expired.end(), [](const auto& left, const auto& right) {
        return left.first < right.first;
    });
    return expired;
}

// A queue's state after its floor rose over messages nobody consumed.
void skip_expired(Turn& turn, ObjectNo queue) {
    const Sequence floor = turn.head(queue).floor;
    DeliveryState& state = turn.delivery(queue);
    while (state.holes > 0 && state.next < floor) {
        if (is_settled(turn, queue, state, state.next)) --state.holes;
        ++state.next;
    }
    state.next = std::max(state.next, floor);
    const auto expired = expired_exceptions(turn, queue);
    for (const auto& [sequence, exception] : expired) {
        if (exception.state == Exception::State::parked) {
            turn.erase(keys::of_key(queue, state.generation, exception.key, sequence));
            --state.parked;
        } else {
            erase_ready(turn, queue, sequence);
        }
        erase_exception(turn, queue, state.generation, sequence);
    }
    pass_floor(turn, queue, floor, turn.head(queue).end);
    catch_up_next(state);
    for (const auto& [sequence, exception] : expired) {
        if (exception.state == Exception::State::parked) continue;
        leave_lane(turn, queue, *turn.queue(queue), exception.key, sequence);
    }
}

}  // namespace

void arm_retention(Turn& turn, ObjectNo log) {
    if (turn.head(log).retention_due_ms > 0) return;
    const auto keeping = keeping_of(turn, log);
    if (!keeping) return;
    const TimeMs first_ms = keeping->queue && keeping->rewind_ms > 0
                                ? std::min(keeping->rewind_ms, keeping->retention_ms)
                                : keeping->retention_ms;
    arm_at(turn, log, turn.now() + first_ms);
}

// The timer that stands may be that of a message nobody had consumed when it was armed. What is
// consumed now came at the latest now.
void arm_rewind_end(Turn& turn, ObjectNo queue) {
    if (turn.entry().level < model::rewind_end_level) return;
    const auto keeping = keeping_of(turn, queue);
    if (!keeping) return;
    const TimeMs kept_ms = std::min(keeping->rewind_ms, keeping->retention_ms);
    const TimeMs due_ms = turn.now() + std::max(kept_ms, rewind_end_step_ms);
    if (turn.head(queue).retention_due_ms > due_ms) arm_at(turn, queue, due_ms);
}

void rearm_retention(Turn& turn, ObjectNo log) {
    arm_at(turn, log, turn.now());
}

void arm_reclaim(Turn& turn, ObjectNo log) {
    LogHead& head = turn.head(log);
    if (head.reclaim_armed) return;
    head.reclaim_armed = true;
    arm_timer(turn, turn.now() + reclaim_pause_ms, TimerKind::reclaim, log, 0);
}

void retention_due(Turn& turn, ObjectNo log, std::string_view value) {
    LogHead& head = turn.head(log);
    const auto armed = static_cast<TimeMs>(Reader(value).varint());
    const auto keeping = keeping_of(turn, log);
    if (!keeping || armed != head.retention_due_ms) return;
    head.retention_due_ms = 0;
    turn.flush_run(log);
    const Sequence before = head.floor;
    const Sequence cursor = keeping->queue ? turn.delivery(log).cursor : 0;
    TimeMs again_ms = 0;
    scan_runs(turn, log, head.floor, [&](const Run& run) {
        const TimeMs due = expiry_of(run, *keeping, run.last() < cursor);
        again_ms = std::max(due, turn.now() + retention_step_ms);
        if (due > turn.now()) return false;
        if (!turn.budget_left()) {
            again_ms = turn.now();
            return false;
        }
        turn.spend(static_cast<std::uint32_t>(run.ordinals.size()));
        head.floor = run.last() + 1;
        again_ms = 0;
        return true;
    });
    if (head.floor > before) {
        if (keeping->queue)
            skip_expired(turn, log);
        else
            skip_expired_deliveries(turn, log);
        arm_reclaim(turn, log);
    }
    if (again_ms > 0) arm_at(turn, log, again_ms);
}

void reclaim_rows(Turn& turn, ObjectNo log) {
    LogHead& head = turn.head(log);
    head.reclaim_armed = false;
    turn.flush_run(log);
    forget_gone(turn, log);
    std::vector<Run> gone;
    scan_runs(turn, log, head.reclaimed, [&](const Run& run) {
        if (run.last() >= head.floor || !turn.budget_left()) return false;
        turn.spend(static_cast<std::uint32_t>(run.ordinals.size()));
        gone.push_back(run);
        return true;
    });
    for (const Run& run : gone) {
        for (Sequence at = run.first; at <= run.last(); ++at) turn.drop(run.body(at));
        turn.erase(keys::run(log, run.last()));
        head.reclaimed = run.last() + 1;
    }
    if (!gone.empty()) {
        std::vector<std::string> letters;
        turn.scan(keys::dead(log, gone.front().first),
                  keys::dead(log, head.reclaimed),
                  [&](std::string_view key, std::string_view) {
                      letters.emplace_back(key);
                      return true;
                  });
        for (std::string& key : letters) turn.erase(std::move(key));
    }
    if (!turn.budget_left()) {
        head.reclaim_armed = true;
        arm_timer(turn, turn.now(), TimerKind::reclaim, log, 0);
    } else if (!keeping_of(turn, log)) {
        turn.forget(log);  // the object is gone, and now the last of its rows
    }
}

void hide_log(Turn& turn, ObjectNo log) {
    turn.flush_run(log);
    LogHead& head = turn.head(log);
    head.floor = head.end;
    ++head.clears;
    head.delayed = 0;
    turn.erase_range(keys::prefix('y', log), keys::prefix_end('y', log));
    arm_reclaim(turn, log);
}

}  // namespace penstock::core
