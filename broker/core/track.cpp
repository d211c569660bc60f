#include "broker/core/track.h"

#include "broker/core/queue_messages.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

namespace {

// The oldest entries go once a second at most, many at a time.
constexpr TimeMs track_step_ms = 1'000;

void arm_track(Turn& turn, TimeMs due_ms) {
    turn.globals().track_armed = true;
    arm_timer(turn, due_ms, TimerKind::track, ObjectNo{}, 0);
}

void add_to_expiry(Turn& turn, const model::Settle& command, std::uint64_t bytes) {
    const std::string key = keys::track_expiry(turn.entry().index);
    TrackExpiry expiry = turn.load<TrackExpiry>(key).value_or(TrackExpiry{});
    expiry.time_ms = turn.now();
    expiry.bytes += bytes;
    expiry.items.push_back({command.subscription, command.attempts_ordinal});
    turn.put(key, encode(expiry));
}

}  // namespace

void track_attempts(Turn& turn, const model::Settle& command, std::vector<AmendedAttempt> amended) {
    if (command.attempts_ordinal == model::no_ordinal || command.items.empty()) return;
    const auto by_sequence = [](const auto& left, const auto& right) {
        return left.sequence < right.sequence;
    };
    const auto [low, high] =
        std::minmax_element(command.items.begin(), command.items.end(), by_sequence);
    TrackRow row;
    row.attempts = own_message(turn, command.attempts_ordinal);
    row.time_ms = turn.now();
    row.first = low->sequence;
    row.last = high->sequence;
    row.count = static_cast<std::uint32_t>(command.items.size());
    row.failed = command.attempts_failed + static_cast<std::uint32_t>(amended.size());
    std::uint64_t bytes = turn.entry().bodies.at(command.attempts_ordinal).payload_bytes;
    for (const AmendedAttempt& one : amended) bytes += sizeof(one.sequence) + one.excerpt.size();
    row.amended = std::move(amended);
    turn.hold(row.attempts);
    turn.put(keys::track(command.subscription, row.attempts), encode(row));
    add_to_expiry(turn, command, bytes);
    Globals& globals = turn.globals();
    globals.track_bytes += bytes;
    if (globals.track_bytes > globals.track_bytes_max) {
        arm_track(turn, turn.now());
    } else if (!globals.track_armed) {
        arm_track(turn, turn.now() + TimeMs{1000} * globals.track_retention_s);
    }
}

void expire_track(Turn& turn) {
    Globals& globals = turn.globals();
    const TimeMs kept_ms = TimeMs{1000} * globals.track_retention_s;
    std::vector<std::pair<LogIndex, TrackExpiry>> old;
    std::optional<TimeMs> next_ms;
    std::uint64_t bytes = globals.track_bytes;
    turn.scan(keys::track_expiry(globals.track_low),
              "f",
              [&](std::string_view key, std::string_view value) {
                  auto expiry = decode<TrackExpiry>(value);
                  const bool over = bytes > globals.track_bytes_max;
                  if (!over && expiry.time_ms + kept_ms > turn.now()) {
                      next_ms = std::max(expiry.time_ms + kept_ms, turn.now() + track_step_ms);
                      return false;
                  }
                  bytes -= std::min(bytes, expiry.bytes);
                  turn.spend(static_cast<std::uint32_t>(expiry.items.size()));
                  old.emplace_back(keys::last_u64(key), std::move(expiry));
                  if (!turn.budget_left()) next_ms = turn.now();
                  return turn.budget_left();
              });
    globals.track_bytes = bytes;
    for (const auto& [index, expiry] : old) {
        for (const TrackExpiry::Item& item : expiry.items) {
            const MessageId attempts{turn.entry().set, index, item.ordinal};
            turn.erase(keys::track(item.subscription, attempts));
            turn.drop(attempts);
        }
        turn.erase(keys::track_expiry(index));
        globals.track_low = index + 1;
    }
    globals.track_armed = false;
    if (next_ms) arm_track(turn, *next_ms);
}

}  // namespace penstock::core
