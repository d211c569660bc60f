#include "broker/core/timers.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/core/delays.h"
#include "broker/core/jobs.h"
#include "broker/core/kv.h"
#include "broker/core/leases.h"
#include "broker/core/outbox.h"
#include "broker/core/retention.h"
#include "broker/core/settle.h"
#include "broker/core/time_to_live.h"
#include "broker/core/topics.h"
#include "broker/core/track.h"
#include "broker/core/transactions.h"

namespace penstock::core {

namespace {

struct Timer {
    std::string key;
    TimeMs due_ms = 0;
    TimerKind kind = TimerKind::lease;
    ObjectNo object;
    std::uint64_t unique = 0;
    std::string value;
};

Timer parse(std::string_view key, std::string_view value) {
    Timer timer;
    timer.key = std::string(key);
    Reader reader(key.substr(1));
    timer.due_ms = static_cast<TimeMs>(reader.key_u64());
    timer.kind = static_cast<TimerKind>(reader.u8());
    timer.object = ObjectNo{reader.key_u32()};
    timer.unique = reader.key_u64();
    check(reader.done(), "a timer's key is malformed");
    timer.value = std::string(value);
    return timer;
}

void fire(Turn& turn, const Timer& timer) {
    switch (timer.kind) {
        case TimerKind::lease:
            return leases_expired(turn, timer.object, timer.value);
        case TimerKind::retry:
            return retry_due(turn, timer.object, timer.value);
        case TimerKind::delayed:
            return delay_over(turn, timer.object, timer.value);
        case TimerKind::retention:
            return retention_due(turn, timer.object, timer.value);
        case TimerKind::reclaim:
            return reclaim_rows(turn, timer.object);
        case TimerKind::time_to_live:
            return time_to_live_due(turn, timer.object, timer.value);
        case TimerKind::dedup:
            return dedup_expired(turn, timer.object, timer.value);
        case TimerKind::track:
            return expire_track(turn);
        case TimerKind::job:
            return continue_job(turn, timer.object, timer.value);
        case TimerKind::cleanup:
            return clean_up_subscription(turn, timer.object, timer.value);
        case TimerKind::kv_expiry:
            return kv_expired(turn, timer.object, timer.value, timer.due_ms);
        case TimerKind::parked:
            return parked_due(turn, timer.object, timer.unique);
        case TimerKind::transaction:
            return transaction_due(turn, timer.object, MessageId(timer.unique), timer.due_ms);
    }
    check(false, "a timer of unknown kind");
}

}  // namespace

void arm_timer(Turn& turn,
               TimeMs due_ms,
               TimerKind kind,
               ObjectNo object,
               std::uint64_t unique,
               std::string value) {
    turn.arm(due_ms, static_cast<std::uint8_t>(kind), object, unique, std::move(value));
}

bool fire_due_timers(Turn& turn) {
    const std::string end = keys::timers_from(turn.now() + 1);
    std::vector<Timer> due;
    turn.scan(keys::timers_from(turn.globals().fired_ms),
              end,
              [&](std::string_view key, std::string_view value) {
                  due.push_back(parse(key, value));
                  return due.size() < Turn::job_items_per_entry_max;
              });
    for (const Timer& timer : due) {
        if (!turn.budget_left()) return true;
        turn.erase(timer.key);
        turn.globals().fired_ms = timer.due_ms;
        turn.spend(1);
        fire(turn, timer);
    }
    // Timers armed by the handlers above may be due at once: they wait for the next Tick.
    bool left = false;
    turn.scan(keys::timers_from(turn.globals().fired_ms), end, [&](auto, auto) {
        left = true;
        return false;
    });
    return left;
}

std::optional<TimeMs> first_timer_due(const model::Rows& rows, TimeMs from) {
    std::optional<TimeMs> due;
    rows.scan(keys::timers_from(from), "x", [&](std::string_view key, std::string_view) {
        due = static_cast<TimeMs>(Reader(key.substr(1)).key_u64());
        return false;
    });
    return due;
}

}  // namespace penstock::core
