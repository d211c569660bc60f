#include "broker/core/delays.h"

#include "broker/base/bytes.h"
#include "broker/core/key_order.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/timers.h"
#include "broker/core/topics.h"

#include <algorithm>

namespace penstock::core {

std::optional<model::Refusal> check_delay(Turn& turn,
                                          ObjectNo object,
                                          const std::string& name,
                                          std::uint32_t count,
                                          std::uint64_t delay_ms) {
    if (delay_ms == 0 || turn.head(object).delayed + count <= delayed_per_object_max) return {};
    return refuse(
        model::Reason::too_many_delayed,
        name,
        "at most " + std::to_string(delayed_per_object_max) + " delayed messages are held here");
}

void delay_message(Turn& turn,
                   ObjectNo object,
                   const MessageRef& message,
                   const model::MessageMeta& meta,
                   std::uint64_t delay_ms) {
    turn.hold(message.body);
    ++turn.head(object).delayed;
    DelayedRow row;
    row.sent_ms = turn.now();
    row.due_ms = turn.now() + static_cast<TimeMs>(delay_ms);
    row.body = message.body;
    row.tags = meta.tags;
    row.routing_key = meta.routing_key;
    row.ordering_key = meta.ordering_key;
    turn.put(keys::delayed(object, message.id), encode(row));
}

namespace {

// Ids have a zero top bit: a timer of a moved message never meets that of its send.
constexpr std::uint64_t moved_timer = std::uint64_t{1} << 63;

void put_timer(Turn& turn,
               ObjectNo object,
               const MessageRef& first,
               std::uint32_t count,
               TimeMs due_ms,
               std::uint64_t unique) {
    std::string value;
    Writer writer(value);
    writer.varint(turn.head(object).clears);
    writer.varint(count);
    writer.varint(first.id.value);
    if (first.body != first.id) writer.varint(first.body.value);
    arm_timer(turn, due_ms, TimerKind::delayed, object, unique, std::move(value));
}

}  // namespace

void arm_delay(Turn& turn,
               ObjectNo object,
               const MessageRef& first,
               std::uint32_t count,
               std::uint64_t delay_ms) {
    const TimeMs due_ms = turn.now() + static_cast<TimeMs>(delay_ms);
    put_timer(turn, object, first, count, due_ms, first.id.value);
}

namespace {

// The delayed message joins its queue or topic; false when there is none of either.
bool make_visible(Turn& turn, ObjectNo object, const MessageRef& message, const DelayedRow& row) {
    if (const QueueConfig* queue = turn.queue(object)) {
        const MessageRef keyed{message.id, message.body, hash_of_key(row.ordering_key)};
        append_to_queue(turn, object, *queue, keyed, row.sent_ms);
        return true;
    }
    if (turn.topic(object) == nullptr) return false;
    model::MessageMeta meta;
    meta.tags = row.tags;
    meta.routing_key = row.routing_key;
    meta.ordering_key = row.ordering_key;
    publish_message(turn, object, message, meta);
    return true;
}

}  // namespace

void delay_over(Turn& turn, ObjectNo object, std::string_view value) {
    Reader reader(value);
    const auto clears = static_cast<std::uint32_t>(reader.varint());
    const auto count = static_cast<std::uint32_t>(reader.varint());
    const MessageId first{reader.varint()};
    const MessageId body = reader.left() > 0 ? MessageId{reader.varint()} : first;
    for (std::uint32_t at = 0; at < count; ++at) {
        const MessageRef message{MessageId{first.set(), first.index(), first.ordinal() + at},
                                 MessageId{body.set(), body.index(), body.ordinal() + at}};
        const std::string key = keys::delayed(object, message.id);
        const auto row = turn.load<DelayedRow>(key);
        turn.spend(1);
        // Taken back, or moved: another timer stands for it, and holds the body too.
        const bool is_due = row && row->due_ms <= turn.now();
        if (is_due && clears == turn.head(object).clears &&
            make_visible(turn, object, message, *row)) {
            --turn.head(object).delayed;
        }
        if (is_due) turn.erase(key);
        turn.drop(message.body);  // the log holds it now, another timer, or nobody
    }
}

model::Reply change_delayed(Turn& turn, const model::ChangeDelayed& command) {
    const std::string key = keys::delayed(command.object, command.message);
    auto row = turn.load<DelayedRow>(key);
    if (!row) {
        return refuse(model::Reason::message_not_found,
                      model::to_text(command.message),
                      "it is not, or no longer, delayed here");
    }
    if (command.cancel) {
        turn.erase(key);
        --turn.head(command.object).delayed;
        return model::Done{};
    }
    row->due_ms = std::max(command.due_ms, turn.now());
    turn.put(key, encode(*row));
    // Moved to the same time before: that timer stands.
    const std::uint64_t unique = moved_timer | command.message.value;
    const auto kind = static_cast<std::uint8_t>(TimerKind::delayed);
    if (turn.get(keys::timer(row->due_ms, kind, command.object, unique))) return model::Done{};
    turn.hold(row->body);
    const MessageRef message{command.message, row->body};
    put_timer(turn, command.object, message, 1, row->due_ms, unique);
    return model::Done{};
}

std::optional<model::Sent> repeated_send(const Turn& turn,
                                         ObjectNo object,
                                         const std::string& key) {
    if (key.empty()) return {};
    const auto row = turn.load<DedupRow>(keys::dedup(object, key));
    if (!row || row->expires_ms <= turn.now()) return {};
    model::Sent sent;
    sent.repeated = true;
    for (std::uint32_t at = 0; at < row->count; ++at) {
        sent.ids.emplace_back(row->first.set(), row->first.index(), row->first.ordinal() + at);
    }
    return sent;
}

void remember_send(Turn& turn, ObjectNo object, const std::string& key, const model::Sent& sent) {
    if (key.empty() || sent.ids.empty()) return;
    DedupRow row;
    row.first = sent.ids.front();
    row.count = static_cast<std::uint32_t>(sent.ids.size());
    row.expires_ms = turn.now() + dedup_window_ms;
    turn.put(keys::dedup(object, key), encode(row));
    arm_timer(turn, row.expires_ms, TimerKind::dedup, object, row.first.value, key);
}

void dedup_expired(Turn& turn, ObjectNo object, std::string_view key) {
    const auto row = turn.load<DedupRow>(keys::dedup(object, key));
    if (row && row->expires_ms <= turn.now()) turn.erase(keys::dedup(object, key));
}

}  // namespace penstock::core
