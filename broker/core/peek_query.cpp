#include "broker/core/peek_query.h"

#include "broker/core/delivery.h"
#include "broker/core/message_log.h"
#include "broker/core/transaction_query.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::core {

namespace {

// A page never looks at more than this.
constexpr std::uint32_t peek_rows_max = 4'096;

PeekedMessage from_run(const Run& run, Sequence sequence) {
    PeekedMessage found;
    found.position = sequence;
    found.message = run.id(sequence);
    found.body = run.body(sequence);
    found.sent_ms = run.sent_ms > 0 ? run.sent_ms : run.time_ms;
    return found;
}

// Walks a log from `first` to before `end`; `take` says whether the message is meant and may add to
// it.
template <class Take>
PeekPage walk(const Rows& rows,
              ObjectNo log,
              Sequence first,
              Sequence end,
              std::uint32_t limit,
              const Take& take) {
    PeekPage page;
    std::uint32_t looked_at = 0;
    Sequence at = first;
    scan_runs(rows, log, at, [&](const Run& run) {
        for (at = std::max(at, run.first); at <= run.last(); ++at) {
            if (at >= end) return false;
            if (page.items.size() == limit || ++looked_at > peek_rows_max) {
                page.next = at;
                return false;
            }
            PeekedMessage message = from_run(run, at);
            if (take(message)) page.items.push_back(std::move(message));
        }
        return true;
    });
    return page;
}

PeekPage visible(const Rows& rows, QueueNo queue, Sequence first, std::uint32_t limit) {
    const auto head = load_or_default<LogHead>(rows, keys::head(queue));
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(queue));
    BlockReader settled(rows, BlockReader::Kind::settled, queue, state.generation);
    const auto take = [&](PeekedMessage& message) {
        const Sequence sequence = message.position;
        if (state.settled_above > 0 && settled.has(sequence)) return false;
        if (sequence >= state.next) return true;
        const auto bytes = rows.get(keys::exception(queue, state.generation, sequence));
        if (!bytes) return false;
        const auto exception = decode<Exception>(*bytes);
        message.receives = exception.count;
        return is_visible(exception);
    };
    const Sequence from = std::max({first, state.cursor, head.floor});
    return walk(rows, queue, from, head.end, limit, take);
}

PeekPage deleted(const Rows& rows, QueueNo queue, Sequence first, std::uint32_t limit) {
    const auto head = load_or_default<LogHead>(rows, keys::head(queue));
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(queue));
    BlockReader settled(rows, BlockReader::Kind::settled, queue, state.generation);
    const auto take = [&](PeekedMessage& message) {
        if (message.position < state.cursor) return true;
        return state.settled_above > 0 && settled.has(message.position);
    };
    // Above the cursor something is deleted only while something is settled there.
    const Sequence end = state.settled_above > 0 ? head.end : std::min(state.cursor, head.end);
    return walk(rows, queue, std::max(first, head.floor), end, limit, take);
}

PeekPage in_flight(const Rows& rows, QueueNo queue, Sequence first, std::uint32_t limit) {
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(queue));
    PeekPage page;
    std::uint32_t looked_at = 0;
    rows.scan(keys::exception(queue, state.generation, first),
              keys::exception(queue, state.generation, sequence_end),
              [&](std::string_view key, std::string_view value) {
                  const Sequence sequence = keys::last_u64(key);
                  if (page.items.size() == limit || ++looked_at > peek_rows_max) {
                      page.next = sequence;
                      return false;
                  }
                  const auto exception = decode<Exception>(value);
                  if (is_visible(exception)) return true;
                  const auto run = run_at(rows, queue, sequence);
                  if (!run) return true;
                  PeekedMessage message = from_run(*run, sequence);
                  message.receives = exception.count;
                  message.due_ms = exception.due_ms;
                  message.moving = exception.state == Exception::State::moving;
                  page.items.push_back(std::move(message));
                  return true;
              });
    return page;
}

PeekPage delayed(const Rows& rows, ObjectNo object, std::uint64_t first, std::uint32_t limit) {
    PeekPage page;
    rows.scan(keys::delayed(object, MessageId{first}),
              keys::prefix_end('y', object),
              [&](std::string_view key, std::string_view value) {
                  const std::uint64_t id = keys::last_u64(key);
                  if (page.items.size() == limit) {
                      page.next = id;
                      return false;
                  }
                  const auto row = decode<DelayedRow>(value);
                  PeekedMessage message;
                  message.position = id;
                  message.message = MessageId{id};
                  message.body = row.body;
                  message.sent_ms = row.sent_ms;
                  message.due_ms = row.due_ms;
                  page.items.push_back(std::move(message));
                  return true;
              });
    return page;
}

PeekPage retained(const Rows& rows, ObjectNo topic, Sequence first, std::uint32_t limit) {
    const auto head = load_or_default<LogHead>(rows, keys::head(topic));
    const auto all = [](const PeekedMessage&) {
        return true;
    };
    return walk(rows, topic, std::max(first, head.floor), head.end, limit, all);
}

}  // namespace

PeekPage peek_messages(
    const Rows& rows, ObjectNo object, PeekState state, std::uint64_t first, std::uint32_t limit) {
    switch (state) {
        case PeekState::visible:
            return visible(rows, object, first, limit);
        case PeekState::in_flight:
            return in_flight(rows, object, first, limit);
        case PeekState::delayed:
            return delayed(rows, object, first, limit);
        case PeekState::deleted:
            return deleted(rows, object, first, limit);
        case PeekState::retained:
            return retained(rows, object, first, limit);
        case PeekState::prepared:
            return prepared_messages(rows, object, first, limit);
    }
    return {};
}

std::uint64_t position_at(const Rows& rows, ObjectNo log, TimeMs time_ms) {
    const auto head = load_or_default<LogHead>(rows, keys::head(log));
    return first_at_or_after(rows, log, head.floor, head.end, time_ms);
}

}  // namespace penstock::core
